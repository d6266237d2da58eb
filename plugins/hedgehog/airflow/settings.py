"""Our settings, `[hedgehog]` of Airflow's configuration, as one table: each with its name, what it may be, its default
and its meaning. Code that needs one reads it here; `docs/settings.md` is made from it.

Light: DAG files and the plugin import it in every process, commands must not wait for Airflow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from hedgehog.airflow import configuration
from hedgehog.errors import InvalidInput
from hedgehog.fabric.git_urls import without_login
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.shown import shown

logger = logging.getLogger(__name__)

SECTION = "hedgehog"
_LONGEST_VALUE = 40
"""Characters of a value that a message quotes."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Allowed(Generic[T]):
    """What a setting may be, in words that follow "it must be", and how it is read: `parse` raises ValueError, KeyError
    or TypeError for what is not allowed."""

    words: str
    parse: Callable[[str], T]


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One row of the table."""

    name: str
    allowed: Allowed[T]
    default: T
    meaning: str
    default_text: str
    """The default as somebody would write it; where it depends on the machine, how it does."""
    is_secret: bool = False
    """No message quotes its value."""
    since: str = "0.1.0"

    def read(self) -> T:
        """The value that is set, else the default. Raises InvalidInput, naming the setting, for what is not allowed."""
        text = configuration.option(SECTION, self.name)
        if text is None:
            return self.default
        try:
            return self.allowed.parse(text)
        except (ValueError, KeyError, TypeError):
            pass  # raised below, without the value that the text of this error may quote
        if self.is_secret:
            raise InvalidInput(f"[{SECTION}] {self.name} must be {self.allowed.words}; its value is not shown")
        value = shown(without_login(text), _LONGEST_VALUE)
        raise InvalidInput(f"[{SECTION}] {self.name} is {value}; it must be {self.allowed.words}")


class Notifier(NamedTuple):
    """One entry of `notifiers`: a class of Airflow's, and what it is made with."""

    path: str
    kwargs: dict[str, Any]


# What a setting may be


def _number(unit: str, *, lowest: float = 0.0, highest: float, above: bool = False) -> Allowed[float]:
    """A number from *lowest* (with *above*: more than that) to *highest*."""

    def parse(text: str) -> float:
        number = float(text)
        if not lowest <= number <= highest or (above and number == lowest):
            raise ValueError
        return number

    limits = f"more than {lowest:g}, at most {highest:.0f}" if above else f"{lowest:g} to {highest:.0f}"
    return Allowed(f"a number of {unit}, {limits}", parse)


def _count(things: str, *, lowest: int) -> Allowed[int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < lowest:
            raise ValueError
        return number

    return Allowed(f"a whole number of {things}, {lowest} or more", parse)


def _one_of(*words: str) -> Allowed[str]:
    def parse(text: str) -> str:
        return words[words.index(text)]

    return Allowed(" or ".join(map(repr, words)), parse)


def _some_of(*words: str) -> Allowed[frozenset[str]]:
    def parse(text: str) -> frozenset[str]:
        found = frozenset(word.strip() for word in text.split(",")) - {""}
        if not found <= set(words):
            raise ValueError
        return found

    return Allowed(f"any of {', '.join(words)}, separated by commas", parse)


def _cron(text: str) -> str:
    from croniter import CroniterError, croniter

    try:
        croniter(text)
    except CroniterError as error:
        raise ValueError from error
    return text


def _place(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _notifiers(text: str) -> tuple[Notifier, ...]:
    import orjson

    entries = orjson.loads(text) if text.strip() else []
    found = tuple(Notifier(entry["notifier"], entry.get("kwargs", {})) for entry in entries)
    if not all(isinstance(one.path, str) and isinstance(one.kwargs, dict) for one in found):
        raise TypeError
    return found


_CRON = Allowed("a cron expression", _cron)
_DAYS = _number("days", highest=1_000_000, above=True)
_TEXT = Allowed("a text", str)


# Rows of a kind


def _clock(dag: str, default: str, meaning: str) -> Setting[str]:
    return Setting(f"{dag}_schedule", _CRON, default, meaning, default)


def _days(name: str, default: int, meaning: str, allowed: Allowed[float] = _DAYS) -> Setting[float]:
    return Setting(name, allowed, float(default), meaning, str(default))


def _secret(name: str, meaning: str) -> Setting[str]:
    return Setting(name, _TEXT, "", meaning, "", is_secret=True)


# The table

GIT_TIMEOUT = Setting(
    "git_timeout",
    _number("seconds", lowest=10, highest=86400),
    480.0,
    "Time limit of one git call. Raise it for large clones; the time limit of the tasks grows with it.",
    "480",
)
GIT_CACHE_DIRECTORY: Setting[Path | None] = Setting(
    "git_cache_directory",
    Allowed("a directory", lambda text: Path(_place(text)).expanduser()),
    None,
    "Bare clones of the repositories; it may be deleted at any time. Without AIRFLOW_HOME it is in the user's cache.",
    "$AIRFLOW_HOME/hedgehog/git",
)
KUBECONFIG_ALLOW: Setting[frozenset[str]] = Setting(
    "kubeconfig_allow",
    _some_of("plugins", "insecure", "files"),
    frozenset(),
    "What kubeconfigs may do beyond holding a token or a certificate ([operations.md](operations.md#connect)).",
    "",
)
OPEN_PROBLEMS = Setting(
    "open_problems",
    _one_of("fail", "warn"),
    "fail",
    "With `fail`, runs are red while something waits for a person; with `warn`, the log only names it.",
    "fail",
)

GIT_SYNC_SCHEDULE = _clock("git_sync", "*/5 * * * *", "Publishes fabrics to Git, in addition to the wake-ups.")
KUBERNETES_SYNC_SCHEDULE = _clock(
    "kubernetes_sync", "*/3 * * * *", "Applies fabrics to clusters, in addition to the wake-ups."
)
REPOSITORY_CHANGES_SCHEDULE = _clock(
    "repository_changes", "*/5 * * * *", "Polls the Git hosts for pushes that no webhook announced."
)
ROLLOUT_SCHEDULE = _clock("rollout", "*/5 * * * *", "Takes up rollouts whose run was lost.")
KUBERNETES_HEALTH_SCHEDULE = _clock("kubernetes_health", "*/2 * * * *", "Checks the health of fabrics and clusters.")
GITHUB_HEALTH_SCHEDULE = _clock(
    "github_health", "*/3 * * * *", "Checks the health of Git hosts, the fabric database and Airflow."
)
CACHE_REFRESH_SCHEDULE = _clock("cache_refresh", "*/5 * * * *", "Renews the read models of the pages.")
CACHE_CLEANUP_SCHEDULE = _clock("cache_cleanup", "*/30 * * * *", "Deletes read models that are no longer needed.")
METRICS_SCHEDULE = _clock("metrics", "* * * * *", "Collects metrics and notifies.")
RESULT_CLEANUP_SCHEDULE = _clock("result_cleanup", "17 * * * *", "Deletes old rows and old runs, repairs killed runs.")
LOG_ROTATION_SCHEDULE = _clock("log_rotation", "40 3 * * *", "Compresses and deletes old task logs.")
APPROVAL_SCHEDULE = _clock(
    "approval", "*/30 * * * *", "Asks about changes that wait for approval, in addition to the wake-ups."
)
BACKUP_SCHEDULE = _clock("backup", "20 2 * * *", "Writes a backup.")

RETENTIONS: Mapping[str, Setting[float]] = {
    table: _days(f"{table}_retention_days", days, f"{meaning} ([maintenance.md](maintenance.md#retention)).")
    for table, days, meaning in (
        ("sync_event", 30, "History of the syncs"),
        ("inbox", 14, "Finished webhook deliveries"),
        ("dead_letter", 30, "Closed dead letters"),
        ("health_event", 30, "History of the health checks"),
        ("convergence", 90, "How long changes took to reach the switches"),
        ("task_run", 14, "Task records"),
        ("metric_sample", 2, "Metrics in the fabric database"),
        ("action", 365, "What people did with the API and the command"),
        ("rollout", 365, "Rollouts that are over, with what their fabrics had before"),
        ("proposal", 365, "Changes that somebody approved or rejected"),
        ("plan", 30, "Plans that somebody was shown"),
    )
}
"""By table of the fabric database."""
HISTORY_RETENTION_DAYS = _days(
    "history_retention_days",
    0,
    "After so many days, the history forgets what an object was that has changed since; 0: never. Who changed what and why "
    "is kept for ever, and so is the last content of every object ([maintenance.md](maintenance.md#retention)).",
    _number("days", highest=700_000),
)
DAG_RUN_RETENTION_DAYS = _days(
    "dag_run_retention_days",
    14,
    "Airflow's own runs of our DAGs ([maintenance.md](maintenance.md#retention)).",
    _number("days", highest=700_000, above=True),  # more is before the year 1
)

LOG_COMPRESS_DAYS = _days(
    "log_compress_days",
    1,
    "Older task logs are compressed; logs larger than 1 MB as soon as nobody writes to them.",
    _number("days", highest=1_000_000),
)
LOG_RETENTION_DAYS = _days("log_retention_days", 30, "Older task logs are deleted.")
LOG_TOTAL_MEGABYTES = Setting(
    "log_total_megabytes",
    _number("megabytes", highest=1_000_000_000),
    2000.0,
    "Largest size of all task logs of our DAGs on a machine; beyond it, the oldest are deleted early.",
    "2000",
)
LOG_KEEP = Setting(
    "log_keep",
    _count("logs", lowest=0),
    20,
    "The newest task logs of each DAG that are kept, whatever their age.",
    "20",
)

BACKUP_DIRECTORY: Setting[str | None] = Setting(
    "backup_directory",
    Allowed("a directory, or the URL of an object storage of Airflow's", _place),
    None,
    "Where the backups go, best on a disk that outlives the worker ([maintenance.md](maintenance.md#backup)).",
    "$AIRFLOW_HOME/hedgehog/backups",
)
BACKUP_KEEP = Setting(
    "backup_keep", _count("backups", lowest=1), 14, "How many backups are kept; older ones are deleted.", "14"
)

NOTIFIERS: Setting[tuple[Notifier, ...]] = Setting(
    "notifiers",
    Allowed('a JSON list of {"notifier": "dotted.path.of.Class", "kwargs": {…}}', _notifiers),
    (),
    "Airflow notifiers that report what is wrong ([metrics.md](metrics.md#notifications)).",
    "",
    is_secret=True,
)
NOTIFY_AGAIN_MINUTES = Setting(
    "notify_again_minutes",
    _number("minutes", highest=1_000_000_000),
    240.0,
    "What is still wrong after that time is reported again.",
    "240",
)
METRICS_TOKEN = _secret(
    "metrics_token",
    "The token for Prometheus, if there is no connection `hedgehog_metrics_token` "
    "([metrics.md](metrics.md#prometheus)).",
)
GITHUB_WEBHOOK_SECRET = _secret(
    "github_webhook_secret",
    "The secret of the webhook, if there is no connection `hedgehog_github_webhook` ([webhooks.md](webhooks.md)).",
)
GITHUB_WEBHOOK_PREVIOUS_SECRET = _secret(
    "github_webhook_previous_secret", "The previous secret, which is accepted as well while it is being replaced."
)

GROUPS: Mapping[str, tuple[Setting[Any], ...]] = {
    "Git, clusters, runs": (GIT_TIMEOUT, GIT_CACHE_DIRECTORY, KUBECONFIG_ALLOW, OPEN_PROBLEMS),
    "Schedules": (
        GIT_SYNC_SCHEDULE,
        KUBERNETES_SYNC_SCHEDULE,
        REPOSITORY_CHANGES_SCHEDULE,
        ROLLOUT_SCHEDULE,
        KUBERNETES_HEALTH_SCHEDULE,
        GITHUB_HEALTH_SCHEDULE,
        CACHE_REFRESH_SCHEDULE,
        CACHE_CLEANUP_SCHEDULE,
        METRICS_SCHEDULE,
        RESULT_CLEANUP_SCHEDULE,
        LOG_ROTATION_SCHEDULE,
        APPROVAL_SCHEDULE,
        BACKUP_SCHEDULE,
    ),
    "Retention": (*RETENTIONS.values(), HISTORY_RETENTION_DAYS, DAG_RUN_RETENTION_DAYS),
    "Task logs": (LOG_COMPRESS_DAYS, LOG_RETENTION_DAYS, LOG_TOTAL_MEGABYTES, LOG_KEEP),
    "Backup": (BACKUP_DIRECTORY, BACKUP_KEEP),
    "Metrics and notifications": (NOTIFIERS, NOTIFY_AGAIN_MINUTES, METRICS_TOKEN),
    "Webhook": (GITHUB_WEBHOOK_SECRET, GITHUB_WEBHOOK_PREVIOUS_SECRET),
}
"""The table, in the order of its page."""
SETTINGS: Mapping[str, Setting[Any]] = {row.name: row for rows in GROUPS.values() for row in rows}
"""The table by name."""
SUMMARY = f"[{SECTION}] has only known settings with allowed values"
"""Where there are no problems."""


# Validation


def problems() -> list[str]:
    """What is wrong with the settings of this process: names that no setting has, values that are not allowed.

    Raises nothing, and quotes no secret.
    """
    try:
        unknown = configuration.written_names(SECTION) - SETTINGS.keys()
    except InvalidInput as error:
        return [str(error)]
    return [*map(_said_of_unknown, sorted(unknown)), *filter(None, map(_said_of_value, SETTINGS.values()))]


def log_problems() -> None:
    """Log each problem as an error. The DAGs go on: what reads a wrong value fails by itself."""
    for problem in problems():
        logger.error("%s", problem)


def _said_of_unknown(name: str) -> str:
    hint = did_you_mean(name.lower().replace("-", "_"), SETTINGS, otherwise="docs/settings.md lists all settings")
    return f"[{SECTION}] has {shown(name, _LONGEST_VALUE)}, which is not a setting; {hint}"


def _said_of_value(setting: Setting[Any]) -> str:
    try:
        setting.read()
    except InvalidInput as error:
        return str(error)
    return ""
