"""A kept result is the one that would be computed again."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from devstack import pods
from hedgehog.admission import result_cache
from hedgehog.admission.check import check_objects
from hedgehog.admission.result_cache import ResultCache, collector_paused
from hedgehog.fabric.settings import FabricSettings


def test_results_are_kept_by_identity_not_by_equality():
    """Objects go by identity."""
    cache, done = ResultCache(FabricSettings()), []

    def name(manifest):
        done.append(manifest)
        return manifest["name"]

    one, same = {"name": "a"}, {"name": "a"}
    assert [cache.memoize(name, one), cache.memoize(name, one), cache.memoize(name, same)] == ["a", "a", "a"]
    assert len(done) == 2


def test_results_of_two_functions_are_kept_apart():
    """Each has its own result."""
    cache, subject = ResultCache(FabricSettings()), {"name": "a"}
    assert (cache.memoize(len, subject), cache.memoize(list, subject)) == (1, ["name"])


def test_a_check_finds_the_same_with_a_cache():
    """Also when everything is known already, and when one object changed."""
    objects = pods.objects(pods.POD)
    changed = [*objects[:-1], {**objects[-1], "spec": {"permit": []}}]
    cache = ResultCache(pods.SETTINGS)
    for wanted in (objects, changed, objects):
        with_cache = check_objects(wanted, pods.SETTINGS, before=objects, cache=cache)
        assert with_cache == check_objects(wanted, pods.SETTINGS, before=objects)
    assert check_objects(changed, pods.SETTINGS, before=objects, cache=cache) != {}


@pytest.fixture
def frozen() -> Iterator[None]:
    """A process in which everything is frozen, as Airflow's tasks are."""
    gc.freeze()
    yield
    gc.unfreeze()


def test_a_small_check_does_not_count_what_is_frozen(frozen, monkeypatch):
    """In a task that takes 40 ms for each fabric."""
    monkeypatch.setattr(gc, "get_freeze_count", lambda: pytest.fail("it was counted"))
    check_objects(pods.objects(pods.POD), pods.SETTINGS)
    assert gc.isenabled()


def test_a_large_check_leaves_frozen_what_somebody_else_froze(frozen):
    """Else the collector would touch all memory that a task shares with its parent."""
    before = gc.get_freeze_count()
    with collector_paused():
        kept = [[] for _ in range(2 * result_cache._MANY)]
    assert (gc.get_freeze_count(), len(kept)) == (before, 2 * result_cache._MANY)


def test_what_a_large_check_leaves_counts_as_old():
    """The collector does not examine it all at the next opportunity."""
    gc.unfreeze()
    with collector_paused():
        kept = [[] for _ in range(2 * result_cache._MANY)]
    young = {id(one) for one in gc.get_objects(generation=0)}
    assert not young & {id(one) for one in kept}
