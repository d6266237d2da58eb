"""Rollouts: one change for many fabrics, wave by wave. What is next follows from what was recorded and observed. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from hedgehog.errors import InvalidInput
from hedgehog.fabric.shown import counted, listed, shown

MOST_WAVES = 1000
_PATIENCE = 3
"""Pauses until the next look at a wave of which every fabric is frozen or outside of its windows."""
_NAMED = 5


class RolloutState(StrEnum):
    """How a rollout stands. The first three are open: their fabrics can be in no other rollout."""

    RUNNING = "running"
    PAUSED = "paused"
    """By a person, or because a fabric failed; nothing begins until it is resumed."""
    APPROVAL = "approval"
    """The next wave waits for somebody to approve it."""
    DONE = "done"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled_back"


OPEN = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.APPROVAL)


class MemberState(StrEnum):
    """How far the rollout is with one fabric."""

    PENDING = "pending"
    STORED = "stored"
    """The fabric wants the change; its targets and switches follow."""
    CONVERGED = "converged"
    """Every switch has it; it is watched for the time of the soak."""
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The fabric was deleted, or the rollout ended before its turn."""
    TAKEN_BACK = "taken_back"


BEHIND_IT = (MemberState.DONE, MemberState.SKIPPED, MemberState.TAKEN_BACK)
"""The states of a fabric that the rollout is done with."""
CHANGED = (MemberState.STORED, MemberState.CONVERGED, MemberState.DONE, MemberState.FAILED)
"""The states of a fabric that may have the change."""


class Approve(StrEnum):
    """When a person must approve."""

    NONE = "none"
    CANARY = "canary"
    """After the first wave."""
    WAVE = "wave"
    """After every wave."""


class OnFailure(StrEnum):
    """What happens when a fabric fails."""

    HOLD = "hold"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPolicy:
    """How a rollout proceeds."""

    soak: timedelta = timedelta(0)
    timeout: timedelta = timedelta(minutes=30)
    """How long a fabric may take to converge."""
    approve: Approve = Approve.NONE
    on_failure: OnFailure = OnFailure.HOLD


@dataclass(frozen=True, slots=True)
class Member:
    """One fabric of a rollout, as recorded."""

    fabric: str
    wave: int
    state: MemberState = MemberState.PENDING
    moved_at: datetime | None = None
    """When it came into its state, or last waited for a freeze or a window."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as recorded."""

    state: RolloutState
    policy: RolloutPolicy
    members: tuple[Member, ...]
    approved_wave: int = 0
    """The last wave that needs no approval any more."""

    @property
    def wave(self) -> int | None:
        """The wave that is under way; None when all are done."""
        return min((one.wave for one in self.members if one.state not in BEHIND_IT), default=None)

    @property
    def waves(self) -> int:
        """How many waves there are."""
        return max((one.wave for one in self.members), default=-1) + 1


@dataclass(frozen=True, slots=True)
class SeenMember:
    """What a look at a fabric found."""

    exists: bool = True
    waits: str = ""
    """Why nothing is written of it now: a freeze, closed windows."""
    has_converged: bool = False
    """Whether its targets and every switch have the change, by a look that was made after it was applied."""
    trouble: str = ""
    """What went wrong since the change, and needs somebody."""
    worse: str = ""
    """In which way its health is worse than before."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now."""

    state: RolloutState
    reason: str = ""
    moves: Mapping[str, tuple[MemberState, str]] = field(default_factory=dict)
    """Fabrics that come into another state, or wait in theirs, with the reason."""
    store: tuple[str, ...] = ()
    """Fabrics whose turn it is."""
    take_back: tuple[str, ...] = ()
    look_again_at: datetime | None = None
    """None: nothing happens by itself."""


def decide(rollout: Rollout, observed: Mapping[str, SeenMember], *, now: datetime, pause: timedelta) -> Decision:
    """What is next, from what was recorded and *observed* of the wave under way; a second look comes after *pause*."""
    if rollout.state is not RolloutState.RUNNING:
        return Decision(rollout.state)
    wave = rollout.wave
    if wave is None:
        return Decision(RolloutState.DONE)
    if _needs_approval(rollout, wave):
        return Decision(RolloutState.APPROVAL, f"wave {wave + 1} of {rollout.waves} waits to be approved")
    members = [one for one in rollout.members if one.wave == wave]
    moves = {one.fabric: move for one in members if (move := _move(one, observed[one.fabric], rollout.policy, now))}
    failed = {
        one.fabric: moves.get(one.fabric, (one.state, one.reason))[1]
        for one in members
        if moves.get(one.fabric, (one.state, ""))[0] is MemberState.FAILED
    }
    if failed:
        return _failed(rollout, moves, failed)
    store = tuple(one.fabric for one in members if one.state is MemberState.PENDING and one.fabric not in moves)
    after = {one.fabric: moves.get(one.fabric, (one.state, ""))[0] for one in members}
    if all(state in BEHIND_IT for state in after.values()):
        return Decision(RolloutState.RUNNING, moves=moves, look_again_at=now)
    waits_only = all(observed[name].waits for name, state in after.items() if state not in BEHIND_IT)
    pause = _PATIENCE * pause if waits_only else pause
    look_again_at = _next_look(members, after, rollout.policy.soak, now, pause)
    return Decision(RolloutState.RUNNING, "", moves, store, look_again_at=look_again_at)


def _needs_approval(rollout: Rollout, wave: int) -> bool:
    if wave == 0 or wave <= rollout.approved_wave:
        return False
    approve = rollout.policy.approve
    return approve is Approve.WAVE or (approve is Approve.CANARY and wave == 1)


def _move(member: Member, seen: SeenMember, policy: RolloutPolicy, now: datetime) -> tuple[MemberState, str] | None:
    """The state that a fabric comes into, or waits in; None: it goes on as it is."""
    if member.state in (*BEHIND_IT, MemberState.FAILED):
        return None
    if not seen.exists:
        return MemberState.SKIPPED, "the fabric was deleted"
    if seen.waits and member.state is not MemberState.CONVERGED:
        return member.state, seen.waits
    return None if member.state is MemberState.PENDING else _watched(member, seen, policy, now)


def _watched(member: Member, seen: SeenMember, policy: RolloutPolicy, now: datetime) -> tuple[MemberState, str] | None:
    """The same for a fabric that has the change, and that nothing holds up."""
    if seen.trouble or seen.worse:
        return MemberState.FAILED, seen.trouble or seen.worse
    since = member.moved_at or now
    if seen.has_converged:
        return _converged(member, since, policy, now)
    soak = policy.soak if member.state is MemberState.CONVERGED else timedelta(0)
    if now >= since + soak + policy.timeout:
        return MemberState.FAILED, f"it has not converged within {_span(policy.timeout)}"
    return None


def _converged(member: Member, since: datetime, policy: RolloutPolicy, now: datetime) -> tuple[MemberState, str] | None:
    """A fabric that has the change soaks before it is done."""
    if member.state is not MemberState.CONVERGED and policy.soak:
        return MemberState.CONVERGED, ""
    is_soaked = member.state is not MemberState.CONVERGED or now >= since + policy.soak
    return (MemberState.DONE, "") if is_soaked else None


def _failed(rollout: Rollout, moves: Mapping[str, tuple[MemberState, str]], failed: Mapping[str, str]) -> Decision:
    name, why = next(iter(sorted(failed.items())))
    others = f" ({counted(len(failed), 'fabric')} failed)" if len(failed) > 1 else ""
    reason = f"{name} failed: {why}{others}"
    if rollout.policy.on_failure is OnFailure.HOLD:
        return Decision(RolloutState.PAUSED, reason, moves)
    changed = [one.fabric for one in rollout.members if moves.get(one.fabric, (one.state, ""))[0] in CHANGED]
    return Decision(RolloutState.ROLLED_BACK, reason, moves, take_back=tuple(changed))


def _next_look(
    members: Sequence[Member], after: Mapping[str, MemberState], soak: timedelta, now: datetime, pause: timedelta
) -> datetime:
    """After the pause, or when the next fabric has soaked."""
    began = (one.moved_at for one in members if after[one.fabric] is one.state is MemberState.CONVERGED)
    ends = [moment + soak for moment in began if moment is not None]
    return min([now + pause, *(end for end in ends if end > now)])


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


_SIZE = re.compile(r"([1-9][0-9]{0,5})(%)?")


def divided(
    fabrics: Sequence[str], *, canary: Sequence[str], sizes: Sequence[str], most: str | None
) -> list[list[str]]:
    """*fabrics* in waves: first *canary*, then as many in all as each of *sizes* says (a number, or a part in percent).

    The rest is the last wave. No wave is larger than *most*, a number or a part of all: larger ones are divided. Raises
    InvalidInput for sizes that do not grow, and for a canary that is not among the fabrics.
    """
    unknown = [name for name in canary if name not in fabrics]
    if unknown:
        raise InvalidInput(f"{listed(unknown, _NAMED)}: a canary must be one of the fabrics that are selected")
    rest = [name for name in fabrics if name not in canary]
    waves, begun = [list(dict.fromkeys(canary))] if canary else [], 0
    for size in [*sizes, "100%"]:
        end = min(len(rest), size_of(size, len(rest)))
        if end < begun or (end == begun and size != "100%" and end < len(rest)):
            raise InvalidInput(f"waves {','.join(sizes)}: {size} is not more than the wave before it; sizes are totals")
        waves += [rest[begun:end]] if end > begun else []
        begun = end
    limit = size_of(most, len(fabrics)) if most else max(1, len(fabrics))
    parts = [wave[start : start + limit] for wave in waves for start in range(0, len(wave), limit)]
    if len(parts) > MOST_WAVES:
        raise InvalidInput(f"there would be {len(parts)} waves; at most {MOST_WAVES} are allowed")
    return parts


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def checked_name(text: str) -> str:
    """*text* as the name of a rollout. Raises InvalidInput for one that cannot be told from a number, or is hard to write."""
    if not _NAME.fullmatch(text) or text.isdecimal():
        raise InvalidInput(
            f"{shown(text)} cannot be the name of a rollout: write letters, digits, `.`, `_` and `-`, at most 63, "
            "and not digits alone"
        )
    return text


def size_of(text: str, total: int) -> int:
    """`10` or `10%` of *total*, at least 1. Raises InvalidInput for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None or (match[2] and int(match[1]) > 100):
        raise InvalidInput(f"{shown(text)} is not a number of fabrics; write 5 or 10%")
    return max(1, math.ceil(int(match[1]) * total / 100)) if match[2] else int(match[1])


def digest_of(change: Any, variables: Mapping[str, Mapping[str, Any]]) -> str:
    """What pins a rollout: the SHA-256 of its change and of the variables of each fabric, as first 16 hex digits."""
    text = orjson.dumps({"change": change, "variables": dict(variables)}, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()[:16]


def counts_by_state(members: Iterable[Member]) -> dict[str, int]:
    """How many fabrics are in each state; those without any are left out."""
    found = dict.fromkeys(MemberState, 0)
    for one in members:
        found[one.state] += 1
    return {state.value: count for state, count in found.items() if count}
