"""Documents of other tools in the directory of a fabric."""

from __future__ import annotations

from hedgehog.fabric.changes import OutcomeStatus
from tests.services.repository.changes_lab import LAB, ada, follow, lab

__all__ = ["ada", "lab"]


def test_documents_of_other_tools_are_left_alone_and_told(lab, ada):
    """They are not a problem, and nothing is deleted because of them; one that cannot be followed is a problem."""
    ada.commit({f"{LAB}/vpcs/note.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: net}\n"})
    (outcome,) = follow(lab).outcomes
    assert outcome.status is OutcomeStatus.SKIPPED
    assert outcome.details == (
        f"1 document of other tools left alone, among them {LAB}/vpcs/note.yaml:1:1: ConfigMap is left alone: it is a "
        "document of Kubernetes",
    )
    ada.commit({f"{LAB}/kustomization.yaml": "resources: [vpcs/a.yaml]\nnamePrefix: x-\n"})
    (outcome,) = follow(lab).outcomes
    assert (outcome.status, outcome.counts["deleted"]) == (OutcomeStatus.HELD, 0)
