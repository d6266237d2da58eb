"""What happened to one object of a cluster, or is planned to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgehog.errors import HedgehogError
from hedgehog.fabric.changes import Action, Change
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.failures import Answer


@dataclass(frozen=True, slots=True)
class Result:
    """What happened to one object: the change to report, the object as stored, or the error."""

    change: Change
    live: Manifest | None = None
    error: HedgehogError | None = None
    answer: Answer | None = None
    left: Manifest = field(default_factory=dict)
    """What the fabric dropped and others keep."""

    @property
    def stored(self) -> Manifest | None:
        """The object as the server has it now; None when it is not there. An answer is parsed when it is asked for."""
        return self.live if self.answer is None else self.answer.json()

    @property
    def is_there(self) -> bool:
        """Whether the server has the object now."""
        return self.live is not None or self.answer is not None

    @classmethod
    def failed(cls, ref: ObjectRef, error: HedgehogError) -> Result:
        """*ref* was to be written and was not."""
        return cls(Change(ref, Action.FAILED, str(error).removeprefix(f"{ref}: ")), error=error)

    @classmethod
    def untried(cls, ref: ObjectRef, obstacle: HedgehogError) -> Result:
        """*ref* was to be written or deleted, and *obstacle* kept us from trying."""
        return cls(Change(ref, Action.SKIPPED, f"not tried: {obstacle}"), error=obstacle)


def terminating(metadata: Mapping[str, Any]) -> str:
    """How long an object has been waiting for its deletion, and for what."""
    waits = ", ".join(str(name) for name in metadata.get("finalizers") or ()) or "the server"
    return f"being deleted since {metadata.get('deletionTimestamp')}, waits for {waits}"
