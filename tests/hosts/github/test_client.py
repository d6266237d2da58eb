"""Every way in which GitHub refuses becomes the error that says how to react; no secret ever shows."""

from __future__ import annotations

import logging
import socket

import pytest

from devstack.github import Outage
from hedgehog.errors import (
    AuthenticationFailed,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RateLimited,
    RemoteUnavailable,
    RetryableError,
)
from hedgehog.hosts.failures import refusal
from hedgehog.hosts.github.client import Client, Credentials, api_url
from tests.hosts.github.conftest import TOKEN
from tests.kube.fake_server import Reply, serve

RESET = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000090", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}
"""The window ends 90 s after the answer was made."""


@pytest.mark.parametrize(
    ("status", "headers", "message", "error", "retry_after"),
    [
        (401, {}, "Bad credentials", AuthenticationFailed, None),
        (403, {}, "Resource not accessible by integration", PermissionDenied, None),
        (404, {}, "Not Found", NotFound, None),
        (409, {}, "Git Repository is empty.", RetryableError, None),
        (410, {}, "Issues are disabled", NotFound, None),
        (422, {}, "Validation Failed", InvalidInput, None),
        (403, RESET, "API rate limit exceeded for user ID 1", RateLimited, 90.0),
        (429, RESET, "API rate limit exceeded", RateLimited, 90.0),
        (403, {"retry-after": "37"}, "You have exceeded a secondary rate limit", RateLimited, 37.0),
        (403, {"x-ratelimit-remaining": "4000"}, "You have exceeded a secondary rate limit.", RateLimited, 60.0),
        (429, {}, "slow down", RateLimited, 60.0),
        (500, {}, "Server Error", RemoteUnavailable, None),
        (503, {"retry-after": "5"}, "Unavailable", RemoteUnavailable, 5.0),
        (307, {}, "Moved", InvalidInput, None),
        (429, {"retry-after": "1e300"}, "slow down", RateLimited, 3600.0),
        (429, {"retry-after": "nan"}, "slow down", RateLimited, 60.0),
        (503, {"retry-after": "inf"}, "Unavailable", RemoteUnavailable, 3600.0),
        (429, RESET | {"x-ratelimit-reset": "1e300"}, "API rate limit exceeded", RateLimited, 3600.0),
        (429, RESET | {"x-ratelimit-reset": "nan"}, "API rate limit exceeded", RateLimited, 60.0),
        (429, RESET | {"date": "Mon, 01 Jan 0001 00:00:00 -0000", "x-ratelimit-reset": "1"}, "x", RateLimited, 1.0),
    ],
)
def test_an_answer_is_sorted_by_the_reaction_it_needs(status, headers, message, error, retry_after):
    """A 403 is a missing permission, or a rate limit in one of three forms."""
    found = refusal(status, headers, {"message": message}, "GET /x", title="GitHub")
    assert (type(found), getattr(found, "retry_after", None)) == (error, retry_after)
    assert message in str(found)


def test_details_of_a_refusal_are_reported():
    """GitHub's general sentence says nothing; its list of errors does."""
    body = {
        "message": "Validation Failed",
        "errors": [{"resource": "Status", "field": "sha", "code": "missing"}, "and so on"],
    }
    assert "Validation Failed; Status.sha: missing; and so on" in str(refusal(422, {}, body, "POST /x", title="GitHub"))


def test_the_permission_that_is_missing_is_named():
    """GitHub says it in a header."""
    found = refusal(
        403, {"x-accepted-github-permissions": "checks=write"}, {"message": "no"}, "POST /x", title="GitHub"
    )
    assert "checks=write" in str(found)


@pytest.mark.parametrize(
    ("outage", "error"),
    [
        (Outage(500), RemoteUnavailable),
        (Outage(502, "<html>bad gateway</html>"), RemoteUnavailable),
        (Outage(200, "<html>sign in to the hotel</html>"), RemoteUnavailable),
        (Outage(403, {"message": "You have exceeded a secondary rate limit"}, {"retry-after": "3600"}), RateLimited),
        (Outage(403, {"message": "API rate limit exceeded"}, RESET), RateLimited),
        (Outage(429, {"message": "slow"}, {"retry-after": "3600"}), RateLimited),
        (Outage(422, {"message": "Validation Failed"}), InvalidInput),
    ],
)
def test_a_refused_request_is_made_once_and_nobody_waits(hub, pull, repository, outage, error):
    """A worker that sleeps until a rate limit is lifted is a worker that nobody else has."""
    hub.outages.append(outage)
    with pytest.raises(error):
        repository.pull(pull.number)
    assert len(hub.requests) == 1


def test_a_wrong_token_is_refused_and_not_shown(hub, pull, enter, caplog):
    """Neither in the error nor in the most talkative log."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AuthenticationFailed) as caught:
        enter(token="ghp_wrong-and-secret").get("/repos/acme/net/pulls/1")
    assert "ghp_wrong-and-secret" not in f"{caught.value}{caught.value.__cause__}{caplog.text}"


def test_the_tokens_of_an_app_are_not_in_the_log(hub, pull, enter, caplog):
    """PyGithub prints whole answers at DEBUG; the one with the app's token is among them."""
    caplog.set_level(logging.DEBUG)
    client = enter(as_app=True)
    assert client.get("/repos/acme/net/pulls/1")["number"] == 1
    assert client.token().startswith("ghs_")
    assert "ghs_" not in caplog.text


def test_a_host_that_does_not_answer_is_unavailable():
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        client = Client(Credentials(token=TOKEN), base_url=f"http://127.0.0.1:{probe.getsockname()[1]}/api/v3")
        with pytest.raises(RemoteUnavailable, match="cannot be reached"):
            client.get("/rate_limit")
        client.close()


@pytest.mark.parametrize(
    ("body", "following", "said"),
    [
        ([{"id": 1}], "{path}x", "more than 60 pages"),
        ([{"id": 1}], "{path}", "leads back to a page that was read"),
        ({"items": []}, "{path}", "the answer is not a list"),
    ],
)
def test_a_list_without_an_end_is_unavailable(body, following, said):
    """Whatever stands in front of GitHub: no answer of it may keep a task for ever."""

    def link(request):
        return f'<{following.format(path=request.path)}>; rel="next"'

    with serve(lambda request: Reply(body=body, headers={"Link": link(request)})) as server:
        client = Client(Credentials(token=TOKEN), base_url=server.api_client.configuration.host)
        with pytest.raises(RemoteUnavailable, match=said):
            list(client.pages("/repos/acme/net/pulls/1/files"))
        client.close()
    assert len(server.requests) <= 60


@pytest.mark.parametrize(
    ("following", "asked"),
    [
        ("@{there}/x", None),
        (".{there}/x", None),
        ("x", None),
        ("http://[::1/x", None),
        ("http://{there}/api/v3/x?page=2", "/api/v3/x?page=2"),
        ("//{there}/x", "/api/v3/x"),
        ("http://{here}@{there}/x", "/api/v3/x"),
    ],
)
def test_the_token_follows_no_page_to_another_host(following, asked):
    """Only the path of the next page counts; what has none would become part of the host's name."""
    pages = []

    def first(request):
        pages.append(request.path)
        link = following.format(here=here, there=there)
        return Reply(body=[{"id": 1}], headers={"Link": f'<{link}>; rel="next"'} if len(pages) == 1 else {})

    with serve(lambda _: Reply(body=[])) as elsewhere, serve(first) as server:
        here, there = (one.api_client.configuration.host.removeprefix("http://") for one in (server, elsewhere))
        client = Client(Credentials(token=TOKEN), base_url=f"http://{here}/api/v3")
        if asked is None:
            with pytest.raises(RemoteUnavailable, match="the next page of a list has no path"):
                list(client.pages("/repos/acme/net/pulls/1/files"))
        else:
            assert len(list(client.pages("/repos/acme/net/pulls/1/files"))) == 2
        client.close()
    assert (elsewhere.requests, pages[1:]) == ([], [asked] if asked else [])


def test_an_unknown_installation_is_not_found(hub, enter, private_key):
    """The exchange of the app's key for a token fails with the same errors as any other request."""
    credentials = Credentials(app_id="42", installation_id=1, private_key=private_key)
    client = Client(credentials, base_url=hub.url)
    with pytest.raises(NotFound, match="signing in as the app"):
        client.get("/rate_limit")
    client.close()


def test_a_key_that_is_none_is_invalid_and_not_shown(hub):
    """What the library says of it may quote it."""
    client = Client(Credentials(app_id="42", installation_id=1, private_key="not a key at all"), base_url=hub.url)
    with pytest.raises(InvalidInput, match="private key") as caught:
        client.get("/rate_limit")
    assert "not a key at all" not in str(caught.value)
    client.close()


def test_half_a_credential_is_refused():
    """An app without its installation."""
    with pytest.raises(InvalidInput, match="installation_id"):
        Credentials(app_id="42", private_key="x")


@pytest.mark.parametrize(
    "url", ["http://github.example.com/api/v3", "ftp://x", "https://user:secret@github.example.com"]
)
def test_a_url_that_would_show_the_token_is_refused(url):
    """Plain http is for this machine only."""
    with pytest.raises(InvalidInput) as caught:
        Client(Credentials(token=TOKEN), base_url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("github.com", "https://api.github.com"),
        ("acme.ghe.com", "https://api.acme.ghe.com"),
        ("github.example.com:8443", "https://github.example.com:8443/api/v3"),
    ],
)
def test_the_api_of_a_host_is_where_github_puts_it(host, url):
    """Three products, three places."""
    assert api_url(host) == url


def test_what_did_not_change_is_not_sent_again(hub, pull, repository):
    """An answer 304 costs nothing of the rate limit; a change is seen all the same."""
    first = repository.pull(1)
    assert repository.pull(1) == first
    pull.title = "Another title"
    assert repository.pull(1).title == "Another title"
    assert [request.split()[-1] for request in hub.requests] == ["200", "304", "200"]


def test_the_rate_limit_can_be_asked_for(enter):
    """Free of charge; a health check uses it."""
    assert enter().get("/rate_limit")["resources"]["core"]["limit"] == 5000


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://127.attacker.example",
        "http://user:canary@127.0.0.1",
        "https://user:canary@api.example.com",
        "HTTPS://user:canary@api.example.com",
        "https://[::1/api",
        "https://api.example.com:port",
        "api.example.com",
    ],
)
def test_a_token_goes_to_no_host_that_could_show_it(url):
    """Plain http only to this machine, and no URL that is read in two ways."""
    with pytest.raises(InvalidInput, match=r"https URL|carries a credential") as refusal:
        Client(Credentials(token="t"), base_url=url)
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "1" * 6000, "<html>"])
def test_an_answer_that_is_not_the_api_s_is_unavailable(body):
    """Also one that is nested deeper than anybody reads."""
    with serve(lambda request: Reply(body=body)) as server:
        client = Client(Credentials(token=TOKEN), base_url=server.api_client.configuration.host)
        with pytest.raises(RemoteUnavailable, match="what answered is not GitHub's API"):
            client.get("/repos/acme/net/pulls/1")
        client.close()
