"""Work whose process is killed repeatedly is told as such, where people look, and keeps nobody else waiting."""

from __future__ import annotations

import pytest

from hedgehog.errors import RemoteUnavailable, WorkKilled
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services.pull_requests import queue as pull_request_queue
from hedgehog.services.pull_requests import validate as pull_request
from hedgehog.services.pull_requests.queue import Task
from hedgehog.services.pull_requests.verdict import Validation, ValidationStatus
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository import plan as repository_plan
from hedgehog.store import dead_letters, inbox, repository_heads, sync_state
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.dead_letters import Selection
from hedgehog.store.inbox import Arrival
from hedgehog.store.problems import open_problems
from tests.services.git import sync_lab as git_sync_lab
from tests.services.pull_requests import validate_lab as pull_request_lab


class TimeIsUp(BaseException):
    """What Airflow raises in the midst of a task whose time limit is over; no Exception, as a kill is none."""


def die(*arguments, **options):
    """Work that does not live to tell."""
    raise TimeIsUp


@pytest.fixture
def github(database, tmp_path):
    """Pull request 1 of a repository with fabric `lab`, which a delivery asks to check."""
    with pull_request_lab.open_lab(database, tmp_path, "unused") as lab:
        lab.as_app = False
        lab.propose(
            {"fabrics/lab/vpc-2.yaml": pull_request_lab.text(pull_request_lab.vpc("vpc-2", "10.0.2.0/24", 1002))}
        )
        url = lab.git.url("acme/net")
        inbox.store_delivery(
            database,
            Arrival("d", "0" * 64, inbox.PULL_REQUEST, "pull_request", "acme/net", url, number=1, base="main"),
        )
        yield lab


def work(lab, check=None):
    """A run checks what waits."""

    def really(repository, number):
        return lab.validate(number, repository)

    def give_up(repository, number, why):
        options = {"open_host": lab.open_host, "open_mirror": lab.open_mirror}
        return pull_request.give_up(lab.database, repository, number, why, **options)

    (task,) = pull_request_queue.plan(lab.database)
    return pull_request_queue.work(lab.database, task, check or really, give_up)


def kill_checks(lab):
    """As many as may die."""
    for _ in range(inbox.MOST_KILLED):
        with pytest.raises(TimeIsUp):
            work(lab, die)


def test_a_check_that_kills_its_process_ends_as_could_not_verify(github):
    """On the pull request, in the dead letters, and in the problems of the fabric; and nobody tries again."""
    kill_checks(github)
    with pytest.raises(WorkKilled, match=r"acme/net#1: its check was killed \(time limit, out of memory\) 3 times"):
        work(github, die)
    (status,) = github.hub.statuses
    said = (status["state"], status["description"])
    assert said == ("failure", "could not verify: its check was killed (time limit, out of memory)")
    (letter,) = dead_letters.letters(github.database, Selection())
    assert (letter.fabric, letter.verb, letter.attempts) == ("acme/net", "pull_request_validation", 4)
    assert [(one.fabric, one.verb) for one in open_problems(github.database)] == [("lab", "pull_request_validation")]
    assert pull_request_queue.plan(github.database) == []


def test_what_could_not_be_said_is_said_later(github):
    """GitHub may be away just then; the check is not tried meanwhile."""
    kill_checks(github)
    (task,) = pull_request_queue.plan(github.database)

    def away(repository, number, why):
        raise RemoteUnavailable("GitHub is away", retry_after=0)

    with pytest.raises(RemoteUnavailable):
        pull_request_queue.work(github.database, task, die, away)
    with github.database, github.database.cursor() as cursor:
        cursor.execute("UPDATE hedgehog.inbox SET next_attempt_at = now()")
    with pytest.raises(WorkKilled):
        work(github, die)
    assert len(github.hub.statuses) == 1


def test_a_replayed_check_that_lives_resolves_it(github):
    """With more memory, perhaps."""
    kill_checks(github)
    with pytest.raises(WorkKilled):
        work(github, die)
    dead_letters.replay(github.database, Selection(), by="ann")
    assert work(github).status is ValidationStatus.SUCCESS
    assert open_problems(github.database) == []


def test_a_check_by_hand_resolves_what_was_given_up(github):
    """Whoever triggers it by name."""
    kill_checks(github)
    with pytest.raises(WorkKilled):
        work(github, die)
    good = Validation("acme/net", 1, ValidationStatus.SUCCESS, "1 fabric checked")
    pull_request_queue.work(github.database, Task("acme/net", 1), lambda *_: good, die)
    assert dead_letters.letters(github.database, Selection()) == []


@pytest.fixture
def lab(database, tmp_path):
    """A Git host with the repository `net`; Git is the source of truth of fabric `lab`."""
    with git_sync_lab.open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 0, source_of_truth="git")
        lab.person().commit({"fabrics/lab/README.md": "# lab\n"})
        yield lab


def look(lab, open_mirror=None, **options):
    """A run looks at the repository."""
    (found,) = repository_changes.follow(
        lab.database, ["net"], open_mirror=open_mirror or lab.open_mirror, run_id="run", **options
    )
    return found


def kill_looks(lab):
    """As many as may die."""
    for _ in range(repository_heads.MOST_KILLED):
        with pytest.raises(TimeIsUp):
            look(lab, die)


def push(lab, number=1):
    """A host tells of a push."""
    url = fabric_store.load_repositories(lab.database)[0].url
    inbox.store_delivery(
        lab.database, Arrival(f"d-{number}", f"{number:064x}", inbox.BRANCH, "push", "net", url, branch="main")
    )


def test_a_repository_that_kills_its_look_is_left_alone_and_its_fabrics_say_why(lab):
    """What a host told of it is a dead letter; at the next push, by hand, or an hour later it is retried."""
    push(lab)
    kill_looks(lab)
    found = look(lab, die)
    assert "the last 3 looks at it were killed" in str(found.error)
    state = next(one for one in sync_state.states(lab.database, ["lab"]) if one.target is Target.GIT)
    assert (state.status, state.error_class) == (SyncStatus.PARKED, "WorkKilled")
    kinds = {one.kind.value for one in open_problems(lab.database)}
    assert kinds == {"parked", "given-up-delivery"}
    assert look(lab, die).error is not None

    push(lab, 2)
    assert look(lab).error is None
    assert open_problems(lab.database) == []


def test_a_repository_that_kills_its_look_is_tried_by_hand(lab):
    """By hand means now."""
    kill_looks(lab)
    assert look(lab, force=True).error is None


def test_a_look_that_failed_and_lived_is_none_that_was_killed(lab):
    """It is told as what it is."""

    def be_away(repository):
        raise RemoteUnavailable("the host is unreachable")

    for _ in range(repository_heads.MOST_KILLED + 1):
        assert str(look(lab, be_away).error) == "the host is unreachable"


def test_a_repository_whose_look_was_killed_comes_last_and_alone(lab):
    """The others of its batch were never reached."""
    for name in ("a", "z"):
        url = f"https://git.example.com/{name}.git"
        fabric_store.save_repository(lab.database, name, {"url": url})
        fabric_store.save_fabric(lab.database, name, {"git_repository": name, "git_sync_enabled": True})
    with pytest.raises(TimeIsUp):
        look(lab, die)
    with lab.database, lab.database.cursor() as cursor:
        cursor.execute("UPDATE hedgehog.repository_head SET checked_at = '-infinity'")
    assert repository_plan.plan(lab.database) == [["a"], ["z"], ["net"]]
