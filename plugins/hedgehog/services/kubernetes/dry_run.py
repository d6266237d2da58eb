"""A report on files, and what a cluster says beside it."""

from __future__ import annotations

from hedgehog.kube.client import Cluster
from hedgehog.kube.dry_run import dry_run
from hedgehog.manifests.report import Remark, ReportEntry, ValidationReport, Verdict
from hedgehog.manifests.rule import Severity, rule

REFUSED = rule(
    "cluster-refused",
    what="The cluster accepts the object in a server-side dry run.",
    why="It knows what is in it, and may run another release of Hedgehog.",
    source="the cluster's own admission, asked with dryRun=All",
    fix="correct what the cluster says; if it is wrong, compare its release with the --upstream that was checked",
)


def ask_cluster(report: ValidationReport, cluster: Cluster) -> ValidationReport:
    """*report* with what *cluster* refuses; what could not be asked is noted, each with its reason. Writes nothing.

    Only objects without a fault are asked about. Raises when the cluster cannot be reached.
    """
    asked = {
        entry.ref: entry
        for entry in report.entries
        if entry.ref is not None and entry.manifest is not None and entry.verdict is Verdict.VALID
    }
    answers = dry_run(cluster, [entry.manifest for entry in asked.values() if entry.manifest is not None])
    remarks = {ref: (_remark(asked[ref], said),) for ref, said in answers.refused.items()}
    unchecked = [f"{ref}: could not be checked: {why}" for ref, why in sorted(answers.unchecked.items())]
    invalid = sum(entry.ref is not None and entry.verdict is not Verdict.VALID for entry in report.entries)
    notes = [*answers.notes, *unchecked]
    if invalid:
        notes.append(f"{cluster.name} was not asked about the objects that have a fault already ({invalid})")
    return report.with_remarks(remarks, notes)


def _remark(entry: ReportEntry, said: str) -> Remark:
    message = f"the cluster refuses it: {said}"
    return Remark(REFUSED, ".", entry.line, 1, Severity.ERROR, message, REFUSED.fix)
