"""The CustomResourceDefinition of the product's own kind Fabric: found, installed, or left to its owner.

A cluster holds one CRD of a name, and upstream is bringing a Fabric of its own under the same name as ours. Whatever is
there and not ours is never touched; our kind then lives in a fallback group. Hedgehog's CRDs are none of our business.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hedgehog.errors import (
    AlreadyExists,
    DefinitionMissing,
    HedgehogError,
    NotFound,
    PermissionDenied,
    RetryableError,
)
from hedgehog.fabric.canonical import differs
from hedgehog.fabric.kinds import FABRIC, FIELD_MANAGER, Kind
from hedgehog.fabric.model import Manifest
from hedgehog.kube.client import APPLY_PATCH, Cluster
from hedgehog.kube.crds import load_schema, render_fabric_crd
from hedgehog.kube.failures import cut, failure, is_absent
from hedgehog.kube.resources import collection_path, crd_name

logger = logging.getLogger(__name__)

FALLBACK_GROUP = "airflow.githedgehog.com"
"""Where our kind Fabric lives when the Hedgehog group has another one."""

SCHEMAS = Path(__file__).resolve().parents[3] / "include" / "schemas"
FABRIC_SCHEMA = SCHEMAS / FABRIC.group / f"fabric_{FABRIC.version}.json"

MANAGED_BY = {"app.kubernetes.io/managed-by": "hedgehog-airflow"}
"""The label by which we know our own CRD again."""

ESTABLISH_TIMEOUT = 30.0
"""Seconds an API server may take until it serves a new CRD; it usually takes less than one."""

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@dataclass(frozen=True, slots=True)
class FabricCrd:
    """Where Fabric resources can be kept in a cluster.

    `kind` is None when they cannot, and `note` says why. `served` is False when a dry run left the CRD out.
    `trouble` is what went wrong with the CRD: the resource waits, nothing else does.
    """

    kind: Kind | None
    note: str = ""
    served: bool = True
    trouble: HedgehogError | None = None


def ensure_fabric_crd(cluster: Cluster, *, fallback_group: str = FALLBACK_GROUP, install: bool = True) -> FabricCrd:
    """Find, install or bring up to date our CRD of Fabric and say under which group it is served.

    One GET when everything is in order. Never changes a CRD that lacks our label or serves other versions than
    ours. Missing rights are not errors: they end in a FabricDefinition without a kind. With *install* False nothing is
    written.
    """
    note = ""
    for group in (FABRIC.group, fallback_group):
        kind = replace(FABRIC, group=group)
        try:
            found = _get(cluster, kind)
            if found is None or _is_ours(found):
                return replace(_settle(cluster, kind, found, install), note=note)
        except PermissionDenied as error:
            return FabricCrd(None, _missing_permission(kind, error))
        note = f"CRD {crd_name(kind)} is not ours and was left alone"
    return FabricCrd(None, f"{note}; name another fallback group or set publish_fabric_resource to false")


def _settle(cluster: Cluster, kind: Kind, found: Manifest | None, install: bool) -> FabricCrd:
    """Create the CRD or bring it up to date. Raises RetryableError for one that is being deleted."""
    if found is not None and found["metadata"].get("deletionTimestamp"):
        raise RetryableError(f"CRD {crd_name(kind)} is being deleted from {cluster.name}")
    wanted = render_fabric_crd(load_schema(FABRIC_SCHEMA), kind.group, kind.version)
    wanted["metadata"]["labels"] = dict(MANAGED_BY)
    if found is None or differs(wanted, found):
        if not install:
            return FabricCrd(kind, served=found is not None)
        logger.info("%s: applying CRD %s", cluster.name, crd_name(kind))
        apply_crd(cluster, wanted)
        wait_until_served(cluster, kind)
    return FabricCrd(kind)


def _is_ours(crd: Manifest) -> bool:
    labels = crd["metadata"].get("labels") or {}
    served = {version["name"] for version in crd["spec"]["versions"] if version.get("served")}
    return MANAGED_BY.items() <= labels.items() and served == {FABRIC.version}


def _missing_permission(kind: Kind, error: PermissionDenied) -> str:
    return (
        f"the resource is not published: {error}. Apply the output of `hedgehog crds render` as an administrator and "
        f"let the connection's user get CRD {crd_name(kind)}, or set publish_fabric_resource to false"
    )


def _get(cluster: Cluster, kind: Kind) -> Manifest | None:
    name = crd_name(kind)
    return _found(cluster, f"{_PATH}/{name}", name, subject=f"CRD {name}")


def _found(cluster: Cluster, path: str, name: str, *, subject: str) -> Manifest | None:
    """The object *name*; None when the API server says that it has none. A 404 that does not name it, such as a
    proxy's, says nothing: it is raised."""
    answer = cluster.send("GET", "GET", path, subject=subject)
    if answer.ok:
        found: Manifest = answer.json()
        return found
    if is_absent(answer, name):
        return None
    raise failure(answer, subject, cluster=cluster.name)


def explained(cluster: Cluster, kind: Kind, error: HedgehogError) -> HedgehogError:
    """*error*, unless it is a DefinitionMissing: then what the CRD says, or that there is none.

    One that was just installed or is on its way out is worth another try. One or two more requests, for that error only;
    a user who may not read CRDs, or gets no clear answer, gets the error as it is.
    """
    if not isinstance(error, DefinitionMissing):
        return error
    try:
        found = _get(cluster, kind)
        if found is None:
            return DefinitionMissing(str(error), objects_gone=not _is_aggregated(cluster, kind))
    except HedgehogError:
        return error
    return _unserved(cluster, kind, found)


def _is_aggregated(cluster: Cluster, kind: Kind) -> bool:
    """Whether another API server than the cluster's own has the kind's group, and may have objects without a CRD.

    Raises when that cannot be said.
    """
    service = f"{kind.version}.{kind.group}"
    found = _found(cluster, f"{_SERVICES}/{service}", service, subject=f"APIService {service}")
    return found is not None and found["spec"].get("service") is not None


def _unserved(cluster: Cluster, kind: Kind, found: Manifest) -> HedgehogError:
    """Why a kind is not served whose CRD is there, and whether it will be."""
    name = crd_name(kind)
    if found["metadata"].get("deletionTimestamp"):
        return RetryableError(f"{cluster.name} is deleting CRD {name}; its objects wait until it is installed again")
    spec, said = found["spec"], f"CRD {name} of {cluster.name}"
    if spec["scope"] != "Namespaced":
        return DefinitionMissing(f"{said} is for the whole cluster, not for namespaces; install Hedgehog's")
    for condition in (found.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "NamesAccepted" and condition.get("status") == "False":
            why = cut(str(condition.get("message")))
            return DefinitionMissing(f"{said} is not served, for its names are another's: {why}; remove one of the two")
    if not any(one["name"] == kind.version and one.get("served") for one in spec["versions"]):
        return DefinitionMissing(f"{said} does not serve version {kind.version}; install one that does")
    return RetryableError(f"CRD {name} is installed in {cluster.name}, which does not serve it yet")


def apply_crd(cluster: Cluster, crd: Mapping[str, Any]) -> None:
    """Server-side apply one CustomResourceDefinition, whatever it is: callers decide what may be installed."""
    name = crd["metadata"]["name"]
    cluster.call(
        "PATCH",
        "PATCH",
        f"{_PATH}/{name}",
        subject=f"CRD {name}",
        query={"fieldManager": FIELD_MANAGER},
        body=crd,
        content_type=APPLY_PATCH,
    )


def wait_until_served(
    cluster: Cluster, kind: Kind, *, timeout: float = ESTABLISH_TIMEOUT, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when objects of *kind* can be listed; raise RetryableError when that takes longer than *timeout*."""
    deadline = time.monotonic() + timeout
    path, subject = collection_path(kind, kind.default_namespace), f"list of {kind.plural}"
    while not cluster.send("LIST", "GET", path, subject=subject, query={"limit": 1}).ok:
        if time.monotonic() > deadline:
            raise RetryableError(f"{cluster.name} does not serve CRD {crd_name(kind)} after {timeout:.0f} s")
        sleep(0.05)


def ensure_namespace(cluster: Cluster, name: str) -> bool:
    """Create the namespace if it is absent and say whether we did.

    Without the right to look it is left as it is: the write that needs it will tell.
    """
    try:
        cluster.call("GET", "GET", f"/api/v1/namespaces/{name}", subject=f"namespace {name}")
        return False
    except PermissionDenied:
        logger.debug("%s: may not look at namespace %s", cluster.name, name)
        return False
    except NotFound:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(MANAGED_BY)}}
    try:
        cluster.call("POST", "POST", "/api/v1/namespaces", subject=f"namespace {name}", body=body, idempotent=False)
    except AlreadyExists:
        return False
    return True
