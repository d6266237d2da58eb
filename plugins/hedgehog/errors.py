"""Every exception this product raises on purpose, sorted by the reaction it needs.

    HedgehogError
    ├── RetryableError            come back later; nobody needs to act
    │   ├── RemoteUnavailable     network, timeout, refused connection, 5xx of a Git host, a cluster or the database
    │   ├── DiskUnavailable       one of our local directories cannot be written or read
    │   ├── RateLimited           the remote said when to come back
    │   ├── PushRace              the branch moved while we pushed: plan again on the new head
    │   ├── LockHeld              another run works on the same fabric or repository
    │   └── NotReached            the task stopped before its time limit: the next run continues
    └── PermanentError            retrying alone cannot help; somebody must act
        ├── AuthenticationFailed  the credential is missing, wrong or expired (401)
        ├── PermissionDenied      the credential is valid but not allowed (403, protected branch, refusing hook)
        ├── NotFound              what was named does not exist (404)
        ├── AlreadyExists         what was to be created already exists, or its name collides
        ├── InvalidInput          data that can never be accepted (400, 422, a bad file, a bad row)
        │   └── TooLarge          an object is larger than the cluster stores, a push than the Git host takes
        ├── AdmissionRefused      Hedgehog's admission rules do not allow the object in the current state
        ├── FieldConflict         another field manager owns a field that we set
        ├── DefinitionMissing     the cluster lacks the CustomResourceDefinition of a kind
        ├── FinalizerPending      the object is being deleted and waits for the owner of its finalizer
        ├── DriftReported         others changed the object, and the fabric's policy leaves that to a person
        ├── Flapping              another controller keeps overwriting what we write; held for growing periods
        ├── PruneRefused          a run would delete more than the fabric's threshold allows
        ├── Superseded            what a change is based on has changed meanwhile: read it again
        ├── WorkKilled            the process that does the work is killed repeatedly
        └── SchemaMismatch        the fabric database is newer than this package, or not migrated

Adapters translate foreign exceptions into these and chain them. A message says which object, what is wrong and
what to do next; it never carries a secret.
"""

from __future__ import annotations

import math

LONGEST_WAIT = 3600.0
"""Seconds. A remote that demands a longer wait is asked again after an hour: no answer may stop a fabric for days."""


def wait_of(header: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, at most LONGEST_WAIT; None for its date form and for nonsense."""
    try:
        return bounded_wait(float(header)) if header is not None else None
    except ValueError:
        return None


def bounded_wait(seconds: float | None) -> float | None:
    """*seconds* as a possible wait: not negative, at most LONGEST_WAIT; None for what is not a number."""
    return None if seconds is None or math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT)


class HedgehogError(Exception):
    """Base of all errors raised on purpose; `str()` is fit for operators to read."""

    @property
    def reason(self) -> str:
        """The class name: a stable word for tables, metrics and the troubleshooting page."""
        return type(self).__name__


class RetryableError(HedgehogError):
    """The same call may succeed later. `retry_after` (seconds) is the wait that the remote asked for, if any, with an
    upper limit.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = bounded_wait(retry_after)


class RemoteUnavailable(RetryableError):
    """Network failure, timeout, refused connection or 5xx."""


class DiskUnavailable(RetryableError):
    """One of our local directories is full, read-only, damaged or owned by somebody else; another worker may
    succeed.
    """


class RateLimited(RetryableError):
    """The remote refused because of load (429, or 403 with no calls left)."""


class PushRace(RetryableError):
    """The branch moved between our read and our push; nothing was written."""


class LockHeld(RetryableError):
    """Another run holds the advisory lock of this fabric or repository."""


class NotReached(RetryableError):
    """The task stopped before its time limit; what was not reached stays due."""


class PermanentError(HedgehogError):
    """Retrying without a change elsewhere cannot succeed."""


class AuthenticationFailed(PermanentError):
    """The credential is missing, wrong or expired."""


class PermissionDenied(PermanentError):
    """The credential is valid but not allowed to do this."""


class NotFound(PermanentError):
    """What was named does not exist."""


class AlreadyExists(PermanentError):
    """What was to be created exists, or collides with something that does."""


class InvalidInput(PermanentError):
    """Data that can never be accepted as it is."""


class TooLarge(InvalidInput):
    """An object is larger than the cluster stores, or a push than the Git host takes; it waits for a person, and nothing
    else waits for it.
    """


class AdmissionRefused(PermanentError):
    """Hedgehog's admission rules refuse an object; it waits for a person, and nothing else waits for it."""


class FieldConflict(PermanentError):
    """Another field manager owns a field that we set; nothing was written."""


class DefinitionMissing(PermanentError):
    """The cluster does not know the kind: its CustomResourceDefinition must be installed first.

    `objects_gone`: the cluster was asked for it and has none, so that no object of the kind is there.
    """

    def __init__(self, message: str, *, objects_gone: bool = False) -> None:
        super().__init__(message)
        self.objects_gone = objects_gone


class FinalizerPending(PermanentError):
    """The object is being deleted, and stays until the owner of its finalizer removes the finalizer.

    `retry_after` (seconds) is when we check whether it has gone; None: with the next regular check.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DriftReported(PermanentError):
    """Others changed or deleted the object in the cluster, and the fabric's drift policy leaves it to a person."""


class Flapping(PermanentError):
    """We and another controller keep overwriting each other; `retry_after` (seconds) is when we check whether that has
    ended.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PruneRefused(PermanentError):
    """More deletions than the fabric's threshold allows; nothing was deleted."""


class Superseded(PermanentError):
    """What a change is based on was changed by others meanwhile; nothing was written."""


class WorkKilled(PermanentError):
    """The process that does the work is killed repeatedly: by its time limit, or because it runs out of memory."""


class SchemaMismatch(PermanentError):
    """The tables are newer than this package, or were never migrated."""
