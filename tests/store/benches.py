"""Fabrics in a real database, and an ear for what it says."""

from __future__ import annotations

from hedgehog.fabric.model import Target
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, inbox, schedule, sync_state
from hedgehog.store.database import transaction
from tests.waiting import until

CHANGED, PUBLISHED = "hedgehog_fabric_changed", "hedgehog_revision_published"
"""The channels by which the syncs to Git and to clusters are woken."""
FENCE = "fence_of_the_tests"
"""A channel that only an `Ear` notifies."""


def make_vpc(name="vpc-1", **spec):
    """The smallest VPC as a fabric stores it."""
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


class Bench:
    """A database with handles for what the tests look at."""

    def __init__(self, connection):
        self.connection = connection

    def repository(self, name="net", **settings):
        """Make or change a repository."""
        return fabrics.save_repository(
            self.connection, name, {"url": f"https://git.example.com/{name}.git", **settings}
        )

    def fabric(self, name="lab", **settings):
        """Make or change a fabric and return it."""
        fabrics.save_fabric(self.connection, name, settings)
        return fabrics.load_fabric(self.connection, name)

    def synced_fabric(self, name="lab", **settings):
        """A fabric with both syncs on, in a repository of its own."""
        self.repository(f"{name}-net")
        enabled = {
            "git_repository": f"{name}-net",
            "git_sync_enabled": True,
            "enable_k8s_sync": True,
            "kubernetes_connection_id": f"{name}-cluster",
        }
        return self.fabric(name, **{**enabled, **settings})

    def generation(self, name="lab"):
        """The fabric's generation now."""
        return fabrics.load_fabric(self.connection, name).generation

    def due(self, target, *, force=False):
        """The names of the due fabrics."""
        return [one.name for one in schedule.due(self.connection, target, force=force)]

    def state(self, name="lab", target=Target.GIT):
        """The state of one fabric at one target."""
        return next(state for state in sync_state.states(self.connection, [name]) if state.target is target)

    def finish(self, fabric, outcome, **options):
        """Record an outcome."""
        with transaction(self.connection) as cursor:
            sync_state.finish(cursor, fabric.id, outcome, run_id="run-1", **options)

    def execute(self, sql, *values):
        """Run SQL and return the rows, if it gives any."""
        with transaction(self.connection) as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


class Ear:
    """A second connection that listens."""

    def __init__(self, parameters):
        self.connection = store_database.connect(parameters)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANGED}; LISTEN {PUBLISHED}; LISTEN {inbox.CHANNEL}; LISTEN {FENCE}")

    @classmethod
    def beside(cls, connection):
        """One at the database of *connection*."""
        return cls(connection.get_dsn_parameters() | {"password": connection.info.password})

    def heard(self):
        """The notifications since the last call, as (channel, payload)."""
        with self.connection.cursor() as cursor:  # they come in the order of the commits: what is missing now never was
            cursor.execute(f"NOTIFY {FENCE}")
        until(self._at_the_fence, "our own notification")
        found = [(notify.channel, notify.payload) for notify in self.connection.notifies if notify.channel != FENCE]
        self.connection.notifies.clear()
        return found

    def _at_the_fence(self):
        self.connection.poll()
        return any(notify.channel == FENCE for notify in self.connection.notifies)
