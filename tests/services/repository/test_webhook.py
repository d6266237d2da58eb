"""A delivery is believed when it is signed, and then only as far as to look at the repository."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.hosts.github.webhook import WEBHOOK
from hedgehog.hosts.webhook import PONG, Ignored, is_signed
from hedgehog.services.repository import webhook
from hedgehog.store import inbox
from hedgehog.store.inbox import Arrival, Receipt
from tests.store.benches import Bench

EXAMPLES = Path(__file__).with_name("webhook_examples")
URL = "https://github.com/Codertocat/Hello-World.git"
ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
HEAD = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
MESSAGE = (
    "Update fabric lab\n\nFiles: 1 created.\n\nHedgehog-Fabric: lab\nHedgehog-Generation: 2\nHedgehog-Run: run-1\n"
)


def example(name, **changes):
    """A payload as GitHub publishes it, with changes of ours."""
    return {**json.loads((EXAMPLES / f"{name}.json").read_text()), **changes}


def read(event, payload):
    """What a delivery says."""
    found = WEBHOOK.read(event, ID, payload, "d" * 64)
    return found if isinstance(found, Ignored) else webhook.arrival_of(found)


def make_headers(event, delivery_id=ID):
    """As the webhook sees them."""
    return {"x-github-event": event, "x-github-delivery": delivery_id}


def sign(body, secret):
    """As GitHub does it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def make_arrival(**values):
    """A delivery of the example repository."""
    given = {
        "delivery_id": ID,
        "digest": "d" * 64,
        "kind": inbox.BRANCH,
        "event": "push",
        "repository": "Codertocat/Hello-World",
        "url": URL,
        "summary": {"sender": "Codertocat"},
    }
    return Arrival(**{**given, **values})


@pytest.fixture
def bench(database):
    """A database that knows branch master of the example repository, by its SSH URL."""
    found = Bench(database)
    found.repository("net", url="git@github.com:codertocat/hello-world.git", branch="master", author_email="bot@acme")
    return found


def receive(bench, event, payload, delivery_id=ID):
    """Let a signed delivery in; what happened to it, and why."""
    found = webhook.receive(bench.connection, WEBHOOK, make_headers(event, delivery_id), json.dumps(payload).encode())
    reasons = bench.execute("SELECT reason FROM hedgehog.inbox WHERE delivery_id = %s", delivery_id)
    return found, reasons[0][0] if reasons else None


def our_push(**changes):
    """The push of a sync."""
    commit = {"message": MESSAGE, "committer": {"email": "bot@acme"}}
    return example("push", **{"commits": [commit], "head_commit": commit, **changes})


def test_githubs_own_test_vector():
    """From "Validating webhook deliveries" in GitHub's documentation."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(b"Hello, World!", signature, ["It's a Secret to Everybody"])


@given(st.binary(max_size=300), st.text(min_size=1), st.text(min_size=1))
def test_a_body_is_signed_by_either_of_two_secrets(body, first, second):
    """So that a secret can be replaced without losing a delivery."""
    assert is_signed(body, sign(body, first), [first, second])
    assert is_signed(body, sign(body, second), [first, second])


@given(st.binary(min_size=1, max_size=300), st.data())
def test_any_flipped_bit_of_the_body_is_noticed(body, data):
    """Wherever it is."""
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(body)
    flipped[place] ^= 1 << bit
    assert not is_signed(bytes(flipped), sign(body, "secret"), ["secret"])


@given(st.binary(max_size=300), st.data())
def test_any_changed_character_of_the_signature_is_noticed(body, data):
    """Another digit, another algorithm, upper case, a blank: only what GitHub sends is taken."""
    signature = sign(body, "secret")
    place = data.draw(st.integers(0, len(signature) - 1))
    other = data.draw(st.characters().filter(lambda character: character != signature[place]))
    assert not is_signed(body, signature[:place] + other + signature[place + 1 :], ["secret"])


@given(st.binary(max_size=300), st.text(max_size=80))
def test_no_made_up_signature_fits(body, signature):
    """Whatever text it is."""
    assert not is_signed(body, signature, ["secret"])


SECRETS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
"""HMAC fills a key up with zero bytes, so keys that end with them are one key."""


@given(st.binary(max_size=300), SECRETS, SECRETS)
def test_another_secret_does_not_fit(body, secret, other):
    """And an empty one is none: what it signs is not believed."""
    assert is_signed(body, sign(body, other), [secret]) == (secret == other)
    assert not is_signed(body, sign(body, ""), ["", secret])
    assert not is_signed(body, sign(body, secret), [])


def test_a_push_says_which_branch_moved_from_where_to_where():
    """As GitHub's example has it: a new branch."""
    assert read("push", example("push")) == make_arrival(branch="master", before="0" * 40, after=HEAD)


def test_a_forced_push_says_so():
    """The repository itself is asked what it dropped."""
    assert read("push", example("push", forced=True)).summary == {"sender": "Codertocat", "forced": True}


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("push", example("push_tag"), "refs/tags/simple-tag is not a branch"),
        ("push", example("push_deleted_tag"), "refs/tags/simple-tag is not a branch"),
        ("push", example("push", deleted=True, after="0" * 40), "branch master was deleted"),
        ("create", example("create_tag"), "simple-tag is a tag, no branch"),
        ("delete", example("delete_tag"), "tag simple-tag was deleted"),
        ("delete", example("delete_tag", ref="old", ref_type="branch"), "branch old was deleted"),
        ("pull_request", example("pull_request_closed"), "closed without merging"),
    ],
)
def test_tags_and_deleted_branches_and_what_was_not_merged_are_ignored_with_the_reason(event, payload, reason):
    """They change nothing of what a fabric is."""
    assert read(event, payload).ignored == reason


def test_a_new_branch_is_a_branch_that_moved():
    """A fabric may have waited for it."""
    found = read("create", example("create_tag", ref="lab", ref_type="branch"))
    assert found == make_arrival(event="create", branch="lab")


@pytest.mark.parametrize("name", ["opened", "synchronize"])
def test_a_pull_request_that_is_new_or_changed_is_to_be_checked(name):
    """With its number, its head, and where it is to go."""
    assert read("pull_request", example(f"pull_request_{name}")) == make_arrival(
        kind=inbox.PULL_REQUEST,
        event="pull_request",
        action=name,
        number=2,
        branch="changes",
        head="ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        base="master",
    )


@pytest.mark.parametrize("action", ["reopened", "ready_for_review", "edited"])
def test_what_makes_an_old_verdict_worthless_is_checked_again(action):
    """A draft was not checked; an edit may have chosen another base, for which nothing was said yet."""
    found = read("pull_request", example("pull_request_opened", action=action))
    assert (found.kind, found.action, found.number) == (inbox.PULL_REQUEST, action, 2)


def test_a_merged_pull_request_is_a_branch_that_moved():
    """The branch that it was merged into."""
    payload = example("pull_request_closed")
    payload["pull_request"]["merged"] = True
    found = read("pull_request", payload)
    assert (found.kind, found.branch, found.number, found.ignored) == (inbox.BRANCH, "master", 2, "")


def test_a_merge_group_is_checked_like_a_pull_request():
    """It has no number: it is a commit of the queue's own branch."""
    queued = example("merge_group_checks_requested")
    head = queued["merge_group"]["head_sha"]
    assert read("merge_group", queued) == make_arrival(
        kind=inbox.PULL_REQUEST,
        event="merge_group",
        action="checks_requested",
        repository="octo-org/octo-repo",
        url="https://github.com/octo-org/octo-repo.git",
        branch="gh-readonly-queue/main/pr-104-929f8209d40f77f4abc622a499c93a83babdbe64",
        base="main",
        head=head,
    )
    gone = read("merge_group", {**queued, "action": "destroyed", "reason": "merged"})
    assert gone == Ignored("merge groups are checked when that is requested, not 'destroyed'")
    for name in ("head_sha", "head_ref", "base_ref"):
        group = {**queued["merge_group"], name: None}
        with pytest.raises(InvalidInput, match=f"merge_group.{name} is missing"):
            read("merge_group", {**queued, "merge_group": group})


def test_what_nobody_needs_is_not_kept(bench):
    """A ping, a label, an event of another kind, or about the repository itself: where it lies is set in the database."""
    assert receive(bench, "ping", example("ping")) == (PONG, None)
    labeled, row = receive(bench, "pull_request", example("pull_request_opened", action="labeled"))
    assert (labeled, row) == (
        Ignored("pull requests are checked when opened, changed, reopened or merged, not 'labeled'"),
        None,
    )
    published, row = receive(bench, "repository", {"action": "publicized"})
    assert (type(published), row) == (Ignored, None)
    starred, row = receive(bench, "star", {})
    assert (starred, row) == (
        Ignored(
            "event 'star' is of no use here; subscribe to create, delete, merge_group, pull_request, pull_request_review, push"
        ),
        None,
    )


def test_our_branch_is_looked_at(bench):
    """The row has the SSH URL, the delivery the HTTPS one, in another case."""
    assert receive(bench, "push", example("push")) == (Receipt.ACCEPTED, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": "refs/heads/main"},
        {"repository": {**example("push")["repository"], "clone_url": "https://ghe.acme/a/b"}},
    ],
    ids=["branch", "host"],
)
def test_another_branch_or_host_is_recorded_and_ignored(bench, changes):
    """An organization's webhook tells of all its repositories."""
    found, reason = receive(bench, "push", example("push", **changes))
    assert found is Receipt.IGNORED
    assert reason.startswith("no git_repository has branch ")


def test_our_own_commits_are_recorded_and_ignored(bench):
    """Else every sync would cause a run that finds nothing."""
    assert receive(bench, "push", our_push()) == (Receipt.IGNORED, "our own commits")


def test_what_the_host_made_for_us_is_ours(bench):
    """Its committer is the host; our message names the tree."""
    made = {"message": f"{MESSAGE.strip()}\nHedgehog-Tree: {'a' * 40}", "committer": {"email": "noreply@github.com"}}
    assert receive(bench, "push", our_push(commits=[made])) == (Receipt.IGNORED, "our own commits")


def somebody_elses(payload, **changes):
    """The payload with a commit that is not quite ours beside one that is."""
    payload = copy.deepcopy(payload)
    payload["commits"].insert(0, {**payload["commits"][0], **changes})
    return payload


@pytest.mark.parametrize(
    "payload",
    [
        somebody_elses(our_push(), committer={"email": "ada@example.com"}),
        somebody_elses(our_push(), message="Update fabric lab\n\nHedgehog-Fabric: lab"),
        somebody_elses(our_push(), committer=None),
        our_push(forced=True),
        our_push(commits=[]),
        our_push(commits=our_push()["commits"] * 2048),
    ],
    ids=["committer", "trailers", "no committer", "forced", "no commits", "cut off"],
)
def test_a_push_that_is_not_ours_through_and_through_is_looked_at(bench, payload):
    """A commit of ours on top hides nothing below it."""
    assert receive(bench, "push", payload) == (Receipt.ACCEPTED, "")


def test_a_replay_has_no_effect(bench):
    """Not with the same id, and not with another."""
    assert receive(bench, "push", example("push"))[0] is Receipt.ACCEPTED
    assert receive(bench, "push", example("push"))[0] is Receipt.DUPLICATE
    assert receive(bench, "push", example("push"), delivery_id="made-up")[0] is Receipt.DUPLICATE


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON; choose content type application/json"),
        (b"payload=%7B%7D", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        (b"{}", "the payload has no repository"),
    ],
)
def test_a_body_that_is_not_a_payload_is_refused(bench, body, said):
    """However it is broken."""
    with pytest.raises(InvalidInput, match=said):
        webhook.receive(bench.connection, WEBHOOK, make_headers("push"), body)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ref": 7}, "ref is missing in the payload"),
        ({"ref": "refs/heads/a b"}, "ref is missing"),
        ({"ref": "refs/heads/\x00"}, "ref is missing"),
        ({"ref": "refs/heads/" + "x" * 300}, "ref is missing"),
        ({"after": "0" * 39}, "after is missing"),
        ({"repository": None}, "no repository"),
        ({"repository": {"full_name": "a/b/c", "clone_url": URL}}, "repository.full_name is missing"),
        ({"repository": {"full_name": "a/b", "clone_url": "https://t0ken@github.com/a/b"}}, "repository.clone_url is"),
        ({"repository": {"full_name": "a/b", "clone_url": "file:///etc"}}, "repository.clone_url is missing"),
    ],
)
def test_a_payload_with_strange_values_is_refused_without_quoting_them(changes, said):
    """A signed delivery may still be hostile: whoever knows the secret is not the database's friend."""
    with pytest.raises(InvalidInput, match=said) as caught:
        read("push", example("push", **changes))
    assert "t0ken" not in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.dictionaries(st.sampled_from(
    ["repository", "full_name", "clone_url", "ref", "before", "after", "action", "pull_request", "number", "head", "base"]
), one) | st.lists(one)), st.sampled_from(["push", "pull_request", "create", "delete"]))  # fmt: skip
def test_no_payload_is_anything_but_understood_or_refused(payload, event):
    """No other exception, whatever the JSON is."""
    try:
        read(event, payload if isinstance(payload, dict) else {})
    except InvalidInput as error:
        assert "payload" in str(error)
