"""GitHub: pull requests, checks, statuses and comments. The only room that knows the `github` library.

Never decides what a check says.
"""

from __future__ import annotations

from hedgehog.hosts.github.webhook import WEBHOOK
from hedgehog.hosts.host import Access, Feature, Host, HostType
from hedgehog.hosts.pages import Pages

MOST_FILES = 3000
"""Files of a pull request that GitHub lists; the rest of a larger one is not listed."""


def _open(access: Access) -> Host:
    from hedgehog.hosts.github.entering import open_repository

    return open_repository(access)


def _can_enter(access: Access) -> bool:
    return bool(access.token or access.extra.get("app_id"))


HOST = HostType(
    "github",
    "GitHub",
    frozenset(Feature),
    open=_open,
    servers=("github.com", "*.ghe.com"),
    can_enter=_can_enter,
    webhook=WEBHOOK,
    pages=Pages("commit", "tree/{branch}/{path}", "blob/{branch}/{path}", "pull"),
    longest_comment=65_536,
    most_files=MOST_FILES,
)
"""GitHub, of github.com, an enterprise's ghe.com, or its own server."""
