"""The releases of the dataplane validator, and which one a fabric's cluster loads."""

from __future__ import annotations

from enum import IntEnum

from hedgehog.fabric.settings import Upstream


class Release(IntEnum):
    """A release of githedgehog/dataplane, as far as rules differ; a later one is greater."""

    V0_20 = 20
    """In Hedgehog 26.02, with fabric v0.126."""
    V0_24 = 24
    """With fabric v0.129."""
    V0_25 = 25
    """Named in the notes of Hedgehog 26.03, and in whatever is newer."""


RELEASES = {
    Upstream.V0_126: Release.V0_20,
    Upstream.V0_129: Release.V0_24,
    Upstream.NEWER: Release.V0_25,
}
