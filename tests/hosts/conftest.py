"""Every Git host, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgehog.hosts.host import Feature, Host
from tests.hosts.contract_lab import LABS, REAL, HostLab


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.real] if name in REAL else []) for name in sorted(LABS)])
def host_lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HostLab]:
    """A repository at one of the hosts."""
    (tmp_path / "lab").mkdir()
    with LABS[request.param](request, tmp_path / "lab") as lab:
        yield lab


@pytest.fixture
def host(request: pytest.FixtureRequest, host_lab: HostLab) -> Iterator[Host]:
    """That repository, entered; a test marked `needs` is skipped where a feature is missing."""
    entered = host_lab.enter()
    wanted = {feature for mark in request.node.iter_markers("needs") for feature in mark.args}
    missing = sorted(Feature(one).value for one in wanted - entered.offers)
    if missing:
        entered.close()
        pytest.skip(f"{entered.type.title} ({entered.credential}) does not offer: {', '.join(missing)}")
    yield entered
    entered.close()
