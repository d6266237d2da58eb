"""A fault is said once, with the number of objects that follow from it."""

from __future__ import annotations

from devstack.objects import make_attachment, make_vpc
from devstack.unhydrated import make_wiring, text
from hedgehog.admission.files import check_files
from hedgehog.admission.followers import summarize_followers
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.settings import FabricSettings


def summarized(wiring):
    """The report on a wiring that is hydrated in memory."""
    files = {"wiring.yaml": text(wiring).encode()}
    return summarize_followers(check_files(files, FabricSettings(), mode=HydrationMode.IF_NOT_PRESENT))


def said(report):
    return [(entry.ref.name, remark.rule.id, remark.message) for entry, remark in report.remarks()]


def wiring_with_attachments(**size):
    connection = "server-0001--unbundled--leaf-01"
    return [*make_wiring(**size), make_vpc("vpc-1"), make_attachment("att-1", "vpc-1", connection)]


def test_a_wrong_switch_is_one_error():
    """Its connections and their attachments are counted there, and stay invalid."""
    wiring = wiring_with_attachments(leaves=2, servers=4)
    leaf = next(one for one in wiring if one["metadata"]["name"] == "leaf-01")
    leaf["spec"]["profile"] = "nope"
    report = summarized(wiring)
    assert said(report) == [
        ("leaf-01", "switch-profile-missing", "there is no SwitchProfile 'nope' (and 5 objects that refer to it)")
    ]
    invalid = {entry.ref.name: str(entry.because_of) for entry in report.entries if entry.because_of}
    assert set(invalid.values()) == {"Switch/default/leaf-01"}
    assert (report.valid, report.summary()["invalid"], report.summary()["errors"]) == (False, 6, 1)


def test_a_missing_switch_is_one_error_at_the_first_object_that_refers_to_it():
    """Others that miss it, and what refers to those, are counted there."""
    wiring = wiring_with_attachments(leaves=2, servers=4)
    wiring = [one for one in wiring if (one["kind"], one["metadata"]["name"]) != ("Switch", "leaf-01")]
    report = summarized(wiring)
    assert said(report) == [
        (
            "spine-01--fabric--leaf-01",
            "connection-switch-missing",
            "there is no Switch leaf-01 (and 4 objects that refer to it)",
        )
    ]
    assert report.summary()["invalid"] == 5


def test_faults_of_their_own_are_still_said():
    """Also of an object that refers to a refused one."""
    wiring = wiring_with_attachments(leaves=2, servers=2)
    wiring[2]["spec"]["profile"] = "nope"
    wiring[3]["spec"]["profile"] = "nada"
    assert [name for name, *_ in said(summarized(wiring))] == ["spine-01", "spine-02"]


def test_a_report_without_faults_stays_as_it_is():
    """Nothing is counted."""
    assert said(summarized(make_wiring(servers=1))) == []
