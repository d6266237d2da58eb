"""Proposals: changes that wait for approval, and the rules that say which changes do. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.fabric.change_plan import ChangePlan
from hedgehog.fabric.changes import Action
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.shown import listed

_NAMES_SHOWN = 5
_BETWEEN_AUTHORS = re.compile(r"(?<=>), ")
_ADDRESS = re.compile(r"<([^<>]*)>\s*$")


class ProposalStatus(StrEnum):
    """What became of a proposal."""

    WAITING = "waiting"
    APPROVED = "approved"
    """A change in Git that the next look at the repository takes in."""
    APPLIED = "applied"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    """What it was planned from is no longer so; where the change still makes a difference, another one waits instead."""


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Which changes need approval: of the fabrics that *selector* fits; without a limit, all of them."""

    name: str
    selector: Selector
    max_deleted: int | None = None
    """Up to so many deleted objects need no approval."""
    max_switches: int | None = None
    """Up to so many switches that are concerned need no approval."""
    kinds: frozenset[str] = field(default_factory=frozenset)
    """Changes of objects of these kinds need approval."""
    author_may_approve: bool = False
    review_decides: bool = True
    """Whether an approving review of the pull request is an approval."""

    @property
    def is_always(self) -> bool:
        """Whether every change needs approval."""
        return self.max_deleted is None and self.max_switches is None and not self.kinds

    @property
    def condition(self) -> str:
        """Which changes, in words."""
        parts = []
        if self.max_deleted is not None:
            parts.append(f"more than {self.max_deleted} deleted objects")
        if self.max_switches is not None:
            parts.append(f"more than {self.max_switches} switches concerned")
        if self.kinds:
            parts.append(f"objects of {', '.join(sorted(self.kinds))}")
        return " or ".join(parts) or "always"

    def reasons(self, plan: ChangePlan) -> Iterator[str]:
        """Why *plan* needs approval by this rule; nothing if it does not."""
        if plan.is_empty:
            return
        deleted = sum(change.action is Action.DELETED for change in plan.changes)
        if self.is_always:
            yield f"rule {self.name}: every change"
        if self.max_deleted is not None and deleted > self.max_deleted:
            yield f"rule {self.name}: {deleted} deleted objects, more than {self.max_deleted}"
        switches = plan.blast.switches
        if self.max_switches is not None and len(switches) > self.max_switches:
            names = listed(switches, _NAMES_SHOWN)
            yield f"rule {self.name}: {len(switches)} switches concerned, more than {self.max_switches}: {names}"
        kinds = sorted(self.kinds & {change.ref.kind for change in plan.changes})
        if kinds:
            yield f"rule {self.name}: objects of {', '.join(kinds)}"


@dataclass(frozen=True, slots=True)
class NeededApproval:
    """Why a change needs approval, and whether its author or a review may give it: only if every rule that asks allows it."""

    reasons: tuple[str, ...]
    author_may_approve: bool
    review_decides: bool = False


def needed_approval(rules: Iterable[ApprovalRule], plan: ChangePlan) -> NeededApproval | None:
    """What *rules* say about *plan*; None if it needs no approval."""
    asking = [(rule, found) for rule in rules if (found := list(rule.reasons(plan)))]
    if not asking:
        return None
    reasons = tuple(reason for _, found in asking for reason in found)
    author_may_approve = all(rule.author_may_approve for rule, _ in asking)
    return NeededApproval(reasons, author_may_approve, all(rule.review_decides for rule, _ in asking))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that waits, or waited, for approval."""

    id: int
    fabric: str
    plan_id: str
    status: ProposalStatus
    origin: Origin
    reasons: tuple[str, ...]
    author_may_approve: bool
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    decision: str = ""
    """Why it was decided so, or why it no longer held."""
    superseded_by: int | None = None
    review_decides: bool = False
    """Whether an approving review of the pull request that it came with is an approval."""
    review: str = ""
    """What its reviews at the host say."""
    pull_request: str = ""
    """The page of the pull request that it came with, once that is known."""
    reviewed_at: datetime | None = None
    """Since when the reviews say that; None: they were not read."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "id": self.id,
            "fabric": self.fabric,
            "plan": self.plan_id,
            "status": self.status.value,
            "author": self.origin.who,
            "via": self.origin.via.value,
            "reason": self.origin.why,
            "commit": self.origin.commit,
            "needs_approval": list(self.reasons),
            "author_may_approve": self.author_may_approve,
            "created_at": self.created_at.isoformat(),
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "decided_by": self.decided_by,
            "decision": self.decision,
            "superseded_by": self.superseded_by,
            "review_decides": self.review_decides,
            "review": self.review,
            "pull_request": self.pull_request,
        }

    def approved_why(self, why: str) -> str:
        """The reason of its change in the history: *why*, as its author says, and who approved it."""
        said = f": {self.decision}" if self.decision else ""
        approved = f"proposal {self.id}, approved by {self.decided_by}{said}"
        return f"{why} ({approved})" if why else approved


def is_same_person(one: str, other: str) -> bool:
    """Whether two names can mean one person: `ada`, `ada@host` of the command, `Ada <ada@example.com>` of a commit.

    Errs on the side of yes: a namesake of the author cannot approve either. A change by several people has a list of
    authors of commits, with commas, and is a change of each.
    """
    return bool(_logins(one) & _logins(other))


def _logins(name: str) -> set[str]:
    """What a name may be compared by, in lower case: its login, and the whole of it."""
    text = name.strip().casefold()
    several = _BETWEEN_AUTHORS.split(text)
    if len(several) > 1:
        return set().union(*map(_logins, several))
    address = _ADDRESS.search(text)
    whole = {text, text.partition("@")[0]}
    if address:
        whole = {address[1], address[1].partition("@")[0], text[: address.start()].strip()}
    return whole - {""}
