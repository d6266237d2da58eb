"""Which repository a name means: with or without its host, and with all groups where they are nested."""

from __future__ import annotations

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Fabric, GitRepository
from hedgehog.services.pull_requests.fabrics import fabrics_in, is_called, parse_repository
from hedgehog.services.pull_requests.queue import Task

NESTED = "https://gitlab.example.com/acme/team/net.git"


def make_fabric(number: int, url: str) -> Fabric:
    """A fabric of a repository."""
    row = GitRepository(id=number, name=f"repository-{number}", url=url)
    return Fabric(id=number, name=f"lab-{number}", resource_name=f"lab-{number}", git_repository=row)


@pytest.mark.parametrize(
    ("name", "is_it"),
    [
        ("acme/team/net", True),
        ("Gitlab.example.com/Acme/team/net", True),
        ("team/net", False),
        ("acme/net", False),
        ("other.example.com/acme/team/net", False),
    ],
)
def test_a_name_has_all_groups(name: str, is_it: bool) -> None:
    """A part of the path names nothing; the first part may be the host."""
    wanted = parse_repository(name)
    assert is_called(NESTED, wanted) == is_it
    assert len(fabrics_in([make_fabric(1, NESTED)], name)) == is_it


@pytest.mark.parametrize("name", ["net", "", "/acme/net", "acme//net", "acme/net/", "a b/net"])
def test_half_a_name_is_refused(name: str) -> None:
    """With the form of a whole one."""
    with pytest.raises(InvalidInput, match="owner/name"):
        parse_repository(name)


def test_a_host_that_is_named_goes_before_a_group_of_that_name() -> None:
    """A group may be called like a server."""
    fabrics = [
        make_fabric(1, "https://gitlab.com/git.example.com/acme/net"),
        make_fabric(2, "https://git.example.com/acme/net"),
    ]
    assert [fabric.id for _, fabric in fabrics_in(fabrics, "git.example.com/acme/net")] == [2]


def test_a_name_on_several_hosts_is_refused_unless_one_is_github() -> None:
    """With the names that say which."""
    fabrics = [make_fabric(number, f"https://{host}.example.com/acme/net") for number, host in enumerate(("a", "b"))]
    with pytest.raises(InvalidInput, match=r"say which: a\.example\.com/acme/net, b\.example\.com/acme/net"):
        fabrics_in(fabrics, "acme/net")
    on_github = make_fabric(3, "git@github.com:Acme/Net.git")
    assert [fabric.id for _, fabric in fabrics_in([*fabrics, on_github], "acme/net")] == [3]


@pytest.mark.parametrize("name", ["acme/team/net", "gitlab.example.com/acme/team/net", "127.0.0.1:80/acme/team/net"])
def test_a_task_is_shown_without_its_host(name: str) -> None:
    """As the host writes it."""
    assert str(Task(name, 7)) == "acme/team/net#7"
