"""The webhook of a repository at its host: made, and inspected, through the host's API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.hosts.host import Feature, Hook, Host
from hedgehog.hosts.webhook import Webhook


@dataclass(frozen=True, slots=True)
class HookState:
    """What a host has for us: its webhook, if there is one, and what is wrong with it."""

    url: str
    exists: bool
    problems: tuple[str, ...] = ()
    last: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"url": self.url, "exists": self.exists, "problems": list(self.problems), "last_delivery": self.last}


def install_hook(host: Host, url: str, secret: str) -> HookState:
    """Make the webhook at *url*, or set its secret and its events again. Raises InvalidInput where the host has none."""
    webhook = _webhook(host)
    host.put_hook(url, secret, webhook.subscriptions, _found(host, url))
    return check_hook(host, url)


def check_hook(host: Host, url: str) -> HookState:
    """What the host has at *url*. Whether its secret is right, only a delivery shows."""
    webhook, hook = _webhook(host), _found(host, url)
    if hook is None:
        text = f"{host.type.title} has no webhook of {host.full_name} to {url}; make it with `hedgehog webhook install`"
        return HookState(url, False, (text,))
    return HookState(url, True, tuple(_problems(hook, webhook)), hook.last)


def _webhook(host: Host) -> Webhook:
    if host.type.webhook is None or Feature.HOOKS not in host.offers:
        raise InvalidInput(
            f"{host.type.title}: webhooks are not made through its API here; make it manually, see docs/webhooks.md"
        )
    return host.type.webhook


def _found(host: Host, url: str) -> Hook | None:
    return next((one for one in host.hooks() if one.url == url), None)


def _problems(hook: Hook, webhook: Webhook) -> Iterator[str]:
    again = "`hedgehog webhook install` corrects it"
    if not hook.active:
        yield f"it is not active; {again}"
    if not hook.is_json:
        yield f"its content type is not application/json; {again}"
    if missing := sorted(webhook.subscriptions - hook.events):
        yield f"it does not announce {', '.join(missing)}; {again}"
    if hook.last and not hook.last.startswith("2"):
        yield f"its last delivery was answered with {hook.last}"
