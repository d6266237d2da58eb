"""How a connection enters GitHub: with a token, or as an app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.hosts.github.client import Client, Credentials, api_url
from hedgehog.hosts.github.repository import Repository
from hedgehog.hosts.host import Access


def open_repository(access: Access) -> Repository:
    """The repository that *access* enters. Raises InvalidInput for a connection without a token and without an app."""
    base_url = access.api_url or api_url(access.server)
    return Repository(Client(credentials(access), base_url=base_url), access.full_name)


def credentials(access: Access) -> Credentials:
    """A token, or a GitHub App: `app_id`, `installation_id` and `private_key` or `key_path` of the connection's extra."""
    extra = access.extra
    if access.token or not extra.get("app_id"):
        return Credentials(token=access.token)
    installation, permissions = str(extra.get("installation_id") or ""), extra.get("token_permissions")
    if not installation.isdigit():
        raise InvalidInput(f"connection {access.connection_id}: installation_id in its extra is not a number")
    return Credentials(
        app_id=str(extra["app_id"]),
        installation_id=int(installation),
        private_key=extra.get("private_key") or _key_text(access.connection_id, extra.get("key_path")),
        permissions=permissions if isinstance(permissions, dict) else None,
    )


def _key_text(connection_id: str, path: Any) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"connection {connection_id}: key_path {path} cannot be read ({error})") from None
