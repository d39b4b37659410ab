"""Payments in every state, told through the ledger's own verbs: what the console's pages are shown in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.partners.gateways.vietqr import Transfer, payload
from bus.beneficiaries import Beneficiaries, Proposal
from bus.dispatch import PartnerWork
from bus.messages import Attempt, Awaiting, Delivered, Delivery, Outcome, Refused
from bus.payment_tasks import PaymentTasks
from bus.payments import Beneficiary, GatewayChoice, Told, Verdict
from bus.reads import Reads
from bus.repairs import Repairs
from bus.retry import Patience
from tests.till_kit import TILL, Till, TillWorld, money_event

RECEIPTS: Final = "till-receipts"
UNIT: Final = "000.00.09.H99"
CALLBACK: Final = '{"LoaiBanTin":"CONFIRM","MaLoi":"%s","MaThamChieu":"%s","HoTenNguoiNop":"Nguyễn Thị Ví Dụ"}'
AMOUNTS: Final = {"small": 30_000, "usual": 150_000, "large": 12_500_000}


class OpenTill(Till):
    """The till, which offers a code to pay by and can say no to opening."""

    refuses: bool = False

    def _deliver(self, delivery: Delivery) -> Attempt:
        of = delivery.payment
        assert of is not None
        if of.refund is not None:
            return super()._deliver(delivery)
        self.sent.append(of.reference)
        if self.refuses:
            return self._said(delivery, Refused(code="24", reason="đơn vị chưa đăng ký"))
        said: Outcome = Awaiting(reference=of.reference, ask_at=self.clock.now(), lane_goes_on=True)
        to = Transfer(bank_bin="999999", account="0000000000000", amount=of.amount, purpose=of.reference)
        facts = {"pay_url": f"https://pay.example.invalid/{of.reference}", "qr": payload(to)}
        return self._said(delivery, said, facts)


class Issuer(Till):
    """Issues the receipt of what was paid, a document of one line."""

    def _deliver(self, delivery: Delivery) -> Attempt:
        of = delivery.payment
        assert of is not None
        receipt = {
            "kind": "whole",
            "state": "issued",
            "key": of.reference,
            "number": f"{of.payment:07d}",
            "amount": of.amount,
            "body": b"%PDF-1.7 bien lai",
            "media_type": "application/pdf",
        }
        return self._said(delivery, Delivered(receipt=str(receipt["number"])), {"receipts": [receipt]})


class SceneWorld(TillWorld):
    """A till's world in which receipts are issued and the one-stop system is told."""

    def open(self) -> None:
        choice = GatewayChoice(partner=TILL, receipts="gateway", issuer=RECEIPTS)
        self.policy = replace(self.policy, gateway_for=lambda *_asked: choice)
        super().open()
        self.till = OpenTill(self.drawer, self.clock, self.till.fate)
        issuer = Issuer(self.drawer, self.clock, self.till.fate)
        patience = Patience(in_flight=self.manners.in_flight)
        self.partners = {
            TILL: PartnerWork(adapter=self.till, patience=patience),
            RECEIPTS: PartnerWork(adapter=issuer, patience=patience),
        }
        self.dispatcher, self.asker = self.worker("w1"), self.asker_named("w1")
        self.intake, self.reads, self.repairs = None, Reads(self.ledger), Repairs(self.ledger)


@dataclass
class Scene:
    """A till's world with payments in it."""

    world: TillWorld
    payments: dict[str, int] = field(default_factory=dict)
    """By what became of them."""

    @property
    def tasks(self) -> PaymentTasks:
        return PaymentTasks(self.world.ledger)

    def ask_for(self, name: str, amount: int = 150_000, *, dossier: str = "", **data: Any) -> int:
        """A payment that is asked for and opened; its number."""
        n = len(self.payments) + 1
        dossier = dossier or f"H99.09-260703-{5000 + n}"
        told = {"unit": UNIT, "procedure": "1.013225"} | data
        self.payments[name] = self.world.requested(f"P-{n:03d}-{name}", amount, dossier=dossier, **told)
        self.world.clock.sleep(timedelta(minutes=7).total_seconds())
        return self.payments[name]

    def hear(self, name: str, verdict: Verdict = Verdict.PAID, **more: Any) -> None:
        """The gateway tells of the newest attempt."""
        rows = self.world.rows(
            "SELECT a.reference, p.amount FROM payment_attempts a JOIN payments p ON p.id = a.payment"
            " WHERE p.id = ? ORDER BY a.n DESC LIMIT 1",
            self.payments[name],
        )
        reference, amount = rows[0]
        is_paid = verdict is Verdict.PAID
        told: dict[str, Any] = {
            "via": "callback",
            "transaction": f"GD-{reference[-6:]}" if is_paid else None,
            "amount": amount if is_paid else None,
            "currency": "VND" if is_paid else None,
            "bank": "VCB" if is_paid else None,
            "paid_at": self.world.clock.now() if is_paid else None,
            "code": "00" if is_paid else "24",
            "evidence": (CALLBACK % ("00" if is_paid else "24", reference)).encode(),
            "address": "10.0.0.15",
            "key_id": "secret-2",
        }
        self.world.ledger.payments.hear(Told(partner=TILL, reference=reference, verdict=verdict, **(told | more)))
        self.world.clock.sleep(timedelta(minutes=3).total_seconds())

    def counter(self, name: str) -> None:
        """Paid at the counter."""
        payment = self.payments[name]
        told = self.world.rows("SELECT name, amount FROM payments WHERE id = ?", payment)[0]
        data = {"payment": told[0], "amount": told[1], "currency": "VND", "paid_at": self.world.clock.now().isoformat()}
        dossier = self.world.rows(
            "SELECT d.number FROM payments p JOIN dossiers d ON d.id = p.dossier WHERE p.id = ?", payment
        )[0][0]
        self.world.accept(money_event("payment.paid_at_counter", f"{told[0]}-counter", data, dossier))


def scene(folder: Path, **how: Any) -> Scene:
    """One payment in each state, tasks, refunds in each state, and accounts."""
    made = Scene(SceneWorld(folder, taker="one_stop", **how))
    _accounts(made)
    _in_every_state(made)
    _in_review(made)
    _refunds(made)
    return made


def _accounts(made: Scene) -> None:
    rows, now = Beneficiaries(made.world.ledger), made.world.clock.now()
    old = Beneficiary(account="0000000000000", bank="999999", name="UBND PHUONG MAU")
    new = Beneficiary(account="0000000000001", bank="999999", name="UBND PHUONG MAU")

    def proposed(unit: str, to: Beneficiary, since: datetime, **more: Any) -> int:
        wanted = Proposal(unit=unit, beneficiary=to, valid_from=since, **more)
        number: int = made.world.write(lambda tx: rows.propose(tx, wanted, account="binh", reason="công văn 12/CV"))
        return number

    first = proposed(UNIT, old, now - timedelta(days=30))
    made.world.write(lambda tx: rows.approve(tx, first, account="an", reason="đã đối chiếu"))
    said_no = proposed("", new, now)
    made.world.write(lambda tx: rows.reject(tx, said_no, account="an", reason="thiếu văn bản"))
    proposed(UNIT, new, now + timedelta(days=10), replaces=first)


def _in_every_state(made: Scene) -> None:
    world = made.world
    made.ask_for("expired", expires_at=(world.clock.now() + timedelta(minutes=30)).isoformat())
    made.ask_for("paid", AMOUNTS["large"])
    made.hear("paid")
    made.hear("paid")  # told twice
    made.ask_for("failed")
    made.hear("failed", Verdict.FAILED)
    world.till.refuses = True
    made.ask_for("not_opened")
    world.till.refuses = False
    made.ask_for("counter", AMOUNTS["small"])
    made.counter("counter")
    world.clock.sleep(timedelta(hours=1).total_seconds())
    world.ledger.payments.expire_due(world.clock.now())
    world.clock.sleep(timedelta(hours=80).total_seconds())
    world.ledger.payments.expire_due(world.clock.now())
    made.ask_for("open", AMOUNTS["small"])
    made.ask_for("pending")
    made.hear("pending", Verdict.PENDING, code="", evidence=b"")


def _in_review(made: Scene) -> None:
    made.ask_for("wrong_amount")
    made.hear("wrong_amount", amount=15_000)
    made.ask_for("double")
    made.hear("double")
    made.hear("double", transaction="GD-SECOND")
    made.ask_for("late")
    made.hear("late", Verdict.FAILED)
    made.hear("late")
    made.ask_for("contradicted")
    made.hear("contradicted")
    made.hear("contradicted", Verdict.FAILED)
    unknown = Told(partner=TILL, reference="TT999999999999999999", verdict=Verdict.PAID, via="callback", amount=50_000)
    made.world.ledger.payments.hear(unknown)


def _refunds(made: Scene) -> None:
    world = made.world
    for name in ("refund_requested", "refunded", "partly", "offline", "unclear", "rejected"):
        made.ask_for(name)
        made.hear(name)
    world.ask_refund(made.payments["refund_requested"], 50_000, account="operator")
    world.approve(world.ask_refund(made.payments["refunded"], 150_000).id)
    world.approve(world.ask_refund(made.payments["partly"], 40_000).id)
    world.run(6)
    world.approve(world.ask_refund(made.payments["offline"], 150_000, is_offline=True).id)
    world.till.fate = lambda delivery: "blind_after"
    world.approve(world.ask_refund(made.payments["unclear"], 150_000).id)
    world.run(3)
    said_no = world.ask_refund(made.payments["rejected"], 10_000).id
    world.write(lambda tx: world.refunds.reject(tx, said_no, account="binh", reason="không có căn cứ"))
    world.run(3)


def states(made: Scene) -> Mapping[str, str]:
    """What became of each."""
    return {name: made.world.payment(number)[0] for name, number in made.payments.items()}
