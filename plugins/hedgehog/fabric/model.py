"""The values that rooms exchange: object refs, revisions, repositories, fabrics. All frozen, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hedgehog.fabric.settings import FabricSettings
from hedgehog.fabric.signers import Verify

Manifest = dict[str, Any]
"""One Kubernetes object as plain data: apiVersion, kind, metadata, spec."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Names one object of a fabric; printed `Kind/namespace/name`. Kind names are unique over the groups we know."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> ObjectRef:
        """The ref of a manifest that has kind, metadata.namespace and metadata.name."""
        metadata = manifest["metadata"]
        return cls(manifest["kind"], metadata["namespace"], metadata["name"])

    @classmethod
    def parse(cls, text: str) -> ObjectRef:
        """The inverse of `str()`; raises ValueError."""
        kind, namespace, name = text.split("/")
        return cls(kind, namespace, name)


_REVISION = re.compile(r"(?P<branch>.+)@sha1:(?P<commit>[0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit on a branch, printed `main@sha1:<40 hex digits>`."""

    branch: str
    commit: str

    def __str__(self) -> str:
        return f"{self.branch}@sha1:{self.commit}"

    @classmethod
    def parse(cls, text: str) -> Revision:
        """The inverse of `str()`; raises ValueError."""
        match = _REVISION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a revision; it looks like main@sha1:<40 hex digits>")
        return cls(match["branch"], match["commit"])


class Target(StrEnum):
    """Where a fabric is kept in sync."""

    GIT = "git"
    KUBERNETES = "kubernetes"


class SyncStatus(StrEnum):
    """The state of one fabric at one target, as stored and shown."""

    NEVER_SYNCED = "never_synced"
    SYNCING = "syncing"
    IN_SYNC = "in_sync"
    OUT_OF_SYNC = "out_of_sync"
    """A run finished, but something is held for a person (an edit in Git, a conflict, a refused prune)."""
    ERROR = "error"
    """The last attempt failed; the next one is scheduled."""
    PARKED = "parked"
    """Given up until a sync is forced or the fabric changes."""
    WAITING = "waiting"
    """What is to be written waits: for Git, for the end of a freeze, or for a change window. Shown, never stored."""
    SUSPENDED = "suspended"


class GitDriftPolicy(StrEnum):
    """What happens to a managed file that a person changed in Git."""

    HOLD = "hold"
    OVERWRITE = "overwrite"
    ADOPT = "adopt"


class DriftPolicy(StrEnum):
    """What happens to an object that others changed or deleted in the cluster."""

    REPORT = "report"
    CORRECT = "correct"
    ADOPT = "adopt"


class DriftOutsideWindows(StrEnum):
    """What happens, while no change window of the fabric is open, to an object that others changed in the cluster."""

    WAIT = "wait"
    CORRECT = "correct"


class PrunePolicy(StrEnum):
    """What happens to an object that we applied and that the fabric no longer has."""

    DELETE = "delete"
    ORPHAN = "orphan"


class ConflictPolicy(StrEnum):
    """What happens when another field manager owns a field that we set."""

    REPORT = "report"
    FORCE = "force"


class PushMode(StrEnum):
    """How the changes of fabrics get to the branch of a repository."""

    DIRECT = "direct"
    PULL_REQUEST = "pull_request"
    """A pull request for each fabric, which somebody merges."""


class SourceOfTruth(StrEnum):
    """Which side wins when database and Git differ."""

    DATABASE = "database"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A repository that holds the directories of one or more fabrics. The URL never carries a credential."""

    id: int
    name: str
    url: str
    branch: str = "main"
    connection_id: str | None = None
    author_name: str = "Hedgehog on Airflow"
    author_email: str = "hedgehog@localhost"
    verify: Verify = Verify.NONE
    """Whether revisions must be signed, for fabrics whose source of truth is Git."""
    allowed_signers: str = ""
    """Who may sign them: see `hedgehog.fabric.signers.AllowedSigners`."""
    push: PushMode = PushMode.DIRECT
    pull_requests: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What pull requests of ours get: see `hedgehog.fabric.request_settings.RequestSettings`."""
    host: str | None = field(default=None, compare=False)
    """The type of its host, as its connection said when it was last asked; None: not asked yet."""


SETTING_NAMES = {"kubernetes_sync_enabled": "enable_k8s_sync"}
"""The attributes of a Fabric that have another name in its document and in the database."""
_ATTRIBUTES = {setting: attribute for attribute, setting in SETTING_NAMES.items()}


def attribute_of(setting: str) -> str:
    """The attribute of a Fabric that holds a setting of its document."""
    return _ATTRIBUTES.get(setting, setting)


@dataclass(frozen=True, slots=True)
class Fabric:
    """One fabric as the database has it. `generation` rises with every change of the row or of its objects."""

    id: int
    name: str
    resource_name: str
    """The name of its Kubernetes resource: `name` in lower case, a DNS-1123 subdomain, unique."""
    description: str = ""
    asn: int = 65000
    spine_count: int = 0
    leaf_count: int = 0
    spine_leaf_links: Mapping[str, Any] = field(default_factory=dict)
    vpc_peering_config: Mapping[str, Any] = field(default_factory=dict)
    switch_config: Mapping[str, Any] = field(default_factory=dict)
    git_repository: GitRepository | None = None
    git_directory: str = ""
    """Path inside the repository without leading or trailing slash."""
    git_sync_enabled: bool = False
    kubernetes_sync_enabled: bool = False
    kubernetes_connection_id: str | None = None
    kubernetes_namespace: str = "default"
    """Namespace of a manifest whose kind accepts any and that names none."""
    publish_fabric_resource: bool = True
    """Whether the product's own `Fabric` resource is kept in the cluster."""
    source_of_truth: SourceOfTruth = SourceOfTruth.DATABASE
    git_drift_policy: GitDriftPolicy = GitDriftPolicy.HOLD
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    drift_policies: Mapping[str, Any] = field(default_factory=dict)
    """Kinds with a drift policy of their own: `{"VPC": "report"}`."""
    drift_outside_windows: DriftOutsideWindows = DriftOutsideWindows.WAIT
    prune_policy: PrunePolicy = PrunePolicy.DELETE
    prune_max_objects: int = 10
    prune_max_percent: int = 20
    conflict_policy: ConflictPolicy = ConflictPolicy.REPORT
    resync_seconds: int = 600
    settings: FabricSettings = field(default_factory=FabricSettings)
    """What validation depends on besides the objects; a Fabricator among them takes precedence (`fabric.fabricator`)."""
    labels: Mapping[str, Any] = field(default_factory=dict)
    """What it is chosen by (`fabric.selectors`)."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """What stands for `${name}` in a change for many fabrics."""
    suspended: bool = False
    suspended_reason: str | None = None
    suspended_until: datetime | None = None
    generation: int = 1
    last_updated: datetime | None = None

    def setting(self, name: str) -> Any:
        """The value of a setting by the name that it has in the document."""
        return getattr(self, attribute_of(name))


def plain_copy(value: Any) -> Any:
    """A deep copy of plain data: several times as fast as `copy.deepcopy`."""
    kind = type(value)
    if kind is dict:
        return {key: child if type(child) is str else plain_copy(child) for key, child in value.items()}
    if kind is list:
        return [child if type(child) is str else plain_copy(child) for child in value]
    return value
