"""Strict YAML: the documents of a file as Kubernetes would read them, or every reason why they cannot be read.

libyaml parses; its events are turned into plain data here, so that nothing is built before it is allowed: no aliases (a
400-byte file of them can stand for 400 million nodes), no tags, no merge keys, no duplicate or non-string keys, no
numbers that JSON lacks, and bounds on size, depth and nodes. Nothing is ever executed or imported.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml._yaml import CParser  # libyaml's event parser: the part of CSafeLoader that builds nothing

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Manifest
from hedgehog.manifests import file_rules
from hedgehog.manifests.file_text import FileProblem, Unreadable, conflict_in, text_of
from hedgehog.manifests.rule import Path, Rule
from hedgehog.manifests.scalars import Scalar, resolve

MAX_DOCUMENT_BYTES = 2**20
"""Less than what etcd accepts of one object."""
MAX_DEPTH = 64
MAX_NODES = 200_000
"""Of one document."""
MAX_FILE_NODES = 300_000
MAX_FABRIC_NODES = 400_000
"""Of all files of a fabric together: three times what 10,000 objects have. A node may need a kilobyte of memory."""
MAX_PULL_REQUEST_NODES = 600_000
"""Of the files of a fabric before and after a pull request together, those that stay the same counted once: 10,000
objects may be rewritten."""
_NODES_OF_A_DOCUMENT = 10
"""What an object counts in addition to its content, because even an empty object needs memory."""
MAX_DOCUMENTS = 10_000
"""Of one file."""
MAX_PROBLEMS = 100
"""At most so many problems of one file are reported; after them the rest is not read."""

Position = tuple[int, int]
"""Line and column, both from 1."""

# What only an escape in double quotes can contain, and no terminal or database should see.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_TAGS = {"scalar": "tag:yaml.org,2002:str", "mapping": "tag:yaml.org,2002:map", "sequence": "tag:yaml.org,2002:seq"}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its data and where it begins. `index` counts the documents that are not empty, from 0."""

    manifest: Manifest
    file: str
    index: int
    line: int
    column: int
    _text: str = field(repr=False, compare=False)
    """The document's own lines, with its directives."""
    _first_line: int = field(repr=False, compare=False)
    """The line of the first of them."""

    @property
    def place(self) -> str:
        """`file:line`, as editors and terminals know it."""
        return f"{self.file}:{self.line}"

    def position(self, path: Sequence[str | int]) -> Position:
        """Line and column of the value at *path*: of its key in a mapping, of the item in a list.

        For a path that does not exist it is the position of the deepest part that does. Parses the document again,
        except for the document itself, so ask only when there is something to report.
        """
        names = tuple(path)
        if not names:
            return self.line, self.column
        positions = _positions(self._text, self._first_line)
        while names not in positions:
            names = names[:-1]
        return positions[names]


@functools.lru_cache(maxsize=1)
def _positions(text: str, first_line: int) -> Mapping[Path, Position]:
    """The positions in one document. The last result is kept, for there may be thousands of questions about it."""
    positions: dict[Path, Position] = {}
    _Builder(text, "", [], first_line=first_line, positions=positions).read()
    return positions


class NodeBudget:
    """How many nodes may still be read, of all files that are checked together."""

    def __init__(self, most: int | None = None) -> None:
        """*most* is MAX_FABRIC_NODES by default."""
        self.most = self.left = MAX_FABRIC_NODES if most is None else most
        self.is_exceeded = False
        """Whether anything was not read because there were more nodes."""


def load(text: bytes | str, *, file: str, nodes: NodeBudget | None = None) -> list[Document]:
    """The documents of a YAML stream; empty ones are left out.

    Raises InvalidInput with one line `file:line:column: what is wrong; what to do` per problem. A syntax error ends the
    reading of the file; duplicate keys and the like are collected. *file* is only a name; *nodes*: see `parse_documents`.
    """
    found, problems = parse_documents(text, file=file, nodes=nodes)
    if problems:
        raise InvalidInput("\n".join(map(str, problems)))
    return found


def parse_documents(
    text: bytes | str, *, file: str, nodes: NodeBudget | None = None
) -> tuple[list[Document], list[FileProblem]]:
    """The documents that could be read, and every problem; where there are any, do not rely on the documents.

    What is read is subtracted from *nodes*, and nothing beyond them is read.
    """
    problems: list[FileProblem] = []
    found: list[Document] = []
    readable = ""
    try:
        readable = text_of(text, file)
        _Builder(readable, file, problems, found=found, nodes=nodes).read()
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax_problem(error, file))
    except Unreadable as error:
        problems.append(error.problem)
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # of the parser, about one place that it does not name
        problems.append(FileProblem(file_rules.SYNTAX, file, 0, 0, f"cannot be read: {type(error).__name__}"))
    if problems and (conflict := conflict_in(readable, file)):
        problems = [conflict]
    return found, problems


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> FileProblem:
    mark: Any = error.problem_mark or error.context_mark
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    if "cannot start any token" in what:
        what += " (a tab? indent with spaces; quote what begins with % @ or `)"
    return FileProblem(file_rules.SYNTAX, file, mark.line + 1, mark.column + 1, f"not YAML: {what}")


class _Builder:
    """Turns the events of a stream into plain data, without recursion; collects problems, records positions.

    Every event of every file is handled here, so common cases come first and call few functions.
    """

    __slots__ = (
        *("_text", "_file", "_problems", "_found", "_first_line", "positions", "_nodes", "_most_nodes"),
        *("_budget", "_allowed"),
        *("_mark", "_start", "_base", "_container", "_keys", "_key", "_path", "_outer"),
    )

    def __init__(
        self,
        text: str,
        file: str,
        problems: list[FileProblem],
        *,
        found: list[Document] | None = None,
        nodes: NodeBudget | None = None,
        first_line: int = 1,
        positions: dict[Path, Position] | None = None,
    ) -> None:
        """Documents are added to *found*, the positions of their values to *positions*; *nodes* are those left."""
        self._text = text
        self._file = file
        self._problems = problems
        self._found = found
        self._first_line = first_line
        self.positions = positions
        self._nodes = 0
        """Of the previous documents."""
        self._budget = nodes
        self._allowed = self._most_nodes = 0
        self._mark: Any = None
        """Where the data of the document begins."""

    def read(self) -> None:
        """Handle every event. Raises Unreadable where going on would be dangerous or pointless."""
        try:
            for event in iter(CParser(self._text).get_event, None):
                _HANDLERS[type(event)](self, event)
        finally:
            self._count()

    def _count(self) -> None:
        """Subtract the nodes of the document from those that are left."""
        used, self._allowed = self._allowed - max(self._most_nodes, 0), 0
        self._most_nodes = 0
        self._nodes += used
        if self._budget is not None:
            self._budget.left -= used

    def _begin(self, event: Any) -> None:
        """The next document."""
        self._start = event.start_mark if event.version or event.tags else None
        """Where its directives begin, if it has any."""
        self._base: list[Any] = []
        self._container: Any = self._base
        self._keys: dict[str, int] | None = None
        """The keys of the mapping that is being filled, with their lines; None for a list."""
        self._key: str | None = None
        """None when a key comes next."""
        self._path: Path = ()
        self._outer: list[tuple[Any, dict[str, int] | None, str | None, Path]] = []
        self._allowed = min(MAX_NODES, MAX_FILE_NODES - self._nodes)
        if self._budget is not None and self._budget.left < self._allowed:
            self._allowed = self._budget.left
        self._most_nodes = self._allowed
        """How many this document may still have."""

    def _end(self, event: Any) -> None:
        """Keep the document."""
        self._count()
        if self._found is None or not self._base:
            return
        if self._budget is not None:
            self._budget.left -= _NODES_OF_A_DOCUMENT
        root, mark = self._base[0], self._mark
        if not isinstance(root, dict):
            if root is not None:
                self._problem(
                    mark, file_rules.DOCUMENT, "a document must be a mapping (apiVersion, kind, metadata, spec)"
                )
            return
        start = self._start or mark
        own = self._text[start.index - start.column : event.start_mark.index]
        if len(own) > MAX_DOCUMENT_BYTES or (not own.isascii() and len(own.encode()) > MAX_DOCUMENT_BYTES):
            self._problem(
                mark, file_rules.LIMIT, f"the document has over {MAX_DOCUMENT_BYTES} bytes", "no cluster stores it"
            )
        index = len(self._found)
        if index >= MAX_DOCUMENTS:
            self._give_up(mark, file_rules.LIMIT, f"the file has over {MAX_DOCUMENTS} documents", "split it")
        found = Document(root, self._file, index, mark.line + 1, mark.column + 1, own, start.line + 1)
        self._found.append(found)

    def _problem(self, mark: Any, rule: Rule, text: str, hint: str = "") -> None:
        """Keep a problem. Reading ends when there are too many."""
        self._problems.append(self._at(mark, rule, text, hint))
        if len(self._problems) >= MAX_PROBLEMS:
            many = f"more than {MAX_PROBLEMS} problems"
            raise Unreadable(FileProblem(file_rules.LIMIT, self._file, 0, 0, many, "the rest of the file was not read"))

    def _give_up(self, mark: Any, rule: Rule, text: str, hint: str) -> NoReturn:
        """End the reading at *mark*."""
        raise Unreadable(self._at(mark, rule, text, hint))

    def _at(self, mark: Any, rule: Rule, text: str, hint: str) -> FileProblem:
        return FileProblem(rule, self._file, mark.line + self._first_line, mark.column + 1, text, hint)

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        value: Scalar = text
        if event.style or event.tag is not None:
            self._check_written(event)
        else:
            value = resolve(text)
        keys = self._keys
        if keys is None or self._key is not None:
            if type(value) is float and not math.isfinite(value):
                hint = f'write a finite number, or "{text}" in quotes'
                self._problem(event.start_mark, file_rules.NUMBER, f"JSON has no {text}", hint)
            if keys is None:
                self._place(event, value)
                return
            self._most_nodes -= 1  # as _place does; values of keys are by far the most frequent
            if self._most_nodes < 0:
                self._give_up_on_nodes(event)
            self._container[self._key] = value
            self._key = None
            return
        if type(value) is not str or text == "<<":
            self._check_key(event, value)
        if text in keys:
            said = f"the key {text!r} appears twice, first in line {keys[text] + self._first_line}"
            self._problem(event.start_mark, file_rules.DUPLICATE_KEY, said, "remove one")
        keys[text] = event.start_mark.line
        self._key = text
        if self.positions is not None:
            self._record((*self._path, text), event.start_mark)

    def _check_written(self, event: Any) -> None:
        """Refuse the tag of a scalar, and what only an escape can bring into a string."""
        if event.tag is not None:
            self._check_tag(event, "scalar")
        if event.style == '"' and (control := _CONTROL.search(event.value)):
            said = f"the text has a control character, U+{ord(control[0]):04X}"
            self._problem(event.start_mark, file_rules.ENCODING, said, "remove it")

    def _check_key(self, event: Any, value: Scalar) -> None:
        """Refuse a key that is not text, and a merge."""
        text = event.value
        if type(value) is not str:
            said = f"the key {text or '(none)'} is read as {_NAMES[type(value)]}"
            self._problem(event.start_mark, file_rules.KEY, said, f'write "{text}"')
        elif not event.style and event.tag is None:
            self._problem(event.start_mark, file_rules.MERGE_KEY, "merge keys (<<) are refused", "repeat the fields")

    def _place(self, event: Any, value: Any) -> None:
        """Put *value* in its place: it is an item, the value of the pending key, or the whole document."""
        self._most_nodes -= 1
        if self._most_nodes < 0:
            self._give_up_on_nodes(event)
        if self._keys is not None:
            if self._key is None:
                self._give_up(event.start_mark, file_rules.KEY, "a mapping or list cannot be a key", "write a string")
            self._container[self._key] = value
            self._key = None
            return
        if not self._outer:
            self._mark = event.start_mark
            self._record((), event.start_mark)
        elif self.positions is not None:
            self._record((*self._path, len(self._container)), event.start_mark)
        self._container.append(value)

    def _give_up_on_nodes(self, event: Any) -> NoReturn:
        whole, most = "document", MAX_NODES
        if self._budget is not None and self._allowed == self._budget.left:
            self._budget.is_exceeded = True
            together = f"could not verify: too large: the files together have over {self._budget.most} nodes, the limit"
            self._give_up(event.start_mark, file_rules.LIMIT, together, "split the fabric")
        if self._nodes > MAX_FILE_NODES - MAX_NODES:
            whole, most = "file", MAX_FILE_NODES
        self._give_up(event.start_mark, file_rules.LIMIT, f"the {whole} has over {most} nodes", "split it")

    def _record(self, path: Path, mark: Any) -> None:
        if self.positions is not None:
            self.positions[path] = (mark.line + self._first_line, mark.column + 1)

    def _open(self, event: Any, kind: str, container: Any, keys: dict[str, int] | None) -> None:
        if event.tag is not None:
            self._check_tag(event, kind)
        outer = self._outer
        if len(outer) >= MAX_DEPTH:
            self._give_up(
                event.start_mark, file_rules.LIMIT, f"nested deeper than {MAX_DEPTH} levels", "no manifest is"
            )
        path = inner = self._path
        if outer and self.positions is not None:
            name = self._key if self._keys is not None else len(self._container)
            inner = (*path, name) if name is not None else ()
        self._place(event, container)
        outer.append((self._container, self._keys, self._key, path))
        self._container, self._keys, self._path = container, keys, inner

    def _mapping(self, event: Any) -> None:
        self._open(event, "mapping", {}, {})

    def _sequence(self, event: Any) -> None:
        self._open(event, "sequence", [], None)

    def _close(self, event: Any) -> None:
        self._container, self._keys, self._key, self._path = self._outer.pop()

    def _alias(self, event: Any) -> None:
        self._give_up(event.start_mark, file_rules.ALIAS, f"the alias *{event.anchor} is refused", "repeat the value")

    def _ignore(self, event: Any) -> None:
        """The stream begins or ends."""

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag != _TAGS[kind]:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "write the value without it, a string in quotes"
            self._problem(event.start_mark, file_rules.TAG, f"the tag {name} is refused", hint)


_NAMES: Mapping[type, str] = {bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
_HANDLERS: Mapping[type, Callable[[_Builder, Any], None]] = {
    yaml.ScalarEvent: _Builder._scalar,
    yaml.MappingStartEvent: _Builder._mapping,
    yaml.SequenceStartEvent: _Builder._sequence,
    yaml.MappingEndEvent: _Builder._close,
    yaml.SequenceEndEvent: _Builder._close,
    yaml.AliasEvent: _Builder._alias,
    yaml.DocumentStartEvent: _Builder._begin,
    yaml.DocumentEndEvent: _Builder._end,
    yaml.StreamStartEvent: _Builder._ignore,
    yaml.StreamEndEvent: _Builder._ignore,
}
