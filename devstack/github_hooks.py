"""The webhooks of the GitHub stand-in: kept and shown, never delivered to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Hooks:
    """Webhooks by id, with their secrets."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def list(self, *_: Any) -> tuple[int, Any]:
        """All of them, as GitHub shows them."""
        return 200, [_shown(one) for one in self.kept.values()]

    def put(
        self, repository: str, values: Mapping[str, str], query: Mapping[str, str], body: dict[str, Any], who: str
    ) -> tuple[int, Any]:
        """Make one, or change one."""
        known = values.get("hook_id")
        if known is not None and known not in self.kept:
            return 404, {"message": "Not Found"}
        key = known or str(len(self.kept) + 1)
        self.kept[key] = {"id": int(key), **self.kept.get(key, {}), **body}
        return (200 if known else 201), _shown(self.kept[key])


def _shown(hook: Mapping[str, Any]) -> dict[str, Any]:
    """Without the secret."""
    config = {**hook["config"], "secret": "********"}
    return {
        "type": "Repository",
        "name": "web",
        **hook,
        "config": config,
        "last_response": {"code": 200, "status": "active", "message": "OK"},
    }
