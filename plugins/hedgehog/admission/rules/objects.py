"""Rules of all objects together: each is described once, and refers to objects that a cluster accepts."""

from __future__ import annotations

from hedgehog.manifests.rule import Severity, rule

DUPLICATE = rule(
    "object-duplicate",
    what="An object is described only once.",
    why="Two descriptions of one object overwrite each other; which one wins depends on the order of the files.",
    source="githedgehog/fabricator pkg/hhfab (already exists)",
    fix="keep one of them, or give the other a name of its own",
)
REFUSED_REFERENCE = rule(
    "reference-refused",
    what="An object refers only to objects that a cluster would accept.",
    why="The cluster does not accept the other object, so it refuses this one, too.",
    source="ours; follows from every reference that upstream's webhooks check",
    fix="correct the object that is named; nothing needs to be done here",
)
DELETED_REFERENCE = rule(
    "reference-deleted",
    what="An object is deleted only when no remaining object refers to it.",
    why=(
        "Upstream allows deleting some objects although others refer to them; those then no longer work or "
        "cannot be changed."
    ),
    source="ours; upstream checks labels of some kinds only",
    fix="delete or change the objects that refer to it as well, or keep it",
    severity=Severity.WARNING,
)
