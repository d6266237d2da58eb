"""Strict loading: what Kubernetes would read, or all the reasons why not."""

from __future__ import annotations

import math
import string
import tracemalloc

import pytest
import yaml as pyyaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgehog.errors import InvalidInput
from hedgehog.fabric.render import dump
from hedgehog.manifests import file_text, yaml


def manifests(text):
    """The data of the documents."""
    return [document.manifest for document in yaml.load(text, file="f.yaml")]


def problems(text):
    """The lines of the refusal."""
    with pytest.raises(InvalidInput) as refused:
        yaml.load(text, file="f.yaml")
    return str(refused.value).splitlines()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{','.join([f'*{chr(97 + level)}'] * 9)}]\n" for level in range(8)
)


def test_documents_are_parsed_with_their_places():
    """Empty documents do not count, comments are not content."""
    found = yaml.load("# only a comment\n---\n\nkind: a\n---\n---\n  kind: b\n...\n", file="f.yaml")
    assert [(one.manifest, one.index, one.line, one.place) for one in found] == [
        ({"kind": "a"}, 0, 4, "f.yaml:4"),
        ({"kind": "b"}, 1, 7, "f.yaml:7"),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "null\n", "~", b"", b"\xef\xbb\xbf"])
def test_an_empty_stream_has_no_documents(text):
    """And no error."""
    assert manifests(text) == []


def test_a_byte_order_mark_and_windows_line_ends_are_accepted():
    """As editors on Windows write them."""
    assert manifests(b"\xef\xbb\xbfa: 1\r\nb:\r\n- x\r\n") == [{"a": 1, "b": ["x"]}]


def test_a_multi_line_text_keeps_its_lines():
    """Block scalars, folded ones, and both kinds of quotes."""
    text = "a: |\n  one\n  two\nb: >-\n  one\n  two\nc: 'it''s'\nd: \"tab\\tend\"\n"
    assert manifests(text) == [{"a": "one\ntwo\n", "b": "one two", "c": "it's", "d": "tab\tend"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' appears twice, first in line 1; remove one"),
        ("x: {a: 1, a: 1}", "f.yaml:1:11: the key 'a' appears twice, first in line 1; remove one"),
        ("x: &y [1]\nz: *y", "f.yaml:2:4: the alias *y is refused; repeat the value"),
        ("<<: {a: 1}", "f.yaml:1:1: merge keys (<<) are refused; repeat the fields"),
        ("1: a", 'f.yaml:1:1: the key 1 is read as a number; write "1"'),
        ("on: a", 'f.yaml:1:1: the key on is read as a boolean; write "on"'),
        ("~: a", 'f.yaml:1:1: the key ~ is read as null; write "~"'),
        ("? [a]\n: b", "f.yaml:1:3: a mapping or list cannot be a key; write a string"),
        ("a: !!int '5'", "f.yaml:1:4: the tag !!int is refused; write the value without it, a string in quotes"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "f.yaml:1:4: the tag !!python/object/apply:os.system is refused; write the value without it, a string in quotes",
        ),
        ("a: .nan", 'f.yaml:1:4: JSON has no .nan; write a finite number, or ".nan" in quotes'),
        ("a: [-.inf]", 'f.yaml:1:5: JSON has no -.inf; write a finite number, or "-.inf" in quotes'),
        ("- a", "f.yaml:1:1: a document must be a mapping (apiVersion, kind, metadata, spec)"),
        ("just text", "f.yaml:1:1: a document must be a mapping (apiVersion, kind, metadata, spec)"),
        ('a: "\\0"', "f.yaml:1:4: the text has a control character, U+0000; remove it"),
        ('a: "\\e[2J"', "f.yaml:1:4: the text has a control character, U+001B; remove it"),
        ("a: b\x07", "f.yaml:1:5: control character U+0007; remove it"),
        ("a:\n\tb: 1", "f.yaml:2:1: not YAML: while scanning for the next token found character"),
        ("a: b: c", "f.yaml:1:5: not YAML: mapping values are not allowed in this context"),
        ("a: [1", "f.yaml:2:1: not YAML: while parsing a flow sequence did not find expected ',' or ']'"),
        (b"a: \xff", "f.yaml:1:1: not UTF-8 (byte 0xff); save it as UTF-8"),
        ("a: b".encode("utf-16"), "f.yaml:1:1: encoded as UTF-16; save it as UTF-8"),
        ("[" * 65 + "]" * 65, "f.yaml:1:65: nested deeper than 64 levels; no manifest is"),
        ("[" * 100_000, "f.yaml:1:65: nested deeper than 64 levels; no manifest is"),
        ("a: " + "{a: " * 100_000, "f.yaml:1:256: nested deeper than 64 levels; no manifest is"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "f.yaml:1:1: a pointer of Git LFS; the content is not in Git; run `git lfs untrack` for it and commit it again",
        ),
        (
            b"\0GITCRYPT\0\xff",
            "f.yaml:1:1: encrypted with git-crypt; nothing here can decrypt it: commit it as plain text",
        ),
        ("$ANSIBLE_VAULT;1.1;AES256\n3336", "f.yaml:1:1: encrypted with Ansible Vault; nothing here can decrypt it"),
        (b"age-encryption.org/v1\n-> X25519 \xff", "f.yaml:1:1: encrypted with age; nothing here can decrypt it"),
        (
            "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> branch\n",
            "f.yaml:2:1: a mark of a merge conflict; resolve it and commit the result",
        ),
    ],
)
def test_unsupported_yaml_is_refused_with_place_and_advice(text, problem):
    """The first line of the refusal."""
    assert problems(text)[0].startswith(problem)


def test_text_that_looks_like_a_mark_of_a_conflict_is_text():
    """In a description, for example."""
    (found,) = yaml.load("a: |\n  <<<<<<< HEAD\n", file="f.yaml")
    assert found.manifest == {"a": "<<<<<<< HEAD\n"}


def test_all_problems_of_a_file_are_reported_at_once():
    """Up to the first syntax error, in every document."""
    text = "a: 1\na: 2\n1: x\n---\n- list\n---\nb: .inf\nc: [\n"
    assert [line.split(":")[1] for line in problems(text)] == ["2", "3", "5", "7", "9"]


def test_the_number_of_reported_problems_is_limited():
    """A hundred are enough."""
    assert len(problems("a: 1\n" * 5000)) == yaml.MAX_PROBLEMS + 1


def test_an_unused_anchor_is_accepted():
    """It means nothing."""
    assert manifests("a: &x 1\nb: &y [2]\n") == [{"a": 1, "b": [2]}]


def test_an_alias_bomb_is_refused_before_it_expands():
    """400 bytes that stand for 387,420,489 leaves."""
    assert len(BOMB) < 450
    tracemalloc.start()
    try:
        assert problems(BOMB) == ["f.yaml:2:8: the alias *a is refused; repeat the value"]
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_an_alias_to_itself_is_refused():
    """It has no end."""
    assert problems("a: &a [*a]") == ["f.yaml:1:8: the alias *a is refused; repeat the value"]


def test_the_size_of_a_document_is_limited():
    """One that no cluster would store."""
    large = "a: " + "x" * yaml.MAX_DOCUMENT_BYTES
    assert problems(f"b: 1\n---\n{large}\n---\nc: 1\n") == [
        f"f.yaml:3:1: the document has over {yaml.MAX_DOCUMENT_BYTES} bytes; no cluster stores it"
    ]
    umlauts = "a: " + "ü" * (yaml.MAX_DOCUMENT_BYTES // 2)
    assert "no cluster stores it" in problems(umlauts)[0]


def test_the_size_of_a_file_is_limited():
    """It is not even looked into."""
    assert problems(b" " * (file_text.MAX_FILE_BYTES + 1)) == [
        "f.yaml: 10485761 bytes; a file holds at most 10485760: split it"
    ]


def test_the_nodes_of_a_document_are_limited():
    """Few bytes make many nodes."""
    assert problems("a: [" + "1," * yaml.MAX_NODES + "]")[0].endswith("the document has over 200000 nodes; split it")


def test_quoted_scalars_are_strings():
    """Also of what would be refused."""
    assert manifests("'1': '2'\n\"<<\": \"~\"\n'on': '.nan'\n") == [{"1": "2", "<<": "~", "on": ".nan"}]


def test_the_tag_of_a_string_is_allowed():
    """It says what the quotes say."""
    assert manifests("a: !!str 5\nb: !!map {c: !!seq [1]}\n") == [{"a": "5", "b": {"c": [1]}}]


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ((), (3, 1)),
        (("kind",), (3, 1)),
        (("spec", "links", 0), (6, 5)),
        (("spec", "links", 0, "b"), (7, 5)),
        (("spec", "links", 1, "c", 1), (8, 13)),
        (("spec", "absent", "below"), (4, 1)),
    ],
)
def test_a_position_is_that_of_the_key_or_item(path, position):
    """Counted in the file, not in the document."""
    text = "kind: first\n---\nkind: second\nspec:\n  links:\n  - a: 1\n    b: 2\n  - {c: [1, 2]}\n"
    assert yaml.load(text, file="f")[1].position(path) == position


keys = st.text(string.ascii_letters + string.digits + "./-_ :", min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t"), max_size=30)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | keys
)
nested = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
data = st.dictionaries(keys, nested, max_size=5)


@settings(max_examples=60)
@given(data, data)
def test_rendered_manifests_are_parsed_back_equal(one, other):
    """The law between `render.dump` and the loader, with the separator that an export writes."""
    assert manifests(dump(one) + b"---\n" + dump(other)) == [one, other]


safe_scalars = st.integers(-(10**9), 10**9) | st.booleans() | st.none() | st.from_regex(r"[a-z]{3,8}", fullmatch=True)


safe_keys = st.from_regex(r"k[a-z]{2,8}", fullmatch=True)
safe_values = st.recursive(safe_scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=10)


@settings(max_examples=60)
@given(st.dictionaries(safe_keys, safe_values, max_size=5))
def test_unambiguous_yaml_is_parsed_as_by_pyyaml(manifest):
    """Both styles of PyYAML's own writer."""
    for flow in (True, False):
        text = pyyaml.safe_dump(manifest, default_flow_style=flow)
        assert manifests(text) == [pyyaml.safe_load(text)] == [manifest]


@given(st.text(st.sampled_from("ab1:-[]{},&*!|>'\"#%?\n \t\u00e9~.<"), max_size=60) | st.binary(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    """No other exception, and only plain finite data."""
    try:
        found = manifests(text)
    except InvalidInput as refused:
        assert str(refused).startswith("f.yaml:")
    else:
        assert all(is_plain(manifest) for manifest in found)


def is_plain(value):
    """Whether JSON can hold it."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(child) for key, child in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def test_samples_of_upstream_are_parsed_as_by_pyyaml(reference):
    """382 objects in 28 files, and the fabrics of the admission data."""
    files = [path for path in sorted(reference.rglob("*.yaml")) if "crds" not in path.parts]
    assert len(files) > 30
    for path in files:
        wanted = [one for one in pyyaml.load_all(path.read_bytes(), Loader=pyyaml.CSafeLoader) if one is not None]
        assert manifests(path.read_bytes()) == wanted, path
