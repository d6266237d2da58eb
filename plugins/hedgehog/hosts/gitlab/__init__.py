"""GitLab, of gitlab.com or a server of one's own: merge requests, statuses, comments, threads on lines.

Never decides what is published. A merge request is a pull request here.
"""

from __future__ import annotations

from hedgehog.hosts.gitlab.webhook import WEBHOOK
from hedgehog.hosts.host import Access, Feature, Host, HostType
from hedgehog.hosts.pages import Pages


def _open(access: Access) -> Host:
    from hedgehog.hosts.gitlab.repository import Repository

    return Repository.of(access)


HOST = HostType(
    "gitlab",
    "GitLab",
    frozenset(Feature) - {Feature.CHECKS, Feature.MERGE_QUEUE, Feature.SIGNED_COMMITS},
    open=_open,
    servers=("gitlab.com",),
    webhook=WEBHOOK,
    pages=Pages("-/commit", "-/tree/{branch}/{path}", "-/blob/{branch}/{path}", "-/merge_requests"),
)
"""GitLab, by the name of its server or of the connection."""
