"""One object of a fabric is stored as somebody wrote it, if nobody changed it meanwhile."""

from __future__ import annotations

from hedgehog.errors import InvalidInput, Superseded
from hedgehog.fabric.model import ObjectRef
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.services.transfer.load import ImportReport, accept_all, import_documents, raise_problems
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.objects import lock_object

_FILE = "object"
"""What messages call the text."""


def edit_object(
    connection: Connection,
    name: str,
    text: str,
    *,
    digest: str | None,
    reason: str,
    actor: str,
    dry_run: bool = False,
    allow_invalid: bool = False,
) -> ImportReport:
    """Store the one object of *text* in a fabric, validated beside the others.

    *digest* is that of the content which the text is based on; None: there is no such object. Raises Superseded when
    that is not so any more, NotFound for an unknown fabric, InvalidInput for what the fabric cannot hold, for what a
    cluster would refuse (unless *allow_invalid*) and for a fabric whose source of truth is Git.
    """
    fabric = load_fabric(connection, name)
    documents = yaml.load(text.encode(), file=_FILE)
    items = [item for document in documents for item in intake.items(document)]
    if len(items) != 1 or configuration.is_configuration(items[0].manifest):
        raise InvalidInput("the text must hold one object of a kind that fabrics have")
    accepted, problems = accept_all(items, namespace=fabric.kubernetes_namespace)
    raise_problems(problems)
    ref = accepted[0].ref
    with transaction(connection, keep=not dry_run) as cursor:
        _refuse_superseded(lock_object(cursor, fabric.id, ref), digest, ref)
        report = import_documents(connection, documents, fabric=name, allow_invalid=allow_invalid)
        if report.objects.writes:
            record_action(cursor, Deed(actor=actor, action="edit", fabrics=[name], subjects=[str(ref)], reason=reason))
    return report


def _refuse_superseded(present: str | None, based_on: str | None, ref: ObjectRef) -> None:
    if present == based_on:
        return
    if present is None:
        raise Superseded(f"{ref} is not there any more; read it again")
    what = "was changed by others since you read it" if based_on else "is there already"
    raise Superseded(f"{ref} {what}; read it again, then edit it")
