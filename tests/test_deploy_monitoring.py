"""The dashboard and the alert rules name only metrics and labels that exist, and the rules are those of the notifiers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from hedgehog.services.observe.notifications import CONDITIONS
from hedgehog.store.metric_table import METRICS

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "hedgehog.json").read_text())
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts" / "hedgehog.yaml").read_text())["groups"]
    for rule in group["rules"]
}
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
EXPRESSIONS = [rule["expr"] for rule in RULES.values()] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
_METRIC = re.compile(r"\b(hedgehog_\w+)(?:\{([^}]*)\})?")
_FUNCTIONS = {"sum", "rate", "time", "absent", "vector", "by", "or"}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_uses_only_existing_metrics_and_labels(expression):
    """A mistyped name is an empty panel, or an alert that is never raised."""
    found = _METRIC.findall(expression)
    assert found
    labels = set()
    for name, selected in found:
        metric = METRICS[name]
        labels |= set(metric.labels)
        assert set(re.findall(r"(\w+)\s*=~?", selected)) <= set(metric.labels)
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= labels
    words = set(re.findall(r"\b[a-z]+\b(?=\s*\()", re.sub(r"by \([^)]*\)", "", expression)))
    assert words <= _FUNCTIONS


@pytest.mark.parametrize("expression", [one for one in EXPRESSIONS if "rate(" in one])
def test_rates_are_used_for_counters_only(expression):
    """The rate of a gauge is meaningless."""
    assert {METRICS[name].kind for name, _ in _METRIC.findall(expression)} == {"counter"}


def test_the_alert_rules_have_the_conditions_of_the_notifiers():
    """And two more, about the metrics themselves."""
    own = {
        name: rule["expr"]
        for name, rule in RULES.items()
        if name not in ("HedgehogMetricsStale", "HedgehogMetricsAbsent")
    }
    assert own == {one.name: f"{one.metric} >= {one.limit:g}" for one in CONDITIONS}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_the_text_of_a_rule_uses_labels_of_its_metric(rule):
    """And says what to do."""
    ((name, _),) = _METRIC.findall(rule["expr"])
    said = " ".join(rule["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", said)) <= set(METRICS[name].labels)
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert re.search(r"[.?]$", rule["annotations"]["description"])


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS.keys())
def test_the_legend_of_a_panel_uses_labels_of_its_metrics(panel):
    """`{{host}}` for a metric without a host is an empty legend."""
    for target in panel["targets"]:
        labels = {label for name, _ in _METRIC.findall(target["expr"]) for label in METRICS[name].labels}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


def test_panels_do_not_overlap():
    """24 columns, from the top."""
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_metric_is_explained_on_the_page():
    """docs/metrics.md has a line for each, with its help and labels."""
    rows = re.findall(
        r"^\| `(hedgehog_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$", (ROOT / "docs" / "metrics.md").read_text(), re.M
    )
    assert rows == [
        (one.name, one.kind, ", ".join(f"`{label}`" for label in one.labels), one.help) for one in METRICS.values()
    ]
