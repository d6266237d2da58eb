"""Problems: why a fabric is not as desired, what to do about it, and with which command. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hedgehog.errors import HedgehogError, RetryableError
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Target


class ProblemKind(StrEnum):
    """In which way a fabric is not as desired; `REMEDIES` describes each."""

    HELD_EDIT = "held-edit"
    REFUSED = "refused-object"
    CONFLICT = "field-conflict"
    CLAIMED = "claimed-object"
    PRUNE = "large-prune"
    DRIFT = "drift"
    FLAPPING = "flapping"
    FINALIZER = "stuck-finalizer"
    DEFINITION = "missing-definition"
    FAILED = "failed-object"
    PARKED = "parked"
    DELIVERY = "given-up-delivery"
    PROPOSAL = "proposal"
    SIGNATURE = "unverified-commit"
    PULL_REQUEST = "pull-request"
    FAILING = "failing"


HELD_KINDS = (
    ProblemKind.HELD_EDIT,
    ProblemKind.CONFLICT,
    ProblemKind.CLAIMED,
    ProblemKind.PRUNE,
    ProblemKind.DRIFT,
    ProblemKind.FLAPPING,
    ProblemKind.PULL_REQUEST,
)
"""What waits for a decision of a person: nothing in it is wrong."""


@dataclass(frozen=True, slots=True)
class SyncProblem:
    """What is wrong with one object or file, as a sync found out. `subject` names it: an object ref or a path."""

    kind: ProblemKind
    subject: str
    cause: str


_KINDS_OF_ERRORS: Mapping[str, ProblemKind] = {
    "AdmissionRefused": ProblemKind.REFUSED,
    "AlreadyExists": ProblemKind.CLAIMED,
    "DefinitionMissing": ProblemKind.DEFINITION,
    "DriftReported": ProblemKind.DRIFT,
    "FieldConflict": ProblemKind.CONFLICT,
    "FinalizerPending": ProblemKind.FINALIZER,
    "Flapping": ProblemKind.FLAPPING,
    "InvalidInput": ProblemKind.REFUSED,
    "PruneRefused": ProblemKind.PRUNE,
    "TooLarge": ProblemKind.REFUSED,
}


def problem_of_error(error: HedgehogError, subject: str, cause: str) -> SyncProblem:
    """What *error* says about one object. A refused prune is about all objects that would be deleted, not about a
    single one.
    """
    kind = (
        ProblemKind.FAILING
        if isinstance(error, RetryableError)
        else _KINDS_OF_ERRORS.get(error.reason, ProblemKind.FAILED)
    )
    return SyncProblem(kind, "", str(error)) if kind is ProblemKind.PRUNE else SyncProblem(kind, subject, cause)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is wrong and what to do, each in a few words, and the command that does it or shows more."""

    meaning: str
    advice: str
    command: str


_SYNC = "hedgehog sync {target} {fabric}"
_PULL = "hedgehog pull"
"""For a fabric that is kept in Git: a sync writes nothing there."""
REMEDIES: Mapping[ProblemKind, Remedy] = {
    ProblemKind.HELD_EDIT: Remedy(
        "A file in Git that we would write was changed by somebody else.",
        "take the edit over (adopt), have it overwritten (revert), or undo it in Git",
        "hedgehog drift list {fabric}",
    ),
    ProblemKind.REFUSED: Remedy(
        "An object that breaks a rule, or a file that cannot be read.",
        "correct the object or file, where it is kept, and check it first",
        "hedgehog fabric export {fabric} | hedgehog validate --fabric {fabric} -",
    ),
    ProblemKind.CONFLICT: Remedy(
        "Another field manager owns a field that we set.",
        "have the other manager release the field, take the object over, or write it regardless of who owns its fields",
        "hedgehog drift revert {fabric} {subject} --in {place}",
    ),
    ProblemKind.CLAIMED: Remedy(
        "The object belongs to another fabric or tool.",
        "remove it from one of its owners, or have the fabric take it over from a tool (docs/drift.md), then sync again",
        _SYNC,
    ),
    ProblemKind.PRUNE: Remedy(
        "More would be deleted than the fabric's threshold allows.",
        "see with a dry run whether all of it may go, then allow it",
        "hedgehog sync kubernetes {fabric} --allow-large-prune",
    ),
    ProblemKind.DRIFT: Remedy(
        "Others changed the object in the cluster, and policy leaves that to a person.",
        "take over what is in the cluster (adopt), or write the object again (revert)",
        "hedgehog drift list {fabric}",
    ),
    ProblemKind.FLAPPING: Remedy(
        "Somebody else keeps overwriting what we write.",
        "have only one of the two write the object; it is retried automatically, or at once when you revert it",
        "hedgehog drift revert {fabric} {subject} --in {place}",
    ),
    ProblemKind.FINALIZER: Remedy(
        "An object that is being deleted waits for a finalizer.",
        "find out why the owner of the finalizer does not remove it",
        _SYNC,
    ),
    ProblemKind.DEFINITION: Remedy(
        "The cluster does not know the kind.", "install Hedgehog's definitions in the cluster, then sync again", _SYNC
    ),
    ProblemKind.FAILED: Remedy(
        "The object could not be written or deleted.", "correct the cause, then sync again", _SYNC
    ),
    ProblemKind.PARKED: Remedy(
        "Given up: it is retried seldom, or not at all.",
        "correct the cause, then replay it",
        "hedgehog dead-letters replay {subject}",
    ),
    ProblemKind.DELIVERY: Remedy(
        "A push or a pull request that a Git host announced could not be processed.",
        "correct the cause, then replay it",
        "hedgehog dead-letters replay {subject}",
    ),
    ProblemKind.PROPOSAL: Remedy(
        "A change waits for approval, or was rejected and is still in Git.",
        "look at its plan, then approve or reject it; revert in Git what was rejected",
        "hedgehog proposals show {subject}",
    ),
    ProblemKind.SIGNATURE: Remedy(
        "The commit that changed the fabric in Git is not signed by an allowed signer.",
        "have an allowed signer review the fabric's directory and change something in it with a signed commit, or add "
        "the signer to allowed_signers of the GitRepository",
        _PULL,
    ),
    ProblemKind.PULL_REQUEST: Remedy(
        "A pull request of ours was closed without merging, or somebody else pushed to its branch.",
        "change the fabric, reopen or merge the pull request, or have it opened again",
        "hedgehog pull-request renew {fabric}",
    ),
    ProblemKind.FAILING: Remedy(
        "Retried automatically.", "nothing: it is retried automatically; to retry it now, sync", _SYNC
    ),
}


_CHECK_FILE = "hedgehog validate --fabric {fabric} {subject}"
"""For a refused file, in a clone of its repository: the database has nothing of it to export."""


def remedy(kind: ProblemKind, *, fabric: str, target: Target, verb: str, subject: str) -> Remedy:
    """What to do about a problem of this kind, which the DAG of *verb* can solve.

    The command can be pasted into a shell, whatever characters a path has.
    """
    found = REMEDIES[kind]
    command = _PULL if found.command == _SYNC and verb == "repository_changes" else found.command
    if kind is ProblemKind.REFUSED and subject and subject.partition("/")[0] not in {*ALL_KINDS, FABRIC.kind}:
        command = _CHECK_FILE
    elif kind is ProblemKind.REFUSED and target is Target.KUBERNETES:
        command += " --against-cluster"
    place = "git" if target is Target.GIT else "cluster"
    words = {"fabric": fabric, "target": target.value, "place": place, "subject": shlex.quote(subject)}
    return Remedy(found.meaning, found.advice, command.format(**words))


def merge_problems(problems: Iterable[SyncProblem]) -> list[SyncProblem]:
    """One problem per kind and subject, with all its causes, in the order in which they first appear."""
    causes: dict[tuple[ProblemKind, str], list[str]] = {}
    for one in problems:
        causes.setdefault((one.kind, one.subject), []).append(one.cause)
    return [SyncProblem(kind, subject, "; ".join(dict.fromkeys(found))) for (kind, subject), found in causes.items()]
