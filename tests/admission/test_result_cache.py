"""A kept result is the one that would be computed again."""

from __future__ import annotations

from devstack import pods
from hedgehog.admission.check import check_objects
from hedgehog.admission.result_cache import ResultCache
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
