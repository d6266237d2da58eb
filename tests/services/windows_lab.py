"""Windows that are open or closed while a test runs, and freezes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.windows import ChangeWindow
from hedgehog.services.steer import freezing
from hedgehog.store.database import Connection

ALWAYS = "* * * * *"


def half_a_year_off(now: datetime) -> str:
    """A cron expression whose next time is months away, and whose last time as well."""
    return f"0 0 1 {(now.month + 5) % 12 + 1} *"


def set_window(
    connection: Connection, selector: Selector, *, open: bool, name: str = "nights", now: datetime | None = None
) -> ChangeWindow:
    """A window of an hour for the fabrics of *selector*."""
    cron = ALWAYS if open else half_a_year_off(now or datetime.now(UTC))
    window = ChangeWindow(name, selector, cron, timedelta(hours=1), "Europe/Berlin")
    freezing.set_window(connection, window, actor="ann")
    return window


def freeze(connection: Connection, *selectors: Selector, reason: str = "CHG-17", until: datetime | None = None) -> None:
    """Freeze the fabrics of *selectors*."""
    freezing.freeze_fabrics(connection, selectors, reason=reason, until=until, now=datetime.now(UTC), actor="ann")


def unfreeze(connection: Connection, *selectors: Selector) -> None:
    """Lift the freezes of *selectors*."""
    freezing.unfreeze_fabrics(connection, selectors, actor="ann")
