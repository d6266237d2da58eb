"""A real browser, and windows of people who are logged in to the stack's Airflow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from devstack import browser
from devstack.stack import Stack
from tests.e2e.pages.window import Window


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, once per test process."""
    with browser.browser() as found:
        yield found


@pytest.fixture
def window(chromium: Browser, stack: Stack) -> Iterator[Window]:
    """A window of somebody who may do everything; at the end nothing must have gone wrong in it."""
    with browser.session(chromium, stack.airflow) as session:
        opened = Window(session.new_page())
        yield opened
        assert opened.said == []


@pytest.fixture
def viewer(chromium: Browser, stack: Stack) -> Iterator[Window]:
    """A window of somebody who may only look."""
    with browser.session(chromium, stack.airflow, user="viewer") as session:
        opened = Window(session.new_page())
        yield opened
        assert opened.said == []
