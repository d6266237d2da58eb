"""DAG runs as the fabric database names them: `hedgehog_git_sync/manual__…`, or a command with its user."""

from __future__ import annotations


def run_of(text: str | None) -> dict[str, str | None]:
    """The DAG and the run that *text* names; without a DAG for what somebody did with a command."""
    dag_id, slash, run_id = (text or "").partition("/")
    if slash and dag_id.startswith("hedgehog_"):
        return {"dag_id": dag_id, "run_id": run_id}
    return {"dag_id": None, "run_id": text}
