"""On a real Gitea: a push reaches the cluster by its webhook; pull requests of people and of ours are checked and merged."""

from __future__ import annotations

from typing import Any

import yaml

from devstack.cluster import DevCluster
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind
from hedgehog.fabric.proposals import Proposal, ProposalStatus
from hedgehog.kube.live import list_live
from hedgehog.store import fabrics, problems, proposals, sync_state
from tests.e2e.gitea_lab import GiteaStack
from tests.e2e.github_lab import make_vpc
from tests.gitops.keys import ssh_key
from tests.services.pull_requests.validate_lab import FILES


def namespaces(name: str) -> str:
    """The namespaces of a fabric: objects of all fabrics share one cluster."""
    return FILES["fabrics/lab/namespaces.yaml"].replace("{name: default,", f"{{name: {name},")


def vpc(name: str, number: int, *, vlan: int | None = None) -> str:
    """A file with VPC `<name>-<number>`."""
    made = make_vpc(f"{name}-{number}", f"10.0.{number}.0/24", 1000 + number if vlan is None else vlan)
    made["spec"] |= {"ipv4Namespace": name, "vlanNamespace": name}
    return yaml.safe_dump(made)


def vpcs(cluster: DevCluster, name: str) -> list[str]:
    """The names of the VPCs of a fabric in the cluster."""
    client = cluster.connect()
    try:
        found = list_live(client, [(KINDS["VPC"], "default")])
    finally:
        client.close()
    assert not found.failed, found.failed
    return sorted(ref.name for ref in found.objects if ref.name.startswith(f"{name}-"))


def wait_for(host: GiteaStack, name: str, commit: str) -> None:
    """Wait until Git and the cluster are in sync at a commit."""
    wanted = [("in_sync", f"main@sha1:{commit}")] * 2

    def reached() -> bool:
        states = sync_state.states(host.stack.database, [name])
        return [(str(one.status), one.revision) for one in states] == wanted

    host.stack.airflow.wait(reached, f"{name} to be in sync at {commit[:8]}")


def test_a_push_and_a_pull_request_reach_the_cluster_through_gitea(gitea_stack: GiteaStack, name: str) -> None:
    """Announced by signed webhooks; status and comment follow the pushes, and the merge arrives like a push."""
    host = gitea_stack
    start = {f"fabrics/{name}/namespaces.yaml": namespaces(name), f"fabrics/{name}/vpc-1.yaml": vpc(name, 1)}
    ada = host.add_repository(name, start)
    host.stack.add_fabric(name, git_repository=name, source_of_truth="git")

    head = ada.commit({f"fabrics/{name}/vpc-2.yaml": vpc(name, 2)}, "Add a VPC")
    assert host.worked_on(name, event="push", after=head) == f"read main@sha1:{head}"
    wait_for(host, name, head)
    assert vpcs(host.stack.cluster, name) == [f"{name}-1", f"{name}-2"]

    change = host.person(name, "change")
    wrong = change.commit({f"fabrics/{name}/vpc-3.yaml": vpc(name, 3, vlan=1)}, "Add a faulty VPC")
    opened = host.call("POST", name, "/pulls", {"title": "One more", "head": "change", "base": "main"}, by="ada")
    host.worked_on(name, event="pull_request", head=wrong)
    state, reason = host.status(name, wrong)
    assert (state, reason.startswith("1 problem in 1 fabric")) == ("failure", True), reason
    (comment,) = comments(host, name, opened["number"])
    assert comment["user"]["login"] == "robot"
    assert f"`fabrics/{name}/vpc-3.yaml:" in comment["body"]
    (line,) = line_comments(host, name, opened["number"])
    assert (line["path"], line["user"]["login"]) == (f"fabrics/{name}/vpc-3.yaml", "robot")

    right = change.commit({f"fabrics/{name}/vpc-3.yaml": vpc(name, 3)}, "Correct it")
    host.worked_on(name, event="pull_request", head=right)
    assert host.status(name, right) == ("success", "1 fabric checked, no problems")
    (updated,) = comments(host, name, opened["number"])
    assert updated["id"] == comment["id"]
    assert "Merging would create 1 object." in updated["body"]

    host.call("POST", name, f"/pulls/{opened['number']}/merge", {"Do": "merge"}, by="ada")
    merged = host.call("GET", name, "/branches/main", by="ada")["commit"]["id"]
    wait_for(host, name, merged)
    assert vpcs(host.stack.cluster, name) == [f"{name}-1", f"{name}-2", f"{name}-3"]


def test_an_approving_review_is_the_approval(gitea_stack: GiteaStack, name: str) -> None:
    """What bob approved and merged reaches the cluster in his name; what nobody reviewed waits."""
    host = gitea_stack
    start = {f"fabrics/{name}/namespaces.yaml": namespaces(name), f"fabrics/{name}/vpc-1.yaml": vpc(name, 1)}
    ada = host.add_repository(name, start)
    host.gitea.user("bob")
    host.call("PUT", name, "/collaborators/bob", {"permission": "write"})
    host.stack.add_fabric(name, git_repository=name, source_of_truth="git")
    host.stack.airflow.wait(lambda: vpcs(host.stack.cluster, name) == [f"{name}-1"], "the first VPC to be applied")
    host.stack.hedgehog("approval", "require", name, "--select", f"fabric={name}")

    change = host.person(name, "change")
    head = change.commit({f"fabrics/{name}/vpc-2.yaml": vpc(name, 2)}, "Add a VPC")
    opened = host.call("POST", name, "/pulls", {"title": "One more", "head": "change", "base": "main"}, by="ada")
    host.worked_on(name, event="pull_request", head=head)
    host.call("POST", name, f"/pulls/{opened['number']}/reviews", {"event": "APPROVED", "body": "fine"}, by="bob")
    host.call("POST", name, f"/pulls/{opened['number']}/merge", {"Do": "merge"}, by="bob")
    merged = host.call("GET", name, "/branches/main", by="ada")["commit"]["id"]
    wait_for(host, name, merged)
    assert vpcs(host.stack.cluster, name) == [f"{name}-1", f"{name}-2"]
    (done,) = proposals.list_proposals(host.stack.database, list(ProposalStatus), fabric=name)
    assert (done.status, done.decided_by, done.pull_request) == (ProposalStatus.APPLIED, "bob", opened["html_url"])

    ada.commit({f"fabrics/{name}/vpc-3.yaml": vpc(name, 3)}, "Add one that nobody saw")
    found: list[Proposal] = []

    def waits() -> bool:
        found[:] = proposals.list_proposals(host.stack.database, [ProposalStatus.WAITING], fabric=name)
        return bool(found and found[0].review)

    host.stack.airflow.wait(waits, "the push to wait for approval")
    assert "came to main without a pull request" in found[0].review
    assert vpcs(host.stack.cluster, name) == [f"{name}-1", f"{name}-2"]


def test_a_change_reaches_the_cluster_through_a_pull_request_of_ours(gitea_stack: GiteaStack, name: str) -> None:
    """To a protected branch: an edit by a person holds it, a merge publishes it, and a rejection holds the next one."""
    host = gitea_stack
    host.add_repository(name, {"README.md": "# net\n"})
    host.call("POST", name, "/branch_protections", {"rule_name": "main", "enable_push": False})
    objects = [*yaml.safe_load_all(namespaces(name)), yaml.safe_load(vpc(name, 1))]
    host.stack.add_fabric(name, objects, git_repository=name)
    host.stack.airflow.wait(
        lambda: f"with push: pull_request, the GitRepository {name} gets" in git_state(host, name).reason,
        "the protected branch to be recognized",
    )

    fabrics.save_repository(
        host.stack.database, name, {"push": "pull_request", "pull_requests": {"reviewers": ["ada"]}}
    )
    objects.append(yaml.safe_load(vpc(name, 2)))
    host.stack.save(name, objects)
    asked = "the merge of "
    host.stack.airflow.wait(lambda: git_state(host, name).waits_for.startswith(asked), "the change to wait for a merge")
    opened = open_pull(host, name, f"{name}-2")
    assert (opened["head"]["ref"], opened["user"]["login"]) == (f"hedgehog/{name}", "robot")
    assert [one["login"] for one in opened["requested_reviewers"]] == ["ada"]
    assert git_state(host, name).waits_for == asked + opened["html_url"]

    ada = host.person(name, f"hedgehog/{name}")
    ada.pull()
    edit = ada.commit({f"fabrics/{name}/vpcs/{name}-1.yaml": vpc(name, 1, vlan=1500)}, "Choose another VLAN")
    objects.append(yaml.safe_load(vpc(name, 3)))
    host.stack.save(name, objects)
    host.stack.airflow.wait(lambda: edit[:12] in problem(host, name), "the edit on our branch to hold the change")
    ada.git("push", "--quiet", "--force", "origin", f"HEAD~1:hedgehog/{name}")
    host.stack.hedgehog("sync", "git", name)
    opened = open_pull(host, name, f"{name}-3")
    assert (problem(host, name), vpcs(host.stack.cluster, name)) == ("", [])

    host.stack.airflow.wait(
        lambda: host.call("GET", name, f"/pulls/{opened['number']}")["mergeable"], "Gitea to find that it can be merged"
    )
    host.call("POST", name, f"/pulls/{opened['number']}/merge", {"Do": "squash"}, by="ada")
    merged = host.call("GET", name, "/branches/main", by="ada")["commit"]["id"]
    wait_for(host, name, merged)
    assert vpcs(host.stack.cluster, name) == [f"{name}-1", f"{name}-2", f"{name}-3"]

    host.stack.save(name, [yaml.safe_load(vpc(name, 4))])
    rejected = open_pull(host, name, f"{name}-4")
    host.call("PATCH", name, f"/pulls/{rejected['number']}", {"state": "closed"}, by="ada")
    host.stack.airflow.wait(
        lambda: problem(host, name) == f"{rejected['html_url']} was closed without merging by ada",
        "the rejection to hold the change",
    )
    assert f"{name}-4" not in vpcs(host.stack.cluster, name)


def git_state(host: GiteaStack, name: str) -> sync_state.SyncState:
    """The fabric's state at Git."""
    return next(one for one in sync_state.states(host.stack.database, [name]) if one.target is Target.GIT)


def open_pull(host: GiteaStack, name: str, text: str) -> dict[str, Any]:
    """Wait for the one open pull request of the repository to say *text*, and return it."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = host.call("GET", name, "/pulls?state=open")
        return len(found) == 1 and text in found[0]["title"] + found[0]["body"]

    host.stack.airflow.wait(look, f"a pull request that says {text}")
    return found[0]


def problem(host: GiteaStack, name: str) -> str:
    """The open problem of the fabric's pull request; empty for none."""
    found = problems.open_problems(host.stack.database, [name])
    return next((one.cause for one in found if one.kind is ProblemKind.PULL_REQUEST), "")


def comments(host: GiteaStack, name: str, number: int) -> list[dict[str, Any]]:
    """The comments on a pull request."""
    found: list[dict[str, Any]] = host.call("GET", name, f"/issues/{number}/comments")
    return found


def line_comments(host: GiteaStack, name: str, number: int) -> list[dict[str, Any]]:
    """The comments on lines of it."""
    path = f"/pulls/{number}/reviews"
    reviews = host.call("GET", name, path)
    return [one for review in reviews for one in host.call("GET", name, f"{path}/{review['id']}/comments")]


def test_signatures_are_demanded_and_made(gitea_stack: GiteaStack, name: str) -> None:
    """With `verify: require`, an unsigned push changes nothing and a signed one is taken in; Gitea verifies our commits."""
    host, key, ours = gitea_stack, ssh_key("ada@example.com"), f"{name}-ours"
    ada = host.add_repository(name, {"README.md": "# net\n"})
    host.sign_with(name, ssh_key("robot@example.com"))
    fabrics.save_repository(host.stack.database, name, {"verify": "require", "allowed_signers": key.allowed})
    key.sign_with(ada)
    good = ada.commit({f"fabrics/{name}/namespaces.yaml": namespaces(name), f"fabrics/{name}/vpc-1.yaml": vpc(name, 1)})
    host.stack.add_fabric(name, git_repository=name, source_of_truth="git")
    wait_for(host, name, good)

    ada.git("config", "commit.gpgSign", "false")
    bad = ada.commit({f"fabrics/{name}/vpc-2.yaml": vpc(name, 2)}, "Add a VPC")
    reason = f"commit {bad[:12]} is not signed, and {name} has verify: require"
    host.stack.airflow.wait(lambda: reason in git_state(host, name).reason, "the unsigned push to be refused")
    assert git_state(host, name).revision == f"main@sha1:{good}"
    assert vpcs(host.stack.cluster, name) == [f"{name}-1"]

    ada.git("config", "commit.gpgSign", "true")
    signed = ada.commit({f"fabrics/{name}/vpc-3.yaml": vpc(name, 3)}, "Add another, signed")
    wait_for(host, name, signed)
    assert vpcs(host.stack.cluster, name) == [f"{name}-1", f"{name}-2", f"{name}-3"]

    host.stack.add_fabric(ours, [*yaml.safe_load_all(namespaces(ours))], git_repository=name)
    host.stack.wait_in_sync(ours)
    published = host.call("GET", name, "/branches/main")["commit"]["id"]
    assert published != signed
    assert host.verification(name, published) == (True, "robot@example.com")
    assert host.verification(name, bad) == (False, "")


def test_a_delivery_that_gitea_signs_with_another_secret_is_refused(gitea_stack: GiteaStack, name: str) -> None:
    """Gitea's own page shows the answer; nothing of it is kept."""
    host = gitea_stack
    host.add_repository(name, {"README.md": "# net\n"}, secret="another one")
    before = refused(host)

    host.person(name).commit({"README.md": "# networks\n"}, "Rename")

    host.stack.airflow.wait(lambda: refused(host) > before, "the refusal to be counted")
    with host.stack.database as connection, connection.cursor() as cursor:
        cursor.execute("SELECT status FROM hedgehog.inbox WHERE repository = %s AND event = 'push'", (f"acme/{name}",))
        assert cursor.fetchall() == []


def refused(host: GiteaStack) -> int:
    """Deliveries with a wrong signature until now."""
    with host.stack.database as connection, connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(count), 0) FROM hedgehog.webhook_refusal WHERE reason = 'bad signature'")
        return int((cursor.fetchone() or (0,))[0])
