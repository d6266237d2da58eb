"""What every Git host's adapter keeps: the same tests for all of them, each against its server or stand-in."""

from __future__ import annotations

import pytest

from hedgehog.errors import AuthenticationFailed, InvalidInput, NotFound
from hedgehog.hosts.host import CheckResult, Conclusion, Feature, Host, Note, Opinion
from hedgehog.hosts.reports import (
    CHECK_NAME,
    COMMENT_MARK,
    MOST_LINE_COMMENTS,
    publish,
    write_comment,
    write_line_comments,
)
from hedgehog.services.repository import hooks
from tests.hosts.contract_lab import HostLab
from tests.waiting import until

CHANGE = {"old.yaml": "a: 1\nb: 3\n", "new.yaml": "c: 4\n"}


def propose(lab: HostLab, branch: str = "change") -> tuple[int, str]:
    """A pull request that changes line 2 of `old.yaml` and adds `new.yaml`; its number and head."""
    head = lab.person(branch).commit(CHANGE)
    return lab.propose(branch), head


def make_result(*notes: Note, conclusion: Conclusion = Conclusion.FAILURE, title: str = "1 problem") -> CheckResult:
    """What is published."""
    return CheckResult(conclusion, title, f"### {title}\n", notes, "https://airflow.example.com/log")


def make_notes(count: int) -> list[Note]:
    """Notes on line 2 of `old.yaml`."""
    return [Note("old.yaml", 2, f"rule-{number}", f"message {number}") for number in range(count)]


def test_it_offers_no_more_than_its_type_declares(host: Host, host_lab: HostLab) -> None:
    """Documentation is made from what the type declares."""
    assert host.offers <= host.type.features
    assert host.full_name == host_lab.full_name


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_a_pull_request_says_where_it_comes_from_and_goes(host: Host, host_lab: HostLab) -> None:
    """Its head can be fetched from the base repository."""
    number, head = propose(host_lab)
    pull = host.pull(number)
    assert (pull.number, pull.state, pull.draft, pull.head_sha) == (number, "open", False, head)
    assert (pull.base_ref, pull.changed_files) == ("main", 2)
    assert pull.url.startswith("http")
    assert host_lab.person("main").git("ls-remote", "origin", pull.git_ref).split()[0] == head


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_a_push_moves_the_head(host: Host, host_lab: HostLab) -> None:
    """A verdict applies to one head only."""
    number, _ = propose(host_lab)
    head = host_lab.person("change").commit({"more.yaml": "d: 5\n"})
    host_lab.pushed(number)
    assert host.pull(number).head_sha == head


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_a_draft_is_known_as_one(host: Host, host_lab: HostLab) -> None:
    """It is not checked."""
    host_lab.person("change").commit(CHANGE)
    assert host.pull(host_lab.propose("change", draft=True)).draft


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_a_closed_pull_request_is_closed(host: Host, host_lab: HostLab) -> None:
    """Nothing is published on it."""
    number, _ = propose(host_lab)
    host_lab.close_pull(number)
    assert host.pull(number).state == "closed"


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_no_pull_request_of_that_number_is_not_found(host: Host) -> None:
    """Not an outage that would be tried again."""
    with pytest.raises(NotFound):
        host.pull(999)


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_we_open_a_pull_request(host: Host, host_lab: HostLab) -> None:
    """What a rollback does where the branch is protected."""
    host_lab.person("ours").commit(CHANGE)
    opened = host.open_pull(title="Roll back", body="- one object", head="ours", base="main")
    assert host.pull(opened.number) == opened
    assert (opened.title, opened.state) == ("Roll back", "open")


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_our_pull_request_is_found_changed_and_closed(host: Host, host_lab: HostLab) -> None:
    """What becomes of one that asks for a change of a fabric; the one of another branch is not ours."""
    host_lab.person("ours").commit(CHANGE)
    propose(host_lab)
    assert host.find_pull(head="ours", base="main") is None
    opened = host.open_pull(title="Change it", body="- one object", head="ours", base="main")
    assert host.find_pull(head="ours", base="main") == opened
    assert host.find_pull(head="ours", base="other") is None

    host.edit_pull(opened, title="Change both", body="- two objects")
    for _ in range(2):
        host.add_labels(opened, ["fabric", "network"])
    host.ask_reviewers(opened, ["ada"])
    title, body, labels, reviewers = host_lab.said(opened.number)
    assert (title, body, sorted(set(labels)), reviewers) == (
        "Change both",
        "- two objects",
        ["fabric", "network"],
        ["ada"],
    )

    host.close_pull(opened)
    assert (host.pull(opened.number).state, host.pull(opened.number).merged) == ("closed", False)
    assert host.closed_by(opened) == host_lab.robot
    assert host.find_pull(head="ours", base="main") is None


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_somebody_who_cannot_review_is_not_asked(host: Host, host_lab: HostLab) -> None:
    """A misspelt login is an error that names it, not a silence."""
    number, _ = propose(host_lab)
    with pytest.raises((InvalidInput, NotFound)):
        host.ask_reviewers(host.pull(number), ["nobody-of-that-name"])


@pytest.mark.needs(Feature.PULL_REQUESTS)
def test_what_became_of_a_pull_request_is_known(host: Host, host_lab: HostLab) -> None:
    """A merge is a publication; a pull request that is closed without is rejected, and somebody did that."""
    merged, _ = propose(host_lab, "good")
    host_lab.merge(merged)
    assert (host.pull(merged).state, host.pull(merged).merged) == ("closed", True)
    host_lab.person("bad").commit({"bad.yaml": "e: 6\n"})
    rejected = host_lab.propose("bad")
    host_lab.close_pull(rejected)
    assert (host.pull(rejected).merged, host.closed_by(host.pull(rejected))) == (False, "ada")


@pytest.mark.needs(Feature.OPINIONS)
def test_a_commit_leads_to_the_pull_request_that_brought_it(host: Host, host_lab: HostLab) -> None:
    """By its merge, with who opened it and who made its commits; a plain push leads to none."""
    number, head = propose(host_lab)
    merged = host_lab.merge(number)
    (pull,) = host.merged_pulls(merged)
    assert (pull.number, pull.merged, pull.head_sha, pull.base_ref, pull.author) == (number, True, head, "main", "ada")
    commits = host.commits(pull)
    assert list(commits) == [head]
    assert any(name.casefold().startswith("ada") for name in commits[head])
    pushed = host_lab.person("main").commit({"direct.yaml": "f: 7\n"})
    assert list(host.merged_pulls(pushed)) == []


@pytest.mark.needs(Feature.OPINIONS)
def test_the_last_word_of_each_person_stands(host: Host, host_lab: HostLab) -> None:
    """An approval is of a head; a later request for changes replaces it, and what is dismissed is gone."""
    number, head = propose(host_lab)
    assert opinions(host, number) == []
    host_lab.review(number, "eve", approves=True)
    assert opinions(host, number) == [("eve", True, head, True)]
    host_lab.review(number, "eve", approves=False)
    ((login, approves, _, counts),) = opinions(host, number)
    assert (login, approves, counts) == ("eve", False, False)
    host_lab.review(number, "eve", approves=True)
    assert opinions(host, number) == [("eve", True, head, True)]
    host_lab.dismiss(number, "eve")
    assert opinions(host, number) == []


@pytest.mark.needs(Feature.OPINIONS)
def test_an_approval_is_of_the_head_that_there_was(host: Host, host_lab: HostLab) -> None:
    """What is pushed afterwards, nobody has seen."""
    number, head = propose(host_lab)
    host_lab.review(number, "eve", approves=True)
    host_lab.person("change").commit({"more.yaml": "d: 5\n"})
    host_lab.pushed(number)
    assert opinions(host, number) == [("eve", True, head, False)]
    host_lab.merge(number)
    assert opinions(host, number) == [("eve", True, head, False)]


@pytest.mark.needs(Feature.OPINIONS)
def test_an_approval_of_somebody_who_may_not_write_does_not_count(host: Host, host_lab: HostLab) -> None:
    """Anybody can approve at a public repository."""
    if not host_lab.outsider:
        pytest.skip("this host lets nobody approve who may not")
    number, head = propose(host_lab)
    host_lab.review(number, host_lab.outsider, approves=True)
    assert opinions(host, number) == [(host_lab.outsider, True, head, False)]


def opinions(host: Host, number: int) -> list[tuple[str, bool, str, bool]]:
    """What is known of the reviews of a pull request."""
    return [shown(one) for one in host.opinions(host.pull(number))]


def shown(opinion: Opinion) -> tuple[str, bool, str, bool]:
    """The person, what it says, of which head, and whether it counts."""
    return opinion.login, opinion.approves, opinion.head, opinion.counts


@pytest.mark.needs(Feature.PROTECTION)
def test_a_protected_branch_is_known(host: Host, host_lab: HostLab) -> None:
    """It takes changes from pull requests only."""
    assert not host.is_protected("main")
    host_lab.protect()
    assert host.is_protected("main")
    with pytest.raises(NotFound):
        host.is_protected("absent")


@pytest.mark.needs(Feature.AUTO_MERGE)
def test_a_pull_request_is_merged_at_once_where_nothing_holds_it(host: Host, host_lab: HostLab) -> None:
    """The host knows its rules."""
    number, _ = propose(host_lab)
    host_lab.pushed(number)
    host.merge_when_ready(host.pull(number))
    until(lambda: host.pull(number).merged, "the host to merge it")


@pytest.mark.needs(Feature.AUTO_MERGE)
def test_a_pull_request_waits_for_the_rules_to_be_merged(host: Host, host_lab: HostLab) -> None:
    """Nobody merges what is not checked."""
    host_lab.protect()
    number, _ = propose(host_lab)
    host_lab.pushed(number)
    host.merge_when_ready(host.pull(number))
    assert host.pull(number).state == "open"
    publish(host, host.pull(number), make_result(conclusion=Conclusion.SUCCESS, title="no problems"))
    host_lab.passed(number)
    until(lambda: host.pull(number).merged, "the host to merge it")


@pytest.mark.needs(Feature.REVIEWS)
def test_the_files_have_the_lines_that_the_diff_shows(host: Host, host_lab: HostLab) -> None:
    """Only those lines can have comments."""
    number, _ = propose(host_lab)
    found = {file.path: file.lines for file in host.files(host.pull(number))}
    assert found.keys() == {"old.yaml", "new.yaml"}
    assert 2 in found["old.yaml"]
    assert 1 in found["new.yaml"]


def test_a_wrong_credential_is_refused(host_lab: HostLab) -> None:
    """As a failed authentication, which an operator must correct."""
    host = host_lab.enter_wrongly()
    with pytest.raises(AuthenticationFailed):
        host.rate_limit()
    host.close()


def test_a_right_credential_is_accepted(host: Host) -> None:
    """Whether the host counts calls or not."""
    limit = host.rate_limit()
    assert (limit is not None) == (Feature.RATE_LIMIT in host.offers)


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.COMMENTS)
def test_a_verdict_is_published_and_replaced(host: Host, host_lab: HostLab) -> None:
    """As the check or status of one name on the head, with the one comment."""
    number, head = propose(host_lab)
    page = publish(host, host.pull(number), make_result(*make_notes(1)))
    assert host_lab.verdicts(head) == [(CHECK_NAME, "failure")]
    assert page is not None
    again = publish(host, host.pull(number), make_result(conclusion=Conclusion.SUCCESS, title="no problems"))
    assert host_lab.verdicts(head) == [(CHECK_NAME, "success")]
    assert again == page
    assert [body.rstrip() for body in host_lab.bodies(number)] == [f"{COMMENT_MARK}\n### no problems"]


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.STATUSES)
def test_a_long_title_is_shortened(host: Host, host_lab: HostLab) -> None:
    """Rather than refused, which would leave the pull request without a verdict."""
    number, head = propose(host_lab)
    host.write_status(host.pull(number), make_result(title="very " * 200 + "wrong"), CHECK_NAME)
    assert host_lab.verdicts(head) == [(CHECK_NAME, "failure")]


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.COMMENTS)
def test_there_is_one_comment_which_is_updated(host: Host, host_lab: HostLab) -> None:
    """Its page stays the same."""
    number, _ = propose(host_lab)
    pull = host.pull(number)
    assert write_comment(host, pull, "one problem") == write_comment(host, pull, "no problem")
    assert host_lab.bodies(number) == [f"{COMMENT_MARK}\nno problem"]


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.COMMENTS)
def test_somebody_elses_comment_with_our_mark_is_left_alone(host: Host, host_lab: HostLab) -> None:
    """Anybody can copy the mark."""
    number, _ = propose(host_lab)
    host_lab.say(number, f"{COMMENT_MARK}\nI am not Hedgehog")
    write_comment(host, host.pull(number), "the truth")
    assert [body.splitlines()[1] for body in host_lab.bodies(number)] == ["I am not Hedgehog", "the truth"]


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.COMMENTS)
def test_our_comment_is_found_in_a_long_discussion(host: Host, host_lab: HostLab) -> None:
    """On a later page, where the host has pages."""
    number, _ = propose(host_lab)
    for opinion in range(105):
        host_lab.say(number, f"opinion {opinion}")
    write_comment(host, host.pull(number), "first")
    write_comment(host, host.pull(number), "second")
    bodies = host_lab.bodies(number)
    assert len(bodies) == 106
    assert bodies[-1].endswith("second")


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.COMMENTS)
def test_only_an_update_makes_no_comment(host: Host, host_lab: HostLab) -> None:
    """A pull request that is none of ours is left alone."""
    number, _ = propose(host_lab)
    assert write_comment(host, host.pull(number), "nothing to say", only_update=True) is None
    assert host_lab.bodies(number) == []


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.COMMENTS)
def test_the_longest_comment_is_taken(host: Host, host_lab: HostLab) -> None:
    """Mark included."""
    number, _ = propose(host_lab)
    text = "x" * (host.type.longest_comment - len(COMMENT_MARK) - 1)
    write_comment(host, host.pull(number), text)
    assert [len(body) for body in host_lab.bodies(number)] == [host.type.longest_comment]


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.REVIEWS)
def test_lines_that_the_diff_shows_are_commented_on(host: Host, host_lab: HostLab) -> None:
    """A host refuses, or misplaces, a comment elsewhere."""
    number, _ = propose(host_lab)
    notes = [*make_notes(1), Note("old.yaml", 90, "x", "far away"), Note("untouched.yaml", 1, "x", "elsewhere")]
    assert write_line_comments(host, host.pull(number), notes) == 1
    assert host_lab.commented_lines(number) == [("old.yaml", 2)]


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.REVIEWS)
def test_a_second_push_repeats_no_comment_on_a_line(host: Host, host_lab: HostLab) -> None:
    """The note moved to another line with the text around it; the new one is said."""
    number, _ = propose(host_lab)
    write_line_comments(host, host.pull(number), make_notes(1))
    host_lab.person("change").commit({"old.yaml": "# moved\na: 1\nb: 3\n"})
    host_lab.pushed(number)
    moved = Note("old.yaml", 3, "rule-0", "message 0")
    assert write_line_comments(host, host.pull(number), [moved, *make_notes(2)[1:]]) == 1


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.REVIEWS)
def test_comments_on_lines_have_a_bound(host: Host, host_lab: HostLab) -> None:
    """Each is a notification to people."""
    number, _ = propose(host_lab)
    assert write_line_comments(host, host.pull(number), make_notes(99)) == MOST_LINE_COMMENTS


@pytest.mark.needs(Feature.PULL_REQUESTS, Feature.REVIEWS)
def test_without_notes_no_line_is_commented_on(host: Host, host_lab: HostLab) -> None:
    """An empty review is noise."""
    number, _ = propose(host_lab)
    assert write_line_comments(host, host.pull(number), []) == 0
    assert host_lab.commented_lines(number) == []


@pytest.mark.needs(Feature.HOOKS)
def test_a_webhook_is_made_once_and_corrected(host: Host) -> None:
    """With all events that are needed; those of others stay as they are."""
    assert host.type.webhook is not None
    ours, others = (f"https://{name}.example.com/hedgehog/webhooks/{host.type.name}" for name in ("airflow", "other"))
    wanted = host.type.webhook.subscriptions
    pushes = frozenset({"push", "push_events"}) & wanted
    host.put_hook(others, "theirs", pushes, None)
    assert not hooks.check_hook(host, ours).exists
    host.put_hook(ours, "old", pushes, None)
    assert f"does not announce {', '.join(sorted(wanted - pushes))}" in hooks.check_hook(host, ours).problems[0]

    for _ in range(2):
        assert hooks.install_hook(host, ours, "new").problems == ()

    found = {one.url: one for one in host.hooks()}
    assert sorted(one.url for one in host.hooks()) == [ours, others]
    assert wanted <= found[ours].events
    assert not (wanted - pushes) & found[others].events
