"""Texts of others as Markdown that shows them and does nothing else. Pure.

Names and values come from the author of a pull request, who may be a stranger. Git hosts interpret more than mark-up: they
link addresses, mention people and teams, and refer to issues and pull requests, also where the characters are escaped.
"""

from __future__ import annotations

import re

from hedgehog.fabric.shown import printable

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_ACTING = re.compile(
    r"(^/(?=\w)|@|[#!&](?=[0-9])|%(?=[\w\"])|\bGH-(?=[0-9])|\bwww(?=\.)|\b(?:https?|ftp|mailto|xmpp)(?=:))",
    re.IGNORECASE,
)
"""A command of GitLab at the beginning (`/close`), a mention, references (`%` and `&` are GitLab's), links."""
_SKIPS = re.compile(r"\[(?:skip|no)[ -]\w+\]|\[ci[ -]skip\]|\bskip-checks\b", re.IGNORECASE)
_NOTHING = "\N{ZERO WIDTH SPACE}"


def quoted(text: str) -> str:
    """*text* in one line: no mark-up, no link, no image, no mention, no reference."""
    plain = printable(" ".join(text.split()))
    return _MARKUP.sub(r"\\\1", _ACTING.sub(rf"\1{_NOTHING}", plain)).replace("&", "&amp;")


def acts(text: str) -> bool:
    """Whether a host acts on *text* in a commit message: a mention, a reference, a link, or a word that skips checks."""
    return _ACTING.search(text) is not None or _SKIPS.search(text) is not None


def code(text: str) -> str:
    """*text* in a code span, also inside a table; nothing where there is none."""
    plain = printable(" ".join(text.split())).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""
