"""What others changed in the cluster and in Git is adopted or reverted with the buttons, and the runs do it for real."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from devstack.git_server import Person
from devstack.objects import make_server
from devstack.stack import Stack
from hedgehog.fabric.model import ObjectRef
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.e2e.looks import git, live
from tests.e2e.pages.window import Window
from tests.e2e.test_trouble_with_git import clone_url


def in_cluster(stack: Stack, server: str) -> str:
    """The description of a server in the cluster."""
    found: str = live(stack, "Server")[ObjectRef("Server", "default", server)]["spec"]["description"]
    return found


def in_database(stack: Stack, name: str, server: str) -> str:
    """The description of a server in the fabric database."""
    row_id = fabrics.load_fabric(stack.database, name).id
    rows = object_store.load_objects(stack.database, [row_id])[row_id]
    found: str = next(row.manifest["spec"]["description"] for row in rows if row.ref.name == server)
    return found


def test_an_edit_with_kubectl_is_adopted_and_another_one_reverted(window: Window, stack: Stack, name: str) -> None:
    """Both with their differences before; the adopted one is in the database and in Git afterwards."""
    adopted, reverted = f"{name}-a", f"{name}-b"
    settings = {"drift_policy": "report", "conflict_policy": "force", "resync_seconds": 86400}
    stack.add_fabric(name, [make_server(adopted), make_server(reverted)], **settings)
    stack.wait_in_sync(name)
    window.fabric(name, "drift")
    for server in (adopted, reverted):
        stack.cluster.apply_as("kubectl-edit", make_server(server, f"as somebody wants {server}"))

    theirs = {server: window.card(f"Server/default/{server}") for server in (adopted, reverted)}
    for server, card in theirs.items():
        expect(card).to_contain_text(f"as somebody wants {server}")
        expect(card).to_contain_text("by kubectl-edit")
    window.button("Adopt", within=theirs[adopted]).click()
    assert f"Server/default/{adopted}" in window.dialog().inner_text()
    window.sees("Started", within=window.confirm("Adopt"))
    window.close()
    expect(theirs[adopted]).to_have_count(0)
    window.button("Revert", within=theirs[reverted]).click()
    window.sees("Done", within=window.confirm("Revert"))
    window.close()

    expect(theirs[reverted]).to_have_count(0)
    stack.wait_in_sync(name)
    assert in_database(stack, name, adopted) == in_cluster(stack, adopted) == f"as somebody wants {adopted}"
    assert f"as somebody wants {adopted}" in git(stack, "show", f"main:fabrics/{name}/servers/{adopted}.yaml")
    assert in_cluster(stack, reverted) == "a server"


def test_an_edit_in_git_is_held_until_it_is_adopted_or_reverted(
    window: Window, stack: Stack, name: str, tmp_path: Path
) -> None:
    """The problem itself has the buttons."""
    adopted, reverted = f"{name}-a", f"{name}-b"
    stack.add_fabric(name, [make_server(adopted), make_server(reverted)], enable_k8s_sync=False, resync_seconds=86400)
    stack.wait_in_sync(name)
    paths = {server: f"fabrics/{name}/servers/{server}.yaml" for server in (adopted, reverted)}
    ada = Person(tmp_path / "ada", clone_url(stack, "network"))
    ada.pull()
    texts = {path: git(stack, "show", f"main:{path}").replace("a server", "of Ada") for path in paths.values()}
    ada.commit(texts)
    window.fabric(name)
    window.button("Sync to Git").click()
    window.dialog().get_by_text("Compare everything, not only what changed").click()
    window.sees("Started", within=window.confirm("Sync to Git"))
    window.close()

    window.page.get_by_role("link", name="Problems (2)").click()
    problems = window.page.get_by_role("list", name="Problems").get_by_role("listitem")
    expect(problems).to_have_count(2)
    window.button("Adopt", within=problems.filter(has_text=paths[adopted])).click()
    window.sees("Started", within=window.confirm("Adopt"))
    window.close()
    expect(problems).to_have_count(1)
    window.button("Revert", within=problems.filter(has_text=paths[reverted])).click()
    window.sees("Done", within=window.confirm("Revert"))
    window.close()

    window.sees("Nothing keeps this fabric from being as it is wanted")
    stack.wait_in_sync(name)
    assert in_database(stack, name, adopted) == "of Ada"
    assert "a server" in git(stack, "show", f"main:{paths[reverted]}")
