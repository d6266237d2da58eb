"""Objects that are not found any more: which of them are gone for certain, and which may only be out of sight. Pure.

An object is deleted when its file was read and no longer has it, or is no longer there; and when nothing that could not
be read may hold it instead. A file that was renamed so that nobody reads it (`vpc.yaml.bak`, `.vpc.yaml`) is looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from hedgehog.errors import HedgehogError
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.paths import LIMITS, Limits, Opaque
from hedgehog.schemas import intake, yaml
from hedgehog.schemas.check import identified
from hedgehog.services.fabric_files import FabricFiles

FILE_HAS_A_PROBLEM = "stays as it was: its file has a problem"
"""The problem itself is told where it is."""
_GROUP = b"githedgehog.com"
"""In every manifest of an object; what does not have it need not be parsed."""
_LOOKS_LIKE_YAML = re.compile(r"\.(ya?ml|json)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unread:
    """What of a directory could not be taken in, or is not meant to be."""

    problems: tuple[str, ...] = ()
    """A line for everything opaque that is not hidden."""
    opaque: Mapping[str, str] = field(default_factory=dict)
    """Path → why; nobody can look into it."""
    torn: Mapping[str, bytes] = field(default_factory=dict)
    """Path → content of what is not YAML, as a whole or in part."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Path → key of ordinary files that are not meant to be read, and of those with unusable names."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Path → why, of what is opaque and hidden: it counts only when something vanished."""
    content: Callable[[str], bytes] = lambda _: b""
    """From the key of one of *others* to its content; raises our own errors."""
    limits: Limits = LIMITS
    namespace: str = "default"
    """Of an object that names none."""


NOTHING = Unread()


def unread(
    files: FabricFiles, content: Callable[[str], bytes], *, limits: Limits, namespace: str = "default"
) -> Unread:
    """What *files* leave open, before any of them is read."""
    return Unread(
        problems=tuple(files.problems()),
        opaque={path: one.why for path, one in files.opaque.items() if one.key is None},
        others={**files.unread, **_with_content(files.opaque), **_with_content(files.hidden)},
        hidden={path: one.why for path, one in files.hidden.items() if one.key is None},
        content=content,
        limits=limits,
        namespace=namespace,
    )


def _with_content(opaque: Mapping[str, Opaque]) -> dict[str, str]:
    return {path: one.key for path, one in opaque.items() if one.key is not None}


def out_of_sight(
    vanished: Mapping[ObjectRef, str],
    left: Unread,
    *,
    faulty: Collection[str] = (),
    recorded: Collection[str] = (),
) -> dict[ObjectRef, str]:
    """Why each of *vanished* (object → the file it was in, empty: unknown) may still be meant; the rest is gone.

    *faulty* are files of which a part was refused. *recorded* are files that had objects before: a torn one of them
    holds most likely what it held.
    """
    if not vanished:
        return {}
    walls = left.opaque.keys() | left.hidden.keys() | (left.torn.keys() - set(recorded))
    elsewhere = _Elsewhere(left)
    found = {}
    for ref, path in vanished.items():
        around = next((place for place in walls if path == place or path.startswith(f"{place}/")), None)
        if path and (path in faulty or path in left.torn):
            found[ref] = FILE_HAS_A_PROBLEM
        elif around is not None:
            why = left.opaque.get(around) or left.hidden.get(around, "cannot be read")
            found[ref] = f"is not deleted: its file was {path}, and {around} {why}"
        elif walls:
            found[ref] = f"is not deleted: it may have moved into {min(walls)}, which cannot be read"
        elif (place := elsewhere.place_of(ref)) is not None:
            found[ref] = f"is not deleted: {place}"
    return found


class _Elsewhere:
    """Looks into files that nobody reads; each is read once."""

    def __init__(self, left: Unread) -> None:
        self._left = left
        self._torn = {path: _plain(content) for path, content in left.torn.items()}
        self._seen: tuple[dict[ObjectRef, str], dict[str, bytes]] | None = None

    def place_of(self, ref: ObjectRef) -> str | None:
        """Where *ref* seems to be, and what to do about it."""
        for path, content in self._torn.items():
            if _names(content, ref):
                return f"it may have moved into {path}, which cannot be read"
        if self._seen is None:
            self._seen = self.look()
        objects, broken = self._seen
        found = objects.get(ref) or next((one for one, content in broken.items() if _names(content, ref)), None)
        if found is None:
            return None
        return f"{found} seems to have it, which is not read; give that file a name that ends in .yaml, or remove it"

    def look(self) -> tuple[dict[ObjectRef, str], dict[str, bytes]]:
        """The objects in files that nobody reads; the content of those that look like YAML and are none."""
        objects: dict[ObjectRef, str] = {}
        broken: dict[str, bytes] = {}
        left = self._left.limits.bytes
        for path, key in sorted(self._left.others.items()):
            try:
                content = _plain(self._left.content(key))
            except HedgehogError:  # larger than any manifest
                continue
            left -= len(content)
            if left < 0:
                break
            if _GROUP not in content:
                continue
            documents, problems = yaml.read(content, file=path)
            for document in documents:
                refs = (identified(one.manifest, namespace=self._left.namespace)[0] for one in intake.items(document))
                objects.update(dict.fromkeys(refs, path))
            if problems and _LOOKS_LIKE_YAML.search(path):
                broken[path] = content
        return objects, broken


def _plain(content: bytes) -> bytes:
    """So that text in UTF-16 is found as well."""
    return content.replace(b"\0", b"")


def _names(content: bytes, ref: ObjectRef) -> bool:
    """Whether *content* seems to describe *ref*."""
    name = rb"name[\"']?\s*:\s*[\"']?" + re.escape(ref.name.encode()) + rb"(?![\w.-])"
    kind = rb"kind[\"']?\s*:\s*[\"']?" + re.escape(ref.kind.encode()) + rb"(?!\w)"
    return re.search(name, content) is not None and re.search(kind, content) is not None


def not_read(left: Unread) -> list[str]:
    """The files that have objects and are not read, because of their names."""
    return sorted(set(_Elsewhere(left).look()[0].values()))
