"""A window of the browser: what somebody does in it, what they see, and what went wrong in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Dialog, Locator, Page, Request, Response, expect

ROOT = "/plugin/hedgehog"
AXE = Path(__file__).resolve().parents[3] / "ui/node_modules/axe-core/axe.min.js"
_PATIENCE = 120_000
"""Milliseconds: no test fails because the machine is busy."""
_GRAVE = ("serious", "critical")
_QUIET = 4
"""Looks in a row at what is asked of the server that must find nothing."""
_WHEN_IDLE = "() => new Promise((idle) => setTimeout(() => requestIdleCallback(idle, { timeout: 10000 }), 50))"
"""The page has done what it had to do, also on a busy machine: what it will ask the server for, it has asked for."""
_FOLLOW = """async (url) => {
    history.pushState(null, "", url);
    dispatchEvent(new PopStateEvent("popstate"));
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
}"""

expect.set_options(timeout=_PATIENCE)


class Window:
    """One tab. `said` has what went wrong: faults of scripts, dialogs, answers of the server that are errors."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.set_default_timeout(_PATIENCE)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("response", self._response)
        self._asked: set[Request] = set()
        page.on("request", self._request)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)

    def _dialog(self, dialog: Dialog) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        self._asked.add(request)

    def _answered(self, request: Request) -> None:
        self._asked.discard(request)

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.said.append(f"{response.status}: {response.url}")

    def open(self, path: str = "") -> None:
        """One of our pages, by its address below `/plugin/hedgehog`."""
        self.page.goto(f"{ROOT}{path}")

    def follow(self, path: str) -> None:
        """Another of our pages, as a link leads there: what the browser has loaded is kept, if this is one of ours."""
        if ROOT in self.page.url:
            self.page.evaluate(_FOLLOW, f"{ROOT}{path}")
        else:
            self.open(path)

    def settle(self) -> None:
        """Wait until the page has all that it shows. An open dialog hides the navigation from roles."""
        expect(self.page.locator("nav[aria-label='Hedgehog']")).to_be_visible()
        self.page.wait_for_load_state("networkidle")
        quiet = 0
        while quiet < _QUIET:
            self.page.evaluate(_WHEN_IDLE)
            quiet = 0 if self._asked else quiet + 1
        expect(self.page.locator("[aria-label^='Loading']")).to_have_count(0)

    def card(self, subject: str) -> Locator:
        """The drift of this object or file."""
        return self.page.get_by_role("article", name=subject, exact=True)

    def fabric(self, name: str, tab: str = "objects") -> None:
        """The page of a fabric."""
        self.open(f"/fabrics/{name}/{tab}")
        expect(self.page.get_by_role("navigation", name=f"About {name}")).to_be_visible()

    def sees(self, text: str | re.Pattern[str], *, within: Locator | None = None) -> Locator:
        """Wait until *text* is on the page."""
        found = (within or self.page).get_by_text(text).first
        expect(found).to_be_visible()
        return found

    def button(self, name: str, *, within: Locator | Page | None = None) -> Locator:
        """The button with this name."""
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def confirm(self, label: str, *, reason: str | None = None) -> Locator:
        """Confirm the open question with its button *label*, and wait until it was done; the dialog, which says what."""
        dialog = self.dialog()
        if reason is not None:
            dialog.get_by_label("Reason").fill(reason)
        self.button(label, within=dialog).click()
        expect(dialog.get_by_role("status")).to_be_visible()
        return dialog

    def dialog(self) -> Locator:
        """The open dialog."""
        found = self.page.locator(DIALOG)
        expect(found).to_be_visible()
        return found

    def close(self) -> None:
        """Close the open dialog."""
        self.button("Close", within=self.dialog()).first.click()
        expect(self.page.locator(DIALOG)).to_have_count(0)

    def step(self, place: str) -> Locator:
        """A step on the way of a fabric's data: Database, Git, Cluster, Switches."""
        steps = self.page.get_by_role("list", name="The way of the data").get_by_role("listitem")
        return steps.filter(has=self.page.get_by_text(place, exact=True))

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Move on with the tab key until what is called *name* has the focus."""
        for _ in range(_MOST_TABS):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if self.page.evaluate(_FOCUSED) == name:
                return
        raise AssertionError(f"{name} cannot be reached with the tab key")

    def colour(self, mode: str) -> None:
        """Change to *mode*, `dark` or `light`, as when another tab did; at once, for half-way colours have no contrast."""
        self.page.evaluate(_CHANGE_COLOUR, mode)
        expect(self.page.locator("html")).to_have_class(re.compile(rf"\b{mode}\b"))

    def violations(self) -> list[str]:
        """What axe has to say about our part of the page, if it is serious, once all of it is fully visible."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found: Any = self.page.evaluate(_VIOLATIONS)
        return [
            f"{one['id']}: {node['html'][:200]}" for one in found if one["impact"] in _GRAVE for node in one["nodes"]
        ]


DIALOG = "[role=dialog], [role=alertdialog]"
_MOST_TABS = 150
_FOCUSED = """() => {
    const focused = document.activeElement;
    const named = focused.getAttribute("aria-label") ?? focused.labels?.[0]?.innerText ?? focused.innerText;
    return named.replace("*", "").trim();
}"""
"""How the element with the focus is called."""
_CHANGE_COLOUR = """(mode) => {
    document.adoptedStyleSheets = [new CSSStyleSheet()];
    document.adoptedStyleSheets[0].replaceSync("* { transition: none !important; }");
    localStorage.setItem("theme", mode);
    dispatchEvent(new StorageEvent("storage", {key: "theme", newValue: mode}));
}"""
_VIOLATIONS = f"""async () => {{
    const shown = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
    await Promise.allSettled(shown.map((one) => one.finished));
    const ours = document.querySelectorAll('[data-hedgehog], {DIALOG}');
    return (await axe.run({{include: [...ours]}})).violations;
}}"""
