"""How our DAGs are marked, and the pools that they need; for those, too, who must not wait for Airflow's import."""

from __future__ import annotations

TAG = "hedgehog"
"""The tag of all our DAGs, by which they are found."""

POOLS: dict[str, tuple[int, str]] = {
    "git_sync": (8, "Hedgehog: fabrics to Git"),
    "kubernetes": (8, "Hedgehog: fabrics to clusters"),
    "cache_refresh": (2, "Hedgehog: read models of the pages"),
    "monitoring": (4, "Hedgehog: health and metrics"),
    "maintenance": (1, "Hedgehog: cleaning, backup, replay"),
}
"""Slots and description by pool. A pool's name is its queue's name too (Celery and Kubernetes executors)."""
