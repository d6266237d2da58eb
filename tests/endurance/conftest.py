"""Tests that take minutes each, mostly waiting; `make test` runs them together with the end-to-end tests, these first."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an endurance test."""
    for item in items:
        if "/tests/endurance/" in item.path.as_posix():
            item.add_marker(pytest.mark.endurance)
