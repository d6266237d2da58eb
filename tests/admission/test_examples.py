"""Every rule has an example that breaks it and one that keeps it: `examples/<id of the rule>.yaml`.

    settings: {…}     of the fabric, where they are not the defaults
    before: […]       what the cluster has, beside the namespaces `default` and the built-in SwitchProfiles
    breaks: {…}       one request: create or update (an object; where update names another: of, with), delete (Kind/name),
    keeps: {…}        patch (of, with), text (of a file, beside what the cluster has) or files (all there will be, by
                      name); with settings and objects (`before`) of its own, where it needs some

The apiVersion and the namespace of an object are those of its kind, where it names none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.objects import make
from docs.generate import load_rules
from hedgehog.admission.check import load
from hedgehog.admission.files import check_files
from hedgehog.admission.review import Admission, AdmissionResponse
from hedgehog.fabric import settings as fabric_settings
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Fabric, Manifest
from hedgehog.manifests.rule import Severity

EXAMPLES = Path(__file__).parent / "examples"
RULES = load_rules()
FABRICATOR = (
    *("registry", "subnet", "subnet-overlap", "management-address", "cluster-dns", "user", "mode", "asn", "vlans"),
    *("gateway-community", "observability", "eslag"),
)
NODES = ("count", "name-taken", "namespace", "field", "roles", "address")
ELSEWHERE = {
    "cluster-refused": "what a cluster says: tests/services/kubernetes/test_dry_run.py",
    **dict.fromkeys(
        (f"fabricator-{name}" for name in FABRICATOR), "what hhfab refuses: tests/admission/hhfab/test_fabricator.py"
    ),
    "fabricator-count": "what hhfab refuses: tests/admission/hhfab/test_documents.py",
    **dict.fromkeys((f"node-{name}" for name in NODES), "what hhfab refuses: tests/admission/hhfab/test_nodes.py"),
    "file-unreadable": "a file of the disk: tests/test_cli_validate.py",
    **dict.fromkeys(
        ("hydration-value", "hydration-partial", "hydration-impossible", "hydration-suggestion"),
        "files that are hydrated before: tests/admission/test_hydrating.py",
    ),
    "kustomization-not-followed": "files outside of a fabric's directory in Git: tests/admission/test_files.py",
    "metadata-annotations-size": "a quarter of a megabyte: tests/manifests/test_decode.py",
    "object-unverified": "a rule that fails, which no input should bring about: tests/admission/test_check_damage.py",
}
"""Rules that no manifest and no text breaks, and where they are tried."""
BEHIND_THE_SCHEMA = {"gateway-peering-port-protocol", "switch-redundancy-type"}
"""Rules of upstream that nothing breaks, because the schema of the kind has the same values."""
FABRIC = Fabric(1, "lab", "lab")
SPACES = (
    make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
    make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"]}),
)


def completed(given: Mapping[str, Any]) -> Manifest:
    """An object with the apiVersion and the namespace of its kind."""
    kind = KINDS.get(str(given.get("kind")))
    if kind is None:
        return dict(given)
    metadata = {"namespace": kind.default_namespace, **given.get("metadata", {})}
    return {"apiVersion": kind.api_version, **given, "metadata": metadata}


def outcome_of(example: Mapping[str, Any], side: str) -> tuple[bool, list[str]]:
    """Whether the request *side* of an example is accepted, and the ids of the rules that it breaks."""
    request = dict(example[side])
    settings = fabric_settings.parse_settings({**example.get("settings", {}), **request.pop("settings", {})})
    before = [completed(given) for given in (*example.get("before", ()), *request.pop("before", ()))]
    ((operation, what),) = request.items()
    if operation in {"text", "files"}:
        files = {"example.yaml": what} if operation == "text" else what
        content = {name: text.encode() for name, text in files.items()}
        stays = operation == "text"
        report = check_files(content, settings, before=[*SPACES, *before], partial=stays, in_git=FABRIC)
        return report.valid, [remark.rule.id for _, remark in report.remarks()]
    verdict = answer(load([*SPACES, *before], settings), operation, what)
    return verdict.accepted, [violation.rule.id for violation in verdict.violations]


def answer(admission: Admission, operation: str, what: Any) -> AdmissionResponse:
    """What a cluster says to one request."""
    if operation == "delete":
        return admission.delete(*what.split("/"))
    if operation == "patch":
        return admission.patch(*what["of"].split("/"), what["with"])
    if operation == "update":
        return admission.update(completed(what.get("with", what)), name=what.get("of"))
    return admission.create(completed(what))


def test_every_rule_has_an_example():
    """And no example is left of a rule that is gone."""
    assert {path.stem for path in EXAMPLES.glob("*")} == RULES.keys() - ELSEWHERE.keys() - BEHIND_THE_SCHEMA


def test_rules_tested_elsewhere_have_that_test():
    """The rule is named there."""
    for rule, where in ELSEWHERE.items():
        assert rule in (Path(__file__).parents[2] / where.split(": ")[-1]).read_text()


@pytest.mark.parametrize("rule", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_one_example_breaks_its_rule_and_the_other_keeps_it(rule):
    """An error is refused, a warning is not; what keeps the rule is accepted and breaks none."""
    example = yaml.safe_load((EXAMPLES / f"{rule}.yaml").read_text())
    accepted, broken = outcome_of(example, "breaks")
    assert rule in broken
    assert accepted is (RULES[rule].severity is Severity.WARNING)
    assert outcome_of(example, "keeps") == (True, [])
