"""Airflow's notifiers, any of them, as senders of our notices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.settings import NOTIFIERS
from hedgehog.errors import InvalidInput

if TYPE_CHECKING:
    from hedgehog.services.observe.notifications import Notice, Send


def senders(context: Mapping[str, Any]) -> dict[str, Send]:
    """One sender for each entry of `[hedgehog] notifiers`, by its place and class.

    The templates of a notifier see the context of the task and `subject`, `message`, `alerts` and `over`.
    """
    return {
        f"{number} {path.rpartition('.')[2]}": partial(_send, dict(context), path, kwargs)
        for number, (path, kwargs) in enumerate(NOTIFIERS.read(), 1)
    }


def _send(context: dict[str, Any], path: str, kwargs: dict[str, Any], notice: Notice) -> None:
    module, _, name = path.rpartition(".")
    try:
        notifier = getattr(import_module(module), name)(**kwargs)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"[hedgehog] notifiers: {path} cannot be created with these kwargs ({type(error).__name__}); is its provider installed?"
        ) from None
    said = {"subject": notice.subject, "message": notice.message, "alerts": notice.alerts, "over": notice.over}
    notifier({**context, **said})
