"""What a cluster holds: one paged LIST per kind and namespace, regardless of the number of objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from hedgehog.errors import DefinitionMissing, HedgehogError, RemoteUnavailable, RetryableError
from hedgehog.fabric.kinds import Kind
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.kube.client import Cluster
from hedgehog.kube.fabric_crd import explained
from hedgehog.kube.failures import failure, is_object, of_object
from hedgehog.kube.resources import collection_path, crd_name

PAGE = 500
"""Objects per LIST request, as kubectl does."""
MOST_PAGES = 2000
"""Of one list: a million objects. A server that always has another page is not read for ever."""

Scope = tuple[Kind, str]
"""A kind and a namespace: what one LIST reads."""


@dataclass(frozen=True, slots=True)
class Live:
    """The objects of a cluster by ref, and the kinds that could not be listed.

    Whatever is in neither is not in the cluster; about a kind in `failed` nothing is known.
    """

    objects: Mapping[ObjectRef, Manifest] = field(default_factory=dict)
    failed: Mapping[str, HedgehogError] = field(default_factory=dict)

    @property
    def unknown(self) -> Mapping[str, HedgehogError]:
        """The kinds in `failed` that may have objects: a CRD that is gone took all of them with it."""
        return {kind: error for kind, error in self.failed.items() if not _says_gone(error)}


def _says_gone(error: HedgehogError) -> bool:
    return isinstance(error, DefinitionMissing) and error.objects_gone


def list_live(cluster: Cluster, scopes: Collection[Scope]) -> Live:
    """Read every scope, some at a time. A kind that cannot be listed is an error of that kind, never "no objects"."""
    ordered = sorted(scopes, key=lambda scope: (scope[0].kind, scope[1]))
    objects: dict[ObjectRef, Manifest] = {}
    failed: dict[str, HedgehogError] = {}
    listed: set[str] = set()
    with ThreadPoolExecutor(max(1, min(cluster.concurrency, len(ordered))), "list") as pool:
        for scope, found in zip(ordered, pool.map(lambda one: _list_scope(cluster, *one), ordered), strict=True):
            kind = scope[0].kind
            if not isinstance(found, HedgehogError):
                objects |= found
                listed.add(kind)
            elif kind not in failed or _says_gone(failed[kind]):
                failed[kind] = found
    for kind in listed:
        if kind in failed and _says_gone(failed[kind]):
            failed[kind] = RetryableError(
                f"{cluster.name}: the CRD of {kind} came or went while its objects were listed"
            )
    return Live({ref: live for ref, live in objects.items() if ref.kind not in failed}, failed)


def _list_scope(cluster: Cluster, kind: Kind, namespace: str) -> dict[ObjectRef, Manifest] | HedgehogError:
    try:
        try:
            return {ObjectRef.of(item): item for item in _pages(cluster, kind, namespace)}
        except HedgehogError as error:
            return explained(cluster, kind, error)
    except Exception as error:  # whatever one kind is answered must not hide the others
        return of_object(f"list of {kind.plural} in {namespace}", error)


def _pages(cluster: Cluster, kind: Kind, namespace: str) -> list[Manifest]:
    """All pages of a list. A page token that the server has forgotten (410) restarts the list, once."""
    for last_try in (False, True):
        items: list[Manifest] = []
        for page in _follow(cluster, kind, namespace, raise_expired=last_try):
            if page is None:
                break
            items += page
        else:
            return items
    raise AssertionError("the second try returns or raises")


def _follow(cluster: Cluster, kind: Kind, namespace: str, *, raise_expired: bool) -> Iterator[list[Manifest] | None]:
    """Page after page; None when the list expired under way."""
    subject = f"list of {kind.plural} in {namespace}"
    query = {"limit": PAGE}
    for _ in range(MOST_PAGES):
        answer = cluster.send("LIST", "GET", collection_path(kind, namespace), subject=subject, query=query)
        if answer.status == 410 and not raise_expired:
            yield None
            return
        if not answer.ok:
            raise failure(answer, subject, cluster=cluster.name, crd=crd_name(kind))
        listing = listing_of(cluster, subject, answer.json())
        yield items_of(kind, listing)
        token = listing["metadata"].get("continue")
        if not token:
            return
        query = {"limit": PAGE, "continue": token}
    raise without_end(cluster, subject)


def listing_of(cluster: Cluster, subject: str, answered: Any) -> dict[str, Any]:
    """*answered* as one page of a list, which has `metadata` and `items`.

    Raises RemoteUnavailable for what is none: a proxy's own page must not look like a cluster without objects.
    """
    if (
        not isinstance(answered, dict)
        or "items" not in answered
        or not isinstance(answered.get("metadata"), dict)
        or not isinstance(answered["items"] or [], list)
        or not all(map(is_object, answered["items"] or ()))
    ):
        raise RemoteUnavailable(f"{cluster.name}: {subject}: what answered is not an API server; its state is unknown")
    return answered


def items_of(kind: Kind, listing: Mapping[str, Any]) -> list[Manifest]:
    """The objects of a page, with what the items of a list leave out: apiVersion and kind."""
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in listing["items"] or ()]


def without_end(cluster: Cluster, subject: str) -> RemoteUnavailable:
    """The error of a list with more than MOST_PAGES pages."""
    return RemoteUnavailable(f"{cluster.name}: {subject} has more than {MOST_PAGES} pages; none of it is used")
