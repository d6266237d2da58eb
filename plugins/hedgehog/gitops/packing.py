"""Many new files as one pack: a thousand loose objects cost a thousand file creations, a pack costs one.

The pack is handed to `git index-pack`, which checks it and writes its index, so nothing here can damage a repository.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Collection

_BLOB = 3
_SPEED = 1


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
