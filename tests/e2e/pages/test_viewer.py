"""Somebody who may only look: every page opens, and there is no button that would be refused."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from devstack import browser
from devstack.objects import make_server, make_vpc
from devstack.stack import Stack
from hedgehog.fabric.proposals import ProposalStatus
from hedgehog.store.proposals import list_proposals
from tests.e2e.pages.changes_lab import begin_a_rollout
from tests.e2e.pages.window import ROOT, Window

WRITING = ("Sync to Git", "Sync to cluster", "Suspend", "Resume", "Pull", "Adopt", "Revert", "Replay", "Discard",
           "Dry run", "Edit", "Delete them", "Save", "Freeze", "Unfreeze", "Lift", "New window", "Roll back", "Approve",
           "Reject", "New rollout", "Pause", "Abort", "Take back", "Begin")  # fmt: skip
TABS = ("objects", "topology", "plan", "history", "timeline", "drift", "problems", "runs", "settings")
SECTIONS = (
    "",
    "/problems",
    "/proposals",
    "/rollouts",
    "/rollouts/new",
    "/freezes",
    "/pull-requests",
    "/inbox",
    "/dead-letters",
    "/health",
    "/validate",
)


def test_a_viewer_sees_everything_and_no_button_that_is_refused(viewer: Window, stack: Stack, name: str) -> None:
    """Of a fabric that has a problem, is in a rollout and has a proposal, so that there would be something to do."""
    stack.add_fabric(name, [make_vpc(f"{name}-a"), make_vpc(f"{name}-b")], enable_k8s_sync=False)
    stack.wait_status(name, "git", "out_of_sync")
    number = begin_a_rollout(stack, f"r-{name}", name, manifest=make_server(f"{name}-s"), who="ann", why="CHG-17")
    stack.hedgehog("approval", "require", name, "--select", f"fabric={name}")
    stack.hedgehog("object", "delete", name, f"vpc/{name}-a", "--yes", "--reason", "CHG-17")
    (proposal,) = list_proposals(stack.database, [ProposalStatus.WAITING], fabric=name)
    stack.hedgehog("approval", "drop", name)
    steered = (f"/rollouts/{number}", f"/proposals/{proposal.id}")
    pages = [f"/fabrics/{name}/{tab}" for tab in TABS]
    for path in (*SECTIONS, *steered, *pages, f"/fabrics/{name}/objects/VPC/default/{name}-b"):
        viewer.follow(path)
        viewer.settle()
        for label in WRITING:
            expect(viewer.button(label)).to_have_count(0)
            expect(viewer.page.get_by_role("link", name=label, exact=True)).to_have_count(0)
    viewer.open(f"?search={name}")
    expect(viewer.page.get_by_role("link", name=name, exact=True)).to_be_visible()


def test_who_logs_in_comes_to_the_page_that_the_address_means(chromium: Browser, stack: Stack, name: str) -> None:
    """With its filters: Airflow asks for the login first, and then shows it."""
    stack.add_fabric(name, enable_k8s_sync=False, git_sync_enabled=False)
    with browser.session(chromium, stack.airflow) as session:
        session.clear_cookies()
        page = session.new_page()
        page.goto(f"{ROOT}?search={name}&sort=-problems")
        page.get_by_label("Username").fill("viewer")
        page.get_by_label("Password").fill(stack.airflow.password_of("viewer"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
        assert page.url.endswith(f"{ROOT}?search={name}&sort=-problems")


@pytest.mark.parametrize("path", ["/nowhere", "/fabrics/no-such-fabric", "/rules/no-such-rule", "/fabrics/%zz"])
def test_an_address_of_nothing_says_so(chromium: Browser, stack: Stack, path: str) -> None:
    """Within our pages, with the way on."""
    with browser.session(chromium, stack.airflow) as session:
        window = Window(session.new_page())
        window.open(path)
        window.page.get_by_text("There is no such page").or_(
            window.page.get_by_text("This does not exist")
        ).first.wait_for()
