"""Buttons on a task lead to the Git host."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from devstack.git_server import Person
from devstack.gitea.server import Gitea
from hedgehog.airflow.links import (
    CommitLink,
    FabricLink,
    ObjectLink,
    PageLink,
    commit_page,
    directory_page,
    fabric_page,
    file_page,
    page_of_object,
    pull_page,
    web_page,
)
from hedgehog.fabric.model import GitRepository, ObjectRef

COMMIT = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"


def make_repository(
    url: str = "https://git.example.com/net/fabrics.git", branch: str = "main", host: str | None = None
) -> GitRepository:
    """A repository at *url*."""
    return GitRepository(id=1, name="network", url=url, branch=branch, host=host)


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
    assert directory_page(make_repository(url, host="gitea"), "fabrics/fabric-1") is None


def test_a_user_name_in_the_url_is_not_in_the_link():
    """The link is shown to everybody who may see the task."""
    assert web_page("https://robot@git.example.com/net/fabrics.git") == "https://git.example.com/net/fabrics"


@pytest.mark.parametrize(
    ("host", "commit", "directory", "file", "pull"),
    [
        ("github", "commit", "tree/release/1.2", "blob/release/1.2", "pull/7"),
        ("gitea", "commit", "src/branch/release/1.2", "src/branch/release/1.2", "pulls/7"),
        ("gitlab", "-/commit", "-/tree/release/1.2", "-/blob/release/1.2", "-/merge_requests/7"),
        ("bitbucket", "commits", "src/release%2F1.2", "src/release%2F1.2", None),
    ],
)
def test_each_host_has_its_own_addresses(host, commit, directory, file, pull):
    """On a server of one's own, whose name does not tell which host it is; a branch with a slash is one branch."""
    repository, page = make_repository(branch="release/1.2", host=host), "https://git.example.com/net/fabrics"
    assert commit_page(repository, COMMIT) == f"{page}/{commit}/{COMMIT}"
    assert directory_page(repository, "fabrics/a b") == f"{page}/{directory}/fabrics/a%20b"
    assert file_page(repository, "fabrics/a b/#1.yaml") == f"{page}/{file}/fabrics/a%20b/%231.yaml"
    assert pull_page(repository.url, host, 7) == (pull and f"{page}/{pull}")


@pytest.mark.parametrize(
    ("url", "host", "page"),
    [
        ("git@github.com:net/fabrics.git", None, f"https://github.com/net/fabrics/commit/{COMMIT}"),
        ("https://gitlab.com/a/b/net.git", None, f"https://gitlab.com/a/b/net/-/commit/{COMMIT}"),
        ("https://git.example.com/net/fabrics.git", None, None),
        ("https://git.example.com/net/fabrics.git", "git", None),
        ("https://git.example.com/net/fabrics.git", "a-host-that-was-removed", None),
        ("https://github.com/net/fabrics.git", "git", None),
    ],
)
def test_a_host_that_was_not_asked_for_is_known_by_its_server_or_has_no_pages(url, host, page):
    """Plain Git has none: no button is better than a dead one."""
    assert commit_page(make_repository(url, host=host), COMMIT) == page


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


def test_the_links_lead_to_pages_of_a_real_gitea(gitea: Gitea, tmp_path: Path) -> None:
    """Each to the right one; anybody may read a public repository."""
    url = gitea.create("acme/linked", "ada")
    path = "fabrics/a b/vpc 1.yaml"
    ada = Person(tmp_path / "ada", gitea.clone_url("acme/linked", "ada"), branch="release/1.2")
    commit = ada.commit({"README.md": "# net\n", path: "kind: VPC\n"}, "Say hello")
    gitea.call("POST", "/repos/acme/linked/branches", {"new_branch_name": "next", "old_branch_name": "main"}, by="acme")
    ours = Person(tmp_path / "us", gitea.clone_url("acme/linked", "ada"), branch="next")
    ours.commit({"README.md": "# more\n"})
    opened = gitea.call(
        "POST", "/repos/acme/linked/pulls", {"title": "One more", "head": "next", "base": "main"}, by="acme"
    )
    repository = make_repository(url, branch="release/1.2", host="gitea")
    for page, text in (
        (commit_page(repository, commit), "Say hello"),
        (directory_page(repository, "fabrics/a b"), "vpc 1.yaml"),
        (file_page(repository, path), "kind"),
        (pull_page(url, "gitea", opened["number"]), "One more"),
    ):
        assert page is not None
        with urllib.request.urlopen(page, timeout=120) as answer:
            assert text in answer.read().decode(), page
