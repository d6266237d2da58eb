"""GitHub announces pull requests and pushes: signed deliveries are processed, others are refused and counted."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml

from devstack.github import Pull
from hedgehog.airflow.web.webhook import BODY_LIMIT
from tests.e2e.github_lab import GitHubLab, make_vpc, sign
from tests.services.pull_requests.validate_lab import FILES

NAMESPACES = FILES["fabrics/lab/namespaces.yaml"]


@pytest.fixture
def fabric(github: GitHubLab, name: str) -> str:
    """A fabric of two namespaces and a VPC, in its own repository, with an app as credential."""
    add_fabric(github, name, "e2e_github_app")
    return name


def add_fabric(github: GitHubLab, name: str, by: str) -> None:
    """A fabric in a repository of its own; nothing of it is synced, for only its pull requests are of interest."""
    vpc = yaml.safe_dump(make_vpc("vpc-1", "10.0.1.0/24", 1001))
    files = {f"fabrics/{name}/namespaces.yaml": NAMESPACES, f"fabrics/{name}/vpc-1.yaml": vpc, "README.md": "# net\n"}
    github.add_repository(name, files, by=by)
    github.stack.add_fabric(name, git_repository=name, git_sync_enabled=False, enable_k8s_sync=False)


def propose(github: GitHubLab, name: str, files: dict[str, str | None], **options: Any) -> Pull:
    """A pull request with one commit that writes (None: removes) files of the fabric."""
    source = options.get("fork") or f"acme/{name}"
    change(github, name, files, repository=source)
    return github.hub.open_pull(f"acme/{name}", "change", **options)


def change(github: GitHubLab, name: str, files: dict[str, str | None], *, repository: str) -> None:
    """One more commit on the branch `change`."""
    person = github.person(repository, "change")
    person.commit({f"fabrics/{name}/{path}": text for path, text in files.items()})


def broken_vpcs() -> str:
    """Two VPCs with a fault each, on lines 7 and 16 …"""
    return """\
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {name: vpc-2}
spec:
  subnets:
    default:
      vlan: 1
      subnet: 10.0.2.0/24
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {name: vpc-3}
spec:
  subnets:
    default:
      subnet: 10.0.1.0/24
      vlan: 1003
"""


def test_the_report_of_the_app_on_a_pull_request_follows_its_pushes(github: GitHubLab, fabric: str) -> None:
    """A check with an annotation on each faulty line, one comment that each push updates, and success once all is
    right."""
    pull = propose(github, fabric, {"new.yaml": broken_vpcs()})
    place = f"fabrics/{fabric}/new.yaml"

    github.check(pull, "opened")
    check = github.hub.checks[-1]
    assert (check["name"], check["conclusion"]) == ("Hedgehog fabrics", "failure")
    notes = [(one["path"], one["start_line"]) for one in check["annotations"]]
    assert notes == [(place, 7), (place, 16)]
    (comment,) = pull.comments
    assert f"`{place}:7`" in comment["body"]
    assert f"`{place}:16`" in comment["body"]
    written = comment["id"], comment["body"]

    change(github, fabric, {"new.yaml": broken_vpcs().replace("vlan: 1\n", "vlan: 1002\n")}, repository=pull.repository)
    head = github.hub.synchronize(pull)
    github.check(pull, "synchronize")
    check = github.hub.checks[-1]
    assert (check["head_sha"], check["conclusion"], len(check["annotations"])) == (head, "failure", 1)
    (comment,) = pull.comments
    assert comment["id"] == written[0]
    assert f"`{place}:7`" not in comment["body"]
    assert f"`{place}:16`" in comment["body"]

    change(
        github, fabric, {"new.yaml": yaml.safe_dump(make_vpc("vpc-2", "10.0.2.0/24", 1002))}, repository=pull.repository
    )
    head = github.hub.synchronize(pull)
    github.check(pull, "synchronize")
    check = github.hub.checks[-1]
    assert (check["head_sha"], check["conclusion"], check["annotations"]) == (head, "success", [])
    (comment,) = pull.comments
    assert comment["id"] == written[0]
    assert "Merging would create 1 object." in comment["body"]
    assert github.hub.statuses == []


def test_with_a_token_the_report_is_a_status_and_comments_on_lines(github: GitHubLab, name: str) -> None:
    """A token may not write checks; a later push repeats no comment on a line, and updates the one below."""
    add_fabric(github, name, "e2e_github_token")
    pull = propose(github, name, {"new.yaml": broken_vpcs()})
    place = f"fabrics/{name}/new.yaml"
    checks = len(github.hub.checks)

    github.check(pull, "opened")
    status = github.hub.statuses[-1]
    assert (status["state"], status["context"]) == ("failure", "Hedgehog fabrics")
    assert [(one["path"], one["line"]) for one in pull.review_comments] == [(place, 7), (place, 16)]
    (comment,) = pull.comments
    assert f"`{place}:7`" in comment["body"]

    change(github, name, {"new.yaml": broken_vpcs().replace("vlan: 1\n", "vlan: 1002\n")}, repository=pull.repository)
    head = github.hub.synchronize(pull)
    github.check(pull, "synchronize")
    assert (github.hub.statuses[-1]["sha"], github.hub.statuses[-1]["state"]) == (head, "failure")
    assert len(pull.review_comments) == 2
    assert [one["id"] for one in pull.comments] == [comment["id"]]

    change(github, name, {"new.yaml": None}, repository=pull.repository)
    github.hub.synchronize(pull)
    github.check(pull, "synchronize")
    assert github.hub.statuses[-1]["state"] == "success"
    assert len(github.hub.checks) == checks


def test_a_pull_request_from_a_fork_is_checked_like_any_other(github: GitHubLab, fabric: str) -> None:
    """Its commits are only in the fork; the check is on its head in the repository that it wants to change."""
    fork = github.hub.fork(f"acme/{fabric}", f"ada/{fabric}")
    pull = propose(github, fabric, {"new.yaml": broken_vpcs()}, fork=fork)

    github.check(pull, "opened")

    check = github.hub.checks[-1]
    assert (check["repository"], check["conclusion"]) == (f"acme/{fabric}", "failure")
    assert [one["start_line"] for one in check["annotations"]] == [7, 16]


def test_deleted_files_are_checked_by_what_still_refers_to_them(github: GitHubLab, fabric: str) -> None:
    """The namespaces may not be removed while a VPC is in them, but together with it. A removed file has no line to
    annotate."""
    # Something stays: of a directory that is gone nobody knows whether its objects are meant to go.
    pull = propose(github, fabric, {"namespaces.yaml": None, "README.md": "# namespaces are elsewhere\n"})
    github.check(pull, "opened")
    check = github.hub.checks[-1]
    assert (check["conclusion"], check["annotations"]) == ("failure", [])
    body = pull.comments[0]["body"]
    assert "Merging would delete 2 objects." in body
    refused = [line for line in body.splitlines() if line.startswith("| ❌ | deleted |")]
    assert [line.split("|")[3].strip() for line in refused] == [
        "`IPv4Namespace/default/default`",
        "`VLANNamespace/default/default`",
    ], body

    change(github, fabric, {"vpc-1.yaml": None}, repository=pull.repository)
    github.hub.synchronize(pull)
    github.check(pull, "synchronize")
    assert github.hub.checks[-1]["conclusion"] == "success"
    assert "Merging would delete 3 objects." in pull.comments[0]["body"]


def test_unsigned_deliveries_are_refused_and_counted(github: GitHubLab, fabric: str) -> None:
    """Unsigned, signed with another secret, changed on the way, too large, delivered twice; a stranger cannot read
    the counts."""
    pull = propose(github, fabric, {"new.yaml": broken_vpcs()})
    body = json.dumps(github.told_of(pull, "opened")).encode()
    signed = {"X-Hub-Signature-256": sign(body), "X-GitHub-Delivery": f"{fabric}-delivery"}
    before = github.refusals()

    assert github.send("pull_request", body, {})[0] == 401
    assert github.send("pull_request", body, {"X-Hub-Signature-256": sign(body, "another secret")})[0] == 401
    assert github.send("pull_request", body + b" ", signed)[0] == 401
    assert github.announce(BODY_LIMIT + 1) == 413
    assert github.query("SELECT 1 FROM hedgehog.inbox WHERE repository = %s", f"acme/{fabric}") == []
    assert github.send("pull_request", body, signed)[0] == 202
    assert github.send("pull_request", body, signed) == (
        200,
        {"status": "duplicate", "reason": "this delivery is known already"},
    )
    assert github.send("pull_request", body, {**signed, "X-GitHub-Delivery": f"{fabric}-again"})[0] == 200

    expected = {"unsigned": 1, "bad signature": 2, "too large": 1, "replayed": 2}
    github.stack.airflow.wait(lambda: growth(before, github.refusals()) == expected, f"the counts {expected}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{github.stack.airflow.url}/hedgehog/api/inbox", timeout=120)
    assert refused.value.code == 401
    refused.value.close()
    assert github.worked_on(f"{fabric}-delivery")[0] == "done"
    assert len(pull.comments) == 1


def growth(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """By how much counters grew."""
    return {reason: count - before.get(reason, 0) for reason, count in after.items() if count != before.get(reason, 0)}
