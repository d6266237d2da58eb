"""Unquoted scalars mean what the Go loader of Kubernetes makes of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.manifests.scalars import resolve

# Answers of sigs.k8s.io/yaml v1.6.0 (go.yaml.in/yaml/v2 v2.4.3), YAMLToJSONStrict of "a: <scalar>".
GO = json.loads((Path(__file__).parent / "go_scalars.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", GO)
def test_scalars_are_parsed_as_in_go(text):
    """Same value, same JSON type; Go prints a float beyond 64 bits with digits, which is the same number."""
    want, value = GO[text], resolve(text)
    assert value == want or (isinstance(value, float) and value == float(want))
    assert isinstance(value, bool) == isinstance(want, bool)


@pytest.mark.parametrize("text", ["50000:50", "10:20:30:40:50:59", "2024-01-01", "2024-01-01T00:00:00Z", "1:30"])
def test_base_60_and_dates_are_strings(text):
    """The two traps of PyYAML."""
    assert resolve(text) == text


@pytest.mark.parametrize("text", [".inf", "+.INF", "-.Inf", ".nan", ".NaN"])
def test_infinities_and_nan_are_floats(text):
    """So that the loader can refuse it."""
    value = resolve(text)
    assert isinstance(value, float)
    assert not math.isfinite(value)


@given(st.integers(-(2**63), 2**64 - 1))
def test_every_64_bit_integer_survives(number):
    """Signed or unsigned."""
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_survives(number):
    """A whole one may come back as an integer of the same value."""
    assert resolve(repr(number)) == number


@given(st.text())
def test_any_text_is_parsed_without_an_error(text):
    """Whatever the bytes were."""
    assert isinstance(resolve(text), str | int | float | bool | None)
