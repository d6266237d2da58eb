"""A Git host is one folder: it is found by its name, without a line elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.hosts.host import Access
from hedgehog.hosts.registry import host_type, host_types
from tests.hosts.toy import installed


def test_a_new_folder_is_a_new_host(tmp_path: Path) -> None:
    """By the name of its server, and by its own name; `test_contract` judges it like all others."""
    with installed(tmp_path) as toy:
        assert host_types()["toyforge"] is toy.HOST
        assert host_type("toy.example.com") is host_type("git.example.com", named="toyforge") is toy.HOST
    assert host_type("toy.example.com").name == "git"


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("github.com", "github"),
        ("acme.ghe.com", "github"),
        ("evilgithub.com", "git"),
        ("ghe.com", "git"),
        ("codeberg.org", "gitea"),
        ("git.example.com", "git"),
    ],
)
def test_a_host_is_known_by_its_name_or_is_plain_git(server: str, name: str) -> None:
    """A token is sent to no host that only looks like another."""
    assert host_type(server).name == name


def test_plain_git_says_that_it_has_none_of_it() -> None:
    """And how to name the host, if it is one that is known."""
    with pytest.raises(InvalidInput, match=r"git\.example\.com: plain Git has no API.*connection robot"):
        host_type("git.example.com").enter(Access("robot", "git.example.com", "acme/net", token="t0ken"))


def test_a_host_that_does_not_exist_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(
        InvalidInput, match="connection robot: there is no host 'sourcehut'; known are bitbucket, git, gitea, "
    ):
        host_type("git.example.com", named="sourcehut", subject="connection robot")
