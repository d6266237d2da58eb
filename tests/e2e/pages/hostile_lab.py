"""A fabric of which every text was written by somebody who would like to run a script in a reader's browser."""

from __future__ import annotations

import json
from typing import Any

from devstack.objects import make_server, make_vpc
from devstack.stack import Stack
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.rollouts import RolloutPolicy
from hedgehog.fabric.selectors import Selector
from hedgehog.store import fabrics
from hedgehog.store.database import Connection, transaction
from hedgehog.store.freezes import save_freeze
from hedgehog.store.objects import save_objects
from hedgehog.store.origins import set_origin
from hedgehog.store.rollouts import NewMember, add_rollout
from tests.hostile_text import PAYLOADS

_RECORDS = (
    # What syncs said, and what they did.
    "INSERT INTO hedgehog.sync_event (fabric_id, fabric, target, status, generation, revision, counts, reason, error_class, "
    "details, run_id, duration) VALUES (%(id)s, %(fabric)s, 'git', 'error', 1, %(x)s || '@sha1:' || repeat('a', 40), "
    "'{\"failed\": 1}', %(x)s, %(x)s, jsonb_build_array(%(x)s::text), %(x)s, 1)",
    "INSERT INTO hedgehog.finding (fabric_id, target, kind, subject, cause) VALUES (%(id)s, 'git', 'held-edit', %(x)s, %(x)s)",
    "INSERT INTO hedgehog.git_edit (fabric_id, path, state, author, problem, differences) VALUES (%(id)s, %(x)s, 'changed', "
    "%(x)s, %(x)s, %(differences)s)",
    "INSERT INTO hedgehog.drift (connection_id, kind, namespace, name, fabric_id, state, paths, manager, score, differences) "
    "VALUES (%(fabric)s, 'Server', 'default', %(server)s, %(id)s, 'changed', jsonb_build_array(%(x)s::text), "
    "left(%(x)s, 200), 1, %(differences)s)",
    # What was given up, and what people did.
    "INSERT INTO hedgehog.dead_letter (fabric_id, target, verb, conf, status, attempts, error_class, message, run_id, "
    "first_failed_at, last_failed_at, closed_at, closed_by, note) VALUES (%(id)s, 'git', 'git_sync', '{}', 'discarded', 1, %(x)s, "
    "%(x)s, %(x)s, now(), now(), now(), %(x)s, %(x)s)",
    "INSERT INTO hedgehog.action (actor, action, fabric, subjects, reason) VALUES (%(x)s, 'suspend', %(fabric)s, "
    "jsonb_build_array(%(x)s::text), %(x)s)",
    # What Git hosts sent: repositories, branches, titles, people.
    *(
        "INSERT INTO hedgehog.inbox (delivery_id, digest, kind, event, action, repository, url, number, branch, base, summary, "
        f"status, reason, finished_at) VALUES ('{kind}' || md5(%(x)s), encode(sha256(convert_to('{kind}' || %(x)s, 'UTF8')), "
        f"'hex'), '{kind}', 'push', left(%(x)s, 40), %(x)s, %(x)s, %(number)s, %(x)s, %(x)s, "
        "jsonb_build_object('sender', %(x)s::text, 'title', %(x)s::text), 'done', %(x)s, now())"
        for kind in ("branch", "pull_request")
    ),
    "INSERT INTO hedgehog.health (scope, name, health, reasons, facts, since, checked_at) VALUES ('service', %(x)s, 'Degraded', "
    "jsonb_build_array(%(x)s::text), jsonb_build_object(%(x)s::text, %(x)s::text), now(), now())",
)
_STATES = (
    "UPDATE hedgehog.sync_state SET status = 'parked', reason = %(all)s, revision = %(all)s, due_at = now() + interval '1 day' "
    "WHERE fabric_id = %(id)s",
    "INSERT INTO hedgehog.health (scope, name, fabric_id, health, reasons, facts, since, checked_at) VALUES ('fabric', %(fabric)s, "
    "%(id)s, 'Degraded', %(list)s, jsonb_build_object('converged', false, 'convergence', %(all)s::text), now(), now())",
    "INSERT INTO hedgehog.circuit (fabric_id, service, failures, reason, opened_at) VALUES (%(id)s, 'kubernetes', 9, %(all)s, now())",
    "INSERT INTO hedgehog.dry_run_result (fabric_id, target, run_id, at, generation, status, reason, counts, changes) VALUES "
    "(%(id)s, 'git', 'x', now(), 1, 'success', %(all)s, '{\"created\": 30}', %(changes)s)",
)
_UNDO = (
    "DELETE FROM hedgehog.inbox WHERE delivery_id IN (SELECT k || md5(x) FROM unnest(%(list)s::text[]) x, "
    "unnest(ARRAY['branch', 'pull_request']) k)",
    "DELETE FROM hedgehog.health WHERE scope = 'service' AND name = ANY(%(list)s)",
    "DELETE FROM hedgehog.rollout WHERE name = %(fabric)s",
    "DELETE FROM hedgehog.freeze WHERE frozen_by = ANY(%(list)s)",
    "DELETE FROM hedgehog.fabric WHERE name = %(fabric)s",
)


def plant(stack: Stack, name: str) -> None:
    """Store every payload in every kind of text, in one transaction: what runs by itself leaves the fabric alone after it."""
    connection = stack.database
    together = " ".join(PAYLOADS)
    with transaction(connection) as cursor:
        stack.add_fabric(name, description=together, kubernetes_connection_id=name, resync_seconds=86400)
        fabric = fabrics.load_fabric(connection, name)
        for number, payload in enumerate(PAYLOADS):
            set_origin(cursor, Origin(who=payload, via=Via.CLI, why=payload))
            save_objects(connection, fabric.id, [_server(name, number)])
            save_freeze(cursor, Selector.named([f"{name}-{number}"]), reason=payload, until=None, actor=payload)
            _execute(cursor, _RECORDS, _values(name, fabric.id, number))
        _store_object_of_all(connection, cursor, name, fabric.id)
        changes = [{"subject": one, "action": "created", "reason": one} for one in PAYLOADS]
        values = {"id": fabric.id, "fabric": name, "all": together}
        values |= {"list": json.dumps(PAYLOADS), "changes": json.dumps(changes)}
        _execute(cursor, _STATES, values)


def uproot(stack: Stack, name: str) -> None:
    """Delete it all."""
    with transaction(stack.database) as cursor:
        _execute(cursor, _UNDO, {"fabric": name, "list": list(PAYLOADS)})


def _execute(cursor: Any, statements: tuple[str, ...], values: dict[str, Any]) -> None:
    for statement in statements:
        cursor.execute(statement, values)


def _values(name: str, row_id: int, number: int) -> dict[str, Any]:
    payload = PAYLOADS[number]
    differences = [{"path": payload, "ours": payload, "theirs": {payload: [payload]}, "by": payload}]
    values = {"id": row_id, "fabric": name, "server": f"{name}-{number}", "number": number + 1, "x": payload}
    return {**values, "differences": json.dumps(differences)}


def _server(name: str, number: int) -> Manifest:
    server = make_server(f"{name}-{number}", PAYLOADS[number])
    server["metadata"]["annotations"] = {"example.com/note": PAYLOADS[number]}
    return server


def _store_object_of_all(connection: Connection, cursor: Any, name: str, row_id: int) -> None:
    """A VPC whose subnets are called as no cluster would let them, with every annotation, and a rollout of it."""
    vpc = make_vpc(f"{name}-v")
    vpc["metadata"]["annotations"] = {f"example.com/{number}": payload for number, payload in enumerate(PAYLOADS)}
    subnets = {payload: {"subnet": payload, "vlan": 1001} for payload in PAYLOADS}
    vpc["spec"]["subnets"] = subnets
    save_objects(connection, row_id, [vpc])
    together = " ".join(PAYLOADS)
    change = {"manifests": [vpc], "delete": list(PAYLOADS)}
    members = [NewMember(name, row_id, 0, {})]
    options: dict[str, Any] = {"digest": "0" * 16, "selector": Selector.named([name]), "policy": RolloutPolicy()}
    number = add_rollout(cursor, name, change, members, why=together[:1000], actor=together[:300], **options)
    cursor.execute(
        "UPDATE hedgehog.rollout SET state = 'aborted', ended_at = now(), reason = %(all)s WHERE id = %(id)s",
        {"all": together, "id": number},
    )
    cursor.execute(
        "UPDATE hedgehog.rollout_fabric SET reason = %(all)s WHERE rollout_id = %(id)s", {"all": together, "id": number}
    )
