"""Bitbucket Cloud: its pushes are announced; its API is not used.

Never pull requests, checks or comments.
"""

from __future__ import annotations

from hedgehog.hosts.bitbucket.webhook import WEBHOOK
from hedgehog.hosts.host import Feature, HostType
from hedgehog.hosts.pages import Pages

HOST = HostType(
    "bitbucket",
    "Bitbucket",
    frozenset({Feature.WEBHOOK}),
    servers=("bitbucket.org",),
    webhook=WEBHOOK,
    pages=Pages("commits", "src/{branch}/{path}", "src/{branch}/{path}", slash=""),
)
"""Bitbucket Cloud."""
