"""Which functions check which kind: the table that the admission walks."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.schemas.rules import (
    attachments,
    connections,
    externals,
    gateway,
    namespaces,
    peerings,
    profiles,
    servers,
    switches,
    vpcs,
)
from hedgehog.schemas.rules.registry import KindRules

_MODULES = (namespaces, vpcs, attachments, peerings, externals, switches, servers, connections, profiles, gateway)


def rules() -> Mapping[str, KindRules]:
    """The rows of all kinds."""
    return {kind: row for module in _MODULES for kind, row in module.KINDS.items()}
