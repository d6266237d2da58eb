"""Rules of Servers. ServerProfiles and SwitchGroups have none: upstream has no webhook for them, and nothing to check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hedgehog.admission.cluster_state import ClusterState
from hedgehog.admission.rules.registry import KindRules
from hedgehog.fabric.labels import SET, connected_server
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.shown import listed
from hedgehog.manifests.rule import Violation, rule

IN_USE = rule(
    "server-in-use",
    what="A Server is deleted after its Connections.",
    why="They would point to nothing.",
    source="pkg/ctrl/server_wh.go ValidateDelete",
    fix="delete its Connections first",
)


def _delete(old: Manifest, state: ClusterState) -> Iterator[Violation]:
    label = connected_server(old["metadata"]["name"])
    users = [one["metadata"]["name"] for one in state.labelled("Connection", label, SET)]
    if users:
        yield IN_USE.at((), f"Connection {listed(users, 3)} use it")


KINDS: Mapping[str, KindRules] = {
    "Server": KindRules(delete=_delete),
    "ServerProfile": KindRules(),
    "SwitchGroup": KindRules(),
}
