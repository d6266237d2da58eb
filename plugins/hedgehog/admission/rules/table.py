"""Which functions check which kind: the table that `Admission` uses."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.admission.rules import namespaces, servers
from hedgehog.admission.rules.connection import objects as connections
from hedgehog.admission.rules.external import objects as externals
from hedgehog.admission.rules.gateway import objects as gateway
from hedgehog.admission.rules.profile import objects as profiles
from hedgehog.admission.rules.registry import KindRules
from hedgehog.admission.rules.switch import objects as switches
from hedgehog.admission.rules.vpc import attachments, peerings
from hedgehog.admission.rules.vpc import objects as vpcs

_MODULES = (namespaces, vpcs, attachments, peerings, externals, switches, servers, connections, profiles, gateway)


def rules() -> Mapping[str, KindRules]:
    """The rows of all kinds."""
    return {kind: row for module in _MODULES for kind, row in module.KINDS.items()}
