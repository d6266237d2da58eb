"""The form in which a cluster stores Connections and Servers."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.settings import FabricSettings, Upstream

OLDER, NEWER = FabricSettings(upstream=Upstream.V0_126), FabricSettings(upstream=Upstream.V0_129)
MINE = {
    "labels": {"team": "a", "fabric.githedgehog.com/vpc": "zzz", "switch.fabric.githedgehog.com/old": "true"},
    "annotations": {"note": "n", "fabric.githedgehog.com/switches": "zzz"},
}
LINKS = [
    {"server": {"port": "srv/e1"}, "switch": {"port": "leaf-2/E1/1"}},
    {"server": {"port": "srv/e2"}, "switch": {"port": "leaf-1/E1/1"}},
]
JOINED = {
    "fabric.githedgehog.com/connection-type": "eslag",
    "switch.fabric.githedgehog.com/leaf-1": "true",
    "switch.fabric.githedgehog.com/leaf-2": "true",
    "server.fabric.githedgehog.com/srv": "true",
}


def metadata(spec: dict[str, Any], settings: FabricSettings, **written: Any) -> tuple[Any, Any]:
    """Labels and annotations of a Connection as stored."""
    result = stored(make("Connection", "c", spec, **written), settings)["metadata"]
    return result.get("labels"), result.get("annotations")


def test_labels_are_computed_again_and_those_of_users_are_kept() -> None:
    """The newer release does the same to annotations."""
    assert metadata({"eslag": {"links": LINKS}}, OLDER, **MINE) == ({"team": "a", **JOINED}, MINE["annotations"])
    computed = {"fabric.githedgehog.com/switches": "leaf-1,leaf-2", "fabric.githedgehog.com/servers": "srv"}
    assert metadata({"eslag": {"links": LINKS}}, NEWER, **MINE) == ({"team": "a", **JOINED}, {"note": "n", **computed})


def test_a_static_external_is_labelled_with_its_vpc() -> None:
    """Whatever else is wrong with it."""
    spec = {"staticExternal": {"link": {"switch": {"port": "leaf-1"}}, "withinVPC": "vpc-1"}}
    labels = {"fabric.githedgehog.com/connection-type": "static-external", "fabric.githedgehog.com/vpc": "vpc-1"}
    assert metadata(spec, NEWER) == (labels, None)


def test_mclag_hides_the_ends_of_another_type() -> None:
    """The older release writes no label at all then."""
    spec = {"eslag": {"links": LINKS}, "mclag": {"links": LINKS}}
    assert metadata(spec, OLDER) == (None, None)
    empty = {"fabric.githedgehog.com/switches": "", "fabric.githedgehog.com/servers": ""}
    assert metadata(spec, NEWER) == ({"fabric.githedgehog.com/connection-type": "eslag"}, empty)


@pytest.mark.parametrize(
    "written, wanted",
    [
        ({"unbundled": {}}, {"unbundled": {"link": {"server": {}, "switch": {}}}}),
        ({"external": {"link": {}}}, {"external": {"link": {"switch": {}}}}),
        ({"mesh": {"links": [{}]}}, {"mesh": {"links": [{"leaf1": {}, "leaf2": {}}]}}),
        ({"bundled": {"mtu": 0}}, {"bundled": {"mtu": 0}}),
        ({"mclagDomain": {"peerLinks": [{}]}}, {"mclagDomain": {"peerLinks": [{"switch1": {}, "switch2": {}}]}}),
    ],
)
def test_empty_ends_are_added_and_written_ones_are_kept(written: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Go writes structs that are not pointers."""
    assert stored(make("Connection", "c", written), NEWER)["spec"] == wanted


def test_a_server_loses_only_computed_labels() -> None:
    """And gains a spec."""
    server = {"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "Server", "metadata": {"name": "s", **MINE}}
    assert stored(server, NEWER) == {
        **server,
        "metadata": {"name": "s", "namespace": "default", "labels": {"team": "a"}, "annotations": MINE["annotations"]},
        "spec": {},
    }


@pytest.mark.parametrize("settings", [OLDER, NEWER])
def test_storing_twice_changes_nothing(settings: FabricSettings) -> None:
    """Idempotent, and the input is left alone."""
    manifest = make("Connection", "c", {"eslag": {"links": [*LINKS, {}]}}, **MINE)
    once = stored(manifest, settings)
    assert stored(once, settings) == once
    assert manifest == make("Connection", "c", {"eslag": {"links": [*LINKS, {}]}}, **MINE)
