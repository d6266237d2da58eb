"""Failures with the cluster: it is unreachable, others write to it, too much would be deleted."""

from __future__ import annotations

from devstack.objects import make_server, small_fabric
from devstack.stack import Stack
from hedgehog.fabric.model import ObjectRef
from tests.e2e.looks import live, run


def described(stack: Stack, server: ObjectRef) -> str:
    """The description of a server in the cluster."""
    found: str = live(stack, "Server")[server]["spec"]["description"]
    return found


def test_an_unreachable_api_server_is_retried_until_it_is_back(stack: Stack, name: str) -> None:
    """Git is synced meanwhile; nothing is deleted; when the server is back, the fabric arrives."""
    stack.add_fabric(name, small_fabric(name, 20))
    stack.wait_in_sync(name)
    stack.cluster.stop()
    try:
        stack.save(name, [make_server(f"{name}-srv", "while the cluster was unreachable")])
        stack.airflow.wait(lambda: stack.states(name)["git"].status == "in_sync", "Git to be in sync")
        state = stack.wait_status(name, "kubernetes", "error")
        assert state.error_class == "RemoteUnavailable", state
        assert state.due_at is not None
    finally:
        stack.cluster.start()
    result, _ = run(stack, "kubernetes", name)  # or a run of its own was quicker
    assert result == "success"
    stack.wait_in_sync(name)
    found = live(stack, "Server", "VPC")
    assert (
        found[ObjectRef("Server", "default", f"{name}-srv")]["spec"]["description"]
        == "while the cluster was unreachable"
    )
    assert ObjectRef("VPC", "default", f"{name}-v") in found


def test_a_large_prune_waits_for_a_person(stack: Stack, name: str) -> None:
    """Emptying a fabric by mistake deletes nothing until a run allows it."""
    stack.add_fabric(name, [make_server(f"{name}-s{i}") for i in range(15)])
    stack.wait_in_sync(name)
    stack.save(name, [make_server(f"{name}-s0")], replace=True)

    state = stack.wait_status(name, "kubernetes", "out_of_sync")
    stack.airflow.wait(lambda: "14" in stack.states(name)["kubernetes"].reason, "the reason to be told")
    mine = {ref for ref in live(stack, "Server") if ref.name.startswith(f"{name}-s")}
    assert len(mine) == 15, state

    result, outcomes = run(stack, "kubernetes", name, allow_large_prune=True)
    assert result == "success"
    assert outcomes[name]["counts"]["deleted"] == 14
    assert {ref.name for ref in live(stack, "Server") if ref.name.startswith(f"{name}-s")} == {f"{name}-s0"}


def test_a_field_of_another_manager_is_reported_with_its_owner(stack: Stack, name: str) -> None:
    """Nothing of the object is overwritten; the other objects of the fabric are written; policy force takes the
    field over."""
    stack.add_fabric(name, [make_server(f"{name}-a"), make_server(f"{name}-b")])
    stack.wait_in_sync(name)
    stack.cluster.apply_as("somebody-else", make_server(f"{name}-a", "set by somebody else"))
    stack.save(name, [make_server(f"{name}-a", "set by us"), make_server(f"{name}-b", "set by us")])

    stack.airflow.wait(lambda: "somebody-else" in stack.states(name)["kubernetes"].reason, "the conflict to be told")
    ours, theirs = ObjectRef("Server", "default", f"{name}-b"), ObjectRef("Server", "default", f"{name}-a")
    # The watch may have had the conflict told before the change was published.
    stack.airflow.wait(lambda: described(stack, ours) == "set by us", "the other object to be written")
    assert described(stack, theirs) == "set by somebody else"
    stack.wait_status(name, "kubernetes", "out_of_sync")

    stack.add_fabric(name, conflict_policy="force")
    stack.wait_in_sync(name)
    assert described(stack, theirs) == "set by us"


def test_the_fabric_resource_shows_the_result_of_the_sync(stack: Stack, name: str) -> None:
    """Its spec equals the row, and 0 stays 0; its status has phase, generation, revision and counts."""
    stack.add_fabric(name, [make_server(f"{name}-s")], asn=4200000000, spine_count=0, leaf_count=3)
    stack.wait_in_sync(name)

    resource = live(stack, "Fabric")[ObjectRef("Fabric", "hedgehog-system", name)]
    assert resource["spec"]["asn"] == 4200000000
    assert (resource["spec"]["spine_count"], resource["spec"]["leaf_count"]) == (0, 3)
    assert resource["status"]["phase"] == "Synced"
    assert resource["status"]["revision"] == stack.states(name)["kubernetes"].revision


def test_a_dry_run_says_what_it_would_do_and_does_nothing(stack: Stack, name: str) -> None:
    """Neither the cluster nor the recorded state changes."""
    stack.add_fabric(name, [make_server(f"{name}-s")], git_sync_enabled=False)
    stack.wait_in_sync(name)
    before = stack.states(name)["kubernetes"]
    _, outcomes = run(stack, "kubernetes", name, dry_run=True, force=True)
    assert outcomes[name]["dry_run"] is True
    after = stack.states(name)["kubernetes"]
    assert (after.observed_generation, after.last_change_at) == (before.observed_generation, before.last_change_at)
