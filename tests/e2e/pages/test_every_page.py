"""Every page with something to show: nothing goes wrong in it, axe has nothing serious to say.

With `HEDGEHOG_PICTURES` set (`make pictures`), what is seen becomes the pictures of docs/pages.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from devstack import browser
from devstack.agents import Agents
from devstack.airflow import ROOT
from devstack.github import GitHub
from devstack.objects import make_server
from devstack.stack import CLUSTER, Stack
from devstack.trouble import Place, make_trouble
from hedgehog.fabric.rollouts import RolloutState
from hedgehog.store.rollouts import load_rollout
from tests.e2e.looks import suspend_all
from tests.e2e.pages.changes_lab import QUIET, ROLLOUT
from tests.e2e.pages.window import Window

PICTURES = ROOT / "docs" / "pictures"
HEIGHT = 660
HEIGHTS = {"plan": 580, "problems": 600, "runs": 640, "topology": 800}
"""Of pictures, in pixels, where it is not HEIGHT."""
LARGEST = 150_000
"""Bytes of a picture."""
LOW = 60
"""Pixels: one line."""
GEN, EDGE = "/fabrics/gen", "/fabrics/edge"
PAGES = {
    "fleet": "",
    "fabric": f"{GEN}/objects",
    "topology": f"{GEN}/topology?from=srv-01&to=srv-07",
    "plan": f"{EDGE}/plan",
    "history": f"{GEN}/history",
    "timeline": f"{GEN}/timeline",
    "drift": f"{EDGE}/drift",
    "problems": f"{EDGE}/problems",
    "runs": f"{EDGE}/runs",
    "settings": f"{GEN}/settings",
    "object": f"{EDGE}/objects/VPC/default/edge-cache",
    "edit": f"{EDGE}/objects/VPC/default/edge-cache?edit=1",
    "all-problems": "/problems",
    "proposals": "/proposals",
    "proposal": "/proposals/1",
    "rollouts": "/rollouts",
    "rollout": "/rollouts/ntp",
    "new-rollout": "/rollouts/new",
    "freezes": "/freezes",
    "pull-requests": "/pull-requests",
    "inbox": "/inbox",
    "dead-letters": "/dead-letters",
    "health": "/health",
    "validate": "/validate?fabric=gen",
    "rule": "/rules/vpc-subnet-taken",
}
"""What is opened, by the name of its picture; `home` is one of Airflow's pages."""
TABS = frozenset({"topology", "plan", "history", "timeline", "drift", "problems", "runs", "settings"})
"""Of these, the picture begins at the tabs or the network: what is above is on the one of the fabric."""


@pytest.fixture(scope="module")
def scene(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The small example fabric, in order and with switches that report, and trouble of every kind. In the end, all fabrics
    are suspended, so that the runs of later tests do not fail for their trouble."""
    directory = tmp_path_factory.mktemp("scene")
    with GitHub(stack.git) as hub, Agents(stack.cluster):
        if not any(state.fabric == "gen" for state in stack.states("gen").values()):
            stack.hedgehog("fabric", "import", str(_example(directory / "gen")))
            stack.wait_in_sync("gen")
        make_trouble(
            Place(stack.hedgehog, stack.airflow, stack.cluster, CLUSTER, stack.git, stack.token, directory), hub
        )
        for dag_id in ("hedgehog_git_sync", "hedgehog_kubernetes_sync"):
            stack.airflow.finished(dag_id, stack.airflow.trigger(dag_id, fabrics=["edge"], dry_run=True))
        for dag_id in ("hedgehog_kubernetes_health", "hedgehog_github_health"):
            stack.airflow.finished(dag_id, stack.airflow.trigger(dag_id))
        _changes(stack, directory)
        yield stack
    suspend_all(stack)


def _changes(stack: Stack, directory: Path) -> None:
    """A rollout whose second wave waits to be approved, a proposal, and a freeze."""
    names = [f"fra-{number}" for number in range(1, 7)]
    for number, name in enumerate(names):
        settings = {"labels": {"site": "fra"}, "variables": {"rack": number}, **QUIET}
        stack.add_fabric(name, [make_server(f"{name}-s")], **settings)
    stack.wait_in_sync(*names)
    file = directory / "ntp.yaml"
    file.write_text(ROLLOUT)
    options = ("--select", "site=fra", "--canary", "fra-1", "--waves", "2", "--approve", "canary", "--soak", "1s")
    stack.hedgehog("rollout", "start", str(file), *options, "--reason", "CHG-18: racks of the new hall")
    stack.hedgehog("approval", "require", "hall", "--select", "fabric=fra-6")
    stack.hedgehog("object", "delete", "fra-6", "server/fra-6-s", "--yes", "--reason", "CHG-19: it moves to hall 2")
    stack.hedgehog("freeze", "--select", "site=ber", "--reason", "audit, CHG-20")
    stack.airflow.wait(
        lambda: load_rollout(stack.database, "ntp").state is RolloutState.APPROVAL, "the first wave to have ended"
    )


def _example(directory: Path) -> Path:
    """`examples/gen`, for the repository and the cluster of the stack."""
    directory.mkdir()
    for file in (ROOT / "examples" / "gen").iterdir():
        text = (
            file.read_text().replace("demo_cluster", CLUSTER).replace("git_repository: demo", "git_repository: network")
        )
        (directory / file.name).write_text(text)
    return directory


@pytest.fixture(scope="module")
def open_window(chromium: Browser, scene: Stack) -> Iterator[Window]:
    """One window for all pages, in light mode."""
    with browser.session(chromium, scene.airflow) as session:
        session.add_init_script("localStorage.setItem('theme', 'light')")
        yield Window(session.new_page())


def picture(window: Window, name: str) -> None:
    """Keep what is seen as a picture of the docs, if that is asked for. Its size depends on what others do in the stack."""
    if os.environ.get("HEDGEHOG_PICTURES"):
        shown: Any = {"x": 0, "y": 0, "width": browser.WINDOW["width"], "height": HEIGHTS.get(name, HEIGHT)}
        taken = window.page.screenshot(animations="disabled", clip=shown)
        assert len(taken) <= LARGEST, name
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(taken)


def faults(window: Window) -> dict[str, list[str]]:
    """What axe has to say in each colour mode, and what went wrong."""
    found = {"light": window.violations()}
    window.colour("dark")
    found["dark"] = window.violations()
    window.colour("light")
    return {kind: each for kind, each in {**found, "said": window.said}.items() if each}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_in_order(open_window: Window, name: str) -> None:
    """With all that it shows, in both colour modes."""
    window = open_window
    window.follow(PAGES[name])
    if name == "validate":
        window.page.get_by_label("YAML to check").fill(_faulty_vpc())
        window.sees("A cluster would refuse it")
    window.settle()
    if name in TABS:
        begin = window.page.get_by_role("navigation", name="About ")
        network = window.page.locator("svg[role=img]")
        (network if name == "topology" else begin).evaluate("one => one.scrollIntoView()")
    picture(window, name)
    assert faults(window) == {}


def test_the_card_of_the_home_page_is_in_order(open_window: Window) -> None:
    """At the top of Airflow's own page; it leads to the fabrics that it counts."""
    window = open_window
    window.page.goto("/")
    card = window.page.get_by_role("region", name="Hedgehog fabrics")
    window.sees(" fabrics, ", within=card)
    picture(window, "home")
    box = card.bounding_box()
    assert box is not None
    assert box["height"] < LOW
    assert faults(window) == {}
    card.get_by_role("link", name="need somebody").click()
    window.settle()
    assert window.page.url.endswith("/plugin/hedgehog?state=needs_somebody")


def _faulty_vpc() -> str:
    return """\
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata:
  name: web
spec:
  subnets:
    front: {subnet: 10.10.1.0/24, vlan: 1001}
    back: {subnet: 10.90.0.0/24, vlan: 990}
"""
