"""Objects of every kind, with damage that no rule expects."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hedgehog.manifests import configuration, yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "gen"
ODD = (
    *(None, True, 0, -1, 2**64, 10**30, 10**5000, 1.5, float("inf"), float("nan")),
    *("", "a", "\0", "\ud800", "x" * 300, "/", "//", "leaf-01/", "/E1/1", "E1/9999999999", "E1/1-2000000000", "٣/٣"),
    *("10.0.0.0/8", "10.0.0.0/08", "::/0", "1.2.3.4/99", "10.0.0.1", "00:00:00:00:00:00", "1-2-3", "default"),
    *([], {}, [[]], [{}], [None], {"a": {}}, {"": None}, ["a"] * 50),
)


def examples(most: int = 4) -> list[dict[str, Any]]:
    """Objects of the example fabric, *most* of each kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(EXAMPLES.glob("*.yaml")):
        for document in yaml.load(path.read_bytes(), file=path.name):
            if not configuration.is_configuration(document.manifest):
                found.setdefault(document.manifest["kind"], []).append(document.manifest)
    return [manifest for kind in found.values() for manifest in kind[:most]]


@st.composite
def damaged(draw: st.DrawFn, manifest: dict[str, Any]) -> dict[str, Any]:
    """*manifest* with odd values in some places, apiVersion and kind as they are."""
    result = copy.deepcopy(manifest)
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in _places(result) if place[1] not in ("apiVersion", "kind")]
        container, key = draw(st.sampled_from(places))
        value = copy.deepcopy(draw(st.sampled_from(ODD)))
        if isinstance(container, dict) and draw(st.booleans()):
            container.pop(key, None)
            key = draw(st.sampled_from((key, "x", "port", "E1/1", "a" * 300)))
        container[key] = value
    return result


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield value, key
            yield from _places(child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield value, index
            yield from _places(child)
