"""Pure. What a gateway's answer is before anybody reads codes in it, and what a verdict comes to as an outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from adapters.channels.http import header
from adapters.channels.retry_after import retry_after
from bus.messages import Awaiting, Exchange, InDoubt, Outcome, Refused, Unreachable
from bus.privacy import mask_text

LONGEST_TEXT: Final = 300
"""The exchange keeps the whole answer; a reason is for reading."""
FIRST_QUESTION: Final = timedelta(minutes=2)
"""After opening; the schedule of bus/payments.py goes on from there."""
JSON_TYPES: Final = frozenset({"application/json", "text/json"})
MOST_DEPTH: Final = 32


class Shape(StrEnum):
    """What the body of an answer is."""

    OBJECT = "object"
    OTHER_JSON = "other_json"
    HTML = "html"
    EMPTY = "empty"
    BROKEN = "broken"
    OTHER_TYPE = "other_type"


class Opening(StrEnum):
    """What an answer to *opening* comes to, before the adapter says what follows."""

    OPENED = "opened"
    REFUSED = "refused"
    LATER = "later"
    """Not taken, try later; it does not speak against their health."""
    DOWN = "down"
    """Not taken, and nothing else would be either."""
    UNCLEAR = "unclear"
    """Nobody knows whether they have it: they are asked before anything is opened again."""
    HOLD = "hold"
    """Taken, and what came back must not be used: a person looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the citizen needs."""

    pay_url: str | None
    qr: str | None = None
    """An EMVCo text, to be shown as a picture."""
    until: datetime | None = None

    def facts(self) -> dict[str, Any]:
        """As the ledger takes them from an attempt."""
        return {"pay_url": self.pay_url, "qr": self.qr, "opened_until": self.until}


class _Twice(ValueError):
    """A member stands twice in one object, so that two readers may read two answers."""


def shape_of(exchange: Exchange) -> tuple[Shape, Any]:
    """The shape, and the value where it is JSON. Of an exchange without trouble."""
    raw = exchange.reply_body or b""
    if not raw.strip():
        return Shape.EMPTY, None
    kind = (header(exchange.reply_head, "content-type") or "").partition(";")[0].strip().lower()
    if raw.lstrip()[:1] == b"<" or "html" in kind:
        return Shape.HTML, None
    if kind not in JSON_TYPES:
        return Shape.OTHER_TYPE, None
    return shape_of_json(raw)


def shape_of_json(raw: bytes | str) -> tuple[Shape, Any]:
    """BROKEN for what is not JSON, and for a member that stands twice: of two codes neither is the answer."""
    try:
        value = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return Shape.BROKEN, None
    return (Shape.OBJECT, value) if isinstance(value, dict) else (Shape.OTHER_JSON, value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def text_in(value: Mapping[str, Any], name: str) -> str:
    """A member as text: numbers become their digits, all else is nothing."""
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return ""
    return str(found)


def words(text: str) -> str:
    """Their words as reasons keep them, unsealed: without the numbers of people."""
    return mask_text(text[:LONGEST_TEXT]) if text else ""


def outcome_of(
    verdict: Opening, *, reason: str, code: str, reference: str, now: datetime, exchange: Exchange
) -> Outcome:
    """The verdict on an opening as one of the five."""
    match verdict:
        case Opening.OPENED:
            return Awaiting(reference=reference, ask_at=now + FIRST_QUESTION, lane_goes_on=True)
        case Opening.REFUSED:
            return Refused(code=code, reason=reason)
        case Opening.LATER | Opening.DOWN:
            return Unreachable(reason=reason, retry_after=retry_after(exchange), is_down=verdict is Opening.DOWN)
        case Opening.HOLD:
            return InDoubt(reason=reason, then="hold", is_down=False)
        case Opening.UNCLEAR:
            return InDoubt(reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table of answers. The first row that fits decides; of `code`, `*` is any."""

    id: str
    verdict: Any
    source: str
    http: tuple[int, int] = (200, 200)
    shape: Shape | None = Shape.OBJECT
    """None: any."""
    code: str = "*"
    """A class of codes that the gateway's own reader names: `yes`, `no`, `none` …"""
    retry_after: bool | None = None
    """Whether the header stands there; None: no matter."""


def find_row(rows: Sequence[Row], status: int, shape: Shape, code: str, *, has_retry_after: bool = False) -> Row:
    """The first row that fits; the last one fits every answer."""
    for row in rows:
        if not (row.http[0] <= status <= row.http[1] and row.shape in (None, shape) and row.code in ("*", code)):
            continue
        if row.retry_after in (None, has_retry_after):
            return row
    return rows[-1]


OF_HTTP: Final = {
    401: Opening.DOWN,
    403: Opening.DOWN,
    404: Opening.DOWN,
    405: Opening.DOWN,
    429: Opening.LATER,
}
"""Who stands in front of a gateway speaks in HTTP, and has passed nothing on."""
