"""Where something stands in a manifest as somebody wrote it, though admission sorts lists and renames keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.references import EXTERNAL_PREFIX, references
from hedgehog.fabric.settings import FabricSettings
from hedgehog.schemas import decode
from hedgehog.schemas.rules.rule import Path


def place_in_source(path: Path, raw: Mapping[str, Any], settings: FabricSettings) -> Path:
    """The path in *raw* of what *path* names in its stored form; *path* itself where they do not differ."""
    if not any(isinstance(part, int) for part in path) and _exists(raw, path):
        return path
    plain, _ = decode.decode(canonical(raw), settings)
    return _followed(path, raw, stored(plain, settings)) if plain is not None else path


def reference_path(manifest: Mapping[str, Any], target: ObjectRef) -> Path | None:
    """The path of the value that refers to *target*; `spec` where it is not spelled out, None where nothing does."""
    if target not in references(manifest):
        return None
    return next(_naming(manifest.get("spec"), target, ("spec",)), ("spec",))


def _exists(value: Any, path: Path) -> bool:
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True


def _followed(path: Path, raw: Any, whole: Any) -> Path:
    """Both are followed side by side: an item of a list is known by its content, a key whatever its case."""
    result: list[str | int] = []
    for part in path:
        step = part
        if isinstance(raw, list) and isinstance(whole, list) and isinstance(part, int):
            step = _index(part, raw, whole)
        elif isinstance(raw, Mapping) and part not in raw and isinstance(part, str):
            step = next((key for key in raw if str(key).lower() == part.lower()), part)
        result.append(step)
        raw, whole = _child(raw, step), _child(whole, part)
    return tuple(result)


def _index(part: int, raw: list[Any], whole: list[Any]) -> int:
    if part >= len(whole) or (part < len(raw) and raw[part] == whole[part]):
        return part
    return next((index for index, item in enumerate(raw) if item == whole[part]), part)


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value) else None


def _naming(value: Any, target: ObjectRef, path: Path) -> Iterator[Path]:
    """Where the name of *target* stands: as a value, as a key, or before a port or subnet."""
    names = {target.name, EXTERNAL_PREFIX + target.name} if target.kind == "External" else {target.name}
    if isinstance(value, Mapping):
        for key, child in value.items():
            if key in names and _may_be_a_key(target):
                yield (*path, key)
            yield from _naming(child, target, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _naming(child, target, (*path, index))
    elif isinstance(value, str) and (value in names or value.partition("/")[0] in names):
        yield path


def _may_be_a_key(target: ObjectRef) -> bool:
    """Peerings name their VPCs and Externals by keys."""
    return target.kind in ("VPC", "External")
