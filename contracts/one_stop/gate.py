"""What stands before the one-stop system's services: address, headers, the signature, the form of the message."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from lxml import etree

from contracts.check import EVENT, Breach, load_schema, pointer
from contracts.mock_log import Visit
from contracts.mock_switches import Switches
from contracts.mocking import Call, Request
from contracts.one_stop import http_signature, wss, xsd
from contracts.one_stop.envelopes import WSA, Trouble, Version
from contracts.one_stop.pki import CALLER, Pki
from contracts.one_stop.places import SHAPES, Message, value_of
from contracts.one_stop.shapes import EVENT_ID, MESSAGES, NAMESPACE

RULES_OF_SOAP: Final = ("r2", "r3", "r4", "r5", "r6", "r7", "r8", *(f"r{n}" for n in range(60, 69)), "r20", "r30")
RULES_OF_REST: Final = ("r2", "r5", "r80", "r81", "r82", "r83", "r84", "r85", "r87", "r88")
ACTION: Final = re.compile(r'(?:^|;)\s*action="([^"]*)"')
CHARSET: Final = re.compile(r'charset="?utf-8"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What both sides agreed on. Invented, and known to everybody."""

    subjects: frozenset[str] = frozenset({CALLER})
    secrets: Mapping[str, bytes] = field(default_factory=lambda: {"lienthong": b"mock-secret-of-lienthong-32-bytes"})
    answer_key_id: str = "one-stop-h99"
    answer_secret: bytes = b"mock-secret-of-the-one-stop-32-b"
    unit: str = "000.00.14.H99"


class Gate:
    """Says who may pass; raises Trouble, which the mock writes down under its rule."""

    def __init__(self, *, account: Account, pki: Callable[[], Pki], switches: Switches) -> None:
        self._account = account
        self._pki = pki
        self._switches = switches
        self._seen: dict[str, datetime] = {}
        """Signatures and nonces, with the time until which a repeat of them is refused."""

    def clear(self) -> None:
        """Nobody ever came."""
        self._seen.clear()

    def admit(self, call: Call, visit: Visit) -> Message:
        """The message, judged and read; Trouble when it may not pass."""
        visit.checked = RULES_OF_SOAP if call.place == "soap" else RULES_OF_REST
        _method(call.request)
        _encoding(call.request)
        message: Message = call.payload
        return self._soap(call, message, visit) if call.place == "soap" else self._rest(call, message, visit)

    def _soap(self, call: Call, message: Message, visit: Visit) -> Message:
        version, envelope = message.version, message.envelope
        if version is not None:
            _content_type(call.request, version)
        if message.trouble:
            raise message.trouble
        assert version is not None
        assert envelope is not None
        assert message.content is not None
        _action(call.request, version, call.operation)
        _understood(envelope, version)
        proof = wss.check(envelope, pki=self._pki(), subjects=self._account.subjects, now=visit.clock)
        self._addressed(envelope, version, call.operation)
        self._once(proof.signature, proof.until, visit.clock, "r67")
        if errors := xsd.breaches(message.content):
            raise _invalid("r20", errors)
        value = value_of(message.content, call.operation)
        if errors := json_breaches(value, SHAPES[call.operation]):
            raise _invalid("r30", errors)
        return replace(message, value=value)

    def _rest(self, call: Call, message: Message, visit: Visit) -> Message:
        request = call.request
        if request.headers.get("content-type") not in ("application/json", "application/json; charset=utf-8"):
            raise _headers("media_type", "r5", "Content-Type", "application/json")
        if request.query:
            raise _headers("malformed_json", "r87", "query", "none")
        shown = http_signature.check(request, self._account.secrets, visit.clock)
        self._once(f"{shown.key_id} {shown.nonce}", shown.until, visit.clock, "r83")
        if message.trouble:
            raise message.trouble
        if errors := json_breaches(message.value, SHAPES[call.operation]):
            raise _invalid("r88", errors)
        if request.headers.get("idempotency-key") != message.value["id"]:
            raise _headers("key_mismatch", "r85", "Idempotency-Key", "the message's id")
        return message

    def _addressed(self, envelope: etree._Element, version: Version, operation: str) -> None:
        """To, Action and MessageID must be there; the signature covers what is there (r68)."""
        header = f"./{{{version.namespace}}}Header/{{{WSA}}}"
        told = {name: envelope.findtext(f"{header}{name}") for name in ("To", "Action", "MessageID")}
        if not told["MessageID"] or told["Action"] != f"{NAMESPACE}:{operation}":
            raise _headers("wrong_action", "r68", "wsa:Action, wsa:MessageID", f"{NAMESPACE}:{operation}, and an id")
        wanted = self._switches["address"]
        if not told["To"] or (wanted and told["To"] != wanted):
            raise _headers("wrong_address", "r68", "wsa:To", wanted or "the address that is called")

    def _once(self, key: str, until: datetime, now: datetime, rule: str) -> None:
        while self._seen and next(iter(self._seen.values())) <= now:
            del self._seen[next(iter(self._seen))]
        if key in self._seen and self._seen[key] > now:
            raise _headers("replayed", rule, "signature", "one that was not shown before")
        self._seen[key] = until


def _headers(code: str, rule: str, field: str, expected: str, found: str = "") -> Trouble:
    return Trouble(code=code, rule=rule, field=field, expected=expected, found=found[:100])


def _invalid(rule: str, errors: tuple[Breach, ...]) -> Trouble:
    first = errors[0]
    return Trouble(code="invalid", rule=rule, field=first.field, expected=first.rule, errors=errors)


def _method(request: Request) -> None:
    if request.method != "POST":
        raise _headers("media_type", "r2", "method", "POST", request.method)


def _encoding(request: Request) -> None:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise _headers("media_type", "r5", "Content-Encoding", "none")


def _content_type(request: Request, version: Version) -> None:
    """The version's own type, in UTF-8; MTOM is multipart/related, so it ends here (r3, r5)."""
    given, _, parameters = request.headers.get("content-type", "").partition(";")
    if given.strip().lower() != version.content_type:
        raise _headers("media_type", "r3", "Content-Type", version.content_type, given)
    if "charset" in parameters.lower() and not CHARSET.search(parameters):
        raise _headers("media_type", "r5", "Content-Type", "charset=utf-8", parameters)


def _action(request: Request, version: Version, operation: str) -> None:
    wanted = f"{NAMESPACE}:{operation}"
    if version.is_11:
        given = request.headers.get("soapaction", "")
        if given != f'"{wanted}"':
            raise _headers("wrong_action", "r4", "SOAPAction", f'"{wanted}"', given)
        return
    found = ACTION.search(request.headers.get("content-type", ""))
    if found is None or found[1] != wanted:
        raise _headers("wrong_action", "r4", "action", wanted, found[1] if found else "")


def _understood(envelope: etree._Element, version: Version) -> None:
    header = envelope.find(f"./{{{version.namespace}}}Header")
    for each in header if header is not None else ():
        if not isinstance(each.tag, str) or etree.QName(each).namespace in (WSA, wss.WSSE):
            continue
        if each.get(f"{{{version.namespace}}}mustUnderstand", "0").strip() in ("1", "true"):
            raise _headers("must_understand", "r8", etree.QName(each).localname, "headers that are known here")


@lru_cache(maxsize=8)
def _validator(name: str) -> Any:
    import unicodedata

    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry, Resource

    resources = [(EVENT_ID, load_schema(EVENT)), (load_schema(MESSAGES)["$id"], load_schema(MESSAGES))]
    registry: Any = Registry().with_resources([(uri, Resource.from_contents(page)) for uri, page in resources])
    checker = FormatChecker(formats=())
    checker.checks("nfc")(lambda value: not isinstance(value, str) or unicodedata.is_normalized("NFC", value))
    reference = f"{load_schema(MESSAGES)['$id']}#/$defs/{name}"
    return Draft202012Validator({"$ref": reference}, registry=registry, format_checker=checker)


def json_breaches(value: object, name: str) -> tuple[Breach, ...]:
    """Where a JSON message breaks the schema, told with the schema's own keyword."""
    errors = sorted(_validator(name).iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
    return tuple(
        Breach(field=pointer(list(error.absolute_path)), rule=str(error.validator)[:64], reason="schema")
        for error in errors[:50]
    )
