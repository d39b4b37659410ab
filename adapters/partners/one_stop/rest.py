"""REST with one one-stop system: JSON, both ways signed by RFC 9421 under keys of its own for each side."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.channels import strict_json
from adapters.channels.http import Request, header
from adapters.partners.one_stop import forms
from adapters.partners.one_stop.calls import Call
from adapters.partners.one_stop.codes import Proof, Shape, Side
from adapters.partners.one_stop.replies import OTHER, Body, acknowledged, told
from adapters.partners.one_stop.settings import OneStopSettings, RestKeys
from adapters.partners.one_stop.wire import Message
from bus.messages import Exchange, canonical_bytes
from signing.errors import NotVerified, SignatureMissing
from signing.http import sign_request
from signing.http_answers import Asked, verify_answer
from signing.http_base import algorithm_of

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
LIFE: Final = timedelta(seconds=120)
PROBLEM_TYPE: Final = "urn:lienthong:problem:"


class RestSide:
    """Their REST service."""

    def __init__(self, settings: OneStopSettings, keys: RestKeys) -> None:
        self._base = settings.url.rstrip("/")
        self._keys = keys
        self._max_skew = settings.max_skew
        self._most = settings.http.max_reply_bytes

    def call(self, message: Message, extra: Mapping[str, str], now: datetime) -> Call:
        """The same bytes each time, under a nonce and a signature of its own."""
        url = f"{self._base}/{message.contract.path}"
        body = canonical_bytes(message.value)
        headers = sign_request(
            "POST",
            urlsplit(url).path,
            "",
            JSON,
            body,
            key_id=self._keys.key_id,
            secret=self._keys.secret,
            created=now,
            expires=now + LIFE,
            nonce=secrets.token_urlsafe(16),
            idempotency_key=message.id,
        )
        request = Request(
            operation=message.contract.operation, method="POST", url=url, headers={**headers, **extra}, body=body
        )
        return Call(
            message=message,
            request=request,
            key_id=self._keys.key_id,
            algorithm=algorithm_of(self._keys.secret),
            known_by=headers["signature"],
        )

    def open(self, exchange: Exchange, call: Call, now: datetime) -> Body:
        """What a whole answer is, and who says so."""
        raw = exchange.reply_body or b""
        if not raw.strip():
            return Body(shape=Shape.EMPTY)
        kind = (header(exchange.reply_head, "content-type") or "").partition(";")[0].strip().lower()
        if "html" in kind or raw.lstrip()[:1] == b"<":
            return Body(shape=Shape.HTML)
        if kind not in (JSON, PROBLEM):
            return Body(shape=Shape.OTHER_TYPE)
        try:
            self._verify(exchange, raw, call, now)
        except SignatureMissing:
            return Body(shape=Shape.UNPROVEN)
        except NotVerified as trouble:
            return Body(shape=Shape.UNPROVEN, proof=Proof.WRONG, text=f"{trouble.code}: {trouble}")
        try:
            value = strict_json.read(raw, max_bytes=self._most)
        except strict_json.NotStrictJson as trouble:
            return Body(shape=Shape.BROKEN, proof=Proof.GOOD, text=trouble.code)
        return _problem(value, exchange.status or 0) if kind == PROBLEM else _acknowledgement(value, call)

    def _verify(self, exchange: Exchange, raw: bytes, call: Call, now: datetime) -> None:
        """Raises NotVerified: an answer to another request is a wrong signature here (NOTES.md#r86)."""
        request = call.request
        verify_answer(
            exchange.status or 0,
            _pairs(exchange.reply_head),
            raw,
            asked=Asked(method=request.method, path=urlsplit(request.url).path, query="", signature=call.known_by),
            keys={self._keys.their_key_id: self._keys.their_key},
            now=now,
            max_skew=self._max_skew,
        )


def _acknowledgement(value: Any, call: Call) -> Body:
    contract = call.message.contract
    said = forms.acknowledgement(value, contract)
    return OTHER if said is None else acknowledged(said, contract, call.message.id)


def _problem(value: Any, status: int) -> Body:
    """RFC 9457 (NOTES.md#r89): `type` and `status` say the same as code and status line, or it says nothing."""
    if not (isinstance(value, dict) and {"type", "status"} <= value.keys()):
        return OTHER
    problem = forms.problem({name: item for name, item in value.items() if name not in ("type", "status")})
    if problem is None or value["type"] != f"{PROBLEM_TYPE}{problem['code']}" or value["status"] != status:
        return OTHER
    side: Side = "receiver" if status >= 500 else "sender"
    return Body(shape=Shape.PROBLEM, proof=Proof.GOOD, side=side, code=problem["code"], text=told(problem))


def _pairs(head: bytes) -> list[tuple[str, str]]:
    """Header lines as pairs, so that one that came twice is seen."""
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    return [(name, value.strip()) for name, found, value in (line.partition(":") for line in lines) if found]
