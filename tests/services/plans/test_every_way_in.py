"""Nobody stores objects past the rules of approval."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3] / "plugins" / "hedgehog"
_STORES = re.compile(r"\b(?:save_objects|delete_objects|save_as_written|store_former|store_change)\(")
_ASKS = re.compile(r"\b(?:propose_if_needed|pushed_change_waits)\(")

NOT_ASKED = {
    "services/attribution.py": "stores for those who have asked",
    "services/git/edits.py": "what somebody adopts is in Git already",
    "services/kubernetes/drift_decisions.py": "what somebody adopts is in the cluster already",
    "services/kubernetes/record.py": "what a policy adopts is in the cluster already",
    "services/git/fabric_run.py": "what a policy adopts is in Git already",
    "services/plans/deciding.py": "stores what was approved",
    "services/rollouts/advance.py": "a rollout has approvals of its own",
    "services/rollouts/take_back.py": "what is taken back was wanted before",
    "services/transfer/restore.py": "what is restored was wanted before",
}
"""Modules that store objects, or have some of their functions do so, without asking; each with the reason."""


def test_every_module_that_stores_objects_asks_for_approval_first():
    """A new way in must not become a way around."""
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    storing = {name for name, source in sources.items() if _STORES.search(source) and not name.startswith("store/")}
    assert {name for name in storing if not _ASKS.search(sources[name])} == NOT_ASKED.keys()
    assert {name for name in storing if _ASKS.search(sources[name])} >= {
        "services/repository/ingest.py",
        "services/steer/deletions.py",
        "services/steer/plans.py",
        "services/steer/rollback.py",
        "services/transfer/load.py",
    }
