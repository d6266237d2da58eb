"""What the user of a cluster's connection must be allowed to do, no more: the verbs that a sync and a watch use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.kinds import Kind

_VERBS = ("list", "watch", "create", "patch", "delete")


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One verb on one resource in one namespace; printed as `kubectl auth can-i` takes it."""

    verb: str
    group: str
    resource: str
    """The plural, or `plural/subresource`."""
    namespace: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group} in {self.namespace}"


def permissions_for(kind: Kind, namespace: str, *, status: bool = False) -> list[Permission]:
    """What syncing objects of *kind* needs: all objects in the namespace are listed, changed ones are applied (create
    and patch), unwanted ones deleted. *status* adds writing their status."""
    permissions = [Permission(verb, kind.group, kind.plural, namespace) for verb in _VERBS]
    return permissions + ([Permission("patch", kind.group, f"{kind.plural}/status", namespace)] if status else [])


def not_granted(
    permissions: Iterable[Permission], rules: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Permission]:
    """Those of *permissions* that the rules by namespace (`resourceRules` of a SelfSubjectRulesReview) do not grant.

    Rules may be incomplete, so each permission that is left is to be asked for by itself. Rules for named objects grant
    nothing.
    """
    return [
        permission
        for permission in permissions
        if not any(_grants(rule, permission) for rule in rules.get(permission.namespace, ()))
    ]


def _grants(rule: Mapping[str, Any], permission: Permission) -> bool:
    if rule.get("resourceNames"):
        return False
    _, _, subresource = permission.resource.partition("/")
    resources = {"*", permission.resource} | ({f"*/{subresource}"} if subresource else set())
    return (
        bool({"*", permission.verb} & set(rule.get("verbs") or ()))
        and bool({"*", permission.group} & set(rule.get("apiGroups") or ()))
        and bool(resources & set(rule.get("resources") or ()))
    )


def describe_permissions(denied: Iterable[Permission]) -> list[str]:
    """Denied permissions, one line per resource: `create, patch vpcs.vpc.githedgehog.com in default`."""
    verbs: dict[str, list[str]] = {}
    for permission in denied:
        verbs.setdefault(f"{permission.resource}.{permission.group} in {permission.namespace}", []).append(
            permission.verb
        )
    return [f"{', '.join(sorted(found))} {place}" for place, found in sorted(verbs.items())]
