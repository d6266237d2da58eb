"""Checking a whole set of objects, as if a cluster were asked to take them one wave after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.schemas.rules.rule import Violation


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said about one object. `stored` is None when a cluster would refuse it."""

    ref: ObjectRef
    violations: tuple[Violation, ...]
    stored: Manifest | None
    because_of: ObjectRef | None = None
    """The refused object that this one refers to, where that is its only fault."""


def check(
    objects: Iterable[Manifest], settings: FabricSettings, *, before: Iterable[Manifest] = ()
) -> Mapping[ObjectRef, Finding]:
    """A finding for every object that is refused or warned about; an object that is not in the result is fine.

    *before* are the objects as they are now: they win a conflict with new ones, and changes of them are checked as
    changes (immutable fields). Objects are admitted in waves; what is refused is left out, so what refers to it is
    refused as well, and nothing else is.
    """
    raise NotImplementedError
