"""Strict YAML: the documents of a file as Kubernetes would read them, or every reason why not.

libyaml parses; what its events say is turned into plain data here, so that nothing is built before it is allowed: no
aliases (a 400-byte file of them can stand for 400 million nodes), no tags, no merge keys, no duplicate or non-string
keys, no numbers that JSON lacks, and bounds on size, depth and nodes. Nothing is ever executed or imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events
from yaml._yaml import CParser  # type: ignore[import-untyped]  # libyaml's parser; PyYAML ships no types for it

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Manifest
from hedgehog.schemas.scalars import Scalar, resolve

MAX_FILE_BYTES = 10 * 2**20
MAX_DOCUMENT_BYTES = 2**20
MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_PROBLEMS = 100
"""Problems reported of one file; the rest is only counted."""

Path = tuple[str | int, ...]
Position = tuple[int, int]
"""Line and column, both from 1."""

# What libyaml takes for unprintable, and DEL. A byte order mark counts only at the very start.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TAG_PREFIX = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its data and where it begins. `index` counts the documents that are not empty, from 0."""

    manifest: Manifest
    file: str
    index: int
    line: int
    _text: str = field(repr=False, compare=False)

    @property
    def place(self) -> str:
        """`file:line`, as editors and terminals know it."""
        return f"{self.file}:{self.line}"

    def position(self, path: Sequence[str | int]) -> Position:
        """Line and column of what *path* names: of its key in a mapping, of the item in a list.

        A path that leads nowhere gives the position of its deepest part that exists. Parses the document again, so
        ask only when there is something to report.
        """
        builder = _Builder(self.file, positions={})
        for event in _events(self._text):
            builder.take(event)
        names = tuple(path)
        while names not in builder.positions:
            names = names[:-1]
        line, column = builder.positions[names]
        return line + self.line - _lines_before_content(self._text) - 1, column


def load(text: bytes | str, *, file: str) -> list[Document]:
    """The documents of a YAML stream; empty ones are left out.

    Raises InvalidInput with one line `file:line:column: what is wrong; what to do` a problem. A syntax error ends the
    reading of the file, what can be told apart from it (duplicate keys and the like) is collected. *file* is only a name.
    """
    problems: list[str] = []
    found = list(_load(_decode(text, file), file, problems))
    if problems:
        raise InvalidInput("\n".join(problems))
    return found
