"""Trouble on purpose, of every kind that the pages show: for `make demo TROUBLE=1`, and for the pictures of the pages.

The fabric `edge` has drift, a file that somebody edited in Git, an object that is refused, and two pull requests; the
cluster of the fabric `lost` refuses the login.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devstack.airflow import Airflow
from devstack.cluster import DevCluster
from devstack.git_server import GitServer, Person
from devstack.github import GitHub
from devstack.objects import make, make_server, make_vpc
from hedgehog.fabric.model import Manifest

FABRICS = ("edge", "lost")
FILE = "edge.yaml"
"""What is imported first, in the directory of the place."""
_REPOSITORY = "acme/edge"
_SECRET = "the secret of the webhook"
_SERVERS = 4


@dataclass(frozen=True)
class Place:
    """Where the trouble is made."""

    hedgehog: Callable[..., str]
    """Runs the `hedgehog` command with these arguments; its output."""
    airflow: Airflow
    cluster: DevCluster
    cluster_connection: str
    git: GitServer
    token: str
    """Of the user `hedgehog` of the Git host, and of its GitHub."""
    directory: Path
    """For files and working trees."""


def make_trouble(place: Place, hub: GitHub) -> None:
    """Make all of it, each once: a second call changes nothing but the connections."""
    _connect(place.airflow, "trouble_github", "github", host=hub.url, login="hedgehog", password=place.token)
    _connect(place.airflow, "trouble_cluster", "kubernetes", extra=_refused_login(place.cluster))
    _connect(place.airflow, "hedgehog_github_webhook", "generic", password=_SECRET)
    place.git.create(_REPOSITORY)
    if any(one["fabric"] == "edge" for one in _states(place)):
        return
    repository, edge, lost = _settings(place)
    _store(place, FILE, [repository, edge, *_objects()])
    _store(place, "lost.yaml", [lost])
    place.airflow.wait(lambda: _is_in_sync(place, "edge"), "edge to be in sync")
    _edit_in_git(place)
    place.cluster.apply_as("kubectl-edit", make_server("edge-srv-01", "moved to rack 7"))
    _store(place, "refused.yaml", [make_vpc("edge-cache", 41)], "--fabric", "edge", "--allow-invalid")
    for number, vlan in enumerate((1200, 1164), 1):
        _propose(place, hub, f"backup-{number}", vlan)
    waits = {("edge", "git"): "out_of_sync", ("edge", "kubernetes"): "out_of_sync", ("lost", "kubernetes"): "parked"}
    place.airflow.wait(lambda: waits.items() <= _statuses(place).items(), "the trouble to be noticed")


def _settings(place: Place) -> list[Manifest]:
    repository = {"url": place.git.url(_REPOSITORY), "branch": "main", "connection_id": "trouble_github"}
    shared = {"git_repository": "edge", "git_sync_enabled": True, "enable_k8s_sync": True, "drift_policy": "report"}
    clusters = {"edge": place.cluster_connection, "lost": "trouble_cluster"}
    described = {"edge": "A rack at the edge, with trouble of every kind", "lost": "Its cluster refuses the login"}
    return [
        _document("GitRepository", "edge", repository),
        *(
            _document(
                "Fabric",
                name,
                {
                    **shared,
                    "description": described[name],
                    "git_directory": f"fabrics/{name}",
                    "kubernetes_connection_id": cluster,
                },
            )
            for name, cluster in clusters.items()
        ),
    ]


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": "hedgehog-airflow/v1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def _objects() -> list[Manifest]:
    servers = [make_server(f"edge-srv-{number:02}", f"server {number}") for number in range(1, _SERVERS + 1)]
    return [make("SwitchGroup", "edge-group"), *servers, make_vpc("edge-web", 40), make_vpc("edge-db", 41)]


def _store(place: Place, name: str, documents: list[Manifest], *options: str) -> None:
    path = place.directory / name
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    place.hedgehog("fabric", "import", str(path), *options)


def _states(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(place.hedgehog("status", "--output", "json"))
    return found


def _statuses(place: Place) -> dict[tuple[str, str], str]:
    return {(one["fabric"], one["target"]): one["status"] for one in _states(place)}


def _is_in_sync(place: Place, fabric: str) -> bool:
    return {status for (name, _), status in _statuses(place).items() if name == fabric} == {"in_sync"}


def _person(place: Place, branch: str) -> Person:
    """Ada, with an empty working tree."""
    directory = place.directory / f"ada-{branch}"
    shutil.rmtree(directory, ignore_errors=True)
    url = place.git.url(_REPOSITORY).replace("http://", f"http://hedgehog:{place.token}@")
    return Person(directory, url, branch=branch)


def _edit_in_git(place: Place) -> None:
    ada = _person(place, "main")
    ada.pull()
    path = "fabrics/edge/servers/edge-srv-02.yaml"
    text = (ada.directory / path).read_text()
    ada.commit({path: text.replace("server 2", "server 2, borrowed by the lab")}, "Lend server 2 to the lab")


def _propose(place: Place, hub: GitHub, branch: str, vlan: int) -> None:
    """A pull request with another VPC, announced to the webhook as GitHub does it."""
    ada = _person(place, branch)
    ada.git("fetch", "--quiet", "origin", "main")
    ada.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    vpc = make_vpc(f"edge-{branch}", 42)
    vpc["spec"]["subnets"]["subnet-1"]["vlan"] = vlan
    head = ada.commit({f"fabrics/edge/vpcs/edge-{branch}.yaml": yaml.safe_dump(vpc, sort_keys=False)}, f"Add {branch}")
    pull = hub.open_pull(_REPOSITORY, branch, title=f"Add {branch}")
    base = hub.repositories.git(_REPOSITORY, "rev-parse", "refs/heads/main")
    ends = {"head": {"ref": branch, "sha": head}, "base": {"ref": "main", "sha": base}}
    repository = {"full_name": _REPOSITORY, "clone_url": place.git.url(_REPOSITORY)}
    told = {"action": "opened", "number": pull.number, "pull_request": ends, "repository": repository}
    _deliver(place.airflow, "pull_request", told | {"sender": {"login": "ada"}})


def _deliver(airflow: Airflow, event: str, payload: Mapping[str, Any]) -> None:
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    request = urllib.request.Request(f"{airflow.url}/hedgehog/webhooks/github", data=body, headers=headers)
    urllib.request.urlopen(request, timeout=120).close()


def _connect(airflow: Airflow, connection_id: str, conn_type: str, **values: Any) -> None:
    """Create or change an Airflow connection, as in the web UI."""
    entity = {"connection_id": connection_id, "conn_type": conn_type, **values}
    action = {"action": "create", "entities": [entity], "action_on_existence": "overwrite"}
    airflow.call("PATCH", "/connections", {"actions": [action]})


def _refused_login(cluster: DevCluster) -> str:
    """The extra of a connection to *cluster* with a token that it does not know."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for one in config["users"]:
        one["user"] = {"token": "one that was withdrawn"}
    return json.dumps({"kube_config": json.dumps(config)})
