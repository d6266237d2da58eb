"""The switch models that are built into the fabric controller, and their SwitchProfiles.

Upstream's source is githedgehog/fabric, pkg/ctrl/switchprofile. Pure.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles.notation import SwitchModel
from hedgehog.fabric.settings import FabricSettings, Upstream

API_VERSION = "wiring.githedgehog.com/v1beta1"

_SPINE = "acls roce"
_LEAF = "subinterfaces acls l2vni l3vni roce mclag eslag"
_VIRTUAL = "subinterfaces l2vni l3vni roce mclag eslag"
_TD3 = "Broadcom TD3-X7 3.2T"
_NO_SUBINTERFACES = (
    "Doesn't support StaticExternals and ExternalAttachments with VLANs due to the lack of subinterfaces support."
)
_NO_L2VNI = "Doesn't support non-L3 VPC modes due to the lack of L2VNI support."

DS2000 = SwitchModel(
    "celestica-ds2000",
    "Celestica DS2000",
    "Broadcom TD3-X5 2.0T",
    "subinterfaces acls l2vni l3vni mclag eslag",
    "1-48 sfp28-25, 49 qsfp28, 50-55 qsfp28-fixed, 56 qsfp28",
    "x86_64-cel_ds2000-r0",
    other_names=("Celestica Questone 2a",),
    port_locator=True,
)
DS3000 = SwitchModel(
    "celestica-ds3000",
    "Celestica DS3000",
    _TD3,
    _LEAF,
    "1-32 qsfp28-50, 33 sfp28-10",
    "x86_64-cel_seastone_2-r0",
    other_names=("Celestica Seastone2",),
    port_locator=True,
)
DS4000 = SwitchModel(
    "celestica-ds4000",
    "Celestica DS4000",
    "Broadcom TH3",
    _SPINE,
    "1-32 qsfpdd, 33 sfp28-10",
    "x86_64-cel_silverstone-r0",
    other_names=("Celestica Silverstone2",),
    port_locator=True,
    max_ports=144,
    pipelines="4 ports, 18",
)
DS4101 = SwitchModel(
    "celestica-ds4101",
    "Celestica DS4101",
    "Broadcom TH4G",
    f"{_SPINE} ecmpRoCEQPN",
    "1-32 osfp-2x400, 33-34 sfp28-10",
    "x86_64-cel_ds4101-r0",
    other_names=("Celestica Greystone",),
    max_ports=272,
    pipelines="2 ports, 16",
    labels={33: "M1", 34: "M2"},
)
DS5000 = SwitchModel(
    "celestica-ds5000",
    "Celestica DS5000",
    "Broadcom TH5",
    "subinterfaces acls l3vni roce ecmpRoCEQPN",
    "1-64 osfp-800, 65-66 sfp28-25-1",
    "x86-64-cls-ds5000-r0",
    other_names=("Celestica Moonstone",),
    port_locator=True,
    max_ports=320,
    pipelines="inner 2, 10",
    notes=_NO_L2VNI,
)
VS = SwitchModel(
    "vs",
    "Virtual Switch",
    "vs",
    _VIRTUAL,
    "1-48/4 sfp28-25",
    "x86_64-kvm_x86_64-r0",
    nos_type="sonic-bcm-vs",
    max_paths=16,
)

BROADCOM: tuple[SwitchModel, ...] = (
    DS2000,
    DS3000,
    DS4000,
    DS4101,
    DS5000,
    SwitchModel(
        "dell-s5232f-on",
        "Dell S5232F-ON",
        _TD3,
        _LEAF,
        "1-31 qsfp28-all, 32 qsfp28-fixed, 33-34 sfp28-10",
        "x86_64-dellemc_s5232f_c3538-r0",
        port_locator=True,
    ),
    SwitchModel(
        "dell-s5248f-on",
        "Dell S5248F-ON",
        _TD3,
        _LEAF,
        "1-48/4 sfp28-25, 49-56 qsfp28-all",
        "x86_64-dellemc_s5248f_c3538-r0",
        port_locator=True,
    ),
    SwitchModel(
        "dell-z9332f-on",
        "Dell Z9332F-ON",
        "Broadcom TH3",
        _SPINE,
        "1-32 qsfpdd-50, 33-34 sfp28-10",
        "x86_64-dellemc_z9332f_d1508-r0",
        max_ports=144,
        pipelines="4 ports, 18",
        labels={33: "M1", 34: "M2"},
    ),
    SwitchModel(
        "edgecore-dcs203",
        "Edgecore DCS203",
        "Broadcom TD3-X7 2.0T",
        _LEAF,
        "1-48/12 sfp28-25, 49-55 qsfp28, 56 qsfp28-fixed, 57-58 sfp28-10",
        "x86_64-accton_as7326_56x-r0",
        other_names=("Edgecore AS7326-56X",),
        port_locator=True,
        numbered_by_lane=True,
    ),
    SwitchModel(
        "edgecore-dcs204",
        "Edgecore DCS204",
        _TD3,
        _LEAF,
        "1-31 qsfp28-all, 32 qsfp28-fixed, 33-34 sfp28-10",
        "x86_64-accton_as7726_32x-r0",
        other_names=("Edgecore AS7726-32X",),
    ),
    SwitchModel(
        "edgecore-dcs240",
        "Edgecore DCS240",
        "Broadcom TD4",
        "subinterfaces acls l2vni l3vni roce eslag",
        "1-32 qsfp56dd, 33-34 sfp28-10",
        "x86_64-accton_as9726_32d-r0",
        other_names=("Edgecore AS9726",),
        pipelines="4 ports, 18",
        notes="Upper 16 ports supply maximum of 24W, lower 16 ports supply maximum of 14W",
    ),
    SwitchModel(
        "edgecore-dcs501",
        "Edgecore DCS501",
        "Broadcom TH",
        "acls",
        "1-32 qsfp28",
        "x86_64-accton_as7712_32x-r0",
        other_names=("Edgecore AS7712-32X",),
    ),
    SwitchModel(
        "edgecore-eps202",
        "Edgecore EPS202",
        "Broadcom TD3-X3",
        "acls l2vni l3vni eslag",
        "1-48 rj45-1, 49-52 sfp28-25-1, 53-54 qsfp28",
        "x86_64-accton_as4630_54pe-r0",
        other_names=("Edgecore AS4630-54PE",),
        nos_type="sonic-bcm-campus",
        onie_port="eth2",
        max_paths=16,
        notes=_NO_SUBINTERFACES,
    ),
    SwitchModel(
        "edgecore-eps203",
        "Edgecore EPS203",
        "Broadcom TD3-X3",
        "acls l2vni l3vni mclag eslag",
        "1-36 rj45-2.5, 37-48 rj45-10, 49-52 sfp28-25-1, 53-54 qsfp28",
        "x86_64-accton_as4630_54npe-r0",
        other_names=("Edgecore AS4630-54NPE",),
        nos_type="sonic-bcm-campus",
        port_locator=True,
        max_paths=16,
        notes=_NO_SUBINTERFACES,
    ),
    replace(
        DS3000,
        name="supermicro-sse-c4632sb",
        display_name="Supermicro SSE-C4632SB",
        other_names=(),
    ),
    VS,
)
"""Built in always."""

_CLSP: dict[str, Any] = {"nos_type": "sonic-cls-plus-broadcom", "port_locator": False, "max_ports": 0, "pipelines": ""}

CLSP: tuple[SwitchModel, ...] = (
    replace(DS2000, name="celestica-ds2000-clsp", **_CLSP),
    replace(DS3000, name="celestica-ds3000-clsp", ports="1-32 qsfp28, 33 sfp28-10", **_CLSP),
    replace(DS4000, name="celestica-ds4000-clsp", **_CLSP),
    replace(DS4101, name="celestica-ds4101-clsp", **_CLSP),
    replace(DS5000, name="celestica-ds5000-clsp", ports="1-64 osfp-800-200, 65-66 sfp28-25-1", **_CLSP),
    replace(VS, name="vs-clsp", display_name="Virtual Switch CLS+", nos_type="sonic-cls-plus-vs"),
)
"""Built in with `includeCLSP`: in no release note, and so known only from upstream's source of 2025."""

CUMULUS: tuple[SwitchModel, ...] = (
    SwitchModel(
        "cumulus-vx",
        "Cumulus VX",
        "vs",
        _VIRTUAL,
        "1-32 qsfp28-virtual, 33 sfp28-10",
        "x86_64-kvm_x86_64-r0",
        nos_type="cumulus-vx",
    ),
)
"""Built in with `includeCumulus`."""


def default_profiles(settings: FabricSettings) -> tuple[Manifest, ...]:
    """The SwitchProfiles that the fabric controller creates under these settings. They are shared: do not change them."""
    return tuple(_manifests(settings.include_clsp, settings.include_cumulus, settings.upstream).values())


def default_spec(name: str, settings: FabricSettings) -> Mapping[str, Any] | None:
    """The spec of the built-in profile of that name, which is immutable; None for other names. Do not change it."""
    manifest = _manifests(settings.include_clsp, settings.include_cumulus, settings.upstream).get(name)
    return None if manifest is None else manifest["spec"]


@functools.lru_cache(maxsize=8)
def _manifests(clsp: bool, cumulus: bool, upstream: Upstream) -> Mapping[str, Manifest]:
    return {
        model.name: {
            "apiVersion": API_VERSION,
            "kind": "SwitchProfile",
            "metadata": {"name": model.name, "namespace": "default"},
            "spec": model.spec(upstream),
        }
        for model in (*BROADCOM, *(CLSP if clsp else ()), *(CUMULUS if cumulus else ()))
    }
