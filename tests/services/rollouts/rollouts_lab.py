"""A fleet to roll changes out to: fabrics in a real database and, where a test wants it, in Git and on a real cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devstack.git_server import GitServer
from devstack.objects import make_server
from hedgehog.fabric.model import GitRepository, Manifest
from hedgehog.fabric.rollouts import Decision, RolloutPolicy
from hedgehog.fabric.selectors import Selector, parse_selector
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.kube.client import Cluster
from hedgehog.services.rollouts.start import begin_rollout, plan_rollout
from hedgehog.services.rollouts.step import step
from hedgehog.services.rollouts.template import read_template
from hedgehog.store import fabrics, rollouts
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection

CHANGE = b"""\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: "${fabric}-s"}
spec: {description: "rack ${rack} of ${site}"}
---
apiVersion: hedgehog-airflow/v1
kind: Change
metadata: {name: racks}
spec:
  delete: ["Server/default/${fabric}-old"]
"""
ALL = Selector()
PAUSE = timedelta(seconds=20)


def no_cluster(connection_id: str) -> Cluster:
    """For fabrics that have none."""
    raise AssertionError(connection_id)


@dataclass
class Fleet:
    """A fabric database, with what tests do to a rollout in it; `now` goes on when a test says so."""

    database: Connection
    directory: Path
    open_cluster: Any = no_cluster
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, *names: str, **settings: Any) -> None:
        """Fabrics with a server each, one that is to go, and what the change needs of them."""
        for number, name in enumerate(names):
            values = {"labels": {"site": "fra"}, "variables": {"rack": number + 1, "site": "fra"}}
            fabrics.save_fabric(self.database, name, values | settings)
            self.save(name, make_server(f"{name}-s", "before"), make_server(f"{name}-old"))

    def add_to_git(self, host: GitServer, *names: str, **settings: Any) -> None:
        """The same, published to a repository of *host*."""
        fabrics.save_repository(self.database, "net", {"url": host.url("net")})
        for name in names:
            self.add(name, git_repository="net", git_directory=name, git_sync_enabled=True, **settings)

    def save(self, name: str, *manifests: Manifest) -> None:
        """Store objects."""
        object_store.save_objects(self.database, fabrics.load_fabric(self.database, name).id, manifests)

    def objects(self, name: str) -> dict[str, str]:
        """The descriptions of the servers that a fabric wants, by name."""
        row_id = fabrics.load_fabric(self.database, name).id
        found = object_store.load_objects(self.database, [row_id])[row_id]
        return {one.ref.name: one.manifest["spec"].get("description", "") for one in found}

    def has_it(self, name: str) -> bool:
        """Whether a fabric wants the change."""
        found = self.objects(name)
        return found[f"{name}-s"].startswith("rack ") and f"{name}-old" not in found

    def begin(
        self, name: str = "racks", *, change: bytes = CHANGE, select: str = "", policy: Any = None, **options: Any
    ) -> int:
        """Plan and begin a rollout; its number."""
        template = read_template(change, file="racks.yaml")
        selector = parse_selector(select) if select else ALL
        plan = plan_rollout(self.database, name, template, selector, policy=policy or RolloutPolicy(), **options)
        return begin_rollout(self.database, plan, why="CHG-17", actor="ann")

    def step(self, name: str = "racks", *, run_id: str = "run-1", **options: Any) -> Decision:
        """Do what is next."""
        values: dict[str, Any] = {"open_mirror": self.open_mirror, "open_cluster": self.open_cluster, "pause": PAUSE}
        return step(self.database, name, run_id=run_id, now=self.now, **(values | options))

    def run(self, name: str = "racks", *, most: int = 40, minutes: float = 0.5) -> list[Decision]:
        """Step until the rollout does not run any more, with some time in between."""
        done = []
        for _ in range(most):
            done.append(self.step(name))
            if done[-1].look_again_at is None:
                break
            self.now += timedelta(minutes=minutes)
        return done

    def open_mirror(self, repository: GitRepository) -> Mirror:
        """As the Airflow hook does."""
        return Mirror(
            self.directory / "cache", Remote(repository.url, repository.branch, GitCredentials(), timeout=300)
        )

    def states(self, name: str = "racks") -> dict[str, str]:
        """How far each fabric is."""
        row = rollouts.load_rollout(self.database, name)
        return {one.member.fabric: one.member.state.value for one in rollouts.members_of(self.database, row.id)}

    def row(self, name: str = "racks") -> rollouts.RolloutRow:
        """The rollout as recorded."""
        return rollouts.load_rollout(self.database, name)

    def waves(self, name: str = "racks") -> list[Sequence[str]]:
        """The fabrics of each wave."""
        found: dict[int, list[str]] = {}
        for one in rollouts.members_of(self.database, self.row(name).id):
            found.setdefault(one.member.wave, []).append(one.member.fabric)
        return [found[wave] for wave in sorted(found)]
