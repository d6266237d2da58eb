"""People are told once of what is wrong, again after a while, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.services.observe.notifications import CONDITIONS, QUIET, Notice, active_alerts, notify
from hedgehog.store.alerts import Alert
from hedgehog.store.metric_table import METRICS
from hedgehog.store.metrics import Sample

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REMIND = timedelta(hours=4)


def make_failing(fabric="gen", value=3.0, error_class="RemoteUnavailable"):
    """A fabric whose syncs fail."""
    labels = {"fabric": fabric, "target": "git", "error_class": error_class}
    return Sample("hedgehog_sync_failures_in_a_row", value, labels)


def make_alert(fabric="gen", value=3, error_class="RemoteUnavailable"):
    """What is told of it."""
    text = f"{fabric}: {value} syncs to git failed in a row ({error_class}); see `hedgehog status {fabric}`"
    return Alert("HedgehogSyncFailing", f"fabric={fabric} target=git", text)


class Office:
    """Somebody to tell, and a clock."""

    def __init__(self, connection):
        self._connection = connection
        self.senders = {"mail": self._take}
        self.told = []
        self.now = START

    def _take(self, notice):
        self.told.append(notice)

    def look(self, *samples, after=MINUTE):
        """The DAG runs; returns what was told, and who could not be."""
        self.now += after
        before = len(self.told)
        _, failed = notify(self._connection, samples, self.senders, now=self.now, remind=REMIND)
        return self.told[before:], failed


@pytest.fixture
def office(database):
    """An office that nobody told anything yet."""
    return Office(database)


def alerts(*found):
    """A notice of new alerts."""
    return ([Notice(found, ())], [])


def over(*found):
    """A notice of ended ones."""
    return ([Notice((), found)], [])


NOTHING = ([], [])


def test_what_is_wrong_is_notified_once(office):
    """Not every minute, even where count and class of the error go on changing."""
    assert office.look(make_failing()) == alerts(make_alert())
    assert office.look(make_failing(value=4.0)) == NOTHING
    assert office.look(make_failing(value=5.0, error_class="RateLimited")) == NOTHING


def test_all_of_a_minute_is_one_notice(office):
    """A thousand fabrics behind one host are one message."""
    found = office.look(make_failing("a"), make_failing("b"))
    assert found == alerts(make_alert("a"), make_alert("b"))
    assert office.look(make_failing("a"), make_failing("b"), make_failing("c")) == alerts(make_alert("c"))


def test_what_is_still_wrong_after_a_while_is_notified_again(office):
    """With what it is now."""
    office.look(make_failing())
    assert office.look(make_failing(), after=REMIND - MINUTE) == NOTHING
    assert office.look(make_failing(value=9.0)) == alerts(make_alert(value=9))


def test_the_end_is_notified_once(office):
    """And what is wrong after it is new."""
    office.look(make_failing())
    assert office.look() == NOTHING
    assert office.look(after=QUIET) == over(make_alert())
    assert office.look() == NOTHING
    assert office.look(make_failing()) == alerts(make_alert())


def test_what_comes_and_goes_is_one_alert(office):
    """Its end is told when it stays away."""
    office.look(make_failing())
    for _ in range(5):
        assert office.look(after=QUIET - MINUTE) == NOTHING
        assert office.look(make_failing()) == NOTHING
    assert office.look(after=QUIET) == over(make_alert())


def test_an_alert_that_cannot_be_checked_is_not_over(office):
    """The figures are gone, the trouble may not be; and somebody hears of that."""
    office.look(make_failing())
    blind = Sample("hedgehog_metric_failed", 1.0, {"metric": "hedgehog_sync_failures_in_a_row"})
    ((notice,), _) = office.look(blind, after=QUIET)
    assert ([one.name for one in notice.alerts], notice.over) == (["HedgehogMetricFailed"], ())
    ((notice,), _) = office.look(after=QUIET)
    assert {one.name for one in notice.over} == {"HedgehogMetricFailed", "HedgehogSyncFailing"}


def test_the_end_of_what_was_not_notified_is_not_notified(office):
    """Without a notifier alerts come and go in the table alone."""
    office.senders, senders = {}, office.senders
    office.look(make_failing())
    office.senders = senders
    assert office.look(after=QUIET) == NOTHING
    assert office.look(after=QUIET) == NOTHING


def test_an_alert_waits_for_a_notifier(office):
    """It is told with the first run after one is set up."""
    office.senders, senders = {}, office.senders
    office.look(make_failing())
    office.senders = senders
    assert office.look(make_failing()) == alerts(make_alert())


def _refuse(notice):
    raise InvalidInput("the address is wrong")


def _leak(notice):
    raise ValueError("https://hooks.example.com/hunter2")


def test_what_could_not_be_sent_is_sent_with_the_next_run(office):
    """The end as well."""
    office.senders, senders = {"mail": _refuse}, office.senders
    assert office.look(make_failing()) == ([], ["mail"])
    office.senders = senders
    assert office.look(make_failing()) == alerts(make_alert())
    office.senders = {"mail": _refuse}
    assert office.look(after=QUIET) == ([], ["mail"])
    office.senders = senders
    assert office.look() == over(make_alert())


def test_one_broken_notifier_does_not_make_the_others_repeat_themselves(office, caplog):
    """And what it raises is told without what may be a secret."""
    office.senders["chat"] = _leak
    assert office.look(make_failing()) == ([Notice((make_alert(),), ())], ["chat"])
    assert office.look(make_failing()) == NOTHING
    assert caplog.messages == ["chat could not send: ValueError"]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_every_condition_begins_at_its_limit_and_says_what_to_do(condition):
    """Its text fits the labels of its metric."""
    labels = {label: f"<{label}>" for label in METRICS[condition.metric].labels}
    assert active_alerts([Sample(condition.metric, condition.limit * 0.999, labels)]) == []
    (alert,) = active_alerts([Sample(condition.metric, condition.limit, labels)])
    assert alert.name == condition.name
    assert "see" in alert.message or ";" in alert.message
    assert all(value in alert.subject for label, value in labels.items() if label != "error_class")


def test_a_notice_is_readable():
    """A line each, and not a thousand of them."""
    notice = Notice(tuple(make_alert(f"f{number}") for number in range(30)), (Alert("HedgehogX", "job=a", "m"),))
    assert notice.subject == "Hedgehog: 30 open, 1 over"
    lines = notice.message.splitlines()
    assert (lines[0], lines[-1], len(lines)) == (
        "HedgehogSyncFailing: f0: 3 syncs to git failed in a row (RemoteUnavailable); see `hedgehog status f0`",
        "and 11 more; see `hedgehog metrics`",
        21,
    )
    assert Notice((), (Alert("HedgehogX", "job=a", "m"),)).message == "HedgehogX is over (job=a)"
