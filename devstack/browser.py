"""Chromium for tests, pictures and benchmarks of the pages: found on this machine, else installed.

`HEDGEHOG_TEST_BROWSER` names one. A machine without a browser fails; no test of the pages is ever left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from devstack.airflow import Airflow

VARIABLE = "HEDGEHOG_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW = {"width": 1440, "height": 900}
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 120_000
"""Milliseconds that a page may take on a busy machine."""


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium. Raises RuntimeError when there is none and none can be installed."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable(playwright), args=list(_OPTIONS))
        try:
            yield found
        finally:
            found.close()


def executable(playwright: Playwright) -> str:
    """The path of a browser: the named one, one of PATH, Playwright's own, or one that is installed now."""
    if named := os.environ.get(VARIABLE):
        return named
    own = Path(playwright.chromium.executable_path)
    if found := _present(own):
        return found
    tried = []
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        commands.insert(0, ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])
    for command in commands:
        print(f"no Chromium on this machine: {' '.join(command)}", flush=True)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if found := _present(own):
            return found
        tried.append(f"`{' '.join(command)}`: {(done.stderr or done.stdout).strip()[-300:]}")
    raise RuntimeError(f"no Chromium; install one or name it in {VARIABLE}. " + "; ".join(tried))


def _present(own: Path) -> str | None:
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or (str(own) if own.exists() else None)


@contextmanager
def session(chromium: Browser, airflow: Airflow, *, user: str = "admin") -> Iterator[BrowserContext]:
    """A window of *user*, who is logged in."""
    context = chromium.new_context(viewport=WINDOW, base_url=airflow.url, locale="en-GB", color_scheme="light")
    context.set_default_timeout(_PATIENCE)
    token = {"name": "_token", "value": airflow.login(user), "url": airflow.url, "httpOnly": True, "sameSite": "Lax"}
    context.add_cookies([token])
    try:
        yield context
    finally:
        context.close()
