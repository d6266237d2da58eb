"""Failures with Git: races, refusals, edits, a killed worker, an outage, a wrong token."""

from __future__ import annotations

import itertools
import json
import sys
import textwrap
import threading
from pathlib import Path

from devstack.files import content, present
from devstack.git_server import Person
from devstack.objects import make_server, small_fabric
from devstack.stack import Stack
from hedgehog.fabric.model import ObjectRef
from tests.e2e.looks import git, live, run

KILL_PUSHER = Path(__file__).with_name("kill_pusher.py")


def clone_url(stack: Stack, repository: str) -> str:
    """A URL with which a person's plain git may push."""
    return stack.git.url(repository).replace("http://", f"http://hedgehog:{stack.token}@")


def hook(stack: Stack, repository: str, name: str, script: str) -> Path:
    """Put a hook into the repository on the host."""
    path = stack.git.path(repository) / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + textwrap.dedent(script))
    path.chmod(0o755)
    return path


def test_one_failing_fabric_among_fifty_fails_alone(stack: Stack, name: str) -> None:
    """Forty-nine arrive; the one whose repository does not exist shows the reason and is parked."""
    stack.add_repository(f"{name}-gone", url=stack.git.url("no-such-repository"))
    names = [f"{name}-{i:02d}" for i in range(50)]
    for i, fabric in enumerate(names):
        repository = {"git_repository": f"{name}-gone"} if i == 7 else {}
        stack.add_fabric(fabric, [make_server(f"{fabric}-s")], **repository)
    bad, good = names[7], [fabric for i, fabric in enumerate(names) if i != 7]

    stack.wait_in_sync(*good)

    state = stack.wait_status(bad, "git", "parked")
    assert state.error_class == "NotFound", state
    assert "no-such-repository" in state.reason
    found = live(stack, "Server")
    assert all(ObjectRef("Server", "default", f"{fabric}-s") in found for fabric in good)
    assert ObjectRef("Server", "default", f"{bad}-s") not in found


def test_a_worker_killed_between_push_and_status_loses_nothing(stack: Stack, name: str) -> None:
    """A hook of the server kills the task with SIGKILL after the push; the retry finds its commit and records it."""
    stack.add_repository(f"{name}-kill")
    once = stack.directory / f"{name}-killed"
    # Post-receive runs on the host, after the branch moved. The task is the parent of the git that pushes here.
    hook(stack, f"{name}-kill", "post-receive", f"exec {sys.executable} {KILL_PUSHER} {name}-kill.git {once}\n")
    stack.add_fabric(name, small_fabric(name, 10), git_repository=f"{name}-kill")
    stack.wait_in_sync(name)

    assert "airflow" in once.read_text(), "the hook found no task to kill"
    assert git(stack, "rev-list", "--count", "main", repository=f"{name}-kill").strip() == "1"
    assert ObjectRef("VPC", "default", f"{name}-v") in live(stack, "VPC")


def test_two_writers_on_one_branch_lose_nothing(stack: Stack, name: str, tmp_path: Path) -> None:
    """A person pushes commit after commit while the fabric changes: the history has every commit of both."""
    stack.add_repository(f"{name}-race")
    stack.add_fabric(name, [make_server(f"{name}-s")], git_repository=f"{name}-race")
    stack.wait_in_sync(name)
    person = Person(tmp_path / "ada", clone_url(stack, f"{name}-race"))
    commits: list[str] = []

    def edit() -> None:
        for i in range(30):
            for _ in range(50):
                try:
                    commits.append(person.commit({f"notes/{i}.txt": f"{i}\n"}, f"Note {i}"))
                    break
                except Exception:
                    continue

    writer = threading.Thread(target=edit)
    writer.start()
    for i in range(10):
        stack.save(name, [make_server(f"{name}-s", f"change {i}")])
        run(stack, "git", name)
    writer.join()
    stack.wait_in_sync(name)

    history = git(stack, "rev-list", "main", repository=f"{name}-race").split()
    assert len(commits) == 30
    assert set(commits) <= set(history)
    assert not git(stack, "rev-list", "--merges", "main", repository=f"{name}-race")
    text = git(stack, "show", f"main:fabrics/{name}/servers/{name}-s.yaml", repository=f"{name}-race")
    assert "change 9" in text


def test_a_manual_edit_is_held_and_the_rest_proceeds(stack: Stack, name: str, tmp_path: Path) -> None:
    """The edited file stays as the person left it; other changes of the fabric are published; the status names
    author and file."""
    stack.add_repository(f"{name}-hold")
    stack.add_fabric(name, [make_server(f"{name}-a"), make_server(f"{name}-b")], git_repository=f"{name}-hold")
    stack.wait_in_sync(name)
    path = f"fabrics/{name}/servers/{name}-a.yaml"
    edited = git(stack, "show", f"main:{path}", repository=f"{name}-hold").replace("a server", "edited by Ada")
    Person(tmp_path / "ada", clone_url(stack, f"{name}-hold")).commit({path: edited})

    stack.save(name, [make_server(f"{name}-a", "from the database"), make_server(f"{name}-b", "from the database")])
    state = stack.wait_status(name, "git", "out_of_sync")
    stack.airflow.wait(lambda: stack.states(name)["git"].reason != "", "the reason to be told")

    state = stack.states(name)["git"]
    assert path in state.reason or f"{name}-a" in state.reason, state
    assert git(stack, "show", f"main:{path}", repository=f"{name}-hold") == edited
    assert "from the database" in git(
        stack, "show", f"main:fabrics/{name}/servers/{name}-b.yaml", repository=f"{name}-hold"
    )


def test_a_protected_branch_is_a_permanent_refusal_with_the_servers_message(stack: Stack, name: str) -> None:
    """One attempt, then parked; the reason has the server's message, and runs are red until it is resolved."""
    stack.add_repository(f"{name}-prot")
    hook(stack, f"{name}-prot", "pre-receive", "echo 'GH006: Protected branch update failed' >&2; exit 1\n")
    stack.add_fabric(name, [make_server(f"{name}-s")], git_repository=f"{name}-prot")

    state = stack.wait_status(name, "git", "parked")

    assert state.error_class == "PermissionDenied"
    assert state.attempts == 1
    assert "Protected branch update failed" in state.reason

    stack.airflow.wait(lambda: stack.states(name)["git"].due_at is not None, "the next look to be far away")
    run_id = stack.airflow.trigger("hedgehog_git_sync")
    assert stack.airflow.finished("hedgehog_git_sync", run_id) == "failed"
    log = stack.airflow.log("hedgehog_git_sync", run_id, "summary")
    assert name in log
    assert "Protected branch update failed" in log
    assert "hedgehog dead-letters replay" in log


def test_an_unreachable_git_host_is_retried_and_then_works(stack: Stack, name: str) -> None:
    """An outage is an error that is retried automatically; a forced run after it succeeds at once."""
    stack.git.outage = 503
    try:
        stack.add_fabric(name, [make_server(f"{name}-s")])
        state = stack.wait_status(name, "git", "error")
        assert state.error_class == "RemoteUnavailable", state
        assert state.due_at is not None
    finally:
        stack.git.outage = None
    result, outcomes = run(stack, "git", name)
    assert (result, outcomes[name]["status"]) == ("success", "success")
    stack.wait_in_sync(name)


def test_a_revoked_token_parks_the_fabric_and_is_shown_nowhere(stack: Stack, name: str) -> None:
    """401 is not retried; the token is in no log, row, XCom or answer of the whole stack."""
    stack.git.users["hedgehog"] = "another-token"
    try:
        stack.add_fabric(name, [make_server(f"{name}-s")])
        state = stack.wait_status(name, "git", "parked")
    finally:
        stack.git.users["hedgehog"] = stack.token
    assert state.error_class == "AuthenticationFailed"
    run(stack, "git", name, force=True)
    stack.wait_in_sync(name)

    places = itertools.chain(present(stack.airflow.home), present(stack.directory / "mirrors"))
    leaks = [str(path) for path, _ in places if stack.token.encode() in content(path)]
    assert leaks == []
    dag_runs = stack.airflow.call("GET", "/dags/hedgehog_git_sync/dagRuns?limit=100")
    assert stack.token not in json.dumps(dag_runs)


def test_a_suspended_fabric_is_left_alone_until_it_is_resumed(stack: Stack, name: str) -> None:
    """Changes are kept, nothing is written; a run that names it says why it was skipped; after resuming, all of it
    is synced."""
    from hedgehog.store import fabrics

    stack.add_fabric(name, [make_server(f"{name}-s")])
    stack.wait_in_sync(name)
    head = git(stack, "rev-parse", "main").strip()
    fabrics.suspend(stack.database, name, reason="change window CHG-17", until=None)
    stack.save(name, [make_server(f"{name}-s", "while suspended")])

    _, outcomes = run(stack, "git", name)
    assert outcomes[name]["status"] == "skipped"
    assert "CHG-17" in outcomes[name]["reason"]
    assert "while suspended" not in git(stack, "show", f"main:fabrics/{name}/servers/{name}-s.yaml")
    assert git(stack, "log", "--format=%H", f"{head}..main", "--", f"fabrics/{name}") == ""

    fabrics.resume(stack.database, name)
    stack.wait_in_sync(name)
    assert (
        live(stack, "Server")[ObjectRef("Server", "default", f"{name}-s")]["spec"]["description"] == "while suspended"
    )
