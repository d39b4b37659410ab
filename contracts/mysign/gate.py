"""What MySign's mock lets pass: method, media type, form. Each refusal names its rule."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.mock_log import Broken
from contracts.mocking import Call
from contracts.mysign.places import CERTIFICATES, LOGIN, SIGN, STATUS, Account

PLAIN: Final = re.compile(rb"[A-Za-z0-9_\- ]+")
USER: Final = re.compile(r"(CMT|MST)_[0-9A-Za-z-]{6,20}")
BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
INVALID: Final = "400"
"""Nobody says which code this has: a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A refusal: what is answered, and which rule was broken."""

    broken: Broken
    code: str = INVALID
    status: int = 400


def judge(call: Call, account: Account, *, most: int) -> No | None:
    """The first rule that is broken, if any."""
    request, message = call.request, call.payload
    if request.method != "POST":
        return _no("r1", "method", "POST", request.method, status=405)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _no("r1", "content-type", "application/json", kind, status=415)
    if message.trouble:
        return _no("r1", "body", "one JSON object", message.trouble)
    return FORMS[call.operation](message.fields, account, most)


def _client(fields: Mapping[str, Any], account: Account) -> No | None:
    if fields.get("client_id") != account.client_id:
        return _no("r8", "client_id", "a known client", str(fields.get("client_id")), code="58007")
    if fields.get("client_secret") != account.secret:
        return _no("r8", "client_secret", "its secret", code="86024")
    return None


def _login(fields: Mapping[str, Any], account: Account, most: int) -> No | None:
    if (no := _client(fields, account)) is not None:
        return no
    if fields.get("profile_id") != account.profile:
        return _no("r2", "profile_id", account.profile, str(fields.get("profile_id")))
    user = fields.get("user_id")
    if not isinstance(user, str) or not USER.fullmatch(user):
        return _no("r2", "user_id", USER.pattern, str(user), code="58008")
    return None


def _certificates(fields: Mapping[str, Any], account: Account, most: int) -> No | None:
    if (no := _login(fields, account, most)) is not None:
        return no
    wanted = {"certificates": "chain", "certInfo": True, "authInfo": True}
    for name, value in wanted.items():
        if fields.get(name) != value:
            return _no("r10", name, str(value), str(fields.get(name)))
    return None


def _sign(fields: Mapping[str, Any], account: Account, most: int) -> No | None:
    if (no := _client(fields, account)) is not None:
        return no
    if not isinstance(fields.get("credentialID"), str) or not fields["credentialID"]:
        return _no("r20", "credentialID", "a text")
    if fields.get("async") not in (0, 1, 2, 3) or isinstance(fields.get("async"), bool):
        return _no("r24", "async", "0, 1, 2 or 3", str(fields.get("async")))
    if fields.get("hashAlgo") != "2.16.840.1.101.3.4.2.1" or fields.get("signAlgo") != "1.2.840.113549.1.1.1":
        return _no("r23", "hashAlgo, signAlgo", "SHA-256, RSA")
    if not _is_shown(fields.get("description")):
        return _no("r22", "description", "Base64 of plain text, below 100", str(fields.get("description")))
    return _documents(fields, most)


def _documents(fields: Mapping[str, Any], most: int) -> No | None:
    hashes, documents, count = fields.get("hash"), fields.get("documents"), fields.get("numSignatures")
    if not isinstance(hashes, list) or not isinstance(documents, list) or not hashes:
        return _no("r20", "hash, documents", "two lists")
    if not len(hashes) == len(documents) == count or isinstance(count, bool):
        return _no("r21", "numSignatures", f"{len(hashes)} hashes, {len(documents)} documents", str(count))
    if len(hashes) > most:
        return _no("r27", "hash", f"at most {most}", str(len(hashes)))
    for told in hashes:
        if not isinstance(told, str) or not BASE64.fullmatch(told) or len(b64decode(told + "==")) != 32:
            return _no("r23", "hash", "32 bytes in standard Base64", str(told))
    names = [each.get("document_id") if isinstance(each, dict) else None for each in documents]
    if any(not isinstance(name, str) or not 0 < len(name) <= 64 for name in names) or len(set(names)) != len(names):
        return _no("r25", "document_id", "a text of 1 to 64, each once", str(names))
    if wrong := [each for each in documents if not _is_shown(each.get("document_name"))]:
        return _no("r22", "document_name", "Base64 of plain text, below 100", str(wrong[0].get("document_name")))
    return None


def _is_shown(told: object) -> bool:
    if not isinstance(told, str) or not BASE64.fullmatch(told) or len(told) >= 100 or len(told) % 4:
        return False
    return bool(PLAIN.fullmatch(b64decode(told)))


def _status(fields: Mapping[str, Any], account: Account, most: int) -> No | None:
    if not isinstance(fields.get("transactionId"), str):
        return _no("r30", "transactionId", "a text")
    return None


FORMS: Final[Mapping[str, Callable[[Mapping[str, Any], Account, int], No | None]]] = {
    LOGIN: _login,
    CERTIFICATES: _certificates,
    SIGN: _sign,
    STATUS: _status,
}


def _no(rule: str, field: str, expected: str, found: str = "", *, code: str = INVALID, status: int = 400) -> No:
    broken = Broken(rule=rule, field=field, expected=expected, found=found[:200])
    return No(broken=broken, code=code, status=status)
