"""Airflow connections as plain values. Reads the environment first, so the `hedgehog` command works
from a clone with no Airflow running; a command reads the rest without the seconds that importing Airflow takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from hedgehog.airflow.adapters import metadata
from hedgehog.airflow.settings import GIT_CACHE_DIRECTORY
from hedgehog.errors import InvalidInput, NotFound

DATABASE_CONNECTION = "hedgehog_db"
_LIBPQ_EXTRA = (
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "options",
    "target_session_attrs",
    "tcp_user_timeout",
)


@dataclass(frozen=True, slots=True)
class ConnectionValues:
    """The parts of an Airflow connection. Secrets are kept out of `repr`."""

    connection_id: str
    conn_type: str
    host: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    schema: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_connection(connection_id: str) -> ConnectionValues:
    """The connection of that id: from `AIRFLOW_CONN_<ID>`, else as Airflow knows it (secrets backends included).

    Raises NotFound with the ways to create it, InvalidInput when it cannot be read.
    """
    text = os.environ.get(f"AIRFLOW_CONN_{connection_id.upper()}")
    if text is not None:
        values = _parse(connection_id, text)
        _mask(values)
        return values
    return _from_airflow(connection_id)


def _parse(connection_id: str, text: str) -> ConnectionValues:
    try:
        return _from_json(connection_id, text) if text.lstrip().startswith("{") else _from_uri(connection_id, text)
    except ValueError as error:  # the text itself may hold a password: name the variable, not its content
        raise InvalidInput(
            f"AIRFLOW_CONN_{connection_id.upper()} is neither a connection URI nor a JSON object "
            f"({type(error).__name__})"
        ) from None


def _from_json(connection_id: str, text: str) -> ConnectionValues:
    data = orjson.loads(text)
    extra = data.get("extra") or {}
    if isinstance(extra, str):
        extra = orjson.loads(extra)
    if not isinstance(extra, dict):
        raise ValueError("extra is not an object")
    port = data.get("port")
    return ConnectionValues(
        connection_id,
        str(data.get("conn_type") or ""),
        data.get("host"),
        data.get("login"),
        data.get("password"),
        int(port) if port not in (None, "") else None,
        data.get("schema"),
        extra,
    )


def _from_uri(connection_id: str, text: str) -> ConnectionValues:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError("no scheme")
    extra: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "__extra__" in extra:
        extra = {**orjson.loads(extra.pop("__extra__")), **extra}
    return ConnectionValues(
        connection_id,
        parts.scheme.replace("postgresql", "postgres"),
        unquote(parts.hostname) if parts.hostname else None,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        parts.port,
        unquote(parts.path.lstrip("/")) or None,
        extra,
    )


def _mask(values: ConnectionValues) -> None:
    """Tell Airflow's log masker, where there is one, what must never be printed."""
    if "airflow" in sys.modules:
        from airflow.sdk.log import mask_secret

        if values.password:
            mask_secret(values.password)
        mask_secret(dict(values.extra), "extra")


def _from_airflow(connection_id: str) -> ConnectionValues:
    if "airflow" not in sys.modules:  # a command, no task
        try:
            return _from_metadata(connection_id)
        except metadata.NeedsAirflow:
            text = f"hedgehog: loading Airflow, because only it can read the connection {connection_id}; this takes some seconds"
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - for the person who waits
            enter_airflow()
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = Connection.get(connection_id)
    except AirflowNotFoundException:
        raise _unknown(connection_id) from None
    return ConnectionValues(
        connection_id,
        found.conn_type or "",
        found.host,
        found.login,
        found.password,
        found.port,
        found.schema,
        found.extra_dejson,
    )


def enter_airflow() -> None:
    """Before a command imports Airflow: be one of the components that may read its database, because a task may not."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def _from_metadata(connection_id: str) -> ConnectionValues:
    found = metadata.connection(connection_id)
    if found is None:
        raise _unknown(connection_id)
    try:
        extra = orjson.loads(found.extra) if found.extra else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise InvalidInput(f"connection {connection_id}: its extra is not a JSON object")
    return ConnectionValues(
        connection_id, found.conn_type, found.host, found.login, found.password, found.port, found.schema, extra
    )


def _unknown(connection_id: str) -> NotFound:
    return NotFound(
        f"there is no Airflow connection {connection_id!r}; create it in the web UI (Admin, Connections), with "
        f"`airflow connections add {connection_id}`, or as AIRFLOW_CONN_{connection_id.upper()}"
    )


def refuse_other_host(values: ConnectionValues, host: str) -> None:
    """Raise InvalidInput when the connection says for which hosts its credential is meant, and *host* is none of them.

    The extra `hosts` has their names, as a list or separated by commas. Anybody who can write a repository's URL (a
    row, a restored backup) must not thereby send a credential to a host of his own.
    """
    meant = values.extra.get("hosts")
    if meant is None:
        return
    names = meant.split(",") if isinstance(meant, str) else meant
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"connection {values.connection_id}: hosts in its extra is not a list of host names")
    known = {name.strip().lower() for name in names}
    if host.lower() not in known:
        raise InvalidInput(
            f"connection {values.connection_id} is meant for {', '.join(sorted(known)) or 'no host'}, not for "
            f"{host or 'a local path'}; correct the repository's URL, or add the host to hosts in the connection's extra"
        )


def database_parameters(connection_id: str = DATABASE_CONNECTION) -> dict[str, Any]:
    """libpq keywords of a `postgres` connection. The socket directory may be `host` or the extra `host`."""
    values = read_connection(connection_id)
    if values.conn_type not in ("postgres", "postgresql"):
        raise InvalidInput(
            f"connection {connection_id} has type {values.conn_type!r}; it must be a postgres connection"
        )
    found = {
        "host": values.extra.get("host") or values.host,
        "port": values.port,
        "user": values.login,
        "password": values.password,
        "dbname": values.schema or values.extra.get("dbname"),
        **{key: values.extra[key] for key in _LIBPQ_EXTRA if key in values.extra},
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def git_cache_directory() -> Path:
    """Where bare clones are kept: `[hedgehog] git_cache_directory`, else below AIRFLOW_HOME or the user's cache."""
    home = os.environ.get("AIRFLOW_HOME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return GIT_CACHE_DIRECTORY.read() or (Path(home) if home else cache) / "hedgehog" / "git"
