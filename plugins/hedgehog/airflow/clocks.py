"""When periodic work is due by the schedules of `[hedgehog]`, and how often, in seconds: lateness is measured in
intervals of the schedule."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

from hedgehog.airflow import settings
from hedgehog.airflow.settings import Setting
from hedgehog.errors import InvalidInput

logger = logging.getLogger(__name__)

CLOCKS = {
    "git": settings.GIT_SYNC_SCHEDULE,
    "kubernetes": settings.KUBERNETES_SYNC_SCHEDULE,
    "result_cleanup": settings.RESULT_CLEANUP_SCHEDULE,
    "log_rotation": settings.LOG_ROTATION_SCHEDULE,
    "backup": settings.BACKUP_SCHEDULE,
}
"""The schedule of each target's sync and of each maintenance job."""
SHARED: Mapping[str, Setting[str]] = {
    "hedgehog_metrics": settings.METRICS_SCHEDULE,
    "hedgehog_kubernetes_health": settings.KUBERNETES_HEALTH_SCHEDULE,
    "hedgehog_github_health": settings.GITHUB_HEALTH_SCHEDULE,
    "hedgehog_cache_refresh": settings.CACHE_REFRESH_SCHEDULE,
    "hedgehog_cache_cleanup": settings.CACHE_CLEANUP_SCHEDULE,
    "hedgehog_git_sync": settings.GIT_SYNC_SCHEDULE,
    "hedgehog_repository_changes": settings.REPOSITORY_CHANGES_SCHEDULE,
    "hedgehog_rollout": settings.ROLLOUT_SCHEDULE,
}
"""The DAGs whose schedules hedgehog_periodic checks every minute: it does their work in its own run, or triggers them
if they have any. The other DAGs have timetables of their own."""
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_LOOK_AHEAD = 25 * 3600.0
"""The time span of a schedule that is examined, in seconds; its first three runs if they take longer."""


def intervals() -> dict[str, float]:
    """The seconds between two runs, by target or job. For an uneven schedule, the longest of its pauses.

    A setting that is not a cron expression is logged and left out: lateness by the other schedules must still be seen.
    """
    found = {}
    for name, schedule in CLOCKS.items():
        try:
            found[name] = _longest_pause(schedule)
        except InvalidInput as error:
            logger.warning("%s; its lateness cannot be determined", error)
    return found


def has_struck(schedule: Setting[str], *, after: datetime, until: datetime) -> bool:
    """Whether a time of *schedule* lies after the one moment and not after the other.

    A setting that is not a cron expression is logged, and its default counts: one mistyped schedule must stop no other.
    """
    from croniter import CroniterError, croniter

    try:
        cron = schedule.read()
    except InvalidInput as error:
        logger.error("%s; until it is corrected, %r counts", error, schedule.default)
        cron = schedule.default
    try:
        following: datetime = croniter(cron, after).get_next(datetime)
    except CroniterError:  # a date that never occurs, such as 30 February
        return False
    return following <= until


def _longest_pause(schedule: Setting[str]) -> float:
    from croniter import CroniterError, croniter

    cron = schedule.read()
    try:
        times = croniter(cron, _SOME_DAY)
        runs: list[float] = [times.get_next(float)]
        while len(runs) < 3 or runs[-1] < _SOME_DAY.timestamp() + _LOOK_AHEAD:
            runs.append(times.get_next(float))
    except CroniterError as error:
        raise InvalidInput(f"[hedgehog] {schedule.name} is {cron!r}, which never occurs ({error})") from None
    return max(after - before for before, after in pairwise(runs))
