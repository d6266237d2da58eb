"""The files that a fabric is to have in Git. Pure: derived from its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hedgehog.fabric import render
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.gitops.commit import blob_id
from hedgehog.gitops.mirror import FILE_LIMIT
from hedgehog.store.git_files import GitFile
from hedgehog.store.objects import StoredObject


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file as the database wants it. `digest` is None for README and fabric.yaml, which are not rows of their own."""

    path: str
    ref: ObjectRef | None
    content: bytes
    digest: str | None = None
    manifest: Manifest | None = None
    refused: str = ""
    """Why the object may not be published; its file stays as it is."""
    blob_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "blob_id", blob_id(self.content))

    def file(self, blob: str) -> GitFile:
        """The record of this file when Git has it as *blob*."""
        return GitFile(self.path, self.ref, blob, self.digest, self.manifest)


def layout(fabric: Fabric) -> list[WantedFile]:
    """The files that every fabric has, however few objects it has."""
    resource = render.fabric_resource(fabric)
    return [
        WantedFile(
            render.in_directory(fabric, render.FABRIC_FILE),
            render.fabric_ref(fabric),
            render.dump(resource),
            manifest=resource,
        ),
        WantedFile(render.in_directory(fabric, render.README_FILE), None, render.readme(fabric)),
    ]


def objects(fabric: Fabric, stored: Iterable[StoredObject], refused: Mapping[ObjectRef, str]) -> list[WantedFile]:
    """The files of *stored*. A file that may not be published, as *refused* says or for another reason, states why."""
    wanted = []
    for one in stored:
        if one.ref.kind not in ALL_KINDS:
            why = f"{one.ref.kind} is not a kind that a fabric holds; remove the object"
            wanted.append(WantedFile(str(one.ref), one.ref, b"", one.digest, one.manifest, why))
            continue
        content = render.dump(one.manifest)
        why = refused.get(one.ref, "")
        if len(content) > FILE_LIMIT:
            why = f"{len(content)} bytes of YAML are above the limit of {FILE_LIMIT}; split it"
        wanted.append(WantedFile(render.object_path(fabric, one.ref), one.ref, content, one.digest, one.manifest, why))
    return wanted


def place(fabric: Fabric, file: GitFile) -> str:
    """The path where *file* belongs now: another one than its own if the directory of the fabric was changed."""
    if file.ref is None:
        return render.in_directory(fabric, render.README_FILE)
    return render.object_path(fabric, file.ref)


def to_read(wanted: Iterable[WantedFile], known: Mapping[str, GitFile], files: Mapping[str, str]) -> list[WantedFile]:
    """The objects whose file in Git must be parsed: it differs from ours for another reason than a change of the object."""
    found = []
    for one in wanted:
        seen, record = files.get(one.path), known.get(one.path)
        if one.digest is None or one.refused or seen is None or seen == one.blob_id:
            continue
        if record is None or seen != record.blob_id or record.object_digest == one.digest:
            found.append(one)
    return found
