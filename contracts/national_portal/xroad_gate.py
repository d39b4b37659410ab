"""What stands before the portal's services on X-Road: two security servers and a schema (`NOTES.md#r200`)."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from contracts.mock_log import Broken, Visit
from contracts.mocking import Call, Request, Response
from contracts.national_portal.xroad_messages import NAMESPACE, SERVICES, XROAD, Message, NotSoap, fault, parse

FOLDER: Final = Path(__file__).with_name("xroad")
NEEDED: Final = ("client", "service", "id", "protocolVersion")
COUNTRY: Final = re.compile(r"[A-Z]{2}\S+")
CHARSET: Final = re.compile(r"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
MOST_IDS: Final = 10_000
RULES: Final = tuple(f"r{n}" for n in (200, 201, 202, 203, 204, 205, 206, 207, 209))
_local: Final = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who may call whom. Invented, and known to everybody."""

    client: tuple[str, ...] = ("VN", "GOV", "000.00.00.H99", "one-stop")
    provider: tuple[str, ...] = ("VN", "GOV", "000.00.00.G22", "vpcpdvcprovider")
    version: str = "v1"


class Refusal(Exception):
    """A message that goes no further: the rule, and the Fault that tells so."""

    def __init__(self, rule: str, field: str, code: str, *, expected: str, found: str = "") -> None:
        super().__init__(code)
        self.broken = Broken(rule=rule, field=field, expected=expected, found=found[:200], message=code)


class XRoadGate:
    """Says which messages reach the portal. Every refusal is written down under its rule, and is a Fault."""

    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self._seen: OrderedDict[str, None] = OrderedDict()

    def clear(self) -> None:
        """Nobody ever came."""
        self._seen.clear()

    def admit(self, call: Call, visit: Visit) -> Response | None:
        """A Fault, or nothing when the call may go on."""
        visit.checked = RULES
        try:
            _transport(call.request)
            message = _readable(call.request)
            _header(message)
            self._members(message)
            _action(call.request)
            _body(message)
        except Refusal as refusal:
            visit.error_code = refusal.broken.message
            visit.break_rule(refusal.broken)
            return fault(refusal.broken.message, refusal.broken.expected)
        self._note(message, visit)
        return None

    def _members(self, message: Message) -> None:
        """r209: who calls, and whom."""
        client, service = message.identifier("client"), message.identifier("service")
        provider = service[: len(self._parties.provider)]
        for field, found, wanted in (
            ("client", client, self._parties.client),
            ("service", provider, self._parties.provider),
        ):
            if found != wanted:
                says = "/".join(found)
                raise Refusal("r209", field, "Server.ClientProxy.UnknownMember", expected="/".join(wanted), found=says)
        asked = service[len(self._parties.provider) :]
        if asked not in {(code, self._parties.version) for code in SERVICES}:
            raise Refusal(
                "r209",
                "service",
                "Server.ServerProxy.UnknownService",
                expected=f"one of {', '.join(sorted(SERVICES))}, version {self._parties.version}",
                found="/".join(asked),
            )

    def _note(self, message: Message, visit: Visit) -> None:
        """r205: what lets a message pass, and is written down."""
        id, user = message.text("id") or "", message.text("userId")
        if id in self._seen:
            visit.break_rule(Broken(rule="r205", field="id", expected="another for each message", refused=False))
        self._seen[id] = None
        if len(self._seen) > MOST_IDS:
            self._seen.popitem(last=False)
        if user is not None and not COUNTRY.fullmatch(user):
            expected = "two letters of the country first"
            visit.break_rule(Broken(rule="r205", field="userId", expected=expected, found=user[:40], refused=False))


def _transport(request: Request) -> None:
    """r200, r201."""
    if request.method != "POST":
        raise Refusal("r200", "method", "Client.InvalidHttpMethod", expected="POST", found=request.method)
    told = request.headers.get("content-type", "")
    charset = CHARSET.search(told)
    if told.partition(";")[0].strip().lower() != "text/xml" or (charset and charset[1].lower() != "utf-8"):
        expected = "text/xml, charset utf-8"
        raise Refusal("r201", "Content-Type", "Client.InvalidContentType", expected=expected, found=told)


def _readable(request: Request) -> Message:
    try:
        return parse(request.body)
    except NotSoap as trouble:
        expected = "one SOAP 1.1 envelope in UTF-8"
        raise Refusal("r201", "body", "Client.InvalidXml", expected=expected, found=str(trouble)) from None


def _header(message: Message) -> None:
    """r202, r204."""
    names = [etree.QName(field).localname for field in message.fields]
    for name in NEEDED:
        if name not in names:
            raise Refusal("r202", name, "Client.MissingHeaderField", expected="this field", found="absent")
    if len(set(names)) != len(names):
        raise Refusal("r202", "Header", "Client.DuplicateHeaderField", expected="each field once", found=str(names))
    if "requestHash" in names:
        raise Refusal("r211", "requestHash", "Client.InvalidSoap", expected="none in a request", found="one")
    for field, name in zip(message.fields, names, strict=True):
        if not schema("xroad").validate(field):
            code = "Client.InvalidProtocolVersion" if name == "protocolVersion" else "Client.InvalidSoap"
            rule = "r204" if name in ("client", "service") else "r202"
            raise Refusal(rule, name, code, expected="a field as X-Road's schema has it", found=_why("xroad"))
    member = "SUBSYSTEM" if len(message.identifier("client")) == 4 else "MEMBER"
    for name, wanted in (("client", member), ("service", "SERVICE")):
        kind = next(iter(message.fields[names.index(name)].attrib.values()))
        if kind != wanted:  # the schema knows the three types, and not which fits
            raise Refusal("r204", name, "Client.InvalidSoap", expected=wanted, found=str(kind))


def _action(request: Request) -> None:
    """r203."""
    told = request.headers.get("soapaction")
    if told != '""':
        raise Refusal("r203", "SOAPAction", "soap:Client", expected='""', found=str(told))


def _body(message: Message) -> None:
    """r206, r207."""
    content, code = message.content, message.identifier("service")[-2]
    if etree.QName(content).localname != code:
        raise Refusal("r206", "Body", "Client.InvalidBody", expected=code, found=str(content.tag))
    if etree.QName(content).namespace != NAMESPACE or not schema("national-portal").validate(content):
        raise Refusal("r207", "Body", "soap:Client", expected="the schema", found=_why("national-portal"))


def schema(name: str) -> etree.XMLSchema:
    """This thread's compiled schema: libxml2 keeps the errors of a run with it."""
    known: dict[str, etree.XMLSchema] = _local.__dict__.setdefault("known", {})
    if name not in known:
        known[name] = etree.XMLSchema(etree.parse(FOLDER / f"{name}.xsd"))
    return known[name]


def _why(name: str) -> str:
    errors = schema(name).error_log
    return (
        str(errors[0].message) if len(errors) else f"another namespace than {XROAD if name == 'xroad' else NAMESPACE}"
    )
