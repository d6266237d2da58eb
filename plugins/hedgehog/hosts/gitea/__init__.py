"""Gitea and Forgejo, whose API is the same: pull requests, statuses, comments, reviews.

Never decides what is published.
"""

from __future__ import annotations

from hedgehog.hosts.gitea.webhook import WEBHOOK
from hedgehog.hosts.host import Access, Feature, Host, HostType
from hedgehog.hosts.pages import Pages


def _open(access: Access) -> Host:
    from hedgehog.hosts.gitea.repository import Repository

    return Repository.of(access)


HOST = HostType(
    "gitea",
    "Gitea",
    frozenset(Feature) - {Feature.CHECKS, Feature.MERGE_QUEUE, Feature.RATE_LIMIT, Feature.SIGNED_COMMITS},
    open=_open,
    webhook=WEBHOOK,
    pages=Pages("commit", "src/branch/{branch}/{path}", "src/branch/{branch}/{path}", "pulls"),
    servers=("gitea.com", "codeberg.org"),
)
"""Gitea or Forgejo, nearly always on a server of one's own, which the connection names."""
