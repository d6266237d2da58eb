"""The code of our pages, as Airflow's UI asks for it."""

from __future__ import annotations

import gzip
import re
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from hedgehog.airflow.plugin import HedgehogPlugin
from hedgehog.airflow.web.bundles import MEDIA_TYPES, PREFIX, STATIC, bundles_app

LARGEST = 200 * 1024


@pytest.fixture(scope="module")
def client() -> TestClient:
    """The application that serves the bundles."""
    return TestClient(bundles_app())


def test_airflow_is_told_the_pages_and_the_card():
    """Two entries, each with the name that its bundle leaves in `globalThis`."""
    found = {app["name"]: (app["destination"], app["url_route"]) for app in HedgehogPlugin().react_apps}
    assert found == {"Hedgehog": ("nav", "hedgehog"), "Hedgehog fleet": ("dashboard", "hedgehog-fleet")}


@pytest.mark.parametrize("app", HedgehogPlugin().react_apps, ids=lambda app: app["name"])
def test_a_bundle_leaves_its_component_where_airflow_looks_for_it(app, client):
    """Airflow takes `globalThis[name]`, so a bundle with another name would show an error page."""
    address = urlsplit(app["bundle_url"])
    answer = client.get(f"/{address.path.removeprefix(PREFIX.lstrip('/') + '/')}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert re.search(rf'Object\.assign\(globalThis,{{"?{app["name"]}"?:', answer.text)


@pytest.mark.parametrize("app", HedgehogPlugin().react_apps, ids=lambda app: app["name"])
def test_an_address_changes_with_the_content(app):
    """Otherwise browsers would keep the old pages after an upgrade."""
    address = urlsplit(app["bundle_url"])
    content = (STATIC / address.path.rsplit("/", 1)[1]).read_bytes()
    assert parse_qs(address.query)["v"] == [sha256(content).hexdigest()[:12]]


def test_a_file_is_kept_for_good_only_under_its_version(client):
    """Without a version nobody would learn of a new one."""
    assert "immutable" in client.get("/pages.js?v=1").headers["cache-control"]
    assert client.get("/pages.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../bundles.py", "..%2fbundles.py", "%2e%2e/bundles.py", "missing.js", ""])
def test_no_other_file_is_served(name, client):
    """Whatever the path: names are looked up in a list, never joined to a folder."""
    assert client.get(f"/{name}").status_code == 404


def test_every_file_that_is_served_is_committed_and_no_other():
    """A stray source map would double the download and show the sources."""
    assert sorted(path.name for path in STATIC.iterdir()) == sorted(MEDIA_TYPES)


@pytest.mark.parametrize("name", ["pages.js", "card.js"])
def test_a_bundle_is_small_and_has_no_source_map(name):
    """A page must not wait for code."""
    content = (STATIC / name).read_bytes()
    assert len(gzip.compress(content, 9)) < LARGEST
    assert b"sourceMappingURL" not in content
