"""Changing fields in a file that a person wrote: comments, order and quotes of everything else stay.

Where only values change, only their own characters do; for more than that, ruamel.yaml writes the file with its comments.
"""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import yaml as pyyaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from hedgehog.errors import InvalidInput
from hedgehog.fabric.render import dump
from hedgehog.manifests import yaml

Path = tuple[str | int, ...]
Edits = Mapping[int, Mapping[Path, Any]]
"""Number of a document, as `yaml.Document.index` counts → path of a field → its new value, or ABSENT. The path of a
document itself is empty."""


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""The value of a field, an item or a document that is removed."""

_WIDEST = 100_000
"""Lines are not wrapped."""
_INDENTED_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*\1  - ", re.MULTILINE)


def changes_between(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The fields to set, or to remove, for *old* to become *new*. A list of another length is set as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            if key not in new:
                yield (*path, key), ABSENT
            elif key not in old:
                yield (*path, key), new[key]
            else:
                yield from changes_between(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from changes_between(*pair, (*path, index))
    elif old != new or type(old) is not type(new):
        yield path, new


def set_fields(content: bytes, edits: Edits, *, file: str) -> bytes:
    """*content* with the fields of *edits* set, those that are missing added at the end of their mapping.

    Raises InvalidInput for a file that cannot be written back without changing something else, such as one in which
    two objects share a mapping through an alias.
    """
    documents = yaml.load(content, file=file)
    changed = [_with(copy.deepcopy(one.manifest), edits.get(one.index, {})) for one in documents]
    wanted = [one for one in changed if one is not ABSENT]
    if wanted == [one.manifest for one in documents]:
        return content
    for text in (_spliced(content, edits), _written(content, edits, file)):
        if text is not None and [one.manifest for one in yaml.load(text, file=file)] == wanted:
            return text
    raise InvalidInput(
        f"{file}: cannot be changed without changing other objects in it; write the aliases and merges (&, *, <<) out"
    )


def _spliced(content: bytes, edits: Edits) -> bytes | None:
    """*content* with other characters for each value; None if something else than values on one line changes."""
    text = content.decode()
    nodes = [one for one in pyyaml.compose_all(text, Loader=pyyaml.SafeLoader) if not _is_empty(one)]
    places = []
    for index, fields in edits.items():
        for path, value in fields.items():
            node = _node(nodes[index], path)
            written = _scalar(node, value) if isinstance(node, pyyaml.ScalarNode) else None
            if node is None or written is None:
                return None
            places.append((node.start_mark.index, node.end_mark.index, written))
    for start, end, written in sorted(places, reverse=True):
        text = text[:start] + written + text[end:]
    return text.encode()


def _is_empty(node: pyyaml.Node | None) -> bool:
    return node is None or (isinstance(node, pyyaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null")


def _node(node: pyyaml.Node | None, path: Path) -> pyyaml.Node | None:
    for step in path:
        if isinstance(node, pyyaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, pyyaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return None
    return node


def _scalar(node: pyyaml.ScalarNode, value: Any) -> str | None:
    """*value* in the quotes that the old one has, if it stands on one line."""
    if (
        isinstance(value, dict | list | _Absent)
        or node.style in ("|", ">")
        or node.start_mark.line != node.end_mark.line
    ):
        return None
    if isinstance(value, str) and node.style == '"':
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and node.style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    line = dump({"v": value}).decode().removeprefix("v: ").rstrip("\n")
    return line if "\n" not in line else None


def _written(content: bytes, edits: Edits, file: str) -> bytes:
    text = content.decode()
    tool = YAML(typ="rt")
    tool.preserve_quotes = True
    tool.width = _WIDEST
    tool.explicit_start = text.lstrip("\ufeff").startswith("---")
    if _INDENTED_LIST.search(text):
        tool.indent(mapping=2, sequence=4, offset=2)
    out = io.BytesIO()
    try:
        documents = list(tool.load_all(text))
        filled = (number for number, document in enumerate(documents) if document is not None)
        gone = set()
        for index, number in enumerate(filled):
            fields = {path: _quoted(value) for path, value in edits.get(index, {}).items()}
            if _with(documents[number], fields) is ABSENT:
                gone.add(number)
        kept = [document for number, document in enumerate(documents) if number not in gone]
        if kept:
            tool.dump_all(kept, out)
    except YAMLError as error:
        raise InvalidInput(f"{file}: cannot be written back with its comments: {error}") from error
    return out.getvalue()


def _quoted(value: Any) -> Any:
    """*value* with quotes for text that not every reader of YAML would take for text."""
    if isinstance(value, dict):
        return {_quoted(key): _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    if isinstance(value, str) and "\n" not in value and dump({"v": value}) != f"v: {value}\n".encode():
        return DoubleQuotedScalarString(value)
    return value


def _with(document: Any, edits: Mapping[Path, Any]) -> Any:
    """*document*, changed in place; ABSENT if it is removed. Items of lists go last, and from the end."""
    removed = sorted((path for path, value in edits.items() if value is ABSENT), key=_backwards)
    for path, value in edits.items():
        if value is not ABSENT:
            holder = _holder(document, path)
            holder[path[-1]] = value
    for path in removed:
        if not path:
            return ABSENT
        holder = _holder(document, path)
        if isinstance(holder, list):
            holder.pop(int(path[-1]))
        else:
            holder.pop(path[-1], None)
    return document


def _holder(document: Any, path: Path) -> Any:
    """What has the field at *path*; mappings on the way that are missing are added."""
    for step in path[:-1]:
        if isinstance(step, str) and document.get(step) is None:
            document[step] = {}
        document = document[step]
    return document


def _backwards(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((-step, "") if isinstance(step, int) else (0, step) for step in path)
