"""The examples of docs/changes.md do what the page says: each section is run as it stands, on real parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from devstack.git_server import GitServer
from devstack.objects import make_server
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.cli import worked_examples
from tests.cli.lab import EXAMPLES, connection_uri, filled, hedgehog

__all__ = ["connection_uri", "filled", "hedgehog"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "changes.md"
SECTIONS = worked_examples.examples_of(PAGE)
ABOUT_ONE_FABRIC = {"Plans", "Approval"}
"""The sections about the example fabric `gen`; the others are about a fleet."""
CHANGE = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)[-1]
FABRIC = """\
apiVersion: hedgehog-airflow/v1
kind: Fabric
metadata: {name: fra-1}
spec: {description: changed}
"""


@pytest.fixture
def fleet(hedgehog, database, tmp_path, monkeypatch):
    """The command, with fabrics in Frankfurt and Berlin that are kept in Git, and a file that changes one of them."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fra-1.yaml").write_text(FABRIC)
    (tmp_path / "ntp.yaml").write_text(CHANGE)
    with GitServer(tmp_path / "host") as host:
        host.create("net")
        fabrics.save_repository(database, "net", {"url": host.url("net")})
        for name, site in (("fra-1", "fra"), ("fra-2", "fra"), ("ber-1", "ber")):
            settings = {"git_repository": "net", "git_directory": name, "git_sync_enabled": True}
            fabrics.save_fabric(database, name, settings | {"labels": {"site": site}, "variables": {"site": site}})
            object_store.save_objects(database, fabrics.load_fabric(database, name).id, [make_server("s")])
        yield hedgehog


@pytest.mark.parametrize("title", [title for title in SECTIONS if title not in ABOUT_ONE_FABRIC])
def test_an_example_about_a_fleet_does_what_the_page_says(fleet, title):
    """Every command of the section, in order."""
    worked_examples.run(SECTIONS[title], fleet)


@pytest.mark.parametrize("title", sorted(ABOUT_ONE_FABRIC))
def test_an_example_about_one_change_does_what_the_page_says(filled, tmp_path, monkeypatch, title):
    """The VPC `solo` in a file, with another VLAN."""
    monkeypatch.chdir(tmp_path)
    vpcs = yaml.safe_load_all((EXAMPLES / "gen" / "vpcs.yaml").read_text())
    solo = next(one for one in vpcs if one["metadata"]["name"] == "solo")
    solo["spec"]["subnets"]["default"]["vlan"] = 1900
    (tmp_path / "solo.yaml").write_text(yaml.safe_dump(solo))
    worked_examples.run(SECTIONS[title], filled)


def test_a_line_that_differs_is_found():
    """`…` is for what changes, not for everything."""
    assert worked_examples.fits("a …  b\n…\nc\n", "a 12 s   b\nmore\nlines\nc\n")
    assert worked_examples.fits("x until …; y {a} {a}\n", "x until 2026-01-01 UTC; y 1 1\n")
    assert not worked_examples.fits("a …  b\n", "a 12 c\n")
    assert not worked_examples.fits("a\n", "a\nb\n")
    assert not worked_examples.fits("y {a} {a}\n", "y 1 2\n")
