"""Health of everything around fabrics, deliveries of Git hosts, pull requests."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hedgehog.airflow.web import answers
from hedgehog.airflow.web.models.common import Page
from hedgehog.airflow.web.models.places import Delivery, DeliverySummary, HealthOverview, PullRequest
from hedgehog.airflow.web.routes.parameters import Cursor, Database, Limit
from hedgehog.services.browse.places import delivery_page, health_overview, pull_request_page
from hedgehog.store import inbox
from hedgehog.store.inbox import DeliveryStatus

router = APIRouter(tags=["places"])

RepositoryFilter = Annotated[str | None, Query(max_length=200, description="Only of this repository, `owner/name`.")]


@router.get("/health")
def get_health(database: Database) -> HealthOverview:
    """Git hosts, credentials, services, clusters and queues, as they were last checked."""
    return HealthOverview.model_validate(health_overview(database))


@router.get("/deliveries")
def list_deliveries(
    database: Database,
    repository: RepositoryFilter = None,
    status: Annotated[list[DeliveryStatus], Query(description="Only in any of these states.")] = [],  # noqa: B006
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Delivery]:
    """What Git hosts sent, the newest first."""
    found = delivery_page(database, repository=repository, statuses=status, limit=limit, cursor=cursor)
    return Page[Delivery].model_validate(found)


@router.get("/deliveries/summary")
def get_delivery_counts(database: Database) -> DeliverySummary:
    """How many deliveries there are by status, and how many were refused, by reason."""
    return DeliverySummary.model_validate(inbox.count_deliveries(database))


@router.get("/pull-requests")
def list_pull_requests(
    database: Database, repository: RepositoryFilter = None, limit: Limit = 100, cursor: Cursor = None
) -> Page[PullRequest]:
    """Pull requests that Git hosts announced, each as it was last checked; the newest first."""
    return answers.pull_requests_answer(pull_request_page(database, repository=repository, limit=limit, cursor=cursor))
