"""Strict YAML: the documents of a file as Kubernetes would read them, or every reason why not.

libyaml parses; what its events say is turned into plain data here, so that nothing is built before it is allowed: no
aliases (a 400-byte file of them can stand for 400 million nodes), no tags, no merge keys, no duplicate or non-string
keys, no numbers that JSON lacks, and bounds on size, depth and nodes. Nothing is ever executed or imported.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml._yaml import CParser  # libyaml's event parser: the part of CSafeLoader that builds nothing

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import Manifest
from hedgehog.schemas.rules import files as rows
from hedgehog.schemas.rules.rule import Rule
from hedgehog.schemas.scalars import Scalar, resolve

MAX_FILE_BYTES = 10 * 2**20
MAX_DOCUMENT_BYTES = 2**20
"""What etcd takes of one object, with room to spare."""
MAX_DEPTH = 64
MAX_NODES = 200_000
"""Of one document."""
MAX_FILE_NODES = 300_000
MAX_DOCUMENTS = 10_000
"""Of one file."""
MAX_PROBLEMS = 100
"""Problems reported of one file; after them its reading ends."""

Path = tuple[str | int, ...]
Position = tuple[int, int]
"""Line and column, both from 1."""

# What libyaml does not take, and DEL. A byte order mark counts only at the very start.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# What an escape in double quotes can smuggle in: nothing a terminal or PostgreSQL should see.
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
    """The document's own lines, the first of them being `line`."""

    @property
    def place(self) -> str:
        """`file:line`, as editors and terminals know it."""
        return f"{self.file}:{self.line}"

    def position(self, path: Sequence[str | int]) -> Position:
        """Line and column of what *path* names: of its key in a mapping, of the item in a list.

        A path that leads nowhere gives the position of its deepest part that exists. Parses the document again, but
        for the document itself, so ask only when there is something to report.
        """
        names = tuple(path)
        if not names:
            return self.line, self.column
        positions = _positions(self._text, self.line)
        while names not in positions:
            names = names[:-1]
        return positions[names]


@functools.lru_cache(maxsize=1)
def _positions(text: str, first_line: int) -> Mapping[Path, Position]:
    """Of one document. The last answer is kept, for there may be thousands of questions about one document."""
    builder = _Builder("", [], first_line=first_line, positions={})
    for event in _events(text):
        builder.take(event)
    return builder.positions


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is not taken, and where. Line and column are 0 where the file as a whole is meant."""

    rule: Rule
    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    """What to do, where the message does not say it."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}; {self.hint}" if self.hint else f"{place}: {self.message}"


def load(text: bytes | str, *, file: str) -> list[Document]:
    """The documents of a YAML stream; empty ones are left out.

    Raises InvalidInput with one line `file:line:column: what is wrong; what to do` a problem. A syntax error ends the
    reading of the file; duplicate keys and the like are collected. *file* is only a name.
    """
    found, problems = read(text, file=file)
    if problems:
        raise InvalidInput("\n".join(map(str, problems)))
    return found


def read(text: bytes | str, *, file: str) -> tuple[list[Document], list[Problem]]:
    """The documents that could be read, and every problem; with problems, the documents are not to be trusted."""
    problems: list[Problem] = []
    found: list[Document] = []
    try:
        for document in _documents(_decode(text, file), file, problems):
            found.append(document)
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax_problem(error, file))
    except _Unreadable as error:
        problems.append(error.problem)
    except (
        yaml.YAMLError,
        ValueError,
        RecursionError,
    ) as error:  # of the parser, about one place that it does not name
        problems.append(Problem(rows.SYNTAX, file, 0, 0, f"cannot be read: {type(error).__name__}"))
    return found, problems


class _Unreadable(Exception):
    """Reading cannot go on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _decode(text: bytes | str, file: str) -> str:
    size = len(text)
    if size > MAX_FILE_BYTES:
        too_large = Problem(rows.LIMIT, file, 0, 0, f"{size} bytes", f"a file holds at most {MAX_FILE_BYTES}: split it")
        raise _Unreadable(too_large)
    if isinstance(text, bytes):
        if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise _Unreadable(Problem(rows.ENCODING, file, 1, 1, "encoded as UTF-16", "save it as UTF-8"))
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line, byte = error.object.count(b"\n", 0, error.start) + 1, error.object[error.start]
            wrong = Problem(rows.ENCODING, file, line, 1, f"not UTF-8 (byte 0x{byte:02x})", "save it as UTF-8")
            raise _Unreadable(wrong) from None
    text = text.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(text)
    if bad:
        line, column = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        found = f"control character U+{ord(bad[0]):04X}"
        raise _Unreadable(Problem(rows.ENCODING, file, line, column, found, "remove it"))
    return text


def _events(text: str) -> Iterator[Any]:
    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        yield event


def _documents(text: str, file: str, problems: list[Problem]) -> Iterator[Document]:
    builder = _Builder(file, problems)
    index = nodes = 0
    kind_of, end_of_document = _HANDLERS.get, yaml.DocumentEndEvent
    for event in _events(text):
        if (handle := kind_of(type(event))) is not None:
            handle(builder, event)
            continue
        if type(event) is not end_of_document:
            continue
        root, mark = builder.root, builder.mark
        end: Any = event.start_mark
        if isinstance(root, dict):
            own = text[text.rfind("\n", 0, mark.index) + 1 : end.index]
            if len(own) > MAX_DOCUMENT_BYTES or len(own.encode()) > MAX_DOCUMENT_BYTES:
                large = f"the document has over {MAX_DOCUMENT_BYTES} bytes"
                builder.problem(mark, rows.LIMIT, large, "no cluster stores it")
            if index >= MAX_DOCUMENTS:
                builder.give_up(mark, rows.LIMIT, f"the file has over {MAX_DOCUMENTS} documents", "split it")
            yield Document(root, file, index, mark.line + 1, mark.column + 1, own)
            index += 1
        elif root is not None:
            builder.problem(mark, rows.DOCUMENT, "a document must be a mapping (apiVersion, kind, metadata, spec)")
        nodes += builder.nodes
        builder = _Builder(file, problems, nodes=nodes)


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark: Any = error.problem_mark or error.context_mark
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    if "cannot start any token" in what:
        what += " (a tab? indent with blanks; quote what begins with % @ or `)"
    return Problem(rows.SYNTAX, file, mark.line + 1, mark.column + 1, f"not YAML: {what}")


class _Frame:
    """A container that is being filled. `keys` (with their events) is None for a list, `key` None when a key comes next."""

    __slots__ = ("container", "key", "keys", "path")

    def __init__(self, container: Any, keys: dict[str, Any] | None, path: Path) -> None:
        self.container = container
        self.keys = keys
        self.path = path
        self.key: str | None = None


class _Builder:
    """Makes plain data of the events of one document, without recursion; collects problems, records positions."""

    def __init__(
        self,
        file: str,
        problems: list[Problem],
        *,
        first_line: int = 1,
        positions: dict[Path, Position] | None = None,
        nodes: int = 0,
    ) -> None:
        """*nodes* are those of the documents before it."""
        self.mark: Any = yaml.Mark(file, 0, 0, 0, None, 0)
        """Where the data of the document begins."""
        self.positions: dict[Path, Position] = {} if positions is None else positions
        self._records = positions is not None
        self._file = file
        self._problems = problems
        self._first_line = first_line
        self._base: list[Any] = []
        self._stack = [_Frame(self._base, None, ())]
        self.nodes = 0
        self._most_nodes = min(MAX_NODES, MAX_FILE_NODES - nodes)

    @property
    def root(self) -> Any:
        """The data of the document; None when it is empty."""
        return self._base[0] if self._base else None

    def problem(self, mark: Any, rule: Rule, text: str, hint: str = "") -> None:
        """Note a problem. Reading ends when there are too many."""
        self._problems.append(self._at(mark, rule, text, hint))
        if len(self._problems) >= MAX_PROBLEMS:
            many = f"more than {MAX_PROBLEMS} problems"
            raise _Unreadable(Problem(rows.LIMIT, self._file, 0, 0, many, "the rest of the file was not read"))

    def _at(self, mark: Any, rule: Rule, text: str, hint: str) -> Problem:
        return Problem(rule, self._file, mark.line + self._first_line, mark.column + 1, text, hint)

    def take(self, event: Any) -> None:
        """Take the next event. Raises _Unreadable where going on would be dangerous or pointless."""
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event)

    def _scalar(self, event: Any) -> None:
        frame = self._stack[-1]
        if frame.keys is not None and frame.key is None:
            frame.key = self._key(event, frame.keys)
            if self._records:
                self._record((*frame.path, frame.key), event.start_mark)
        else:
            self._place(event, self._value(event))

    def _key(self, event: Any, keys: dict[str, Any]) -> str:
        name: str = event.value
        if event.tag is not None:
            self._check_tag(event, "scalar")
        elif not event.style:
            if name == "<<":
                self.problem(event.start_mark, rows.MERGE_KEY, "merge keys (<<) are refused", "repeat the fields")
            elif not isinstance(value := resolve(name), str):
                read = _NAMES[type(value)]
                said = f"the key {name or '(none)'} is read as {read}"
                self.problem(event.start_mark, rows.KEY, said, f'write "{name}"')
        if event.style == '"':
            self._check_characters(event)
        if name in keys:
            said = f"the key {name!r} is there twice, first in line {keys[name].start_mark.line + self._first_line}"
            self.problem(event.start_mark, rows.DUPLICATE_KEY, said, "remove one")
        keys[name] = event
        return name

    def _value(self, event: Any) -> Scalar:
        text: str = event.value
        if event.tag is not None:
            self._check_tag(event, "scalar")
        elif not event.style:
            value = resolve(text)
            if isinstance(value, float) and not math.isfinite(value):
                hint = f'write a finite number, or "{text}" in quotes'
                self.problem(event.start_mark, rows.NUMBER, f"JSON has no {text}", hint)
            return value
        if event.style == '"':
            self._check_characters(event)
        return text

    def _check_characters(self, event: Any) -> None:
        """Refuse what only an escape can bring into a text."""
        control = _CONTROL.search(event.value)
        if control:
            said = f"the text has a control character, U+{ord(control[0]):04X}"
            self.problem(event.start_mark, rows.ENCODING, said, "remove it")

    def _place(self, event: Any, value: Any) -> None:
        """Put *value* where the document has it: it is an item, the value of the pending key, or the whole document."""
        self.nodes += 1
        if self.nodes > self._most_nodes:
            whole = (
                f"the document has over {MAX_NODES}"
                if self.nodes > MAX_NODES
                else f"the file has over {MAX_FILE_NODES}"
            )
            self.give_up(event.start_mark, rows.LIMIT, f"{whole} nodes", "split it")
        frame = self._stack[-1]
        if frame.keys is not None:
            if frame.key is None:
                self.give_up(event.start_mark, rows.KEY, "a mapping or list cannot be a key", "write a string")
            frame.container[frame.key] = value
            frame.key = None
            return
        if len(self._stack) == 1:
            self.mark = event.start_mark
            self._record((), event.start_mark)
        elif self._records:
            self._record((*frame.path, len(frame.container)), event.start_mark)
        frame.container.append(value)

    def _record(self, path: Path, mark: Any) -> None:
        self.positions[path] = (mark.line + self._first_line, mark.column + 1)

    def _open(self, event: Any, kind: str, container: Any, keys: dict[str, Any] | None) -> None:
        if event.tag is not None:
            self._check_tag(event, kind)
        if len(self._stack) > MAX_DEPTH:
            self.give_up(event.start_mark, rows.LIMIT, f"nested deeper than {MAX_DEPTH} levels", "no manifest is")
        frame = self._stack[-1]
        name = frame.key if frame.keys is not None else len(frame.container)
        path = (*frame.path, name) if self._records and name is not None and len(self._stack) > 1 else ()
        self._place(event, container)
        self._stack.append(_Frame(container, keys, path))

    def _mapping(self, event: Any) -> None:
        self._open(event, "mapping", {}, {})

    def _sequence(self, event: Any) -> None:
        self._open(event, "sequence", [], None)

    def _close(self, event: Any) -> None:
        self._stack.pop()

    def _alias(self, event: Any) -> None:
        self.give_up(event.start_mark, rows.ALIAS, f"the alias *{event.anchor} is refused", "repeat the value")

    def give_up(self, mark: Any, rule: Rule, text: str, hint: str) -> NoReturn:
        """End the reading at *mark*."""
        raise _Unreadable(self._at(mark, rule, text, hint))

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag != _TAGS[kind]:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            hint = "write the value without it, a string in quotes"
            self.problem(event.start_mark, rows.TAG, f"the tag {name} is refused", hint)


_NAMES: Mapping[type, str] = {bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
_HANDLERS: Mapping[type, Callable[[_Builder, Any], None]] = {
    yaml.ScalarEvent: _Builder._scalar,
    yaml.MappingStartEvent: _Builder._mapping,
    yaml.SequenceStartEvent: _Builder._sequence,
    yaml.MappingEndEvent: _Builder._close,
    yaml.SequenceEndEvent: _Builder._close,
    yaml.AliasEvent: _Builder._alias,
}
