"""Changes on the pages: who made them, taken back, frozen, approved, rolled out; and text of others stays text."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from devstack.git_server import Person
from devstack.objects import make_server
from devstack.stack import Stack
from hedgehog.fabric.selectors import Selector
from hedgehog.store import freezes, rollouts
from hedgehog.store.database import transaction
from tests.e2e.looks import git, live
from tests.e2e.pages.changes_lab import QUIET, ROLLOUT, begin_a_rollout, change, description
from tests.e2e.pages.window import Window
from tests.e2e.test_trouble_with_git import clone_url

PULL = "hedgehog_repository_changes"
PAYLOAD = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


def row(window: Window, text: str) -> Locator:
    """The row of a table that has *text*."""
    return window.page.get_by_role("row").filter(has_text=text)


def test_a_change_is_found_in_the_history_and_rolled_back(window: Window, stack: Stack, name: str) -> None:
    """Who and why, field by field, on the object as well; the plan of the rollback comes first, and Git follows."""
    server = f"{name}-s"
    stack.add_fabric(name, [make_server(server, "before")], **QUIET)
    stack.wait_in_sync(name)
    change(stack, name, [make_server(server, "of Bob")])
    stack.wait_in_sync(name)

    window.open(f"/fabrics/{name}/objects/Server/default/{server}")
    window.page.get_by_role("button", name=".spec.description").first.hover()
    window.sees(re.compile("Set by bob, generation 3, .*: CHG-17"))
    window.fabric(name, "history")
    trace = window.page.get_by_role("region", name="The last change")
    expect(trace).to_contain_text("generation 3 by bob (Command): CHG-17")
    expect(trace).to_contain_text(re.compile(r"Committed\s*\d{4}-"))
    window.button("Show what generation 3 changed").click()
    comparison = window.page.get_by_role("region", name="Comparison")
    expect(comparison).to_contain_text(".spec.description")
    expect(comparison).to_contain_text("of Bob")
    window.button("Close", within=comparison).click()

    window.button("Roll back to generation 2").click()
    dialog = window.dialog()
    window.sees(f"Server/default/{server}", within=dialog)
    expect(dialog.get_by_role("row").filter(has_text=".spec.description")).to_contain_text("before")
    expect(window.button("Roll back", within=dialog)).to_be_disabled()
    window.sees("it is generation 4 now", within=window.confirm("Roll back", reason="CHG-17 was a mistake"))
    window.close()
    expect(row(window, "CHG-17 was a mistake")).to_contain_text("admin")
    stack.wait_in_sync(name)
    assert "before" in git(stack, "show", f"main:fabrics/{name}/servers/{server}.yaml")
    assert "Roll back to generation 2: CHG-17 was a mistake" in git(
        stack, "log", "-1", "--format=%B", f"--grep={name}:"
    )


def test_a_freeze_holds_what_is_wanted_meanwhile_until_it_is_lifted(window: Window, stack: Stack, name: str) -> None:
    """By a selector; the page of the fabric says who and why."""
    stack.add_fabric(name, [make_server(f"{name}-s")], labels={"group": name}, **QUIET)
    stack.wait_in_sync(name)
    window.open("/freezes")
    window.button("Freeze").click()
    window.dialog().get_by_label("Fabrics").fill(f"group={name}")
    window.sees("Now 1 fabric", within=window.dialog())
    window.sees("Done", within=window.confirm("Freeze", reason="audit, CHG-18"))
    window.close()
    expect(row(window, f"group={name}")).to_contain_text("audit, CHG-18")
    change(stack, name, [make_server(f"{name}-t")])
    window.fabric(name)
    window.sees("Frozen until somebody lifts it: audit, CHG-18")
    expect(window.step("Git")).to_contain_text("Waiting")
    window.open("/freezes")
    window.button("Lift", within=row(window, f"group={name}")).click()
    window.sees("Done", within=window.confirm("Lift"))
    window.close()
    expect(row(window, f"group={name}")).to_have_count(0)
    stack.wait_in_sync(name)


def test_a_change_window_is_made_changed_and_deleted(window: Window, stack: Stack, name: str) -> None:
    """And a fabric is frozen and unfrozen on its own page."""
    stack.add_fabric(name, [make_server(f"{name}-s")], labels={"group": name}, **QUIET)
    window.open("/freezes")
    window.button("New window").click()
    form = {"Name": f"w-{name}", "Opens": "0 4 1 1 *", "Fabrics": f"group={name}"}
    for label, value in form.items():
        window.dialog().get_by_label(label).fill(value)
    window.sees("Done", within=window.confirm("New window"))
    window.close()
    made = row(window, f"w-{name}")
    expect(made).to_contain_text("Closed")
    window.button("Change", within=made).click()
    window.dialog().get_by_label("Opens").fill("* * * * *")
    window.sees("Done", within=window.confirm("Change"))
    window.close()
    expect(made).to_contain_text("Open")
    window.button("Delete", within=made).click()
    window.sees("Done", within=window.confirm("Delete"))
    window.close()
    expect(made).to_have_count(0)
    window.fabric(name)
    window.button("Freeze").click()
    window.sees("Done", within=window.confirm("Freeze", reason="audit, CHG-18"))
    window.close()
    window.button("Unfreeze").click()
    window.sees("Done", within=window.confirm("Unfreeze"))
    window.close()
    expect(window.button("Unfreeze")).to_have_count(0)


def test_a_proposal_is_approved_and_another_one_rejected(window: Window, stack: Stack, name: str) -> None:
    """From the problem to the plan; the change is stored as its author's, or never."""
    stack.add_fabric(name, [make_server(f"{name}-a"), make_server(f"{name}-b")], **QUIET)
    stack.wait_in_sync(name)
    stack.hedgehog("approval", "require", name, "--select", f"fabric={name}")
    stack.hedgehog("object", "delete", name, f"server/{name}-a", "--yes", "--reason", "CHG-19")
    window.fabric(name, "problems")
    window.page.get_by_role("link", name="See the proposal").click()
    window.sees("CHG-19")
    expect(window.page.get_by_role("region", name="Objects of the fabric")).to_contain_text("1 deleted")
    window.button("Approve").click()
    window.sees("is applied", within=window.confirm("Approve", reason="tonight"))
    window.close()
    assert description(stack, name, f"{name}-a") is None
    stack.hedgehog("object", "delete", name, f"server/{name}-b", "--yes", "--reason", "CHG-20")
    window.open("/proposals")
    row(window, "CHG-20").get_by_role("link", name="#").click()
    window.button("Reject").click()
    window.sees("is rejected", within=window.confirm("Reject", reason="the server is still used"))
    window.close()
    expect(window.button("Reject")).to_have_count(0)
    window.sees("the server is still used")
    assert description(stack, name, f"{name}-b") == "a server"
    stack.hedgehog("approval", "drop", name)


def test_a_rollout_is_planned_begun_paused_approved_and_taken_back(window: Window, stack: Stack, name: str) -> None:
    """Three fabrics in two waves: the page shows each step of the run as it happens."""
    names = [f"{name}-{number}" for number in range(3)]
    for number, one in enumerate(names):
        settings = {"labels": {"group": name}, "variables": {"rack": number}, **QUIET}
        stack.add_fabric(one, [make_server(f"{one}-s", "before")], **settings)
    stack.wait_in_sync(*names)
    window.open("/rollouts")
    window.page.get_by_role("link", name="New rollout").click()
    form = {"The change as YAML": ROLLOUT, "Name": f"racks-{name}", "Fabrics": f"group={name}", "Canaries": names[0],
            "Waves": "", "Soak (minutes)": "0"}  # fmt: skip
    for label, value in form.items():
        window.page.get_by_label(label, exact=label != "Name").first.fill(value)
    window.button("Plan").click()
    window.sees("3 fabrics in 2 waves")
    window.button("Begin").click()
    dialog = window.confirm("Begin", reason="CHG-21")
    dialog.get_by_role("link", name=f"rollout racks-{name}").click()

    wave = window.page.get_by_role("region", name="Waves").get_by_role("listitem")
    expect(wave.nth(0)).to_contain_text("1 done")
    window.sees("wave 2 of 2 waits to be approved")
    assert description(stack, names[1], f"{names[1]}-s") == "before"
    window.button("Pause").click()
    window.sees("Done", within=window.confirm("Pause", reason="lunch"))
    window.close()
    window.sees("lunch")
    window.button("Resume").click()
    window.sees("Done", within=window.confirm("Resume"))
    window.close()
    window.button("Approve").click()
    window.sees("Done", within=window.confirm("Approve"))
    window.close()
    expect(wave.nth(1)).to_contain_text("2 done")
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("Done")
    assert description(stack, names[2], f"{names[2]}-s") == "rack 2"
    window.button("Take back").click()
    window.sees("Done", within=window.confirm("Take back", reason="the labels are wrong"))
    window.close()
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("Rolled back")
    assert {description(stack, one, f"{one}-s") for one in names} == {"before"}


def test_an_aborted_rollout_ends_where_it_is(window: Window, stack: Stack, name: str) -> None:
    """The canary keeps the change, in its cluster as well; the other fabric never gets it."""
    first, second = f"{name}-x", f"{name}-y"
    for one in (first, second):
        stack.add_fabric(one, [make_server(f"{one}-s", "before")], resync_seconds=86400)
    stack.wait_in_sync(first, second)
    change_of_all = make_server("${fabric}-s", "after")
    number = begin_a_rollout(stack, f"half-{name}", first, second, manifest=change_of_all, who="bob", why="CHG-22")
    window.open(f"/rollouts/{number}")
    window.sees("wave 2 of 2 waits to be approved")
    window.button("Abort").click()
    window.sees("1 fabric keep the change, no other gets it", within=window.dialog())
    window.sees("Done", within=window.confirm("Abort", reason="the racks have moved"))
    window.close()
    expect(window.page.get_by_role("heading", level=1)).to_contain_text("Aborted")
    window.sees("the racks have moved")
    expect(window.button("Approve")).to_have_count(0)

    assert str(rollouts.load_rollout(stack.database, str(number)).state) == "aborted"
    stack.wait_in_sync(first, second)
    wanted = {f"{first}-s": "after", f"{second}-s": "before"}
    assert {f"{one}-s": description(stack, one, f"{one}-s") for one in (first, second)} == wanted
    found = {ref.name: manifest["spec"]["description"] for ref, manifest in live(stack, "Server").items()}
    assert {server: found[server] for server in wanted} == wanted


def test_what_others_wrote_is_text_on_every_page_of_changes(
    window: Window, stack: Stack, name: str, tmp_path: Path
) -> None:
    """Names of people, reasons, subjects of commits: shown letter by letter, and never run."""
    server = f"{name}-s"
    stack.add_fabric(name, [make_server(server)], description=PAYLOAD, **QUIET)
    from_git = f"{name}-g"
    stack.add_fabric(from_git, source_of_truth="git", **QUIET)
    change(stack, name, [make_server(server, PAYLOAD)], who=PAYLOAD, why=PAYLOAD)
    generation = change(stack, name, [make_server(server, f"{PAYLOAD}2")], who=PAYLOAD, why=PAYLOAD)
    with transaction(stack.database) as cursor:
        freezes.save_freeze(cursor, Selector.named([name]), reason=PAYLOAD, until=None, actor=PAYLOAD)
    ada = Person(tmp_path / "ada", clone_url(stack, "network"))
    text = f"apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {{name: {from_git}-s}}\nspec: {{}}\n"
    ada.commit({f"fabrics/{from_git}/a.yaml": text}, PAYLOAD)
    number = begin_a_rollout(stack, f"x-{name}", name, manifest=make_server(server, PAYLOAD), who=PAYLOAD, why=PAYLOAD)
    stack.hedgehog("rollout", "pause", str(number), "--reason", PAYLOAD)
    stack.hedgehog("approval", "require", name, "--select", f"fabric={name}")
    stack.hedgehog("object", "delete", name, f"server/{server}", "--yes", "--reason", PAYLOAD)
    stack.airflow.finished(PULL, stack.airflow.trigger(PULL, fabrics=[from_git]))
    assert description(stack, from_git, f"{from_git}-s") is not None
    pages = {
        f"/fabrics/{name}/history?to={generation}": 3,
        f"/fabrics/{from_git}/history": 1,
        f"/fabrics/{name}/problems": 1,
        f"/fabrics/{name}/runs": 1,
        f"/fabrics/{name}/objects/Server/default/{server}": 1,
        f"?search={name}": 1,
        "/freezes": 2,
        "/proposals": 1,
        "/rollouts": 2,
        f"/rollouts/{number}": 3,
    }
    for path, least in pages.items():
        window.open(path)
        window.sees(PAYLOAD)
        window.settle()
        assert window.page.locator("body").inner_text().count("<img src=x") >= least, path
    window.open("/proposals")
    row(window, name).get_by_role("link", name="#").click()
    window.sees("Needs approval by")
    window.settle()
    assert window.page.evaluate("window.hacked") is None
    assert window.page.locator("img[src='x']").count() == 0
    stack.hedgehog("approval", "drop", name)
    stack.hedgehog("unfreeze", name)
    assert rollouts.load_rollout(stack.database, str(number)).reason == PAYLOAD
