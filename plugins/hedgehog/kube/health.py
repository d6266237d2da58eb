"""What is read from a cluster to judge its health: a dozen small requests, whatever the number of objects.

Of each answer only the fields that the rules need are kept. Agents may be a megabyte each: their list is read in small
pages, each reduced before the next is asked for, and never logged. Part by part: what may not or cannot be read is noted
and does not hide the rest; only a server that does not answer at all raises.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from hedgehog.errors import DefinitionMissing, HedgehogError, PermissionDenied, RemoteUnavailable
from hedgehog.fabric.agents import Agent
from hedgehog.fabric.health import Fabricator, Nodes
from hedgehog.fabric.kinds import FABRICATOR, Kind
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.rights import Right, uncovered
from hedgehog.kube.client import Cluster
from hedgehog.kube.definitions import fabric_definition
from hedgehog.kube.failures import failure
from hedgehog.kube.resources import collection_path, definition_name

AGENT = Kind("Agent", "agent.githedgehog.com", "v1beta1", "agents", 0)
GATEWAY_AGENT = Kind("GatewayAgent", "gwint.githedgehog.com", "v1alpha1", "gatewayagents", 0, "fab")
_FABRICATOR = Kind("Fabricator", FABRICATOR, "v1beta1", "fabricators", 0, "fab")
PAGE = 25
"""Agents a request: a page stays at some megabytes."""
DEADLINE = 30.0
"""Seconds after which no further request to one cluster is made."""
_REVIEWS = "/apis/authorization.k8s.io/v1"
_QUIET = frozenset({"Ready", "Skipped"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What one look at a cluster found. None: it may not be read, which is no fault of the cluster."""

    version: str
    nodes: Nodes | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    """Kind → why its objects cannot be kept there: the CRD is absent, or served in other versions."""
    denied: frozenset[Right] = frozenset()
    agents: Sequence[Agent] | None = None
    gateway_agents: Sequence[Agent] | None = None
    fabricators: Sequence[Fabricator] = ()
    resources: Mapping[str, Manifest] = field(default_factory=dict)
    """Our own Fabric resources by name."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Part → why it could not be read."""


class _Reader:
    """Reads parts of one cluster until the deadline, noting what cannot be read."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float], deadline: float) -> None:
        self.cluster = cluster
        self.unread: dict[str, str] = {}
        self._clock = clock
        self._end = clock() + deadline

    def get(self, path: str, *, subject: str, definition: str = "", **query: Any) -> Any:
        return self._send("GET", path, subject=subject, definition=definition, query=query)

    def post(self, path: str, body: Any, *, subject: str) -> Any:
        return self._send("POST", path, subject=subject, body=body)

    def part(self, name: str, read: Callable[[], T], *, forbidden_is_fine: bool = False) -> T | None:
        """What *read* returns; None when it cannot be read."""
        try:
            return read()
        except HedgehogError as error:
            if not (forbidden_is_fine and isinstance(error, PermissionDenied)):
                self.unread[name] = str(error)
        return None

    def pages(self, kind: Kind, *, page: int) -> Iterator[Manifest]:
        """The objects of a kind in its namespace, page by page."""
        path, token = collection_path(kind, kind.default_namespace), ""
        while True:
            query = {"limit": page} | ({"continue": token} if token else {})
            listing = self.get(path, subject=f"list of {kind.plural}", definition=definition_name(kind), **query)
            yield from listing.get("items") or ()
            token = (listing.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def _send(self, verb: str, path: str, *, subject: str, definition: str = "", **options: Any) -> Any:
        if self._clock() > self._end:
            raise RemoteUnavailable(f"{subject}: {self.cluster.name} is too slow; the rest was left for the next look")
        return self.cluster.call(verb, verb, path, subject=subject, definition=definition, **options).json()


def read(
    cluster: Cluster,
    kinds: Iterable[Kind],
    rights: Iterable[Right],
    *,
    resources: bool = False,
    deadline: float = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
) -> ClusterFacts:
    """Look at everything: version, nodes, whether *kinds* are served and *rights* granted, Agents, Fabricators.

    With *resources* our own Fabric resources, too. Raises what `Cluster.version` raises when the server does not answer
    or refuses the credential; everything else that fails is in `unread`.
    """
    version = cluster.version()
    reader = _Reader(cluster, clock, deadline)
    missing = reader.part("definitions", lambda: _missing(reader, [*kinds, AGENT]))
    denied = reader.part("permissions", lambda: _denied(reader, rights))
    facts = ClusterFacts(
        version,
        reader.part("nodes", lambda: _nodes(reader), forbidden_is_fine=True),
        missing or {},
        frozenset(denied or ()),
        reader.part("agents", lambda: _agents(reader)),
        reader.part("gateway agents", lambda: _gateway_agents(reader)),
        reader.part("fabricators", lambda: _fabricators(reader), forbidden_is_fine=True) or (),
        (reader.part("fabric resources", lambda: _resources(reader)) or {}) if resources else {},
    )
    facts.unread.update(reader.unread)  # type: ignore[attr-defined]
    return facts
