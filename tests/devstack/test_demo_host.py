"""The Git host of the demo: which one it is, and the pull request that somebody may merge."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from devstack import browser, demo_host
from devstack.demo_host import BRANCH, REPOSITORY, GiteaHost, choose_host
from devstack.gitea.server import Gitea


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of builds."""
    monkeypatch.setenv("HEDGEHOG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build_gitea(cache: Path) -> None:
    """As devcluster/build.sh leaves it."""
    folder = cache / "devcluster" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "gitea").touch()


def test_without_a_choice_it_is_gitea_where_that_is_built(cache: Path, tmp_path: Path) -> None:
    """And in either case one line says how to have the other."""
    name, why = choose_host(None, tmp_path)
    assert (name, "HOST=gitea" in why) == ("plain", True)
    (tmp_path / "host").unlink()
    build_gitea(cache)
    name, why = choose_host(None, tmp_path)
    assert (name, "HOST=plain" in why) == ("gitea", True)


@pytest.mark.parametrize("wanted", demo_host.HOSTS)
def test_a_choice_is_kept_until_the_demo_starts_afresh(cache: Path, tmp_path: Path, wanted: str) -> None:
    """The repository is there: another host would not have it."""
    assert choose_host(wanted, tmp_path)[0] == wanted
    build_gitea(cache)
    assert choose_host(None, tmp_path)[0] == wanted
    other = next(name for name in demo_host.HOSTS if name != wanted)
    with pytest.raises(SystemExit, match=f"on the host `{wanted}`; RESET=1 starts afresh on `{other}`"):
        choose_host(other, tmp_path)


def test_a_demo_of_before_there_was_a_choice_stays_on_the_plain_host(cache: Path, tmp_path: Path) -> None:
    """Its repository is there."""
    build_gitea(cache)
    (tmp_path / "git-port").write_text("30000")
    assert choose_host(None, tmp_path)[0] == "plain"


def press_merge(gitea: Gitea, address: str) -> None:
    """What somebody does who has read what the demo printed."""
    with browser.browser() as chromium:
        page = chromium.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{gitea.url}/user/login")
        page.fill("#user_name", "ada")
        page.fill("#password", gitea.password("ada"))
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(address)
        page.get_by_role("button", name="Merge", exact=True).click()
        page.get_by_text("Merged", exact=True).first.wait_for()


@pytest.mark.real
def test_gitea_has_the_office_and_one_pull_request_that_must_be_checked(
    gitea: Gitea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until status and comment are there, something is not in order; a second start opens no other one."""
    monkeypatch.setattr(demo_host, "_LIMIT", 0.0)
    commands: list[tuple[str, ...]] = []
    said: list[str] = []
    path = f"/repos/acme/{REPOSITORY}"
    for _ in range(2):
        host = GiteaHost(gitea, tmp_path)
        host.open_office(lambda *arguments: commands.append(arguments) or "")  # type: ignore[func-returns-value]
        with pytest.raises(SystemExit, match=r"the check of .*/pulls/1 is missing"):
            host.propose(said.append)
    assert [command[:2] for command in commands] == [
        ("webhook", "install"),
        ("fabric", "import"),
        ("webhook", "install"),
    ]
    assert said == ["opening a pull request"]
    (pull,) = gitea.call("GET", f"{path}/pulls?state=all")
    assert (pull["head"]["ref"], pull["user"]["login"]) == (BRANCH, "ada")
    assert [problem[:9] for problem in host.problems()] == ["the check"]
    gitea.call("PATCH", path, {"private": True}, by="acme")
    assert len([problem for problem in host.problems() if problem.endswith("HTTP Error 404: Not Found")]) == 5
    gitea.call("PATCH", path, {"private": False}, by="acme")

    with urllib.request.urlopen(f"{pull['html_url']}.diff", timeout=60) as answer:
        assert "+      subnet: 10.60.12.0/24" in answer.read().decode()
    status = {"context": "Hedgehog fabrics", "state": "success", "description": "1 fabric checked"}
    robot = json.loads(host.connections["AIRFLOW_CONN_DEMO_GIT"])["login"]
    gitea.call("POST", f"{path}/statuses/{pull['head']['sha']}", status, by=robot)
    assert [problem[-14:] for problem in host.problems()] == ["has no comment"]
    gitea.call("POST", f"{path}/issues/1/comments", {"body": "Merging would configure 1 object."}, by=robot)
    assert list(host.problems()) == []
    told = host.told("http://airflow/office")
    assert f"login ada / {gitea.password('ada')}" in told
    assert f"{pull['html_url']}   checked: 1 fabric checked" in told

    press_merge(gitea, pull["html_url"])
    host.propose(said.append)
    assert f"{pull['html_url']}   merged" in host.told("http://airflow/office")
    assert list(host.problems()) == []
