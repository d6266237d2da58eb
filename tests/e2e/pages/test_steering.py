"""Fabrics are suspended, resumed, synced and tried out, parked work is taken up again, and texts are checked."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import expect

from devstack.objects import make_server
from devstack.stack import Stack, kubernetes_connection
from tests.e2e.looks import live
from tests.e2e.pages.window import Window

REFUSED = {"apiVersion": "v1", "kind": "Config", "current-context": "c"}


def connect(stack: Stack, connection_id: str, conn_type: str, **values: Any) -> None:
    """Create or change an Airflow connection, as in the web UI."""
    entity = {"connection_id": connection_id, "conn_type": conn_type, **values}
    action = {"action": "create", "entities": [entity], "action_on_existence": "overwrite"}
    stack.airflow.call("PATCH", "/connections", {"actions": [action]})


def test_suspended_fabrics_are_left_alone_until_they_are_resumed(window: Window, stack: Stack, name: str) -> None:
    """Two at once, from the fleet, with a reason; what changes meanwhile waits and arrives afterwards."""
    names = [f"{name}-x", f"{name}-y"]
    for one in names:
        stack.add_fabric(one, [make_server(f"{one}-s")], enable_k8s_sync=False, resync_seconds=86400)
    stack.wait_in_sync(*names)
    window.open(f"?search={name}-")
    expect(window.page.get_by_role("row")).to_have_count(3)
    window.page.get_by_label("Select all 2 loaded rows").click(force=True)
    window.sees("2 fabrics selected")
    window.button("Suspend").click()
    for one in names:
        window.sees(one, within=window.dialog())
    window.sees("Done", within=window.confirm("Suspend", reason="CHG-17"))
    window.close()
    expect(window.button("Suspended 2")).to_be_visible()

    stack.save(names[0], [make_server(f"{names[0]}-t")])
    window.fabric(names[0])
    window.sees("Suspended until it is resumed: CHG-17")
    expect(window.step("Git")).to_contain_text("Generation 2 of 3")
    window.button("Resume").click()
    window.sees("Done", within=window.confirm("Resume"))
    window.close()
    expect(window.step("Git")).to_contain_text("Generation 3")
    expect(window.step("Git")).to_contain_text("In sync")


def test_a_dry_run_says_what_the_next_sync_would_do_at_both_places(window: Window, stack: Stack, name: str) -> None:
    """While the fabric is suspended nothing else writes; and the dry run does not."""
    stack.add_fabric(name, [make_server(f"{name}-a")], resync_seconds=86400)
    stack.wait_in_sync(name)
    window.fabric(name, "plan")
    window.button("Suspend").click()
    window.confirm("Suspend", reason="a look before")
    window.close()
    stack.save(name, [make_server(f"{name}-b")])
    to_git = window.page.get_by_role("region", name="To Git")
    window.button("Dry run", within=to_git).click()
    window.sees("Started", within=window.confirm("Dry run"))
    window.close()
    expect(to_git).to_contain_text("1 created")
    expect(to_git).to_contain_text(f"Server/default/{name}-b")
    concerned = window.page.get_by_role("region", name="In the network").locator(".marked [data-node]")
    expect(concerned).to_have_attribute("data-node", f"Server/{name}-b")
    assert stack.states(name)["git"].observed_generation < 3


def test_fabrics_are_applied_and_read_again_on_demand(window: Window, stack: Stack, name: str) -> None:
    """Two to the cluster, from the fleet, with the plan before; and one of which Git is the source of truth."""
    names = [f"{name}-x", f"{name}-y"]
    for one in names:
        stack.add_fabric(one, [make_server(f"{one}-s")], resync_seconds=86400)
    stack.add_fabric(f"{name}-g", source_of_truth="git", enable_k8s_sync=False, resync_seconds=86400)
    stack.wait_in_sync(*names)
    window.open(f"?search={name}-")
    for one in names:
        window.page.get_by_label(f"Select {one}").click(force=True)
    window.button("Sync to cluster").click()
    for one in names:
        expect(window.dialog()).to_contain_text(f"{one}: compares; the cluster already has generation 2")
    window.dialog().get_by_text("Compare everything, not only what changed").click()
    window.sees("for 2 fabrics", within=window.confirm("Sync to cluster"))
    window.close()
    window.fabric(f"{name}-g")
    window.button("Pull").click()
    window.confirm("Pull").get_by_role("link", name="The run of hedgehog_repository_changes").click()
    window.sees("hedgehog_repository_changes")


def test_parked_work_is_replayed_once_its_cause_is_gone_or_discarded(window: Window, stack: Stack, name: str) -> None:
    """The cluster refuses the login; the letter says so; with the right one, the replay brings the fabric there."""
    user = {"name": "u", "user": {"token": "wrong"}}
    config = json.loads(json.dumps(_kubeconfig(stack)))
    config["users"] = [user]
    config["contexts"][0]["context"]["user"] = "u"
    for one in (f"{name}-x", f"{name}-y"):
        connect(stack, f"{one}_cluster", "kubernetes", extra=json.dumps({"kube_config": json.dumps(config)}))
        stack.add_fabric(one, [make_server(f"{one}-s")], kubernetes_connection_id=f"{one}_cluster")
    for one in (f"{name}-x", f"{name}-y"):
        stack.wait_status(one, "kubernetes", "parked")

    window.open(f"/dead-letters?fabric={name}-x")
    window.page.get_by_role("row").filter(has_text=f"{name}-x").get_by_role("link").first.click()
    window.sees("AuthenticationFailed", within=window.dialog())
    window.button("Replay", within=window.dialog()).click()
    question = window.page.get_by_role("alertdialog")
    # At the last moment: the next scheduled sync would find the corrected connection, and take the letter back.
    right = json.loads(kubernetes_connection(stack.cluster.kubeconfig))
    connect(stack, f"{name}-x_cluster", "kubernetes", extra=json.dumps(right["extra"]))
    window.button("Replay", within=question).click()
    window.sees("Done", within=question)
    stack.wait_in_sync(f"{name}-x")

    window.open(f"/dead-letters?fabric={name}-y")
    window.page.get_by_role("row").filter(has_text=f"{name}-y").get_by_role("checkbox").click(force=True)
    window.button("Discard").click()
    window.sees("Done", within=window.confirm("Discard", reason="the rack is gone"))
    window.close()
    window.sees("No dead letter fits these filters")
    window.page.get_by_text("Replayed and discarded").click()
    expect(window.page.get_by_role("row").filter(has_text=f"{name}-y")).to_contain_text("Discarded")


def test_a_large_deletion_waits_until_somebody_presses_delete_them(window: Window, stack: Stack, name: str) -> None:
    """A fabric emptied but for one object: the cluster keeps all of them, until the button is pressed."""
    stack.add_fabric(name, [make_server(f"{name}-s{i}") for i in range(15)], resync_seconds=86400)
    stack.wait_in_sync(name)
    stack.save(name, [make_server(f"{name}-s0")], replace=True)
    stack.wait_status(name, "kubernetes", "out_of_sync")
    window.fabric(name, "problems")
    window.sees("Large prune")
    assert len(servers_in_cluster(stack, name)) == 15

    window.button("Delete them").click()
    window.sees("Started", within=window.confirm("Delete them"))
    window.close()
    stack.wait_in_sync(name)
    assert servers_in_cluster(stack, name) == [f"{name}-s0"]
    with stack.database as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.name FROM hedgehog.inventory i JOIN hedgehog.fabric f ON f.id = i.fabric_id "
            "WHERE f.name = %s AND i.kind = 'Server'",
            (name,),
        )
        assert cursor.fetchall() == [(f"{name}-s0",)]
    expect(window.button("Delete them")).to_have_count(0)


def servers_in_cluster(stack: Stack, name: str) -> list[str]:
    """The servers of a fabric in the cluster."""
    return sorted(ref.name for ref in live(stack, "Server") if ref.name.startswith(f"{name}-s"))


def _kubeconfig(stack: Stack) -> Any:
    import yaml

    return yaml.safe_load(stack.cluster.kubeconfig.read_text())


def test_a_text_is_judged_while_it_is_typed(window: Window, stack: Stack, name: str) -> None:
    """Key by key, on the server, beside the objects of a fabric; a line that is named is one click away."""
    stack.add_fabric(name, enable_k8s_sync=False, git_sync_enabled=False)
    window.open(f"/validate?fabric={name}")
    text = window.page.get_by_label("YAML to check")
    text.press_sequentially("apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: v}\nspec:\n")
    text.press_sequentially("  subnets: {default: {subnet: 10.0.0.0/24, vlan: none}}")
    window.sees("A cluster would refuse it")
    window.page.get_by_role("button", name="line 5").first.click()
    expect(text).to_be_focused()
    text.fill(text.input_value().replace("vlan: none", "vlan: 1001"))
    window.sees("A cluster would accept it")
