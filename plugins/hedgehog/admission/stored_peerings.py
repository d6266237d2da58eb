"""What stored Gateways and GatewayPeerings block, found without writing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hedgehog.admission.check import load
from hedgehog.admission.rules.dataplane.judge import faults_at_write
from hedgehog.admission.rules.dataplane.values import Fault
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests.rule import printed

_GATEWAY = "Gateway"


def blocking_reasons(objects: Iterable[Mapping[str, Any]], settings: FabricSettings) -> list[str]:
    """Why a cluster that has *objects* refuses writes of Gateways and GatewayPeerings, one line for each reason.

    *objects* are Gateways, GatewayPeerings, VPCs and Externals as the cluster has them. Empty where nothing is blocked.
    """
    if not settings.gateway_enabled:
        return []
    state = load(objects, settings).state
    found: dict[str, None] = {}
    for _, gateway in sorted(state.objects(_GATEWAY).items()):
        found.update(dict.fromkeys(_lines(faults_at_write(gateway, state))))
    return list(found)


def _lines(faults: Iterable[Fault]) -> Iterator[str]:
    for fault in faults:
        kind, name = fault.owner
        path, message = fault.views[fault.owner]
        yield (
            f"{kind} {name} blocks writes of Gateways and GatewayPeerings: {printed(path)} {message}; "
            f"{fault.rule.fix} [{fault.rule.id}]"
        )
