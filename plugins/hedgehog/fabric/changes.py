"""Change sets and outcomes: the result of every verb as a value, never a log line to parse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hedgehog.fabric.model import ObjectRef, Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem


class Action(StrEnum):
    """What was done (or, in a plan, will be done) to one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"
    """Not touched on purpose; the reason says why."""
    FAILED = "failed"


WRITES = frozenset({Action.CREATED, Action.CONFIGURED, Action.DELETED})


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a change set, printed `Kind/namespace/name action (reason)`."""

    ref: ObjectRef
    action: Action
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.ref} {self.action}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """An ordered, immutable list of changes."""

    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, changes: Iterable[Change]) -> ChangeSet:
        """A change set of *changes*, in their order."""
        return cls(tuple(changes))

    def counts(self) -> dict[str, int]:
        """How many changes there are of each action; every action is a key."""
        found = Counter(change.action for change in self.changes)
        return {action.value: found[action] for action in Action}

    def having(self, *actions: Action) -> tuple[Change, ...]:
        """The changes with one of *actions*."""
        return tuple(change for change in self.changes if change.action in actions)

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that touch the target: created, configured, deleted."""
        return self.having(*WRITES)


@dataclass(frozen=True, slots=True)
class Round:
    """One step of a change that admission accepts only in steps: first the writes, then the deletes."""

    writes: frozenset[ObjectRef]
    deletes: frozenset[ObjectRef]


class OutcomeStatus(StrEnum):
    """How the sync of one fabric to one target ended."""

    SUCCESS = "success"
    SKIPPED = "skipped"
    """Nothing to do, suspended, or another run works on it."""
    HELD = "held"
    """Done, except for what the fabric's policies leave to a person."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did for one fabric at one target. It is stored however the run ended."""

    fabric: str
    target: Target
    status: OutcomeStatus
    generation: int = 0
    """The generation that the target has now reached (only meaningful on success)."""
    revision: str | None = None
    commit: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    """Why it was skipped or held, or why it failed; may be empty on success."""
    error_class: str | None = None
    retryable: bool = False
    retry_after: float | None = None
    duration: float = 0.0
    """Seconds."""
    details: tuple[str, ...] = ()
    """One printable line per object or file that changed, failed or is held; unchanged ones are left out."""
    dry_run: bool = False
    waits_for: str = ""
    """What has to happen before the target reaches the generation: the merge of a pull request."""
    problems: tuple[SyncProblem, ...] = ()
    """What is wrong with single objects and files; none where they could not be checked."""

    @property
    def needs_somebody(self) -> bool:
        """Whether it waits for a person, and not only for something that may end without one."""
        passing = {ProblemKind.FINALIZER, ProblemKind.FAILING}
        unknown = not self.problems and not self.waits_for
        waits = unknown or any(one.kind not in passing for one in self.problems)
        return self.status is OutcomeStatus.HELD and waits

    def as_dict(self) -> dict[str, Any]:
        """Plain data for XCom and JSON output: names, counts and revisions, never manifests."""
        return {
            "fabric": self.fabric,
            "target": self.target.value,
            "status": self.status.value,
            "commit": self.commit,
            "revision": self.revision,
            "counts": dict(self.counts),
            "reason": self.reason,
            "error_class": self.error_class,
            "retryable": self.retryable,
            "duration": round(self.duration, 3),
            "dry_run": self.dry_run,
        }
