"""What hosts, and proxies before them, do to git over the wire."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devstack import git_server
from devstack.git_server import GitServer, Person
from hedgehog.errors import AuthenticationFailed, InvalidInput, RemoteUnavailable
from hedgehog.gitops.commit import blob_id, build, push
from hedgehog.gitops.failures import without_progress
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from tests.gitops.conftest import AUTHOR
from tests.gitops.mirror_lab import Entry, fetched, write_tree


@contextmanager
def web_page(status: int, content: bytes, kind: str = "text/html") -> Iterator[str]:
    """A host that answers every request with one page; its URL."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/net.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PAGES = {
    "one line": b"<html><body>Please sign in</body></html>",
    "one line with its end": b"<html><body>Please sign in</body></html>\n",
    "several lines": b"<html>\n<body>Please sign in</body>\n</html>\n",
    "nothing": b"",
    "a blank line": b"\n",
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_a_sign_in_page_is_not_an_empty_repository(page: str, kind: str, tmp_path: Path) -> None:
    """Its status is 200, and to git it is a list of no branches: a branch would be made where one is."""
    with web_page(200, PAGES[page], kind) as url:
        mirror = Mirror(tmp_path / "cache", Remote(url, "main"))
        for ask in (mirror.head, mirror.branches):
            with pytest.raises(RemoteUnavailable, match="no Git host but a web page"):
                ask()


def test_a_sign_in_page_that_refuses_is_a_refused_credential(tmp_path: Path) -> None:
    """The usual kind."""
    with web_page(401, b"sign in") as url, pytest.raises(AuthenticationFailed):
        Mirror(tmp_path / "cache", Remote(url, "main")).head()


@pytest.mark.parametrize("name", ["net", "other"])
@pytest.mark.parametrize("version", ["0", "2"])
def test_an_empty_repository_is_empty(host: GitServer, tmp_path: Path, name: str, version: str, monkeypatch) -> None:
    """In both protocols of git."""
    host.create(name)
    settings = Remote._settings
    monkeypatch.setattr(Remote, "_settings", lambda remote: {**settings(remote), "protocol.version": version})
    mirror = Mirror(tmp_path / "cache", Remote(host.url(name), "main"))
    assert mirror.head() is None
    assert mirror.branches() == {}


def test_branches_begin_with_the_default_one(host: GitServer, person: Person, mirror: Mirror) -> None:
    """It is the first that a lost branch is looked for in."""
    first = person.commit({"a": "1"})
    for name in ("a", "z"):
        person.git("push", "--quiet", "origin", f"HEAD:{name}")
    second = person.commit({"a": "2"})
    assert list(mirror.branches().items()) == [("main", second), ("a", first), ("z", first)]


def test_a_push_that_is_too_large_for_a_proxy_is_reported_as_such(
    host: GitServer, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later try is smaller."""
    serve = git_server._Handler._serve

    def limited(handler: git_server._Handler, body: bytes) -> None:
        if handler.command == "POST" and "git-receive-pack" in handler.path:
            handler._answer(413, {}, b"<html>413 Request Entity Too Large</html>\n")
        else:
            serve(handler, body)

    monkeypatch.setattr(git_server._Handler, "_serve", limited)
    commit = build(mirror, None, {"a": b"1\n"}, "Add\n", AUTHOR)
    assert commit is not None
    with pytest.raises(InvalidInput, match="takes no push of this size; raise its limit"):
        push(mirror, commit, None)


def odd_commit(repository: Path, make: Callable[[str, str], list[Entry]]) -> str:
    """Put a commit on main whose directory `f` has what *make* says of a good blob and the tree that holds it."""
    git = ["git", f"--git-dir={repository}"]
    blob = subprocess.run([*git, "hash-object", "-w", "--stdin"], input=b"a\n", capture_output=True, check=True).stdout
    good = blob.decode().strip()
    inner = write_tree(repository, [(b"100644", b"a.yaml", good)])
    root = write_tree(repository, [(b"040000", b"f", write_tree(repository, make(good, inner)))])
    person = {name: "Ada" for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME")}
    person |= {name: "ada@example.com" for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")}
    made = subprocess.run(
        [*git, "commit-tree", root, "-m", "Odd"], capture_output=True, check=True, env=os.environ | person
    )
    commit = made.stdout.decode().strip()
    subprocess.run([*git, "update-ref", "refs/heads/main", commit], check=True)
    return commit


GOOD = b"a.yaml"
ODD: dict[str, Callable[[str, str], list[Entry]]] = {
    "zero-padded modes": lambda blob, tree: [(b"100644", GOOD, blob), (b"040000", b"d", tree)],
    "modes of an old git": lambda blob, tree: [(b"100664", GOOD, blob)],
    "a name of git's own": lambda blob, tree: [(b"40000", b".git", tree), (b"100644", GOOD, blob)],
    "a name that leads upwards": lambda blob, tree: [(b"40000", b"..", tree), (b"100644", GOOD, blob)],
    "a name with a slash": lambda blob, tree: [(b"100644", GOOD, blob), (b"100644", b"x/b.yaml", blob)],
    "two entries of one name": lambda blob, tree: [(b"100644", GOOD, blob), (b"100644", GOOD, blob)],
    "entries out of order": lambda blob, tree: [(b"100644", b"b.yaml", blob), (b"100644", GOOD, blob)],
    "a name that is not UTF-8": lambda blob, tree: [(b"100644", GOOD, blob), (b"100644", b"\xff.yaml", blob)],
    "a submodule of no commit": lambda blob, tree: [(b"100644", GOOD, blob), (b"160000", b"m", "0" * 40)],
}


@pytest.mark.parametrize("what", ODD)
def test_a_directory_that_git_complains_of_is_fetched(what: str, host: GitServer, mirror: Mirror) -> None:
    """Nothing is checked out, so it harms nobody; and what lies beside it is read."""
    head = odd_commit(host.path("net"), ODD[what])
    assert fetched(mirror) == head
    assert mirror.read(blob_id(b"a\n")) == b"a\n"
    assert mirror.lookup(head, ["f/a.yaml"]).files == {"f/a.yaml": blob_id(b"a\n")}
    commit = build(mirror, head, {"g/b": b"b\n"}, "Add\n", AUTHOR)
    assert commit is not None
    push(mirror, commit, head)
    assert mirror.head() == commit


@pytest.fixture
def slow_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git that takes its time to fetch: what the file *script* in the returned directory does comes first."""
    directory = tmp_path / "bin"
    directory.mkdir()
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()
    wrapper = directory / "git"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *" fetch "*|*" index-pack "*) . {directory}/script;; esac\nexec {real} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory / "script"


def limited(mirror: Mirror, cache: Path, **limits: float) -> Mirror:
    """The same, with other limits of time."""
    return Mirror(cache, Remote(mirror.remote.url, "main", **limits))  # type: ignore[arg-type]


def test_a_fetch_with_progress_may_take_longer_than_patience(
    person: Person, mirror: Mirror, slow_git: Path, tmp_path: Path
) -> None:
    """A large clone shows its progress for minutes."""
    person.commit({"a": "1"})
    slow_git.write_text('for n in $(seq 120); do printf "Receiving objects: %s%%\\r" $n >&2; sleep 0.1; done\n')
    assert fetched(limited(mirror, tmp_path / "cache", patience=8.0, timeout=600.0))


def test_a_fetch_without_progress_is_ended(person: Person, mirror: Mirror, slow_git: Path, tmp_path: Path) -> None:
    """A half-open connection never says anything again."""
    person.commit({"a": "1"})
    slow_git.write_text("sleep 300\n")
    with pytest.raises(RemoteUnavailable, match="no progress for 1 s"):
        fetched(limited(mirror, tmp_path / "cache", patience=1.0, timeout=600.0))


def test_a_fetch_that_never_ends_is_ended_and_the_error_names_the_setting(
    person: Person, mirror: Mirror, slow_git: Path, tmp_path: Path
) -> None:
    """Whatever it shows."""
    person.commit({"a": "1"})
    slow_git.write_text('while :; do printf "Receiving objects: 1%%\\r" >&2; sleep 0.2; done\n')
    with pytest.raises(RemoteUnavailable, match=r"no end after 2 s; raise \[hedgehog\] git_timeout"):
        fetched(limited(mirror, tmp_path / "cache", patience=600.0, timeout=2.0))


def test_a_slow_git_gets_all_of_its_input(host: GitServer, mirror: Mirror, slow_git: Path) -> None:
    """A pack larger than a pipe holds, to a git that begins to read after the first look at the time."""
    slow_git.write_text("sleep 2.5\n")
    files = {f"d/{number}": os.urandom(5000) for number in range(60)}
    commit = build(mirror, None, files, "Add\n", AUTHOR)
    assert commit is not None
    assert len(mirror.files(commit, "d")) == 60


def test_progress_is_not_part_of_an_error() -> None:
    """What the server said is."""
    text = (
        b"remote: Enumerating objects: 5, done.        \nremote: Counting objects:  20% (1/5)   \r"
        b"remote: Counting objects: 100% (5/5), done.\nReceiving objects: 100% (5/5), 1.20 MiB | 2.00 MiB/s, done.\n"
        b"remote: Quota exceeded for: 12 objects\nFrom https://h/net\nfatal: early EOF\n"
    )
    assert without_progress(text) == b"remote: Quota exceeded for: 12 objects\nfatal: early EOF\n"
    flood = without_progress(b"begin\n" + b"x" * 10_000_000 + b"\nend")
    assert len(flood) < 20_000
    assert (flood[:6], flood[-4:]) == (b"begin\n", b"\nend")
