"""What somebody may have meant by a name that nothing has. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hedgehog.fabric.shown import LONGEST

SIMILARITY = 0.6
"""How much of two names must be the same, of 1, for one to be taken for a slip of the other."""


def near(name: str, known: Iterable[str], *, most: int = 1, like: float = SIMILARITY) -> list[str]:
    """The names of *known* that are most like *name*, of which no more than a line is looked at; the nearest first."""
    return difflib.get_close_matches(name[:LONGEST], list(known), n=most, cutoff=like)


def did_you_mean(
    name: str, known: Iterable[str], *, most: int = 1, like: float = SIMILARITY, otherwise: str = ""
) -> str:
    """`did you mean a or b?`; *otherwise* where nothing is like *name*."""
    return suggestion(near(name, known, most=most, like=like)) or otherwise


def suggestion(names: Iterable[str]) -> str:
    """`did you mean a or b?`; empty for no names."""
    meant = " or ".join(names)
    return f"did you mean {meant}?" if meant else ""
