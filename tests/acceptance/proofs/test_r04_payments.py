"""R4 through payment: answers to INIT and QUERY lost or garbled at 30 % together, through the real adapter.

The platform's strict mock keeps the orders; payers pay what is open there; some calls back never come, some come twice.
No order is opened twice, no reference is sent again before it was asked about, and every payment that the mock took is
in the ledger, counted once and told once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.calls import RawCall, Wrong
from adapters.partners.payment_platform.adapter import PaymentPlatform as Adapter
from adapters.partners.payment_platform.callbacks import Confirms
from bus.beneficiaries import Beneficiaries, Proposal
from bus.dispatch import PartnerWork
from bus.messages import Event
from bus.payments import Beneficiary
from contracts.gateway_mock import PayOrder
from contracts.mock_faults import FaultOrder
from contracts.mocking import Request, Response
from contracts.payment_platform.mock import PaymentPlatform
from contracts.serve import serve
from tests.builders import NOON, make_event
from tests.platform_kit import platform_settings
from tests.portal_kit import local_http
from tests.proofs.payments_kit import MINUTE, TILL, PayWorld, asked, fees, judge, shown, states
from tests.world import SimClock

KINDS = (
    *("lose_request", "reset", "http_500", "html_200", "rate_limited"),
    *("lose_reply_after_effect", "slow", "half_body", "wrong_content_type"),
)
SHARE = 0.3
SLOW = 0.5
"""Seconds; the channel of this world waits for less."""


class Witness(PaymentPlatform):
    """Remembers what was asked of it, in its order, and whether it said *later*."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls_seen: list[tuple[str, str, int]] = []

    def __call__(self, request: Request) -> Response:
        answer = super().__call__(request)
        if request.path.rpartition("/")[2] in ("init", "query"):
            told = json.loads(request.body)
            self.calls_seen.append((told["LoaiBanTin"], told["MaThamChieu"], answer.status))
        return answer


class PlatformWorld(PayWorld):
    """A world whose till is the platform's mock, on a port."""

    def __init__(self, folder: Path, platform: Witness, url: str, clock: SimClock) -> None:
        self.platform = platform
        port = url.rpartition(":")[2]
        settings = platform_settings(
            url,
            pay_hosts=frozenset({"127.0.0.1", f"127.0.0.1:{port}"}),
            http=local_http(timeout=timedelta(seconds=SLOW / 2), connect_timeout=timedelta(seconds=1)),
        )
        self.door = Confirms(settings)
        self.real = Adapter(settings, HttpChannel(settings.http, clock=clock), clock=clock)
        self.acked: set[str] = set()
        super().__init__(folder, clock=clock, plans={})

    def open(self) -> None:
        super().open()
        self.till_adapter = self.real  # type: ignore[assignment]
        work = PartnerWork(adapter=self.real)
        self.others[TILL] = self.partners[TILL] = self.asker._partners[TILL] = work  # type: ignore[index]
        self.dispatcher = self.worker("w1")
        book = Beneficiaries(self.ledger)
        account = Beneficiary(account="0000000000000", bank="999999", name="UBND XA MAU")
        wanted = Proposal(unit="", beneficiary=account, valid_from=NOON - timedelta(days=1))
        self.ledger.engine.write(
            lambda tx: book.approve(tx, book.propose(tx, wanted, account="lan", reason="mở tài khoản"), account="minh")
        )

    def pay(self) -> int:
        """Everybody pays what is open; of every third order the platform never calls back, of every fifth twice."""
        count = 0
        for n, order in enumerate(self.platform.orders):
            if order.paid is None and order.state == "open":
                with self.platform.lock:
                    self.platform.pay(PayOrder(reference=order.reference, callbacks=0))
                count += 1
            if n % 3 and order.reference not in self.acked:
                count += self._called_back(order, 2 if n % 5 == 0 else 1)
        return count

    def _called_back(self, order: Any, times: int) -> int:
        fields = self.platform.signed(self.platform.notice(order, "paid", order.paid, "", self.clock.now()))
        call = RawCall(
            method="POST", path="confirm", query="", headers={}, body=json.dumps(fields).encode(), address="127.0.0.1",
            at=self.clock.now(),
        )  # fmt: skip
        for _ in range(times):
            told = self.door.read(call, lambda reference: self.ledger.payments.find(TILL, reference))
            assert not isinstance(told, Wrong), told
            self.ledger.payments.hear(told)
        self.acked.add(order.reference)
        return 1

    def write_down(self) -> None:
        """The mock's orders and calls, as lines of the till that the judge reads."""
        name_of = dict(
            self.rows("SELECT a.reference, p.name FROM payment_attempts a JOIN payments p ON p.id = a.payment")
        )
        for order in self.platform.orders:
            self.till.write("opened", order.reference, order.amount, name_of[order.reference])
            if order.paid is not None:
                self.till.write("paid", order.reference, order.paid.transaction)
        known = set(self.till.orders)
        for operation, reference, status in self.platform.calls_seen:
            if operation == "INIT":
                fate = "busy" if status == 429 else "ok" if reference in known else "lost_before"
                self.till.write("sent", reference, fate, name_of[reference])
            else:
                self.till.write("asked", reference, "pending" if reference in known else "not_there")


@contextmanager
def platform_world(folder: Path) -> Iterator[PlatformWorld]:
    folder.mkdir(parents=True)
    clock = SimClock()
    platform = Witness(clock=clock.now)
    with serve([platform]) as url:
        world = PlatformWorld(folder, platform, url, clock)
        try:
            yield world
        finally:
            world.close()


def arm(platform: PaymentPlatform, seed: int, kinds: tuple[str, ...] = KINDS) -> None:
    """Each kind at its share of the thirty percent."""
    rate = 1 - (1 - SHARE) ** (1 / len(kinds))
    for n, kind in enumerate(kinds):
        for at, operation in enumerate(("INIT", "QUERY")):
            told = {"fault": kind, "rate": rate, "seed": seed * 100 + 2 * n + at, "operation": operation}
            platform.faults.arm(FaultOrder(**told, **({"seconds": SLOW} if kind == "slow" else {})))


def walk(folder: Path, payments: int, seed: int = 1) -> None:
    """So many payments of as many dossiers while answers are lost; then every payment that was made is counted."""
    with platform_world(folder) as world:
        arm(world.platform, seed)
        for n in range(payments):
            dossier, event = _asked(n)
            world.accept(make_event(dossier=dossier, fees=fees(f"P{n}")), event)
            if n % 10 == 9:
                world.calm(MINUTE)
        world.calm(timedelta(hours=80))
        struck = {fault["fault"]: fault["struck"] for fault in world.platform.faults.shown() if fault["struck"]}
        world.write_down()

        assert [] == judge(world), f"seed {seed}"
        assert {"paid": payments} == Counter(states(world).values()), f"seed {seed}"
        assert {"portal"} == {way for _fees, way in shown(world).values()}
        assert set(KINDS) == set(struck), struck


def _asked(n: int) -> tuple[str, Event]:
    dossier = f"H99.09-260703-{n:04d}"
    return dossier, asked(f"P{n}", dossier, 1)


def test_p05_lost_answers_of_payments(home: Path) -> None:
    """Sixty payments, three answers in ten lost: each is opened once, asked about before it goes again, and counted."""
    walk(home / "world", 60)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [31, 32, 33])
def test_p05_lost_answers_of_many_payments(home: Path, seed: int) -> None:
    """The same with two thousand payments."""
    walk(home / "world", 2_000, seed)
