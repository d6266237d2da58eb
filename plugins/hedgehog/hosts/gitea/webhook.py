"""The webhook of Gitea and Forgejo: signed as GitHub's, and almost in its words."""

from __future__ import annotations

from hedgehog.hosts.payloads import readers
from hedgehog.hosts.webhook import Webhook, is_signed

CHECKED_ACTIONS = frozenset({"opened", "synchronized", "reopened", "edited"})
"""A draft becomes ready when its title is edited."""

_REVIEWS = frozenset({"pull_request_approved", "pull_request_rejected"})
"""As deliveries name them; a webhook that announces pull requests announces their reviews."""

WEBHOOK = Webhook(
    "X-Hub-Signature-256",
    is_signed,
    readers(CHECKED_ACTIONS, _REVIEWS),
    event="X-Gitea-Event",
    delivery="X-Gitea-Delivery",
    subscriptions=frozenset({"push", "pull_request", "pull_request_sync", "create", "delete"}),
)
