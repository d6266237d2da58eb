"""The assets that wake our DAGs. An event only says that there is work; what to do is always read from the fabric database.

Bursts may collapse into one event, and an event may be lost: a plan reads the tables, and every DAG has a schedule, too.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from hedgehog.airflow.triggers.changes import NotificationTrigger
from hedgehog.airflow.triggers.watch import ClusterWatchTrigger

FABRIC_CHANGED = Asset(
    name="hedgehog_fabric_changed",
    uri="hedgehog://fabric-changed",
    group="hedgehog",
    watchers=[AssetWatcher(name="fabric_changed", trigger=NotificationTrigger(channel="hedgehog_fabric_changed"))],
)
"""A fabric that is published to Git, or one of its objects, changed in the database."""

REVISION_PUBLISHED = Asset(
    name="hedgehog_revision_published",
    uri="hedgehog://revision-published",
    group="hedgehog",
    watchers=[
        AssetWatcher(name="revision_published", trigger=NotificationTrigger(channel="hedgehog_revision_published"))
    ],
)
"""There is something that a cluster does not have yet, and no run that applies it: a push was taken in, a fabric without
Git sync changed in the database, or a run that published a generation left it."""

INBOX = Asset(
    name="hedgehog_inbox",
    uri="hedgehog://inbox",
    group="hedgehog",
    watchers=[AssetWatcher(name="inbox", trigger=NotificationTrigger(channel="hedgehog_inbox"))],
)
"""A delivery of a Git host came in, or one that failed is due for a retry: a pushed branch or a pull request."""

PROPOSED = Asset(
    name="hedgehog_proposed",
    uri="hedgehog://proposed",
    group="hedgehog",
    watchers=[AssetWatcher(name="proposed", trigger=NotificationTrigger(channel="hedgehog_proposed"))],
)
"""A change waits for approval."""

CLUSTER_CHANGED = Asset(
    name="hedgehog_cluster_changed",
    uri="hedgehog://cluster-changed",
    group="hedgehog",
    watchers=[AssetWatcher(name="cluster_changed", trigger=ClusterWatchTrigger())],
)
"""Somebody else changed or deleted one of our objects in a cluster, or undid that."""

ROLLOUT_MOVED = Asset(
    name="hedgehog_rollout_moved",
    uri="hedgehog://rollout-moved",
    group="hedgehog",
    watchers=[AssetWatcher(name="rollout_moved", trigger=NotificationTrigger(channel="hedgehog_rollout"))],
)
"""A rollout has something to do, or to be asked about, and no run moves it on."""

ROLLOUT_DUE = Asset(name="hedgehog_rollout_due", uri="hedgehog://rollout-due", group="hedgehog")
"""A rollout without a run was there when the schedule of rollouts was checked."""

GIT_SYNC_DUE = Asset(name="hedgehog_git_sync_due", uri="hedgehog://git-sync-due", group="hedgehog")
"""A fabric was due when the schedule of the Git sync was checked."""

REPOSITORIES_DUE = Asset(name="hedgehog_repositories_due", uri="hedgehog://repositories-due", group="hedgehog")
"""A repository was due when the schedule of the repositories was checked."""
