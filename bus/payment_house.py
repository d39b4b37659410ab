"""Where a ledger's payments are put together, and hung into its recording, its claims and its settlements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bus.bodies import Bodies
from bus.circuit import Manners
from bus.claiming import Claimer
from bus.engines.sqlite import SqliteEngine, Tx
from bus.moves import MoveWriter
from bus.paid_records import PaidRecords
from bus.payment_book import PaymentBook
from bus.payment_entry import PaymentEntry
from bus.payment_follow_ups import PaymentNews, read_payment
from bus.payment_hands import PaymentHands
from bus.payment_hearing import Hearer
from bus.payment_settling import MoneySettling
from bus.payment_standing import Standings
from bus.payments import PaymentPolicy
from bus.ports import Clock, CrashPoint
from bus.receipts import Receipts
from bus.recording import Recorder
from bus.refund_desk import Refund, RefundDesk
from bus.settling import Settler


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What of a ledger payments work with."""

    engine: SqliteEngine
    moves: MoveWriter
    bodies: Bodies
    recorder: Recorder
    claimer: Claimer
    settler: Settler
    refunds: RefundDesk
    manners: Callable[[str], Manners]
    records: PaidRecords


def open_book(of: Parts, policy: PaymentPolicy, *, clock: Clock, crash_point: CrashPoint) -> PaymentBook:
    """The book of payments of a ledger; from now on its events, claims and attempts do what they mean for money."""
    news = PaymentNews(of.recorder, of.bodies, policy, crash_point)
    hearer = Hearer(of.moves, news, of.records, crash_point)
    entry = PaymentEntry(of.recorder, of.moves, policy, news, of.refunds, crash_point)
    receipts = Receipts(of.moves, of.bodies)

    def paid_back(tx: Tx, refund: Refund, total: int, at: int) -> None:
        news.refunded(tx, refund.payment, refund.id, refund.name, refund.amount, total, refund.document, at)
        of.records.show(tx, read_payment(tx, refund.payment).dossier, at)

    of.refunds.tell = paid_back
    of.recorder.payments = entry
    of.claimer.money = Standings(of.moves, of.refunds, policy).of
    of.settler.money = MoneySettling(of.moves, of.bodies, hearer, entry, news, of.refunds, receipts, crash_point)
    hands = PaymentHands(of.moves, entry, policy, clock, crash_point)
    return PaymentBook(
        of.engine,
        of.moves,
        of.bodies,
        of.settler,
        hearer,
        news,
        policy,
        hands,
        of.manners,
        clock=clock,
        crash_point=crash_point,
    )
