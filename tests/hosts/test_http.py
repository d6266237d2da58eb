"""The thin client: its token goes to one address and into no text, and every failure is one of our errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hedgehog.errors import AuthenticationFailed, HedgehogError, InvalidInput, NotFound, RateLimited, RemoteUnavailable
from hedgehog.hosts import http
from hedgehog.hosts.host import Access, Host, PullRequest
from hedgehog.hosts.http import MOST_PAGES, JsonApi
from hedgehog.hosts.registry import host_type
from tests.kube.fake_server import FakeServer, Reply, serve

TOKEN = "t0ken-that-nobody-may-see"


def client_of(server: FakeServer) -> JsonApi:
    """A client of *server*."""
    return JsonApi("Gitea", server.api_client.configuration.host, TOKEN, header="Authorization", scheme="token")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(401, {"message": f"bad {TOKEN}"}), AuthenticationFailed),
        (Reply(404, {"message": "not found"}), NotFound),
        (Reply(422, "words"), InvalidInput),
        (Reply(429, {}, {"Retry-After": "5"}), RateLimited),
        (Reply(502, "<html>"), RemoteUnavailable),
        (Reply(0), RemoteUnavailable),
        (Reply(200, "<html>sign in to the hotel</html>"), RemoteUnavailable),
        (Reply(200, "[" * 100_000), RemoteUnavailable),
        (Reply(302, {}, {"Location": "http://127.0.0.1:1/elsewhere"}), InvalidInput),
    ],
)
def test_a_failure_is_made_once_and_sorted(reply: Reply, error: type[HedgehogError], caplog) -> None:
    """And has no secret in it, even where the host repeats one."""
    caplog.set_level(logging.DEBUG)
    with serve(lambda _: reply) as server:
        client = client_of(server)
        with pytest.raises(error) as caught:
            client.get("/user")
        client.close()
    assert len(server.requests) == 1
    assert TOKEN not in f"{caught.value}{caught.value.__cause__}{caplog.text}"


def test_a_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own credential is never used."""
    (tmp_path / ".netrc").write_text("default login other password other\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    with serve(lambda _: Reply(200, {"login": "robot"})) as server:
        client = client_of(server)
        assert client.get("/user") == {"login": "robot"}
        client.close()
    assert [one.authorization for one in server.requests] == [f"token {TOKEN}"]


def test_a_list_without_an_end_is_unavailable() -> None:
    """Pages are asked for by number: an address in an answer is never followed."""
    following = {"Link": '<http://127.0.0.1:1/x?page=2>; rel="next"'}
    with serve(lambda _: Reply(200, [{"id": 1}], following)) as server:
        client = client_of(server)
        with pytest.raises(RemoteUnavailable, match=f"more than {MOST_PAGES} pages"):
            list(client.pages("/x"))
        client.close()
    assert server.requests[1].path == "/x?page=2"


PULL = PullRequest(7, "x", "open", False, "a" * 40, "main", 1, "u", "refs/pull/7/head")
ASKED: dict[str, Callable[[Host], Any]] = {
    "pull": lambda host: host.pull(7),
    "open": lambda host: host.open_pull(title="x", body="", head="a", base="main"),
    "login": lambda host: host.login(),
    "comments": lambda host: list(host.comments(PULL)),
    "add": lambda host: host.add_comment(PULL, "x"),
    "lines": lambda host: list(host.line_comments(PULL)),
    "hooks": lambda host: list(host.hooks()),
}


@pytest.mark.parametrize("name", ["github", "gitea", "gitlab"])
@pytest.mark.parametrize("asked", sorted(ASKED))
@pytest.mark.parametrize("body", [None, 7, "text", {"a": 1}, {"number": 7, "head": None}, [7], [{"id": 1, "user": 3}]])
def test_an_answer_in_another_form_is_unavailable(name: str, asked: str, body: Any) -> None:
    """What answers may be a portal or another product; no other exception, and no half of an answer."""
    if asked == "lines" and body == [{"id": 1, "user": 3}] and name == "gitea":
        return  # a review without comments
    with serve(lambda _: Reply(200, body)) as server:
        url = server.api_client.configuration.host
        host = host_type("", named=name).enter(Access("robot", "127.0.0.1", "acme/net", api_url=url, token=TOKEN))
        with pytest.raises(RemoteUnavailable, match="check the base URL"):
            ASKED[asked](host)
        host.close()


def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diff may be larger than memory."""
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100_000)
    with serve(lambda _: Reply(200, "x" * 200_000)) as server:
        client = client_of(server)
        with pytest.raises(InvalidInput, match="more than 100000 bytes"):
            client.text("/x.diff")
        client.close()


@pytest.mark.parametrize("token", [None, "", "two\nlines", "größe"])
def test_what_is_no_token_is_refused_without_quoting_it(token: str | None) -> None:
    """A token with a line break would be another header."""
    with pytest.raises(InvalidInput) as caught:
        JsonApi("Gitea", "https://git.example.com/api/v1", token, header="Authorization")
    assert "größe" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://git.example.com", "https://user:canary@git.example.com", "git.example.com"])
def test_a_url_that_would_show_the_token_is_refused(url: str) -> None:
    """Plain http is for this machine only."""
    with pytest.raises(InvalidInput) as caught:
        JsonApi("Gitea", url, TOKEN, header="Authorization")
    assert "canary" not in str(caught.value)
