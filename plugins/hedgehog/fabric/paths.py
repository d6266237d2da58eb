"""What is in a directory, names as strangers choose them, and how much of it is looked at. Pure.

A directory may come from anybody who can push or open a pull request. So every count is bounded before anything is
expanded, and a name is shown only as text that can do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hedgehog.errors import InvalidInput

YAML_SUFFIXES = (".yaml", ".yml")
"""Files that are read, whatever the case of the letters."""

# Control characters, line and paragraph separators, what turns the direction of writing, and halves of characters.
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one directory is looked at, subdirectories included. What is more is refused as a whole; what is
    deeper or has a longer path cannot be read, it alone."""

    entries: int = 20_000
    depth: int = 32
    path_bytes: int = 1024
    file_bytes: int = 1024 * 1024
    """Of one file: a request to Kubernetes may not be larger either."""
    bytes: int = 4 * 1024 * 1024
    """Of all files that are read. As objects they take thirty times as much memory, if somebody means to."""
    unread_bytes: int = 32 * 1024 * 1024
    """Of all files that are not YAML and are looked into, one after the other, when objects vanished."""
    objects: int = 10_000
    """In all files that are read."""

    def count(self, place: str, objects: int) -> None:
        """Refuse more objects than a fabric may have."""
        if objects > self.objects:
            raise self.too_large(place, f"there are more than {self.objects} objects")

    def too_large(self, place: str, what: str) -> InvalidInput:
        """The refusal of *place*."""
        return InvalidInput(f"{place or 'the repository'}: too large: {what}; split it, or remove what does not belong")


LIMITS = Limits()
"""Of what strangers may push."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """What is there, but cannot be read, and why. `key` leads to its content, where only its name is at fault."""

    why: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a directory, each with the key to its content: in Git its blob id, on a disk its path.

    *opaque* has what is never followed or cannot be named: links, submodules, directories beyond the limits.
    """

    files: Mapping[str, str]
    opaque: Mapping[str, Opaque] = field(default_factory=dict)


def clean_name(raw: bytes) -> tuple[str, bool]:
    """A name as text that can be shown, and whether it is the name itself: UTF-8 without control characters."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return _shown(raw.decode(errors="backslashreplace")), False
    return (text, True) if _NOT_SHOWN.search(text) is None else (_shown(text), False)


def _shown(text: str) -> str:
    escaped = _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return escaped if len(escaped) <= _SHOWN else f"{escaped[:_SHOWN]}…"


def is_yaml(path: str) -> bool:
    """Whether a file of this name is read as YAML."""
    return path.lower().endswith(YAML_SUFFIXES)


def is_hidden(path: str) -> bool:
    """Whether a file, or a directory on the way to it, begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))
