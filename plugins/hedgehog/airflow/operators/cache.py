"""Operators of the cache: renew the read models of fabrics, and drop what is old."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hedgehog.airflow.operators.tasks import fabric_database, known_fabrics, short

if TYPE_CHECKING:
    from airflow.sdk import Context

logger = logging.getLogger(__name__)


class RefreshCacheOperator(BaseOperator):
    """Renews read models and returns how many of each.

    :param fabrics: all models of these fabrics; empty: of every fabric what is about to end. (templated)
    """

    template_fields: Sequence[str] = ("fabrics",)
    ui_color = "#e8f0fe"

    def __init__(self, *, fabrics: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics

    def execute(self, context: Context) -> dict[str, int]:
        """Run `hedgehog.services.observe.cache.refresh`."""
        from hedgehog.services.observe import cache

        with fabric_database() as connection:
            renewed = cache.refresh(connection, known_fabrics(connection, self.fabrics) or None)
        logger.info("renewed: %s", ", ".join(f"{count} {model}" for model, count in renewed.items()))
        return renewed


class CleanUpCacheOperator(BaseOperator):
    """Drops read models and returns how many.

    :param fabrics: drop all that is kept of these fabrics; empty: of every fabric what is too old. (templated)
    :param dry_run: a dry run: count, drop nothing. (templated)
    """

    template_fields: Sequence[str] = ("fabrics", "is_dry_run")
    ui_color = "#fce8e6"

    def __init__(self, *, fabrics: Any = (), dry_run: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics
        self.is_dry_run = dry_run

    def execute(self, context: Context) -> int:
        """Run `hedgehog.services.observe.cache.expire`, or `invalidate` for named fabrics."""
        from hedgehog.services.observe import cache

        with fabric_database() as connection:
            names = known_fabrics(connection, self.fabrics)
            if names:
                dropped = cache.invalidate(connection, names, dry_run=bool(self.is_dry_run))
            else:
                dropped = cache.expire(connection, dry_run=bool(self.is_dry_run))
        what = f"entries of {short(names)}" if names else "entries that were too old"
        logger.info("%s%s %s", "would drop " if self.is_dry_run else "dropped ", dropped, what)
        return dropped
