"""Git trees that git would never write: odd modes, odd names, the same tree repeatedly, directories that are files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pygit2
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from devstack.fuzz import inputs

_SIGNED = pygit2.Signature("Mallory", "mallory@example.com", 1_700_000_000, 0)
MODES = (
    b"100644",
    b"100644",
    b"100644",
    b"100755",
    b"120000",
    b"160000",
    b"40000",
    b"040000",
    b"100664",
    b"0100644",
    b"0",
    b"777777",
)
NAMES = (
    b"vpc.yaml", b"vpc.YAML", b"vpc.yml", b"a.yaml", b"fabric.yaml", b"repositories.yaml", b".hidden.yaml", b"README.md", b"\xff\xfe.yaml",
    b"a b.yaml", b"CHG#17.yaml", b"-o.yaml", b"con.yaml", b"caf\xc3\xa9.yaml", b"a\nb.yaml", b"\x1b[2J.yaml", b"..", b".", b".git",
    b"vpcs", b"fabrics", b"lab", b"x" * 250 + b".yaml", b"nul\\.yaml", b"vpcs.yaml", b"GIT~1",
)  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """The drawn data: entries of one directory, each a name, a mode, and a file's content or another directory."""

    entries: tuple[tuple[bytes, bytes, Any], ...] = field(default_factory=tuple)


@st.composite
def trees(draw: DrawFn, depth: int = 3) -> Tree:
    """A directory with up to six entries."""
    entries = []
    for _ in range(draw(st.integers(0, 6))):
        name = draw(st.sampled_from(NAMES) | st.binary(min_size=1, max_size=12).filter(_may_be_written))
        inner: Any = draw(inputs.yaml_texts)
        mode = draw(st.sampled_from(MODES))
        if depth and draw(st.integers(0, 2)) == 0:
            inner, mode = (
                draw(trees(depth=depth - 1)),
                draw(st.sampled_from((b"40000", b"40000", b"040000", b"100644"))),
            )
        entries.append((name, mode, inner))
    return Tree(tuple(entries))


def _may_be_written(name: bytes) -> bool:
    return b"\0" not in name and b"/" not in name


bombs = st.tuples(
    st.sampled_from((2, 10, 40)), st.sampled_from((3, 6, 12, 40)), st.sampled_from((b"a: 1\n", b"x: " + b"y" * 300_000))
)
"""Entries per directory, depth and content of a tree that contains itself repeatedly."""


class Host:
    """A bare repository whose branch can point to any tree."""

    def __init__(self, path: Path) -> None:
        self.repository = pygit2.init_repository(str(path), bare=True, initial_head="main")
        self.path = path

    def publish(self, tree: str, *, parent: str | None = None, branch: str = "main") -> str:
        """Make *tree*, below `fabrics/lab`, the branch's head; returns the commit."""
        top = self.directory([(b"fabrics", b"40000", self.directory([(b"lab", b"40000", tree)]))])
        parents: list[str | pygit2.Oid] = [parent] if parent else []
        text = (
            f"tree {top}\n"
            + "".join(f"parent {one}\n" for one in parents)
            + f"author {_person()}\ncommitter {_person()}\n\nx\n"
        )
        commit = self.repository.odb.write(pygit2.enums.ObjectType.COMMIT, text.encode())
        self.repository.references.create(f"refs/heads/{branch}", commit, force=True)
        return str(commit)

    def build(self, tree: Tree) -> str:
        """Write a drawn tree with everything below it; returns its id."""
        entries: dict[bytes, tuple[bytes, bytes, str]] = {}
        for name, mode, inner in tree.entries:
            is_tree = isinstance(inner, Tree)
            entries[name] = (name, mode, self.build(inner) if is_tree else self._blob(inner))
        return self.directory(list(entries.values()))

    def bomb(self, width: int, depth: int, content: bytes) -> str:
        """A tree of *width* to the power of *depth* files that takes no more than *depth* small objects."""
        below, mode, suffix = self._blob(content), b"100644", b".yaml"
        for _ in range(depth):
            below = self.directory([(b"%03d%s" % (number, suffix), mode, below) for number in range(width)])
            mode, suffix = b"40000", b""
        return below

    def directory(self, entries: list[tuple[bytes, bytes, str]]) -> str:
        """Write a tree object unchanged, in git's order, whether git would accept it or not."""
        ordered = sorted(entries, key=lambda one: one[0] + (b"/" if one[1].lstrip(b"0").startswith(b"4") else b""))
        raw = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(ident) for name, mode, ident in ordered)
        return str(self.repository.odb.write(pygit2.enums.ObjectType.TREE, raw))

    def _blob(self, content: bytes) -> str:
        return str(self.repository.create_blob(content))


def _person() -> str:
    return f"{_SIGNED.name} <{_SIGNED.email}> {_SIGNED.time} +0000"
