"""Objects that a sync was about to create: noted before, forgotten when the inventory has them.

What a killed run leaves is taken over when it is still wanted (the plan recognises it), and deleted when it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hedgehog.errors import RetryableError
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.tools import Installation, is_owned_by
from hedgehog.kube.apply import Result
from hedgehog.kube.live import Live, Scope
from hedgehog.kube.outcome import Effect
from hedgehog.kube.plan import Desired

Begun = frozenset[ObjectRef]


def scopes(begun: Mapping[int, Begun]) -> set[Scope]:
    """Where to look for them, whether a fabric still has objects of that kind or not."""
    return {(KINDS[ref.kind], ref.namespace) for refs in begun.values() for ref in refs if ref.kind in KINDS}


def left_behind(
    begun: Begun, known: Collection[ObjectRef], live: Live, installation: Installation
) -> dict[ObjectRef, Manifest]:
    """Those that are there, that nobody knows, and that are ours: an object in which we own no field is another's, and so
    is one that another installation has marked."""
    here = {ref: live.objects[ref] for ref in begun if ref not in known and ref in live.objects}
    return {ref: canonical(found) for ref, found in here.items() if is_owned_by(found, installation)}


def still_open(
    begun: Begun, effect: Effect, results: Mapping[ObjectRef, Result], desired: Desired, live: Live
) -> list[ObjectRef]:
    """Those that may be in the cluster and are not in the inventory now: what could not be listed, what could not be
    deleted yet, and what failed in a way that says nothing."""
    rest = begun - effect.applied.keys() - effect.adopted.keys() - effect.gone
    doubtful = {ref for ref in rest if ref in results and isinstance(results[ref].error, RetryableError)}
    return [ref for ref in rest if ref.kind in live.unknown or ref in desired.owned or ref in doubtful]
