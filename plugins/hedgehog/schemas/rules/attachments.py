"""Rules of attachments."""

from __future__ import annotations

from collections.abc import Mapping

from hedgehog.schemas.rules.registry import KindRules

KINDS: Mapping[str, KindRules] = {}
