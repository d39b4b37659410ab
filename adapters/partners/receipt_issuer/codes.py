"""The issuer's operations and answers as tables: what each answer of each operation means.

Rules are cited from contracts/receipt_issuer/NOTES.md. A code that nobody knows has a row too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PUBLISH: Final = "ImportAndPublishInv"
VIEW: Final = "getInvViewFkey"
UNMARK: Final = "UnConfirmPaymentFkey"
CANCEL: Final = "cancelInv"
ADJUST: Final = "AdjustInvoice"

SERVICES: Final = {
    PUBLISH: "PublishService",
    VIEW: "PortalService",
    UNMARK: "BusinessService",
    CANCEL: "BusinessService",
    ADJUST: "BusinessService",
}
"""r1, r20, r40, r50, r54."""


class Verdict(StrEnum):
    """What an answer comes to, before the adapter says what follows."""

    YES = "yes"
    THERE = "there"
    """It stands there already: look it up."""
    NOT_THERE = "not_there"
    REFUSED = "refused"
    LATER = "later"
    """Not taken, try later; it does not speak against their health."""
    DOWN = "down"
    """Not taken, and nothing else would be either, until somebody mends it."""
    UNCLEAR = "unclear"


class Shape(StrEnum):
    """What an answer is."""

    OK = "ok"
    ERR = "err"
    PAGE = "page"
    """A text that is neither: the view of a receipt."""
    FAULT = "fault"
    HTML = "html"
    EMPTY = "empty"
    BROKEN = "broken"
    OTHER_TYPE = "other_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the answer table. The first row that fits decides."""

    id: str
    verdict: Verdict
    source: str
    operations: frozenset[str] = frozenset(SERVICES)
    http: tuple[int, int] = (100, 599)
    """First and last HTTP status."""
    shape: Shape | None = None
    """None: any."""
    codes: frozenset[str] = frozenset()
    """`ERR:1`, or a Fault's code; empty: any."""


_OF_THE_WAY: Final = frozenset({"ERR:1", "ERR:7", "ERR:20", "ERR:29"})
"""They speak of accounts, forms and certificates, and not of the receipt: mended, it is taken."""
_WRITES: Final = frozenset({PUBLISH, ADJUST})
_ALL: Final = frozenset(SERVICES)


def _row(
    name: str,
    verdict: Verdict,
    source: str,
    operations: frozenset[str] = _ALL,
    shape: Shape = Shape.ERR,
    codes: tuple[str, ...] = (),
    http: tuple[int, int] = (200, 200),
) -> Row:
    return Row(
        id=name, verdict=verdict, source=source, operations=operations, http=http, shape=shape, codes=frozenset(codes)
    )


REPLIES: Final = (
    Row(id="http_429", verdict=Verdict.LATER, source="OURS", http=(429, 429)),
    Row(id="http_503", verdict=Verdict.DOWN, source="OURS", http=(503, 503)),
    _row("page", Verdict.YES, "r40", frozenset({VIEW}), Shape.PAGE),
    _row("ok", Verdict.YES, "r6, r30", _ALL - {VIEW}, Shape.OK),
    _row("key_is_there", Verdict.THERE, "r29", _WRITES, codes=("ERR:13",)),
    _row("number_is_taken", Verdict.LATER, "r31", frozenset({PUBLISH}), codes=("ERR:21",)),
    _row("adjusted_already", Verdict.THERE, "r54", frozenset({ADJUST}), codes=("ERR:21",)),
    _row("not_issued_now", Verdict.LATER, "r31", _WRITES, codes=("ERR:5",)),
    _row("no_numbers", Verdict.DOWN, "r31", _WRITES, codes=("ERR:6",)),
    _row("no_receipt", Verdict.NOT_THERE, "r41, r51", frozenset({VIEW, UNMARK}), codes=("ERR:6",)),
    _row("not_shown", Verdict.THERE, "r41", frozenset({VIEW}), codes=("ERR:11", "ERR:12", "ERR:13")),
    _row("unmarked_already", Verdict.YES, "r51, r53", frozenset({UNMARK}), codes=("ERR:7",)),
    _row("nothing_to_cancel", Verdict.NOT_THERE, "r52, r54", frozenset({CANCEL, ADJUST}), codes=("ERR:2",)),
    _row("cancelled_already", Verdict.YES, "r52, r53", frozenset({CANCEL}), codes=("ERR:8",)),
    _row("way", Verdict.DOWN, "r10, r11, r21, r31", codes=tuple(sorted(_OF_THE_WAY | {"ERR:4"}))),
    _row("view_refused", Verdict.UNCLEAR, "r41: a code that nobody knows says nothing", frozenset({VIEW})),
    _row("refused", Verdict.REFUSED, "r6: any code that nobody knows is a no"),
    _row("malformed", Verdict.REFUSED, "r2, r3, r5", shape=Shape.FAULT, codes=("Client",), http=(400, 599)),
    Row(id="fault", verdict=Verdict.UNCLEAR, source="r6: says neither", shape=Shape.FAULT),
    Row(id="other_answer", verdict=Verdict.UNCLEAR, source="r6, r30", shape=Shape.PAGE),
    Row(id="html", verdict=Verdict.UNCLEAR, source="OURS", shape=Shape.HTML),
    Row(id="empty", verdict=Verdict.UNCLEAR, source="OURS", shape=Shape.EMPTY),
    Row(id="broken", verdict=Verdict.UNCLEAR, source="OURS", shape=Shape.BROKEN),
    Row(id="other_type", verdict=Verdict.UNCLEAR, source="OURS", shape=Shape.OTHER_TYPE),
    Row(id="http_other", verdict=Verdict.UNCLEAR, source="OURS: status and body contradict each other"),
)
