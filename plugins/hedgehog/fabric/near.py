"""Suggestions for a name that is not known: which known names are similar to it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from hedgehog.fabric.shown import LONGEST

SIMILARITY = 0.6
"""How similar two names must be, from 0 to 1, for one to be taken for a misspelling of the other."""


def near(name: str, known: Iterable[str], *, most: int = 1, like: float = SIMILARITY) -> list[str]:
    """The names of *known* that are most like *name*, of which LONGEST characters are compared; the nearest first."""
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
