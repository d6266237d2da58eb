"""A fabric that others keep in Git, as Flux and Argo CD users do, is taken over with its files as they are."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Action
from hedgehog.fabric.origin import Origin, Via
from hedgehog.services.steer.git_change import GitAccess
from hedgehog.services.steer.git_edits import edit_in_git
from hedgehog.services.transfer.from_git import GitImport, GitSource, import_from_git
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.services.pull_requests.validate_lab import FILES, Lab, key, lab, text, vpc

__all__ = ["key", "lab"]

ANNA = Origin(who="Anna <anna@example.com>", via=Via.CLI, why="CHG-7")
PROD = "clusters/prod"
FLUX = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: net, namespace: flux-system}
spec: {url: "https://git.example.com/net", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: net, namespace: flux-system}
spec: {path: ./clusters/prod, prune: true}
---
apiVersion: v1
kind: Namespace
metadata: {name: tenants}
"""
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
PATCHED = KUSTOMIZATION + "  - ../elsewhere\nnamePrefix: prod-\n"


def tenant(number: int) -> str:
    """A VPC as a person writes it."""
    return f"""\
# Tenant {number}: ask its owner before changing anything.
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {{name: tenant-{number}}}
spec:
    subnets:
        default: {{subnet: "10.0.{number}.0/24",   vlan: {1000 + number}}}   # as in the contract
"""


def flux_files() -> dict[str, str]:
    """60 files below clusters/prod: 57 with a VPC, one of these with 3, two with namespaces, and what Flux needs."""
    files = {f"{PROD}/tenants/Tenant No. {number} (old).yml": tenant(number) for number in range(1, 57)}
    files[f"{PROD}/tenants/more.of.them.yaml"] = "---\n".join(tenant(number) for number in (57, 58, 59))
    files[f"{PROD}/00-namespaces.yaml"] = FILES["fabrics/lab/namespaces.yaml"]
    files[f"{PROD}/flux-system.yaml"] = FLUX
    listed = "".join(f"  - {path.removeprefix(PROD + '/')!r}\n" for path in sorted(files))
    files[f"{PROD}/kustomization.yaml"] = KUSTOMIZATION + listed
    assert len(files) == 60
    return files


def take_over(lab: Lab, name: str = "prod", directory: str = PROD, **options: Any) -> GitImport:
    """Take a directory over."""
    source = GitSource(lab.git.url("acme/net"), directory)
    return import_from_git(lab.database, name, source, **{"origin": ANNA, "open_mirror": lab.open_mirror, **options})


def names(lab: Lab) -> list[str]:
    """The names of all fabrics."""
    return [one.name for one in fabrics.load_fabrics(lab.database)]


def in_git(lab: Lab, *arguments: str) -> str:
    """What git says at the host."""
    git = ["git", f"--git-dir={lab.git.path('acme/net')}", *arguments]
    return subprocess.run(git, capture_output=True, check=True, text=True).stdout


def test_a_repository_of_flux_is_taken_over_and_an_edit_changes_one_line(lab: Lab) -> None:
    """60 files with comments, several objects in one, and odd names."""
    lab.main.commit(flux_files(), "Ours for years")
    dry = take_over(lab, dry_run=True)
    assert (dry.problems, dry.fabric_action, names(lab)) == ([], Action.CREATED, ["lab"])
    done = take_over(lab)
    assert (done.repository, done.repository_action, done.problems) == ("net", Action.UNCHANGED, [])
    assert (done.counts, dry.counts) == ({"IPv4Namespace": 1, "VLANNamespace": 1, "VPC": 59}, done.counts)
    assert [line.rpartition(": ")[2] for line in done.notes] == [
        "it is a document of Flux",
        "it is a document of Flux",
        "it is a document of Kubernetes",
        "Kustomization only lists files; all files of the directory are read",
    ]
    row = fabrics.load_fabric(lab.database, "prod")
    stored = {one.ref.name: one for one in object_store.load_objects(lab.database, [row.id])[row.id]}
    assert len(stored) == 60  # both namespaces have the name default
    edit_in_git(
        lab.database,
        "prod",
        text(vpc("tenant-58", "10.0.58.0/24", 1158)),
        digest=stored["tenant-58"].digest,
        origin=ANNA,
        git=GitAccess(lab.open_mirror, lab.open_host, datetime.now(UTC)),
    )
    assert in_git(lab, "diff", "--numstat", "-z", "main~1", "main") == f"1\t1\t{PROD}/tenants/more.of.them.yaml\0"
    again = take_over(lab)
    assert (again.fabric_action, again.repository_action, again.counts) == (
        Action.UNCHANGED,
        Action.UNCHANGED,
        done.counts,
    )


def test_a_kustomization_that_changes_objects_is_a_problem(lab: Lab) -> None:
    """The objects would not be what the files say; nothing is guessed."""
    files = flux_files()
    lab.main.commit({**files, f"{PROD}/kustomization.yaml": PATCHED}, "An overlay")
    done = take_over(lab)
    changing, elsewhere = done.problems
    assert "cannot be followed, because it has namePrefix" in changing
    assert "names '../elsewhere', which is not read: it lies outside clusters/prod" in elsewhere
    assert done.counts["VPC"] == 59


def test_an_object_that_went_into_a_document_of_flux_is_not_deleted(lab: Lab) -> None:
    """What is not understood is never a reason to delete."""
    lab.main.commit(flux_files(), "Begin")
    take_over(lab)
    release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: tenants}\nspec:\n  values:\n"
    moved = "    - kind: VPC\n      name: tenant-7\n"
    gone = {f"{PROD}/tenants/Tenant No. 7 (old).yml": None, f"{PROD}/tenants/Tenant No. 8 (old).yml": None}
    lab.main.commit({**gone, f"{PROD}/release.yaml": release + moved}, "Move one")
    done = take_over(lab)
    assert done.counts["VPC"] == 58
    assert [line.partition(" VPC")[0] for line in done.problems] == [f"{PROD}/tenants/Tenant No. 7 (old).yml:"]


def test_a_directory_belongs_to_one_fabric(lab: Lab) -> None:
    """And a fabric is not moved by an import; nothing is stored then."""
    with pytest.raises(InvalidInput, match="is the directory of fabric lab already"):
        take_over(lab, directory="fabrics/lab/")
    with pytest.raises(InvalidInput, match="its source of truth is the database"):
        take_over(lab, "lab", "fabrics/lab")
    with pytest.raises(NotFound, match="there is no directory nothing"):
        take_over(lab, directory="nothing")
    lab.main.commit(flux_files(), "Begin")
    take_over(lab)
    with pytest.raises(InvalidInput, match=f"fabric prod exists, and follows {PROD} of"):
        take_over(lab, directory="fabrics/other")
    assert names(lab) == ["lab", "prod"]


def test_a_repository_that_is_not_known_gets_a_row(lab: Lab) -> None:
    """With a name from its URL that is free."""
    lab.git.create("other/net")
    lab.person("main", "other/net").commit(flux_files(), "Begin")
    source = GitSource(lab.git.url("other/net"), PROD, connection_id="other")
    done = import_from_git(lab.database, "other", source, origin=ANNA, open_mirror=lab.open_mirror)
    assert (done.repository, done.repository_action) == ("net-2", Action.CREATED)
    assert fabrics.load_repository(lab.database, "net-2").connection_id == "other"
    with pytest.raises(InvalidInput, match="its connection_id is other"):
        take_over_again = GitSource(lab.git.url("other/net"), PROD, connection_id="third")
        import_from_git(lab.database, "other", take_over_again, origin=ANNA, open_mirror=lab.open_mirror)
