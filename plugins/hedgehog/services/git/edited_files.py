"""Objects written back into the file and the document that they came from: what a person wrote around them stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.render import dump
from hedgehog.fabric.settings import release_of
from hedgehog.manifests import intake, yaml
from hedgehog.manifests.round_trip import ABSENT, Path, changes_between, set_fields

_SEPARATOR = b"---\n"


def objects_in(content: bytes, path: str, fabric: Fabric) -> dict[ObjectRef, intake.Accepted]:
    """The objects of a file, as the fabric would hold them; others in it are left out. Raises InvalidInput for no YAML."""
    return {one.ref: one for one in _accepted(content, path, fabric)}


def _accepted(content: bytes, path: str, fabric: Fabric) -> Iterator[intake.Accepted]:
    release = release_of(fabric.settings)
    for document in yaml.load(content, file=path):
        for item in intake.items(document):
            found = intake.accept_manifest(item, namespace=fabric.kubernetes_namespace, upstream=release)
            if not isinstance(found, list):
                yield found


def edited_file(content: bytes, path: str, wanted: Mapping[ObjectRef, Manifest | None], fabric: Fabric) -> bytes | None:
    """*content* with the objects of *wanted* as given (None: removed); None if it would hold nothing any more.

    Objects that the file does not have are added at its end. Raises InvalidInput for a file that cannot be changed
    without changing something else.
    """
    there = objects_in(content, path, fabric)
    edits: dict[int, dict[Path, Any]] = defaultdict(dict)
    for ref, manifest in wanted.items():
        if ref not in there:
            continue
        item = there[ref].item
        if not isinstance(item.source, yaml.Document):
            raise AssertionError("an item of a file has a document")
        if manifest is None:
            edits[item.source.index][item.prefix] = ABSENT
        else:
            fields = changes_between(there[ref].manifest, manifest)
            edits[item.source.index] |= {(*item.prefix, *field): value for field, value in fields}
    text = set_fields(content, edits, file=path) if any(edits.values()) else content
    added = [dump(one) for ref, one in sorted(wanted.items()) if one is not None and ref not in there]
    text = _SEPARATOR.join([*([_ended(text)] if text.strip() else []), *added])
    _check(text, path, there, wanted, fabric)
    return text or None


def _ended(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"


def _check(
    text: bytes,
    path: str,
    before: Mapping[ObjectRef, intake.Accepted],
    wanted: Mapping[ObjectRef, Manifest | None],
    fabric: Fabric,
) -> None:
    """Raise InvalidInput if the file does not hold exactly what was wanted, and what it held before."""
    expected: dict[ObjectRef, Manifest | None] = {ref: one.manifest for ref, one in before.items()}
    expected |= wanted
    held = {ref: one.manifest for ref, one in objects_in(text, path, fabric).items()}
    if held != {ref: one for ref, one in expected.items() if one is not None}:
        raise InvalidInput(f"{path}: cannot be changed without changing something else in it; change it in Git")
