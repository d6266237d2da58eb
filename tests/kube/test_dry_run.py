"""What a cluster says to a dry run, and what it cannot say."""

from __future__ import annotations

import pytest

from devstack.admission_webhook import admission_webhook
from devstack.objects import make, make_vpc
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.kube.apply import apply_one
from hedgehog.kube.dry_run import dry_run
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import kind_of
from tests.kube.fake_server import serve, status


def test_what_a_cluster_would_take_is_in_no_list_and_nothing_is_written(api):
    """It has no Hedgehog webhooks here, and says so."""
    vpc = make_vpc("vpc-1")
    answers = dry_run(api, [vpc])
    assert (answers.refused, answers.unchecked) == ({}, {})
    assert answers.notes == (f"{api.name} has no admission webhooks of Hedgehog: only its schemas were asked",)
    assert list_live(api, {(kind_of(vpc), "default")}).objects == {}


def test_what_it_refuses_is_reported_in_its_words(api):
    """One object does not hide another."""
    wrong, right = make_vpc("vpc-1"), make_vpc("vpc-2")
    wrong["spec"]["colour"] = "blue"
    answers = dry_run(api, [wrong, right])
    ((ref, said),) = answers.refused.items()
    assert str(ref) == "VPC/default/vpc-1"
    assert "colour" in said


def test_an_object_whose_reference_is_new_cannot_be_asked_about(api):
    """A dry run of the attachment would be refused, whatever is right."""
    vpc = make_vpc("vpc-1")
    attachment = make("VPCAttachment", "a", {"subnet": "vpc-1/default", "connection": "c"})
    wanted = [attachment, vpc]
    assert dry_run(api, wanted).unchecked == {
        ObjectRef("VPCAttachment", "default", "a"): "refers to VPC/default/vpc-1, which is not in the cluster yet"
    }
    apply_one(api, vpc)
    assert dry_run(api, wanted).unchecked == {}


def test_a_refusal_that_may_be_due_to_another_change_is_not_a_refusal(api):
    """The cluster judges by the other object as it is now."""
    vpc = make_vpc("vpc-1")
    apply_one(api, vpc)
    changed = {**vpc, "spec": {**vpc["spec"], "mode": "l3vni"}}
    attachment = make("VPCAttachment", "a", {"subnet": "vpc-1/default", "connection": 5})
    answers = dry_run(api, [changed, attachment])
    assert answers.refused == {}
    (why,) = answers.unchecked.values()
    assert why.startswith("refers to VPC/default/vpc-1, which changes too; as that is now, the answer is: ")


def test_another_managers_fields_are_not_an_obstacle(api):
    """Values are asked about, not ownership."""
    vpc = make_vpc("vpc-1")
    apply_one(api, vpc)
    path = "/apis/vpc.githedgehog.com/v1beta1/namespaces/default/vpcs/vpc-1"
    patch = {"spec": {"mode": "l3vni"}}
    api.call("PATCH", "PATCH", path, subject="vpc", body=patch, content_type="application/merge-patch+json")
    assert dry_run(api, [{**vpc, "spec": {**vpc["spec"], "mode": ""}}]).refused == {}


def test_a_cluster_that_is_unreachable_is_an_error_not_an_answer():
    """Nobody may take silence for consent."""
    with serve(lambda _: status(503, "down")) as fake, pytest.raises(RemoteUnavailable):
        dry_run(fake.cluster, [make_vpc("vpc-1")])


def test_hedgehogs_own_admission_is_asked(cluster, api):
    """Where it is there, its words count."""
    with admission_webhook(cluster, FabricSettings()):
        answers = dry_run(api, [make_vpc("vpc-1")])
    (said,) = answers.refused.values()
    assert 'admission webhook "vvpc.kb.io" denied the request' in said
    assert answers.notes == ()
