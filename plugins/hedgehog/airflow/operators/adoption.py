"""The operator that takes into a fabric what others wrote in Git or on its cluster."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hedgehog.airflow.links import ObjectLink, PageLink, fabric_page, page_of_object
from hedgehog.airflow.operators.tasks import fabric_database, run_id_of, triggering_user

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)

_BOTH = "both"


class AdoptOperator(BaseOperator):
    """Takes objects into a fabric as they are in the cluster, or as people wrote them in Git; all of them or none.

    :param fabric: the name of the fabric. (templated)
    :param objects: refs of objects, or paths of files; empty: all that were changed. (templated)
    :param place: `git`, `cluster` or `both`. (templated)
    """

    template_fields: Sequence[str] = ("fabric", "objects", "place")
    ui_color = "#e6f4ea"
    operator_extra_links = (PageLink(), ObjectLink())

    def __init__(self, *, fabric: str, objects: Any = (), place: str = _BOTH, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabric = fabric
        self.objects = objects
        self.place = place

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many objects changed in the fabric, by action."""
        from hedgehog.airflow.adapters.hooks import open_cluster, open_mirror
        from hedgehog.fabric.origin import Origin, Via
        from hedgehog.services.steer.decisions import adopt_chosen, choose

        place = None if self.place == _BOTH else self.place
        with fabric_database() as connection:
            changes = adopt_chosen(
                connection,
                choose(connection, self.fabric, list(self.objects), place),
                open_mirror=open_mirror,
                open_cluster=open_cluster,
                origin=Origin(who=triggering_user(context), via=Via.RUN, run=run_id_of(context)),
            )
        self.page_link = fabric_page([self.fabric])
        if len(changes.changes) == 1:
            self.object_link = page_of_object(self.fabric, changes.changes[0].ref)
        for change in changes.changes:
            logger.info("%s: %s", self.fabric, change)
        return {"fabric": self.fabric, "counts": changes.counts()}
