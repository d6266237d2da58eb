"""The rules that objects must keep."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from hedgehog.airflow.web.models.objects import RuleText
from hedgehog.services.browse.checking import rule_text

router = APIRouter(tags=["objects"])


@router.get("/rules/{rule}")
def get_rule(rule: Annotated[str, Path(max_length=100)]) -> RuleText:
    """What a rule demands, why, and what to do, as in docs/rules.md."""
    return RuleText.model_validate(rule_text(rule))
