"""The Git host of the demo: a plain Git server, or a Gitea with a pull request that somebody may merge."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from devstack.airflow import ROOT, free_port
from devstack.cluster import is_built
from devstack.git_server import GitServer, Person
from devstack.gitea.server import Gitea, GiteaRefused
from hedgehog.hosts.gitea import HOST

HOSTS = ("gitea", "plain")
REPOSITORY = "demo"
CONNECTION = "demo_git"
OFFICE = ROOT / "examples" / "office"
"""The fabric that lives in Git."""
BRANCH = "phones-on-floor-2"
SECOND_FLOOR = """\
    floor-2:
      subnet: 10.60.12.0/24
      vlan: 112
"""
"""What the pull request adds at the end of the VPCs: a subnet of the VPC `phones`."""
_CHECK = "Hedgehog fabrics"
_ROBOT, _PERSON = "hedgehog", "ada"
_FULL_NAME = f"acme/{REPOSITORY}"
_LIMIT = 600.0
Command = Callable[..., str]
"""Runs the `hedgehog` command with these arguments; its output."""


class DemoHost(Protocol):
    """Where the repository of the demo is."""

    url: str
    """Of the repository, to clone it."""
    path: Path
    """The bare repository on disk."""
    settings: dict[str, Any]
    """More of the GitRepository document."""
    connections: dict[str, str]
    """Airflow connections, as variables of the environment."""

    def open_office(self, hedgehog: Command) -> None:
        """Bring in the fabric that lives in Git, where the host has pull requests."""

    def propose(self, say: Callable[[str], None]) -> None:
        """Have a pull request open and checked, where the host has them."""

    def told(self, fabric_page: str) -> str:
        """Lines about it, for the end of the start; *fabric_page* is the page of the fabric that lives in Git."""

    def problems(self) -> Iterator[str]:
        """What is not in order."""


def choose_host(wanted: str | None, state: Path) -> tuple[str, str]:
    """One of HOSTS, and a sentence that says so: the one of earlier starts in *state*, or *wanted*, or what there is.

    Raises SystemExit for another one than that of earlier starts, which have their data there.
    """
    file = state / "host"
    kept = file.read_text() if file.exists() else "plain" if (state / "git-port").exists() else None
    if kept and wanted not in (kept, None):
        raise SystemExit(f"the repository of this demo is on the host `{kept}`; RESET=1 starts afresh on `{wanted}`")
    name = kept or wanted or ("gitea" if is_built("gitea") else "plain")
    file.write_text(name)
    title = {"gitea": "a Gitea", "plain": "a plain Git server"}[name]
    other = {
        "gitea": "it is built already; HOST=plain takes a plain Git server",
        "plain": "HOST=gitea takes a Gitea, with a pull request to merge, and builds it once (about 3 minutes)",
    }[name]
    return name, f"the Git host is {title}" + ("" if kept or wanted else f": {other}")


def start_gitea(stack: ExitStack, state: Path) -> DemoHost:
    """A Gitea that *stack* stops. Raises SystemExit where it cannot be built."""
    try:
        return GiteaHost(stack.enter_context(Gitea(state / "gitea")), state)
    except subprocess.CalledProcessError:
        raise SystemExit("Gitea could not be built (see above); HOST=plain does without") from None


def start_git_server(stack: ExitStack, state: Path) -> GitServer:
    """A plain Git server that *stack* stops, on the same port each time, because its URLs are stored."""
    kept = state / "git-port"
    port = int(kept.read_text()) if kept.exists() else free_port()
    kept.write_text(str(port))
    try:
        return stack.enter_context(GitServer(state / "git", port=port))
    except OSError as error:
        raise SystemExit(
            f"port {port} of the demo's Git host is taken ({error.strerror}); RESET=1 chooses another"
        ) from None


class PlainHost:
    """A Git server without logins, with plain pages; pull requests it has not."""

    def __init__(self, git: GitServer) -> None:
        self.url = git.url(REPOSITORY)
        self.path = git.create(REPOSITORY)
        self.settings: dict[str, Any] = {}
        self.connections: dict[str, str] = {}

    def open_office(self, hedgehog: Command) -> None:
        """Nothing: no one could merge a change of it."""

    def propose(self, say: Callable[[str], None]) -> None:
        """Nothing."""

    def told(self, fabric_page: str) -> str:
        """Nothing more."""
        return ""

    def problems(self) -> Iterator[str]:
        """None of its own."""
        return iter(())


class GiteaHost:
    """Hedgehog enters it as the user `hedgehog`, and a person who looks at the demo as `ada`."""

    def __init__(self, gitea: Gitea, state: Path) -> None:
        self.gitea = gitea
        self.state = state
        self._ensure_repository()
        self.url = gitea.clone_url(_FULL_NAME)
        self.path = gitea.directory / "repositories" / f"{_FULL_NAME}.git"
        self.settings = {"connection_id": CONNECTION}
        robot = {"login": _ROBOT, "password": gitea.user(_ROBOT), "extra": {"host": "gitea"}}
        self.connections = {
            f"AIRFLOW_CONN_{CONNECTION.upper()}": json.dumps({"conn_type": "git", **robot}),
            "AIRFLOW_CONN_HEDGEHOG_GITEA_WEBHOOK": json.dumps(
                {"conn_type": "generic", "password": secrets.token_urlsafe(32)}
            ),
        }

    def _ensure_repository(self) -> None:
        try:
            self._call("GET", "")
        except GiteaRefused as error:
            if error.status != 404:
                raise
            self.gitea.create(_FULL_NAME, _PERSON)
        self.gitea.user(_ROBOT)
        owner = _FULL_NAME.partition("/")[0]
        self._call("PUT", f"/collaborators/{_ROBOT}", {"permission": "admin"}, by=owner)  # webhooks need that

    def open_office(self, hedgehog: Command) -> None:
        """Make the webhook; commit the fabric that lives in Git, and import it, the first time."""
        hedgehog("webhook", "install", REPOSITORY)
        done = self.state / "office"
        if done.exists():
            return
        files = {f"fabrics/office/{file.name}": file.read_text() for file in OFFICE.iterdir() if file.stem != "fabric"}
        self._ada("main").commit(files, "Add the networks of the office")
        hedgehog("fabric", "import", str(OFFICE / "fabric.yaml"))
        done.touch()

    def propose(self, say: Callable[[str], None]) -> None:
        """A pull request that adds a subnet to a VPC of the office: opened once, and checked when this returns."""
        if self._pull() is None:
            say("opening a pull request")
            ada = self._ada(BRANCH)
            path = f"fabrics/office/{(OFFICE / 'vpcs.yaml').name}"
            text = (ada.directory / path).read_text() + SECOND_FLOOR
            ada.commit({path: text}, "Bring the phones to floor 2")
            about = "Floor 2 gets phones, too. Merge this, and watch it reach the cluster."
            pull = {"title": "Bring the phones to floor 2", "body": about, "head": BRANCH, "base": "main"}
            self._call("POST", "/pulls", pull, by=_PERSON)
        started = time.monotonic()
        while (reason := self._unchecked()) and time.monotonic() - started < _LIMIT:
            time.sleep(0.5)
        if reason:
            raise SystemExit(reason)

    def told(self, fabric_page: str) -> str:
        """The login, and what to do with the pull request."""
        pull = self._pull()
        lines = [f"               login {_PERSON} / {self.gitea.password(_PERSON)}"]
        if pull is not None and pull["state"] == "open":
            lines += [
                f"  pull request {pull['html_url']}   checked: {self._status(pull)[1]}",
                "               merge it there, and the VPC `phones` gets its subnet in the cluster within seconds:",
                f"               {fabric_page}",
            ]
        elif pull is not None:
            lines.append(f"  pull request {pull['html_url']}   {'merged' if pull['merged'] else 'closed'}")
        return "".join(f"\n{line}" for line in lines)

    def problems(self) -> Iterator[str]:
        """About the login that is printed, the pages that the product links to, and the pull request."""
        login = base64.b64encode(f"{_PERSON}:{self.gitea.password(_PERSON)}".encode()).decode()
        if refusal := _refusal(f"{self.gitea.url}/api/v1/user", Authorization=f"Basic {login}"):
            yield f"{_PERSON} cannot log in to Gitea: {refusal}"
        for page in self._pages():
            if refusal := _refusal(page):
                yield f"{page}: {refusal}"
        if self._pull() is None:
            yield "there is no pull request"
        elif reason := self._unchecked():
            yield reason

    def _pages(self) -> list[str]:
        """Pages of each kind: the repository, its last commit, a directory, a file, the pull request."""
        assert HOST.pages is not None
        page = self.url.removesuffix(".git")
        head = self._call("GET", "/branches/main")["commit"]["id"]
        directory = "fabrics/office"
        below = [
            HOST.pages.commit(head),
            HOST.pages.directory("main", directory),
            HOST.pages.file("main", f"{directory}/vpcs.yaml"),
            HOST.pages.pull(1),
        ]
        return [page, *(f"{page}/{path}" for path in below)]

    def _unchecked(self) -> str:
        """What is missing of the check of the pull request; empty for nothing, and for one that is not open any more."""
        pull = self._pull()
        if pull is None or pull["state"] != "open":
            return ""
        state, reason = self._status(pull)
        if state != "success":
            return f"the check of {pull['html_url']} is {state or 'missing'}: {reason}"
        comments = self._call("GET", f"/issues/{pull['number']}/comments")
        ours = [one["body"] for one in comments if one["user"]["login"] == _ROBOT]
        return "" if any("Merging would" in body for body in ours) else f"{pull['html_url']} has no comment"

    def _pull(self) -> dict[str, Any] | None:
        """Our pull request, open or not."""
        found: list[dict[str, Any]] = self._call("GET", "/pulls?state=all&limit=50")
        return next((one for one in found if one["head"]["ref"] == BRANCH or one["title"].endswith("floor 2")), None)

    def _status(self, pull: dict[str, Any]) -> tuple[str, str]:
        """State and description of the status of the pull request's head; empty without one."""
        found = self._call("GET", f"/commits/{pull['head']['sha']}/status")["statuses"] or ()
        return next(((one["status"], one["description"]) for one in found if one["context"] == _CHECK), ("", ""))

    def _ada(self, branch: str) -> Person:
        """Ada on a branch, which begins at `main`."""
        directory = self.state / f"ada-{branch}"
        shutil.rmtree(directory, ignore_errors=True)
        person = Person(directory, self.gitea.clone_url(_FULL_NAME, _PERSON), branch=branch)
        person.git("fetch", "--quiet", "origin", "main")
        person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        return person

    def _call(self, method: str, path: str, body: Any = None, **by: str) -> Any:
        return self.gitea.call(method, f"/repos/{_FULL_NAME}{path}", body, **by)


def _refusal(page: str, **headers: str) -> str:
    """Why *page* does not answer; empty when it does."""
    try:
        urllib.request.urlopen(urllib.request.Request(page, headers=headers), timeout=60).close()
    except urllib.error.URLError as error:
        return str(error)
    return ""
