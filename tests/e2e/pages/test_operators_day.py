"""Somebody finds out why a fabric is not as it is wanted, corrects it, and watches it arrive; all of it on the pages."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from devstack.agents import Agents
from devstack.objects import make, make_vpc
from devstack.stack import Stack
from hedgehog.fabric.model import Manifest, ObjectRef
from tests.e2e.looks import live
from tests.e2e.pages.window import Window

HEALTH = "hedgehog_kubernetes_health"


def spine(name: str) -> Manifest:
    """A switch that every rule accepts."""
    addresses = {"ip": "172.30.0.200/21", "protocolIP": "172.30.8.200/32"}
    values = {"profile": "celestica-ds4101", "role": "spine", "boot": {"serial": name}, "asn": 65100, **addresses}
    return make("Switch", name, values)


def test_a_broken_fabric_is_found_corrected_and_watched_until_its_switches_have_it(
    window: Window, stack: Stack, name: str
) -> None:
    """From the fleet to the rule that is broken, through the editor, to switches that have applied it: one open page."""
    broken = make_vpc(f"{name}-b", 1)
    stack.add_fabric(name, [spine(f"{name}-sp"), make_vpc(f"{name}-a", 1), broken], resync_seconds=86400)
    stack.wait_status(name, "git", "out_of_sync")

    page = window.page
    window.open("?state=needs_somebody")
    page.get_by_label("Search fabrics").fill(name)
    page.get_by_role("link", name=name, exact=True).click()
    window.sees("Git waits for somebody to look at 1 problem.")
    page.get_by_role("link", name="Problems (1)").click()
    problem = page.get_by_role("list", name="Problems").get_by_role("listitem")
    expect(problem).to_contain_text(f"VPC/default/{name}-b")
    problem.get_by_role("link", name="vpc-subnet-taken").click()
    window.sees("What to do")
    page.go_back()

    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("link", name="Edit", exact=True).click()
    dialog = window.dialog()
    text = dialog.get_by_label("The object as YAML")
    window.sees("A cluster would refuse it", within=dialog)
    text.fill(text.input_value().replace("10.1.0.0/24", "10.2.0.0/24").replace("vlan: 1004", "vlan: 1008"))
    window.sees("A cluster would accept it", within=dialog)
    dialog.get_by_label("Reason").fill("the subnet is taken")
    window.button("Save", within=dialog).click()
    window.sees("Done: 1 change", within=dialog)
    window.close()
    page.get_by_role("link", name=name, exact=True).click()
    with Agents(stack.cluster):
        expect(window.step("Cluster")).to_contain_text("In sync")
        assert ObjectRef("VPC", "default", f"{name}-b") in live(stack, "VPC")
        stack.airflow.wait(lambda: _converged(window, stack), "the switches to have applied it")
    assert page.evaluate("window.isTheSamePage") is True
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="the subnet is taken")).to_contain_text("admin")
    page.get_by_role("link", name="Timeline", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="1 created").first).to_contain_text("Success")


def _converged(window: Window, stack: Stack) -> bool:
    """Look at the health, and whether the page shows that all switches are up to date."""
    stack.airflow.finished(HEALTH, stack.airflow.trigger(HEALTH))
    window.page.wait_for_timeout(3000)
    return re.search("Converged", window.step("Switches").inner_text()) is not None


def test_a_sync_is_on_the_page_with_the_next_answer_to_it(window: Window, stack: Stack, name: str) -> None:
    """The page asks one thing again and again; once that says that the fabric changed, it is read, and only then."""
    stack.add_fabric(name, [make_vpc(f"{name}-a")], enable_k8s_sync=False, resync_seconds=86400)
    stack.wait_in_sync(name)
    window.fabric(name)
    expect(window.step("Git")).to_contain_text("Generation 2")
    window.page.wait_for_timeout(5000)  # what was read when the page was opened has arrived
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url.partition("/api/v1")[2]))
    window.page.wait_for_timeout(5000)
    assert set(asked) == {"/changes"}

    stack.save(name, [make_vpc(f"{name}-b", 2)])
    stack.wait_in_sync(name)
    window.page.wait_for_timeout(1)  # takes note of what the page has asked meanwhile
    before = asked.count("/changes")
    expect(window.step("Git")).to_contain_text("Generation 3")
    expect(window.step("Git")).to_contain_text("In sync")
    assert asked.count("/changes") - before <= 2
    assert {path for path in asked if path.startswith("/fabrics/")} >= {f"/fabrics/{name}"}
