"""Bitbucket Cloud: its pushes are announced; its API is not used.

Never pull requests, checks or comments.
"""

from __future__ import annotations

from hedgehog.hosts.bitbucket.webhook import WEBHOOK
from hedgehog.hosts.host import Feature, HostType

HOST = HostType("bitbucket", "Bitbucket", frozenset({Feature.WEBHOOK}), servers=("bitbucket.org",), webhook=WEBHOOK)
"""Bitbucket Cloud."""
