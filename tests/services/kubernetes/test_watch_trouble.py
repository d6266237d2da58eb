"""What nobody foresaw in one object or cluster does not blind the watch of the others."""

from __future__ import annotations

from devstack.objects import make_server, make_vpc
from hedgehog.fabric.kinds import FIELD_MANAGER
from tests.kube.clusters import api, cluster
from tests.kube.objects_lab import write_as
from tests.services.kubernetes.watch_lab import drifts, edit, synced, watch
from tests.services.kubernetes.worlds import world

__all__ = ["api", "cluster", "watch", "world"]


def test_an_object_that_cannot_be_judged_blinds_the_watch_to_no_other(world, watch):
    """Somebody writes under our name what PostgreSQL cannot hold."""
    synced(world, "odd", make_vpc("v"))
    synced(world, "lab", make_server("a"), make_server("b"))
    with watch() as running:
        running.settled()
        vpc = make_vpc("v")
        vpc["spec"]["subnets"]["subnet\0"] = {"subnet": "10.9.9.0/24", "vlan": 1999}
        write_as(world.api, FIELD_MANAGER, vpc, force="true")
        edit(world.api, make_server("a", "edited"))
        edit(world.api, make_server("b", "edited"))
        running.until(lambda: drifts(world.database) == {"a": "changed", "b": "changed"})
        running.until(lambda: {name for names in running.woken for name in names} == {"lab"})
