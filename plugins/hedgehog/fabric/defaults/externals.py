"""Defaults of externals and their like."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

DEFAULTERS: Mapping[str, Callable[[Manifest, FabricSettings], None]] = {}
"""By kind: changes the manifest, which is the caller's own copy, in place."""
