"""Buttons on a task lead to the Git host."""

from __future__ import annotations

import pytest

from hedgehog.airflow.links import (
    CommitLink,
    FabricLink,
    ObjectLink,
    PageLink,
    commit_page,
    directory_page,
    fabric_page,
    page_of_object,
    web_page,
)
from hedgehog.fabric.model import GitRepository, ObjectRef

COMMIT = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"


def make_repository(url: str = "https://git.example.com/net/fabrics.git", branch: str = "main") -> GitRepository:
    """A repository at *url*."""
    return GitRepository(id=1, name="network", url=url, branch=branch)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://git.example.com/net/fabrics.git", "https://git.example.com/net/fabrics"),
        ("https://git.example.com/net/fabrics", "https://git.example.com/net/fabrics"),
        ("https://git.example.com/net/fabrics/", "https://git.example.com/net/fabrics"),
        ("https://git.example.com:8443/net/fabrics.git", "https://git.example.com:8443/net/fabrics"),
        ("ssh://git@git.example.com/net/fabrics.git", "https://git.example.com/net/fabrics"),
        ("ssh://git@git.example.com:2222/net/fabrics.git", "https://git.example.com/net/fabrics"),
        ("git@git.example.com:net/fabrics.git", "https://git.example.com/net/fabrics"),
        ("git@git.example.com:net/sub/fabrics", "https://git.example.com/net/sub/fabrics"),
        ("http://127.0.0.1:8080/fabrics.git", "http://127.0.0.1:8080/fabrics"),
    ],
)
def test_a_hosted_repository_has_a_page(url, page):
    """https, ssh and the short form of ssh lead to the same page."""
    assert web_page(url) == page


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/git/fabrics.git",
        "/srv/git/fabrics.git",
        "../fabrics.git",
        "git://host/x",
        "https://[::1/x",
        "https://host:port/x",
    ],
)
def test_a_repository_without_a_web_host_has_no_page(url):
    """No button is better than a dead one."""
    assert web_page(url) is None
    assert commit_page(make_repository(url), COMMIT) is None
    assert directory_page(make_repository(url), "fabrics/fabric-1") is None


def test_a_user_name_in_the_url_is_not_in_the_link():
    """The link is shown to everybody who may see the task."""
    assert web_page("https://robot@git.example.com/net/fabrics.git") == "https://git.example.com/net/fabrics"


def test_a_commit_and_a_directory_have_pages_below_the_repository():
    """The form that GitHub, GitLab and Gitea share."""
    repository = make_repository()
    assert commit_page(repository, COMMIT) == f"https://git.example.com/net/fabrics/commit/{COMMIT}"
    assert directory_page(repository, "fabrics/a b") == "https://git.example.com/net/fabrics/tree/main/fabrics/a%20b"


def test_a_branch_with_a_slash_keeps_it():
    """`release/1.2` is one branch, and hosts accept it unchanged."""
    page = directory_page(make_repository(branch="release/1.2"), "fabric-1")
    assert page == "https://git.example.com/net/fabrics/tree/release/1.2/fabric-1"


def test_one_fabric_has_a_page_of_ours_and_several_have_the_fleet():
    """Relative, so that it fits an Airflow below a path; a name never leaves its place in the address."""
    assert fabric_page(["a/b"]) == "plugin/hedgehog/fabrics/a%2Fb"
    assert fabric_page(["a", "b"]) == "plugin/hedgehog"


def test_an_object_has_a_page_below_that_of_its_fabric():
    """No part of its name leaves its place in the address."""
    page = page_of_object("lab", ObjectRef("VPC", "default", "a/b"))
    assert page == "plugin/hedgehog/fabrics/lab/objects/VPC/default/a%2Fb"
    assert ObjectLink().get_link(Ran(object_link=page), ti_key=None) == page


class Ran:
    """A task after its run, with or without pages."""

    def __init__(self, **pages: str | None) -> None:
        self.__dict__.update(pages)


def test_a_button_leads_to_the_page_that_the_task_found():
    """The task keeps the pages on itself; Airflow asks in the same process."""
    ran = Ran(commit_link="https://git.example.com/c/1", fabric_link="https://git.example.com/t/1")
    assert CommitLink().get_link(ran, ti_key=None) == "https://git.example.com/c/1"
    assert FabricLink().get_link(ran, ti_key=None) == "https://git.example.com/t/1"


@pytest.mark.parametrize("ran", [Ran(), Ran(commit_link=None, fabric_link=None)])
def test_a_task_without_pages_shows_no_button(ran):
    """A run that changed nothing pushed no commit."""
    links = (PageLink(), ObjectLink(), CommitLink(), FabricLink())
    assert [link.get_link(ran, ti_key=None) for link in links] == ["", "", "", ""]
