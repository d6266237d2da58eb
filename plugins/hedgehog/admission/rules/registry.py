"""The row of a kind in the table of rules: which functions check it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from hedgehog.admission.cluster_state import ClusterState, Indexer
from hedgehog.fabric.model import Manifest
from hedgehog.manifests.rule import Violation


class Validate(Protocol):
    """Checks an object in its stored form against the cluster state, where it may exist already (*old*)."""

    def __call__(self, new: Manifest, state: ClusterState, old: Manifest | None) -> Iterator[Violation]:
        """Yield every violation, errors and warnings. May rely on the schema: types are right, there are no nulls."""
        ...


class Delete(Protocol):
    """Checks whether an object may be deleted."""

    def __call__(self, old: Manifest, state: ClusterState) -> Iterator[Violation]:
        """Yield every reason why not."""
        ...


class Dropped(Protocol):
    """Looks for what somebody wrote and the mutating webhooks silently drop."""

    def __call__(self, sent: Manifest, new: Manifest) -> Iterator[Violation]:
        """Yield warnings with paths in *sent*, the decoded object; *new* is its stored form."""
        ...


def _accept(*_: Any, **__: Any) -> Iterator[Violation]:
    return iter(())


class KindRules:
    """The row of one kind."""

    __slots__ = ("delete", "dropped", "indexer", "judge", "validate", "warn")

    def __init__(
        self,
        validate: Validate = _accept,
        *,
        delete: Delete = _accept,
        warn: Validate = _accept,
        dropped: Dropped = _accept,
        judge: Validate = _accept,
        indexer: Indexer | None = None,
    ) -> None:
        self.validate = validate
        """What upstream's validating webhook checks on create and update (immutable fields: compare with *old*)."""
        self.delete = delete
        self.warn = warn
        """What upstream accepts by mistake; only called when neither `validate` nor `judge` found an error."""
        self.dropped = dropped
        """What the stored form no longer shows; called together with `warn`."""
        self.judge = judge
        """What upstream's webhook asks of the gateway's dataplane; only called when `validate` found no error."""
        self.indexer = indexer or Indexer()
