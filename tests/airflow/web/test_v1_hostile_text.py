"""Text that people and machines wrote comes back as data, whatever it would do in a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devstack.objects import make_server, small_fabric
from hedgehog.fabric.health import Health
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import RolloutPolicy
from hedgehog.fabric.selectors import Selector
from hedgehog.store import fabrics
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import connect, transaction
from hedgehog.store.freezes import save_freeze
from hedgehog.store.objects import save_objects
from hedgehog.store.origins import set_origin
from hedgehog.store.rollouts import NewMember, add_rollout
from tests.airflow.web.api_lab import add_fabric, add_trouble, look_at, publish
from tests.hostile_text import PAYLOADS

PATHS = (
    "/fleet",
    "/fabrics/gen",
    "/fabrics/gen/objects",
    "/fabrics/gen/objects/Server/default/gen-srv",
    "/fabrics/gen/timeline",
    "/fabrics/gen/topology",
    "/fabrics/gen/addresses",
    "/problems",
    "/drift",
    "/dead-letters",
    "/deliveries",
    "/pull-requests",
    "/actions",
    "/find?value=gen-srv",
    "/freezes",
    "/windows",
    "/rollouts",
    "/rollouts/r",
    "/history",
    "/fabrics/gen/diff",
    "/fabrics/gen/objects/Server/default/gen-srv/blame",
    "/trace/gen",
    "/health",
)


def store(parameters: dict[str, Any], payload: str) -> None:
    """Put *payload* into every text of a fabric database that people or remotes write."""
    connection = connect(parameters)
    gen = add_fabric(connection, "gen", small_fabric("gen"), description=payload)
    server = make_server("gen-srv", payload)
    server["metadata"]["annotations"] = {"example.com/note": payload}
    with transaction(connection) as cursor:
        set_origin(cursor, Origin(who=payload, via=Via.API, why=payload))
        save_objects(connection, gen.id, [server])
        save_freeze(cursor, Selector(), reason=payload, until=None, actor=payload)
    publish(connection, fabrics.load_fabric(connection, "gen"))
    add_trouble(connection, gen)
    look_at(connection, gen, Health.DEGRADED, (payload,), convergence=payload)
    with transaction(connection) as cursor:
        add_rollout(
            cursor,
            "r",
            {"manifests": [server], "delete": [payload]},
            [NewMember("gen", gen.id, 0, {})],
            digest="0" * 16,
            selector=Selector(),
            policy=RolloutPolicy(),
            why=payload,
            actor=payload,
        )
        for statement in (
            "UPDATE hedgehog.sync_state SET reason = %(x)s, revision = %(x)s || '@sha1:' || repeat('a', 40)",
            "UPDATE hedgehog.sync_event SET reason = %(x)s, details = jsonb_build_array(%(x)s::text), revision = %(x)s",
            "UPDATE hedgehog.finding SET cause = %(x)s",
            "UPDATE hedgehog.dead_letter SET message = %(x)s",
            "UPDATE hedgehog.drift SET manager = %(x)s",
            "UPDATE hedgehog.git_edit SET author = %(x)s",
            "UPDATE hedgehog.rollout SET reason = %(x)s",
            "UPDATE hedgehog.rollout_fabric SET reason = %(x)s",
            "INSERT INTO hedgehog.inbox (delivery_id, digest, kind, event, repository, url, number, branch, base, reason, summary, "
            "status) VALUES ('d', repeat('0', 64), 'pull_request', 'pull_request', 'a/b', 'https://h/a/b', 7, %(x)s, 'main', "
            "%(x)s, jsonb_build_object('sender', %(x)s::text), 'done')",
        ):
            cursor.execute(statement, {"x": payload})
        record_action(
            cursor, Deed(actor=payload, action="suspend", fabrics=["gen"], reason=payload, subjects=[payload])
        )
    connection.close()


def texts(value: Any) -> Iterator[str]:
    """Every text in an answer."""
    if isinstance(value, dict):
        for child in value.values():
            yield from texts(child)
    elif isinstance(value, list):
        for child in value:
            yield from texts(child)
    elif isinstance(value, str):
        yield value


def test_thirty_attempts_come_back_as_data(fabric_database, api):
    """As JSON that no browser takes for anything else, and letter by letter as it was stored."""
    assert len(PAYLOADS) == 30
    for payload in PAYLOADS:
        store(fabric_database, payload)
        seen = 0
        for path in PATHS:
            answer = api.get(path)
            assert answer.status_code == 200, (path, payload, answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            seen += sum(payload in text for text in texts(answer.json()))
        assert seen >= 25, payload
        with connect(fabric_database) as connection, connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM hedgehog.fabric; DELETE FROM hedgehog.inbox; DELETE FROM hedgehog.action; DELETE FROM hedgehog.freeze; "
                "DELETE FROM hedgehog.rollout"
            )


def test_an_error_quotes_what_was_asked_as_data(api):
    """The path and the names in it."""
    answer = api.get("/fabrics/<script>alert(1)<%2Fscript>")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_links_lead_to_hosts_of_git_only(fabric_database, api):
    """A repository whose URL is a script has no page."""
    store(fabric_database, "x")
    with connect(fabric_database) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE hedgehog.git_repository SET url = 'javascript:alert(1)//x/y'")
    found = api.get("/fabrics/gen").json()["repository"]
    assert (found["url"], found["web_url"]) == ("javascript:alert(1)//x/y", None)
