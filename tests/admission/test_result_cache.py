"""What is remembered is what would be worked out anew."""

from __future__ import annotations

from devstack import pods
from hedgehog.admission.check import check_objects
from hedgehog.admission.result_cache import ResultCache
from hedgehog.fabric.settings import FabricSettings


def test_work_is_done_once_for_an_object_and_again_for_its_like():
    """Objects go by identity."""
    cache, done = ResultCache(FabricSettings()), []

    def name(manifest):
        done.append(manifest)
        return manifest["name"]

    one, same = {"name": "a"}, {"name": "a"}
    assert [cache.memoize(name, one), cache.memoize(name, one), cache.memoize(name, same)] == ["a", "a", "a"]
    assert len(done) == 2


def test_two_works_on_one_object_are_kept_apart():
    """Each has its own result."""
    cache, subject = ResultCache(FabricSettings()), {"name": "a"}
    assert (cache.memoize(len, subject), cache.memoize(list, subject)) == (1, ["name"])


def test_a_check_finds_the_same_with_a_memory():
    """Also when everything is known already, and when one object changed."""
    objects = pods.objects(pods.POD)
    changed = [*objects[:-1], {**objects[-1], "spec": {"permit": []}}]
    cache = ResultCache(pods.SETTINGS)
    for wanted in (objects, changed, objects):
        with_cache = check_objects(wanted, pods.SETTINGS, before=objects, cache=cache)
        assert with_cache == check_objects(wanted, pods.SETTINGS, before=objects)
    assert check_objects(changed, pods.SETTINGS, before=objects, cache=cache) != {}
