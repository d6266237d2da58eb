"""What the user of a cluster's connection must be allowed to do, no more: the verbs that a sync and a watch use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.kinds import Kind

_VERBS = ("list", "watch", "create", "patch", "delete")


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource in one namespace; printed as `kubectl auth can-i` takes it."""

    verb: str
    group: str
    resource: str
    """The plural, or `plural/subresource`."""
    namespace: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group} in {self.namespace}"


def rights_to(kind: Kind, namespace: str, *, status: bool = False) -> list[Right]:
    """What syncing objects of *kind* takes: every one in the namespace is listed, changed ones are applied (create and
    patch), unwanted ones deleted. *status* adds the write of their status."""
    rights = [Right(verb, kind.group, kind.plural, namespace) for verb in _VERBS]
    return rights + ([Right("patch", kind.group, f"{kind.plural}/status", namespace)] if status else [])


def uncovered(rights: Iterable[Right], rules: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Right]:
    """Those of *rights* that the rules by namespace (`resourceRules` of a SelfSubjectRulesReview) do not grant.

    Rules may be incomplete, so a right that is left is only to be asked for singly. Rules for named objects are none.
    """
    return [right for right in rights if not any(_grants(rule, right) for rule in rules.get(right.namespace, ()))]


def _grants(rule: Mapping[str, Any], right: Right) -> bool:
    if rule.get("resourceNames"):
        return False
    _, _, subresource = right.resource.partition("/")
    resources = {"*", right.resource} | ({f"*/{subresource}"} if subresource else set())
    return (
        bool({"*", right.verb} & set(rule.get("verbs") or ()))
        and bool({"*", right.group} & set(rule.get("apiGroups") or ()))
        and bool(resources & set(rule.get("resources") or ()))
    )


def in_words(denied: Iterable[Right]) -> list[str]:
    """Denied rights, a line a resource: `create, patch vpcs.vpc.githedgehog.com in default`."""
    verbs: dict[str, list[str]] = {}
    for right in denied:
        verbs.setdefault(f"{right.resource}.{right.group} in {right.namespace}", []).append(right.verb)
    return [f"{', '.join(sorted(found))} {place}" for place, found in sorted(verbs.items())]
