"""Who may ask the API what: every route, as nobody, without permission, as viewer, user and admin of a real Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from devstack.objects import make_server, small_fabric
from hedgehog.store import fabrics
from hedgehog.store.actions import action_rows
from hedgehog.store.database import Connection, connect
from hedgehog.store.objects import object_refs, save_objects
from hedgehog.store.plans import load_plan
from tests.airflow.web.airflow_lab import airflow_application, login, runs_of
from tests.airflow.web.api_lab import add_fabric, add_trouble, publish

BASE = "/hedgehog/api/v1"
NAMES = {
    "{fabric}": "gen",
    "{kind}": "VPC",
    "{namespace}": "default",
    "{name}": "gen-v",
    "{letter}": "1",
    "{rule}": "vpc-name",
    "{plan}": "0" * 16,
    "{subject}": "gen",
    "{proposal}": "1",
    "{rollout}": "1",
}


@pytest.fixture(scope="module")
def airflow(dag_bag: Any) -> Iterator[TestClient]:
    """Airflow's web application with our plugin."""
    with airflow_application(dag_bag) as client:
        yield client


@pytest.fixture
def database(fabric_database: dict[str, Any]) -> Iterator[Connection]:
    """A fabric database with a fabric `gen` that is in trouble."""
    connection = connect(fabric_database)
    gen = add_fabric(connection, "gen", small_fabric("gen"))
    publish(connection, gen)
    add_trouble(connection, gen)
    yield connection
    connection.close()
    from hedgehog.airflow.web.database import close_idle

    close_idle()


def routes() -> list[tuple[str, str]]:
    """Method and path of every route, with names in the place of parameters."""
    from hedgehog.airflow.web.v1 import v1_app

    found = []
    for route in v1_app().routes:
        assert isinstance(route, APIRoute)
        path = route.path
        for parameter, value in NAMES.items():
            path = path.replace(parameter, value)
        found += [(method, BASE + path) for method in sorted(route.methods)]
    return found


def is_problem(answer: Any, status: int) -> bool:
    """Whether it is an error of this status in the form of RFC 9457."""
    body = answer.json()
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and answer.headers["x-content-type-options"] == "nosniff"
        and body["status"] == status
        and {"type", "title", "detail", "instance", "reason", "errors"} <= body.keys()
    )


def ask(airflow: TestClient, method: str, path: str, headers: dict[str, str]) -> Any:
    """Ask with an empty body, which every action refuses once the permissions are passed."""
    return airflow.request(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))


def test_without_a_login_every_route_answers_401(airflow, database):
    """The description of the API included."""
    for method, path in routes():
        answer = ask(airflow, method, path, {})
        assert (path, is_problem(answer, 401)) == (path, True), answer.text


def test_without_permission_every_route_answers_403(airflow, database):
    """Somebody who is logged in and may not see plugins."""
    for method, path in routes():
        answer = ask(airflow, method, path, login("nobody"))
        assert (path, is_problem(answer, 403)) == (path, True), answer.text


def test_a_viewer_reads_everything_and_changes_nothing(airflow, database):
    """Actions are refused before their bodies are looked at."""
    for method, path in routes():
        answer = ask(airflow, method, path, login("viewer"))
        if method == "POST":
            assert (path, is_problem(answer, 403)) == (path, True), answer.text
        else:
            assert (path, answer.status_code) in {(path, 200), (path, 422), (path, 404)}, answer.text
    permissions = airflow.get(f"{BASE}/me", headers=login("viewer")).json()
    assert (permissions["user"], set(permissions["actions"].values())) == ("viewer", {False})


@pytest.mark.parametrize("role", ["user", "admin"])
def test_who_may_trigger_dags_may_do_all_actions(airflow, database, role):
    """An empty body is what is wrong then."""
    for method, path in routes():
        if method == "POST":
            answer = ask(airflow, method, path, login(role))
            assert (path, answer.status_code) in {(path, 422)}, answer.text
    permissions = airflow.get(f"{BASE}/me", headers=login(role)).json()
    assert (permissions["user"], set(permissions["actions"].values())) == (role, {True})


@pytest.mark.parametrize(("name", "status"), [("", 401), ("nobody", 403), ("viewer", 403), ("admin", 422)])
def test_who_may_not_ask_is_told_that_before_what_is_wrong_with_the_body(airflow, database, name, status):
    """What cannot be read as JSON says nothing to somebody who is not logged in."""
    headers = {"Content-Type": "application/json", **(login(name) if name else {})}
    for method, path in routes():
        if method == "POST":
            answer = airflow.post(path, content=b"{", headers=headers)
            assert (path, is_problem(answer, status)) == (path, True), answer.text


def test_a_sync_is_a_run_that_the_user_triggered(airflow, database):
    """Airflow has it with the user's name, and so has the record of actions."""
    body = {"fabrics": ["gen"], "force": True, "allow_large_prune": True}
    answer = airflow.post(f"{BASE}/actions/sync-cluster", json=body, headers=login("user"))
    assert answer.status_code == 200, answer.text
    started = answer.json()
    assert started == {
        "action": "sync-cluster",
        "actor": "user",
        "fabrics": ["gen"],
        "dag_id": "hedgehog_kubernetes_sync",
        "run_id": started["run_id"],
        "run_url": started["run_url"],
    }
    assert runs_of("hedgehog_kubernetes_sync")[-1] == (started["run_id"], body, "user")
    (row,) = action_rows(database, "gen", after=None, limit=10)
    assert (row["actor"], row["action"], row["dag_id"], row["run_id"]) == (
        "user",
        "sync-cluster",
        "hedgehog_kubernetes_sync",
        started["run_id"],
    )


def test_the_session_cookie_of_the_pages_is_a_login_too(airflow, database):
    """For reading, and for what an action asks of Airflow itself."""
    cookie = {"Cookie": "_token=" + login("user")["Authorization"].removeprefix("Bearer ")}
    assert airflow.get(f"{BASE}/me", headers=cookie).json()["user"] == "user"
    sent = {**cookie, "Sec-Fetch-Site": "same-origin"}
    answer = airflow.post(f"{BASE}/actions/sync-git", json={"fabrics": ["gen"]}, headers=sent)
    assert answer.status_code == 200, answer.text
    assert runs_of("hedgehog_git_sync")[-1][0::2] == (answer.json()["run_id"], "user")


@pytest.mark.parametrize(
    ("action", "body", "dag_id", "conf"),
    [
        ("sync-git", {"fabrics": ["gen"]}, "hedgehog_git_sync", {"fabrics": ["gen"], "force": False}),
        ("dry-run-git", {"fabric": "gen"}, "hedgehog_git_sync", {"fabrics": ["gen"], "dry_run": True}),
        ("dry-run-cluster", {"fabric": "gen"}, "hedgehog_kubernetes_sync", {"fabrics": ["gen"], "dry_run": True}),
        (
            "adopt-cluster",
            {"fabric": "gen", "objects": ["VPC/default/gen-v"]},
            "hedgehog_adoption",
            {"fabric": "gen", "objects": ["VPC/default/gen-v"], "place": "cluster"},
        ),
        ("adopt-git", {"fabric": "gen"}, "hedgehog_adoption", {"fabric": "gen", "objects": [], "place": "git"}),
    ],
)
def test_an_action_of_a_dag_starts_it_with_what_it_takes(airflow, database, action, body, dag_id, conf):
    """The conf is that of the trigger form."""
    answer = airflow.post(f"{BASE}/actions/{action}", json=body, headers=login("admin"))
    assert answer.status_code == 200, answer.text
    assert runs_of(dag_id)[-1] == (answer.json()["run_id"], conf, "admin")


def test_a_fabric_that_lives_in_git_is_changed_by_a_run(airflow, database):
    """Each with a plan of its own, which a run commits: the API server reaches no Git host. A dry run starts none."""
    gen = fabrics.load_fabric(database, "gen")
    fabrics.save_fabric(database, "gen", {"source_of_truth": "git"})
    user, first = login("user"), gen.generation
    found = airflow.get(f"{BASE}/fabrics/gen/objects/Server/default/gen-srv", headers=user).json()
    save_objects(database, gen.id, [make_server("another")])
    edit = {"text": found["text"].replace("a server", "moved"), "digest": found["digest"]}
    delete, back = {"objects": ["server/another"]}, {"to": str(first)}
    plan = airflow.post(f"{BASE}/actions/plan", json={"fabric": "gen", "text": edit["text"]}, headers=user).json()
    for action, body in (
        ("edit", {"fabric": "gen", **edit}),
        ("delete", {"fabric": "gen", **delete}),
        ("rollback", {"fabric": "gen", **back}),
        ("apply", {"plan": plan["id"]}),
    ):
        before = runs_of("hedgehog_git_change")
        if action != "apply":
            dry = airflow.post(f"{BASE}/actions/{action}", json={**body, "dry_run": True, "reason": "x"}, headers=user)
            assert (dry.status_code, dry.json()["run"]) == (200, None), dry.text
        answer = airflow.post(f"{BASE}/actions/{action}", json={**body, "reason": "CHG-17"}, headers=user)
        assert answer.status_code == 200, answer.text
        run = answer.json()["run"]
        (started,) = runs_of("hedgehog_git_change")[len(before) :]
        kept = load_plan(database, started[1]["plan"])
        assert (started[0], started[2], kept.actor) == (run["run_id"], "user", "user")
        assert started[1] == {
            **{"plan": kept.plan.id, "reason": "CHG-17", "allow_invalid": False},
            **({"rollback_to": first} if action == "rollback" else {}),
        }
        row = action_rows(database, "gen", after=None, limit=1)[0]
        assert (row["actor"], row["action"], row["run_id"]) == ("user", action, run["run_id"])
    assert {ref.name for ref in object_refs(database, gen.id) if ref.kind == "Server"} == {"gen-srv", "another"}
    refused = airflow.post(
        f"{BASE}/actions/rollback", json={"fabric": "gen", **back, "without_git": True, "reason": "x"}, headers=user
    )
    assert is_problem(refused, 422) and "cannot be rolled back without it" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("action", "body", "status", "detail"),
    [
        ("sync-git", {"fabrics": ["gne"]}, 404, "did you mean gen?"),
        ("pull", {"fabrics": ["gen"]}, 422, "its source of truth is not Git"),
        ("adopt-git", {"fabric": "gen", "objects": ["no/such.yaml"]}, 404, "waits for a decision"),
        ("sync-git", {"fabrics": []}, 422, "body/fabrics"),
        ("sync-git", {"fabrics": ["gen"], "dryrun": True}, 422, "body/dryrun"),
        ("suspend", {"fabrics": ["gen"], "reason": " "}, 422, "body/reason"),
        ("suspend", {"fabrics": ["gen"], "reason": "x", "until": "2020-01-01T00:00:00Z"}, 422, "has passed"),
        ("replay", {}, 422, "which dead letters?"),
        ("edit", {"fabric": "gen", "text": "# nothing", "reason": "x"}, 422, "one object"),
        ("edit", {"fabric": "gen", "text": "{}", "reason": "x"}, 422, "apiVersion and kind are missing"),
    ],
)
def test_what_an_action_cannot_do_is_said_before_anything_is_done(airflow, database, action, body, status, detail):
    """Nothing is triggered and nothing recorded."""
    answer = airflow.post(f"{BASE}/actions/{action}", json=body, headers=login("admin"))
    assert is_problem(answer, status), answer.text
    assert detail in answer.json()["detail"]
    assert action_rows(database, None, after=None, limit=10) == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({}, 200),
    ],
)
def test_a_post_from_another_site_is_refused(airflow, database, headers, status):
    """Whatever cookie it carries; a script without a browser says nothing about sites."""
    sent = {"Content-Type": "application/json", **login("admin"), **headers}
    answer = airflow.post(f"{BASE}/actions/resume", content=b'{"fabrics": ["gen"]}', headers=sent)
    assert answer.status_code == status, answer.text
    assert status == 200 or is_problem(answer, status)


def test_what_people_decide_is_done_and_recorded(airflow, database):
    """Suspended, resumed, reverted, replayed, and an object edited; each with the user and the reason."""
    user = login("user")

    def act(action: str, **body: Any) -> Any:
        answer = airflow.post(f"{BASE}/actions/{action}", json=body, headers=user)
        assert answer.status_code == 200, answer.text
        return [(one["subject"], one["action"]) for one in answer.json()["changes"]]

    assert act("suspend", fabrics=["gen"], reason="upgrade") == [("gen", "suspended")]
    assert fabrics.load_fabric(database, "gen").suspended_reason == "upgrade"
    assert act("resume", fabrics=["gen"]) == [("gen", "resumed")]
    assert act("resume", fabrics=["gen"]) == [("gen", "unchanged")]
    assert act("revert-cluster", fabric="gen") == [("VPC/default/gen-v", "reverted")]
    assert act("revert-git", fabric="gen") == [("fabrics/gen/Server/srv-2.yaml", "reverted")]
    found = airflow.get(f"{BASE}/fabrics/gen/objects/Server/default/gen-srv", headers=user).json()
    text = found["text"].replace("a server", "moved")
    edit = {"fabric": "gen", "text": text, "digest": found["digest"], "reason": "CHG-17"}
    assert act("edit", **edit, dry_run=True) == [("Server/default/gen-srv", "configured")]
    assert act("edit", **edit) == [("Server/default/gen-srv", "configured")]
    again = airflow.post(f"{BASE}/actions/edit", json=edit, headers=user)
    assert is_problem(again, 409)
    assert again.json()["reason"] == "Superseded"
    rows = airflow.get(f"{BASE}/actions", params={"fabric": "gen"}, headers=user).json()["items"]
    assert [(row["actor"], row["action"], row["subjects"], row["reason"]) for row in rows] == [
        ("user", "edit", ["Server/default/gen-srv"], "CHG-17"),
        ("user", "revert", ["fabrics/gen/Server/srv-2.yaml"], ""),
        ("user", "revert", ["VPC/default/gen-v"], ""),
        ("user", "resume", [], ""),
        ("user", "suspend", [], "upgrade"),
    ]


def test_parked_work_is_replayed_or_discarded(airflow, database):
    """By its number; what is not parked any more is said."""
    (letter,) = airflow.get(f"{BASE}/dead-letters", headers=login("user")).json()["items"]
    body = {"ids": [letter["id"]]}
    done = airflow.post(f"{BASE}/actions/replay", json=body, headers=login("user")).json()
    assert [(one["subject"], one["action"]) for one in done["changes"]] == [(str(letter["id"]), "replayed")]
    gone = airflow.post(f"{BASE}/actions/discard", json={**body, "reason": "x"}, headers=login("user"))
    assert is_problem(gone, 404)
    assert "it was replayed" in gone.json()["detail"]


def test_a_text_is_checked_beside_the_objects_of_a_fabric(airflow, database):
    """The verdicts, with the rules and the places."""
    text = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: far-too-long-a-name}\nspec: {subnets: {}}\n"
    answer = airflow.post(f"{BASE}/actions/validate", json={"text": text, "fabric": "gen"}, headers=login("user"))
    found = answer.json()
    assert (answer.status_code, found["valid"], found["objects"][0]["verdict"]) == (200, False, "invalid")
    assert found["objects"][0]["violations"]


def test_what_nobody_foresaw_is_said_without_its_text(airflow, database, monkeypatch, caplog):
    """A secret may stand in it; the log has it."""
    from hedgehog.airflow.web.routes import trouble

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("postgres://u:hunter2@db/x")

    monkeypatch.setattr(trouble, "drift_page", fail)
    answer = airflow.get(f"{BASE}/drift", headers=login("viewer"))
    assert is_problem(answer, 500)
    assert "hunter2" not in answer.text
    assert answer.json()["reason"] == "Unforeseen"


def test_a_database_that_is_away_is_a_503(airflow, fabric_database, monkeypatch):
    """With the time after which to ask again, and no password."""
    from hedgehog.airflow.web.database import close_idle

    close_idle()
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", "postgres://nobody:hunter2@127.0.0.1:1/fabrics")
    answer = airflow.get(f"{BASE}/fleet", headers=login("viewer"))
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "5"
    assert "hunter2" not in answer.text


def test_an_unknown_path_and_a_wrong_method_are_problems_too(airflow):
    """In the same form as everything."""
    assert is_problem(airflow.get(f"{BASE}/nothing", headers=login("viewer")), 404)
    assert is_problem(airflow.delete(f"{BASE}/fleet", headers=login("viewer")), 405)


def test_a_body_that_is_too_large_is_not_read(airflow, database):
    """Two megabytes are more than any object."""
    big = b'{"text": "' + b"x" * (3 * 1024 * 1024) + b'"}'
    sent = {"Content-Type": "application/json", **login("admin")}
    answer = airflow.post(f"{BASE}/actions/validate", content=big, headers=sent)
    assert is_problem(answer, 413)
