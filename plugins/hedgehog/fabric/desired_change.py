"""A change of what a fabric wants, before it is stored: objects to write and objects to remove. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.model import Manifest, ObjectRef


@dataclass(frozen=True, slots=True)
class DesiredChange:
    """Objects that a fabric is to hold as they are given here, and objects that it is not to hold any more."""

    upserts: tuple[Manifest, ...] = ()
    """With kind, metadata.namespace and metadata.name."""
    deletes: tuple[ObjectRef, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same change, in whatever order it was given."""
        text = json.dumps(self.as_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    def stored(self, ref: ObjectRef) -> Manifest:
        """The object *ref* as the change stores it. Raises KeyError where it does not."""
        return {ObjectRef.of(one): one for one in self.upserts}[ref]

    def applied_to(self, before: Mapping[ObjectRef, Manifest]) -> dict[ObjectRef, Manifest]:
        """What a fabric holds after the change that holds *before* now."""
        gone = set(self.deletes)
        kept = {ref: manifest for ref, manifest in before.items() if ref not in gone}
        return kept | {ObjectRef.of(manifest): manifest for manifest in self.upserts}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a table of the fabric database: it holds whatever secrets the manifests hold."""
        return {
            "upserts": sorted(self.upserts, key=ObjectRef.of),
            "deletes": sorted(map(str, self.deletes)),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> DesiredChange:
        """The inverse of `as_dict`."""
        return cls(tuple(data["upserts"]), tuple(map(ObjectRef.parse, data["deletes"])))
