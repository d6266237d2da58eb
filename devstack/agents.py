"""Simulates the switches and gateways of a cluster without hardware: each reports, as an Agent, that it applied its generation.

Upstream's controller makes an Agent for every Switch, and the switch itself reports every 15 s. Here one thread does both.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from devstack.cluster import DevCluster
from hedgehog.errors import HedgehogError
from hedgehog.fabric.agents import OWNER
from hedgehog.fabric.kinds import KINDS, Kind
from hedgehog.kube.client import Cluster
from hedgehog.kube.health import AGENT, GATEWAY_AGENT
from hedgehog.kube.live import list_live
from hedgehog.kube.resources import collection_path

EVERY = 15.0
"""Seconds between two reports."""
_COPIED = ("role", "description")
"""What an Agent has of its switch: a change of it is a new generation, which the switch must apply."""


class Agents:
    """Simulates them for the duration of a `with` block, in which `stuck` has the names of those that apply nothing new."""

    def __init__(self, cluster: DevCluster, *, every: float = EVERY, stuck: Iterable[str] = ()) -> None:
        self._cluster = cluster
        self._every = every
        self.stuck = set(stuck)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agents", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        cluster = self._cluster.connect()
        try:
            while not self._end.is_set():
                try:
                    report(cluster, stuck=frozenset(self.stuck))
                except HedgehogError as error:  # the API server is busy or ends; the next report is in a moment
                    print(f"the switches could not report: {error}", flush=True)
                self._end.wait(self._every)
        finally:
            cluster.close()


def report(cluster: Cluster, *, stuck: Collection[str] = ()) -> None:
    """One report of every existing switch and gateway; the Agents of deleted ones are deleted."""
    for agent in (AGENT, GATEWAY_AGENT):
        kind = KINDS[OWNER[agent.kind]]
        owners, agents = _names(cluster, kind), _names(cluster, agent)
        if owners is None or agents is None:
            continue
        for name in sorted(owners.keys() | agents.keys()):
            if name in owners:
                _say(cluster, agent, name, owners[name], known=agents.get(name), is_stuck=name in stuck)
            else:
                cluster.call("DELETE", "DELETE", _path(agent, name), subject=name)


def _names(cluster: Cluster, kind: Kind) -> dict[str, Any] | None:
    """The objects of *kind* by name; None when it cannot be listed."""
    live = list_live(cluster, [(kind, kind.default_namespace)])
    return None if live.failed else {ref.name: item for ref, item in live.objects.items()}


def _say(cluster: Cluster, agent: Kind, name: str, owner: Any, *, known: Any, is_stuck: bool) -> None:
    body: dict[str, Any] = {
        "apiVersion": agent.api_version,
        "kind": agent.kind,
        "metadata": {"name": name, "namespace": agent.default_namespace},
    }
    spec = {key: owner["spec"][key] for key in _COPIED if key in owner["spec"]} if agent is AGENT else {}
    if known is None or any(known.get("spec", {}).get(key) != value for key, value in spec.items()):
        known = _apply(cluster, _path(agent, name), name, body | {"spec": spec})
    applied = known.get("status", {}).get("lastAppliedGen", 0)
    generation = applied if is_stuck else known["metadata"]["generation"]
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    status = {**known.get("status", {}), "lastHeartbeat": now, "lastAppliedGen": generation}
    if agent is GATEWAY_AGENT:
        status["state"] = {**status.get("state", {}), "frr": {"lastAppliedGen": generation}}
    status.setdefault("lastAppliedTime", now)
    _apply(cluster, f"{_path(agent, name)}/status", name, body | {"status": status})


def _apply(cluster: Cluster, path: str, name: str, body: dict[str, Any]) -> Any:
    options: dict[str, Any] = {"query": {"fieldManager": "agent", "force": "true"}, "subject": name}
    return cluster.call(
        "PATCH", "PATCH", path, body=body, content_type="application/apply-patch+yaml", **options
    ).json()


def _path(kind: Kind, name: str) -> str:
    return f"{collection_path(kind, kind.default_namespace)}/{name}"
