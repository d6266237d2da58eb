"""The form in which objects are compared: what a person or program set, without what the cluster adds to it.

Pure. `canonical` is what is kept of a manifest, `differs` says where a live object is not as desired; together they
decide whether anything is written at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.labels import COMPUTED, INSTALLATION
from hedgehog.fabric.model import Manifest

FieldSet = dict[str, Any]
"""`fieldsV1` of a managedFields entry: {"f:spec": {"f:vlan": {}}}; "." is the node itself."""

_SERVER_METADATA = frozenset(
    {"resourceVersion", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"}
    | {"managedFields", "selfLink", "ownerReferences", "generateName"}
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_COMPUTED_ANNOTATIONS = frozenset(
    {_LAST_APPLIED, INSTALLATION, "gateway.githedgehog.com/vpcs", "gateway.githedgehog.com/nat"}
    | {f"{COMPUTED}{name}" for name in ("ports", "servers", "switches")}
)
_GATEWAY_LABEL = "vpc.gateway.githedgehog.com/"
_COMPUTES_LABELS = frozenset(
    {"VLANNamespace", "IPv4Namespace", "Switch", "Server", "VPC", "External", "Connection"}
    | {"VPCAttachment", "ExternalAttachment", "VPCPeering", "ExternalPeering"}
)
"""Kinds whose admission drops every label with `COMPUTED` in its key and computes them again."""

_LARGEST_EXACT_FLOAT = 2**53
_IDENTITY = frozenset({"apiVersion", "kind", "name", "namespace"})
"""What makes it this object and no other: not compared."""


def canonical(manifest: Mapping[str, Any]) -> Manifest:
    """What *manifest* says, without what the cluster sets: status, server metadata, labels that admission computes.

    A null map value means the field is absent, as for the API server; but a peering names its VPCs by keys, and there
    null means {}, as server-side apply stores it. 1.0 becomes 1. Doing it twice changes nothing. Admission's defaults
    are not filled in: `differs` ignores them. The input is not changed; the result shares nothing with it.
    """
    result: Manifest = {key: _normalized(value) for key, value in manifest.items() if key not in {"status", "metadata"}}
    given = manifest.get("kind")
    kind = given if isinstance(given, str) else ""
    if kind in {"VPCPeering", "GatewayPeering"}:
        _name_peers(result, manifest)
    metadata = {
        key: _normalized(value)
        for key, value in _mapping(manifest.get("metadata")).items()
        if key not in _SERVER_METADATA and value is not None
    }
    _keep_entries(metadata, "labels", lambda key: not _computed_label(kind, key))
    _keep_entries(metadata, "annotations", lambda key: not _computed_annotation(kind, key))
    head: Manifest = {key: result.pop(key) for key in ("apiVersion", "kind") if key in result}
    return {**head, "metadata": metadata, **{key: value for key, value in result.items() if value is not None}}


def _normalized(value: Any) -> Any:
    """A copy without null map values; numbers in their one spelling. In JSON there are only dicts and lists."""
    if isinstance(value, dict):
        return {
            key: child if type(child) is str else _normalized(child)
            for key, child in value.items()
            if child is not None
        }
    if isinstance(value, list):
        return [child if type(child) is str else _normalized(child) for child in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_EXACT_FLOAT:
        return int(value)
    return value


def _name_peers(result: Manifest, manifest: Mapping[str, Any]) -> None:
    """Put back the peers that were named with a null value."""
    spec = _mapping(manifest.get("spec"))
    if result["kind"] == "GatewayPeering":
        named = [(_mapping(result.get("spec")).get("peering"), spec.get("peering"))]
    else:
        named = list(zip(_items(_mapping(result.get("spec")).get("permit")), _items(spec.get("permit")), strict=True))
    for copy, original in named:
        if isinstance(copy, dict):
            copy |= {key: {} for key, value in _mapping(original).items() if value is None}


def _keep_entries(metadata: dict[str, Any], field: str, wanted: Callable[[str], bool]) -> None:
    entries = metadata.get(field)
    if isinstance(entries, dict):
        kept = {key: value for key, value in entries.items() if wanted(key)}
        if kept:
            metadata[field] = kept
        else:
            del metadata[field]


def _computed_label(kind: str, key: str) -> bool:
    if kind == "GatewayPeering":
        return key.startswith(_GATEWAY_LABEL)
    return kind in _COMPUTES_LABELS and COMPUTED in key


def _computed_annotation(kind: str, key: str) -> bool:
    return key in _COMPUTED_ANNOTATIONS or (kind == "Connection" and COMPUTED in key)


def differs(
    desired: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    manager: str = FIELD_MANAGER,
    stored: Callable[[Manifest], Manifest] | None = None,
) -> list[str]:
    """The paths (".spec.subnets.a.vlan") where *live* is not as desired; empty when nothing needs to be written.

    Reported: a field that *desired* sets and *live* lacks or has with another value, and a field that *manager* applied
    and *desired* no longer sets. Not reported: fields that only *live* has, because others own them or admission filled
    them in, also inside list items. The order of a list counts. Both may be raw manifests; identity and status do not
    count. With *stored*, which says what admission makes of an object, what admission would rewrite is not reported
    either.
    """
    want = _content(desired)
    paths = list(_missing(want, _content(live), ""))
    if paths and stored is not None:
        rewritten = _rewritten(want, _content(stored(canonical(desired))))
        paths = list(_missing(rewritten, _content(stored(canonical(live))), ""))
    return paths + [path for path in _no_longer_set(_applied(live, manager), want, "") if path not in paths]


def covers(live: Any, want: Any) -> bool:
    """Whether *live* has everything that *want*, in canonical form, sets: a quick answer where `differs` is not needed.

    Does not distinguish true from 1.
    """
    if live == want:
        return True
    if isinstance(want, dict) and isinstance(live, dict):
        return all(key in live and covers(live[key], child) for key, child in want.items())
    return isinstance(want, list) and isinstance(live, list) and len(live) == len(want) and all(map(covers, live, want))


def _rewritten(want: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What *want* sets, as admission stores it, without the fields that admission drops or fills in."""
    return {
        key: _rewritten(child, stored[key])
        if isinstance(child, dict) and isinstance(stored[key], dict)
        else stored[key]
        for key, child in want.items()
        if key in stored
    }


def _content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    whole = canonical(manifest)
    metadata = {key: value for key, value in whole.pop("metadata").items() if key not in _IDENTITY}
    return {"metadata": metadata, **{key: value for key, value in whole.items() if key not in _IDENTITY}}


def _missing(want: Any, have: Any, path: str) -> Iterator[str]:
    if isinstance(want, dict) and isinstance(have, dict):
        for key, child in want.items():
            if key in have:
                yield from _missing(child, have[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for index, (child, other) in enumerate(zip(want, have, strict=True)):
            yield from _missing(child, other, f"{path}[{index}]")
    elif not same(want, have):
        yield path


def same(want: Any, have: Any) -> bool:
    """Equal as JSON: true is not 1, but 1 is 1.0."""
    return isinstance(want, bool) == isinstance(have, bool) and bool(want == have)


def owned_fields(live: Mapping[str, Any], manager: str, operation: str = "Apply") -> FieldSet:
    """The field set that *manager* owns in *live* by *operation*; {} when it has no such entry."""
    for entry in _items(_mapping(live.get("metadata")).get("managedFields")):
        if entry.get("manager") == manager and entry.get("operation") == operation and not entry.get("subresource"):
            fields: FieldSet = entry.get("fieldsV1") or {}
            return fields
    return {}


def _applied(live: Mapping[str, Any], manager: str) -> FieldSet:
    """What *manager* applied of a manifest, without the mark that is added to each write."""
    fields = owned_fields(live, manager)
    metadata = fields.get("f:metadata", {})
    annotations = metadata.get("f:annotations", {})
    if f"f:{INSTALLATION}" not in annotations:
        return fields
    others = {key: below for key, below in annotations.items() if key != f"f:{INSTALLATION}"}
    rest = {key: below for key, below in metadata.items() if key != "f:annotations"}
    if others.keys() - {"."}:
        rest["f:annotations"] = others
    return {
        **{key: below for key, below in fields.items() if key != "f:metadata"},
        **({"f:metadata": rest} if rest else {}),
    }


def _no_longer_set(fields: Mapping[str, Any], want: Mapping[str, Any], path: str) -> Iterator[str]:
    """The owned leaves that *want* does not set. A list is one field: its items are compared, not owned."""
    for key, below in fields.items():
        if not key.startswith("f:"):
            continue
        name = key[2:]
        child = want.get(name)
        if name not in want:
            yield f"{path}.{name}"
        elif isinstance(child, dict):
            yield from _no_longer_set(below, child, f"{path}.{name}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
