"""Files of strangers: every one has a verdict, and costs no more than its size allows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgehog.admission.files import MOST_REMARKS, check_files
from hedgehog.errors import InvalidInput
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import intake, yaml
from hedgehog.manifests.outputs import FORMS
from tests.calls import calls

HEAD = "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Connection\nmetadata: {name: c}\nspec:\n"
NAMES = (
    "a",
    "'10.0.0.0/8'",
    "5",
    "[]",
    "{}",
    "~",
    '"\\0"',
    '"\\ud800"',
    "9" * 5000,
    "2024-01-01",
    "x" * 500,
    ".inf",
    "*a",
    "&a b",
)


def verdict(content):
    """Every way a file goes, and the remarks on it."""
    try:
        for document in yaml.load(content, file="f.yaml"):
            for item in intake.items(document):
                intake.accept_manifest(item, namespace="default")
    except InvalidInput:
        pass
    report = check_files({"f.yaml": content}, FabricSettings())
    for form in FORMS.values():
        form(report).encode()
    return [remark.message for _, remark in report.remarks()]


@settings(max_examples=50, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.text(alphabet="ab:-[]{}&*!|>'\"%@` \n\t#?,~<0x.é\x85\u2028\ufeff", max_size=200)
    )
)
def test_every_file_gets_a_report(content):
    """No other exceptions than our own errors are raised."""
    verdict(content if isinstance(content, bytes) else content.encode())


@settings(max_examples=25, deadline=None)
@given(*(st.sampled_from(NAMES) for _ in range(6)))
def test_every_object_gets_a_verdict(version, kind, name, namespace, labels, spec):
    """Of whatever type it is."""
    for given_version in (
        version,
        "vpc.githedgehog.com/v1beta1",
        "fabricator.githedgehog.com/v1beta1",
        "hedgehog-airflow/v1",
    ):
        for given_kind in (kind, "VPC", "Fabricator", "Fabric", "List"):
            metadata = f"{{name: {name}, namespace: {namespace}, labels: {labels}}}"
            text = f"apiVersion: {given_version}\nkind: {given_kind}\nmetadata: {metadata}\n"
            verdict((text + f"spec: {spec}\nitems: {spec}\n").encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('"a\\0b": 1\n', "U+0000"),
        ('{a: {"\\x1b[2J": 1}}\n', "U+001B"),
        ("a: " + "[" * 1100 + "]" * 1100, "nested deeper than 64 levels"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(1100)), "nested deeper than 64 levels"),
        ("- " * 1100 + "a", "nested deeper than 64 levels"),
        ("---\na: 1\n" * 101, "the file has over 100 documents"),
        ("---\nk: [" + "[]," * 600 + "]\n---\nk: [" + "[]," * 600 + "]\n", "the file has over 1000 nodes"),
        ("kind: List\napiVersion: v1\nitems: {}\n", "v1 List is not a kind"),
        ("apiVersion: ''\nkind: ''\n", "apiVersion and kind are missing"),
    ],
)
def test_what_cannot_be_read_is_reported(monkeypatch, content, said):
    """With what it is."""
    monkeypatch.setattr(yaml, "MAX_DOCUMENTS", 100)
    monkeypatch.setattr(yaml, "MAX_FILE_NODES", 1000)
    assert said in "\n".join(verdict(content.encode()))


def test_a_number_of_thousands_of_digits_is_text_as_the_cluster_reads_it():
    """Python refuses to read it."""
    (document,) = yaml.load("a: " + "9" * 5000 + "\nb: -" + "9" * 5000, file="f.yaml")
    assert document.manifest == {"a": "9" * 5000, "b": "-" + "9" * 5000}


@pytest.mark.parametrize(
    "line",
    [
        "    - {{spine: {{port: s/E1/{i}, ip: x}}, leaf: {{port: l/E1/{i}, ip: y}}}}\n",
        "    - {{a{i}: 1}}\n",
        "    - 5\n",
        "    - {{spine: {{port: s/E1/1}}, leaf: {{port: l/E1/1}}}}\n",
    ],
)
def test_the_cost_of_an_invalid_object_grows_only_with_its_size(line):
    """Counted in calls, for no clock is steady. It took 84 s for 82 kB: every violation computed all places again."""
    few, many = (
        _checking(HEAD + "  fabric:\n    links:\n" + "".join(line.format(i=i) for i in range(n))) for n in (200, 800)
    )
    assert many < 6 * few


def _checking(text):
    content = text.encode()
    check_files({"f.yaml": content}, FabricSettings())  # what is worked out once is no part of it
    return calls(lambda: check_files({"f.yaml": content}, FabricSettings()))


def test_the_remarks_on_one_object_are_capped():
    """Errors first, and how many more there are."""
    found = verdict((HEAD + "  fabric:\n    links:\n" + "    - 5\n" * 500).encode())
    assert (len(found), "and 400 more" in found) == (MOST_REMARKS + 1, True)


def test_thousands_of_duplicates_are_reported_without_reading_their_files_again():
    """Where the first one stands was known when it was read."""
    before = yaml._positions.cache_info().misses
    item = "{apiVersion: vpc.githedgehog.com/v1beta1, kind: VPC, metadata: {name: a%d}}"
    listed = "kind: List\napiVersion: v1\nitems:\n" + "".join(f"- {item % number}\n" for number in range(50))
    text = "---\n".join([listed] * 3).encode()
    assert sum("appears twice" in one for one in verdict(text)) == 100
    assert yaml._positions.cache_info().misses - before < 20


@pytest.mark.parametrize("form", FORMS)
def test_control_characters_of_a_file_do_not_reach_a_terminal(form):
    """Escape sequences, controls of eight bits, marks of direction."""
    content = 'apiVersion: x.githedgehog.com/v1\nkind: "V\u202eP\u200bC"\nmetadata: {name: "a\u2066b"}\n'.encode()
    shown = FORMS[form](check_files({"a\x1b[2J\x9b1m\u202e.yaml": content}, FabricSettings()))
    assert not set(shown) & set("\x1b\x9b\u202e\u200b\u2066")
    if form == "json":
        assert json.loads(shown)["objects"][0]["file"] == "a\x1b[2J\x9b1m\u202e.yaml"


def test_a_tag_that_a_directive_defines_is_reported_like_any_other():
    """The document was read again without its directives, to find the place: a traceback of the YAML parser."""
    text = "a: 1\n---\nb: 1\n...\n# c\n%TAG !e! tag:x\n---\napiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nspec: !e!b {}\n"
    report = check_files({"f.yaml": text.encode()}, FabricSettings())
    assert (10, "the tag tag:xb is refused") in [(remark.line, remark.message) for _, remark in report.remarks()]
    assert yaml.parse_documents(text, file="f")[0][-1].position(("kind",)) == (9, 1)


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\x85", "\u2028"])
def test_every_line_break_of_yaml_ends_a_line(line_break):
    """Each document of a file with bare carriage returns held all that comes before it: hundreds of megabytes."""
    text = line_break.join(["kind: first", "---", "kind: VPC", "nonsense: 1", ""])
    second = yaml.load(text, file="f")[1]
    assert (second._text.count("first"), second.position(("nonsense",))) == (0, (4, 1))
    remarks = [remark for _, remark in check_files({"f": text.encode()}, FabricSettings()).remarks()]
    assert "nonsense: 1" in [remark.text for remark in remarks] or "kind: VPC" in [remark.text for remark in remarks]


def test_the_nodes_of_all_files_of_a_fabric_are_limited(monkeypatch):
    """Each file may be below its own limit. What is beyond is not read, and said to be too large."""
    monkeypatch.setattr(yaml, "MAX_FABRIC_NODES", 1000)
    item = (
        "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: a%d}\nspec: {x: [" + "{}," * 300 + "]}\n"
    )
    report = check_files({f"{number}.yaml": (item % number).encode() for number in range(5)}, FabricSettings())
    told = [
        entry.file for entry, one in report.remarks() if "too large: the files together have over 1000" in one.message
    ]
    assert told == ["3.yaml", "4.yaml"]


def test_many_small_documents_exceed_the_limit_of_nodes(monkeypatch):
    """80,000 objects with nothing in them took 450 MB."""
    monkeypatch.setattr(yaml, "MAX_FABRIC_NODES", 1000)
    files = {f"{number}.yaml": b"---\na: 1\n" * 50 for number in range(4)}
    told = [entry.file for entry, one in check_files(files, FabricSettings()).remarks() if "too large" in one.message]
    assert told == ["1.yaml", "2.yaml", "3.yaml"]


@pytest.mark.parametrize("count", [3, 300])
def test_many_peerings_of_one_pair_name_only_a_few_others(count):
    """9,600 of them named all others: 45 s and 740 MB."""
    item = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPCPeering\nmetadata: {name: p%03d}\nspec: {permit: [{a: {}, b: {}}]}\n"
    told = [one for one in verdict("---\n".join(item % number for number in range(count)).encode()) if "already" in one]
    assert len(told) == count - 1
    assert max(told, key=len).endswith("by p000, p001, p002 and others" if count == 300 else "by p000, p001")
