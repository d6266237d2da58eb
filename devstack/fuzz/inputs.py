"""The drawn data: values, manifests with one fault, YAML text, names, and repetitive input."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from devstack.airflow import ROOT

_MOST = 200_000
"""Characters of an input that repeats itself."""

odd_texts = st.sampled_from(
    (
        "", " ", "\0", "a\0b", "\x1b[2J", "\r\n", "\u202e", "\ud800", "\ufeff", "é" * 300, "a" * 70_000, "../..", "/", "-o",
        "--", "~", "null", "1e999", ".nan", "0x1F", "0o17", "1_000", "9" * 5000, "<<", "*a", "&a", "!!python/object:os.system",
        "10.0.0.0/8", "10.0.0.0/99", "300.1.1.1/24", "::/0", "1.2.3.4", "E1/1", "E1/99999999999", "leaf/E1/1/1/1", "{{ x }}",
        "Server/default/a", "default", "a/b/c/d", "$(id)", "`id`", "@team", "[x](http://x)", "2026-01-01T00:00:00Z", "65536",
    )
)  # fmt: skip
odd_numbers = st.sampled_from((0, -1, 1, 4095, 4096, 65535, 65536, 2**31, 2**32, 2**63, 2**64, 10**40, -(2**70), 0.5))
leaves: SearchStrategy[Any] = st.none() | st.booleans() | odd_numbers | odd_texts | st.integers() | st.text(max_size=20)
keys = odd_texts.filter(lambda text: len(text) < 1000) | st.text(max_size=12)
odd_values: SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)


@st.composite
def deep(draw: DrawFn) -> Any:
    """Lists in lists, or mappings in mappings, deeper than in any real file."""
    value: Any = draw(leaves)
    is_list = draw(st.booleans())
    for _ in range(draw(st.sampled_from((50, 99, 101, 300, 900, 1100)))):
        value = [value] if is_list else {"a": value}
    return value


@functools.cache
def samples() -> tuple[dict[str, Any], ...]:
    """Valid objects of every kind in the examples and the recorded fabrics."""
    found: dict[str, list[dict[str, Any]]] = {}
    places = (ROOT / "examples" / "gen", ROOT / "tests" / "admission" / "cases" / "fabrics")
    for path in sorted(path for place in places for path in Path(place).rglob("*.yaml")):
        for document in yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader):
            if isinstance(document, dict) and "kind" in document:
                found.setdefault(document["kind"], []).append(document)
    return tuple(one for kind in sorted(found) for one in found[kind][:6])


@st.composite
def changed(draw: DrawFn, base: Callable[[], Any], values: SearchStrategy[Any] = odd_values) -> Any:
    """A valid value with one to three unusual changes."""
    value = copy.deepcopy(base())
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value, ()))
        if not places:
            break
        *path, last = places[draw(st.integers(0, len(places) - 1))]
        parent = functools.reduce(lambda inner, key: inner[key], path, value)
        match draw(st.sampled_from(("value", "value", "remove", "key", "double"))):
            case "remove":
                del parent[last]
            case "key" if isinstance(parent, dict):
                parent[draw(keys)] = parent.pop(last)
            case "double" if isinstance(parent, list):
                parent.extend(copy.deepcopy(parent[last]) for _ in range(draw(st.sampled_from((1, 5, 300)))))
            case _:
                parent[last] = draw(values)
    return value


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


@st.composite
def manifests(draw: DrawFn) -> dict[str, Any]:
    """An object with a fault; sometimes one without."""
    sample = draw(st.sampled_from(samples()))
    if draw(st.integers(0, 9)) == 0:
        return copy.deepcopy(sample)
    found = draw(changed(lambda: sample))
    return found if isinstance(found, dict) else sample


def text_of(value: Any) -> bytes:
    """A value as YAML, in the flow style, which can hold all of JSON; lone surrogates become bytes."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


_ATOMS = (
    "[", "{", "- ", "a: ", "? ", ": ", "&a ", "*a ", "!!str ", "!<tag:x> ", "|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n", "'", '"',
    "\\u0000", "\t", "#", ",", "]", "}", "\n  ", "é", "\x00", "\u2028", "<<: *a\n", "a: &a [*a]\n", "9", "0.", ":",
)  # fmt: skip


@st.composite
def repeated(draw: DrawFn, atoms: Sequence[str] = _ATOMS) -> bytes:
    """Repetitive input: cheap once, and expensive a hundred thousand times."""
    unit = "".join(draw(st.lists(st.sampled_from(atoms), min_size=1, max_size=3)))
    times = draw(st.sampled_from((10, 100, 1000, 10_000, _MOST))) // len(unit) + 1
    return (draw(st.sampled_from(("", "a: ", "- "))) + unit * times).encode()


yaml_texts: SearchStrategy[bytes] = (
    st.lists(st.sampled_from(_ATOMS), max_size=40).map(lambda parts: "".join(parts).encode())
    | st.binary(max_size=80)
    | repeated()
    | odd_values.map(text_of)
    | deep().map(text_of)
    | manifests().map(text_of)
    | st.lists(manifests(), max_size=4).map(lambda many: b"\n---\n".join(text_of(one) for one in many))
)

_URL_PARTS = (
    "http", "https", "HTTPS", "ssh", "file", "git", "ext", "://", ":", "@", "//", "/", "[::1", "[::1]", "127.0.0.1", "127.attacker",
    "localhost", "host", "example.com", ":22", ":99999", ":x", "user", "user:token@", "%00", "%2e%2e", "..", "?q", "#f", ".git", "-o",
    "-oProxyCommand=x", "\n", " ", "\0", "é", "xn--", "a" * 500, "::", "\\",
)  # fmt: skip
urls = st.lists(st.sampled_from(_URL_PARTS), max_size=9).map("".join) | st.text(max_size=40)
urls |= repeated(_URL_PARTS).map(lambda text: text.decode()) | odd_texts
_NAME_PARTS = (
    "a",
    "b",
    ".",
    "..",
    "/",
    "-",
    "@{",
    "~",
    "^",
    ":",
    "?",
    "*",
    "[",
    "\\",
    " ",
    "\x7f",
    ".lock",
    "refs/heads/",
    "HEAD",
    "é",
    "\0",
)
names = st.lists(st.sampled_from(_NAME_PARTS), max_size=8).map("".join) | st.text(max_size=40) | odd_texts
