"""The operator that commits a planned change of a fabric whose source of truth is Git."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hedgehog.airflow.links import CommitLink, PageLink, commit_page, fabric_page
from hedgehog.airflow.operators.tasks import fabric_database, run_id_of, triggering_user

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.services.steer.git_plans import CommittedPlan

logger = logging.getLogger(__name__)


class CommitPlanOperator(BaseOperator):
    """Commits the change of a kept plan in the name of who started the run, if the plan still holds.

    :param plan: the id of the plan. (templated)
    :param reason: why, for the message of the commit. (templated)
    :param rollback_to: the generation whose files the objects get again; None: only fields that differ. (templated)
    :param allow_invalid: commit what a cluster would refuse, too. (templated)
    """

    template_fields: Sequence[str] = ("plan", "reason", "rollback_to", "allow_invalid")
    ui_color = "#e6f4ea"
    operator_extra_links = (PageLink(), CommitLink())

    def __init__(
        self, *, plan: Any, reason: Any = "", rollback_to: Any = None, allow_invalid: Any = False, **kwargs: Any
    ) -> None:
        super().__init__(multiple_outputs=True, **kwargs)
        self.plan = plan
        self.reason = reason
        self.rollback_to = rollback_to
        self.allow_invalid = allow_invalid

    def execute(self, context: Context) -> dict[str, Any]:
        """Return where the change is in Git, and the fabrics and repositories to read now; none for a pull request."""
        from hedgehog.airflow.adapters.hooks import open_host, open_mirror
        from hedgehog.fabric.origin import Origin, Via
        from hedgehog.services.steer.git_change import GitAccess
        from hedgehog.services.steer.git_plans import commit_plan

        origin = Origin(who=triggering_user(context), via=Via.API, why=str(self.reason), run=run_id_of(context))
        with fabric_database() as connection:
            done = commit_plan(
                connection,
                str(self.plan),
                origin=origin,
                git=GitAccess(open_mirror, open_host, datetime.now(UTC)),
                rollback_to=self.rollback_to,
                allow_invalid=bool(self.allow_invalid),
            )
        self.page_link = fabric_page([done.fabric.name])
        if done.fabric.git_repository is not None and done.git.commit is not None:
            self.commit_link = commit_page(done.fabric.git_repository, done.git.commit)
        for path in done.git.files:
            logger.info("%s: %s", done.fabric.name, path)
        logger.info("%s: %s", done.fabric.name, _where(done))
        merged = done.fabric.git_repository if not _waits_for_merge(done) else None
        return {
            "fabrics": [done.fabric.name],
            "repositories": [merged.name] if merged else [],
            "git": done.git.as_dict(),
        }


def _waits_for_merge(done: CommittedPlan) -> bool:
    return bool(done.git.pull_request or done.git.note)


def _where(done: CommittedPlan) -> str:
    """What there is to do or to see now."""
    if done.git.pull_request:
        return f"the branch takes no pushes: merge {done.git.pull_request}"
    if done.git.note:
        return f"the branch takes no pushes: merge the branch {done.git.branch} ({done.git.note})"
    return f"committed as {done.git.commit} to {done.git.branch}" if done.git.commit else "Git has it already"
