"""A repository that is followed, and what became of a fabric."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgehog.fabric.changes import Outcome
from hedgehog.services.repository import changes as repository_changes
from hedgehog.store import git_files
from hedgehog.store import objects as object_store
from tests.services.git.sync_lab import Lab, make_vpc, open_lab, trust


def text(*names: str, **changes: Any) -> str:
    """A file of VPCs."""
    return yaml.safe_dump_all({**make_vpc(name), **changes} for name in names)


@pytest.fixture
def lab(database, tmp_path: Path) -> Iterator[Lab]:
    """A Git host; Git is the source of truth of fabric `lab`, which has no object yet."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 0, source_of_truth="git")
        yield lab


def follow(lab: Lab, **options: Any) -> Outcome:
    """Look at the repository; the outcome of its fabric."""
    given = {"open_mirror": lab.open_mirror, "run_id": "run-1", "find_refusals": trust, **options}
    (look,) = repository_changes.follow(lab.database, ["net"], **given)
    assert look.error is None
    return next(one for one in look.outcomes if one.fabric == "lab")


def objects(lab: Lab, fabric: str = "lab") -> list[str]:
    """The names of what the database has, and the cluster gets."""
    stored = {one.ref.name for one in object_store.load_objects(lab.database, [lab.id(fabric)])[lab.id(fabric)]}
    published = {one["metadata"]["name"] for one in git_files.published(lab.database, [lab.id(fabric)])[lab.id(fabric)]}
    assert stored == published
    return sorted(stored)
