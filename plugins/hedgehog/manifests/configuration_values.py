"""Which values of a setting are valid beyond their type: what the fabric database accepts, without asking it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.git_urls import GitUrl, is_ambiguous
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import DriftPolicy
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.request_settings import requests_fault
from hedgehog.fabric.selectors import labels_fault, variables_fault
from hedgehog.fabric.shown import shown
from hedgehog.fabric.signers import signers_fault

Fault = Callable[[Any], str]
"""From a value of the right type to what is wrong with it; empty for a valid one."""

_URL_LOGIN = "the URL carries a login; put it into an Airflow connection and name that in connection_id"
_LARGEST_INTEGER = 2**31 - 1
"""Of PostgreSQL's `integer`."""
_LARGEST_ASN = 2**32 - 1
_LONGEST_URL = 500
_LONGEST_DIRECTORY = 255
_LONGEST_FABRIC_NAME = 63
_CONNECTION_ID = r"[A-Za-z0-9._-]{1,200}"
_FABRIC_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*")
_REPOSITORY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


def name_fault(kind: str, name: str) -> str:
    """What is wrong with the name of a fabric or repository; empty when it is valid."""
    if kind != FABRIC.kind:
        said = "is 1 to 200 letters, digits, '.', '_', '-' and '/', and begins with a letter or digit"
        return "" if _REPOSITORY_NAME.fullmatch(name) else f"{shown(name)}: the name of a repository {said}"
    if len(name) <= _LONGEST_FABRIC_NAME and _FABRIC_NAME.fullmatch(name):
        return ""
    said = "is letters, digits, '-' and '.', starting and ending with a letter or digit, at most 63 long"
    return f"{shown(name)}: the name of a fabric {said}"


def value_fault(setting: str, value: Any) -> str:
    """What is wrong with *value*, which has the type of *setting*; empty when the fabric database accepts it."""
    return _FAULTS[setting](value) if setting in _FAULTS and value is not None else ""


def _number(setting: str, low: int, high: int) -> Fault:
    return lambda value: (
        "" if low <= value <= high else f"{shown(value)} is out of bounds; {setting} is {low} to {high}"
    )


def _text(pattern: str, said: str) -> Fault:
    compiled = re.compile(pattern)
    return lambda value: "" if compiled.fullmatch(value) else f"{shown(value)} is not {said}"


def _url(value: str) -> str:
    if not 1 <= len(value) <= _LONGEST_URL:
        return f"has {len(value)} characters; 1 to {_LONGEST_URL} are allowed"
    try:
        return _URL_LOGIN if GitUrl.parse(value).has_login else ""
    except InvalidInput as error:
        return str(error)


def _branch(value: str) -> str:
    if is_ambiguous(value):
        return f"{shown(value)} is not the name of one branch; write its short name, like main"
    good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,243}", value) and ".." not in value and "//" not in value
    if good and not value.endswith((".lock", "/", ".")):
        return ""
    return f"{shown(value)} is not a Git branch name of letters, digits, '.', '_', '/', '+' and '-'"


def _directory(value: str) -> str:
    parts = value.split("/") if value else []
    good = all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._ -]*", part) for part in parts)
    if good and len(value) <= _LONGEST_DIRECTORY and len(parts) <= 10:
        return ""
    return f"{shown(value)} is not a relative path of letters, digits, '.', '_', '-' without '..' or hidden parts"


def _policies(value: Mapping[Any, Any]) -> str:
    for kind, policy in value.items():
        if kind not in KINDS and kind != FABRIC.kind:
            hint = did_you_mean(str(kind), KINDS)
            return f"{shown(kind)} is not a kind" + (f"; {hint}" if hint else "")
        if policy not in list(DriftPolicy):
            return f"{shown(policy)} is none of {', '.join(DriftPolicy)}"
    return ""


_FAULTS: Mapping[str, Fault] = {
    "url": _url,
    "branch": _branch,
    "connection_id": _text(_CONNECTION_ID, "1 to 200 letters, digits, '.', '_' and '-'"),
    "author_name": _text(r"[^<>\n]{1,100}", "one line of 1 to 100 characters without < and >"),
    "author_email": _text(r"[^<>\s]{1,200}", "1 to 200 characters without blanks, < and >"),
    "allowed_signers": signers_fault,
    "pull_requests": requests_fault,
    "description": _text(r"(?s:.{0,4000})", "at most 4000 characters"),
    "asn": _number("asn", 1, _LARGEST_ASN),
    "spine_count": _number("spine_count", 0, _LARGEST_INTEGER),
    "leaf_count": _number("leaf_count", 0, _LARGEST_INTEGER),
    "git_directory": _directory,
    "kubernetes_connection_id": _text(_CONNECTION_ID, "1 to 200 letters, digits, '.', '_' and '-'"),
    "kubernetes_namespace": _text(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a Kubernetes name of at most 63 characters"),
    "drift_policies": _policies,
    "prune_max_objects": _number("prune_max_objects", 0, _LARGEST_INTEGER),
    "prune_max_percent": _number("prune_max_percent", 0, 100),
    "resync_seconds": _number("resync_seconds", 60, 86400),
    "labels": labels_fault,
    "variables": variables_fault,
}
