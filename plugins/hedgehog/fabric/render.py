"""Desired data as files: the bytes and the path of every managed file.

Rendering is a pure function of the data: time, host and order of keys do not matter. Equal data gives equal bytes,
therefore equal blob ids, therefore no commit. YAML is written so that every reader agrees on it (YAML 1.1 as PyYAML and
Go's sigs.k8s.io/yaml read it, YAML 1.2 as newer tools do): a string is unquoted only when every reader reads a string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from hedgehog.errors import InvalidInput
from hedgehog.fabric.kinds import ALL_KINDS, FABRIC
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef

FABRIC_FILE = "fabric.yaml"
README_FILE = "README.md"

FABRIC_ID_LABEL = "hedgehog-airflow/fabric-id"
"""Not `…fabric.githedgehog.com/…`: Hedgehog's webhooks remove labels with such keys on every write."""

# A word that begins with a letter, "_" or "/", or a prefix such as 10.0.0.0/24; words joined by single spaces.
# Everything else (digits first, "a: b", " #", indicators, non-ASCII) is quoted, needed or not.
_PLAIN = re.compile(
    r"(?:[A-Za-z_/]|[0-9][0-9A-Za-z.]*/)[A-Za-z0-9_/.()@+-]*(?::[A-Za-z0-9_/.()@+-]+)*"
    r"(?: [A-Za-z0-9_/.()@+-]+(?::[A-Za-z0-9_/.()@+-]+)*)*"
)

# Words that some readers take for a boolean, null or a float.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"})

# A block of lines that libyaml writes unchanged. A first line that begins with a blank would need an indentation
# indicator, a blank before a line break is not visible, and other control characters need escapes.
_BLOCK = re.compile(r"[^\s\x00-\x1f\x7f-\U0010ffff](?:[^\x00-\x1f\x7f-\U0010ffff]|\n)*", re.ASCII)

_UNLIMITED_WIDTH = 2**30


class _Dumper(yaml.CSafeDumper):
    """libyaml's emitter with our quoting and without anchors, which Kubernetes tools refuse or lose."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


_Dumper.add_representer(str, _represent_text)


def _style(text: str) -> str | None:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return None
    if "\n" in text and " \n" not in text and not text.endswith(" ") and _BLOCK.fullmatch(text):
        return "|"
    return '"'


def dump(manifest: Mapping[str, Any]) -> bytes:
    """The YAML of a manifest: block style, sorted keys, no anchors, no wrapped lines, UTF-8.

    Depends on the data alone; loading it gives equal data. Accepts only what JSON can represent.
    """
    text: bytes = yaml.dump(
        dict(manifest),
        Dumper=_Dumper,
        encoding="utf-8",
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=True,
        width=_UNLIMITED_WIDTH,
    )
    return text


def object_path(fabric: Fabric, ref: ObjectRef) -> str:
    """The path of the file of *ref* in the repository; two objects never share a path.

    Raises InvalidInput for a kind that a fabric does not hold.
    """
    if ref.kind == FABRIC.kind:
        return in_directory(fabric, FABRIC_FILE)
    kind = ALL_KINDS.get(ref.kind)
    if kind is None:
        raise InvalidInput(f"{ref}: {ref.kind} is not a kind that a fabric holds; remove the object from {fabric.name}")
    folder = kind.plural if ref.namespace == kind.default_namespace else f"{kind.plural}/{ref.namespace}"
    return in_directory(fabric, f"{folder}/{ref.name}.yaml")


def in_directory(fabric: Fabric, path: str) -> str:
    """*path* below the fabric's directory, which may be the root of the repository."""
    return f"{fabric.git_directory}/{path}" if fabric.git_directory else path


def fabric_ref(fabric: Fabric) -> ObjectRef:
    """The ref of the fabric's own resource."""
    return ObjectRef(FABRIC.kind, FABRIC.default_namespace, fabric.resource_name)


def fabric_resource(fabric: Fabric, *, group: str = FABRIC.group, version: str = FABRIC.version) -> Manifest:
    """The product's own `Fabric` resource: the eight fields as they are stored; a 0 stays 0.

    *group* and *version* can be set because upstream will have another kind with the same resource name.
    """
    return {
        "apiVersion": f"{group}/{version}",
        "kind": FABRIC.kind,
        "metadata": {
            "name": fabric.resource_name,
            "namespace": FABRIC.default_namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "hedgehog-airflow",
                FABRIC_ID_LABEL: str(fabric.id),
            },
        },
        "spec": {
            "name": fabric.name,
            "description": fabric.description,
            "asn": fabric.asn,
            "spine_count": fabric.spine_count,
            "leaf_count": fabric.leaf_count,
            "spine_leaf_links": dict(fabric.spine_leaf_links),
            "vpc_peering_config": dict(fabric.vpc_peering_config),
            "switch_config": dict(fabric.switch_config),
        },
    }


_README = """\
# Fabric {name}

This directory describes the Hedgehog network fabric `{name}`. Hedgehog on Airflow writes it from its fabric database
and applies it to the fabric's control cluster.

| path | holds |
|---|---|
| `fabric.yaml` | the fabric itself, kind `Fabric` |
| `<plural>/<name>.yaml` | one object, for example `switches/leaf-01.yaml` or `vpcs/vpc-1.yaml` |
| `<plural>/<namespace>/<name>.yaml` | an object outside its kind's usual namespace |

## Who writes here

Hedgehog on Airflow writes `README.md`, `fabric.yaml` and the object files, and changes nothing else: files that it did
not write are left alone.

If you edit a file that it wrote, {edits}

To change the fabric for good, change it in the fabric database.
"""

_EDITS = {
    "hold": "your edit stays. It is reported as a Git drift, and that file is not written again until the edit is\n"
    "undone, the database says the same, or an operator decides: `hedgehog drift` takes it over or overwrites it.",
    "overwrite": "the next sync writes the file again from the fabric database; your edit stays in the history of Git.",
    "adopt": "the next sync takes your edit into the fabric database if it is valid, else it is held and reported.",
}


def readme(fabric: Fabric) -> bytes:
    """The README of the fabric's directory; it changes only with the fabric's name and drift policy."""
    return _README.format(name=fabric.name, edits=_EDITS[fabric.git_drift_policy]).encode()
