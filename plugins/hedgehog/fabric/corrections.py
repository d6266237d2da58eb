"""When somebody else keeps overwriting what we write: when to write again, and when to hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FREE_CORRECTIONS = 3
"""Corrections in short succession that are made immediately."""
FIRST_PAUSE = 60.0
LONGEST_PAUSE = 3600.0
SHORTEST_MEMORY = 600.0
"""Seconds after which a correction no longer counts if none followed, or twice its pause if that is longer."""
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Corrections:
    """How often an object was written again because others had changed it, who they were, and how long ago the last was."""

    count: int
    rivals: tuple[str, ...]
    """Field managers, if the cluster names them."""
    seconds_ago: float

    @property
    def pause_left(self) -> float:
        """Seconds until it may be written again; 0 when it may be now."""
        return max(0.0, pause(self.count) - self.seconds_ago)

    def describe(self, ours: str) -> str:
        """Who overwrites each other, how often, and how long the object is held, in words for operators."""
        rivals = ", ".join(f"'{one}'" for one in self.rivals) or "somebody who is not named"
        minutes = max(1, round(self.pause_left / 60))
        return (
            f"flapping: '{ours}' and {rivals} keep overwriting each other, {self.count} times so far; it is held, and "
            f"written again in {minutes} min to see whether that has ended"
        )


def pause(count: int) -> float:
    """Seconds that must pass after the *count*-th correction in short succession before the next one."""
    if count < FREE_CORRECTIONS:
        return 0.0
    return float(min(FIRST_PAUSE * 2 ** min(count - FREE_CORRECTIONS, _MOST_DOUBLINGS), LONGEST_PAUSE))
