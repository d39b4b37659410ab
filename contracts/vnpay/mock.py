"""VNPAY as a callable: strict, with orders, a page where a person pays, and refunds that end well, late or not.

Written from `NOTES.md` alone. Its checksums are made by `hmac`, never by our adapter's code.

    call → `places` (what is this?) → `gate` (may it pass, is it right?) → here (change the books, answer)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

import msgspec

from contracts import gateway_mock
from contracts.gateway_calls import Outgoing
from contracts.gateway_mock import HTML, SAFE, GatewayMock
from contracts.gateway_orders import LOCAL, Booking, Order, stamp
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch, one_of
from contracts.mocking import Call, Request, Response, utc_now
from contracts.vnpay import places
from contracts.vnpay.gate import No, judge
from contracts.vnpay.places import ANSWERED, HASH, Account, message_hash, query_hash

ACCOUNT: Final = Account()
RULES: Final = {
    "callback_url": "r20",
    "return_url": "r8",
    "callbacks": "r26",
    "repeats": "r26",
    "every_s": "r26",
    "on_opening": "r40",
    "before_answer": "r40",
    "settlement": "r41",
}
SWITCHES: Final = (
    *(replace(switch, rule=RULES[switch.name]) for switch in gateway_mock.SWITCHES),
    Switch(
        name="refunds",
        default="refunded",
        read=one_of("refunded", "pending", "rejected"),
        rule="r36",
        says="how a refund begins",
    ),
    Switch(
        name="pending_refunds",
        default="pending",
        read=one_of("pending", "refunded", "rejected"),
        rule="r37",
        says="what querydr says of a pending one",
    ),
    Switch(
        name="querydr_shows",
        default="last",
        read=one_of("last", "payment"),
        rule="r37",
        says="whether querydr shows the last refund in place of its payment",
    ),
)
WORDS: Final = {
    "00": "Success",
    "02": "Invalid TmnCode",
    "03": "Invalid format",
    "91": "Transaction not found",
    "94": "Duplicate request",
    "95": "Not successful at VNPAY",
    "97": "Invalid signature",
    "99": "Unknown error",
}
ERROR_PAGE: Final = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>VNPAY, cổng giả lập</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css"></head>
<body><main><h1>VNPAY <small>cổng giả lập</small></h1>
<p>Địa chỉ thanh toán này không dùng được. Không có tiền nào bị trừ.</p>
<p>Mã lỗi <code>{code}</code>: {words}</p></main></body></html>
"""
STATUS: Final = {"paid": "00", "open": "01", "pending": "01", "failed": "02", "expired": "02"}
REFUND: Final = {"refunded": "00", "pending": "05", "rejected": "09"}


@dataclass(slots=True, kw_only=True)
class Refund:
    """One refund, as VNPAY has it."""

    number: str
    reference: str
    amount: int
    kind: str
    state: str
    at: datetime


class VnPay(GatewayMock):
    """VNPAY 2.1.0."""

    partner: ClassVar[str] = "vnpay"
    name: ClassVar[str] = "VNPAY"
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

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
        self.refunds: list[Refund] = []
        self._asked: set[tuple[str, str]] = set()
        """Day and RequestId (r31)."""
        self._answers = 0

    @property
    def merchant(self) -> str:
        return self.account.tmn_code

    def forget(self) -> None:
        super().forget()
        self.refunds.clear()
        self._asked.clear()

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        no = judge(call, self.account)
        visit.checked += ("r2", "r3", "r4", "r5", "r6", "r10") if call.place == "browser" else ("r30", "r13", "r15")
        return None if no is None else self._refused(no, call, visit)

    def answer_here(self, call: Call, visit: Visit) -> Response:
        fields = call.payload.fields
        if call.operation == "pay":
            said = self._page_for(fields, call, visit)
        elif (once := self._once(fields, visit)) is not None:
            said = once
        else:
            said = (self._query if call.operation == "querydr" else self._refund)(fields, call, visit)
        return said if isinstance(said, Response) else self._refused(said, call, visit)

    # -- the page -----------------------------------------------------------------------------------------------------

    def _page_for(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        reference = fields["vnp_TxnRef"]
        order = self.orders.get(reference)
        if order is not None and order.asked_with != fields:
            return _no("r5", "vnp_TxnRef", "one payment of the day", code="94")
        if order is None:
            order = self._new_order(fields, visit)
            if order.expires_at is not None and order.expires_at <= visit.clock:
                return _no("r7", "vnp_ExpireDate", "later than now", code="99")
            body = msgspec.json.encode(fields, order="sorted")
            self.opened(order, visit, body, hashlib.sha256(body).hexdigest())
        elif order.expires_at is not None and order.expires_at <= visit.clock and order.state == "open":
            order.state, order.code = "expired", "11"
        return Response(status=303, headers={"Location": f"/vnpay/pay/{reference}", **SAFE}, content_type=HTML)

    def _new_order(self, fields: Mapping[str, Any], visit: Visit) -> Order:
        return Order(
            reference=fields["vnp_TxnRef"],
            amount=int(fields["vnp_Amount"]) // 100,
            currency=fields["vnp_CurrCode"],
            description=fields["vnp_OrderInfo"],
            created_at=visit.clock,
            dossier=fields["vnp_OrderInfo"].rpartition(" ")[2],
            return_url=fields["vnp_ReturnUrl"],
            expires_at=datetime.strptime(fields["vnp_ExpireDate"], "%Y%m%d%H%M%S").replace(tzinfo=LOCAL),
            bank=fields.get("vnp_BankCode") or "NCB",
            asked_with=dict(fields),
        )

    # -- question and refund ------------------------------------------------------------------------------------------

    def _once(self, fields: Mapping[str, Any], visit: Visit) -> No | None:
        named = (stamp(visit.clock)[:8], fields["vnp_RequestId"])
        if named in self._asked:
            return _no("r31", "vnp_RequestId", "one that was not used today", code="94")
        self._asked.add(named)
        return None

    def _query(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        order = self._order(fields)
        if order is None:
            return _no("r33", "vnp_TransactionDate", "the payment's own", code="91", is_refused=False)
        order.asked += 1
        last = next((each for each in reversed(self.refunds) if each.reference == order.reference), None)
        if last is not None and self.switches["querydr_shows"] == "last":
            if last.state == "pending":
                self._end(last, order)
            return self._yes("querydr", order, self._shown(last, order))
        return self._yes("querydr", order, self._payment(order))

    def _order(self, fields: Mapping[str, Any]) -> Order | None:
        """By its reference and the time of its address: an hour of twelve finds nothing (r32)."""
        order = self.orders.get(fields["vnp_TxnRef"])
        is_its = order is not None and order.asked_with["vnp_CreateDate"] == fields["vnp_TransactionDate"]
        return order if is_its else None

    def _end(self, last: Refund, order: Order) -> None:
        last.state = self.switches["pending_refunds"]
        if last.state == "rejected":
            order.refunded -= last.amount

    def _payment(self, order: Order) -> dict[str, str]:
        booking = order.paid
        return {
            "vnp_Amount": str((booking.amount if booking else order.amount) * 100),
            "vnp_BankCode": booking.bank if booking else "",
            "vnp_PayDate": stamp(booking.at) if booking else "",
            "vnp_TransactionNo": booking.transaction if booking else "0",
            "vnp_TransactionType": "01",
            "vnp_TransactionStatus": STATUS[order.state],
        }

    def _refund(self, fields: Mapping[str, Any], call: Call, visit: Visit) -> Response | No:
        order, amount = self._order(fields), int(fields["vnp_Amount"]) // 100
        if order is None:
            return _no("r33", "vnp_TransactionDate", "the payment's own", code="91")
        if any(each.reference == order.reference and each.state == "pending" for each in self.refunds):
            return _no("r36", "vnp_TxnRef", "no refund in progress", code="94")
        is_whole = fields["vnp_TransactionType"] == "02"
        if order.paid is None or amount > order.paid.amount - order.refunded:
            return _no("r36", "vnp_Amount", "no more than is left of what was paid", code="95")
        if is_whole != (amount == order.paid.amount):
            return _no("r35", "vnp_TransactionType", "02 for the whole, 03 for a part")
        if fields["vnp_TransactionNo"] not in ("0", order.paid.transaction):
            return _no("r35", "vnp_TransactionNo", order.paid.transaction, code="91")
        made = Refund(
            number=f"RF{stamp(visit.clock)[2:8]}{len(self.refunds) + 1:05d}",
            reference=order.reference,
            amount=amount,
            kind=fields["vnp_TransactionType"],
            state=self.switches["refunds"],
            at=visit.clock,
        )
        self.refunds.append(made)
        self._book(order, made, visit, call.request.body)
        return self._yes("refund", order, self._shown(made, order))

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
            entry={"reference": order.reference, "amount": str(made.amount), "code": made.number, "state": made.state},
            body=body,
        )

    def _shown(self, made: Refund, order: Order) -> dict[str, str]:
        return {
            "vnp_Amount": str(made.amount * 100),
            "vnp_BankCode": order.bank,
            "vnp_PayDate": stamp(made.at),
            "vnp_TransactionNo": made.number,
            "vnp_TransactionType": made.kind,
            "vnp_TransactionStatus": REFUND[made.state],
        }

    # -- answers ------------------------------------------------------------------------------------------------------

    def _yes(self, command: str, order: Order, told: Mapping[str, str]) -> Response:
        info = order.description
        return self._answer(command, {"vnp_TxnRef": order.reference, "vnp_OrderInfo": info, **told}, "00")

    def _answer(self, command: str, told: Mapping[str, Any], code: str) -> Response:
        self._answers += 1
        said = {
            "vnp_ResponseId": f"{self._answers:032x}",
            "vnp_Command": command,
            "vnp_ResponseCode": code,
            "vnp_Message": WORDS[code],
            "vnp_TmnCode": self.account.tmn_code,
            **told,
        }
        names = ANSWERED.get(command, ANSWERED["refund"])
        said[HASH] = message_hash(names, said, self.account.secret)
        return Response(body=msgspec.json.encode(said))

    def _refused(self, no: No, call: Call, visit: Visit) -> Response:
        visit.break_rule(no.broken)
        if no.status != 200:
            return Response(status=no.status, body=b'{"vnp_ResponseCode":"03"}')
        visit.error_code = no.code
        if call.place == "browser":
            text = ERROR_PAGE.format(code=no.code, words=escape(WORDS[no.code]))
            return Response(status=400, body=text.encode(), content_type=HTML, headers=SAFE)
        reference = call.payload.fields.get("vnp_TxnRef")
        told = {"vnp_TxnRef": reference} if isinstance(reference, str) else {}
        return self._answer(call.operation, told, no.code)

    # -- calls back ---------------------------------------------------------------------------------------------------

    def notice(self, order: Order, result: str, booking: Booking | None, code: str, at: datetime) -> dict[str, Any]:
        is_paid = result == "paid"
        return {
            "vnp_Amount": str((booking.amount if booking else order.amount) * 100),
            "vnp_BankCode": booking.bank if booking else order.bank,
            "vnp_BankTranNo": f"VNP{booking.transaction}" if booking else "",
            "vnp_CardType": "ATM",
            "vnp_OrderInfo": order.description,
            "vnp_PayDate": stamp(booking.at if booking else at),
            "vnp_ResponseCode": "00" if is_paid else code or "24",
            "vnp_TmnCode": self.account.tmn_code,
            "vnp_TransactionNo": booking.transaction if booking else "0",
            "vnp_TransactionStatus": "00" if is_paid else "02",
            "vnp_TxnRef": order.reference,
        }

    def signed(self, fields: Mapping[str, Any], secret: str = "") -> dict[str, Any]:
        told = {name: str(value) for name, value in fields.items()}
        return {**told, HASH: query_hash(told, secret or self.account.secret)}

    def outgoing(self, reference: str, url: str, fields: Mapping[str, Any]) -> Outgoing:
        return Outgoing(reference=reference, url=f"{url}?{urlencode(fields)}", method="GET")

    def is_taken(self, status: int, answer: bytes) -> bool:
        try:
            said = json.loads(answer)
        except ValueError:
            return False
        return status == 200 and isinstance(said, dict) and said.get("RspCode") in ("00", "02")


def _no(rule: str, field: str, expected: str, *, code: str = "03", is_refused: bool = True) -> No:
    return No(broken=Broken(rule=rule, field=field, expected=expected, refused=is_refused), code=code)
