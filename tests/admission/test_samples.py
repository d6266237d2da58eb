"""Real manifests with upstream's own verdicts (see samples/README.md beside them): ours are the same.

The verdicts are per object: `ok`, `decoded` and `n/a` (a kind without rules of its own) are accepted, `invalid` and
`decode-fail` are not. Run with ``-s`` to see the confusion table.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hedgehog.admission.check import check_objects
from hedgehog.admission.files import check_files
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import yaml
from hedgehog.manifests.report import Verdict
from hedgehog.manifests.rule import RULES, Severity

ACCEPTED = frozenset({"ok", "decoded", "n/a"})
SETTINGS = FabricSettings(include_cumulus=True, include_clsp=True)

NOT_ALONE = frozenset({"switch-address-outside", "connection-link-address"})
"""Rules about the settings of the fabric: upstream judged without any, and the samples belong to several fabrics."""
OF_PROFILES = frozenset({"switch-profile-missing", "switch-port-auto-negotiation", "switch-port-speed-fixed"})
"""Rules about the model of a switch, which upstream looks up in the cluster: it judged without one."""
NEIGHBOURS = frozenset(
    {"object-duplicate", "reference-refused", "vpc-subnet-outside", "connection-port-taken"}
    | {"connection-link-address-taken"}
)
"""Rules about the other objects of a file."""


@pytest.fixture(scope="module")
def lines(reference: Path):
    """Upstream's verdicts."""
    return [json.loads(line) for line in (reference / "samples" / "verdicts.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def documents(reference: Path, lines):
    """The documents of every file."""
    names = dict.fromkeys(line["file"] for line in lines)
    return {name: yaml.load((reference / "samples" / name).read_bytes(), file=name) for name in names}


def say(*lines):
    """Show figures when pytest runs with -s."""
    print("", *lines, sep="\n  ")  # noqa: T201  # meant for the terminal


def refusals(manifest):
    """Why a cluster would refuse the object, whatever other objects there are."""
    found = check_objects([manifest], SETTINGS, unknown_kinds=KINDS.keys()).values()
    errors = [one for finding in found for one in finding.violations if one.rule.severity is Severity.ERROR]
    return [str(one) for one in errors if one.rule.id not in NOT_ALONE | OF_PROFILES]


def test_an_object_is_accepted_if_and_only_if_upstream_accepts_it(lines, documents):
    """Every object alone."""
    confusion, wrong = Counter(), []
    for line in lines:
        why = refusals(documents[line["file"]][line["doc"]].manifest)
        confusion[line["go"], "rejected" if why else "accepted"] += 1
        if bool(why) == (line["go"] in ACCEPTED):
            wrong.append((line["file"], line["doc"], line["kind"], line["go"], line.get("go_error"), why))
    say(*(f"upstream {theirs}, we {ours}: {count}" for (theirs, ours), count in sorted(confusion.items())))
    assert wrong == []
    assert sum(confusion.values()) == len(lines)


def test_a_check_of_all_objects_adds_only_references_and_conflicts(reference, lines):
    """File by file, as `hedgehog validate` sees them: what upstream accepts alone is refused only because of other objects."""
    verdicts = {(line["file"], line["doc"]): line for line in lines}
    beyond = Counter()
    for name in dict.fromkeys(line["file"] for line in lines):
        report = check_files({name: (reference / "samples" / name).read_bytes()}, SETTINGS)
        for entry in report.entries:
            line = verdicts[name, entry.document]
            if entry.verdict is Verdict.VALID:
                assert line["go"] in ACCEPTED, (name, entry)
            elif line["go"] in ACCEPTED:
                beyond.update(remark.rule.id for remark in entry.remarks if remark.severity is Severity.ERROR)
    say(*(f"{rule}: {count}" for rule, count in sorted(beyond.items())))
    absent = {name for name in beyond if RULES[name].absent}
    assert set(beyond) <= NEIGHBOURS | NOT_ALONE | OF_PROFILES | absent
