"""The API below `/hedgehog/api/v1`: what the pages read and do, for people and tools that Airflow knows.

A web application of its own, so that no dependency is ever left out by mistake: everything in it needs a login and the
permission to see plugins, its description included.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from hedgehog.airflow.web import errors
from hedgehog.airflow.web.access import READING
from hedgehog.airflow.web.guard import Guard
from hedgehog.airflow.web.models.common import ProblemDetails
from hedgehog.airflow.web.routes import (
    actions,
    fabrics,
    find,
    fleet,
    freezing,
    history,
    places,
    plans,
    proposals,
    rollouts,
    rules,
    trouble,
)

VERSION = "1"
_ROUTERS = (
    fleet.router,
    fabrics.router,
    find.router,
    history.router,
    trouble.router,
    places.router,
    rules.router,
    freezing.router,
    plans.router,
    proposals.router,
    rollouts.router,
    actions.router,
)
_REFUSALS = {
    401: "Nobody is logged in.",
    403: "The permission is missing, or the request comes from another site.",
    404: "There is no such thing.",
    422: "A parameter or the body is wrong.",
    503: "The fabric database, or another service, does not answer.",
}
_SCHEMAS = "#/components/schemas/"
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": what,
        "content": {errors.MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}{ProblemDetails.__name__}"}}},
    }
    for status, what in _REFUSALS.items()
}


class _Api(FastAPI):
    """An application whose description has the schema of its errors, which FastAPI does not know as a model."""

    def openapi(self) -> dict[str, Any]:
        """The description of all routes, made once."""
        if self.openapi_schema is None:
            found = super().openapi()
            _, definitions = models_json_schema(
                [(ProblemDetails, "serialization")], ref_template=f"{_SCHEMAS}{{model}}"
            )
            found["components"]["schemas"].update(definitions["$defs"])
        return super().openapi()


def v1_app() -> FastAPI:
    """The application below `/hedgehog/api/v1`. Loaded by the API server only."""
    app = _Api(
        title="Hedgehog on Airflow",
        version=VERSION,
        description="Fabrics in the database, in Git and on clusters: how they stand, and what can be done. See docs/api.md.",
        dependencies=list(READING),
        responses=_ERRORS,
        generate_unique_id_function=_operation,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_middleware(Guard)
    errors.answer_problems(app)
    for router in _ROUTERS:
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False)
    def get_openapi() -> dict[str, Any]:
        """This API, described for tools."""
        return app.openapi()

    return app


def _operation(route: APIRoute) -> str:
    """The name of the route's function: what a generated client calls it."""
    return route.name
