"""Settings in the configuration of the fabric controller. What is stored and read: test_fabricator.py."""

from __future__ import annotations

import json
from pathlib import Path

from devstack.webhook_config import from_webhook_config
from hedgehog.fabric.settings import FabricSettings, Upstream

CONFIGS = json.loads(
    (Path(__file__).resolve().parents[1] / "admission" / "cases" / "fabric-config.json").read_text(encoding="utf-8")
)["configs"]


def test_the_defaults_are_those_of_a_new_installation():
    """What fabricator makes of an untouched configuration with a gateway."""
    assert from_webhook_config(CONFIGS["default"]) == FabricSettings()


def test_a_customised_fabric_stores_only_what_differs():
    """Own switch profiles, no peering, no gateway."""
    assert from_webhook_config(CONFIGS["extra-profiles"], upstream=Upstream.V0_126).as_dict() == {
        "upstream": "v0.126",
        "gateway_enabled": False,
        "vpc_peering_disabled": True,
        "allow_extra_switch_profiles": True,
    }
