"""What came to the SOAP door: by its headers, by its signature, by the contract. Judged in this order, each once."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Final

import structlog
from lxml import etree
from starlette.requests import Request

from adapters.doors.malformed import FieldError, Malformed, field_error
from adapters.doors.refusals import TurnedAway, unverified
from adapters.doors.soap_callers import Callers
from bus.ports import Clock
from contracts.check import Breach
from contracts.one_stop import xsd
from contracts.one_stop.shapes import DOOR, NAMESPACE
from signing import wsse
from signing.envelope import SOAP_11, SOAP_12
from signing.errors import NotVerified, VerifierFailed

log = structlog.get_logger("doors")

TYPES: Final = {"text/xml": SOAP_11, "application/soap+xml": SOAP_12}
_NEEDS_FACTS: Final = frozenset(
    {"enum", "too_long", "too_short", "too_large", "too_small", "too_many", "too_few", "wrong_type"}
)
"""Reasons whose sentence names a limit or a list: a breach of the XSD does not tell it, the XSD does."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a request says of its content."""

    soap: str
    action: str


def version_told(request: Request) -> str:
    """SOAP's version by the content type; 1.1 where it says nothing of SOAP: that is what the Fault will be of."""
    return TYPES.get(_content_type(request).get_content_type(), SOAP_11)


def told_by(request: Request) -> Told:
    """Version and action, by the headers. Raises TurnedAway (`NOTES.md#r3` to `#r5`)."""
    told = _content_type(request)
    kind = told.get_content_type()
    is_plain = request.headers.get("content-encoding", "identity").strip().lower() == "identity"
    charset = str(told.get_param("charset", "utf-8")).lower()
    if kind not in TYPES or not is_plain or charset not in ("utf-8", "utf8"):
        raise TurnedAway("media_type")
    action = str(told.get_param("action", "")) if kind != "text/xml" else _unquoted(request.headers.get("soapaction"))
    return Told(TYPES[kind], action)


def verified(raw: bytes, trust: Callers, clock: Clock) -> wsse.VerifiedMessage:
    """The message that these bytes prove. Raises TurnedAway, with the caller that they claim to be of."""
    try:
        return wsse.verify(raw, trust=trust, now=clock.now())
    except NotVerified as refusal:
        if isinstance(refusal, VerifierFailed):
            log.critical("uncaught_exception", where="verifier", exc_info=refusal)
        raise unverified(refusal, refusal.code, caller=trust.claimed(refusal.certificate)) from refusal


def message_of(message: wsse.VerifiedMessage, told: Told, url: str) -> etree._Element:
    """The Body's one element, when headers, action and address say what was signed (`#r3`, `#r4`, `#r6`, `#r68`)."""
    if message.version != told.soap:
        raise TurnedAway("media_type")
    found = list(message.body)
    if len(found) != 1:
        raise TurnedAway("unknown_operation")
    expected = f"{NAMESPACE}:{etree.QName(found[0]).localname}"
    if told.action != expected or message.addressing.get("Action", expected) != expected:
        raise TurnedAway("wrong_action")
    if url and message.addressing.get("To", url) != url:
        raise TurnedAway("wrong_address")
    if found[0].tag not in [f"{{{NAMESPACE}}}{name}" for name in DOOR]:
        raise TurnedAway("unknown_operation")
    return found[0]


def require_promise(message: etree._Element) -> None:
    """The message keeps the XSD (`#r20`). Raises Malformed."""
    if wrong := xsd.breaches(message):
        raise Malformed("invalid", [_field_error(each) for each in wrong])


def _field_error(breach: Breach) -> FieldError:
    reason = f"xsd_{breach.rule}" if breach.reason in _NEEDS_FACTS else breach.reason
    return field_error(field=breach.field, rule=breach.rule, reason=reason)


def _content_type(request: Request) -> Message:
    told = Message()
    told["content-type"] = request.headers.get("content-type", "")
    return told


def _unquoted(told: str | None) -> str:
    text = (told or "").strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else ""
