"""What is in a directory, with names that anybody may have chosen, and how much of it is read. Pure.

A directory may come from anybody who can push or open a pull request. So every count is bounded before anything is
expanded, and a name is shown only as text that cannot control a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hedgehog.errors import InvalidInput

YAML_SUFFIXES = (".yaml", ".yml")
"""Suffixes of the files that are read; letter case does not matter."""

# Control characters, line and paragraph separators, marks of writing direction, and halves of surrogate pairs.
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one directory is read, subdirectories included. A larger one is refused as a whole; of what is nested
    deeper or has a longer path, only that cannot be read."""

    entries: int = 20_000
    depth: int = 32
    path_bytes: int = 1024
    file_bytes: int = 1024 * 1024
    """Of one file: a request to Kubernetes may not be larger either."""
    bytes: int = 4 * 1024 * 1024
    """Of all files that are read. Written on purpose, their objects can take thirty times as much memory."""
    unread_bytes: int = 32 * 1024 * 1024
    """Of all files that are not YAML and are searched, one after the other, when objects are missing."""
    objects: int = 10_000
    """In all files that are read."""

    def count(self, place: str, objects: int) -> None:
        """Refuse more objects than a fabric may have."""
        if objects > self.objects:
            raise self.too_large(place, f"there are more than {self.objects} objects")

    def too_large(self, place: str, what: str) -> InvalidInput:
        """The error that refuses *place*."""
        return InvalidInput(f"{place or 'the repository'}: too large: {what}; split it, or remove what does not belong")


LIMITS = Limits()
"""The limits of what anybody may push."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """An entry that cannot be read, and why. `key` leads to its content, where only its name is wrong."""

    why: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a directory, each with the key to its content: in Git its blob id, on a disk its path.

    *opaque* has what is never followed or cannot be shown: links, submodules, directories beyond the limits.
    """

    files: Mapping[str, str]
    opaque: Mapping[str, Opaque] = field(default_factory=dict)


def clean_name(raw: bytes) -> tuple[str, bool]:
    """A name as text that can be shown, and whether that is the name itself: UTF-8 without control characters."""
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
    """Whether the name of a file, or of a directory above it, begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))
