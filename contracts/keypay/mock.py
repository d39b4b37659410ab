"""KeyPay as a callable: strict, with orders, a page where a person pays, and refunds that end well, late or not.

Written from `NOTES.md` alone. Its checksums are made by `hmac`, never by our adapter's code.

    call → `places` (what is this?) → `gate` (may it pass, is it right?) → here (change the books, answer)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from contracts import gateway_mock, vietqr
from contracts.gateway_calls import Outgoing
from contracts.gateway_mock import GatewayMock, PayOrder
from contracts.gateway_orders import Booking, Order, stamp
from contracts.keypay import places
from contracts.keypay.gate import FLOWS, No, judge
from contracts.keypay.places import Account, check_sum
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of, text
from contracts.mocking import Call, Request, Response, utc_now

ACCOUNT: Final = Account()
RULES: Final = {
    "callback_url": "r30",
    "return_url": "r20",
    "callbacks": "r34",
    "repeats": "r34",
    "every_s": "r34",
    "on_opening": "r70",
    "before_answer": "r70",
    "settlement": "r71",
}
SWITCHES: Final = (
    *(replace(switch, rule=RULES[switch.name]) for switch in gateway_mock.SWITCHES),
    Switch(name="flow", default="pay", read=one_of("pay", "pay_later"), rule="r22", says="PAY or PayLater"),
    Switch(name="pay_host", default="", read=text, rule="r27", says="scheme and host of the page; empty: the mock's"),
    Switch(
        name="refunds",
        default="refunded",
        read=one_of("refunded", "pending", "rejected"),
        rule="r50",
        says="how a refund begins",
    ),
    Switch(
        name="pending_refunds",
        default="pending",
        read=one_of("pending", "refunded", "rejected"),
        rule="r51",
        says="what refund detail says of a pending one",
    ),
)
WORDS: Final = {
    "0": "Success", "1": "Sai check_sum", "2": "Khong tim thay giao dich", "3": "Du lieu khong hop le",
    "4": "transaction_id da ton tai", "5": "So tien hoan khong hop le", "6": "Dang co yeu cau hoan tien",
}  # fmt: skip
DETAIL: Final[Mapping[str, Mapping[str, int | str]]] = {
    "pay": {"paid": 0, "open": 1, "pending": 1, "failed": 2, "expired": 2},
    "pay_later": {"paid": "2", "open": "1", "pending": "1", "failed": "3", "expired": "3"},
}
REFUND: Final = {"refunded": 0, "pending": 1, "rejected": 2}


@dataclass(slots=True, kw_only=True)
class Refund:
    """One refund, as KeyPay has it."""

    code: str
    number: int
    reference: str
    amount: int
    state: str
    at: datetime


class KeyPay(GatewayMock):
    """KeyPay v3, with the PayLater flow behind a switch."""

    partner: ClassVar[str] = "keypay"
    name: ClassVar[str] = "KeyPay"
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")
    controls_here: ClassVar[Mapping[tuple[str, str], Callable[[Any, Request], Response]]] = {
        **GatewayMock.controls_here,
        ("POST", "scan"): lambda mock, request: mock.control_scan(request),
    }

    def __init__(
        self,
        *,
        account: Account = ACCOUNT,
        callback_url: str = "",
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(callback_url=callback_url, clock=clock, keep=keep, seed=seed)
        self.account = account
        self.refunds: dict[str, Refund] = {}

    @property
    def merchant(self) -> str:
        return self.account.client_id

    @property
    def flow(self) -> str:
        """PAY or PayLater."""
        return str(self.switches["flow"])

    def forget(self) -> None:
        super().forget()
        self.refunds.clear()

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        no = judge(call, self.account, self.flow)
        visit.checked += ("r2", "r3", "r10")
        return None if no is None else self._refused(no, call, visit)

    def answer_here(self, call: Call, visit: Visit) -> Response:
        fields = call.payload.fields
        answer = {
            "create": self._create,
            "detail": self._detail,
            "refund": self._refund,
            "refund_detail": self._refund_detail,
        }[call.operation]
        visit.checked += ("r20", "r21", "r23", "r24") if call.operation == "create" else ()
        said = answer(fields, call, visit)
        return said if isinstance(said, Response) else self._refused(said, call, visit)

    # -- the four messages --------------------------------------------------------------------------------------------

    def _create(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        reference = fields["transaction_id"]
        if self.orders.get(reference):
            return _no("r26", "transaction_id", "one that is not there yet", error="4")
        order = Order(
            reference=reference,
            amount=int(fields["trans_amount"]),
            currency=fields["currency_code"],
            description=fields["description"],
            created_at=visit.clock,
            dossier=fields["bill_info"]["MaHoSo"],
            return_url=fields["return_url"],
            asked_with=dict(fields),
        )
        url = f"{self._host(call.request)}/keypay/pay/{reference}"
        self.opened(order, visit, call.request.body, hashlib.sha256(call.request.body).hexdigest())
        if self.flow == "pay":
            return _json({"error": "0", "msg": WORDS["0"], "payment_url": url})
        return _json({"error": "0", "msg": WORDS["0"], "data": self._later(order, url)})

    def _later(self, order: Order, url: str) -> dict[str, Any]:
        bill = order.asked_with["bill_info"]
        scanned = vietqr.Scanned(
            bank_bin="999999", account=bill["TKThuHuong"], amount=order.amount, purpose=order.reference
        )
        return {
            "transaction_code": f"KP{order.reference}",
            "trans_amount": str(order.amount),
            "description": order.description,
            "created_at": stamp(order.created_at),
            "expired_in": 86_400,
            "qrcode_link": f"{url}/qr",
            "qrcode_static": vietqr.write(scanned),
            "qrcode_pay": "data:image/png;base64,iVBORw0KGgo=",
            "url_pay": url,
            "status": "1",
        }

    def _host(self, request: Request) -> str:
        return str(self.switches["pay_host"]) or f"http://{request.headers.get('host', 'localhost')}"

    def _detail(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        order = self.orders.get(fields["transaction_id"])
        if order is None:
            return _no("r42", "transaction_id", "an order that is there", error="2", is_refused=False)
        order.asked += 1
        booking = order.paid
        data = {
            "transaction_id": order.reference,
            "trans_amount": str(booking.amount if booking else order.amount),
            "currency_code": order.currency,
            "status": DETAIL[self.flow][order.state],
            **self._money(booking),
        }
        return self._yes("detail", fields, data)

    def _money(self, booking: Booking | None) -> dict[str, str]:
        if booking is None:
            return {}
        return {
            "transaction_code": booking.transaction,
            "bank_code": booking.bank,
            "pay_date": stamp(booking.at),
        }

    def _refund(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        order, amount = self.orders.get(fields["transaction_id"]), int(fields["amount"])
        if order is None:
            return _no("r42", "transaction_id", "an order that is there", error="2")
        if any(each.reference == order.reference and each.state == "pending" for each in self.refunds.values()):
            return _no("r53", "transaction_id", "no refund under way", error="6")
        if order.paid is None or amount > order.paid.amount - order.refunded:
            return _no("r53", "amount", "no more than is left of what was paid", error="5")
        number = len(self.refunds) + 1
        made = Refund(
            code=f"RF{visit.clock:%y%m%d}{number:06d}",
            number=number,
            reference=order.reference,
            amount=amount,
            state=self.switches["refunds"],
            at=visit.clock,
        )
        self.refunds[made.code] = made
        self._book(order, made, visit, call.request.body)
        return self._yes("refund", fields, self._shown(made))

    def _book(self, order: Order, made: Refund, visit: Visit, body: bytes) -> None:
        if made.state == "rejected":
            return
        order.refunded += made.amount
        visit.effects += 1
        self.effects.add(
            at=visit.clock,
            operation="refund",
            dossier=order.reference,
            digest=hashlib.sha256(body).hexdigest(),
            repeat=False,
            entry={"reference": order.reference, "amount": str(made.amount), "code": made.code, "state": made.state},
            body=body,
        )

    def _refund_detail(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        made = self.refunds.get(fields["transaction_refund_code"])
        if made is None:
            return _no("r51", "transaction_refund_code", "a refund that is there", error="2", is_refused=False)
        if made.state == "pending":
            made.state = self.switches["pending_refunds"]
            if made.state == "rejected" and (order := self.orders.get(made.reference)):
                order.refunded -= made.amount
        return self._yes("refund_detail", fields, self._shown(made))

    def _shown(self, made: Refund) -> dict[str, Any]:
        return {
            "transaction_refund_code": made.code,
            "transaction_refund_id": made.number,
            "amount_refund": str(made.amount),
            "update_at": stamp(made.at),
            "qrcode_refund": "",
            "status": REFUND[made.state],
        }

    # -- answers ------------------------------------------------------------------------------------------------------

    def _yes(self, message: str, fields: Mapping[str, Any], data: Mapping[str, Any]) -> Response:
        told = check_sum(message, fields, self.account.key_2)
        return _json({"error": "0", "msg": WORDS["0"], "data": data, "check_sum": told})

    def _refused(self, no: No, call: Call, visit: Visit) -> Response:
        visit.break_rule(no.broken)
        if no.status != 200:
            return Response(status=no.status, body=b'{"error":"3"}')
        visit.error_code = no.error
        said = {"error": no.error, "msg": WORDS[no.error]}
        if call.operation != "create":
            said["check_sum"] = check_sum(call.operation, call.payload.fields, self.account.key_2)
        return _json(said)

    # -- calls back ---------------------------------------------------------------------------------------------------

    def notice(self, order: Order, result: str, booking: Booking | None, code: str, at: datetime) -> dict[str, Any]:
        status = 0 if result == "paid" else 1
        return {
            "addition_fee": order.asked_with["addition_fee"],
            "client_id": self.account.client_id,
            "command": FLOWS[self.flow],
            "trans_amount": str(booking.amount if booking else order.amount),
            "transaction_id": order.reference,
            "version": "3.0",
            "status": status if self.flow == "pay" else str(status),
            "currency_code": order.currency,
            **self._money(booking),
        }

    def signed(self, fields: Mapping[str, Any], secret: str = "") -> dict[str, Any]:
        return {**fields, "check_sum": check_sum("callback", fields, secret or self.account.key_2)}

    def outgoing(self, reference: str, url: str, fields: Mapping[str, Any]) -> Outgoing:
        body = json.dumps(fields, ensure_ascii=False).encode()
        return Outgoing(reference=reference, url=url, headers={"Content-Type": "application/json"}, body=body)

    def is_taken(self, status: int, answer: bytes) -> bool:
        try:
            said = json.loads(answer)
        except ValueError:
            return False
        yes = 0 if self.flow == "pay" else "0"
        told = said.get("return_code") if isinstance(said, dict) else None
        return status == 200 and type(told) is type(yes) and told == yes

    # -- control ------------------------------------------------------------------------------------------------------

    def control_scan(self, request: Request) -> Response:
        """A bank's app reads `{"qr": …}` and pays what it says (r72)."""
        scanned = vietqr.scan(str(msgspec.json.decode(request.body, type=dict[str, str]).get("qr", "")))
        order = self.orders.get(scanned.purpose)
        if order is None or order.state not in ("open", "pending") or order.amount != scanned.amount:
            raise ValueError("qr: its purpose is no open order of this amount")
        self.pay(PayOrder(reference=order.reference, callbacks=self.switches["callbacks"]))
        return _json({"bank": scanned.bank_bin, "account": scanned.account, "amount": scanned.amount}, status=202)


def _no(rule: str, field: str, expected: str, *, error: str, is_refused: bool = True) -> No:
    return No(broken=Broken(rule=rule, field=field, expected=expected, refused=is_refused), error=error)


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(value))
