"""Fetching a document by its address: from the hosts of the settings only, at the address that was judged.

The channel pins the resolved address and follows nothing. What comes is bounded while it is read, must be of the kind
that was declared (by its own first bytes and by what the host says), and must be the very content whose digest the
event told. No host learns anything from us but that we asked.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.channels.addresses import AddressRefused, origin_of
from adapters.channels.http import Channel, PlainHttpRefused, Request, header
from adapters.documents.errors import DocumentNotNow
from bus.messages import Exchange
from signing.errors import DocumentRefused

PDF: Final = "application/pdf"
XML: Final = "application/xml"
FORMS: Final[Mapping[str, str]] = {"pdf": PDF, "xml": XML}
"""Form of an event → media type."""
UNTOLD: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What hosts say of files whose kind they do not know: the first bytes alone decide then."""
_ALSO: Final[Mapping[str, frozenset[str]]] = {"pdf": frozenset({PDF}), "xml": frozenset({XML, "text/xml"})}
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a host that may be better the next time; every other one that is not 200 is its word."""
TOO_LONG: Final = "reply_lost: the reply is longer"
"""How the channel begins what it says of a reply beyond its limit."""
REFUSED: Final = "address_refused"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A document as it came, all checks passed."""

    content: bytes
    media_type: str
    host: str


class Fetcher:
    """Fetches over one channel, whose hosts are those of the settings."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def fetch(self, url: str, sha256: str, form: str) -> Fetched:
        """The document at this address. Raises DocumentRefused, DocumentNotNow."""
        try:
            host = origin_of(url).host
            exchange = self._channel.send(
                Request(operation="document", method="GET", url=url, headers={"accept": FORMS[form]}, body=b"")
            )
        except (AddressRefused, PlainHttpRefused) as refusal:
            raise DocumentRefused("document_not_fetched", str(refusal)) from None
        content = _content(exchange)
        if not content:
            raise DocumentRefused("document_empty")
        require_form(content, form, header(exchange.reply_head, "content-type") or "")
        require_digest(content, sha256)
        return Fetched(content=content, media_type=FORMS[form], host=host)


def require_digest(content: bytes, sha256: str) -> None:
    """The very content that was named. Raises DocumentRefused."""
    if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), sha256.lower()):
        raise DocumentRefused("document_digest_differs")


def require_form(content: bytes, form: str, told: str = "") -> None:
    """Of this form by its first bytes, and by what was told of it where something was. Raises DocumentRefused."""
    kind = told.partition(";")[0].strip().lower()
    if not (is_pdf(content) if form == "pdf" else is_xml(content)) or kind not in UNTOLD | _ALSO[form]:
        raise DocumentRefused(f"document_not_{form}")


def is_pdf(content: bytes) -> bool:
    """From its very first byte: what stands before the mark is something else as well to another reader."""
    return content.startswith(b"%PDF-")


def is_xml(content: bytes) -> bool:
    """Text that begins with an element or a declaration, and is no page for a browser."""
    begins = content.removeprefix(_BOM).lstrip(b" \t\r\n")[:64].lower()
    return begins.startswith(b"<") and not begins.startswith((b"<!doctype", b"<html"))


def _content(exchange: Exchange) -> bytes:
    if exchange.trouble is not None:
        reason = exchange.trouble.reason
        if reason.startswith(TOO_LONG):
            raise DocumentRefused("document_too_large")
        if reason.startswith(REFUSED):
            raise DocumentRefused("document_not_fetched", reason)
        raise DocumentNotNow("host_unreachable", reason)
    if exchange.status in _LATER:
        raise DocumentNotNow("host_busy", f"status {exchange.status}")
    encoding = header(exchange.reply_head, "content-encoding") or "identity"
    if exchange.status != 200 or encoding.lower() != "identity":
        raise DocumentRefused("document_not_fetched", f"status {exchange.status}, encoding {encoding}")
    return exchange.reply_body or b""
