"""The fleet page: ten thousand fabrics, and a keyboard without a mouse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from devstack.stack import Stack
from hedgehog.store.database import transaction
from tests.e2e.pages.window import Window

COUNT = 10_000
_WITHOUT_TRIGGERS = "SET LOCAL session_replication_role = replica"
"""They would write ten thousand histories, and wake Airflow as often."""
_BULK = "FROM hedgehog.fabric WHERE name LIKE 'bulk-%'"
_SCROLLS, _PAUSE = 400, 250
"""How often at most the list is scrolled to its end, and the milliseconds between: each adds what was read meanwhile."""
_TARGETS = "ARRAY['git', 'kubernetes']"


@pytest.fixture(scope="module")
def large(stack: Stack) -> Iterator[Stack]:
    """Fabrics `bulk-00001` to `bulk-10000`, of which no sync is on; every hundredth is suspended."""
    with transaction(stack.database) as cursor:
        cursor.execute(_WITHOUT_TRIGGERS)
        cursor.execute(
            "INSERT INTO hedgehog.fabric (name, description, labels, suspended, suspended_reason) "
            "SELECT 'bulk-' || lpad(i::text, 5, '0'), 'generated', jsonb_build_object('site', 's' || i %% 300), i %% 100 = 0, "
            "CASE WHEN i %% 100 = 0 THEN 'CHG-17' END FROM generate_series(1, %s) i",
            [COUNT],
        )
        cursor.execute(f"INSERT INTO hedgehog.sync_state (fabric_id, target) SELECT id, unnest({_TARGETS}) {_BULK}")
    yield stack
    with transaction(stack.database) as cursor:
        cursor.execute(_WITHOUT_TRIGGERS)
        cursor.execute(f"DELETE FROM hedgehog.sync_state WHERE fabric_id IN (SELECT id {_BULK})")
        cursor.execute(f"DELETE {_BULK}")


def test_ten_thousand_fabrics_are_counted_sorted_filtered_and_scrolled(window: Window, large: Stack) -> None:
    """Only the rows in view are in the document; others are read as they come into view."""
    page = window.page
    window.open("?search=bulk-")
    window.sees("10,000 fabrics")
    table = page.get_by_role("table", name="Fabrics")
    expect(table).to_have_attribute("aria-rowcount", str(COUNT + 1))
    assert page.get_by_role("row").count() < 100
    region = page.get_by_role("region", name="Fabrics", exact=True)
    far = page.get_by_role("link", name="bulk-00800", exact=True)
    for _ in range(_SCROLLS):
        region.evaluate("one => one.scrollTo(0, one.scrollHeight)")
        page.wait_for_timeout(_PAUSE)
        if far.count():
            break
    expect(far).to_be_visible()
    assert page.get_by_role("row").count() < 100

    page.get_by_role("button", name="Fabric", exact=True).click()
    expect(page.get_by_role("link", name="bulk-10000", exact=True)).to_be_visible()
    window.button("Suspended 100").click()
    window.sees("100 fabrics of 10,000")
    assert "sort=-name" in page.url
    assert "state=suspended" in page.url
    page.get_by_label("Search fabrics").fill("bulk-077")
    window.sees("1 fabric of 100")
    expect(page.get_by_role("link", name="bulk-07700", exact=True)).to_be_visible()


def test_the_fleet_is_steered_with_the_keyboard_alone(window: Window, stack: Stack, name: str) -> None:
    """Selecting, asking, cancelling, and opening a fabric and a tab of it."""
    first, second = f"{name}-a", f"{name}-b"
    for fabric in (first, second):
        stack.add_fabric(fabric, git_sync_enabled=False, enable_k8s_sync=False)
    page, press = window.page, window.page.keyboard.press
    window.open(f"?search={name}-")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_label("Search fabrics").focus()
    window.tab_to(f"Select {first}")
    press("Space")
    window.sees("1 fabric selected")
    window.tab_to("Suspend", back=True)
    press("Enter")
    expect(window.dialog()).to_contain_text(first)
    window.tab_to("Reason")
    page.keyboard.type("CHG-17")
    press("Escape")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    window.tab_to(second)
    press("Enter")
    expect(page.get_by_role("navigation", name=f"About {second}")).to_be_visible()
    window.tab_to("Settings")
    press("Enter")
    expect(page).to_have_url(f"{stack.airflow.url}/plugin/hedgehog/fabrics/{second}/settings")
