"""Which fields an object got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]


def assigned_fields(before: Any, after: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The fields of *after* that *before* does not have, or has otherwise, with what they are; *path* leads to both."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before:
        for name, value in after.items():
            yield from assigned_fields(before.get(name), value, (*path, name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, value in enumerate(after):
            yield from assigned_fields(before[index], value, (*path, index))
    elif after not in ({}, None):
        yield path, after
