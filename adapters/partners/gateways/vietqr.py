"""Pure. A VietQR payload (EMVCo, merchant-presented) and its picture.

It is a tree of tag, length and value, two digits each, with a checksum at its end (contracts/keypay/NOTES.md#r60). A
bank's app shows what stands in it before its owner pays, so nothing is cut to fit: what is too long is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

NAPAS: Final = "A000000727"
BY_ACCOUNT: Final = "QRIBFTTA"
"""A transfer to an account, in contrast to one to a card."""
DONG: Final = "704"
"""VND by ISO 4217."""
CRC_TAG: Final = "6304"
MOST_AMOUNT: Final = 13
"""Digits."""
MOST_PURPOSE: Final = 25

_HEAD: Final = re.compile(r"[0-9]{4}")
_BIN: Final = re.compile(r"[0-9]{6}")
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9]{1,19}")
_PURPOSE: Final = re.compile(rf"[A-Za-z0-9 ._-]{{1,{MOST_PURPOSE}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Where the money goes, how much, and what for."""

    bank_bin: str
    """The bank's six digits at Napas."""
    account: str
    amount: int
    """Whole đồng."""
    purpose: str
    """What the bank's statement will show: our reference."""

    def __post_init__(self) -> None:
        if not _BIN.fullmatch(self.bank_bin):
            raise ValueError("bank_bin: six digits")
        if not _ACCOUNT.fullmatch(self.account):
            raise ValueError("account: 1 to 19 letters and digits")
        if not 0 < self.amount < 10**MOST_AMOUNT:
            raise ValueError(f"amount: 1 to {MOST_AMOUNT} digits, and not 0")
        if not _PURPOSE.fullmatch(self.purpose):
            raise ValueError(f"purpose: 1 to {MOST_PURPOSE} letters, digits, blanks, '.', '_' or '-', no diacritics")


def payload(transfer: Transfer) -> str:
    """The text that the code shows. Its order of tags is the order of the standard."""
    to = _field("00", transfer.bank_bin) + _field("01", transfer.account)
    merchant = _field("00", NAPAS) + _field("01", to) + _field("02", BY_ACCOUNT)
    body = (
        _field("00", "01")
        + _field("01", "12")  # for one payment; 11 is a sticker on a counter
        + _field("38", merchant)
        + _field("53", DONG)
        + _field("54", str(transfer.amount))
        + _field("58", "VN")
        + _field("62", _field("08", transfer.purpose))
        + CRC_TAG
    )
    return body + crc(body)


def crc(text: str) -> str:
    """CRC-16 with polynomial 1021, initial FFFF, not reflected, no final xor; four upper-case hex digits."""
    value = 0xFFFF
    for byte in text.encode():
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
            value &= 0xFFFF
    return f"{value:04X}"


def fields_of(text: str) -> dict[str, str] | None:
    """Tag → value of one level, each once and all of it used; nothing for what is no such text."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        head = text[at : at + 4]
        if not _HEAD.fullmatch(head):
            return None
        end = at + 4 + int(head[2:])
        if end > len(text) or head[:2] in found:
            return None
        found[head[:2]], at = text[at + 4 : end], end
    return found


def reads_as(text: str, *, amount: int) -> bool:
    """Whether it is a whole VietQR code over this many đồng: one that a gateway sends is shown only then."""
    if not text.isascii() or text[-4:] != crc(text[:-4]):
        return False
    fields = fields_of(text) or {}
    merchant = fields_of(fields.get("38", "")) or {}
    told = (merchant.get("00"), fields.get("53"), fields.get("54"), fields.get("58"))
    return told == (NAPAS, DONG, str(amount), "VN")


def picture(text: str, *, title: str, scale: int = 4) -> str:
    """The code as SVG to stand within a page: no script, no style, dark on white in every theme."""
    # Loaded only where a picture is drawn: workers and most doors never do.
    import segno

    code = segno.make(text, error="m", micro=False)
    # With a unit it has a viewBox: at whatever size a page shows it, the whole code is seen.
    svg = code.svg_inline(scale=scale, border=4, light="#fff", dark="#000", title=title, unit="px", svgclass=None)
    return str(svg).replace("<svg ", '<svg role="img" ', 1)


def _field(tag: str, value: str) -> str:
    if len(value) > 99:
        raise ValueError(f"tag {tag}: {len(value)} characters, 99 fit")
    return f"{tag}{len(value):02d}{value}"
