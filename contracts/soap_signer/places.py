"""What a request to the SOAP signing service is: its operation and its message. Judges only what it must."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml import etree

from contracts.mocking import Call, Request
from contracts.one_stop.envelopes import SOAP_11, WSA, Trouble, parse
from contracts.soap_signer.wsdl import NAMESPACE, OPERATIONS

SOAP: Final = "/soap_signer/soap"
PKI: Final = "/soap_signer/pki/"
WRITES: Final = frozenset({"Sign"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it was read, and what stood in the way."""

    envelope: etree._Element | None = None
    content: etree._Element | None = None
    """The one child of the Body."""
    trouble: Trouble | None = None

    def text(self, name: str) -> str:
        """A member of the content."""
        return "" if self.content is None else (self.content.findtext(f"{{{NAMESPACE}}}{name}") or "")

    @property
    def message_id(self) -> str | None:
        """What an answer relates to."""
        if self.envelope is None:
            return None
        return self.envelope.findtext(f"./{{{SOAP_11}}}Header/{{{WSA}}}MessageID")


def recognise(request: Request) -> Call:
    """Which operation is this, and about which request of ours?"""
    if request.path.startswith(PKI):
        return Call(request=request, operation="pki", place="pki", payload=Message())
    if request.path != SOAP:
        return Call(request=request, operation="?", place="nowhere", payload=Message())
    try:
        operation, message = _message(request.body)
    except Trouble as trouble:
        operation, message = "?", Message(trouble=trouble)
    about = message.text("RequestId")
    return Call(
        request=request,
        operation=operation,
        place="soap",
        payload=message,
        dossiers=(about,) if about else (),
        is_write=operation in WRITES,
    )


def _message(body: bytes) -> tuple[str, Message]:
    try:
        envelope = parse(body)
    except Trouble as wrong:
        raise trouble("r6", "body", "one plain XML document in UTF-8", wrong.found, code=wrong.code) from None
    inside = envelope.findall(f"./{{{SOAP_11}}}Body/*")
    if envelope.tag != f"{{{SOAP_11}}}Envelope" or len(inside) != 1:
        raise trouble("r2", "Body", "an Envelope of SOAP 1.1 with one element in its Body")
    name = etree.QName(inside[0])
    if name.namespace != NAMESPACE or name.localname not in OPERATIONS:
        raise trouble("r3", "Body", f"one of {', '.join(OPERATIONS)}", name.localname)
    return name.localname, Message(envelope=envelope, content=inside[0])


def trouble(rule: str, where: str, expected: str, found: str = "", *, code: str = "invalid") -> Trouble:
    """A rule that was broken."""
    return Trouble(code=code, rule=rule, field=where, expected=expected, found=found[:200])
