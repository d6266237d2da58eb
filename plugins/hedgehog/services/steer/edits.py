"""One object of a fabric is stored as somebody wrote it, if nobody changed it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hedgehog.errors import InvalidInput, Superseded
from hedgehog.fabric.canonical import canonical
from hedgehog.fabric.changes import Action
from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.fabric.differences import FieldDifference, between
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric, ObjectRef
from hedgehog.fabric.origin import Origin
from hedgehog.fabric.proposals import Proposal
from hedgehog.fabric.settings import release_of
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.services.steer.git_change import GitChange
from hedgehog.services.transfer.completion import complete_change
from hedgehog.services.transfer.load import accept_all, import_documents, raise_problems
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.objects import load_named, lock_object

_FILE = "object"
"""What messages call the text."""


@dataclass(frozen=True, slots=True)
class ObjectEdit:
    """What became of one object, or in a dry run would become."""

    ref: ObjectRef
    action: Action
    differences: Sequence[FieldDifference] = ()
    """The fields that change: as they were and as they are written."""
    notes: Sequence[str] = ()
    dry_run: bool = False
    proposal: Proposal | None = None
    """As what the edit waits for approval: it is not stored yet."""
    git: GitChange | None = None
    """Where it is, for a fabric whose source of truth is Git."""


def edit_object(
    connection: Connection,
    name: str,
    text: str,
    *,
    digest: str | None,
    origin: Origin,
    ref: ObjectRef | None = None,
    dry_run: bool = False,
    allow_invalid: bool = False,
) -> ObjectEdit:
    """Store the one object of *text* in a fabric, validated beside the others.

    *digest* is that of the content which the text is based on; None: there is no such object. *ref* is the object that
    the text must hold, where that is known. Addresses and ASNs that the text leaves out stay, or are assigned from what is
    free; a gateway at a link that is edited follows it. Raises Superseded when the stored content is another one, NotFound for an
    unknown fabric, InvalidInput for what the fabric cannot hold, for what a cluster would refuse (unless *allow_invalid*)
    and for a fabric whose source of truth is Git.
    """
    fabric = load_fabric(connection, name)
    documents, found = read_object(fabric, text, ref)
    ref = found.ref
    with transaction(connection, keep=not dry_run) as cursor:
        refuse_superseded(lock_object(cursor, fabric.id, ref), digest, ref)
        before = [one.manifest for one in load_named(connection, fabric.id, [ref])]
        full, _ = complete_change(connection, fabric, DesiredChange((found.manifest,)), HydrationMode.MISSING)
        report = import_documents(
            connection,
            documents,
            origin=origin,
            fabric=name,
            allow_invalid=allow_invalid,
            mode=HydrationMode.MISSING,
        )
        if report.objects.writes and report.proposal is None:
            written = [str(one.ref) for one in report.objects.writes]
            record_action(cursor, Deed.of(origin, action="edit", fabrics=[name], subjects=written))
    action = next(one.action for one in report.objects.changes if one.ref == ref)
    differences = between(canonical(before[0]) if before else {}, canonical(full.stored(ref)))
    return ObjectEdit(ref, action, differences, report.notes, dry_run, report.proposal)


def read_object(fabric: Fabric, text: str, ref: ObjectRef | None) -> tuple[Sequence[yaml.Document], intake.Accepted]:
    """The one object that *text* holds, and its documents. Raises InvalidInput for anything else, and for another than *ref*."""
    documents = yaml.load(text.encode(), file=_FILE)
    items = [item for document in documents for item in intake.items(document)]
    if len(items) != 1 or configuration.is_configuration(items[0].manifest):
        raise InvalidInput("the text must hold one object of a kind that fabrics have")
    accepted, problems = accept_all(items, namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings))
    raise_problems(problems)
    (found,) = accepted
    if ref not in (None, found.ref):
        raise InvalidInput(f"the text holds {found.ref}, not {ref}: an edit cannot turn an object into another one")
    return documents, found


def refuse_superseded(present: str | None, based_on: str | None, ref: ObjectRef) -> None:
    """Raise Superseded unless the digest of what is *present* is the one that an edit is *based_on*."""
    if present == based_on:
        return
    if present is None:
        raise Superseded(f"{ref} is not there any more; read it again")
    what = "was changed by others since you read it" if based_on else "is there already"
    raise Superseded(f"{ref} {what}; read it again, then edit it")
