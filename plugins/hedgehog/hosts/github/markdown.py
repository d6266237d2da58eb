"""Texts of others as Markdown that shows them and does nothing else. Pure.

Names and values come from the author of a pull request, who may be a stranger. GitHub interprets more than mark-up: it
links addresses, mentions people and teams, and refers to issues, also where the characters are escaped.
"""

from __future__ import annotations

import re

from hedgehog.fabric.shown import printable

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_ACTING = re.compile(r"(@|#(?=[0-9])|\bGH-(?=[0-9])|\bwww(?=\.)|\b(?:https?|ftp|mailto|xmpp)(?=:))", re.IGNORECASE)
_NOTHING = "\N{ZERO WIDTH SPACE}"


def quoted(text: str) -> str:
    """*text* in one line: no mark-up, no link, no image, no mention, no reference."""
    plain = printable(" ".join(text.split()))
    return _MARKUP.sub(r"\\\1", _ACTING.sub(rf"\1{_NOTHING}", plain)).replace("&", "&amp;")


def code(text: str) -> str:
    """*text* in a code span, also inside a table; nothing where there is none."""
    plain = printable(" ".join(text.split())).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""
