"""Documents of other tools and products that lie beside Hedgehog's objects, as in repositories of Flux and Argo CD. Pure.

They are left alone: what they say is neither stored nor applied. A kustomization that changes objects, or that adds some
from elsewhere, cannot be followed, because the files of a directory are read as they are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.shown import shown
from hedgehog.manifests import intake
from hedgehog.manifests.intake import Item

_KUSTOMIZE = "kustomize.config.k8s.io"
_KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml")
_FLUX_GROUPS = ".toolkit.fluxcd.io"
"""How the API groups of all of Flux's controllers end."""
_ARGO_GROUP = "argoproj.io"
_HEDGEHOG_GROUPS = "githedgehog.com"
_KUBERNETES_GROUPS = ".k8s.io"
_CHANGES_NOTHING = frozenset({"apiVersion", "kind", "metadata", "resources", "sortOptions", "buildMetadata"})


def tool_of(manifest: Manifest) -> str | None:
    """Whose document *manifest* is that is left alone: a tool, or another product by its API group.

    None for what may be meant for a fabric: an object of Hedgehog or with a similar kind, one that does not say what it
    is, and one whose content is not known, such as an encrypted one.
    """
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str) or intake.is_opaque(manifest):
        return None
    group = version.rpartition("/")[0]
    if group.endswith(_FLUX_GROUPS):
        return "Flux"
    if group == _ARGO_GROUP:
        return "Argo CD"
    if (version, kind) == ("v1", "Namespace"):  # it resembles two kinds of Hedgehog
        return "Kubernetes"
    if (
        not version
        or group == _KUSTOMIZE
        or kind in KINDS
        or group.endswith(_HEDGEHOG_GROUPS)
        or intake.is_hedgehog_name(kind)
    ):
        return None
    return "Kubernetes" if not group or "." not in group or group.endswith(_KUBERNETES_GROUPS) else group


def is_kustomization(item: Item, path: str) -> bool:
    """Whether *item* of the file *path* is what Kustomize reads; such a file may leave out what it is."""
    manifest = item.manifest
    if intake.is_opaque(manifest):
        return False
    if str(manifest.get("apiVersion")).startswith(f"{_KUSTOMIZE}/"):
        return True
    is_bare = "kind" not in manifest and "apiVersion" not in manifest
    return is_bare and path.rpartition("/")[2] in _KUSTOMIZATION_FILES


def kustomization_problems(item: Item, path: str, *, directory: str, namespace: str) -> list[str]:
    """Why the kustomization of the file *path* cannot be followed, a line each with its place; see `kustomization_faults`."""
    found = kustomization_faults(item.manifest, path, directory=directory, namespace=namespace)
    return [f"{item.place()}: {one}" for one in found]


def kustomization_faults(manifest: Manifest, path: str, *, directory: str | None, namespace: str) -> list[str]:
    """Why a kustomization in the file *path* cannot be followed; nothing for one that only lists files.

    *directory* is what is read of the repository (None: not known), and *namespace* that of the fabric's objects.
    """
    if manifest.get("kind", "Kustomization") != "Kustomization":
        return [f"{shown(manifest.get('kind'))} of Kustomize cannot be followed; write out what it makes"]
    harmless = _CHANGES_NOTHING | ({"namespace"} if manifest.get("namespace") == namespace else set())
    changing = sorted(str(key) for key, value in manifest.items() if key not in harmless and value)
    problems = []
    if changing:
        problems.append(
            f"this kustomization cannot be followed, because it has {', '.join(changing)}: the files of the directory are "
            "read as they are. Write out what it makes, or remove these fields"
        )
    problems += [
        f"this kustomization names {shown(one)}, which is not read: it lies outside {directory or 'the repository'}. "
        "Move it there, or import it as a fabric of its own"
        for one in (_elsewhere(manifest.get("resources"), path, directory) if directory is not None else ())
    ]
    return problems


def _elsewhere(resources: Any, path: str, directory: str) -> Iterator[str]:
    """The *resources* of the kustomization in *path* that are not below *directory*."""
    for one in resources if isinstance(resources, list) else []:
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), str(one)))
        inside = f"{place}/".startswith(f"{directory}/") if directory else not place.startswith("../")
        if not inside or "://" in str(one) or str(one).startswith(("git@", "github.com/")):
            yield str(one)
