"""GitHub's webhook: signed with HMAC-SHA256, and its own words for what happens to a pull request."""

from __future__ import annotations

from hedgehog.hosts.payloads import readers
from hedgehog.hosts.webhook import Webhook, is_signed

CHECKED_ACTIONS = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "edited"})
"""Drafts are not checked until they are ready; an edit may choose another base, to which the old verdict does not
apply.
"""

WEBHOOK = Webhook(
    "X-Hub-Signature-256",
    is_signed,
    readers(CHECKED_ACTIONS),
    event="X-GitHub-Event",
    delivery="X-GitHub-Delivery",
    subscriptions=frozenset({"push", "pull_request", "create", "delete"}),
    ping="ping",
)
