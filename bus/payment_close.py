"""One payment seen closely, for the console and the command: attempts, hearings, tasks, refunds, receipts, deliveries.

Every list is bounded, and where something is left out the answer says so. Nothing personal is in it but what `contents`
opens; what a gateway told is given byte for byte only by `hearing`, so that who asks can be recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bus.bodies import HEARING, OFFER
from bus.engines.sqlite import Row, Tx
from bus.errors import NotFound
from bus.ledger import Ledger
from bus.looks import NO_END, PAGE, Many, Units
from bus.payment_looks import LOOKED_EACH, Line, PaymentLooks, line_of
from bus.payment_tasks import Task, task_of
from bus.payments import AttemptState, Beneficiary, TaskKind
from bus.receipts import RECEIPT
from bus.times import from_ms

MOST_ATTEMPTS: Final = 99
"""A reference has two digits for them."""
MOST_HEARINGS: Final = 200
MOST_TASKS: Final = 200
MOST_REFUNDS: Final = 200
MOST_TOLD: Final = 200
MOST_OPENED: Final = 50
"""Events opened to learn which payment of a dossier they speak of."""
MOST_MOVES: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a citizen may pay by."""

    pay_url: str | None
    qr: str | None
    """Text of the code, as EMVCo has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a gateway."""

    id: int
    n: int
    partner: str
    reference: str
    delivery: int | None
    state: AttemptState
    made_at: datetime
    opened_at: datetime | None
    open_until: datetime | None
    transaction: str | None
    amount: int | None
    bank: str | None
    paid_at: datetime | None
    code: str
    ask_at: datetime | None
    asked: int
    changed_at: datetime
    offer: Offer | None
    """None: nothing was offered to pay by, or it is destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One thing that a gateway told."""

    id: int
    at: datetime
    partner: str
    reference: str
    n: int
    """Of the attempt."""
    via: str
    verdict: str
    effect: str
    transaction: str | None
    amount: int | None
    code: str
    address: str
    key_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingBytes:
    """The same, byte for byte as it was received."""

    hearing: Hearing
    body: bytes | None
    """None: retention or erasure took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that goes back, or is to go back."""

    id: int
    payment: int
    name: str
    delivery: int | None
    amount: int
    reason: str
    state: str
    requested_by: str
    approved_by: str | None
    partner_reference: str | None
    document: str | None
    is_offline: bool
    """By transfer: the gateway has no message for it."""
    partner: str
    created_at: datetime
    changed_at: datetime
    payment_name: str | None = None
    dossier: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An electronic receipt."""

    id: int
    kind: str
    key: str
    partner: str
    state: str
    number: str
    media_type: str | None
    at: datetime
    has_document: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Informed:
    """A delivery by which somebody is told of the payment, or by which a gateway is asked to take it."""

    delivery: int
    partner: str
    state: str
    cause: str
    kind: str
    accepted_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOf:
    """One change of one of these deliveries."""

    id: int
    at: datetime
    delivery: int
    partner: str
    kind: str
    from_state: str | None
    to_state: str
    cause: str
    reason: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The whole of it."""

    line: Line
    event: int
    kinds: str
    receipts_by: str
    beneficiary: Beneficiary | None
    paid_attempt: int | None
    receipted_at: datetime | None
    attempts: tuple[Attempt, ...]
    hearings: tuple[Hearing, ...]
    """The newest first."""
    tasks: tuple[Task, ...]
    refunds: tuple[Refund, ...]
    receipts: tuple[Receipt, ...]
    informed: tuple[Informed, ...]
    moves: tuple[MoveOf, ...]
    has_more_hearings: bool
    data: Mapping[str, Any] | None
    """What the source asked for, opened: personal data. None where it is destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What a citizen who comes back from a gateway may know."""

    state: str
    is_in_review: bool
    reference: str
    amount: int
    expires_at: datetime
    paid_at: datetime | None
    return_url: str | None


class PaymentClose:
    """Close looks at one ledger's payments."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looks = PaymentLooks(ledger)

    def _tx(self) -> Tx:
        return self._ledger.engine.read()

    def line(self, number: int) -> Line:
        """The payment's row. Raises NotFound."""
        return line_of(self._row(number))

    def _row(self, number: int) -> Row:
        row = self._tx().one("paid_one", number)
        if row is None:
            raise NotFound
        return row

    def payment(self, number: int) -> Payment:
        """Everything. Raises NotFound."""
        tx, row = self._tx(), self._row(number)
        line = line_of(row)
        attempts = tuple(self._attempt(each) for each in tx.all("paid_attempts", number, MOST_ATTEMPTS))
        hearings = tx.all("paid_hearings", number, MOST_HEARINGS + 1)
        informed = self._informed(tx, line, {one.delivery for one in attempts if one.delivery is not None})
        return Payment(
            line=line,
            event=row[17],
            kinds=row[18],
            receipts_by=row[19],
            beneficiary=None if row[20] is None else Beneficiary(account=row[20], bank=row[21], name=row[22]),
            paid_attempt=row[23],
            receipted_at=_at(row[24]),
            attempts=attempts,
            hearings=tuple(_hearing(each) for each in hearings[:MOST_HEARINGS]),
            tasks=tuple(_task(each) for each in tx.all("paid_tasks", number, MOST_TASKS)),
            refunds=tuple(_refund(each) for each in tx.all("paid_refunds", number, MOST_REFUNDS)),
            receipts=tuple(_receipt(each) for each in tx.all("paid_receipts", number)),
            informed=informed,
            moves=moves_of(tx, informed),
            has_more_hearings=len(hearings) > MOST_HEARINGS,
            data=self._data(tx, row[17]),
        )

    def _attempt(self, row: Row) -> Attempt:
        sealed = row[18]
        offer = None if sealed is None else _offer(self._ledger.bodies.open(row[17], sealed, OFFER))
        return Attempt(
            id=row[0],
            n=row[1],
            partner=row[2],
            reference=row[3],
            delivery=row[4],
            state=AttemptState(row[5]),
            made_at=from_ms(row[6]),
            opened_at=_at(row[7]),
            open_until=_at(row[8]),
            transaction=row[9],
            amount=row[10],
            bank=row[11],
            paid_at=_at(row[12]),
            code=row[13],
            ask_at=_at(row[14]),
            asked=row[15],
            changed_at=from_ms(row[16]),
            offer=offer,
        )

    def _data(self, tx: Tx, event: int) -> Mapping[str, Any] | None:
        row = tx.one("load_event", event)
        return None if row is None or row[9] is None else self._ledger.bodies.event(row).data

    def _informed(self, tx: Tx, line: Line, own: set[int]) -> tuple[Informed, ...]:
        """The gateway's own deliveries, those that tell of this very payment, and the portal's record made here."""
        opened, found = 0, list[Informed]()
        for row in tx.all("paid_told", line.dossier, MOST_TOLD):
            is_its = row[0] in own
            if not is_its and row[6].startswith("payment.") and opened < MOST_OPENED:
                opened += 1
                is_its = (self._data(tx, row[7]) or {}).get("payment") == line.name
            if is_its or not row[6].startswith("payment."):
                found.append(informed_of(row))
        return tuple(found)

    # -- byte for byte --------------------------------------------------------------------------------------------

    def hearing(self, payment: int, number: int) -> HearingBytes:
        """What a gateway told, as it was received. Raises NotFound."""
        row = self._tx().one("paid_hearing", payment, number)
        if row is None:
            raise NotFound
        body = None if row[15] is None else self._ledger.bodies.open(row[14], row[15], HEARING, row[13])
        return HearingBytes(hearing=_hearing(row), body=body)

    def receipt(self, payment: int, number: int) -> tuple[str, str, bytes]:
        """Media type, number and document of a receipt. Raises NotFound."""
        row = self._tx().one("paid_receipt", payment, number)
        if row is None or row[3] is None:
            raise NotFound
        body = self._ledger.bodies.open(row[2], row[3], RECEIPT, row[4])
        return row[0] or "application/octet-stream", row[1], body

    # -- what needs a person --------------------------------------------------------------------------------------

    def open_tasks(
        self, units: Units, *, kind: TaskKind | None = None, after: int = 0, limit: int = PAGE
    ) -> tuple[list[Task], int | None]:
        """The oldest first; and from where the next page goes on."""
        within = self._looks.within(units)
        rows = self._tx().all("waiting_payment_tasks", after, LOOKED_EACH, within, kind, limit + 1)
        return [_task(row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None

    def closed_tasks(
        self, units: Units, *, kind: TaskKind | None = None, before: int = NO_END, limit: int = PAGE
    ) -> tuple[list[Task], int | None]:
        """What persons have decided, the newest first; and from where the next page goes on."""
        within = self._looks.within(units)
        rows = self._tx().all("decided_payment_tasks", before, LOOKED_EACH, within, kind, limit + 1)
        return [_task(row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None

    def task(self, number: int) -> Task:
        """One of them. Raises NotFound."""
        row = self._tx().one("one_payment_task", number)
        if row is None:
            raise NotFound
        return _task(row)

    def count_tasks(self, units: Units) -> Many:
        """Open ones, as far as they are looked at."""
        rows, _more = self.open_tasks(units, limit=LOOKED_EACH - 1)
        return Many(n=min(len(rows), 1_000), is_more=len(rows) > 1_000)

    def refunds(
        self, units: Units, state: str, *, after: int = 0, limit: int = PAGE
    ) -> tuple[list[Refund], int | None]:
        """Those that stand so, the oldest first; and from where the next page goes on."""
        within = self._looks.within(units)
        rows = self._tx().all("refunds_of_state", state, after, LOOKED_EACH, within, limit + 1)
        return [_refund(row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None

    def every_refund(self, units: Units, *, before: int = NO_END, limit: int = PAGE) -> tuple[list[Refund], int | None]:
        """All of them, the newest first; and from where the next page goes on."""
        within = self._looks.within(units)
        rows = self._tx().all("refunds_back", before, LOOKED_EACH, within, limit + 1)
        return [_refund(row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None

    # -- for the citizen ------------------------------------------------------------------------------------------

    def returned(self, partner: str, reference: str) -> Returned | None:
        """What who comes back under this reference may know; None where there is no such attempt."""
        tx = self._tx()
        row = tx.one("paid_returned", partner, reference)
        if row is None:
            return None
        told = (self._data(tx, row[5]) or {}).get("return_url")
        return Returned(
            state=row[0],
            is_in_review=row[1] > 0,
            reference=reference,
            amount=row[2],
            expires_at=from_ms(row[3]),
            paid_at=_at(row[4]),
            return_url=told if isinstance(told, str) else None,
        )


def _at(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _offer(body: bytes) -> Offer:
    told = json.loads(body)
    return Offer(pay_url=told.get("pay_url"), qr=told.get("qr"))


def _hearing(row: Row) -> Hearing:
    return Hearing(
        id=row[0],
        at=from_ms(row[1]),
        partner=row[2],
        reference=row[3],
        n=row[4],
        via=row[5],
        verdict=row[6],
        effect=row[7],
        transaction=row[8],
        amount=row[9],
        code=row[10],
        address=row[11],
        key_id=row[12],
    )


def _task(row: Row) -> Task:
    return replace(task_of(row), name=row[12], dossier=row[13], unit=row[14])


def _refund(row: Row) -> Refund:
    return Refund(
        id=row[0],
        payment=row[1],
        name=row[2],
        delivery=row[3],
        amount=row[4],
        reason=row[5],
        state=row[6],
        requested_by=row[7],
        approved_by=row[8],
        partner_reference=row[9],
        document=row[10],
        is_offline=bool(row[11]),
        partner=row[12],
        created_at=from_ms(row[13]),
        changed_at=from_ms(row[14]),
        payment_name=row[15],
        dossier=row[16],
        unit=row[17],
    )


def _receipt(row: Row) -> Receipt:
    return Receipt(
        id=row[0],
        kind=row[1],
        key=row[2],
        partner=row[3],
        state=row[4],
        number=row[5],
        media_type=row[6],
        at=from_ms(row[7]),
        has_document=bool(row[8]),
    )


def informed_of(row: Row) -> Informed:
    """A delivery as these queries give it."""
    return Informed(
        delivery=row[0],
        partner=row[1],
        state=row[2],
        cause=row[3],
        kind=row[6],
        accepted_at=from_ms(row[4]),
        changed_at=from_ms(row[5]),
    )


def moves_of(tx: Tx, informed: Iterable[Informed]) -> tuple[MoveOf, ...]:
    """What befell these deliveries, the newest first."""
    of = {one.delivery: one for one in informed}
    rows = tx.all("paid_moves", json.dumps(sorted(of)), MOST_MOVES)
    return tuple(
        MoveOf(
            id=row[0],
            at=from_ms(row[1]),
            delivery=row[2],
            partner=of[row[2]].partner,
            kind=of[row[2]].kind,
            from_state=row[3],
            to_state=row[4],
            cause=row[5],
            reason=row[6],
            actor=row[7],
        )
        for row in rows
    )
