"""`hedgehog webhook …`: the webhook of a repository at its Git host."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import Parser, add_command, add_group
from hedgehog.cli.output import cell, show
from hedgehog.cli.session import fabric_database
from hedgehog.errors import InvalidInput
from hedgehog.store.fabrics import load_repository

if TYPE_CHECKING:
    from hedgehog.fabric.model import GitRepository
    from hedgehog.hosts.host import Host
    from hedgehog.services.repository.hooks import HookState

_NO_ADDRESS = (
    "the address of Airflow is not known; set `[api] base_url`, or give it with --airflow https://airflow.example.com"
)


def add_commands(commands: Any) -> None:
    """Add `webhook` and its subcommands."""
    group = add_group(commands, "webhook", summary="make or inspect the webhook of a repository at its Git host")
    _add(group, "install", _install, "make the webhook, or set its secret and events again")
    _add(group, "check", _check, "say whether the webhook is there and announces what is needed")


def _add(group: Any, name: str, run: Any, summary: str) -> None:
    parser: Parser = add_command(
        group,
        name,
        run,
        summary=summary,
        examples=f"hedgehog webhook {name} network --airflow https://airflow.example.com",
    )
    parser.add_argument("repository", metavar="REPOSITORY")
    parser.add_argument("--airflow", metavar="URL", help="where the Git host reaches Airflow (default: [api] base_url)")


def _install(arguments: argparse.Namespace) -> int:
    from hedgehog.airflow.web.webhook import secret_connection, webhook_secrets
    from hedgehog.services.repository import hooks

    with closing(_host(arguments)) as host:
        route = host.type.name
        secrets = webhook_secrets(route)
        if not secrets:
            name = secret_connection(route)
            raise InvalidInput(
                f"there is no secret for the webhook of {host.type.title}; create it with `airflow connections add "
                f'{name} --conn-type generic --conn-password "$(openssl rand -hex 32)"`'
            )
        return _shown(arguments, hooks.install_hook(host, _address(arguments, route), secrets[0]))


def _check(arguments: argparse.Namespace) -> int:
    from hedgehog.services.repository import hooks

    with closing(_host(arguments)) as host:
        return _shown(arguments, hooks.check_hook(host, _address(arguments, host.type.name)))


def _host(arguments: argparse.Namespace) -> Host:
    from hedgehog.airflow.adapters.hooks import open_host

    with fabric_database(arguments) as connection:
        repository: GitRepository = load_repository(connection, arguments.repository)
    return open_host(repository)


def _address(arguments: argparse.Namespace, route: str) -> str:
    """The webhook's URL. Raises InvalidInput where Airflow's own is not known."""
    from hedgehog.airflow.configuration import option

    base = (arguments.airflow or option("api", "base_url") or "").rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise InvalidInput(_NO_ADDRESS)
    return f"{base}/hedgehog/webhooks/{route}"


def _shown(arguments: argparse.Namespace, state: HookState) -> int:
    """Print it; 1 where something is wrong."""

    def text() -> str:
        last = f"; its last delivery was answered with {cell(state.last)}" if state.last and not state.problems else ""
        lines = [f"{arguments.repository}: {cell(problem)}" for problem in state.problems]
        return "\n".join(lines or [f"{arguments.repository}: the webhook to {cell(state.url)} is in order{last}"])

    show(arguments, {"repository": arguments.repository, **state.as_dict()}, text)
    return 1 if state.problems else 0
