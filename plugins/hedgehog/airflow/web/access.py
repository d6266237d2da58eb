"""Who may ask what: a login and the permission to see plugins for everything, and for an action the permission to
trigger the DAGs that do such work. Loaded by the API server only.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag, requires_access_view
from fastapi import Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

GIT_SYNC = "hedgehog_git_sync"
KUBERNETES_SYNC = "hedgehog_kubernetes_sync"
REPOSITORY_CHANGES = "hedgehog_repository_changes"
DEAD_LETTER_REPLAY = "hedgehog_dead_letter_replay"
ADOPTION = "hedgehog_adoption"
GIT_CHANGE = "hedgehog_git_change"
APPROVAL = "hedgehog_approval"
ROLLOUT = "hedgehog_rollout"
PULL_REQUEST_VALIDATION = "hedgehog_pull_request_validation"

ACTIONS: Mapping[str, tuple[str, ...]] = {
    "sync-git": (GIT_SYNC,),
    "sync-cluster": (KUBERNETES_SYNC,),
    "pull": (REPOSITORY_CHANGES,),
    "dry-run-git": (GIT_SYNC,),
    "dry-run-cluster": (KUBERNETES_SYNC,),
    "suspend": (GIT_SYNC, KUBERNETES_SYNC),
    "resume": (GIT_SYNC, KUBERNETES_SYNC),
    "freeze": (GIT_SYNC, KUBERNETES_SYNC),
    "unfreeze": (GIT_SYNC, KUBERNETES_SYNC),
    "set-window": (GIT_SYNC, KUBERNETES_SYNC),
    "delete-window": (GIT_SYNC, KUBERNETES_SYNC),
    "adopt-git": (ADOPTION,),
    "adopt-cluster": (ADOPTION,),
    "revert-git": (GIT_SYNC,),
    "revert-cluster": (KUBERNETES_SYNC,),
    "replay": (DEAD_LETTER_REPLAY,),
    "discard": (DEAD_LETTER_REPLAY,),
    "validate": (PULL_REQUEST_VALIDATION,),
    "edit": (GIT_SYNC, KUBERNETES_SYNC),
    "delete": (GIT_SYNC, KUBERNETES_SYNC),
    "plan": (GIT_SYNC, KUBERNETES_SYNC),
    "apply": (GIT_SYNC, KUBERNETES_SYNC),
    "rollback": (GIT_SYNC, KUBERNETES_SYNC),
    "approve": (APPROVAL,),
    "reject": (APPROVAL,),
    "start-rollout": (ROLLOUT,),
    "pause-rollout": (ROLLOUT,),
    "resume-rollout": (ROLLOUT,),
    "approve-rollout": (ROLLOUT,),
    "abort-rollout": (ROLLOUT,),
    "rollback-rollout": (ROLLOUT,),
}
"""Every action, and the DAGs that do such work: who may trigger all of them may do it."""

User = Annotated[BaseUser, Depends(get_user)]

READING = (Depends(get_user), Depends(requires_access_view(AccessView.PLUGINS)))
"""What stands before everything."""

_JSON = "application/json"


def same_site(request: Request) -> None:
    """Refuse what a page of another site may have sent: a session cookie alone proves no intent.

    A browser says where a request comes from (Sec-Fetch-Site, Origin), and asks before it sends JSON to another site.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise HTTPException(415, f"send the body as {_JSON}")
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        raise HTTPException(403, f"the request comes from another site (Sec-Fetch-Site: {site[:40]})")
    origin = request.headers.get("origin")
    if site is None and origin is not None and urlsplit(origin).netloc.lower() != _host(request):
        raise HTTPException(403, "the request comes from another site (Origin)")


def _host(request: Request) -> str:
    return request.headers.get("host", "").lower()


def permission_to(action: str) -> list[Any]:
    """What stands before an action, besides READING."""
    permissions = [
        Depends(requires_access_dag(method="POST", access_entity=DagAccessEntity.RUN, param_dag_id=dag_id))
        for dag_id in ACTIONS[action]
    ]
    return [*permissions, Depends(same_site)]


class PermissionFirst(APIRoute):
    """A route that says who may not ask before what is wrong with a body: FastAPI reads JSON before anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer as any route does, except to somebody who may not ask and sends a body that is not JSON."""
        answer = super().get_route_handler()
        before = APIRoute(
            self.path,
            _let_pass,
            dependencies=self.dependencies,
            dependency_overrides_provider=self.dependency_overrides_provider,
        ).get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestValidationError as error:
                if any(one["type"] == "json_invalid" for one in error.errors()):
                    await before(request)
                raise

        return answered


def _let_pass() -> None:
    """What a route does whose dependencies alone are of interest."""


def allowed(user: BaseUser) -> dict[str, bool]:
    """Each action, and whether *user* may do it."""
    dags = sorted({dag_id for needed in ACTIONS.values() for dag_id in needed})
    may = {dag_id: _may_trigger(user, dag_id) for dag_id in dags}
    return {action: all(may[dag_id] for dag_id in needed) for action, needed in ACTIONS.items()}


def _may_trigger(user: BaseUser, dag_id: str) -> bool:
    from airflow.models.dag import DagModel

    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return bool(
        get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )
