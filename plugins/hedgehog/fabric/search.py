"""What people look for in the objects of all fabrics: a VLAN, an address, the name of a server. Pure.

An object is found by its words: its name, every text and number below `spec`, the part of such a text before a `/`, and
the names that VPC and gateway peerings have as keys. The function `hedgehog.words_of` of the fabric database, whose result
is indexed, finds the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.addresses import Prefix, parse_address, parse_prefix
from hedgehog.fabric.references import EXTERNAL_PREFIX

LONGEST_WORD = 200
"""Characters of a word that count."""
_NAMED_BY_KEY = re.compile(r"\.spec\.(permit\[[0-9]+\]|peering)")
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9]*)=(.*)", re.DOTALL)
_WIDTHS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class FoundField:
    """A field of an object that holds what was looked for."""

    path: str
    value: str

    def as_dict(self) -> dict[str, str]:
        """Plain data."""
        return {"path": self.path, "value": self.value}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    words: tuple[str, ...]
    """An object with any of these words fits."""
    field: str = ""
    """Only in fields of this name; empty: in all."""


def parse_wanted(text: str) -> Wanted:
    """What `1200`, `vlan=1200`, `10.3.0.7`, `10.3.0.0/24` or `server-17` stands for.

    An address or subnet stands for the subnets that contain it, too, an external's name for the way that peerings write
    it. Raises InvalidInput for nothing.
    """
    match = _FIELD.fullmatch(text.strip())
    field, value = (match[1], match[2].strip()) if match else ("", text.strip())
    if not value or "\0" in value:
        raise InvalidInput("there is nothing to look for; write a value such as 10.3.0.7, or vlan=1200")
    words = [value, f"{EXTERNAL_PREFIX}{value}", *_around(value)]
    return Wanted(tuple(dict.fromkeys(word[:LONGEST_WORD] for word in words)), field)


def _around(value: str) -> Iterator[str]:
    """The subnets that contain an address or subnet; not the whole address space, which contains all of them."""
    prefix = parse_prefix(value)
    address = parse_address(value)
    if address is not None:
        prefix = Prefix(*address, _WIDTHS[address.version])
    if prefix is not None:
        for bits in range(prefix.bits, 0, -1):
            yield str(Prefix(prefix.version, prefix.value, bits).network)


def places(manifest: Mapping[str, Any], wanted: Wanted) -> list[FoundField]:
    """Where *manifest* has what is wanted, in the order of its fields."""
    found = dict.fromkeys(
        FoundField(path, word)
        for path, field, word in _words(manifest)
        if wanted.field in ("", field) and _fits(word, wanted.words)
    )
    return list(found)


def words_of(manifest: Mapping[str, Any]) -> frozenset[str]:
    """All words that an object can be found by."""
    return frozenset(part[:LONGEST_WORD] for _, _, word in _words(manifest) for part in {word, word.partition("/")[0]})


def _fits(word: str, words: tuple[str, ...]) -> bool:
    return word[:LONGEST_WORD] in words or word.partition("/")[0][:LONGEST_WORD] in words


def _words(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Path, name of the field, and text."""
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    yield from _scalars(name, ".metadata.name", "name")
    yield from _scalars(manifest.get("spec"), ".spec", "spec")


def _scalars(value: Any, path: str, field: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            if _NAMED_BY_KEY.fullmatch(path):
                yield f"{path}.{key}", field, key
            yield from _scalars(child, f"{path}.{key}", key)
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _scalars(child, f"{path}[{number}]", field)
    elif isinstance(value, str):
        yield path, field, value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, field, format(Decimal(str(value)), "f")
