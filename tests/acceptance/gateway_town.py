"""An installation whose doors KeyPay and VNPAY call, both mocks on a real port: fees asked for, paid, paid back."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bus.beneficiaries import Beneficiaries, Proposal
from bus.dispatch import Dispatcher
from bus.payments import AttemptFacts, Beneficiary
from bus.ports import FileStorage, SystemClock
from bus.refunds import Refunds
from config.new_installation import make, prepare_ledger
from config.partner_tables import ledger_name
from config.settings_file import load
from config.wiring import Installation
from contracts.gateway_mock import GatewayMock, PayOrder
from contracts.gateway_orders import Order
from contracts.keypay.mock import KeyPay
from contracts.one_stop.mock import OneStop
from contracts.serve import serve
from contracts.vnpay.mock import VnPay
from tests.acceptance.desk import opened
from tests.builders import make_payment

AMOUNT = 75_000
PATIENCE = 60.0
SOON = "in_flight_s = 0.2\nretry_s = [0.05]\n"
"""What waits, waits shortly; a call may take as long as it takes."""
PLACES = {"keypay": "result", "vnpay": "ipn"}
ROWS = "unit,procedure,fee_kind,gateway,rank,receipts,valid_from,valid_to,source_kind\n" + "".join(
    f",,,{gateway},{rank},none,,,invented\n" for rank, gateway in enumerate(PLACES, 1)
)


@dataclass
class Town:
    """Everything in it is real but the gateways, and those are strict."""

    here: Installation
    doors: str
    mocks: Mapping[str, GatewayMock]
    one_stop: OneStop
    dispatcher: Dispatcher
    made: list[str] = field(default_factory=list)

    # -- what happens -------------------------------------------------------------------------------------------------

    def ask_for(self, gateway: str, **data: Any) -> str:
        """The one-stop system asks for a payment; its name."""
        name = f"P-{len(self.made) + 1}"
        self.made.append(name)
        event = make_payment(payment=name, amount=data.pop("amount", AMOUNT), gateway=gateway, id=f"ask-{name}", **data)
        self.here.intake.accept(event)
        return name

    def open(self, gateway: str, **data: Any) -> Order:
        """A payment that is open, and that its citizen looks at."""
        self.ask_for(gateway, **data)
        self.work()
        return self.look(gateway)

    def look(self, gateway: str) -> Order:
        """What the citizen's browser finds at the newest address."""
        if gateway == "vnpay":
            assert 303 == self.call("GET", self.newest_offer()["pay_url"])[0]
        order = self.mocks[gateway].orders.newest()
        assert order is not None
        return order

    def work(self) -> None:
        """Carry and ask until nothing is due."""
        while self.dispatcher.run_once() + self.here.asker("asker").run_once():
            pass

    def pay(self, order: Order, gateway: str, **wanted: Any) -> list[dict[str, Any]]:
        """A person pays, the gateway tells: what we answered to each of its calls."""
        mock = self.mocks[gateway]
        before = len(mock.calls.done)
        with mock.lock:
            mock.pay(PayOrder(reference=order.reference, **wanted))
        assert mock.calls.wait()
        return [json.loads(called.answer) for called in mock.calls.done[before:]]

    def call(
        self, method: str, url: str, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        """One call by whoever wants to."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        headers = {"content-type": content_type} if body else {}
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body or None, headers)
        reply = connection.getresponse()
        found = reply.status, reply.read()
        connection.close()
        return found

    def at(self, gateway: str) -> str:
        """Where a gateway calls us."""
        return f"{self.doors}/callbacks/{gateway}/{PLACES[gateway]}"

    # -- what came of it ----------------------------------------------------------------------------------------------

    def facts(self, gateway: str, order: Order) -> AttemptFacts:
        """What the ledger knows."""
        found = self.here.ledger.payments.find(gateway, order.reference)
        assert found is not None
        return found

    def state(self, gateway: str, order: Order) -> str:
        """Of the payment."""
        return str(self.facts(gateway, order).payment_state)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the file."""
        with self.here.ledger.engine.snapshot() as tx:
            return tx.connection.execute(sql, values).fetchall()

    def tasks(self, payment: int) -> list[str]:
        """Kinds of tasks that wait for a person."""
        return [row[0] for row in self.rows("SELECT kind FROM payment_tasks WHERE payment = ? ORDER BY id", payment)]

    def newest_offer(self) -> dict[str, Any]:
        """Address and code of the attempt that was opened last, as the one-stop system was told."""
        return self.told("opened")[-1]

    def told(self, what: str) -> list[dict[str, Any]]:
        """What the one-stop system was told of payments: opened, settled, failed, refunded."""
        books = self.one_stop.effects
        news = [json.loads(books.body(row.n) or b"") for row in books.page() if row.operation == "ReceivePaymentResult"]
        return [each[what] | {"payment": each["payment"]} for each in news if what in each]

    def refused(self) -> list[tuple[str, str]]:
        """Notes of the door: code and rules."""
        self.here.ledger.engine.write(lambda tx: None)  # notes are queued: let the writer come by
        return self.rows("SELECT code, rules FROM refusals ORDER BY id")


@contextmanager
def town(folder: Path, *, more: str = "", keypay: str = "") -> Iterator[Town]:
    """Both gateways are rows of the table, so a wish decides; every fee has an account.

    `more`: further settings of both, `keypay`: of KeyPay alone.
    """
    mocks: dict[str, GatewayMock] = {"keypay": KeyPay(), "vnpay": VnPay()}
    one_stop = OneStop()
    with serve([*mocks.values(), one_stop]) as url:
        place = folder / "installation"
        make(place, for_mocks=url)
        _join(place, url)
        file = place / "lienthong.toml"
        text = file.read_text().replace("port = 8400", "port = 0")
        for name in PLACES:
            told = more + (keypay if name == "keypay" else "")
            text = text.replace(f"[partners.{name}]\n", f"[partners.{name}]\n{SOON}{told}")
        file.write_text(text)
        prepare_ledger(load(file, {}).settings, FileStorage(), SystemClock(), actor="person:test")
        with opened(place) as (here, doors):
            _prepare(here)
            for name, mock in mocks.items():
                mock.switches.turn({"callback_url": f"{doors}/callbacks/{name}/{PLACES[name]}"})
            clock, chance = here.ports.clock, here.ports.randomness
            dispatcher = Dispatcher(here.ledger, here.partners(), name="w", clock=clock, randomness=chance)
            yield Town(here=here, doors=doors, mocks=mocks, one_stop=one_stop, dispatcher=dispatcher)


def _join(place: Path, url: str) -> None:
    from config import mocked_gateways, mocked_one_stop, mocked_receipts

    for part in (mocked_one_stop, mocked_receipts, mocked_gateways):
        part.join(place, url)
    file = place / "lienthong.toml"
    # One protocol of the one-stop system is enough here: SOAP would make keys for every test.
    file.write_text(re.sub(r"(?s)\n# The same mock over signed SOAP.*?(?=\n# )", "", file.read_text()))


def _prepare(here: Installation) -> None:
    here.repairs.import_tables([(ledger_name("payments", "gateways"), ROWS)], actor="person:test", reason="a test")
    accounts = Beneficiaries(here.ledger)
    wanted = Proposal(
        unit="",
        beneficiary=Beneficiary(account="0000000000000", bank="999999", name="UBND XA MAU"),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )

    def job(tx: Any) -> None:
        number = accounts.propose(tx, wanted, account="an", reason="the agency's letter")
        accounts.approve(tx, number, account="binh")

    here.ledger.engine.write(job)


def pay_back(here: Installation, payment: int, amount: int) -> int:
    """A person asks for a refund and another approves; its number."""
    refunds = Refunds(here.ledger)
    made = here.ledger.engine.write(
        lambda tx: refunds.request(tx, payment, amount=amount, reason="withdrawn", account="an")
    )
    here.ledger.engine.write(lambda tx: refunds.approve(tx, made.id, account="binh"))
    return int(made.id)


def until(done: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for it."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
