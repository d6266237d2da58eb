"""What a write left behind: the server's answer is compared with what was wanted, and differences are reported. Pure.

A successful answer does not mean that the object is as wanted. A field that the fabric dropped stays while somebody else
owns it, and an admission webhook may store a field otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hedgehog.errors import FieldConflict
from hedgehog.fabric.canonical import canonical, covers, differs
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.drift_detection import owns
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.shown import listed
from hedgehog.kube.result import Result

_PATHS_SHOWN = 5
_EVERYBODY_S = frozenset({".metadata.labels", ".metadata.annotations"})
"""Maps in which others may have entries of their own whatever the fabric wants."""


def compared(
    result: Result,
    found: Manifest,
    wanted: Manifest,
    last: Manifest | None,
    *,
    changed: bool,
    stored: Callable[[Manifest], Manifest] | None = None,
) -> Result:
    """*result*, with a FieldConflict that says what of *found*, the answer, is not as *wanted*, if anything is.

    *last* is what was applied before; what *wanted* dropped of it and others keep is in `left`. Unless *changed*, the
    object was not as wanted before and is as it was: such a write has failed.
    """
    ref = result.change.ref
    left = {} if last is None or last == wanted else _left(last, wanted, canonical(found), found, "")
    altered = [] if covers(found, wanted) else differs(wanted, found, stored=stored)
    if not left and not altered:
        return result
    reasons = [*_stays(left, wanted, found), *_altered(altered, found)]
    error = FieldConflict(f"{ref}: {'; '.join(reasons)}")
    action = result.change.action if changed else Action.FAILED
    return replace(result, change=Change(ref, action, "; ".join(reasons)), error=error, left=left)


def with_left(wanted: Manifest, left: Mapping[str, Any]) -> Manifest:
    """What is noted as applied: what was wanted and what stayed, so that the next run still knows of it."""
    result = dict(wanted)
    for key, value in left.items():
        below = wanted.get(key)
        result[key] = with_left(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _left(
    last: Mapping[str, Any], wanted: Mapping[str, Any], have: Mapping[str, Any], found: Manifest, path: str
) -> Manifest:
    """The part of *last* that *wanted* lacks and that is still there because others own it, with its present values.

    What nobody owns was filled in by admission again.
    """
    result: Manifest = {}
    for key, child in last.items():
        if key not in have:
            continue
        place = f"{path}.{key}"
        inside = wanted.get(key, {} if place in _EVERYBODY_S else None)
        if all(isinstance(one, dict) for one in (child, inside, have[key])):
            below = _left(child, inside, have[key], found, place)
            if below:
                result[key] = below
        elif key not in wanted and _owners(found, place):
            result[key] = _narrowed(child, have[key])
    return result


def _narrowed(last: Any, have: Any) -> Any:
    if isinstance(last, dict) and isinstance(have, dict):
        return {key: _narrowed(child, have[key]) for key, child in last.items() if key in have}
    return have


def _owners(found: Manifest, path: str) -> list[str]:
    """The managers, other than our applies, that own *path*."""
    return sorted(
        {
            str(entry.get("manager"))
            for entry in found["metadata"].get("managedFields") or ()
            if not entry.get("subresource")
            and not (entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply")
            and owns(entry.get("fieldsV1") or {}, path)
        }
    )


def _stays(left: Mapping[str, Any], wanted: Manifest, found: Manifest) -> Iterator[str]:
    paths = list(_tops(left, wanted, ""))
    if paths:
        whose = sorted({owner for path in paths for owner in _owners(found, path)})
        named = ", ".join(f"'{owner}'" for owner in whose)
        yield (
            f"{listed(paths, _PATHS_SHOWN)} stayed in the cluster, for {named} owns it; release it there, take it into the fabric "
            "again, or set conflict_policy to force"
        )


def _tops(left: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> Iterator[str]:
    """Where *left* has what *wanted* has not."""
    for key, child in left.items():
        place = f"{path}.{key}"
        inside = wanted.get(key, {} if place in _EVERYBODY_S else None)
        if isinstance(child, dict) and isinstance(inside, dict):
            yield from _tops(child, inside, place)
        else:
            yield place


def _altered(paths: list[str], found: Manifest) -> Iterator[str]:
    if paths:
        whose = sorted({owner for path in paths for owner in _owners(found, path)})
        named = f" ({', '.join(repr(owner) for owner in whose)} owns it, too)" if whose else ""
        yield (
            f"the cluster stored {listed(paths, _PATHS_SHOWN)} otherwise than it was written{named}: an admission webhook changes it; "
            "want it as it is stored, or correct the webhook"
        )
