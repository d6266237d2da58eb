"""Values of others in messages of ours. Pure."""

from __future__ import annotations

from typing import Any

LONGEST = 80
_TOO_MANY_DIGITS = "a number of thousands of digits"


def shown(value: Any, longest: int = LONGEST) -> str:
    """*value* as Python spells it, cut where it is long. Raises nothing: Python refuses to spell very large integers."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return _TOO_MANY_DIGITS if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
