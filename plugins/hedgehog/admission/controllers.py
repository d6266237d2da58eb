"""What Hedgehog's controllers add to a fabric by themselves: built-in SwitchProfiles, a VPCInfo per VPC or External."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

from hedgehog.admission.memory import Memory
from hedgehog.admission.review import Admission
from hedgehog.admission.rules.vpc.infos import vpc_info
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import default_profiles
from hedgehog.fabric.settings import FabricSettings

_PROFILE = "SwitchProfile"
_INFO = "VPCInfo"
_SOURCES = frozenset({"VPC", "External"})


@functools.lru_cache(maxsize=8)
def _built_in(settings: FabricSettings) -> tuple[Manifest, ...]:
    """The built-in SwitchProfiles as a cluster stores them, the same ones for every fabric with these settings."""
    return tuple(stored(profile, settings) for profile in default_profiles(settings))


class ControlledFabric(Admission):
    """A fabric whose controllers have done their work after every change, so that nothing is ever not ready yet."""

    def __init__(
        self,
        settings: FabricSettings,
        objects: Iterable[Manifest] = (),
        *,
        elsewhere: Collection[str] = (),
        memory: Memory | None = None,
    ) -> None:
        """*objects* are taken without a check; SwitchProfiles and VPCInfos among them win over what would be derived."""
        objects = list(objects)
        self._given = {(one["kind"], one["metadata"]["name"]) for one in objects if one["kind"] in (_PROFILE, _INFO)}
        self._info = vpc_info if memory is None else functools.partial(memory.once, vpc_info)
        super().__init__(settings, objects, elsewhere=elsewhere, memory=memory)
        for profile in _built_in(settings):
            if (_PROFILE, profile["metadata"]["name"]) not in self._given:
                super().put(profile)

    def put(self, manifest: Manifest) -> None:
        """Make it so, and have the controllers follow."""
        super().put(manifest)
        if manifest["kind"] in _SOURCES:
            info = self._info(manifest)
            if info is not None and (_INFO, info["metadata"]["name"]) not in self._given:
                super().put(info)

    def remove(self, kind: str, name: str) -> None:
        """Take an object out, and what the controllers made of it."""
        old = self.world.get(kind, name)
        super().remove(kind, name)
        if old is not None and kind in _SOURCES:
            info = self._info(old)
            if info is not None and (_INFO, info["metadata"]["name"]) not in self._given:
                super().remove(_INFO, info["metadata"]["name"])
