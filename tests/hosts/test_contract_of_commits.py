"""What every Git host keeps that makes and signs commits for us."""

from __future__ import annotations

import pytest

from hedgehog.errors import PushRace
from hedgehog.hosts.host import Feature, Host
from tests.hosts.contract_lab import HostLab

MESSAGE = "Change two files\n\nHedgehog-Fabric: lab\n"


@pytest.mark.needs(Feature.SIGNED_COMMITS)
def test_a_commit_is_made_on_top_of_the_head_and_signed(host: Host, host_lab: HostLab) -> None:
    """With the files, and on that branch only."""
    ada = host_lab.person("main")
    ada.pull()
    head = ada.git("rev-parse", "HEAD").strip()
    made = host.make_commit("main", head, MESSAGE, {"old.yaml": None, "new.yaml": b"c: 4\n"})
    ada.pull()
    assert ada.git("rev-parse", "HEAD", "HEAD^").split() == [made, head]
    assert ada.git("ls-files").split() == ["README.md", "new.yaml"]
    assert ada.git("log", "-1", "--format=%B").strip() == MESSAGE.strip()
    assert "gpgsig" in ada.git("cat-file", "commit", "HEAD")


@pytest.mark.needs(Feature.SIGNED_COMMITS)
def test_nothing_is_made_on_a_branch_that_has_moved(host: Host, host_lab: HostLab) -> None:
    """Nobody else's commit is dropped, and none gets a parent that nobody planned for."""
    ada = host_lab.person("main")
    head = ada.commit({"one.yaml": "a: 1\n"})
    moved = ada.commit({"two.yaml": "a: 1\n"})
    with pytest.raises(PushRace):
        host.make_commit("main", head, MESSAGE, {"new.yaml": b"c: 4\n"})
    ada.pull()
    assert ada.git("rev-parse", "HEAD").strip() == moved
