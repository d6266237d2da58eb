"""Fixtures of the room."""

from tests.kube.clusters import api, cluster

__all__ = ["api", "cluster"]
