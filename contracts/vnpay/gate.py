"""What VNPAY's mock lets pass: method, media type, form, checksum. Each refusal names its rule."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contracts.mock_log import Broken
from contracts.mocking import Call
from contracts.vnpay.places import ASKED, HASH, Account, Message, message_hash, query_hash

LARGEST: Final = 65_536
WORD: Final = re.compile(r"[A-Za-z0-9]{1,50}")
AMOUNT: Final = re.compile(r"[1-9][0-9]{0,13}00")
INFO: Final = re.compile(r"[A-Za-z0-9 .,:_/-]{1,255}")
IP: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,45}")
TIME: Final = re.compile(r"[0-9]{14}")
REFERENCE: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
SUM: Final = re.compile(r"[0-9a-f]{128}")
Form = Mapping[str, tuple[str, re.Pattern[str]]]

_COMMON: Final[Form] = {
    "vnp_Version": ("r2", re.compile(r"2\.1\.0")),
    "vnp_TmnCode": ("r2", re.compile(r"[A-Za-z0-9]{8}")),
    "vnp_TxnRef": ("r5", REFERENCE),
    "vnp_CreateDate": ("r4", TIME),
    "vnp_IpAddr": ("r2", IP),
    "vnp_OrderInfo": ("r6", INFO),
    HASH: ("r10", SUM),
}
_ASKED: Final[Form] = {
    "vnp_RequestId": ("r31", re.compile(r"[A-Za-z0-9_.-]{1,32}")),
    "vnp_Command": ("r30", WORD),
    "vnp_TransactionDate": ("r32", TIME),
}
FORMS: Final[Mapping[str, Form]] = {
    "pay": {
        **_COMMON,
        "vnp_Command": ("r2", re.compile("pay")),
        "vnp_Amount": ("r3", AMOUNT),
        "vnp_ExpireDate": ("r4", TIME),
        "vnp_CurrCode": ("r2", re.compile("VND")),
        "vnp_Locale": ("r2", re.compile("vn|en")),
        "vnp_OrderType": ("r2", WORD),
        "vnp_ReturnUrl": ("r2", re.compile(r"https?://\S{1,1000}")),
    },
    "querydr": {**_COMMON, **_ASKED},
    "refund": {
        **_COMMON,
        **_ASKED,
        "vnp_TransactionType": ("r35", re.compile("02|03")),
        "vnp_Amount": ("r3", AMOUNT),
        "vnp_TransactionNo": ("r35", re.compile(r"[A-Za-z0-9]{1,50}")),
        "vnp_CreateBy": ("r15", re.compile(r"[A-Za-z0-9_.-]{1,245}")),
    },
}
MAY_BE: Final = {"pay": {"vnp_BankCode"}}
TIMES: Final = frozenset({"vnp_CreateDate", "vnp_ExpireDate", "vnp_TransactionDate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A refusal: what is answered, and which rule was broken."""

    broken: Broken
    code: str = "03"
    status: int = 200


def judge(call: Call, account: Account) -> No | None:
    """The first rule that is broken, if any."""
    request, message = call.request, call.payload
    method = "GET" if call.place == "browser" else "POST"
    if request.method != method:
        return No(broken=_broken("r30", "method", method, request.method), status=405)
    if call.place == "api":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return No(broken=_broken("r30", "content-type", "application/json", kind), status=415)
        if message.trouble or len(request.body) > LARGEST:
            return No(broken=_broken("r30", "body", "one JSON object", message.trouble))
        if call.operation not in ASKED:
            found = str(message.fields.get("vnp_Command"))
            return No(broken=_broken("r30", "vnp_Command", "querydr, refund", found))
    return _form(call.operation, message) or _who(call.operation, message.fields, account)


def _form(operation: str, message: Message) -> No | None:
    fields, forms = message.fields, FORMS[operation]
    for name, (rule, form) in forms.items():
        value = fields.get(name)
        if not isinstance(value, str) or not form.fullmatch(value) or not (name not in TIMES or _is_time(value)):
            return No(broken=_broken(rule, name, form.pattern, str(value)))
    if odd := sorted(fields.keys() - forms.keys() - MAY_BE.get(operation, set())):
        return No(broken=_broken("r2", odd[0], "a parameter of this message"))
    return None


def _is_time(stamp: str) -> bool:
    try:
        return bool(datetime.strptime(stamp, "%Y%m%d%H%M%S"))  # noqa: DTZ007  # only whether there is such a time
    except ValueError:
        return False


def _who(operation: str, fields: Mapping[str, Any], account: Account) -> No | None:
    if fields["vnp_TmnCode"] != account.tmn_code:
        return No(broken=_broken("r33", "vnp_TmnCode", account.tmn_code, fields["vnp_TmnCode"]), code="02")
    right = (
        query_hash(fields, account.secret)
        if operation == "pay"
        else message_hash(ASKED[operation], fields, account.secret)
    )
    if not hmac.compare_digest(right, fields[HASH]):
        rule = {"pay": "r10", "querydr": "r13", "refund": "r15"}[operation]
        return No(broken=_broken(rule, HASH, "HMAC-SHA512 under the merchant's secret"), code="97")
    return None


def _broken(rule: str, field: str, expected: str, found: str = "") -> Broken:
    return Broken(rule=rule, field=field, expected=expected, found=found[:200])
