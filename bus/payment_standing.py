"""What a claimed delivery carries of payments: its attempt, its refund, and the fees paid beside a record."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from bus.beneficiaries import beneficiary_for
from bus.claiming import Claimed
from bus.engines.sqlite import Row, Tx
from bus.lanes import BUS
from bus.messages import PAYMENT_REFUNDED, PAYMENT_REQUESTED, PAYMENT_SETTLED, REFUND_REQUESTED
from bus.moves import MoveWriter
from bus.payment_evidence import note
from bus.payment_follow_ups import read_payment
from bus.payments import Beneficiary, PaidFee, PaymentPolicy, PaymentStanding, RefundStanding
from bus.prepared import RECORD_KIND
from bus.refund_desk import RefundDesk
from bus.times import from_ms

_ATTEMPT_OF: Final = {
    PAYMENT_REQUESTED: "last_payment_attempt",
    REFUND_REQUESTED: "attempt_of_refund",
    PAYMENT_SETTLED: "attempt_of_news",
    PAYMENT_REFUNDED: "attempt_of_news",
}
"""By kind: whose attempt a delivery is about, asked by its delivery or, where the ledger tells it, by its event."""
_NEWS: Final = frozenset({PAYMENT_SETTLED, PAYMENT_REFUNDED})


def attempt_of(tx: Tx, kind: str, delivery: int, event: int) -> int | None:
    """The attempt that a delivery of this kind is about."""
    query = _ATTEMPT_OF.get(kind)
    if query is None:
        return None
    row = tx.one(query, event if kind in _NEWS else delivery)
    return None if row is None else row[0]


class Standings:
    """Adds to a claim what is known of payments. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, moves: MoveWriter, refunds: RefundDesk, policy: PaymentPolicy) -> None:
        self._moves = moves
        self._refunds = refunds
        self._policy = policy

    def of(self, tx: Tx, claimed: Claimed, at: int) -> Claimed:
        """The claim with its attempt and refund, or, of a record, with what was paid."""
        delivery, event, kind = claimed.row[0], claimed.row[9], claimed.row[12]
        if kind == RECORD_KIND:
            return replace(claimed, paid=paid_beside(tx, event, self._policy.portal_gateways))
        attempt = attempt_of(tx, kind, delivery, event)
        if attempt is None:
            return claimed
        standing = standing_of(tx, attempt, self._refunds.standing_of(tx, delivery))
        if kind == PAYMENT_REQUESTED and standing.beneficiary is None:
            standing = self._with_account(tx, standing, at)
        asked = tx.one("load_event", read_payment(tx, standing.payment).event) if kind in _NEWS else None
        return replace(claimed, payment=standing, asked=asked)

    def _with_account(self, tx: Tx, standing: PaymentStanding, at: int) -> PaymentStanding:
        """The account may have been entered after the payment was asked for; from now on it is the payment's."""
        row = read_payment(tx, standing.payment)
        account = beneficiary_for(tx, row.unit, row.procedure, row.kinds.split(), at)
        if account is None:
            return standing
        tx.run("set_account", account.account, account.bank, account.name, at, row.id)
        note(tx, self._moves, row.id, "account", at, BUS)
        return replace(standing, beneficiary=account)


def standing_of(tx: Tx, attempt: int, refund: RefundStanding | None = None) -> PaymentStanding:
    """An attempt, as an adapter needs to know it."""
    row = tx.one("standing_of_attempt", attempt)
    assert row is not None
    return PaymentStanding(
        payment=row[0],
        name=row[1],
        attempt=row[2],
        n=row[3],
        reference=row[4],
        made_at=from_ms(row[5]),
        amount=row[6],
        currency=row[7],
        expires_at=from_ms(row[8]),
        beneficiary=_beneficiary(row),
        transaction=row[12],
        paid_at=None if row[13] is None else from_ms(row[13]),
        paid_time_told=row[14],
        refund=refund,
        receipts=dict(tx.all("receipts_of_payment", row[0])),
    )


def _beneficiary(row: Row) -> Beneficiary | None:
    return None if row[9] is None else Beneficiary(account=row[9], bank=row[10], name=row[11])


def paid_beside(tx: Tx, event: int, portal_gateways: frozenset[str]) -> tuple[PaidFee, ...]:
    """Fees of the event's dossier that were paid through us."""
    return tuple(
        PaidFee(
            kind=fee["kind"],
            code=fee["code"],
            name=fee["name"],
            amount=fee["amount"],
            state="refunded" if state == "refunded" else "paid",
            through="portal" if gateway in portal_gateways else "province",
        )
        for fees, state, gateway in tx.all("paid_fees_beside", event)
        for fee in json.loads(fees)
    )
