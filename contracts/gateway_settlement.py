"""The settlement file of a day, in the project's layout until a gateway's own is known; and made wrong on purpose.

H|1|<merchant>|<yyyyMMdd>|<DS|KQ>|<rows>|<total>
D|<n>|<reference>|<transaction>|<bank>|<yyyyMMddHHmmss>|<amount>|<currency>|<state>|<note>
T|<rows>|<SHA-256 hex of all bytes before it>
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from contracts.gateway_orders import LOCAL, Booking, Order, stamp

KINDS: Final = (
    "good",
    "bad_trailer",
    "extra_row",
    "missing_row",
    "double_row",
    "other_amount",
    "cut",
    "other_merchant",
)
"""How a day's file can be: as it should, or wrong in one way."""
STATES: Final = {"paid": "1", "pending": "3", "failed": "4"}
END: Final = "\r\n"

Line = tuple[str, Booking]
"""A reference with one movement of money."""


def file_of(orders: Iterable[Order], *, merchant: str, day: str, kind: str = "good") -> tuple[str, bytes]:
    """Name and bytes of the file of this day (`yyyyMMdd`, Vietnam)."""
    lines = _spoilt([line for order in orders for line in _lines(order, day)], kind, day)
    who = "KHACHKHAC" if kind == "other_merchant" else merchant
    total = sum(booking.amount for _, booking in lines)
    text = END.join([f"H|1|{who}|{day}|DS|{len(lines)}|{total}", *_rows(lines), ""])
    sealed = hashlib.sha256(text.encode()).hexdigest()
    if kind == "bad_trailer":
        sealed = sealed[::-1]
    whole = f"{text}T|{len(lines)}|{sealed}{END}".encode()
    return f"{who}_{day}_DS_01.txt", whole[: len(whole) * 2 // 3] if kind == "cut" else whole


def envelope(orders: Iterable[Order], *, merchant: str, day: str, kind: str = "good") -> dict[str, Any]:
    """The same in Base64 within JSON."""
    name, content = file_of(orders, merchant=merchant, day=day, kind=kind)
    return {
        "NgayDoiSoat": day,
        "LoaiYeuCau": "1",
        "LoaiFile": "DS",
        "MaDichVu": "2",
        "KenhThanhToan": "1",
        "TenFile": name,
        "NoiDung": base64.b64encode(content).decode(),
    }


def day_of(at: datetime) -> str:
    """The day of a time, in Vietnam."""
    return f"{at.astimezone(LOCAL):%Y%m%d}"


def _lines(order: Order, day: str) -> list[Line]:
    return [(order.reference, booking) for booking in order.bookings if day_of(booking.at) == day]


def _rows(lines: Sequence[Line]) -> list[str]:
    return [
        f"D|{n}|{reference}|{each.transaction}|{each.bank}|{stamp(each.at)}|{each.amount}|{each.currency}"
        f"|{STATES.get(each.state, '4')}|"
        for n, (reference, each) in enumerate(lines, 1)
    ]


def _spoilt(lines: list[Line], kind: str, day: str) -> list[Line]:
    match kind:
        case "extra_row":
            at = datetime.strptime(f"{day}120000", "%Y%m%d%H%M%S").replace(tzinfo=LOCAL)
            odd = Booking(transaction="GD999999999999", amount=99_000, currency="VND", bank="VCB", at=at)
            return [*lines, ("TT999999999999999901", odd)]
        case "missing_row":
            return lines[:-1]
        case "double_row":
            return [*lines, *lines[-1:]]
        case "other_amount" if lines:
            reference, last = lines[-1]
            return [*lines[:-1], (reference, replace(last, amount=last.amount + 1_000))]
        case _:
            return lines
