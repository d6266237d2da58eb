"""What actions take, and what they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from hedgehog.airflow.web.models.common import ActionBody, Model
from hedgehog.fabric.model import Target
from hedgehog.fabric.settings import Upstream

MOST_FABRICS = 500
MOST_OBJECTS = 1000
LONGEST_TEXT = 1024 * 1024

FabricName = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=900)]
Fabrics = Annotated[list[FabricName], Field(min_length=1, max_length=MOST_FABRICS)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class SyncBody(ActionBody):
    """Which fabrics to sync now."""

    fabrics: Fabrics
    force: bool = False
    """Compare everything, not only what changed."""


class ClusterSyncBody(SyncBody):
    """Which fabrics to apply now."""

    allow_large_prune: bool = False
    """Delete more than the fabrics' thresholds allow."""


class PullBody(ActionBody):
    """Which fabrics, whose source of truth is Git, to read from their repositories now."""

    fabrics: Fabrics


class DryRunBody(ActionBody):
    """Which fabric to look at."""

    fabric: FabricName


class SuspendBody(ActionBody):
    """Which fabrics to leave alone."""

    fabrics: Fabrics
    reason: Reason
    """Shown wherever the fabric is skipped."""
    until: datetime | None = None
    """When they resume by themselves; null: when somebody resumes them."""


class ResumeBody(ActionBody):
    """Which fabrics to take up again."""

    fabrics: Fabrics


class DecisionBody(ActionBody):
    """What to adopt or revert."""

    fabric: FabricName
    objects: Annotated[list[Subject], Field(max_length=MOST_OBJECTS)] = Field(default_factory=list)
    """`Kind/namespace/name`, or paths of files in Git; empty: all that were changed."""


class LettersBody(ActionBody):
    """Which dead letters are meant: by number, or all of some fabrics; one of them must be given."""

    ids: Annotated[list[int], Field(max_length=MOST_OBJECTS)] = Field(default_factory=list)
    fabrics: Annotated[list[FabricName], Field(max_length=MOST_FABRICS)] = Field(default_factory=list)
    target: Target | None = None
    """Only what was given up there."""


class DiscardBody(LettersBody):
    """Which dead letters to take off the list, and why."""

    reason: Reason
    """Kept with your name."""


class ValidateBody(ActionBody):
    """A text to check as a cluster would."""

    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
    """YAML or JSON, one or more objects."""
    fabric: FabricName | None = None
    """Check against the settings and the other objects of this fabric."""
    strict: bool = False
    """Warnings are errors."""
    upstream: Upstream | None = None
    """The release to check against; null: that of the fabric, else the newest."""


class EditBody(ActionBody):
    """One object as it is to be."""

    fabric: FabricName
    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
    """The whole object, YAML or JSON."""
    digest: str | None = None
    """Of the content that the edit is based on (`digest` of the object); null: the object is new."""
    reason: Reason
    dry_run: bool = False
    """Say what would change; change nothing."""
    allow_invalid: bool = False
    """Store what a cluster would refuse, too; it is held until it is corrected."""


class DeleteBody(ActionBody):
    """Objects that a fabric is to have no longer."""

    fabric: FabricName
    objects: Annotated[list[Subject], Field(min_length=1, max_length=MOST_OBJECTS)]
    """`Kind/namespace/name`, or `Kind/name` where that is clear."""
    reason: Reason
    dry_run: bool = False
    """Say what would be deleted, and what still needs it; change nothing."""
    allow_invalid: bool = False
    """Remove from the database what a cluster would keep because others need it, too."""


class RunStarted(Model):
    """The DAG run that an action triggered."""

    action: str
    actor: str
    fabrics: list[str]
    dag_id: str
    run_id: str
    run_url: str
    """The run's page, relative to Airflow's base URL."""


class ChangedItem(Model):
    """What an action did to one thing."""

    subject: str
    """A fabric, an object, a file, or the number of a dead letter."""
    action: str
    """`suspended`, `resumed`, `unchanged`, `created`, `configured`, `deleted`, `reverted`, `replayed`, `discarded`, `left`."""
    note: str = ""


class Changed(Model):
    """What an action changed in the database; what follows from it is up to the next sync, which is due at once."""

    action: str
    actor: str
    dry_run: bool = False
    changes: list[ChangedItem]
    proposal: int | None = None
    """The proposal as which the change waits for approval: nothing is stored yet. Null: it is done."""
    run: RunStarted | None = None
    """The run that commits the change to Git, for a fabric whose source of truth that is: nothing is stored yet."""
    notes: list[str] = Field(default_factory=list)
    """What to know about it: warnings, what is held."""


class Violation(Model):
    """A rule that an object breaks, with its place."""

    rule: str
    path: str
    line: int
    column: int
    severity: str
    message: str
    hint: str


class CheckedObject(Model):
    """The verdict on one object of a text."""

    file: str
    document: int | None
    line: int
    ref: str | None
    verdict: str
    """`valid`, `invalid` or `unsupported`."""
    violations: list[Violation]


class ValidationAnswer(Model):
    """The verdicts on a text, as `hedgehog validate --output json` prints them."""

    valid: bool
    objects: list[CheckedObject]
    summary: dict[str, int]
    notes: list[str]
