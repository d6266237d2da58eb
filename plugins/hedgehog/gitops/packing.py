"""Packs: many new files as one, and many small packs of a clone as one.

A thousand loose objects cost a thousand file creations, a pack costs one. It is handed to `git index-pack`, which checks it
and writes its index, so nothing here can damage a repository.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Collection
from pathlib import Path

from hedgehog.gitops.remote import Completed

# One of the 256 folders of loose objects holding this many means about 7,000 in all. Both are thresholds of `git gc --auto`.
_LOOSE_IN_A_FOLDER = 27
_MANY_PACKS = 50
_BLOB = 3
_SPEED = 1


def is_worth_packing(objects: Path) -> bool:
    """Whether a clone whose `objects` folder this is has many loose objects or packs."""
    return _count(objects / "17") > _LOOSE_IN_A_FOLDER or _count(objects / "pack", ".pack") > _MANY_PACKS


def repack(run: Callable[[list[str]], Completed], clone: Path) -> str:
    """Make one pack of all that the references of *clone* lead to; return what git says if that fails.

    Unreachable objects of the last hour stay: they may be a commit that another process has not pushed yet. `git gc` does
    not do for partial clones: before version 2.48 it deletes objects of ours once one of the host refers to them.
    """
    packs = clone / "objects" / "pack"
    before = list(packs.glob("*.pack"))
    wanted = ["--revs", "--all", "--missing=allow-any", "--unpack-unreachable=1.hour.ago", "--delta-base-offset"]
    packed = run(["pack-objects", *wanted, "--quiet", str(packs / "pack")])
    if packed.code != 0:
        return packed.error
    made = packs / f"pack-{packed.out.strip()}.pack"
    made.with_suffix(".promisor").touch()  # as git marks a pack that may refer to what is absent
    for old in before:
        if old != made:
            for suffix in (".idx", ".rev", ".pack", ".promisor"):
                old.with_suffix(suffix).unlink(missing_ok=True)
    done = [run(["prune-packed", "--quiet"]), run(["prune", "--expire=1.hour.ago"])]
    return "\n".join(one.error for one in done if one.code != 0)


def _count(directory: Path, suffix: str = "") -> int:
    return sum(one.name.endswith(suffix) for one in directory.iterdir()) if directory.is_dir() else 0


def pack_blobs(contents: Collection[bytes]) -> bytes:
    """A version 2 pack that holds *contents* as blobs, without deltas."""
    parts = [b"PACK", struct.pack(">II", 2, len(contents))]
    for content in contents:
        parts += [_header(len(content)), zlib.compress(content, _SPEED)]
    body = b"".join(parts)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _header(size: int) -> bytes:
    """Type and size: four bits of the size beside the type, then seven a byte, lowest first."""
    header = bytearray()
    byte = (_BLOB << 4) | (size & 15)
    size >>= 4
    while size:
        header.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    header.append(byte)
    return bytes(header)
