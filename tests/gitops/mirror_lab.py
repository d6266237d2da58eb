"""Mirrors, and commits as any client may make them."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from hedgehog.gitops.mirror import Mirror


def fetched(mirror: Mirror) -> str:
    """The branch's head, fetched."""
    head = mirror.head()
    assert head is not None
    mirror.fetch(head)
    return head


Entry = tuple[bytes, bytes, str]


def write_tree(repository: Path, entries: list[Entry]) -> str:
    """Store a tree as it is, however odd; entries are (mode, name, id)."""
    body = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(one) for mode, name, one in entries)
    content = b"tree %d\0" % len(body) + body
    name = hashlib.sha1(content).hexdigest()
    place = repository / "objects" / name[:2] / name[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(content))
    return name
