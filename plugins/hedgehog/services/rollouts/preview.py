"""A planned rollout as data: who gets what in which wave, and the plan of the first fabric as an example."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hedgehog.fabric.desired_change import DesiredChange
from hedgehog.services.plans.change import plan_change
from hedgehog.services.rollouts.start import RolloutPlan
from hedgehog.services.rollouts.template import change_for
from hedgehog.store.database import Connection

_MOST_CHANGES = 500


def planned_rollout(connection: Connection, plan: RolloutPlan, number: int | None) -> dict[str, Any]:
    """What *plan* does to each of its fabrics; *number* is that of the rollout, None while it has not begun."""
    changes = Counter((str(one.ref), one.action.value) for planned in plan.fabrics for one in planned.changes.writes)
    first = plan.fabrics[0].fabric
    change = change_for(plan.template, first, first.variables)
    desired = DesiredChange(tuple(change.manifests.values()), tuple(sorted(change.delete)))
    return {
        "name": plan.name,
        "number": number,
        "digest": plan.digest,
        "waves": plan.fabrics[-1].wave + 1,
        "fabrics": [
            {
                "fabric": one.fabric.name,
                "wave": one.wave + 1,
                "counts": {action: count for action, count in one.changes.counts().items() if count},
            }
            for one in plan.fabrics
        ],
        "changes": [
            {"object": ref, "action": action, "fabrics": count}
            for (ref, action), count in changes.most_common(_MOST_CHANGES)
        ],
        "example": plan_change(connection, first, desired).as_dict(),
        "dry_run": number is None,
    }
