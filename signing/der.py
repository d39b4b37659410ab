"""Pure. DER, written: the few shapes that a CMS of ours is made of.

Building them from nouns of an ASN.1 library costs more time than the signature itself; these are bytes put together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SEQUENCE: Final = 0x30
SET: Final = 0x31
OCTETS: Final = 0x04


def tlv(tag: int, *parts: bytes) -> bytes:
    """One value under its tag, with its length."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """In the order given."""
    return tlv(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes], tag: int = SET) -> bytes:
    """In the order that DER wants: by their bytes."""
    return tlv(tag, *sorted(parts))


def octets(content: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(OCTETS, content)


def integer(number: int) -> bytes:
    """An INTEGER, not negative."""
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    first, second, *rest = (int(each) for each in dotted.split("."))
    return tlv(0x06, b"".join(_base_128(each) for each in (first * 40 + second, *rest)))


def _base_128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
