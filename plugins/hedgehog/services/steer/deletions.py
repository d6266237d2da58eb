"""Objects leave a fabric, unless others that stay still need them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import Proposal
from hedgehog.fabric.references import references
from hedgehog.services.browse.naming import named_objects
from hedgehog.services.plans.approval import propose_if_needed
from hedgehog.services.steer.git_change import GitChange
from hedgehog.services.transfer.load import refuse_git_source
from hedgehog.services.validation import find_refusals
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.objects import delete_objects, load_objects, lock_objects
from hedgehog.store.origins import set_origin


@dataclass(frozen=True, slots=True)
class Deletion:
    """What leaves a fabric, and what that means for the objects that stay."""

    refs: tuple[ObjectRef, ...]
    needed_by: Mapping[ObjectRef, tuple[ObjectRef, ...]]
    """The objects that stay and refer to one that leaves."""
    refusals: Mapping[ObjectRef, str]
    """Why a cluster would not delete an object, or not take one that stays."""
    dry_run: bool = False
    proposal: Proposal | None = None
    """As what the deletion waits for approval: nothing is deleted yet."""
    git: GitChange | None = None
    """Where it is, for a fabric whose source of truth is Git."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "objects": [
                {
                    "object": str(ref),
                    "needed_by": [str(one) for one in self.needed_by.get(ref, ())],
                    "refused": self.refusals.get(ref),
                }
                for ref in self.refs
            ],
            "dry_run": self.dry_run,
            "proposal": self.proposal.as_dict() if self.proposal else None,
            "git": self.git.as_dict() if self.git else None,
        }


def remove_objects(
    connection: Connection,
    name: str,
    words: Sequence[str],
    *,
    origin: Origin,
    dry_run: bool = False,
    allow_invalid: bool = False,
) -> Deletion:
    """Remove the objects that *words* name (see `named_objects`) from a fabric, all of them or none; what it means.

    A dry run changes nothing, and tells refusals instead of raising them. Raises NotFound, and InvalidInput for a fabric
    whose source of truth is Git and, unless *allow_invalid*, for an object that a cluster would not delete: Git and the
    cluster would keep it.
    """
    with transaction(connection, keep=not dry_run) as cursor:
        set_origin(cursor, origin)
        fabric = load_fabric(connection, name)
        lock_objects(cursor, fabric.id)
        refs = tuple(one.ref for one in named_objects(connection, fabric, words))
        stored = [one.manifest for one in load_objects(connection, [fabric.id])[fabric.id]]
        found = plan_deletion(fabric, stored, refs, dry_run=dry_run)
        if not dry_run:
            refuse_git_source(fabric)
            refuse_needed(found, allow_invalid=allow_invalid)
            proposal = propose_if_needed(connection, fabric, DesiredChange(deletes=refs), origin)
            if proposal is not None:
                return replace(found, proposal=proposal)
        delete_objects(connection, fabric.id, refs)
        subjects = [str(ref) for ref in refs]
        record_action(cursor, Deed.of(origin, action="delete", fabrics=[name], subjects=subjects))
    return found


def refuse_needed(found: Deletion, *, allow_invalid: bool) -> None:
    """Raise InvalidInput for objects that a cluster would not delete, unless it is allowed."""
    if found.refusals and not allow_invalid:
        lines = [f"{ref} cannot be deleted: {why}" for ref, why in sorted(found.refusals.items())]
        raise InvalidInput("\n".join([*lines, "nothing was deleted; delete what needs it, too"]))


def plan_deletion(
    fabric: Fabric, stored: Sequence[Manifest], refs: Collection[ObjectRef], *, dry_run: bool = False
) -> Deletion:
    """What removing *refs* from the objects *stored* means. Pure."""
    leaving = set(refs)
    staying = [manifest for manifest in stored if ObjectRef.of(manifest) not in leaving]
    needed: dict[ObjectRef, list[ObjectRef]] = {}
    for manifest in staying:
        for target in references(manifest) & leaving:
            needed.setdefault(target, []).append(ObjectRef.of(manifest))
    refused = find_refusals(fabric, staying, stored).deletes
    return Deletion(
        tuple(refs),
        {ref: tuple(sorted(users)) for ref, users in needed.items()},
        {ref: why for ref, why in refused.items() if ref in leaving},
        dry_run,
    )
