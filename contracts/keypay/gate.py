"""What KeyPay's mock lets pass: method, media type, form, checksum. Each refusal names its rule."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.keypay.places import Account, Message, check_sum
from contracts.mock_log import Broken
from contracts.mocking import Call

LARGEST: Final = 65_536
TEXT: Final = re.compile(r".{1,500}")
DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,12}")
AMOUNT: Final = re.compile(r"[1-9][0-9]{0,12}")
REFERENCE: Final = re.compile(r"[A-Za-z0-9]{20}")
PLAIN: Final = re.compile(r"[ -{}~]{1,200}")
"""ASCII without `|` (r54)."""
ADDRESS: Final = re.compile(r"https?://\S{1,1000}")
SUM: Final = re.compile(r"[0-9a-f]{64}")

FORMS: Final[Mapping[str, Mapping[str, tuple[str, re.Pattern[str]]]]] = {
    "create": {
        "client_id": ("r20", TEXT),
        "transaction_id": ("r21", REFERENCE),
        "trans_amount": ("r23", AMOUNT),
        "command": ("r22", TEXT),
        "version": ("r20", re.compile(r"3\.0")),
        "description": ("r20", PLAIN),
        "locale": ("r20", re.compile("vn")),
        "country_code": ("r20", re.compile("vi")),
        "currency_code": ("r20", re.compile("VND")),
        "environment": ("r20", re.compile("[12]")),
        "return_url": ("r20", ADDRESS),
        "addition_fee": ("r23", DIGITS),
        "check_sum": ("r10", SUM),
    },
    "detail": {
        "client_id": ("r40", TEXT),
        "transaction_id": ("r40", REFERENCE),
        "command": ("r40", TEXT),
        "check_sum": ("r10", SUM),
    },
    "refund": {
        "client_id": ("r50", TEXT),
        "transaction_id": ("r50", REFERENCE),
        "amount": ("r23", AMOUNT),
        "reason": ("r54", PLAIN),
        "command": ("r50", TEXT),
        "check_sum": ("r10", SUM),
    },
    "refund_detail": {
        "client_id": ("r51", TEXT),
        "transaction_refund_code": ("r51", TEXT),
        "command": ("r51", TEXT),
        "check_sum": ("r10", SUM),
    },
}
MORE: Final = {"create": {"bill_info", "bill_id"}}
"""Members that are no texts, or need not be there."""
COMMANDS: Final = {"detail": "DETAIL", "refund": "REFUND", "refund_detail": "REFUND_DETAIL"}
FLOWS: Final = {"pay": "PAY", "pay_later": "PAYLATER"}
BILL: Final = (
    "MaDichVu", "MaDVC", "TenDVC", "MaTTHC", "TenTTHC", "MaDonVi", "TenDonVi", "MaHoSo", "TKThuHuong", "MaNHThuHuong",
    "TenTKThuHuong", "NoiDungThanhToan", "HoTenNguoiNop", "SoCMNDNguoiNop", "MaCoQuanQD", "TenCoQuanQD",
)  # fmt: skip
"""What must be there, and not empty (r24)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A refusal: what is answered, and which rule was broken."""

    broken: Broken
    error: str = "3"
    status: int = 200


def judge(call: Call, account: Account, flow: str) -> No | None:
    """The first rule that is broken, if any."""
    request, message = call.request, call.payload
    if request.method != "POST":
        return No(broken=_broken("r2", "method", "POST", request.method), status=405)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        found = request.headers.get("content-type", "")
        return No(broken=_broken("r2", "content-type", "application/json", found), status=415)
    if message.trouble or len(request.body) > LARGEST:
        return No(broken=_broken("r3", "body", "one JSON object", message.trouble))
    return _form(call.operation, message, flow) or _who(call.operation, message.fields, account)


def _form(operation: str, message: Message, flow: str) -> No | None:
    fields, forms = message.fields, FORMS[operation]
    for name, (rule, form) in forms.items():
        value = fields.get(name)
        if not isinstance(value, str) or not form.fullmatch(value):
            return No(broken=_broken(rule, name, form.pattern, str(value)))
    if odd := sorted(fields.keys() - forms.keys() - MORE.get(operation, set())):
        return No(broken=_broken("r20", odd[0], "a member of this message"))
    command = FLOWS[flow] if operation == "create" else COMMANDS[operation]
    if fields["command"] != command:
        return No(broken=_broken("r22", "command", command, fields["command"]))
    if operation == "create" and flow == "pay_later" and not fields.get("bill_id"):
        return No(broken=_broken("r20", "bill_id", "there, in PayLater"))
    return _bill(fields) if operation == "create" else None


def _bill(fields: Mapping[str, Any]) -> No | None:
    bill = fields.get("bill_info")
    if not isinstance(bill, dict):
        return No(broken=_broken("r24", "bill_info", "an object"))
    for name in BILL:
        if not isinstance(bill.get(name), str) or not bill[name].strip():
            return No(broken=_broken("r24", f"bill_info/{name}", "a text"))
    for name in ("PhiLePhi", "DSKhoanNop"):
        rows = bill.get(name)
        if not isinstance(rows, list) or _sum(rows) != int(fields["trans_amount"]):
            return No(broken=_broken("r24", f"bill_info/{name}", f"sums to {fields['trans_amount']}"))
    return None


def _sum(rows: list[Any]) -> int:
    """-1 where a row has no amount."""
    told = [str(row.get("SoTien")) if isinstance(row, dict) else "" for row in rows]
    return sum(map(int, told)) if all(DIGITS.fullmatch(each) for each in told) else -1


def _who(operation: str, fields: Mapping[str, Any], account: Account) -> No | None:
    if fields["client_id"] != account.client_id:
        return No(broken=_broken("r10", "client_id", account.client_id, fields["client_id"]), error="1")
    right = check_sum(operation, fields, account.key_1)
    if not hmac.compare_digest(right, fields["check_sum"]):
        return No(broken=_broken("r10", "check_sum", "HMAC-SHA256 under key 1"), error="1")
    return None


def _broken(rule: str, field: str, expected: str, found: str = "") -> Broken:
    return Broken(rule=rule, field=field, expected=expected, found=found[:200])
