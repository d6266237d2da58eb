"""Any notifier of Airflow can send our notifications, with one setting."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import BaseNotifier

from hedgehog.airflow.listening.notifiers import senders
from hedgehog.errors import InvalidInput
from hedgehog.services.observe.notifications import Notice
from hedgehog.store.alerts import Alert

NOTICE = Notice((Alert("HedgehogX", "job=a", "a is late; look"),), ())
TOLD = []


class Board(BaseNotifier):
    """A notifier with a template."""

    template_fields = ("text",)

    def __init__(self, text):
        super().__init__()
        self.text = text

    def notify(self, context):
        """Record it."""
        TOLD.append((self.text, context["run_id"]))


@pytest.fixture
def configure(monkeypatch):
    """Set `[hedgehog] notifiers`."""
    return lambda value: monkeypatch.setenv(
        "AIRFLOW__HEDGEHOG__NOTIFIERS", value if isinstance(value, str) else json.dumps(value)
    )


def entry(path=f"{__name__}.Board", **kwargs):
    """One notifier."""
    return {"notifier": path, "kwargs": kwargs}


def test_the_templates_of_a_notifier_see_the_notice_and_the_task(configure):
    """The operator sets its arguments, the product provides the text."""
    TOLD.clear()
    configure([entry(text="{{ subject }} | {{ message }} | {{ alerts | length }} | {{ run_id }}")])
    ((name, send),) = senders({"run_id": "r1"}).items()
    send(NOTICE)
    assert name == "1 Board"
    assert TOLD == [("Hedgehog: 1 open | HedgehogX: a is late; look | 1 | r1", "r1")]


def test_without_the_setting_nobody_is_notified(configure):
    """Nothing by default."""
    assert senders({}) == {}
    configure("  ")
    assert senders({}) == {}


@pytest.mark.parametrize(
    "value",
    [
        "hunter2 {",
        "{}x",
        '"hunter2"',
        '["hunter2"]',
        '[{"kwargs": {}}]',
        '[{"notifier": 7}]',
        '[{"notifier": "a.B", "kwargs": []}]',
    ],
)
def test_an_unreadable_setting_is_reported_without_its_value(configure, value):
    """It may contain a token."""
    configure(value)
    with pytest.raises(InvalidInput, match="notifiers must be a JSON list") as caught:
        senders({})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("wrong", [entry("no.such.Module"), entry("json.NoSuch"), entry("Bare"), entry(colour="red")])
def test_a_notifier_that_cannot_be_created_is_named_when_it_is_used(configure, wrong):
    """The other notifiers are still used."""
    configure([wrong, entry(text="x")])
    broken, good = senders({"run_id": "r1"}).values()
    with pytest.raises(InvalidInput, match=wrong["notifier"]):
        broken(NOTICE)
    good(NOTICE)


def test_the_mail_notifier_of_airflow_works(configure):
    """As docs/metrics.md shows it."""
    kwargs = {
        "to": "noc@example.com",
        "from_email": "a@example.com",
        "subject": "{{ subject }}",
        "html_content": "{{ message }}",
    }
    configure([entry("airflow.providers.smtp.notifications.smtp.SmtpNotifier", **kwargs)])
    (send,) = senders({}).values()
    with pytest.raises(
        Exception, match="SMTP connection is not found"
    ):  # it looks for its connection, so it was made and called
        send(NOTICE)
