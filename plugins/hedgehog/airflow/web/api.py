"""What people and tools that Airflow knows may read over HTTP.

A web application of its own, so that no dependency is ever left out by mistake: everything in it needs a login and the
permission to see plugins.
"""

from __future__ import annotations

from contextlib import closing

from fastapi import Depends, FastAPI

from hedgehog.airflow.web.database import open_for_web
from hedgehog.store import inbox


def api_app() -> FastAPI:
    """The application below `/hedgehog/api`. Loaded by the API server only."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import get_user, requires_access_view

    app = FastAPI(
        title="Hedgehog",
        dependencies=[Depends(get_user), Depends(requires_access_view(AccessView.PLUGINS))],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.get("/inbox")
    def get_inbox() -> dict[str, dict[str, int]]:
        """Deliveries by status, refused ones by reason."""
        with closing(open_for_web("hedgehog api")) as connection:
            found = inbox.count_deliveries(connection)
        return {"deliveries": found.deliveries, "refusals": found.refusals}

    return app
