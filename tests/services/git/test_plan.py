"""The laws of the plan: what is not ours stays, what is wanted comes to be, and a second look finds nothing to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import Fabric, GitDriftPolicy, Manifest, ObjectRef
from hedgehog.gitops.commit import blob_id
from hedgehog.gitops.history import Edit
from hedgehog.services.git.plan import FilePlan, Observed, plan_files
from hedgehog.services.git.wanted_files import WantedFile, layout, objects, place, to_read
from hedgehog.store.git_files import GitFile
from hedgehog.store.objects import StoredObject

NAMES = ["a", "b", "c", "d"]
TEXTS = [b"1", b"2", b"3", b"4"]
ADA = Edit("0123456789abcdef", "Ada <ada@example.com>")


def make_fabric(policy: GitDriftPolicy = GitDriftPolicy.HOLD) -> Fabric:
    """A fabric with that policy."""
    return Fabric(id=1, name="lab", resource_name="lab", git_directory="f", git_drift_policy=policy)


def make_manifest(name: str, text: bytes) -> Manifest:
    """An object that differs by its text."""
    return {"kind": "VPC", "metadata": {"namespace": "default", "name": name}, "spec": {"text": text.decode()}}


def path_of(name: str) -> str:
    """Where the object's file is."""
    return f"f/vpcs/{name}.yaml"


def want(name: str, text: bytes) -> WantedFile:
    """The file of an object; its digest follows its text."""
    ref = ObjectRef("VPC", "default", name)
    return WantedFile(path_of(name), ref, text, f"digest-{text.decode()}", make_manifest(name, text))


def wrote(name: str, text: bytes) -> GitFile:
    """The record of a file that we wrote."""
    return want(name, text).file(blob_id(text))


files = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS))


def look(git: Mapping[str, bytes]) -> Observed:
    """What Git has, all of it edited by Ada."""
    paths = {path_of(name): blob_id(text) for name, text in git.items()}
    return Observed(paths, edits=dict.fromkeys(paths, ADA))


def after(git: Mapping[str, bytes], plan: FilePlan) -> dict[str, bytes]:
    """Git when the plan is carried out."""
    changed = {path.removeprefix("f/vpcs/").removesuffix(".yaml"): content for path, content in plan.changes.items()}
    return {name: content for name, content in {**git, **changed}.items() if content is not None}


def recorded(known: Mapping[str, GitFile], plan: FilePlan) -> dict[str, GitFile]:
    """The records when the plan is recorded."""
    reasons = dict(plan.held)
    kept = {
        path: replace(file, held_reason=reasons.get(path, file.held_reason))
        for path, file in known.items()
        if path not in plan.removed
    }
    return kept | {file.path: file for file in plan.written}


@given(desired=files, records=files, git=files, policy=st.sampled_from([GitDriftPolicy.HOLD, GitDriftPolicy.OVERWRITE]))
def test_foreign_files_stay_and_wanted_files_are_written(
    desired: dict[str, bytes], records: dict[str, bytes], git: dict[str, bytes], policy: GitDriftPolicy
) -> None:
    """For every mixture of wishes, records and files."""
    fabric = make_fabric(policy)
    wanted = [want(name, text) for name, text in desired.items()]
    known = {path_of(name): wrote(name, text) for name, text in records.items()}
    stale = [wrote(name, text) for name, text in records.items() if name not in desired]

    plan = plan_files(fabric, wanted, known, stale, look(git))
    result = after(git, plan)

    held = {entry.path for entry in plan.having(Action.SKIPPED)}
    for name, text in git.items():
        ours = records.get(name) == text
        may_change = ours or (policy is GitDriftPolicy.OVERWRITE and name in records)
        if not may_change:
            assert result.get(name) == text, "what a person wrote is lost"
    for name, text in desired.items():
        assert result.get(name) == text or path_of(name) in held
    for name in result.keys() - desired.keys():
        assert name not in records or path_of(name) in held
    assert sum(plan.counts().values()) >= len(wanted)

    again = plan_files(
        fabric,
        wanted,
        recorded(known, plan),
        [file for path, file in recorded(known, plan).items() if path not in {one.path for one in wanted}],
        look(result),
    )
    assert (dict(again.changes), again.written, again.removed, again.held) == ({}, (), (), ())


def test_the_same_data_in_other_words_is_in_place() -> None:
    """A comment or another indentation is not a reason to write, nor to hold."""
    observed = replace(look({"a": b"other words"}), readings={path_of("a"): make_manifest("a", b"1")})
    plan = plan_files(make_fabric(), [want("a", b"1")], {}, [], observed)
    assert not plan.changes
    assert plan.written == (want("a", b"1").file(blob_id(b"other words")),)


def test_only_what_may_say_the_same_is_parsed() -> None:
    """Not the file we wrote when the object changed, nor one that is equal."""
    wanted = [want(name, b"2") for name in NAMES]
    known = {path_of("a"): wrote("a", b"1"), path_of("b"): wrote("b", b"2"), path_of("c"): wrote("c", b"1")}
    seen = look({"a": b"1", "b": b"edited", "c": b"edited", "d": b"foreign"}).files
    assert [one.path for one in to_read(wanted, known, seen)] == [path_of(name) for name in "bcd"]
    assert to_read(wanted, {}, look(dict.fromkeys(NAMES, b"2")).files) == []


def test_an_object_whose_old_file_is_held_does_not_get_a_second_one() -> None:
    """After the fabric's directory was changed: one object, one file."""
    old = replace(wrote("a", b"1"), path="old/vpcs/a.yaml")
    observed = Observed({old.path: blob_id(b"edited")}, edits={old.path: ADA})
    plan = plan_files(make_fabric(), [want("a", b"1")], {old.path: old}, [old], observed)
    assert not plan.changes
    assert [entry.path for entry in plan.entries] == [old.path]
    assert "Ada" in plan.held[0][1]


@pytest.mark.parametrize(
    ("observed", "obstacle"),
    [
        (Observed(others=frozenset({"f/vpcs/a.yaml"})), "f/vpcs/a.yaml"),
        (Observed(others=frozenset({"f/vpcs"})), "f/vpcs"),
        (Observed({"f": "0" * 40}), "f"),
        (Observed({"f/vpcs/a.yaml/deep/file": "0" * 40}), "f/vpcs/a.yaml"),
        (Observed({"f/vpcs/b.yaml": "0" * 40}), None),
    ],
)
def test_an_obstacle_is_seen_at_any_height(observed: Observed, obstacle: str | None) -> None:
    """A link, a file where a directory must be, a directory where the file must be."""
    assert observed.obstacle("f/vpcs/a.yaml") == obstacle
    plan = plan_files(make_fabric(), [want("a", b"1")], {}, [], observed)
    assert (not plan.changes) == (obstacle is not None)


def test_what_may_not_be_published_says_why_and_keeps_its_file() -> None:
    """Unknown kinds, too much YAML, refused by a cluster; the good one is written."""
    big, wrong, good = (make_manifest(name, b"1") for name in ("big", "wrong", "good"))
    big["spec"] = {"text": "x" * 2**20}
    refs = [
        ObjectRef("Agent", "default", "x"),
        *(ObjectRef("VPC", "default", name) for name in ("big", "wrong", "good")),
    ]
    stored = [StoredObject(ref, manifest, "1") for ref, manifest in zip(refs, [{}, big, wrong, good], strict=True)]
    wanted = objects(make_fabric(), stored, {refs[2]: "is wrong"})
    plan = plan_files(make_fabric(), wanted, {}, [], Observed())
    assert [(entry.ref, entry.action) for entry in plan.entries] == [
        *((ref, Action.SKIPPED) for ref in refs[:3]),
        (refs[3], Action.CREATED),
    ]
    assert list(plan.changes) == ["f/vpcs/good.yaml"]


def test_a_file_that_others_need_is_not_deleted() -> None:
    """The cluster would refuse to delete its object."""
    file = want("a", b"1").file(want("a", b"1").blob_id)
    assert file.ref is not None
    plan = plan_files(
        make_fabric(), [], {file.path: file}, [file], Observed({file.path: file.blob_id}), spared={file.ref: "in use"}
    )
    assert (plan.changes, [str(entry) for entry in plan.entries]) == (
        {},
        ["VPC/default/a skipped (VPC/default/a is not deleted: in use)"],
    )


def test_every_file_knows_its_place() -> None:
    """Which is its path until the fabric's directory changes."""
    fabric = make_fabric()
    for one in (*layout(fabric), want("a", b"1")):
        file = one.file(one.blob_id)
        assert place(fabric, file) == one.path
        assert place(replace(fabric, git_directory="g"), file) == "g" + one.path.removeprefix("f")
