"""Why nothing is written of a fabric now, though something may be due: it is frozen, or none of its windows is open.

Asked where work is planned, which postpones it, and where it is claimed, which is the only way to write: what is frozen
between the two is not written either. Dry runs, health, the watch and what comes in from Git go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hedgehog.errors import InvalidInput
from hedgehog.fabric import windows
from hedgehog.fabric.model import Target
from hedgehog.fabric.shown import listed
from hedgehog.store import schedule
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.freezes import Freeze, freezes_of
from hedgehog.store.windows import FabricWindows, windows_of

_MOST_WINDOWS = 5


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is written until `until`; None: until somebody changes that."""

    reason: str
    until: datetime | None
    is_frozen: bool
    corrects_drift: bool = False
    """Whether the cluster is kept as it was applied last, as the fabric's `drift_outside_windows` says."""

    def holds(self, target: Target) -> bool:
        """Whether no sync to *target* is to begin."""
        return not (self.corrects_drift and target is Target.KUBERNETES)


@dataclass(frozen=True, slots=True)
class WindowOverride:
    """Somebody has a fabric synced although none of its windows is open. A freeze holds all the same."""

    reason: str
    actor: str


def waits(connection: Connection, names: Sequence[str], *, now: datetime) -> dict[str, Wait]:
    """Those of the fabrics that wait, with the reason. Costs two queries, whatever the number of fabrics."""
    frozen = freezes_of(connection, names)
    found = {name: _outside(one, now) for name, one in windows_of(connection, names).items() if _is_closed(one, now)}
    return found | {name: _frozen(freeze) for name, freeze in frozen.items()}


def _is_closed(found: FabricWindows, now: datetime) -> bool:
    return not any(window.is_open(now) for window in found.windows)


def _outside(found: FabricWindows, now: datetime) -> Wait:
    opens = windows.opening(found.windows, now)
    names = listed((window.name for window in found.windows), _MOST_WINDOWS)
    what = "its window is closed" if len(found.windows) == 1 else "its windows are closed"
    said = f"the next opens {_moment(opens)}" if opens else "none opens again"
    return Wait(f"{what} ({names}); {said}", opens, is_frozen=False, corrects_drift=found.corrects_drift)


def _frozen(freeze: Freeze) -> Wait:
    until = f" until {_moment(freeze.until)}" if freeze.until else ""
    return Wait(f"frozen{until} by {freeze.frozen_by}: {freeze.reason}", freeze.until, is_frozen=True)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def in_force(found: dict[str, Wait], override: WindowOverride | None) -> dict[str, Wait]:
    """The waits that *override* does not end."""
    return {name: wait for name, wait in found.items() if override is None or wait.is_frozen}


def record_override(connection: Connection, override: WindowOverride, names: Iterable[str]) -> None:
    """Keep who wrote which fabrics outside of their windows, and why."""
    fabrics = sorted(names)
    if fabrics:
        deed = Deed(actor=override.actor, action="override-window", fabrics=fabrics, reason=override.reason)
        with transaction(connection) as cursor:
            record_action(cursor, deed)


def postpone(
    connection: Connection, target: Target, due: Sequence[schedule.Due], *, now: datetime
) -> list[schedule.Due]:
    """Those of *due* that need not wait; the others become due when their wait ends, and say what for."""
    found = waits(connection, [one.name for one in due], now=now)
    held = {one.fabric_id: found[one.name] for one in due if one.name in found and found[one.name].holds(target)}
    if held:
        with transaction(connection) as cursor:
            reasons = {fabric_id: (wait.until, wait.reason) for fabric_id, wait in held.items()}
            schedule.postpone(cursor, target, reasons)
    return [one for one in due if one.fabric_id not in held]


def refuse_frozen(connection: Connection, names: Sequence[str]) -> None:
    """Raise InvalidInput, for work that a person asks for and that cannot wait, when one of the fabrics is frozen."""
    for name, freeze in sorted(freezes_of(connection, names).items()):
        raise InvalidInput(f"{name} is {_frozen(freeze).reason}; lift the freeze first: `hedgehog freeze --list`")
