"""What Airflow learns about this package. Loaded in every process and every task, so it imports next to nothing."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from hedgehog.airflow.failure_lines import FailureLines
from hedgehog.airflow.listening.listener import Preloader
from hedgehog.airflow.listening.task_recorder import TaskRecorder
from hedgehog.airflow.settings import log_problems


class HedgehogPlugin(AirflowPlugin):
    """The Hedgehog plugin."""

    name = "hedgehog"
    listeners = [Preloader(), TaskRecorder(), FailureLines()]  # noqa: RUF012 - Airflow's attribute, read only

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Log what is wrong with our settings, in every component as it starts."""
        log_problems()

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # made when asked for, by the API server
        """Our web applications. The longer prefix stands first: the first one that fits gets the request.

        They are made once: every page of Airflow asks for the list of plugins, which names them.
        """
        from hedgehog.airflow.web.api import api_app
        from hedgehog.airflow.web.bundles import PREFIX, bundles_app
        from hedgehog.airflow.web.memory import keep_loaded
        from hedgehog.airflow.web.metrics import metrics_app
        from hedgehog.airflow.web.v1 import v1_app
        from hedgehog.airflow.web.webhook import webhook_app

        made = [
            {"app": webhook_app(), "url_prefix": "/hedgehog/webhooks", "name": "Hedgehog webhooks"},
            {"app": v1_app(), "url_prefix": "/hedgehog/api/v1", "name": "Hedgehog API"},
            {"app": api_app(), "url_prefix": "/hedgehog/api", "name": "Hedgehog"},
            {"app": metrics_app(), "url_prefix": "/hedgehog/metrics", "name": "Hedgehog metrics"},
            {"app": bundles_app(), "url_prefix": PREFIX, "name": "Hedgehog pages"},
        ]
        keep_loaded()
        return made

    @property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:  # type: ignore[override]  # as the applications
        """What lets our API ask Airflow's own, in the same process."""
        from hedgehog.airflow.web.root import RootApplication

        return [{"middleware": RootApplication, "args": [], "kwargs": {}, "name": "Hedgehog: Airflow's own API"}]

    @cached_property
    def react_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # made when asked for, by the API server
        """Our pages, and the card on Airflow's home page."""
        from hedgehog.airflow.web.bundles import react_apps

        return react_apps()
