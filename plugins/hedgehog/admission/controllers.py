"""What Hedgehog's controllers add to a fabric: built-in SwitchProfiles, a VPCInfo per VPC or External, a GatewayGroup."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hedgehog.admission.result_cache import ResultCache
from hedgehog.admission.review import Admission, AdmissionResponse
from hedgehog.admission.rules.vpc.infos import vpc_info
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.kinds import DEFAULT_GROUP, GATEWAY, JUDGED_TOGETHER
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import default_profiles
from hedgehog.fabric.settings import FabricSettings

_PROFILE = "SwitchProfile"
_INFO = "VPCInfo"
_SOURCES = frozenset({"VPC", "External"})
_MADE_GROUP: Manifest = {
    "apiVersion": f"{GATEWAY}/v1alpha1",
    "kind": DEFAULT_GROUP[0],
    "metadata": {"name": DEFAULT_GROUP[1], "namespace": "default"},
    "spec": {},
}
"""Made with the first Gateway or GatewayPeering, and kept when they go (pkg/ctrl/gateway_ctrl.go)."""


@functools.lru_cache(maxsize=8)
def built_in_profiles(settings: FabricSettings) -> tuple[Manifest, ...]:
    """The built-in SwitchProfiles as a cluster stores them, the same ones for every fabric with these settings."""
    return tuple(stored(profile, settings) for profile in default_profiles(settings))


class ControlledFabric(Admission):
    """A fabric whose controllers have done their work after every change, so that no rule finds anything not ready yet."""

    def __init__(
        self,
        settings: FabricSettings,
        objects: Iterable[Manifest] = (),
        *,
        unknown_kinds: Collection[str] = (),
        cache: ResultCache | None = None,
    ) -> None:
        """*objects* are taken without a check; SwitchProfiles and VPCInfos among them win over what would be derived."""
        objects = list(objects)
        self._given = {(one["kind"], one["metadata"]["name"]) for one in objects if one["kind"] in (_PROFILE, _INFO)}
        self._info = vpc_info if cache is None else functools.partial(cache.memoize, vpc_info)
        super().__init__(settings, objects, unknown_kinds=unknown_kinds, cache=cache)
        for profile in built_in_profiles(settings):
            if (_PROFILE, profile["metadata"]["name"]) not in self._given:
                super().put(profile)

    def create(self, manifest: Mapping[str, Any]) -> AdmissionResponse:
        """The answer to a create. What only a controller has made does not count: a sync applies it."""
        made = self.state.get(*DEFAULT_GROUP)
        if (
            made is not _MADE_GROUP
            or (manifest.get("kind"), (manifest.get("metadata") or {}).get("name")) != DEFAULT_GROUP
        ):
            return super().create(manifest)
        super().remove(*DEFAULT_GROUP)
        try:
            return super().create(manifest)
        finally:
            super().put(made)

    def put(self, manifest: Manifest) -> None:
        """Add or replace an object, and what the controllers make of it."""
        super().put(manifest)
        if manifest["kind"] in JUDGED_TOGETHER and self.state.get(*DEFAULT_GROUP) is None:
            super().put(_MADE_GROUP)
        if manifest["kind"] in _SOURCES:
            info = self._info(manifest)
            if info is not None and (_INFO, info["metadata"]["name"]) not in self._given:
                super().put(info)

    def remove(self, kind: str, name: str) -> None:
        """Remove an object, and what the controllers made of it."""
        old = self.state.get(kind, name)
        super().remove(kind, name)
        if old is not None and kind in _SOURCES:
            info = self._info(old)
            if info is not None and (_INFO, info["metadata"]["name"]) not in self._given:
                super().remove(_INFO, info["metadata"]["name"])
