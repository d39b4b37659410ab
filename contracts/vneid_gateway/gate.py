"""What the gateway's mock lets pass: method, media type, HMAC, form. Each refusal names its rule."""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contracts.mock_log import Broken
from contracts.mocking import Call, Request
from contracts.vneid_gateway.places import LIST, POLL, REFRESH, SIGN, TOKEN, Account, partner_signature

HASHED: Final = ("x-partner-code", "x-timestamp", "x-nonce", "x-signature")
SKEW_S: Final = 300
PERSON: Final = re.compile(r"[0-9]{12}")
STAMP: Final = re.compile(r"[0-9]{10}")
BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
MOST_NAME: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A refusal: what is answered, and which rule was broken."""

    broken: Broken
    code: str = "02"
    status: int = 0
    """HTTP alone, where nothing of the gateway's own is answered."""


def judge(call: Call) -> No | None:
    """The first rule of form that is broken, if any."""
    request, message = call.request, call.payload
    if request.method != "POST":
        return _no("r1", "method", "POST", request.method, status=405)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _no("r1", "content-type", "application/json", kind, status=415)
    if message.trouble:
        return _no("r1", "body", "one JSON object", message.trouble)
    if not request.headers.get("x-request-id"):
        return _no("r4", "x-request-id", "an id of the call")
    return FORMS[call.operation](message.fields)


def signed(request: Request, account: Account, nonces: set[str], now: datetime) -> No | None:
    """The partner's HMAC (NOTES.md#r5 to #r8)."""
    told = {name: request.headers.get(name, "") for name in HASHED}
    if missing := [name for name, value in told.items() if not value]:
        return _no("r5", missing[0], "a header", code="20")
    if told["x-partner-code"] != account.partner_code:
        return _no("r5", "x-partner-code", "a known partner", told["x-partner-code"], code="25")
    if not STAMP.fullmatch(told["x-timestamp"]):
        return _no("r7", "x-timestamp", "epoch seconds", told["x-timestamp"], code="22")
    if abs(int(told["x-timestamp"]) - now.timestamp()) > SKEW_S:
        return _no("r7", "x-timestamp", f"at most {SKEW_S} s off", told["x-timestamp"], code="23")
    if not hmac.compare_digest(partner_signature(request, account.secret), told["x-signature"]):
        return _no("r5", "x-signature", "HMAC-SHA256 under the partner's secret", code="26")
    if told["x-nonce"] in nonces:
        return _no("r8", "x-nonce", "one that was not used", told["x-nonce"], code="24")
    nonces.add(told["x-nonce"])
    return None


def _token(fields: Mapping[str, Any]) -> No | None:
    return _texts("r10", fields, "username", "password")


def _refresh(fields: Mapping[str, Any]) -> No | None:
    return _texts("r10", fields, "refreshToken")


def _list(fields: Mapping[str, Any]) -> No | None:
    told = fields.get("citizenPid")
    is_right = isinstance(told, str) and PERSON.fullmatch(told)
    return None if is_right else _no("r20", "citizenPid", "12 digits", str(told))


def _sign(fields: Mapping[str, Any]) -> No | None:
    if (no := _texts("r30", fields, "credentialID", "originatorCode")) is not None:
        return no
    documents = fields.get("documents")
    if not isinstance(documents, list) or not documents or not all(isinstance(each, dict) for each in documents):
        return _no("r30", "documents", "a list of objects")
    for each in documents:
        name, told = each.get("documentName"), each.get("digestValue")
        if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME:
            return _no("r35", "documentName", f"a text of 1 to {MOST_NAME}", str(name))
        if not isinstance(told, str) or not BASE64.fullmatch(told) or len(b64decode(told + "==")) != 32:
            return _no("r30", "digestValue", "32 bytes in standard Base64", str(told))
    return None


def _poll(fields: Mapping[str, Any]) -> No | None:
    return _texts("r32", fields, "handle")


def _texts(rule: str, fields: Mapping[str, Any], *names: str) -> No | None:
    wrong = [name for name in names if not isinstance(fields.get(name), str) or not fields[name]]
    return _no(rule, wrong[0], "a text") if wrong else None


FORMS: Final[Mapping[str, Callable[[Mapping[str, Any]], No | None]]] = {
    TOKEN: _token,
    REFRESH: _refresh,
    LIST: _list,
    SIGN: _sign,
    POLL: _poll,
}


def _no(rule: str, field: str, expected: str, found: str = "", *, code: str = "02", status: int = 0) -> No:
    broken = Broken(rule=rule, field=field, expected=expected, found=found[:200])
    return No(broken=broken, code=code, status=status)
