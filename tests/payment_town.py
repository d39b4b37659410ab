"""An installation that takes payments, as its settings put it together: ledger, door on a port, the platform's mock.

Everything is real but the partners: the worker's dispatcher carries, the door listens, the mock calls back over HTTP.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.doors import server
from bus.beneficiaries import Beneficiaries, Proposal
from bus.dispatch import Dispatcher
from bus.messages import Event
from bus.payments import Beneficiary
from bus.ports import CrashPoint, FileStorage, SystemClock, no_crash
from config import mocked_gateways, mocked_one_stop
from config.doors import make_app
from config.new_installation import make, prepare_ledger
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, Ports, build, real_ports
from contracts.gateway_mock import PayOrder
from contracts.gateway_orders import Order
from contracts.national_portal.mock import Portal
from contracts.one_stop.mock import OneStop
from contracts.payment_platform.checksums import CONFIRM, checksum
from contracts.payment_platform.mock import PaymentPlatform
from contracts.serve import serve
from tests.builders import make_payment

SHORT = (
    "timeout_s = 30\nconnect_timeout_s = 20\nin_flight_s = 0.2\nlease_s = 120\nretry_s = [0.05]\nprobe_every_s = 0.1\n"
)
"""Waits are short; what may take long on a busy machine has time."""
CONFIRM_PATH = "/callbacks/payment_platform/confirm"
ACCOUNT = Beneficiary(account="0000000000000", bank="999999", name="UBND XA MAU")
BOUND = (
    "payments", "payment_attempts", "payment_hearings", "payment_tasks", "deliveries", "moves", "events", "attempts",
    "exchanges",
)  # fmt: skip
"""Tables that a refused call must leave as they are, row by row."""


@dataclass
class Town:
    """What a test holds in its hands."""

    here: Installation
    platform: PaymentPlatform
    one_stop: OneStop
    mocks: str
    url: str = ""
    woken: list[int] = field(default_factory=list)

    def ask_for(self, payment: str = "P1", **overrides: Any) -> Event:
        """A one-stop system asks for a payment."""
        event = make_payment(payment=payment, at=datetime.now(UTC), **overrides)
        self.here.intake.accept(event)
        return event

    def carry(self, *partners: str) -> None:
        """Deliver in this thread what is due now."""
        names = partners or ("payment_platform",)
        work = {name: each for name, each in self.here.partners().items() if name in names}
        ports = self.here.ports
        dispatcher = Dispatcher(self.here.ledger, work, name="w", clock=ports.clock, randomness=ports.randomness)
        while dispatcher.run_once():
            pass

    def opened(self, payment: str = "P1", **overrides: Any) -> Order:
        """A payment that the platform has opened."""
        self.ask_for(payment, **overrides)
        self.carry()
        order = self.platform.orders.newest()
        assert order is not None
        return order

    def pay(self, order: Order, **wanted: Any) -> list[Mapping[str, Any]]:
        """A person pays, and the platform calls back; what it was answered."""
        before = len(self.platform.calls.done)
        with self.platform.lock:
            self.platform.pay(PayOrder(reference=order.reference, **wanted))
        assert self.platform.calls.wait(60)
        return [json.loads(called.answer) for called in self.platform.calls.done[before:]]

    def confirm_of(self, order: Order, **overrides: Any) -> dict[str, Any]:
        """A right call back, not sent; with what is changed in it hashed too."""
        fields = {
            **self.platform.notice(order, "paid", None, "", self.here.ports.clock.now()),
            **overrides,
        }
        return {**fields, "MaXacThuc": checksum(fields, CONFIRM, self.platform.secrets[0])}

    def call(
        self, body: Any, *, path: str = CONFIRM_PATH, method: str = "POST", kind: str = "application/json", **more: str
    ) -> tuple[int, Any]:
        """A call at the door, over the wire: status and answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request(method, path, body=raw, headers={"Content-Type": kind, **more})
        reply = connection.getresponse()
        told = reply.read()
        connection.close()
        return reply.status, json.loads(told) if told[:1] in (b"{", b"[") else told

    def state(self, payment: str = "P1") -> str:
        """Where a payment stands."""
        return str(self.rows("SELECT state FROM payments WHERE name = ?", payment)[0][0])

    def tasks(self, payment: str = "P1") -> list[str]:
        """What a person must decide of it."""
        query = """SELECT t.kind FROM payment_tasks t JOIN payments p ON p.id = t.payment
            WHERE p.name = ? AND t.closed_at IS NULL ORDER BY t.id"""
        return [row[0] for row in self.rows(query, payment)]

    def settled(self, payment: str = "P1") -> int:
        """How often its source is told that it was paid."""
        query = """SELECT count(*) FROM payment_news n JOIN payments p ON p.id = n.payment
            JOIN events e ON e.id = n.event WHERE p.name = ? AND e.kind = 'payment.settled'"""
        return int(self.rows(query, payment)[0][0])

    def heard(self, payment: str = "P1") -> list[tuple[str, str, str | None]]:
        """What was told of it: verdict, effect, key."""
        query = """SELECT h.verdict, h.effect, h.key_id FROM payment_hearings h
            JOIN payment_attempts a ON a.id = h.attempt JOIN payments p ON p.id = a.payment
            WHERE p.name = ? ORDER BY h.id"""
        return [(row[0], row[1], row[2]) for row in self.rows(query, payment)]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """From the ledger's own file, as another program reads it."""
        connection = sqlite3.connect(f"file:{self.here.settings.ledger.path}?mode=ro", uri=True)
        try:
            return list(connection.execute(query, values))
        finally:
            connection.close()

    def picture(self) -> dict[str, str]:
        """Every row of the tables that matter, as one digest for each table."""
        known = {row[0] for row in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = {}
        for table in BOUND:
            if table in known:
                content = repr(self.rows(f"SELECT * FROM {table} ORDER BY 1"))
                found[table] = hashlib.sha256(content.encode()).hexdigest()
        return found

    def refused(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """What was turned away at the door: route, code, rules."""
        self.here.ledger.engine.write(lambda tx: None)  # notes are queued: let the writer come by
        rows = self.rows("SELECT route, code, rules FROM refusals ORDER BY at, reference")
        return [(route, code, json.loads(rules)) for route, code, rules in rows]


@contextmanager
def payment_town(
    folder: Path,
    *,
    more: str = "",
    settings: str = "",
    payments: str = "",
    ports: Ports | None = None,
    crash_point: CrashPoint = no_crash,
    is_told: bool = False,
    **mock: Any,
) -> Iterator[Town]:
    """`settings`: lines for `[partners.payment_platform]`; `payments`: for `[payments]`; `more`: tables of their own;
    `is_told`: its source."""
    platform, one_stop = PaymentPlatform(**mock), OneStop()
    with serve([platform, one_stop, Portal()]) as mocks:
        make(folder, for_mocks=mocks)
        file = folder / "lienthong.toml"
        file.write_text(file.read_text() + SHORT)
        mocked_gateways.join(folder, mocks)
        if is_told:
            mocked_one_stop.join(folder, mocks)
        table = "[partners.payment_platform]\n"
        told = file.read_text().replace(table, table + SHORT + settings)
        file.write_text(told.replace("[payments]\n", "[payments]\n" + payments) + more)
        loaded = load(file, {}).settings
        prepare_ledger(loaded, FileStorage(), SystemClock(), actor="person:test")
        here = build(loaded, ports or real_ports())
        try:
            town = Town(here=here, platform=platform, one_stop=one_stop, mocks=mocks)
            _account(here)
            app = make_app(
                here, InstallationKey.from_file(loaded.ledger.signing_key_file), make_metrics(here),
                on_accepted=lambda: town.woken.append(1),
            )  # fmt: skip
            with server.serve(app) as serving:
                town.url = serving.url
                platform.switches.turn({"callback_url": serving.url + CONFIRM_PATH})
                yield town
                platform.calls.stop()
        finally:
            here.close()


def _account(here: Installation) -> None:
    """Two people name the account that fees are paid to."""
    book = Beneficiaries(here.ledger)
    wanted = Proposal(unit="", beneficiary=ACCOUNT, valid_from=here.ports.clock.now() - timedelta(days=1))

    def write(tx: Any) -> None:
        book.approve(tx, book.propose(tx, wanted, account="lan", reason="mở tài khoản"), account="minh")

    here.ledger.engine.write(write)
