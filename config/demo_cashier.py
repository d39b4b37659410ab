"""The demo's payments, played: fees are asked for at the door, paid at the gateways' mocks, and seen through.

It does what persons do: a payer at the gateway's page, an officer who has a gateway asked, asks for a refund, or takes
money at the counter, and a second officer who approves. The bus does the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from bus.engines.sqlite import Tx
from bus.payment_close import Payment, PaymentClose
from bus.payment_looks import PaymentLooks
from bus.refunds import Refunds
from config.demo.books import Effect
from config.demo.paying import GATEWAYS, Bill, Paid, a_bill_for_you, bills, judge_paid
from config.demo_mocks import Control
from config.demo_people import FIRST, SECOND
from config.demo_stage import Stage

LOOK_S: Final = 0.2
LONGEST_S: Final = 30.0
"""For one payment to come where it should; then the verdict says that it did not."""
Post = Callable[[Mapping[str, Any]], None]
"""Hands one event to the door, as the departments' system does."""


class Cashier:
    """Plays all payments of the day, one after the other."""

    def __init__(self, stage: Stage, seed: int, post: Post, stop: threading.Event) -> None:
        self._stage = stage
        self._seed = seed
        self._post = post
        self._stop = stop
        ledger = stage.installation.ledger
        self._ledger = ledger
        self._looks = PaymentLooks(ledger)
        self._close = PaymentClose(ledger)
        self._refunds = Refunds(ledger)
        self.asked: list[Bill] = []

    def play(self) -> None:
        """All of them."""
        with ExitStack() as stack:
            controls = {name: Control(self._stage.mocks, name) for name in GATEWAYS}
            for control in controls.values():
                stack.callback(control.close)
            for bill in bills(self._seed):
                if not self._stop.is_set():
                    self._play(bill, controls[bill.case.gateway])

    def open_for_you(self) -> str | None:
        """One more, left open: the address of the gateway's page; None when it did not open in time."""
        bill = a_bill_for_you(self._seed)
        self._post(bill.record)
        self._post(bill.request)
        found = self._until(bill, "open")
        offer = None if found is None else found.attempts[-1].offer
        return None if offer is None else offer.pay_url

    def _play(self, bill: Bill, control: Control) -> None:
        self.asked.append(bill)
        self._post(bill.record)
        self._post(bill.request)
        opened = self._until(bill, "open")
        if opened is None:
            return
        attempt = opened.attempts[-1]
        if bill.case.gateway == "vnpay" and attempt.offer is not None and attempt.offer.pay_url is not None:
            control.visit(attempt.offer.pay_url)  # its order is made by the payer's browser
        for order in bill.case.pays:
            control.post("pay", {"reference": attempt.reference, **order})
            self._stop.wait(LOOK_S)
        if bill.case.asks:
            self._write(partial(self._ask, opened.line.id))
        if bill.case.is_refunded:
            self._until(bill, "paid")
        if bill.after is not None:
            self._post(bill.after)
        if bill.case.is_refunded:
            self._approve(opened.line.id)
        self._until(bill, bill.case.ends)

    def _ask(self, payment: int, tx: Tx) -> None:
        self._ledger.payments.ask_now(tx, payment, account=FIRST, reason="the payer has shown a bank statement")

    def _approve(self, payment: int) -> None:
        """A second person's yes."""
        for refund in self._close.payment(payment).refunds:
            if refund.state == "requested":
                self._write(partial(self._say_yes, refund.id))

    def _say_yes(self, number: int, tx: Tx) -> None:
        self._refunds.approve(tx, number, account=SECOND, reason="the papers are right")

    def _write(self, job: Callable[[Tx], object]) -> None:
        self._ledger.engine.write(job)

    def _until(self, bill: Bill, state: str) -> Payment | None:
        """The payment, once it stands there; None when it does not in time."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until and not self._stop.is_set():
            for line in self._looks.named(bill.name, None):
                if line.state.value == state:
                    return self._close.payment(line.id)
            self._stop.wait(LOOK_S)
        return None

    # -- judged -------------------------------------------------------------------------------------------------------

    def judged(self, heard: list[Effect]) -> Paid:
        """What became of them, by the gateways' own lists."""
        orders: list[Mapping[str, Any]] = []
        calls: list[Mapping[str, Any]] = []
        for name in GATEWAYS:
            control = Control(self._stage.mocks, name)
            try:
                orders += control.get("orders")
                calls += control.get("callbacks")
            finally:
                control.close()
        states = {bill.name: line.state.value for bill in self.asked for line in self._looks.named(bill.name, None)}
        return judge_paid(self.asked, states, orders, calls, heard)
