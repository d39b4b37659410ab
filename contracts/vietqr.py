"""A VietQR text as a bank's app reads it, strictly; and as a gateway's mock writes it.

Shares nothing with our adapters: two that agree are the point. Rules: contracts/keypay/NOTES.md#r60.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

WHOLE: Final = ("00", "01", "38", "53", "54", "58", "62", "63")
"""Every tag of such a text, in their order."""


class NotVietQr(ValueError):
    """No bank's app would take this; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What the payer sees before he pays."""

    bank_bin: str
    account: str
    amount: int
    purpose: str


def scan(text: str) -> Scanned:
    """Raises NotVietQr."""
    if not (text.isascii() and text.isprintable()):
        raise NotVietQr("characters that no code carries")
    whole = _level(text, WHOLE)
    if whole["63"] != crc(text[:-4]):
        raise NotVietQr("63: the checksum is another")
    merchant = _level(whole["38"], ("00", "01", "02"))
    to, more = _level(merchant["01"], ("00", "01")), _level(whole["62"], ("08",))
    fixed = (whole["00"], whole["01"], merchant["00"], merchant["02"], whole["53"], whole["58"])
    if fixed != ("01", "12", "A000000727", "QRIBFTTA", "704", "VN"):
        raise NotVietQr(f"not a transfer in VND to an account in Vietnam: {fixed}")
    if not whole["54"].isdigit() or whole["54"].startswith("0"):
        raise NotVietQr("54: no amount in whole đồng")
    if not (len(to["00"]) == 6 and to["00"].isdigit() and to["01"].isalnum() and more["08"]):
        raise NotVietQr("no bank, account or purpose")
    return Scanned(bank_bin=to["00"], account=to["01"], amount=int(whole["54"]), purpose=more["08"])


def write(told: Scanned) -> str:
    """The text of a code."""
    merchant = [("00", "A000000727"), ("01", _text([("00", told.bank_bin), ("01", told.account)])), ("02", "QRIBFTTA")]
    more = _text([("08", told.purpose)])
    tags = [("00", "01"), ("01", "12"), ("38", _text(merchant)), ("53", "704"), ("54", str(told.amount)), ("58", "VN")]
    body = _text([*tags, ("62", more)]) + "6304"
    return body + crc(body)


def crc(text: str) -> str:
    """The standard library's CRC-CCITT, from FFFF."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _text(fields: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{tag}{len(value):02}{value}" for tag, value in fields)


def _level(text: str, tags: tuple[str, ...]) -> dict[str, str]:
    found = list(_fields(text))
    if tuple(tag for tag, _ in found) != tags:
        raise NotVietQr(f"tags {[tag for tag, _ in found]}, expected {list(tags)}")
    return dict(found)


def _fields(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        tag, size = text[at : at + 2], text[at + 2 : at + 4]
        if not (len(size) == 2 and tag.isdigit() and size.isdigit()) or at + 4 + int(size) > len(text):
            raise NotVietQr(f"cut short at {at}")
        yield tag, text[at + 4 : at + 4 + int(size)]
        at += 4 + int(size)
