"""What strangers wrote is text on every page: thirty attempts to run something, in every text that can be stored."""

from __future__ import annotations

from devstack.stack import Stack
from tests.e2e.pages.hostile_lab import plant, uproot
from tests.e2e.pages.test_viewer import SECTIONS, TABS
from tests.e2e.pages.window import Window
from tests.hostile_text import PAYLOADS

TALL = {"width": 1600, "height": 6000}
"""High enough for all rows of a table to be drawn."""
EVERYWHERE = (
    "history",
    "timeline",
    "drift",
    "problems",
    "runs",
    "plan",
)
"""The tabs of a fabric that show every one of them."""
_LIVE_PARTS = """() => [...document.querySelectorAll("*")].flatMap((one) => {
    const ours = one.closest("[data-hedgehog], [role=dialog], [role=alertdialog]");
    const runs = [...one.attributes].some(({name, value}) => /^on|^srcdoc$/i.test(name)
        || /^(href|src|action|data|formaction)$/i.test(name) && /^\\s*(javascript|vbscript|data:text)/i.test(value));
    const isForeign = ours && /^(script|iframe|object|embed|link|meta|style|math|body|img)$/.test(one.localName);
    return runs || isForeign ? [one.outerHTML.slice(0, 200)] : [];
})"""
"""What could run or load something: handlers, addresses that are scripts, and elements that pages of ours do not have."""


def test_thirty_attempts_are_text_on_every_page(window: Window, stack: Stack, name: str) -> None:
    """No dialog, no fault, no element and no link comes of any; on the pages that list them, all can be read."""
    window.page.set_viewport_size(TALL)
    plant(stack, name)
    try:
        pages = [*SECTIONS, "/dead-letters?closed=1", f"/rollouts/{name}", f"?search={name}"]
        pages += [f"/fabrics/{name}/{tab}" for tab in TABS]
        pages += [f"/fabrics/{name}/objects/VPC/default/{name}-v", f"/fabrics/{name}/objects/Server/default/{name}-3"]
        shown: dict[str, set[str]] = {}
        for path in pages:
            window.follow(path)
            window.settle()
            assert window.page.evaluate(_LIVE_PARTS) == [], path
            assert window.said == [], path
            text = window.page.locator("[data-hedgehog]").first.evaluate("one => one.textContent")
            shown[path] = {payload for payload in PAYLOADS if payload in text}
        complete = [f"/fabrics/{name}/{tab}" for tab in EVERYWHERE]
        complete += ["/problems", "/freezes", "/pull-requests", "/inbox", "/dead-letters?closed=1"]
        complete += [f"/fabrics/{name}/objects/VPC/default/{name}-v", f"/rollouts/{name}"]
        assert {path: set(PAYLOADS) - shown[path] for path in complete} == {path: set() for path in complete}
    finally:
        uproot(stack, name)
