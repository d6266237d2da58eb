"""What is read from a cluster to judge its health: a dozen small requests, whatever the number of objects.

Of each answer only the fields that the rules need are kept. Agents may be a megabyte each: their list is read in small
pages, each reduced before the next is asked for, and never logged. Part by part: what may not or cannot be read is noted
and does not hide the rest; only a server that does not answer at all raises.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from hedgehog.errors import DefinitionMissing, HedgehogError, NotFound, PermissionDenied, RemoteUnavailable
from hedgehog.fabric.agents import Agent
from hedgehog.fabric.health import ClusterNodes, Fabricator
from hedgehog.fabric.kinds import FABRICATOR, JUDGED_TOGETHER, KINDS, Kind
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.permissions import Permission, not_granted, permissions_for
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import ensure_fabric_crd
from hedgehog.kube.release import is_newer
from hedgehog.kube.resources import collection_path, crd_name

logger = logging.getLogger(__name__)

AGENT = Kind("Agent", "agent.githedgehog.com", "v1beta1", "agents", 0)
GATEWAY_AGENT = Kind("GatewayAgent", "gwint.githedgehog.com", "v1alpha1", "gatewayagents", 0)
_FABRICATOR = Kind("Fabricator", FABRICATOR, "v1beta1", "fabricators", 0, "fab")
PAGE = 25
"""Agents a request: a page stays at some megabytes."""
MOST = 500
"""Small objects a request."""
DEADLINE = 30.0
"""Seconds after which no further request to one cluster is made."""
_REVIEWS = "/apis/authorization.k8s.io/v1"
_QUIET = frozenset({"Ready", "Skipped"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What one look at a cluster found. None: it may not be read, which is not a fault of the cluster."""

    version: str
    nodes: ClusterNodes | None = None
    is_newer: bool = False
    """Whether it serves kinds of a release that is newer than this package knows."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Kind → why its objects cannot be kept there: the CRD is absent, or served in other versions."""
    denied: frozenset[Permission] = frozenset()
    agents: Sequence[Agent] | None = None
    gateway_agents: Sequence[Agent] | None = None
    fabricators: Sequence[Fabricator] = ()
    gateway_objects: Sequence[Manifest] = ()
    """Gateways and GatewayPeerings with the VPCs and Externals that they route between; only where kinds ask for them."""
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

    def get(self, path: str, *, subject: str, crd: str = "", **query: Any) -> Any:
        """The JSON at *path*."""
        return self._send("GET", path, subject=subject, crd=crd, query=query)

    def post(self, path: str, body: Any, *, subject: str) -> Any:
        """What the server answers to a review."""
        return self._send("POST", path, subject=subject, body=body)

    def part(self, name: str, read: Callable[[], T], *, forbidden_is_fine: bool = False) -> T | None:
        """What *read* returns; None when it cannot be read. A missing kind is reported by the CRDs."""
        try:
            return read()
        except DefinitionMissing:
            return None
        except HedgehogError as error:
            if not (forbidden_is_fine and isinstance(error, PermissionDenied)):
                self.unread[name] = str(error)
        except Exception as error:  # an object of a shape that nobody foresaw hides no other part
            logger.exception("%s: %s cannot be understood", self.cluster.name, name)
            self.unread[name] = f"it cannot be understood (unforeseen {type(error).__name__})"
        return None

    def pages(self, kind: Kind, limit: int = PAGE) -> Iterator[Manifest]:
        """The objects of a kind in its namespace, page by page."""
        path, token = collection_path(kind, kind.default_namespace), ""
        while True:
            query: dict[str, Any] = {"limit": limit} | ({"continue": token} if token else {})
            listing = self.get(path, subject=f"list of {kind.plural}", crd=crd_name(kind), **query)
            yield from listing.get("items") or ()
            token = (listing.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def _send(self, verb: str, path: str, *, subject: str, crd: str = "", **options: Any) -> Any:
        if self._clock() > self._end:
            raise RemoteUnavailable(f"{subject}: {self.cluster.name} is too slow; the rest was left for the next look")
        return self.cluster.call(verb, verb, path, subject=subject, crd=crd, **options).json()


def read_facts(
    cluster: Cluster,
    kinds: Iterable[Kind],
    permissions: Iterable[Permission],
    *,
    resources: bool = False,
    deadline: float = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
) -> ClusterFacts:
    """Look at everything: version, nodes, whether *kinds* are served and *permissions* granted, Agents, Fabricators.

    With *resources* our own Fabric resources, too. Raises what `Cluster.version` raises when the server does not answer
    or refuses the credential; everything else that fails is in `unread`.
    """
    kinds = list(kinds)
    version = cluster.version()
    reader = _Reader(cluster, clock, deadline)
    own = reader.part("fabric resources", lambda: _own_kind(reader)) if resources else None
    wanted = {*permissions, *(permissions_for(own, own.default_namespace, status=True) if own else ())}
    return ClusterFacts(
        version=version,
        nodes=reader.part("nodes", lambda: _nodes(reader), forbidden_is_fine=True),
        is_newer=reader.part("release", lambda: is_newer(lambda path, about: reader.get(path, subject=about))) or False,
        missing=reader.part("definitions", lambda: _missing(reader, [*kinds, AGENT])) or {},
        denied=frozenset(reader.part("permissions", lambda: _denied(reader, wanted)) or ()),
        agents=reader.part("agents", lambda: [_agent(item) for item in reader.pages(AGENT)]),
        gateway_agents=reader.part("gateway agents", lambda: [_gateway(item) for item in reader.pages(GATEWAY_AGENT)]),
        fabricators=reader.part("fabricators", lambda: _fabricators(reader), forbidden_is_fine=True) or (),
        gateway_objects=reader.part("gateway peerings", lambda: _gateway_objects(reader, kinds)) or (),
        resources=(reader.part("fabric resources", lambda: _resources(reader, own)) or {}) if own else {},
        unread=reader.unread,
    )


def missing_crds(cluster: Cluster, kinds: Iterable[Kind]) -> dict[str, str]:
    """Those of *kinds* that the cluster does not serve in our version, with the reason. Raises like any read."""
    return _missing(_Reader(cluster, time.monotonic, DEADLINE), kinds)


def _nodes(reader: _Reader) -> ClusterNodes:
    items = reader.get("/api/v1/nodes", subject="list of nodes", limit=MOST).get("items") or []
    unready = sorted(item["metadata"]["name"] for item in items if not _holds(item, "Ready"))
    return ClusterNodes(len(items), tuple(unready))


def _holds(item: Mapping[str, Any], condition: str) -> bool:
    return any(one.get("type") == condition and one.get("status") == "True" for one in _conditions(item))


def _conditions(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (item.get("status") or {}).get("conditions") or []


def _missing(reader: _Reader, kinds: Iterable[Kind]) -> dict[str, str]:
    """Kinds that the cluster does not serve in our version, with the reason: one request per group and version."""
    groups: dict[tuple[str, str], list[Kind]] = {}
    for kind in kinds:
        groups.setdefault((kind.group, kind.version), []).append(kind)
    missing = {}
    for (group, version), members in sorted(groups.items()):
        served = _served(reader, group, version)
        others = "" if served else _other_versions(reader, group)
        for kind in members:
            if kind.plural not in served:
                missing[kind.kind] = f"CRD {crd_name(kind)} is not installed at {version}{others}"
    return missing


def _served(reader: _Reader, group: str, version: str) -> set[str]:
    try:
        found = reader.get(f"/apis/{group}/{version}", subject=f"{group}/{version}")
    except NotFound:
        return set()
    return {one["name"] for one in found.get("resources") or ()}


def _other_versions(reader: _Reader, group: str) -> str:
    try:
        found = reader.get(f"/apis/{group}", subject=group)
    except NotFound:
        return ""
    return f"; the cluster serves {', '.join(one['version'] for one in found.get('versions') or ())}"


def _denied(reader: _Reader, permissions: Iterable[Permission]) -> list[Permission]:
    """The permissions that the user lacks. One review of rules a namespace settles most; what is left is asked for singly."""
    wanted = sorted(set(permissions))
    rules = {namespace: _rules(reader, namespace) for namespace in {permission.namespace for permission in wanted}}
    return [permission for permission in not_granted(wanted, rules) if not _may(reader, permission)]


def _rules(reader: _Reader, namespace: str) -> Sequence[Mapping[str, Any]]:
    body = _review("SelfSubjectRulesReview", {"namespace": namespace})
    answer = reader.post(f"{_REVIEWS}/selfsubjectrulesreviews", body, subject=f"permissions in {namespace}")
    return (answer.get("status") or {}).get("resourceRules") or ()


def _may(reader: _Reader, permission: Permission) -> bool:
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "verb": permission.verb,
        "group": permission.group,
        "resource": resource,
        "namespace": permission.namespace,
    }
    attributes |= {"subresource": subresource} if subresource else {}
    body = _review("SelfSubjectAccessReview", {"resourceAttributes": attributes})
    answer = reader.post(f"{_REVIEWS}/selfsubjectaccessreviews", body, subject=f"permission to {permission}")
    return bool((answer.get("status") or {}).get("allowed"))


def _review(kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


def _agent(item: Manifest) -> Agent:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    version = spec.get("version") or {}
    return Agent(
        "Agent",
        item["metadata"]["name"],
        item["metadata"].get("generation", 0),
        status.get("lastAppliedGen", 0),
        status.get("lastAttemptGen", 0),
        _time(status.get("lastAppliedTime")),
        _time(status.get("lastHeartbeat")),
        bool(status.get("rebootRequired")),
        spec.get("role", ""),
        status.get("version", ""),
        version.get("override") or version.get("default") or "",
    )


def _gateway(item: Manifest) -> Agent:
    """A gateway applies in two steps, by its agent and by its routing daemon: the slower one counts."""
    spec, status = item.get("spec") or {}, item.get("status") or {}
    attempted = status.get("lastAppliedGen", 0)
    routing = ((status.get("state") or {}).get("frr") or {}).get("lastAppliedGen", 0)
    return Agent(
        "GatewayAgent",
        item["metadata"]["name"],
        item["metadata"].get("generation", 0),
        min(attempted, routing),
        attempted,
        _time(status.get("lastAppliedTime")),
        _time(status.get("lastHeartbeat")),
        version=status.get("agentVersion", ""),
        wanted_version=spec.get("agentVersion") or "",
    )


def _gateway_objects(reader: _Reader, kinds: Iterable[Kind]) -> list[Manifest]:
    """What is judged as a whole at each write of a gateway's object; nothing where the fabrics have none."""
    if JUDGED_TOGETHER.isdisjoint(kind.kind for kind in kinds):
        return []
    found = [_named(item, KINDS[name]) for name in ("GatewayPeering", "Gateway") for item in reader.pages(KINDS[name])]
    if any(one["kind"] == "GatewayPeering" for one in found):
        found += [_named(item, KINDS[name]) for name in ("VPC", "External") for item in reader.pages(KINDS[name], MOST)]
    return found


def _named(item: Manifest, kind: Kind) -> Manifest:
    return {"apiVersion": kind.api_version, "kind": kind.kind, **item}


def _time(text: str | None) -> datetime | None:
    """A time that a switch wrote; None when it is absent or none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _fabricators(reader: _Reader) -> list[Fabricator]:
    return [_fabricator(item) for item in reader.pages(_FABRICATOR)]


def _fabricator(item: Manifest) -> Fabricator:
    status = item.get("status") or {}
    components = status.get("components") or {}
    return Fabricator(
        item["metadata"]["name"],
        item["metadata"].get("generation", 0),
        status.get("lastAppliedGen", 0),
        {one["type"]: one["status"] for one in _conditions(item)},
        tuple(sorted(_waiting(components))),
    )


def _waiting(components: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """The components that are neither ready nor left out, as `name (state)`; some are maps of components."""
    for name, state in components.items():
        if isinstance(state, Mapping):
            yield from _waiting(state, f"{place}{name}.")
        elif state and state not in _QUIET:
            yield f"{place}{name} ({state})"


def _own_kind(reader: _Reader) -> Kind | None:
    """Our own kind Fabric, wherever its CRD lives; None where there is none yet."""
    crd = ensure_fabric_crd(reader.cluster, install=False)
    return crd.kind if crd.served else None


def _resources(reader: _Reader, kind: Kind) -> dict[str, Manifest]:
    named = {"apiVersion": kind.api_version, "kind": kind.kind}
    return {item["metadata"]["name"]: {**named, **item} for item in reader.pages(kind)}
