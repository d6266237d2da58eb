"""The place of a violation in the manifest as it was written, although admission sorts lists and renames keys. Pure."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import EXTERNAL_PREFIX, references
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import decode
from hedgehog.manifests.rule import Path

logger = logging.getLogger(__name__)


class SourcePlaces:
    """Maps places in the stored form of one object to places in the manifest as it was written.

    The lookup table is built once per object, regardless of the number of violations.
    """

    def __init__(self, raw: Mapping[str, Any], settings: FabricSettings) -> None:
        self._raw = raw
        self._settings = settings
        self._indexes: dict[int, dict[str, int]] = {}
        """By the identity of a list: the first index of each of its items."""
        self._keys: dict[int, dict[str, str]] = {}
        """By the identity of a mapping: its keys by their lower case."""
        self._steps: dict[tuple[int, int], int] = {}
        """By the identity of a list and an index of its stored form: the index in the list."""

    def place(self, path: Path) -> Path:
        """The path in the manifest of the field at *path* in its stored form; *path* itself where they do not differ."""
        if not any(isinstance(part, int) for part in path) and _exists(self._raw, path):
            return path
        return self._followed(path, self._raw, self._whole) if self._whole is not None else path

    @functools.cached_property
    def _whole(self) -> Manifest | None:
        try:
            plain, _ = decode.decode(canonical(self._raw), self._settings)
            return stored(plain, self._settings) if plain is not None else None
        except Exception as error:  # the object was refused for it already; this is only about the line to show
            logger.debug("%s", error)
            return None

    def _followed(self, path: Path, raw: Any, whole: Any) -> Path:
        """Follow both side by side: an item of a list is found by its content, a key regardless of its letter case."""
        result: list[str | int] = []
        for part in path:
            step = part
            if isinstance(raw, list) and isinstance(whole, list) and isinstance(part, int):
                step = self._index(part, raw, whole)
            elif isinstance(raw, Mapping) and part not in raw and isinstance(part, str):
                step = self._key(part, raw)
            result.append(step)
            raw, whole = _child(raw, step), _child(whole, part)
        return tuple(result)

    def _key(self, part: str, raw: Mapping[str, Any]) -> str:
        known = self._keys.get(id(raw))
        if known is None:
            known = self._keys[id(raw)] = {str(key).lower(): key for key in reversed(list(raw))}
        return known.get(part.lower(), part)

    def _index(self, part: int, raw: list[Any], whole: list[Any]) -> int:
        if (id(raw), part) not in self._steps:
            self._steps[id(raw), part] = self._found_index(part, raw, whole)
        return self._steps[id(raw), part]

    def _found_index(self, part: int, raw: list[Any], whole: list[Any]) -> int:
        if part >= len(whole) or (part < len(raw) and raw[part] == whole[part]):
            return part
        known = self._indexes.get(id(raw))
        if known is None:
            known = self._indexes[id(raw)] = {}
            for index, item in enumerate(raw):
                known.setdefault(_content(item), index)
        return known.get(_content(whole[part]), part)


def _content(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=repr)


def reference_path(manifest: Mapping[str, Any], target: ObjectRef) -> Path | None:
    """The path of the value that refers to *target*; `spec` where no value names it, None where nothing refers to it."""
    if target not in references(manifest):
        return None
    return next(_paths_of_name(manifest.get("spec"), target, ("spec",)), ("spec",))


def _exists(value: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value) else None


def _paths_of_name(value: Any, target: ObjectRef, path: Path) -> Iterator[Path]:
    """The paths at which *target* is named: as a value, as a key, or before a port or subnet."""
    names = {target.name, EXTERNAL_PREFIX + target.name} if target.kind == "External" else {target.name}
    if isinstance(value, Mapping):
        for key, child in value.items():
            if key in names and _may_be_a_key(target):
                yield (*path, key)
            yield from _paths_of_name(child, target, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _paths_of_name(child, target, (*path, index))
    elif isinstance(value, str) and (value in names or value.partition("/")[0] in names):
        yield path


def _may_be_a_key(target: ObjectRef) -> bool:
    """Peerings name their VPCs and Externals by keys."""
    return target.kind in ("VPC", "External")
