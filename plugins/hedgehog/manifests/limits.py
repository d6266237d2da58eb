"""What a check may cost, and what is reported for an object that could not be checked: it is held, never accepted
unchecked.
"""

from __future__ import annotations

import logging
import time

from hedgehog.fabric.model import ObjectRef
from hedgehog.manifests.rule import Violation, rule

UNVERIFIED = rule(
    "object-unverified",
    what="An object can be checked within the time limit of a check.",
    why="An unchecked object is not written: a cluster might accept what no rule has seen.",
    source="ours",
    fix="make the object smaller, or split the set; where the message names an error, please report it with the object",
)

logger = logging.getLogger(__name__)

SECONDS = 10.0
"""Processor time of one check, which does not depend on how busy the machine is."""
SECONDS_PER_OBJECT = 0.001
"""A large fabric has more time: several times what its objects need."""


class TimeBudget:
    """The processor time of one check of *objects* objects, from now on."""

    def __init__(self, objects: int) -> None:
        self.seconds = max(SECONDS, objects * SECONDS_PER_OBJECT)
        self._end = time.thread_time() + self.seconds
        self._earliest = time.monotonic() + self.seconds
        """No thread can have used up the time before; this clock is cheaper to read."""

    @property
    def is_spent(self) -> bool:
        """Whether the time is used up."""
        return time.monotonic() > self._earliest and time.thread_time() > self._end

    def violation(self) -> Violation:
        """The violation of an object that was not reached in time."""
        return UNVERIFIED.at((), f"could not verify: too large: the check reached its limit of {self.seconds:.0f} s")


def unverified_violation(ref: ObjectRef | str, error: Exception) -> Violation:
    """The violation of an object on which one of our rules failed."""
    logger.warning("%s could not be checked: %s: %s", ref, type(error).__name__, error)
    logger.debug("%s could not be checked", ref, exc_info=error)
    return UNVERIFIED.at((), f"could not verify: {type(error).__name__} in a rule; this is a bug of the product")
