"""Fees that are paid during the demo's day: asked for by the departments' system, paid at the gateways' mocks.

Each case is one payment with its own trouble, planted on purpose. The judge goes by the gateways' own order books and
by what the one-stop system was told: money that moved is settled once, and nothing is settled without money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final, Literal

from config.demo.books import Effect, Finding
from config.demo.lives import ONE_STOP
from config.demo.own_dossiers import MORNING, PROCEDURE, UNIT, event, record
from config.demo.people import applicant
from config.demo.wire import RECORDED

Gateway = Literal["payment_platform", "keypay", "vnpay"]
GATEWAYS: Final[tuple[Gateway, ...]] = ("payment_platform", "keypay", "vnpay")
RESULT: Final = "ReceivePaymentResult"
STEPS: Final = ("opened", "settled", "failed", "expired", "refunded")
FEES: Final = (15_000, 30_000, 50_000, 75_000, 150_000)
REQUESTED: Final = "payment.requested"
COUNTER: Final = "payment.paid_at_counter"
REFUND: Final = "payment.refund_requested"
LATER: Final = 60
"""Minutes from the record to what comes after the payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One payment: where it is paid, what the payer and the gateway do, and how it must end."""

    name: str
    vi: str
    en: str
    gateway: Gateway
    ends: str
    """The payment's last state in the ledger."""
    told: tuple[str, ...]
    """What the one-stop system hears of it, in this order."""
    pays: tuple[Mapping[str, Any], ...] = ()
    """Orders for `POST /_control/<gateway>/pay`, one after the other; without its reference."""
    asks: bool = False
    """Whether a person has the gateway asked, because its call back never came."""
    faults: tuple[str, ...] = ()
    """Of the opening."""
    at_counter: bool = False
    is_refunded: bool = False
    refuses: int = 0
    """Calls back that must be turned away."""


CASES: Final = (
    Case(
        name="once", vi="trả một lần", en="paid, told once", gateway="payment_platform",
        ends="paid", told=("opened", "settled"), pays=({"result": "paid"},),
    ),
    Case(
        name="often", vi="báo kết quả năm lần cùng lúc", en="told five times at the same moment",
        gateway="payment_platform", ends="paid", told=("opened", "settled"),
        pays=({"result": "paid", "callbacks": 5, "concurrent": True},),
    ),
    Case(
        name="unheard", vi="mất cuộc gọi báo, phải hỏi lại", en="the call back is lost: asked about",
        gateway="payment_platform", ends="paid", told=("opened", "settled"),
        pays=({"result": "paid", "callbacks": 0},), asks=True,
    ),
    Case(
        name="forged", vi="cuộc gọi báo bị sửa số tiền, rồi bản đúng", en="a forged amount, then the true call",
        gateway="vnpay", ends="paid", told=("opened", "settled"),
        pays=({"result": "paid", "tamper": {"vnp_Amount": "100"}}, {"result": "paid"}), refuses=1,
    ),
    Case(
        name="turned", vi="báo hỏng rồi báo thành công", en="told as failed, then as paid", gateway="payment_platform",
        ends="paid", told=("opened", "failed", "settled"), pays=({"result": "paid", "earlier": "failed"},),
    ),
    Case(
        name="cancelled", vi="người dân hủy giao dịch", en="the payer gave up", gateway="vnpay",
        ends="failed", told=("opened", "failed"), pays=({"result": "failed", "code": "24"},),
    ),
    Case(
        name="counter", vi="đóng tiền tại quầy", en="paid at the counter", gateway="payment_platform",
        ends="paid_at_counter", told=("opened",), at_counter=True,
    ),
    Case(
        name="refunded", vi="trả rồi được hoàn, hai người duyệt", en="paid and refunded, by two persons",
        gateway="keypay", ends="refunded", told=("opened", "settled", "refunded"),
        pays=({"result": "paid"},), is_refunded=True,
    ),
)  # fmt: skip
PER_CASE: Final = 2
"""New events of each: its record, and what asks for the fee; a refund or the counter adds one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A case with the numbers and the money of this day."""

    case: Case
    number: str
    amount: int
    record: Mapping[str, Any]
    request: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The source's own name of the payment."""
        return f"{self.number}.P1"

    @property
    def after(self) -> Mapping[str, Any] | None:
        """What the one-stop system tells later: the money came at the counter, or is to be paid back."""
        told = {"payment": self.name, "amount": self.amount, "currency": "VND"}
        if self.case.at_counter:
            at = (MORNING + timedelta(minutes=50)).isoformat()
            paid = told | {"paid_at": at, "receipt_number": "BL-0001"}
            return event(self.number, "counter", COUNTER, paid, minutes=LATER)
        if self.case.is_refunded:
            why = {"refund": "HT-1", "reason": "Người nộp rút hồ sơ", "requested_by": "can.bo.mau"}
            return event(self.number, "refund", REFUND, told | why, minutes=LATER)
        return None


def bills(seed: int) -> list[Bill]:
    """All of the day, the same for the same seed."""
    rng = Random(seed)  # noqa: S311  # a story to be told again, not a secret
    return [_bill(rng, n, case) for n, case in enumerate(CASES, start=1)]


def a_bill_for_you(seed: int) -> Bill:
    """One more, left open: the person who looks at the demo pays it in the browser."""
    mine = Case(name="yours", vi="chờ bạn trả", en="waits for you", gateway="keypay", ends="open", told=("opened",))
    return _bill(Random(seed), len(CASES) + 1, mine)  # noqa: S311  # as above


def events_of(seed: int) -> int:
    """How many new events the whole of it is."""
    return sum(PER_CASE + (bill.after is not None) for bill in bills(seed))


def _bill(rng: Random, n: int, case: Case) -> Bill:
    number = f"H99.09-260703-8{n:03d}"
    amount = rng.choice(FEES)
    payer = applicant(rng, "xã Thử Nghiệm")
    fee = {"code": "XD01", "name": "Lệ phí cấp phép", "kind": "charge", "amount": amount}
    unpaid = fee | {"currency": "VND", "state": "unpaid"}
    asked = {
        "payment": f"{number}.P1",
        "amount": amount,
        "currency": "VND",
        "unit": UNIT,
        "procedure": PROCEDURE,
        "fees": [fee],
        "payer": {"name": payer["name"], "address": payer["address"]},
        "description": "Lệ phí cấp phép",
        "gateway": case.gateway,
    }
    return Bill(
        case=case,
        number=number,
        amount=amount,
        record=event(number, "record-1", RECORDED, record(payer, status="payment_requested", fees=[unpaid])),
        request=event(number, "pay-1", REQUESTED, asked, minutes=5),
    )


def paid_record(bill: Bill) -> dict[str, Any]:
    """What the portal must show of a dossier whose fee was paid (`contracts/national_portal/NOTES.md#r76`, `#r83`).

    One that was paid back is shown twice, with the fee and without; then the fee is not compared.
    """
    if bill.case.is_refunded:
        return {}
    way = "1" if bill.case.gateway == "payment_platform" else "2"
    return {"DanhSachLePhi": [{"Gia": str(bill.amount)}], "DuocThanhToanTrucTuyen": way}


# -- judged ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What became of the fees."""

    count: int = 0
    dong: int = 0
    """Settled."""
    calls: int = 0
    """Calls back of the gateways."""
    refused: int = 0
    """Of these, turned away at the door."""
    ends: Mapping[str, str] = field(default_factory=dict)
    """Case → the payment's state in the ledger."""
    lost: tuple[Finding, ...] = ()
    doubled: tuple[Finding, ...] = ()
    out_of_order: tuple[Finding, ...] = ()
    unexpected: tuple[Finding, ...] = ()
    unmet: tuple[str, ...] = ()


NOTHING: Final = Paid()


def judge_paid(
    asked: Sequence[Bill],
    states: Mapping[str, str],
    orders: Iterable[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    heard: Iterable[Effect],
) -> Paid:
    """`states`: the ledger's, by the payment's name; `orders` and `calls`: the gateways' own lists of what was ordered
    and called back; `heard`: what the one-stop system was told."""
    names = _references(heard := list(heard))
    paid_at = Counter(names.get(order["reference"]) for order in orders for _ in order["transactions"])
    told = _told(heard)
    lost, doubled, unexpected, disordered = [], [], [], []
    for bill in asked:
        steps = told.get(bill.name, [])
        is_settled, has_money = steps.count("settled"), paid_at[bill.name]
        if has_money and not is_settled:
            lost.append(_finding("not_settled", bill))
        if is_settled > 1 or has_money > 1:
            doubled.append(_finding("settled_twice", bill))
        if is_settled and not has_money:
            unexpected.append(_finding("settled_without_money", bill))
        if sorted(steps) == sorted(bill.case.told) and tuple(steps) != bill.case.told:
            disordered.append(_finding("told_out_of_order", bill))
    ends = {bill.case.name: states.get(bill.name, "missing") for bill in asked}
    return Paid(
        count=len(asked),
        dong=sum(bill.amount for bill in asked if "settled" in told.get(bill.name, ())),
        calls=len(calls),
        refused=sum(not call["taken"] for call in calls),
        ends=ends,
        lost=tuple(lost),
        doubled=tuple(doubled),
        out_of_order=tuple(disordered),
        unexpected=tuple(unexpected),
        unmet=tuple(_unmet(asked, ends, told)),
    )


def _references(heard: Iterable[Effect]) -> dict[str, str]:
    """Reference at a gateway → the payment, as the one-stop system was told when it was opened."""
    opened = [effect.body for effect in heard if effect.operation == RESULT and effect.body and "opened" in effect.body]
    return {str(body["opened"]["reference"]): str(body["payment"]) for body in opened}


def _told(heard: Iterable[Effect]) -> dict[str, list[str]]:
    """By payment, in their order; what was told again as it was is not told a second time."""
    found: dict[str, list[str]] = {}
    for effect in heard:
        if effect.operation == RESULT and not effect.repeat and effect.body is not None:
            step = next(name for name in STEPS if name in effect.body)
            found.setdefault(str(effect.body["payment"]), []).append(step)
    return found


def _unmet(asked: Sequence[Bill], ends: Mapping[str, str], told: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for bill in asked:
        if ends[bill.case.name] != bill.case.ends:
            yield f"payment {bill.name} ({bill.case.name}) is {ends[bill.case.name]}, not {bill.case.ends}"
        steps = told.get(bill.name, ())
        if sorted(steps) != sorted(bill.case.told):
            yield f"payment {bill.name} ({bill.case.name}): told {', '.join(steps)}, not {', '.join(bill.case.told)}"


def _finding(what: str, bill: Bill) -> Finding:
    return Finding(what=what, dossier=bill.number, source=ONE_STOP, event=str(bill.request["id"]))
