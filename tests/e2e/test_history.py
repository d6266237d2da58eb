"""Who changed what, for each way in, and what is taken back: on real servers, as operators do it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devstack.git_server import Person
from devstack.objects import make_server, make_vpc
from devstack.stack import Stack
from hedgehog.cli.session import user
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.render import dump
from hedgehog.store import database as store_database
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from hedgehog.store.database import transaction
from tests.e2e.looks import git, live
from tests.e2e.test_trouble_with_git import clone_url, hook
from tests.origins import origins

PULL = "hedgehog_repository_changes"
QUIET = {"conflict_policy": "force", "resync_seconds": 86400}
"""Nothing of such a fabric is due by itself."""


def ask(stack: Stack, path: str, body: Any = None) -> Any:
    """What the product's own API answers to admin."""
    request = urllib.request.Request(
        f"{stack.airflow.url}/hedgehog/api/v1{path}",
        method="GET" if body is None else "POST",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {stack.airflow.login()}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def edit(stack: Stack, name: str, manifest: Manifest, reason: str) -> None:
    """Store an object with the API."""
    ref = ObjectRef.of(manifest)
    digest = ask(stack, f"/fabrics/{name}/objects/{ref.kind}/{ref.namespace}/{ref.name}")["digest"]
    body = {"fabric": name, "text": dump(manifest).decode(), "digest": digest, "reason": reason}
    ask(stack, "/actions/edit", body)


def import_file(stack: Stack, name: str, manifest: Manifest, directory: Path, reason: str) -> None:
    """Store an object with the command."""
    file = directory / "object.yaml"
    file.write_bytes(dump(manifest))
    stack.hedgehog("fabric", "import", "--fabric", name, str(file), "--reason", reason)


def type_sql(stack: Stack, statement: str, *values: Any) -> None:
    """Run a statement as somebody with psql does."""
    with transaction(stack.database) as cursor:
        cursor.execute(statement, values)


def description(stack: Stack, name: str, server: str) -> str | None:
    """What a fabric wants a server to say; None when it wants no such server."""
    row_id = fabrics.load_fabric(stack.database, name).id
    rows = object_store.load_objects(stack.database, [row_id])[row_id]
    return next((row.manifest["spec"].get("description", "") for row in rows if row.ref.name == server), None)


def in_cluster(stack: Stack, *servers: str) -> list[str | None]:
    """What the servers in the cluster say; None for one that is not there."""
    found = live(stack, "Server")
    refs = [ObjectRef("Server", "default", server) for server in servers]
    return [found[ref]["spec"].get("description", "") if ref in found else None for ref in refs]


def test_each_way_in_has_its_author(stack: Stack, name: str, tmp_path: Path) -> None:
    """The command, the API, a statement, an edit of the cluster that is adopted, a push, and a restore."""
    server = f"{name}-a"
    stack.add_fabric(name, [make_server(server)], drift_policy="adopt", **QUIET)
    stack.wait_in_sync(name)
    import_file(stack, name, make_server(server, "by command"), tmp_path, "CHG-1")
    edit(stack, name, make_server(server, "by API"), "CHG-2")
    type_sql(
        stack,
        "UPDATE hedgehog.fabric_object SET manifest = jsonb_set(manifest, '{spec,description}', '\"by SQL\"') WHERE name = %s",
        server,
    )
    stack.wait_in_sync(name)
    stack.cluster.apply_as("kubectl-edit", make_server(server, "by kubectl"))
    stack.airflow.wait(lambda: description(stack, name, server) == "by kubectl", "the edit to be adopted")
    (role,) = _row(stack, "SELECT current_user")
    *_, command, api, sql, cluster = origins(stack.database, name)
    assert (command, api, sql) == ((user(), "cli", "CHG-1"), ("admin", "api", "CHG-2"), (role, "sql", ""))
    assert cluster[:2] == ("kubectl-edit", "cluster")

    followed, repository = f"{name}-g", stack.add_repository(f"{name}-net")
    ada = Person(tmp_path / "ada", clone_url(stack, repository))
    path = f"fabrics/{followed}/a.yaml"
    ada.commit({path: dump(make_server(f"{followed}-a", "of Ada")).decode()}, "Describe the server")
    stack.add_fabric(followed, git_repository=repository, source_of_truth="git", **QUIET)
    _pull(stack, followed)
    assert origins(stack.database, followed)[-1] == ("Ada <ada@example.com>", "git", "Describe the server")

    backups = tmp_path / "backups"
    stack.hedgehog("backup", "--directory", str(backups))
    stack.save(name, [make_server(f"{name}-later")])
    (backup,) = backups.iterdir()
    url = _another_database(stack, f"{name}_restored")
    stack.hedgehog("restore", str(backup), "--database", url, "--reason", "CHG-3")
    restored = store_database.connect({**stack.parameters, "dbname": f"{name}_restored"})
    assert set(origins(restored, name)) == {(user(), "restore", "CHG-3")}
    restored.close()


def _row(stack: Stack, statement: str) -> tuple[Any, ...]:
    with transaction(stack.database) as cursor:
        cursor.execute(statement)
        return tuple(cursor.fetchall()[0])


def _another_database(stack: Stack, name: str) -> str:
    """An empty database on the same server, as a URL."""
    own = store_database.connect(stack.parameters)
    own.autocommit = True
    with own.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    own.close()
    values = {key: stack.parameters[key] for key in ("host", "user")}
    return f"postgresql://{values['user']}@/{name}?host={values['host']}"


def test_blame_names_the_change_of_each_field_after_twenty_changes(stack: Stack, name: str, tmp_path: Path) -> None:
    """Of four ways in turn, each of which sets another VLAN; the API and the command say the same."""
    vpc = make_vpc(f"{name}-v", subnets=4)
    stack.add_fabric(name, [vpc], enable_k8s_sync=False, git_sync_enabled=False)
    ways: list[Callable[[Manifest, str], None]] = [
        lambda one, why: import_file(stack, name, one, tmp_path, why),
        lambda one, why: edit(stack, name, one, why),
        lambda one, why: type_sql(
            stack,
            "UPDATE hedgehog.fabric_object SET manifest = %s::jsonb WHERE name = %s",
            json.dumps(one),
            f"{name}-v",
        ),
        lambda one, why: import_file(stack, name, one, tmp_path, why),
    ]
    set_by: dict[str, int] = {}
    subnets = sorted(vpc["spec"]["subnets"])
    for number in range(20):
        subnet = subnets[(number * 3 + number // 7) % 3]
        vpc = json.loads(json.dumps(vpc))
        vpc["spec"]["subnets"][subnet]["vlan"] = 1500 + number
        ways[number % 4](vpc, f"CHG-{number}")
        set_by[subnet] = fabrics.load_fabric(stack.database, name).generation
    answer = ask(stack, f"/fabrics/{name}/objects/VPC/default/{name}-v/blame")
    by_path = {one["path"]: one["change"] for one in answer}
    found = {subnet: by_path[f".spec.subnets.{subnet}.vlan"]["generation"] for subnet in subnets}
    assert found == {subnet: set_by.get(subnet, 2) for subnet in subnets}
    said = json.loads(stack.hedgehog("blame", name, f"VPC/default/{name}-v", "--output", "json"))
    assert {one["path"]: one["change"] and one["change"]["generation"] for one in _fields(said)} == {
        path: change and change["generation"] for path, change in by_path.items()
    }


def _fields(said: Any) -> list[dict[str, Any]]:
    return list(said["fields"] if isinstance(said, dict) else said)


def test_an_object_and_a_fabric_are_rolled_back_and_the_cluster_follows(
    stack: Stack, name: str, tmp_path: Path
) -> None:
    """One object to a generation, all of the fabric to a time; and the rollback itself is rolled back."""
    a, b = f"{name}-a", f"{name}-b"
    stack.add_fabric(name, [make_server(a, "one"), make_server(b, "one")], **QUIET)
    stack.wait_in_sync(name)
    before, generation = datetime.now(UTC), fabrics.load_fabric(stack.database, name).generation
    for server in (a, b):
        import_file(stack, name, make_server(server, "two"), tmp_path, "CHG-4")
    stack.hedgehog(
        "rollback", name, "--to", str(generation), "--object", f"Server/default/{a}", "--yes", "--reason", "CHG-5"
    )
    stack.wait_in_sync(name)
    assert in_cluster(stack, a, b) == ["one", "two"]

    stack.save(name, [make_server(f"{name}-c")])
    latest = fabrics.load_fabric(stack.database, name).generation
    stack.hedgehog("rollback", name, "--to", before.isoformat(), "--yes", "--reason", "CHG-6")
    stack.wait_in_sync(name)
    assert in_cluster(stack, a, b, f"{name}-c") == ["one", "one", None]
    stack.hedgehog("rollback", name, "--to", str(latest), "--yes", "--reason", "CHG-6 was a mistake")
    stack.wait_in_sync(name)
    assert in_cluster(stack, a, b, f"{name}-c") == ["one", "two", "a server"]
    assert "one" in git(stack, "show", f"main:fabrics/{name}/servers/{a}.yaml")


def test_a_rollback_reaches_the_cluster_while_the_git_host_is_down(stack: Stack, name: str, tmp_path: Path) -> None:
    """It stays there, the status says what Git lacks, and Git follows when the host answers again."""
    server = f"{name}-a"
    stack.add_fabric(name, [make_server(server, "one")], **QUIET)
    stack.wait_in_sync(name)
    import_file(stack, name, make_server(server, "two"), tmp_path, "CHG-7")
    stack.wait_in_sync(name)
    stack.git.outage = 503
    try:
        stack.hedgehog("rollback", name, "--to", "2", "--without-git", "--yes", "--reason", "CHG-7 broke it")
        stack.airflow.wait(lambda: in_cluster(stack, server) == ["one"], "the cluster to have it")
        assert "Git follows when its host takes it" in stack.hedgehog("status", name)
    finally:
        stack.git.outage = None
    sync = "hedgehog_git_sync"
    stack.airflow.finished(sync, stack.airflow.trigger(sync, fabrics=[name]))
    stack.wait_in_sync(name)
    assert "one" in git(stack, "show", f"main:fabrics/{name}/servers/{server}.yaml")
    assert in_cluster(stack, server) == ["one"]


def test_a_fabric_of_git_with_a_protected_branch_is_rolled_back_on_a_branch(
    stack: Stack, name: str, tmp_path: Path
) -> None:
    """Which somebody merges; then the fabric is what it was. Without protection, the API does it with a run."""
    server, repository = f"{name}-a", stack.add_repository(f"{name}-net")
    path = f"fabrics/{name}/a.yaml"
    ada = Person(tmp_path / "ada", clone_url(stack, repository))
    one = "# of hall 3\n" + dump(make_server(server, "one")).decode()
    ada.commit({path: one}, "One")
    stack.add_fabric(name, git_repository=repository, source_of_truth="git", **QUIET)
    _pull(stack, name)
    generation = fabrics.load_fabric(stack.database, name).generation
    ada.commit({path: one.replace("one", "two")}, "Two")
    _pull(stack, name)
    assert description(stack, name, server) == "two"

    protection = hook(
        stack, repository, "update", '[ "$1" != refs/heads/main ] || { echo "GH006: Protected branch" >&2; exit 1; }\n'
    )
    said = stack.hedgehog("rollback", name, "--to", str(generation), "--yes", "--reason", "CHG-8")
    branches = git(stack, "branch", "--format=%(refname:short)", repository=repository).split()
    (branch,) = [one for one in branches if one != "main"]
    assert branch in said
    protection.unlink()
    ada.git("fetch", "--quiet", "origin")
    ada.git("push", "--quiet", "origin", f"origin/{branch}:main")
    _pull(stack, name)
    stack.wait_in_sync(name)
    assert (description(stack, name, server), in_cluster(stack, server)) == ("one", ["one"])
    assert git(stack, "show", f"main:{path}", repository=repository) == one

    later = fabrics.load_fabric(stack.database, name).generation - 1
    run = ask(stack, "/actions/rollback", {"fabric": name, "to": str(later), "reason": "CHG-9"})["run"]
    assert stack.airflow.finished(run["dag_id"], run["run_id"]) == "success"
    assert description(stack, name, server) == "two"
    author = git(stack, "log", "-1", "--format=%an", "main", repository=repository).strip()
    assert author == "admin"


def _pull(stack: Stack, name: str) -> None:
    stack.airflow.succeed(PULL, stack.airflow.trigger(PULL, fabrics=[name]))
