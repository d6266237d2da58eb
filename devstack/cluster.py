"""A Kubernetes API server on this machine (see devcluster/), with Hedgehog's kinds and, on wish, restricted users."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hedgehog.fabric.kinds import KINDS, Kind
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.crds import render_all
from hedgehog.kube.fabric_crd import apply_crd, wait_until_served
from hedgehog.kube.resources import collection_path

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "include" / "schemas"
KUBECONFIG_VARIABLE = "HEDGEHOG_TEST_KUBECONFIG"
"""Names the kubeconfig of a cluster to use instead of starting one. The tests may delete its objects."""

RBAC = "/apis/rbac.authorization.k8s.io/v1"
Rule = Mapping[str, Sequence[str]]


def build(program: str = "devcluster") -> Path:
    """The binary of devcluster (or of kubectl of the same version), built if need be; the first build takes minutes."""
    script = ROOT / "devcluster" / "build.sh"
    done = subprocess.run([str(script), program], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def is_built(program: str) -> bool:
    """Whether the cache has a build of *program*. It may be of other sources: then `build` makes another one."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("HEDGEHOG_CACHE") or Path(base) / "hedgehog")
    return any((cache / "devcluster").glob(f"*/{program}"))


class DevCluster:
    """The cluster whose data lie in *directory*; a later start finds the same objects.

    With HEDGEHOG_TEST_KUBECONFIG set it is that cluster instead: start and stop leave it alone.
    """

    def __init__(self, directory: Path, *, kubeconfig: Path | None = None) -> None:
        self.directory = directory
        self.foreign = kubeconfig
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    def of_environment(cls, directory: Path) -> DevCluster:
        """The cluster that the environment names, or one of our own."""
        named = os.environ.get(KUBECONFIG_VARIABLE)
        return cls(directory, kubeconfig=Path(named) if named else None)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; complete once the cluster has started."""
        return self.foreign or self.directory / "kubeconfig"

    @property
    def pid(self) -> int:
        """The process that holds etcd and the API server. Raises RuntimeError when this object runs none."""
        if self._process is None:
            raise RuntimeError("this cluster is not run by us")
        return self._process.pid

    def start(self) -> Path:
        """Start the cluster, wait until it answers and return the administrator's kubeconfig."""
        if self.foreign is None and self._process is None:
            binary = build()
            self.directory.mkdir(parents=True, exist_ok=True)
            command = [str(binary), "start", "--dir", str(self.directory)]
            # It shares the machine with all that it serves: let it spend memory, not processor time, on garbage.
            environment = {"GOGC": "300", **os.environ}
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
            )
            assert self._process.stdout is not None
            if not self._process.stdout.readline().strip():
                code, self._process = self._process.wait(), None
                raise RuntimeError(f"devcluster ended with status {code}; see {self.directory / 'log'}")
        return self.kubeconfig

    def stop(self) -> None:
        """Stop the cluster if this object started it; its data stay."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(timeout=60)
            if process.stdout is not None:
                process.stdout.close()

    def connect(self, kubeconfig: Path | None = None, *, name: str = "devcluster") -> Cluster:
        """A client, the administrator's unless another kubeconfig is given."""
        return Cluster.from_kubeconfig(kubeconfig or self.kubeconfig, name=name)

    def install_crds(self, *, without: Sequence[str] = ()) -> None:
        """Install the CRDs of all Hedgehog kinds but those in *without*, and wait until they are served.

        The product's own Fabric is left out: the product brings it itself.
        """
        cluster = self.connect()
        crds = [crd for crd in render_all(SCHEMAS) if crd["spec"]["names"]["kind"] not in {"Fabric", *without}]
        for crd in crds:
            apply_crd(cluster, crd)
        for crd in crds:
            wait_until_served(cluster, _kind(crd))
        cluster.close()

    def apply_as(self, manager: str, manifest: Manifest) -> None:
        """Write an object of one of our kinds as the field manager *manager*, which takes its fields from others."""
        ref = ObjectRef.of(manifest)
        cluster = self.connect()
        try:
            cluster.call(
                "APPLY",
                "PATCH",
                f"{collection_path(KINDS[ref.kind], ref.namespace)}/{ref.name}",
                subject=f"the write of {manager}",
                query={"fieldManager": manager, "force": "true"},
                body=manifest,
                content_type="application/apply-patch+yaml",
            )
        finally:
            cluster.close()

    def user(self, name: str, rules: Sequence[Rule]) -> Path:
        """The kubeconfig of a new user who may do what *rules* (of a ClusterRole) say, in all namespaces."""
        if self.foreign is not None:
            raise RuntimeError(f"users can be made on our own clusters only; unset {KUBECONFIG_VARIABLE}")
        path = self.directory / f"{name}.kubeconfig"
        command = [str(build()), "user", "--dir", str(self.directory), "--name", name, "--out", str(path)]
        subprocess.run(command, check=True)
        cluster = self.connect()
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }
        for plural, body in (
            ("clusterroles", role | {"rules": [dict(rule) for rule in rules]}),
            ("clusterrolebindings", binding),
        ):
            cluster.call("POST", "POST", f"{RBAC}/{plural}", subject=f"{plural}/{name}", body=body)
        cluster.close()
        return path


def _kind(crd: dict[str, Any]) -> Kind:
    spec = crd["spec"]
    kind, version = spec["names"]["kind"], spec["versions"][0]["name"]
    return KINDS.get(kind) or Kind(kind, spec["group"], version, spec["names"]["plural"], 0)
