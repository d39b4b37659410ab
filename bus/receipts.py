"""Electronic receipts of payments: one for each payment and kind, whatever is told twice, with its document sealed.

An issuer's adapter reports what it learned (`facts["receipts"]`); it is kept in the transaction that settles its
attempt, also when the attempt as a whole came to nothing: what was issued is issued. A number or a document that came
first stays; a cancelled receipt is never issued again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bus.bindings import bind
from bus.bodies import Bodies
from bus.engines.sqlite import Row, Tx
from bus.messages import Attempt, Delivery
from bus.moves import MoveWriter
from bus.payment_tasks import open_task
from bus.payments import TaskKind

RECEIPT: Final = b"receipt"
"""What kind of thing a document is sealed as."""
_WHOLE: Final = frozenset({"whole"})


class Receipts:
    """Keeps what issuers told. One for a ledger; it remembers nothing between transactions."""

    def __init__(self, moves: MoveWriter, bodies: Bodies) -> None:
        self._moves = moves
        self._bodies = bodies

    def settled(self, tx: Tx, delivery: Delivery, attempt: Attempt, at: int, worker: str) -> None:
        """What an attempt taught of receipts, if anything. Inside the transaction that settles it."""
        if delivery.payment is None:
            return
        payment, partner = delivery.payment.payment, delivery.partner
        told = attempt.facts.get("receipts", ())
        for fact in told:
            self._keep(tx, payment, partner, fact, at, worker)
        if told:
            _note_complete(tx, payment, at)
        if attempt.facts.get("receipt_missing"):
            self._miss(tx, delivery, at, worker)

    def _keep(self, tx: Tx, payment: int, partner: str, fact: Mapping[str, Any], at: int, worker: str) -> None:
        key, of = fact["key"], fact.get("adjusts")
        adjusted = None if of is None else tx.one("receipt_by_key", partner, of)
        if of is not None and adjusted is None:
            return  # of a receipt that was never told of: the exchange keeps what was said
        of_row = None if adjusted is None else adjusted[0]
        values = (payment, fact["kind"], key, partner, fact["number"], fact.get("amount"), of_row, at, at)
        is_new = tx.one("add_receipt", *values) is not None
        known = tx.one("receipt_by_key", partner, key)
        if known is None or known[1] != payment:
            return  # one of its kind is there under another key, or the key is another payment's: the first one counts
        if self._renewed(tx, known, fact, at) or is_new:
            self._bind(tx, known[0], fact["state"] == "cancelled", at, worker)
        if is_new and adjusted is not None:
            tx.run("set_receipt", "adjusted", adjusted[3], at, adjusted[0])
            bind(tx, self._moves, "receipt", adjusted[0], cause="receipt_adjusted", at=at, actor=worker)

    def _bind(self, tx: Tx, receipt: int, is_cancelled: bool, at: int, worker: str) -> None:
        if is_cancelled:
            bind(tx, self._moves, "receipt", receipt, cause="receipt_cancelled", at=at, actor=worker)
        else:
            bind(tx, self._moves, "receipt", receipt, cause="receipt_issued", at=at, actor=worker)

    def _renewed(self, tx: Tx, known: Row, fact: Mapping[str, Any], at: int) -> bool:
        """Whether what was told says more than the row did."""
        state = "cancelled" if fact["state"] == "cancelled" else known[2]
        number = known[3] or fact["number"]
        is_changed = (state, number) != (known[2], known[3])
        if is_changed:
            tx.run("set_receipt", state, number, at, known[0])
        if fact.get("body") is None or known[4] is not None:
            return is_changed
        self._document(tx, known[0], fact, at)
        return True

    def _document(self, tx: Tx, receipt: int, fact: Mapping[str, Any], at: int) -> None:
        sealed = self._bodies.seal(fact["body"], RECEIPT)
        number = tx.insert("add_body", sealed.key_id, sealed.blob)
        tx.run("set_receipt_document", fact.get("media_type"), sealed.commitment, number, at, receipt)

    def _miss(self, tx: Tx, delivery: Delivery, at: int, worker: str) -> None:
        assert delivery.payment is not None
        open_task(
            tx,
            self._moves,
            TaskKind.RECEIPT_MISSING,
            at,
            payment=delivery.payment.payment,
            attempt=delivery.payment.attempt,
            partner=delivery.partner,
            amount=delivery.payment.amount,
            actor=worker,
        )


def _note_complete(tx: Tx, payment: int, at: int) -> None:
    """All that were wanted are there: one for each kind that costs something, or the gateway's one."""
    row = tx.one("receipts_wanted", payment)
    assert row is not None
    costs = frozenset(fee["kind"] for fee in json.loads(row[1]) if fee["amount"])
    wanted = _WHOLE if row[0] == "gateway" else costs
    if wanted <= {kind for (kind,) in tx.all("receipt_kinds", payment)}:
        tx.run("set_receipted", at, payment)
