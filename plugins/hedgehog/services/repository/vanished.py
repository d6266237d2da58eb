"""Objects that are no longer found: which are certainly gone, and which may only be out of sight. Pure.

An object is deleted when its file was read and no longer has it, or is no longer there, and when no unreadable file may
hold it instead. A file with a name that is not read (`vpc.yaml.bak`, `.vpc.yaml`) is searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hedgehog.admission.check import identified
from hedgehog.errors import HedgehogError
from hedgehog.fabric.kinds import ALL_KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.near import near
from hedgehog.fabric.paths import LIMITS, Limits, Opaque, is_hidden
from hedgehog.manifests import intake, yaml
from hedgehog.services.fabric_files import FabricFiles

FILE_HAS_A_PROBLEM = "stays as it was: its file has a problem"
"""The problem itself is reported at its place."""
_GROUP = b"githedgehog.com"
"""In every manifest of an object; what does not have it need not be parsed."""
_NAMED = re.compile(rb"name[\"']?\s*:\s*[\"']?([\w.-]+)")
_KIND = re.compile(rb"kind[\"']?\s*:\s*[\"']?(\w+?)(?:List)?\b")
_LINK = re.compile(rb"[^\s\0/]*/[^\s\0]*")
"""What a link is where links are written as text: a path without a line end."""
_LOOKS_LIKE_YAML = re.compile(r"\.(ya?ml|json)\b", re.IGNORECASE)
_PACKED = re.compile(r"\.(?:tar|tgz|gz|tbz2?|bz2|txz|xz|zst|zip|7z|rar|gpg|pgp|asc|age|enc|p7m)", re.IGNORECASE)
"""The end of a name that indicates packed or encrypted content."""
_KINDS = {kind.lower().encode(): kind.encode() for kind in ALL_KINDS}
_LONGEST_KIND = max(map(len, _KINDS)) + 4
_MOST_SLIPS = 100
"""Unknown kinds of one file that are compared with those that there are."""
_NEVER_A_DIRECTORY = re.compile(
    r"authors|chang(elog|es)|codeowners|containerfile|contributors|copying|dockerfile|gemfile|(gnu)?makefile|install"
    r"|jenkinsfile|justfile|licen[cs]e|maintainers|news|notice|owners|procfile|rakefile|readme|todo|vagrantfile|version",
    re.IGNORECASE,
)
"""Names without a suffix that everybody knows as files."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What of a directory could not be read, or is not meant to be."""

    problems: tuple[str, ...] = ()
    """A line for everything opaque that is not hidden."""
    opaque: Mapping[str, str] = field(default_factory=dict)
    """Path → why; nobody can look into it."""
    torn: Mapping[str, bytes] = field(default_factory=dict)
    """Path → content of what is not YAML, as a whole or in part, or has a document whose content is unknown."""
    refused: Mapping[str, bytes] = field(default_factory=dict)
    """Path → content of files with a document that no fabric can hold; it may have others inside."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Path → key of ordinary files that are not meant to be read, and of files with unusable names."""
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Path → why, of what is opaque and hidden: it counts only when something vanished."""
    instead: frozenset[str] = frozenset()
    """Those of *others* that may be where a directory was: their names have no suffix."""
    nobodys: frozenset[str] = frozenset()
    """Directories that belong to no fabric; what is in them is among *others*."""
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
        instead=frozenset(path for path in files.unread if not is_hidden(path) and _may_have_been_a_directory(path)),
        nobodys=frozenset(files.nobodys),
        content=content,
        limits=limits,
        namespace=namespace,
    )


def _may_have_been_a_directory(path: str) -> bool:
    name = path.rpartition("/")[2]
    return "." not in name and _NEVER_A_DIRECTORY.fullmatch(name) is None


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
        above = _above(path)
        around = next((place for place in (path, *above) if place in walls), None)
        instead = next((place for place in above if place in left.others), None)
        if path and (path in faulty or path in left.torn):
            found[ref] = FILE_HAS_A_PROBLEM
        elif around is not None:
            why = left.opaque.get(around) or left.hidden.get(around, "cannot be read")
            found[ref] = f"is not deleted: its file was {path}, and {around} {why}"
        elif instead is not None:  # a link, where links are written as text
            found[ref] = (
                f"is not deleted: its file was {path}, and {instead} is no longer a directory; remove {instead}"
            )
        elif walls:
            found[ref] = f"is not deleted: it may have moved into {min(walls)}, which cannot be read"
        elif (place := elsewhere.place_of(ref, path)) is not None:
            found[ref] = f"is not deleted: {place}"
    return found


def _above(path: str) -> list[str]:
    """The directories that *path* lies in."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1)]


@dataclass(slots=True)
class _Seen:
    """What is in the files that are not read as objects."""

    objects: dict[ObjectRef, str] = field(default_factory=dict)
    broken: dict[str, _Words] = field(default_factory=dict)
    """Of files that look like YAML and are not."""
    closed: dict[str, str] = field(default_factory=dict)
    """Stem of the path → path, of what is not text or too large: packed or encrypted, maybe."""
    closed_any: str = ""
    """One of those that may hold any object: its name indicates YAML or packed content."""
    link: str = ""
    """What may be a link that is written as text."""
    left_out: str = ""
    """Where the search ended, because there is too much."""


class _Elsewhere:
    """Searches the files that are not read as objects; each is read once."""

    def __init__(self, left: Unread) -> None:
        self._left = left
        partly = {**left.refused, **left.torn}
        self._torn = {path: _Words.of(_plain(content)) for path, content in partly.items()}
        self._seen: _Seen | None = None

    def place_of(self, ref: ObjectRef, path: str) -> str | None:
        """Where *ref* seems to be, whose file was *path* (empty: unknown), and what to do about it."""
        torn = next((one for one, words in self._torn.items() if words.name(ref)), None)
        if torn is not None:
            return f"it may have moved into {torn}, which cannot be read"
        if self._seen is None:
            self._seen = self.look()
        seen = self._seen
        found = seen.objects.get(ref) or next((one for one, words in seen.broken.items() if words.name(ref)), None)
        if found is not None:
            return f"{found} seems to have it, which is not read; {self._way_out(found)}, or remove it"
        stems = (_stem(one) for one in (path, *_above(path)))
        closed = next((seen.closed[one] for one in stems if one in seen.closed), "") if path else seen.closed_any
        if closed:
            return f"it may be in {closed}, which cannot be read; write it as plain YAML, or remove that file"
        place = seen.link if path else min(self._left.instead, default="")
        if place:
            return f"{place} may be where its directory was; remove that file, or give its name a suffix"
        if seen.left_out:
            limit = self._left.limits.unread_bytes
            return f"it may be in {seen.left_out}: more than {limit} bytes in files that are not YAML; move them away"
        return None

    def _way_out(self, found: str) -> str:
        """How to have *found* read."""
        whose = next((one for one in _above(found) if one in self._left.nobodys), None)
        if whose is not None:
            return f"move that file out of {whose}, which belongs to no fabric"
        named = "whose path has no part that begins with a dot" if is_hidden(found) else "that ends in .yaml"
        return f"give that file a name {named}"

    def look(self) -> _Seen:
        """Look into each file, as long as there are not too many."""
        seen = _Seen()
        left, parsed = self._left.limits.unread_bytes, self._left.limits.bytes
        for path, key in sorted(self._left.others.items()):
            try:
                raw = self._left.content(key)
            except HedgehogError:
                self._close(seen, path)
                continue
            left -= len(raw)
            content = _plain(raw)
            parsed -= len(content) if _GROUP in content else 0
            if left < 0 or parsed < 0:
                seen.left_out = path
                break
            if _GROUP in content:
                self._parse(seen, path, content)
            elif not _is_text(raw) or _is_packed(path):
                self._close(seen, path)
            elif path in self._left.instead and _LINK.fullmatch(raw):
                seen.link = path
        return seen

    def _parse(self, seen: _Seen, path: str, content: bytes) -> None:
        documents, problems = yaml.parse_documents(content, file=path)
        for document in documents:
            refs = (identified(one.manifest, namespace=self._left.namespace)[0] for one in intake.items(document))
            seen.objects.update(dict.fromkeys(refs, path))
        if problems and _LOOKS_LIKE_YAML.search(path):
            seen.broken[path] = _Words.of(content)

    @staticmethod
    def _close(seen: _Seen, path: str) -> None:
        seen.closed[_stem(path)] = path
        if _LOOKS_LIKE_YAML.search(path.rpartition("/")[2]) or _is_packed(path):
            seen.closed_any = path


def _stem(path: str) -> str:
    """What the path of a file and of a packed, encrypted or kept copy of it have in common."""
    directory, slash, name = path.rpartition("/")
    return directory + slash + name.lstrip(".").partition(".")[0]


def _is_packed(path: str) -> bool:
    return _PACKED.fullmatch(PurePosixPath(path).suffix) is not None


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain(content: bytes) -> bytes:
    """So that text in UTF-16 is found as well."""
    return content.replace(b"\0", b"")


@dataclass(frozen=True, slots=True)
class _Words:
    """The names and the kinds that a text mentions, found in one pass however many objects are asked for."""

    names: frozenset[bytes]
    kinds: frozenset[bytes]

    @classmethod
    def of(cls, content: bytes) -> _Words:
        kinds = frozenset(_KIND.findall(content))
        slips = sorted(kinds - set(_KINDS.values()))[:_MOST_SLIPS]
        return cls(frozenset(_NAMED.findall(content)), kinds | {one for slip in slips for one in _meant(slip)})

    def name(self, ref: ObjectRef) -> bool:
        """Whether the text seems to describe *ref*."""
        return ref.name.encode() in self.names and ref.kind.encode() in self.kinds


def _meant(slip: bytes) -> list[bytes]:
    """The kind that *slip* most likely stands for: `vpc`, `VCP`."""
    meant = near(slip[:_LONGEST_KIND].decode(errors="replace").lower(), map(bytes.decode, _KINDS))
    return [_KINDS[one.encode()] for one in meant]


def not_read(left: Unread) -> list[str]:
    """The files that have objects and are not read, because of their names."""
    return sorted(set(_Elsewhere(left).look().objects.values()))
