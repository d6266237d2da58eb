"""The schemas say what upstream's CustomResourceDefinitions say; every difference is listed with its reason.

The reference data lies beside the project on the developers' machines (``../shared/reference``) and is only compared
with. Run with ``-s`` to see the differences and the counts.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgehog.kube.crd_diff import ADMISSION, ALLOWED, NEWER, PARTIAL, VERSIONS, CrdDifference, diff
from hedgehog.kube.crds import load_schema, render_all

SCHEMAS = Path(__file__).resolve().parents[2] / "include" / "schemas"
OUR_OWN = "fabrics.wiring.githedgehog.com"
Node = dict[str, Any]


def compare_frames(ours: Node, theirs: Node) -> Iterator[tuple[str, str]]:
    """Differences of two definitions outside the schemas: names, scope, version, columns, subresources."""
    frames = []
    for crd in (ours, theirs):
        (version,) = crd["spec"]["versions"]
        spec = {key: value for key, value in crd["spec"].items() if key != "versions"}
        frames.append(spec | {key: value for key, value in version.items() if key != "schema"})
    mine, other = frames
    for key in sorted(mine.keys() | other.keys()):
        if mine.get(key) != other.get(key):
            yield f"({key})", f"ours {mine.get(key)}, theirs {other.get(key)}"


@pytest.fixture(scope="module")
def their_crds(reference: Path) -> dict[str, Node]:
    """Upstream's definitions by name."""
    crds = [yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in (reference / "crds").glob("*.yaml")]
    return {crd["metadata"]["name"]: crd for crd in crds}


@pytest.fixture(scope="module")
def our_crds() -> dict[str, Node]:
    """Our definitions by name."""
    return {crd["metadata"]["name"]: crd for crd in render_all(SCHEMAS)}


@pytest.fixture(scope="module")
def differences(our_crds: dict[str, Node], their_crds: dict[str, Node]) -> list[CrdDifference]:
    """Everything that differs, in a fixed order."""
    found = diff(our_crds.values(), their_crds.values())
    for name in our_crds.keys() & their_crds.keys():
        frames = compare_frames(our_crds[name], their_crds[name])
        found += [CrdDifference(name.split(".")[0], path, what) for path, what in frames]
    return sorted(found)


def say(*lines: str) -> None:
    """Show figures when pytest runs with -s."""
    print("", *lines, sep="\n  ")  # noqa: T201  # meant for the terminal


def test_every_upstream_kind_has_a_schema_and_only_fabric_is_added(
    our_crds: dict[str, Node], their_crds: dict[str, Node]
) -> None:
    assert our_crds.keys() - their_crds.keys() == {OUR_OWN}
    assert their_crds.keys() - our_crds.keys() == set()


def test_every_difference_from_upstream_has_a_reason(differences: list[CrdDifference]) -> None:
    by_subtree = Counter(found.subtree for found in differences if found.subtree)
    say(*(f"{plural}{path or '.'}: {what} ({reason})" for (plural, path, what), reason in ALLOWED.items()))
    say(*(f"{plural}{path}: {by_subtree[plural, path]} below ({why})" for (plural, path), why in PARTIAL.items()))
    assert [found for found in differences if found.reason is None] == []


def test_every_listed_difference_still_exists(differences: list[CrdDifference]) -> None:
    found = {(each.plural, each.path, each.what) for each in differences}
    assert ALLOWED.keys() - found == set()
    assert PARTIAL.keys() - {each.subtree for each in differences} == set()


def test_schemas_of_kinds_that_users_write_are_complete(differences: list[CrdDifference]) -> None:
    by_users = {
        schema["x-hedgehog"]["plural"]
        for schema in map(load_schema, SCHEMAS.glob("*/*.json"))
        if schema["x-hedgehog"]["writtenBy"] == "user"
    }
    reasons = {found.reason for found in differences if found.plural in by_users and found.path.startswith(".spec")}
    assert reasons == {NEWER, ADMISSION, VERSIONS}


class ManifestLoader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: 50000:50 and a date are strings."""


ManifestLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":int"))]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
ManifestLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))


def without_nulls(value: Any) -> Any:
    """*value* as the API server sees it: null fields that may not be null are dropped, null list items stay."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def validators() -> dict[tuple[str, str], Any]:
    """A validator for each kind, by apiVersion and kind."""
    jsonschema = pytest.importorskip("jsonschema")
    found = {}
    for schema in map(load_schema, SCHEMAS.glob("*/*.json")):
        jsonschema.Draft7Validator.check_schema(schema)
        fields = schema["properties"]
        found[fields["apiVersion"]["const"], fields["kind"]["const"]] = jsonschema.Draft7Validator(schema)
    return found


def first_error(validator: Any, manifest: Any) -> str | None:
    """What is wrong first, with its path; None if nothing is."""
    error = next(validator.iter_errors(without_nulls(manifest)), None)
    return error and f"{error.json_path}: {error.message}"


def expected(line: Node) -> str:
    """What upstream's verdict on a sample means for a schema that knows the fields of v0.129 and wants a name."""
    if "name" not in line or line["go"] == "decode-fail":
        return "refuse"
    return "pass" if line["crd"] == "ok" or line["go"] == "ok" else "either"


def test_samples_are_valid_if_upstream_accepts_them(reference: Path, validators: dict[Any, Any]) -> None:
    """Nulls are dropped first, as upstream did; what only its webhooks refuse is not checked by schemas."""
    samples = reference / "samples"
    verdicts = [json.loads(line) for line in (samples / "verdicts.jsonl").read_text().splitlines()]
    wrong, seen = [], Counter[str]()
    for file, lines in itertools.groupby(verdicts, key=lambda line: line["file"]):
        documents = [each for each in yaml.load_all((samples / file).read_text(), Loader=ManifestLoader) if each]
        for line in lines:
            document = documents[line["doc"]]
            error = first_error(validators[document["apiVersion"], document["kind"]], document)
            ours = "refuse" if error else "pass"
            seen[f"expected to {expected(line)}, {ours}"] += 1
            if expected(line) not in {ours, "either"}:
                wrong.append((file, line["doc"], error))
    say(*(f"{count} sample objects {what}" for what, count in sorted(seen.items())))
    assert wrong == []


def test_every_object_that_a_cluster_accepted_is_valid(reference: Path, validators: dict[Any, Any]) -> None:
    """A sample of the recorded creates; generateName and null list items are refused on purpose: not for Git."""
    kinds = {kind: validator for (version, kind), validator in validators.items() if kind != "Fabric"}
    wrong, seen = [], Counter[str]()
    with gzip.open(reference / "admission" / "cases.jsonl.gz", "rt") as cases:
        for case in itertools.islice(map(json.loads, cases), 0, None, 4):
            if case["op"] != "create" or not isinstance(case["object"], dict):
                continue
            error = first_error(kinds[case["kind"]], case["object"])
            stage = case.get("stage", "accepted")
            seen[f"{stage}, we {'refuse' if error else 'pass'}"] += 1
            on_purpose = case["tag"] == "gen-name" or "None is not of type" in str(error)
            if stage == "accepted" and error and not on_purpose:
                wrong.append((case["id"], error))
    say(*(f"{count} recorded creates: {what}" for what, count in sorted(seen.items())))
    assert wrong == []
