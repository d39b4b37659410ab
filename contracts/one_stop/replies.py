"""The one-stop system's answers: acknowledgements and problems, in the caller's own protocol, signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from lxml import etree

from contracts.mock_log import Visit
from contracts.mock_switches import Switches
from contracts.mocking import Call, Response
from contracts.one_stop import http_signature, wss
from contracts.one_stop.envelopes import (
    ENVELOPES,
    SOAP_11,
    STATUS,
    WSA,
    Trouble,
    Version,
    addressing,
    answer,
    fault,
    fault_status,
    wrap,
)
from contracts.one_stop.gate import Account
from contracts.one_stop.pki import Pki
from contracts.one_stop.places import Message
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.twins import write

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
FAULT_ACTION: Final = f"{WSA}/fault"


class Replies:
    """Writes answers and signs them."""

    def __init__(self, *, account: Account, pki: Callable[[], Pki], switches: Switches) -> None:
        self._account = account
        self._pki = pki
        self._switches = switches

    def yes(self, call: Call, message: Message, said: Mapping[str, Any], now: datetime) -> Response:
        """The acknowledgement."""
        is_signed = self._switches["answers"] == "signed"
        if message.version is None:
            return self._json(201, JSON, said, call, now, is_signed=is_signed)
        content = answer(call.operation, write(said, "acknowledgement", "acknowledgement"))
        action = f"{NAMESPACE}:{call.operation}Response"
        return self._soap(200, content, action, message, message.version, now, is_signed=is_signed)

    def no(self, trouble: Trouble, call: Call, message: Message, visit: Visit, *, is_signed: bool) -> Response:
        """The problem."""
        reference = _reference(visit)
        visit.error_code = trouble.code
        if call.place == "rest":
            status = STATUS.get(trouble.code, 400)
            body = {"type": f"urn:lienthong:problem:{trouble.code}", "status": status, **trouble.problem(reference)}
            return self._json(status, PROBLEM, body, call, visit.clock, is_signed=is_signed)
        version = message.version or ENVELOPES[SOAP_11]
        content, status = fault(trouble, reference, version), fault_status(trouble, version)
        return self._soap(status, content, FAULT_ACTION, message, version, visit.clock, is_signed=is_signed)

    def _soap(
        self,
        status: int,
        content: etree._Element,
        action: str,
        message: Message,
        version: Version,
        now: datetime,
        *,
        is_signed: bool,
    ) -> Response:
        envelope = wrap(content, version, addressing=addressing(action, relates_to=_message_id(message)))
        body = wss.sign(envelope, self._pki().one_stop, now) if is_signed else etree.tostring(envelope)
        return Response(status=status, body=body, content_type=f"{version.content_type}; charset=utf-8")

    def _json(
        self, status: int, kind: str, value: Mapping[str, Any], call: Call, now: datetime, *, is_signed: bool
    ) -> Response:
        body = msgspec.json.encode(value)
        key_id, secret = self._account.answer_key_id, self._account.answer_secret
        headers = (
            http_signature.sign_answer(status, kind, body, call.request, key_id=key_id, secret=secret, now=now)
            if is_signed
            else {}
        )
        return Response(status=status, body=body, content_type=kind, headers=headers)


def _message_id(message: Message) -> str | None:
    if message.envelope is None or message.version is None:
        return None
    return message.envelope.findtext(f"./{{{message.version.namespace}}}Header/{{{WSA}}}MessageID")


def _reference(visit: Visit) -> str:
    """Short, and the same for the same visit of the same transcript."""
    return f"MC-{hashlib.sha256(f'{visit.n} {visit.path}'.encode()).hexdigest()[:6].upper()}"
