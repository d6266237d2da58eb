"""What Airflow learns about this package. Loaded in every process and every task, so it imports next to nothing."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from hedgehog.airflow.listener import Preloader


class HedgehogPlugin(AirflowPlugin):
    """The Hedgehog plugin."""

    name = "hedgehog"
    listeners = [Preloader()]  # noqa: RUF012 - Airflow's attribute, read only
