"""What every host announces arrives in our own words, and only from somebody who knows the secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.hosts.gitlab.webhook import WEBHOOK as GITLAB
from hedgehog.hosts.registry import host_types
from hedgehog.hosts.webhook import Announcement, Ignored, PushedCommit, Webhook, is_secret

A, B, NOTHING = "a" * 40, "b" * 40, "0" * 40
REF = "refs/heads/main"
HOOKS: dict[str, Webhook] = {
    one.name: one.webhook for one in host_types().values() if one.webhook is not None and one.name != "git"
}
URL = "https://git.example.com/acme/net.git"
SIMILAR = {"full_name": "acme/net", "clone_url": URL}
PROJECT = {"path_with_namespace": "acme/team/net", "git_http_url": "https://git.example.com/acme/team/net.git"}
BITBUCKET = {"full_name": "acme/net", "links": {"html": {"href": "https://bitbucket.org/acme/net"}}}


def branch_of(commit: str, kind: str = "branch") -> dict[str, Any]:
    """A ref as Bitbucket has it."""
    return {"type": kind, "name": "main", "target": {"hash": commit}}


def make_push(host: str, **changes: Any) -> dict[str, Any]:
    """A push of `main` from commit A to commit B."""
    moved = {"ref": REF, "before": A, "after": B, **changes}
    commits = [{"message": "m", "committer": {"email": "ada@example.com"}}]
    if host == "gitlab":
        return {**moved, "project": PROJECT, "user_username": "ada"}
    if host == "bitbucket":
        before, after = moved["before"], moved["after"]
        change = {"old": before.strip("0") and branch_of(before), "new": branch_of(after) if after.strip("0") else None}
        return {"repository": BITBUCKET, "actor": {"nickname": "ada"}, "push": {"changes": [change]}}
    return {"repository": SIMILAR, "sender": {"login": "ada"}, "commits": commits, **moved}


def make_pull(host: str, action: str, *, merged: bool = False) -> dict[str, Any]:
    """Pull request 7 of the branch `change`, with the head B."""
    if host == "gitlab":
        request = {"iid": 7, "source_branch": "change", "target_branch": "main", "last_commit": {"id": B}}
        return {"project": PROJECT, "user": {"username": "ada"}, "object_attributes": {**request, "action": action}}
    request = {"head": {"ref": "change", "sha": B}, "base": {"ref": "main"}, "merged": merged}
    return {"repository": SIMILAR, "sender": {"login": "ada"}, "action": action, "number": 7, "pull_request": request}


EVENTS = {"bitbucket": "repo:push", "gitlab": "Push Hook"}


def announced(host: str, payload: Any, event: str = "", delivery: str = "d-1") -> Announcement | Ignored:
    """What the host's webhook makes of a payload."""
    hook = HOOKS[host]
    headers = {hook.event.lower(): event or EVENTS.get(host, "push"), hook.delivery.lower(): delivery}
    return hook.announced(headers, json.dumps(payload).encode())


@pytest.mark.parametrize("host", sorted(HOOKS))
def test_a_push_says_which_branch_of_which_repository_moved(host: str) -> None:
    """From where to where, and by whom."""
    found = announced(host, make_push(host))
    assert isinstance(found, Announcement)
    assert (found.branch, found.before, found.after, found.sender, found.ignored) == ("main", A, B, "ada", "")
    assert found.url.endswith("/net.git")
    assert found.repository.endswith("/net")
    assert not found.is_pull_request


@pytest.mark.parametrize("host", sorted(HOOKS))
def test_a_deleted_branch_is_ignored(host: str) -> None:
    """It changes nothing of what a fabric is."""
    found = announced(host, make_push(host, after=NOTHING))
    assert isinstance(found, Announcement)
    assert found.ignored == "branch main was deleted"


@pytest.mark.parametrize("host", sorted(HOOKS))
def test_a_tag_is_ignored(host: str) -> None:
    """With a reason that the host's page shows."""
    payload = make_push(host, ref="refs/tags/v1")
    if host == "bitbucket":
        payload["push"]["changes"] = [{"old": None, "new": branch_of(B, "tag")}]
    assert isinstance(found := announced(host, payload), Announcement | Ignored)
    assert (found.reason if isinstance(found, Ignored) else found.ignored) in (
        "refs/tags/v1 is not a branch",
        "no branch was pushed",
    )


@pytest.mark.parametrize(
    ("host", "event", "action"),
    [
        ("github", "pull_request", "synchronize"),
        ("gitea", "pull_request", "synchronized"),
        ("gitlab", "Merge Request Hook", "open"),
        ("gitlab", "Merge Request Hook", "reopen"),
    ],
)
def test_a_pull_request_that_changed_is_to_be_checked(host: str, event: str, action: str) -> None:
    """With its number, its head, and where it is to go."""
    found = announced(host, make_pull(host, action), event)
    assert isinstance(found, Announcement)
    assert (found.is_pull_request, found.number, found.branch, found.head, found.base) == (True, 7, "change", B, "main")
    assert found.ignored == ""


@pytest.mark.parametrize(
    ("host", "event", "action"), [("gitea", "pull_request", "closed"), ("gitlab", "Merge Request Hook", "merge")]
)
def test_a_merge_is_a_branch_that_moved(host: str, event: str, action: str) -> None:
    """The branch that it was merged into."""
    found = announced(host, make_pull(host, action, merged=True), event)
    assert isinstance(found, Announcement)
    assert (found.is_pull_request, found.branch, found.ignored) == (False, "main", "")


@pytest.mark.parametrize(
    ("host", "event", "action"),
    [
        ("github", "pull_request_review", "submitted"),
        ("gitea", "pull_request_approved", "reviewed"),
        ("gitea", "pull_request_rejected", "reviewed"),
        ("gitlab", "Merge Request Hook", "approved"),
        ("gitlab", "Merge Request Hook", "approval"),
    ],
)
@pytest.mark.parametrize("merged", [True, False])
def test_a_review_is_of_use_once_its_pull_request_is_merged(host: str, event: str, action: str, merged: bool) -> None:
    """Then the branch is looked at, where what was pushed may wait for approval; before, it leaves nothing in the inbox."""
    payload = make_pull(host, action)
    if host == "gitlab":
        payload["object_attributes"]["state"] = "merged" if merged else "opened"
    else:
        del payload["number"]  # GitHub says it of the pull request only
        payload["pull_request"] |= {"number": 7, "merged_at": "2026-01-02T03:04:05Z" if merged else None}
    found = announced(host, payload, event)
    assert isinstance(found, Announcement) == merged
    if isinstance(found, Announcement):
        assert (found.is_pull_request, found.branch, found.number, found.ignored) == (False, "main", 7, "")


@pytest.mark.parametrize("part", [{"oldrev": A}, {"changes": {"draft": {"previous": True, "current": False}}}, {}])
def test_an_update_on_gitlab_is_checked_if_the_outcome_may_differ(part: dict[str, Any]) -> None:
    """After a push, or when it stops being a draft; not when somebody sets a label."""
    payload = make_pull("gitlab", "update")
    if "oldrev" in part:
        payload["object_attributes"] |= part
    payload["changes"] = part.get("changes", {"labels": {"previous": [], "current": []}})
    found = announced("gitlab", payload, "Merge Request Hook")
    assert isinstance(found, Announcement) == bool(part)
    assert isinstance(found, Ignored) or (found.is_pull_request, found.head) == (True, B)


@pytest.mark.parametrize(("action", "is_kept"), [("close", True), ("approved", False)])
def test_what_else_happens_to_a_merge_request_needs_no_work(action: str, is_kept: bool) -> None:
    """Closed without merging is recorded; an approval leaves nothing in the inbox."""
    found = announced("gitlab", make_pull("gitlab", action), "Merge Request Hook")
    assert isinstance(found, Announcement) == is_kept
    assert isinstance(found, Ignored) or found.ignored == "closed without merging"


@pytest.mark.parametrize("host", ["gitea", "github", "gitlab"])
def test_a_pull_request_of_ours_that_is_rejected_needs_work(host: str) -> None:
    """The fabric whose change it asked for is held, with who closed it; those of others are only recorded."""
    payload = make_pull(host, "close" if host == "gitlab" else "closed")
    request = payload["object_attributes"] if host == "gitlab" else payload["pull_request"]["head"]
    request["source_branch" if host == "gitlab" else "ref"] = "hedgehog/lab"
    found = announced(host, payload, "Merge Request Hook" if host == "gitlab" else "pull_request")
    assert isinstance(found, Announcement)
    assert (found.is_pull_request, found.number, found.branch, found.ignored) == (True, 7, "hedgehog/lab", "")


def test_a_list_of_commits_that_is_not_complete_is_none() -> None:
    """Gitea lists a few and says how many there are: the others may be anybody's."""
    one = PushedCommit("ada@example.com", "m")
    complete, cut = (announced("gitea", {**make_push("gitea"), "total_commits": count}) for count in (1, 2))
    assert isinstance(complete, Announcement)
    assert isinstance(cut, Announcement)
    assert (complete.commits, cut.commits) == ((one,), None)


def test_bitbucket_says_which_of_several_changes_is_a_branch() -> None:
    """A tag and a branch in one push."""
    payload = make_push("bitbucket")
    payload["push"]["changes"].insert(0, {"old": None, "new": branch_of(A, "tag")})
    found = announced("bitbucket", payload)
    assert isinstance(found, Announcement)
    assert found.after == B


@pytest.mark.parametrize("host", sorted(HOOKS))
def test_an_event_that_is_of_no_use_is_ignored(host: str) -> None:
    """With those that are."""
    found = announced(host, {}, "star")
    assert isinstance(found, Ignored)
    assert EVENTS.get(host, "push") in found.reason


@pytest.mark.parametrize("host", sorted(HOOKS))
@pytest.mark.parametrize("delivery", ["", "../../etc", "x" * 65])
def test_a_delivery_without_a_proper_id_is_refused(host: str, delivery: str) -> None:
    """The id becomes a key of the inbox."""
    with pytest.raises(InvalidInput, match=HOOKS[host].delivery):
        announced(host, make_push(host), delivery=delivery)


WORDS = ["repository", "project", "push", "changes", "new", "old", "target", "hash", "name", "type", "links", "html"]
WORDS += ["href", "full_name", "ref", "before", "after", "object_attributes", "iid", "last_commit", "id", "commits"]
PAYLOADS = st.dictionaries(
    st.sampled_from(WORDS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.dictionaries(st.sampled_from(WORDS), one) | st.lists(one),
    ),
)


@given(st.sampled_from(sorted(HOOKS)), PAYLOADS, st.data())
def test_no_payload_is_anything_but_understood_or_refused(
    host: str, payload: dict[str, Any], data: st.DataObject
) -> None:
    """No other exception, whatever the JSON is."""
    try:
        announced(host, payload, data.draw(st.sampled_from(sorted(HOOKS[host].events))))
    except InvalidInput as error:
        assert "payload" in str(error)


@pytest.mark.parametrize("host", sorted(HOOKS))
def test_only_who_knows_a_secret_is_believed(host: str) -> None:
    """Either of two, while it is being changed; none at all without one."""
    hook, body = HOOKS[host], b'{"ref": "x"}'

    def proof(secret: str) -> str:
        made = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return secret if host == "gitlab" else made

    assert hook.is_proven(body, proof("new"), ("new", "old"))
    assert hook.is_proven(body, proof("old"), ("new", "old"))
    for wrong in ("", "other", "new "):
        assert not hook.is_proven(body, proof(wrong), ("new", "old"))
        assert not hook.is_proven(body, proof(wrong), ())
        assert not hook.is_proven(body, proof(wrong), ("",))


KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT = datetime.fromtimestamp(1614265330, UTC)
SIGNED = b'{"test": 2432232314}'
"""The test vector of Standard Webhooks, whose library is what GitLab's own description verifies with."""


def signed(**changes: str) -> dict[str, str]:
    """The headers of the test vector, with changes."""
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    made = {"id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": "1614265330", "signature": signature} | changes
    return {f"webhook-{name}": value for name, value in made.items()}


def believed(headers: dict[str, str], *secrets: str, now: datetime = SENT, body: bytes = SIGNED) -> bool:
    """Whether GitLab's webhook takes a delivery."""
    return GITLAB.is_believed(headers, body, secrets, now=now)


def test_gitlab_signs_as_standard_webhooks_are_signed() -> None:
    """With either key, and where several signatures are sent, with one of them."""
    assert believed(signed(), KEY)
    assert believed(signed(), "whsec_b3RoZXI=", KEY)
    ours = signed()["webhook-signature"]
    assert believed(signed(signature=f"v2,x v1,AAAA {ours}"), KEY)
    assert not believed(signed(), "whsec_b3RoZXI=")
    assert not believed(signed(), KEY.removeprefix("whsec_"))
    assert not believed(signed())


@pytest.mark.parametrize(("seconds", "is_taken"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)])
def test_a_signature_is_of_now(seconds: int, is_taken: bool) -> None:
    """What was recorded is not delivered again later; the time is signed, too."""
    assert believed(signed(), KEY, now=SENT + timedelta(seconds=seconds)) is is_taken
    assert not believed(signed(timestamp="1614265331"), KEY, now=SENT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "msg_other"},
        {"id": ""},
        {"timestamp": "now"},
        {"timestamp": "1614265330.0"},
        {"timestamp": "٣"},
        {"timestamp": "9" * 400},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1,g0hM9SsE"},
        {"signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"signature": "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        {"signature": "v1,\xff"},
        {"signature": "v1,AAAA " * 1000},
    ],
)
def test_what_is_not_signed_as_it_is_sent_is_refused(changes: dict[str, str]) -> None:
    """Whatever is in its headers."""
    assert not believed(signed(**changes), KEY)
    assert not believed(signed(), KEY, body=SIGNED + b" ")


@pytest.mark.parametrize("key", ["whsec_", "whsec_ß", "whsec_not base64", "whsec_MfKQ9r8"])
def test_a_key_that_is_none_proves_nothing(key: str) -> None:
    """Above all not the signature under an empty key."""
    message = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + SIGNED
    signature = base64.b64encode(hmac.digest(b"", message, hashlib.sha256)).decode()
    assert not believed(signed(signature=f"v1,{signature}"), key)


def test_a_signing_key_is_no_token_and_a_token_no_signing_key() -> None:
    """A key that somebody sends is not a secret any more; while one replaces the other, each proves in its own way."""
    assert not believed({"x-gitlab-token": KEY}, KEY)
    assert believed({"x-gitlab-token": "old"}, KEY, "old")
    assert believed({"x-gitlab-token": "wrong", **signed()}, KEY, "old")


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_a_token_is_the_secret_or_it_is_not(token: str, secret: str) -> None:
    """Whatever text it is, and however long."""
    assert is_secret(b"", token, [secret]) == (token == secret)


def test_half_a_surrogate_pair_is_no_secret() -> None:
    """No text that a client sends makes an error of Python's."""
    assert not is_secret(b"", "\ud800", ["secret"])
