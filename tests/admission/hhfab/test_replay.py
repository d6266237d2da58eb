"""Recorded runs of upstream's hhfab are our runs."""

from __future__ import annotations

import copy
import json
import sys

from devstack.replay_hydration import FAULTS, replay, report
from devstack.unhydrated import make_fab, make_wiring
from hedgehog.admission.hhfab.command import validate


def a_record(mode="if-not-present", **changes):
    """A run of one spine and one leaf with a gateway, worked out by hand."""
    fab, wiring = make_fab(gateways=1), make_wiring(spines=1, leaves=1, gateways=1)
    hydrated = copy.deepcopy([*fab[1:], *wiring[2:4], wiring[4], wiring[6], wiring[7]])
    control, node, spine, leaf, fabric, gateway, uplink = (one["spec"] for one in hydrated)
    control["management"]["ip"], control["dummy"] = "172.30.0.5/21", {"ip": "172.30.90.0/31"}
    node["management"]["ip"], node["dummy"] = "172.30.0.6/21", {"ip": "172.30.90.2/31"}
    spine |= {"ip": "172.30.0.7/21", "protocolIP": "172.30.8.0/32", "asn": 65100}
    leaf |= {"ip": "172.30.0.8/21", "protocolIP": "172.30.8.1/32", "asn": 65101, "vtepIP": "172.30.12.0/32"}
    (link,) = fabric["fabric"]["links"]
    link["spine"]["ip"], link["leaf"]["ip"] = "172.30.128.0/31", "172.30.128.1/31"
    (link,) = uplink["gateway"]["links"]
    link["switch"]["ip"], link["gateway"]["ip"] = "172.30.128.2/31", "172.30.128.3/31"
    gateway |= {"asn": 65534, "protocolIP": "172.30.8.2/32", "vtepIP": "172.30.12.1/32"}
    gateway |= {"vtepMAC": "CA:FE:BA:BE:01:01", "vtepMTU": 9036}
    gateway["interfaces"]["enp2s1"] |= {"ips": ["172.30.128.3/31"], "mtu": 9100}
    gateway["neighbors"] = [{"source": "enp2s1", "ip": "172.30.128.2", "asn": 65100}]
    answer = {"status_before": "none", "status_after": "full", "stage": None, "hydrated": hydrated, "error": None}
    return {"id": "own", "source": "own", "mode": mode, "fab": fab, "wiring": wiring, **answer, **changes}


def after(record):
    """The same once more, with what was hydrated as its input."""
    by_name = {(one["kind"], one["metadata"]["name"]): one for one in record["hydrated"]}
    replaced = {
        part: [by_name.get((one["kind"], one["metadata"]["name"]), one) for one in record[part]]
        for part in ("fab", "wiring")
    }
    return json.loads(json.dumps({**record, **replaced, "status_before": "full"}))


def replayed(tmp_path, *records):
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return replay(path)


def refused(**changes):
    return a_record(status_after=None, hydrated=None, **changes)


def test_runs_worked_out_by_hand_are_equal(tmp_path):
    """Modes, statuses and stages."""
    full = after(a_record())
    part = copy.deepcopy(a_record())
    part["wiring"][2]["spec"]["asn"] = 65100
    tally = replayed(
        tmp_path,
        a_record(),
        full,
        {**full, "mode": "never"},
        {**part, "status_before": "partial", "status_after": None, "stage": "hydrate", "hydrated": None},
        refused(mode="never", stage="hydrate"),
        refused(mode="auto", stage="hydrate"),
        refused(fab=make_fab(config={"fabric": {"mode": "x"}}), status_before=None, stage="load"),
    )
    assert (tally.equal.total(), tally.different) == (7, []), report(tally, show=9)


def test_upstreams_own_faults_are_told_apart(tmp_path):
    """Neighbors that it doubles, and nodes that it compares with the addresses they had."""
    doubled = after(a_record("override"))
    gateway = next(one for one in doubled["hydrated"] if one["kind"] == "Gateway")
    gateway["spec"]["neighbors"] *= 2
    nodes = {**doubled, "stage": "validate", "step": "fab-node", "error": "dummy IP 172.30.90.2/31 already in use"}
    tally = replayed(tmp_path, doubled, nodes)
    assert (tally.known["own"], tally.different) == (2, []), report(tally, show=9)
    assert set(tally.faults) == set(FAULTS)


def test_any_other_difference_is_shown(tmp_path):
    """With the first object that differs."""
    wrong = a_record()
    wrong["hydrated"][2]["spec"]["asn"] = 65102
    tally = replayed(tmp_path, wrong, a_record(stage="validate"))
    assert len(tally.different) == 2
    assert "Switch/default/spine-01" in report(tally, show=9)


def test_every_recorded_run_is_ours(reference):
    """Status, verdict, stage and every value, but for upstream's faults."""
    tally = replay(reference / "hydration" / "cases.jsonl.gz")
    table = report(tally, show=20)
    sys.stdout.write(f"{table}\n")
    assert not tally.different, table
    assert tally.equal.total() > 800


def test_a_second_run_changes_nothing():
    """Also of `override`, which upstream lets add neighbors."""
    first = validate(make_fab(gateways=1), make_wiring(gateways=1), "override")
    fab = [make_fab(gateways=1)[0], *(one for one in first.hydrated if one["kind"] in ("ControlNode", "FabNode"))]
    names = {(one["kind"], one["metadata"]["name"]): one for one in first.hydrated}
    wiring = [names.get((one["kind"], one["metadata"]["name"]), one) for one in make_wiring(gateways=1)]
    assert validate(fab, wiring, "override").hydrated == first.hydrated
