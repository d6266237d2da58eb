"""Files of a wiring without addresses are completed as a person would do it: line by line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack import unhydrated
from hedgehog.errors import InvalidInput
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.services.transfer.hydrate import hydrate_files

SWITCHES = b"""\
# Our switches.

apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata:
  name: leaf-01   # left
spec:
  role: server-leaf
  description: 'row 1'
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata: {name: spine-01}
spec: {role: spine, "profile": vs}
"""
LINKS = b"""\
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Connection
metadata:
  name: spine-01--fabric--leaf-01
spec:
  fabric:
    links:
      # the first
      - spine:
          port: spine-01/E1/1
        leaf:
          port: leaf-01/E1/1
"""
FABRICATOR = b"""\
apiVersion: fabricator.githedgehog.com/v1beta1
kind: Fabricator
metadata: {name: default, namespace: fab}
spec: {config: {fabric: {spineASN: 64900, fabricSubnet: 10.9.0.0/24}}}
"""


def test_a_missing_field_is_added_and_nothing_else_in_the_file_changes():
    """Comments, order, quotes and flow style stay."""
    found = hydrate_files({"switches.yaml": SWITCHES, "links.yaml": LINKS}, HydrationMode.MISSING)
    assert found.contents["switches.yaml"].decode().splitlines() == [
        "# Our switches.",
        "",
        "apiVersion: wiring.githedgehog.com/v1beta1",
        "kind: Switch",
        "metadata:",
        "  name: leaf-01   # left",
        "spec:",
        "  role: server-leaf",
        "  description: 'row 1'",
        "  ip: 172.30.0.6/21",
        "  protocolIP: 172.30.8.1/32",
        "  asn: 65101",
        "  vtepIP: 172.30.12.0/32",
        "---",
        "apiVersion: wiring.githedgehog.com/v1beta1",
        "kind: Switch",
        "metadata: {name: spine-01}",
        'spec: {role: spine, "profile": vs, ip: 172.30.0.5/21, protocolIP: 172.30.8.0/32, asn: 65100}',
    ]
    added = set(found.contents["links.yaml"].splitlines()) - set(LINKS.splitlines())
    assert added == {b"          ip: 172.30.128.0/31", b"          ip: 172.30.128.1/31"}


def test_the_ranges_are_those_of_the_fabricator():
    """hhfab's directory has it in fab.yaml."""
    files = {"fab.yaml": FABRICATOR, "include/switches.yaml": SWITCHES, "include/links.yaml": LINKS}
    values = {(one.ref.name, one.path[-1]): one.value for one in hydrate_files(files, HydrationMode.MISSING).assigned}
    assert values["spine-01", "asn"] == 64900
    assert b"ip: 10.9.0.1/31" in hydrate_files(files, HydrationMode.MISSING).contents["include/links.yaml"]
    assert "fab.yaml" not in hydrate_files(files, HydrationMode.MISSING).contents


def test_hydrating_twice_changes_nothing():
    """Nothing is missing the second time."""
    once = hydrate_files({"a.yaml": SWITCHES}, HydrationMode.MISSING).contents
    again = hydrate_files(once, HydrationMode.MISSING)
    assert (again.assigned, again.contents) == ((), {})


def test_an_item_of_a_list_is_completed_in_its_place():
    """As `kubectl get -o yaml` writes it."""
    listed = b"kind: List\napiVersion: v1\nitems:\n" + b"".join(
        b"  - apiVersion: wiring.githedgehog.com/v1beta1\n    kind: Switch\n    metadata:\n      name: s-%d\n"
        b"    spec:\n      role: spine\n" % number
        for number in (1, 2)
    )
    found = hydrate_files({"list.yaml": listed}, HydrationMode.MISSING).contents["list.yaml"]
    assert [line.strip() for line in found.splitlines() if b" ip:" in line] == [
        b"ip: 172.30.0.5/21",
        b"ip: 172.30.0.6/21",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "a.yaml:"),
        (SWITCHES.replace(b"role: spine", b"role: spine, asn: x"), "a.yaml:14:"),
        (
            SWITCHES.replace(b"role: spine", b"role: spine, asn: 7"),
            "Switch/default/spine-01: spec.asn: 7 is not the ASN of spines",
        ),
        (SWITCHES.replace(b"role: spine", b"role: spine, ASN: 7"), "ASN"),
        (SWITCHES.replace(b"spine-01", b"leaf-01"), "Switch/default/leaf-01 is also at a.yaml:3:1; remove one of them"),
        (SWITCHES.replace(b"{name: spine-01}", b"{}"), "metadata.name is missing"),
        (FABRICATOR.replace(b"64900", b"-4"), "spec.config.fabric.spineASN: -4"),
    ],
)
def test_what_cannot_be_hydrated_is_reported_with_its_place(content, reason):
    """And nothing is made of it."""
    with pytest.raises(InvalidInput) as refused:
        hydrate_files({"a.yaml": content}, HydrationMode.MISSING)
    assert reason in str(refused.value)
    assert "a.yaml:" in str(refused.value)


def test_objects_that_share_a_mapping_are_not_written_back():
    """One address would become that of both."""
    shared = (
        SWITCHES
        + b"---\napiVersion: wiring.githedgehog.com/v1beta1\nkind: List\nitems:\n"
        + b"".join(
            b"- apiVersion: wiring.githedgehog.com/v1beta1\n  kind: Switch\n  metadata: {name: t-%d}\n  spec: %s\n"
            % one
            for one in ((1, b"&spec {role: spine}"), (2, b"*spec"))
        )
    )
    with pytest.raises(InvalidInput, match=r"a\.yaml: cannot be changed without changing other objects|alias"):
        hydrate_files({"a.yaml": shared}, HydrationMode.MISSING)


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_it_does_not_matter_in_which_files_objects_are(data):
    """Nor in which order the files are read."""
    documents = unhydrated.make_wiring(gateways=1, servers=1)
    files = {f"f{number}.yaml": [] for number in range(3)}
    for document in data.draw(st.permutations(documents)):
        files[data.draw(st.sampled_from(sorted(files)))].append(document)
    contents = {name: unhydrated.text(files[name]).encode() for name in data.draw(st.permutations(sorted(files)))}
    one_file = hydrate_files({"all.yaml": unhydrated.text(documents).encode()}, HydrationMode.MISSING)
    found = hydrate_files(contents, HydrationMode.MISSING)
    assert _values(found) == _values(one_file)
    assert hydrate_files({**contents, **found.contents}, HydrationMode.MISSING).assigned == ()


def _values(found):
    return {(one.ref, one.path): one.value for one in found.assigned}
