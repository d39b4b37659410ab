"""Pure. Keyed marks of bytes that nobody may keep: they tell later where other bytes begin to differ, and nothing else.

A refused message is not kept, for it is full of people. What a vendor digested can still be compared with what came
here: each block of it leaves four bytes under a key of this installation, which without the key tell nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

MOST: Final = 64
"""Blocks: marks are bounded, however long the bytes."""
SHORTEST: Final = 64
"""Bytes of a block: of a usual message the place is told to a line."""
_SIZE: Final = 4


def marks_of(octets: bytes, key: bytes) -> str:
    """The marks: `64:0f…`, the block's size and four bytes for each."""
    size = max(SHORTEST, -(-len(octets) // MOST))
    return f"{size}:" + b"".join(_mark(octets, at, size, key) for at in range(0, len(octets), size)).hex()


def first_difference(marks: str, length: int, theirs: bytes, key: bytes) -> tuple[int, int] | None:
    """From and until which byte the first difference lies; None when all is the same."""
    told, _, hexadecimal = marks.partition(":")
    size, known = int(told), bytes.fromhex(hexadecimal)
    for at in range(0, max(length, len(theirs)), size):
        n = at // size * _SIZE
        if not hmac.compare_digest(known[n : n + _SIZE], _mark(theirs, at, size, key)):
            return at, at + size
    return None


def _mark(octets: bytes, at: int, size: int, key: bytes) -> bytes:
    # The place is in it, so that equal blocks of one message do not look equal; so is the length, by the block's own.
    block = octets[at : at + size]
    return hmac.digest(key, at.to_bytes(8, "big") + block, hashlib.sha256)[:_SIZE] if block else b""
