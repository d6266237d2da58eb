"""Problems: what keeps a fabric from being as it is wanted, what to do about it, and with which command. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hedgehog.errors import HedgehogError, RetryableError


class ProblemKind(StrEnum):
    """In which way a fabric is not as it is wanted."""

    HELD_EDIT = "held-edit"
    """A file in Git that we would write is not as we left it."""
    REFUSED = "refused-object"
    """An object that breaks a rule, or a file that cannot be read."""
    CONFLICT = "field-conflict"
    """Another field manager owns a field that we set."""
    CLAIMED = "claimed-object"
    """The object belongs to another fabric or tool."""
    PRUNE = "large-prune"
    """More would be deleted than the fabric's threshold allows."""
    DRIFT = "drift"
    """Others changed the object in the cluster, and policy leaves that to a person."""
    FLAPPING = "flapping"
    """Somebody else keeps writing back what we write."""
    FINALIZER = "stuck-finalizer"
    """An object that is being deleted waits for a finalizer."""
    DEFINITION = "missing-definition"
    """The cluster does not know the kind."""
    FAILED = "failed-object"
    """The object could not be written or deleted."""
    PARKED = "parked"
    """Given up: not tried again by itself, or seldom."""
    FAILING = "failing"
    """Tried again by itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a sync found out about one object or file. `subject` names it: an object ref or a path."""

    kind: ProblemKind
    subject: str
    cause: str


_OF_ERRORS: Mapping[str, ProblemKind] = {
    "AdmissionRefused": ProblemKind.REFUSED,
    "AlreadyExists": ProblemKind.CLAIMED,
    "DefinitionMissing": ProblemKind.DEFINITION,
    "DriftReported": ProblemKind.DRIFT,
    "FieldConflict": ProblemKind.CONFLICT,
    "InvalidInput": ProblemKind.REFUSED,
    "PruneRefused": ProblemKind.PRUNE,
}


def of_error(error: HedgehogError, subject: str, cause: str) -> Finding:
    """What *error* says of one object. A refused prune is about all that would go, not about one of them."""
    kind = (
        ProblemKind.FAILING if isinstance(error, RetryableError) else _OF_ERRORS.get(error.reason, ProblemKind.FAILED)
    )
    return Finding(kind, "" if kind is ProblemKind.PRUNE else subject, cause)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, in a few words, and the command that does it or that shows how."""

    advice: str
    command: str


_SYNC = "hedgehog sync {target} {fabric}"
_REMEDIES: Mapping[ProblemKind, Remedy] = {
    ProblemKind.HELD_EDIT: Remedy(
        "undo the edit in Git, take it over, or have it overwritten", "hedgehog drift list {fabric}"
    ),
    ProblemKind.REFUSED: Remedy(
        "correct the object or file where it is kept, in Git or by `hedgehog fabric import`",
        "hedgehog fabric show {fabric}",
    ),
    ProblemKind.CONFLICT: Remedy(
        "have the other manager release the field, take the object over, or write it whoever owns its fields",
        "hedgehog drift revert {fabric} {subject}",
    ),
    ProblemKind.CLAIMED: Remedy("remove it from one of its owners, then sync again", _SYNC),
    ProblemKind.PRUNE: Remedy(
        "see whether all of it may go, then allow it", "hedgehog sync kubernetes {fabric} --allow-large-prune"
    ),
    ProblemKind.DRIFT: Remedy(
        "take over what is in the cluster (adopt), or write the object again (revert)",
        "hedgehog drift list {fabric}",
    ),
    ProblemKind.FLAPPING: Remedy("have only one of the two write the object, then sync again", _SYNC),
    ProblemKind.FINALIZER: Remedy("see why the owner of the finalizer does not remove it", _SYNC),
    ProblemKind.DEFINITION: Remedy("install Hedgehog's definitions in the cluster, then sync again", _SYNC),
    ProblemKind.FAILED: Remedy("do what the cause says, then sync again", _SYNC),
    ProblemKind.PARKED: Remedy(
        "put right what the cause says, then replay it", "hedgehog dead-letters replay {subject}"
    ),
    ProblemKind.FAILING: Remedy("nothing: it is tried again by itself", _SYNC),
}


def remedy(kind: ProblemKind, *, fabric: str, target: str, subject: str) -> Remedy:
    """What to do about a problem of this kind."""
    found = _REMEDIES[kind]
    return Remedy(found.advice, found.command.format(fabric=fabric, target=target, subject=subject))


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for each kind and subject, with all its causes, in the order of the first."""
    causes: dict[tuple[ProblemKind, str], list[str]] = {}
    for one in findings:
        causes.setdefault((one.kind, one.subject), []).append(one.cause)
    return [Finding(kind, subject, "; ".join(dict.fromkeys(told))) for (kind, subject), told in causes.items()]
