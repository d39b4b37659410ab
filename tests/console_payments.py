"""Payments in the console's world: three gateways' mocks, one payment in each state, and hostile words about some.

What gateways tell later is told to the ledger as their callbacks would be; opening, refunds and receipts go over real
channels to the mocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx2

from bus.beneficiaries import Beneficiaries, Proposal
from bus.messages import PAID_AT_COUNTER
from bus.payments import Beneficiary, Told, Verdict
from bus.refunds import Refunds
from contracts.keypay.mock import KeyPay
from contracts.mocking import Mock
from contracts.payment_platform.mock import PaymentPlatform
from contracts.receipt_issuer.mock import ReceiptIssuer
from contracts.vnpay.mock import VnPay
from tests.builders import from_json, payment_json

if TYPE_CHECKING:
    from tests.console_world import ConsoleWorld

SOURCE: Final = "one-stop/h99"
PLATFORM: Final = "payment_platform"


def gateways(clock: Callable[[], datetime]) -> Sequence[Mock]:
    """The gateways and the issuer of receipts; nobody is called back."""
    return PaymentPlatform(clock=clock), KeyPay(clock=clock), VnPay(clock=clock), ReceiptIssuer(clock=clock)


class Payments:
    """What befalls payments on the day's last hour. By name: their numbers in the ledger."""

    def __init__(self, world: ConsoleWorld, mocks: str, carry: Callable[[], None], hostile: str) -> None:
        """`mocks`: where they are."""
        self._world = world
        self._mocks = mocks
        self._ledger = world.installation.ledger
        self._carry = carry
        self._hostile = hostile
        self.numbers: dict[str, int] = {}

    def tell(self) -> Mapping[str, int]:
        """The whole of it."""
        self._accounts()
        soon = self._world.clock.now() + timedelta(seconds=50)
        self._ask("expired", PLATFORM, expires_at=soon.isoformat())
        self._ledger.payments.expire_due(soon + timedelta(hours=80))  # so long its gateway would be asked
        for name, gateway, more in (
            ("open", PLATFORM, {}),
            ("open_keypay", "keypay", {}),
            ("open_vnpay", "vnpay", {}),
            ("paid", PLATFORM, {"amount": 12_500_000}),
            ("failed", "vnpay", {}),
            ("pending", PLATFORM, {}),
            ("counter", PLATFORM, {"amount": 30_000}),
            ("wrong_amount", PLATFORM, {}),
            ("double", PLATFORM, {}),
            ("hostile", PLATFORM, {"payer": {"name": self._hostile[:200]}, "description": self._hostile[:200]}),
            ("refund_asked", PLATFORM, {}),
            ("refunded", "keypay", {}),
            ("offline", PLATFORM, {}),
        ):
            self._ask(name, gateway, **more)
        self._hear_all()
        self._counter()
        self._refund()
        return self.numbers

    def _accounts(self) -> None:
        rows = Beneficiaries(self._ledger)
        to = Beneficiary(account="0000000000007", bank="999999", name="SO XAY DUNG MAU")
        wanted = Proposal(unit="000.00.09.H99", beneficiary=to, valid_from=self._world.clock.now() + timedelta(days=9))
        self._ledger.engine.write(lambda tx: rows.propose(tx, wanted, account="configurer", reason="Công văn 12"))

    def _ask(self, name: str, gateway: str, **more: Any) -> None:
        n = len(self.numbers) + 1
        wire = payment_json(
            dossier=f"H99.09-260703-{9500 + n}",
            source=SOURCE,
            at=self._world.clock.now(),
            payment=f"P-{n:02d}-{name}",
            gateway=gateway,
            **more,
        )
        self._world.accept(from_json(wire))
        self._carry()
        row = self._ledger.engine.read().one("find_payment", SOURCE, f"P-{n:02d}-{name}")
        assert row is not None
        self.numbers[name] = row[0]

    def _pay(self, name: str) -> None:
        """At the gateway, which does not call back."""
        row = self._ledger.engine.read().all("paid_attempts", self.numbers[name], 1)[0]
        order = {"reference": row[3], "result": "paid", "callbacks": 0}
        assert httpx2.post(f"{self._mocks}/_control/{row[2]}/pay", json=order, timeout=30, verify=False).is_success

    def _hear(self, name: str, verdict: Verdict = Verdict.PAID, **more: Any) -> None:
        row = self._ledger.engine.read().all("paid_attempts", self.numbers[name], 1)[0]
        amount = self._ledger.engine.read().all("paid_one", self.numbers[name])[0][4]
        paid = {
            "transaction": f"GD2607030000{self.numbers[name]:02d}",
            "amount": amount,
            "currency": "VND",
            "bank": "VCB",
            "paid_at": self._world.clock.now(),
        }
        told: dict[str, Any] = (paid if verdict is Verdict.PAID else {}) | {"code": "00", "evidence": b'{"MaLoi":"00"}'}
        told |= {"via": "callback", "address": "127.0.0.1", "key_id": "payment-platform.secret"}
        self._ledger.payments.hear(Told(partner=row[2], reference=row[3], verdict=verdict, **(told | more)))
        self._carry()

    def _hear_all(self) -> None:
        for name in ("paid", "double", "refund_asked", "refunded", "offline"):
            self._pay(name)
            self._hear(name)
        self._hear("paid")
        self._hear("double", transaction="GD-LAN-HAI")
        self._hear("failed", Verdict.FAILED, code="24", evidence=b"vnp_ResponseCode=24")
        self._hear("pending", Verdict.PENDING, code="3")
        self._hear("wrong_amount", amount=1_000)
        evidence = b'{"MaLoi":"99","ThongTinGiaoDich":"' + self._hostile.encode() + b'"}'
        self._hear("hostile", Verdict.FAILED, code="99", reason=self._hostile, evidence=evidence)

    def _counter(self) -> None:
        wire = payment_json(
            PAID_AT_COUNTER,
            dossier="H99.09-260703-9508",
            source=SOURCE,
            at=self._world.clock.now(),
            payment="P-08-counter",
            amount=30_000,
        )
        self._world.accept(from_json(wire))
        self._carry()

    def _refund(self) -> None:
        refunds, write = Refunds(self._ledger), self._ledger.engine.write
        for name, is_agreed in (("refund_asked", False), ("refunded", True), ("offline", True)):
            made = write(
                lambda tx, name=name: refunds.request(
                    tx,
                    self.numbers[name],
                    amount=50_000,
                    reason="Hồ sơ rút",
                    account="operator",
                    is_offline=name == "offline",
                )
            )
            if is_agreed:
                write(lambda tx, made=made: refunds.approve(tx, made.id, account="second", reason="Đúng quy định"))
            self._carry()
