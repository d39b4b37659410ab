"""One signature seen closely: its documents with what was found of each, what services told, and who was informed.

Every list is bounded. Nothing personal is in it but `data`, what was asked for; what a service told is given byte for
byte only by `hearing`, so that who asks can be recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bus.bodies import CERTIFICATE, HEARING, REPORT
from bus.engines.sqlite import Row, Tx
from bus.errors import NotFound
from bus.ledger import Ledger
from bus.payment_close import Informed, MoveOf, informed_of, moves_of
from bus.signature_looks import SignatureLine, signature_line
from bus.times import from_ms

MOST_HEARINGS: Final = 200
MOST_TOLD: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSeen:
    """One document of a signature."""

    n: int
    digest: str
    """What the service was asked to sign, lower-case hex; empty before it was prepared."""
    has_value: bool
    verdict: str
    reached: str
    """The level that it has."""
    code: str
    given: str
    """SHA-256 of what was given, lower-case hex; empty before it was fetched."""
    given_size: int
    came_from: str
    is_scanned: bool
    signed: int | None
    """Its number among the ledger's documents."""
    signed_sha256: str
    signed_size: int
    media_type: str
    signed_at: datetime | None
    report: Mapping[str, Any] | None
    """The verification as it was written (`signing.verdicts.Report`); None where there is none, or it is destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureHearing:
    """One thing that was told of a signature, without its bytes."""

    id: int
    at: datetime
    partner: str
    via: str
    verdict: str
    effect: str
    code: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureSeen:
    """Everything of one signature."""

    line: SignatureLine
    event: int
    after: int | None
    after_name: str | None
    delivery: int | None
    request: str
    handle: str | None
    certificate: bytes | None
    ask_at: datetime | None
    asked_at: datetime | None
    finish_at: datetime | None
    finish_tries: int
    signed_at: datetime | None
    documents: tuple[DocumentSeen, ...]
    hearings: tuple[SignatureHearing, ...]
    informed: tuple[Informed, ...]
    moves: tuple[MoveOf, ...]
    data: Mapping[str, Any] | None
    """What was asked for; None where it is destroyed."""
    has_more_hearings: bool = False


class SignatureClose:
    """Close looks at one ledger's signatures."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def line(self, number: int) -> SignatureLine:
        """Its row. Raises NotFound."""
        return signature_line(self._row(number))

    def _row(self, number: int) -> Row:
        row = self._ledger.engine.read().one("signed_one", number)
        if row is None:
            raise NotFound
        return row

    def signature(self, number: int) -> SignatureSeen:
        """Everything. Raises NotFound."""
        tx, row = self._ledger.engine.read(), self._row(number)
        hearings = tx.all("signed_hearings", number, MOST_HEARINGS + 1)
        informed = tuple(informed_of(each) for each in tx.all("signed_told", row[18], number, MOST_TOLD))
        return SignatureSeen(
            line=signature_line(row),
            event=row[18],
            after=row[19],
            after_name=row[20],
            delivery=row[21],
            request=row[22],
            handle=row[23],
            certificate=self._ledger.bodies.unpacked(row[24], CERTIFICATE),
            ask_at=_at(row[25]),
            asked_at=_at(row[26]),
            finish_at=_at(row[27]),
            finish_tries=row[28],
            signed_at=_at(row[29]),
            documents=tuple(self._document(each) for each in tx.all("signed_documents", number)),
            hearings=tuple(_hearing(each) for each in hearings[:MOST_HEARINGS]),
            informed=informed,
            moves=moves_of(tx, informed),
            data=self._data(tx, row[18]),
            has_more_hearings=len(hearings) > MOST_HEARINGS,
        )

    def _document(self, row: Row) -> DocumentSeen:
        report = None if row[16] is None else json.loads(self._ledger.bodies.open(row[15], row[16], REPORT))
        return DocumentSeen(
            n=row[0],
            digest=row[1].hex() if row[1] else "",
            has_value=bool(row[2]),
            verdict=row[3],
            reached=row[4],
            code=row[5],
            given=row[6] or "",
            given_size=row[7] or 0,
            came_from=row[8] or "",
            is_scanned=row[9] == "clean",
            signed=row[10],
            signed_sha256=row[11] or "",
            signed_size=row[12] or 0,
            media_type=row[13] or "",
            signed_at=_at(row[14]),
            report=report,
        )

    def _data(self, tx: Tx, event: int) -> Mapping[str, Any] | None:
        row = tx.one("load_event", event)
        return None if row is None or row[9] is None else self._ledger.bodies.event(row).data

    def hearing(self, signature: int, number: int) -> tuple[SignatureHearing, bytes | None]:
        """What was told, as it was received; None where its bytes are destroyed. Raises NotFound."""
        row = self._ledger.engine.read().one("signed_hearing", signature, number)
        if row is None:
            raise NotFound
        return _hearing(row), None if row[10] is None else self._ledger.bodies.open(row[9], row[10], HEARING, row[8])


def _at(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _hearing(row: Row) -> SignatureHearing:
    return SignatureHearing(
        id=row[0],
        at=from_ms(row[1]),
        partner=row[2],
        via=row[3],
        verdict=row[4],
        effect=row[5],
        code=row[6],
        address=row[7],
    )
