"""Opening a document for signing at an official's desk: brought in, handed out under a ticket, asked of the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from adapters.documents.bringing import Brought
from bus.errors import NotAllowedNow
from bus.ledger import Ledger
from bus.signature_desk import AtDesk, SignatureDesk

PLACE: Final = "/documents/desk/{ticket}"


class Gives(Protocol):
    """Who brings in what is to be signed: `config.signing_desk.SigningDesk`."""

    def given(self, source: str, dossier: str, data: Mapping[str, Any], asked: Mapping[str, Any]) -> Brought: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOffer:
    """What the page tells the agent (contracts/vgca/NOTES.md r3)."""

    operation: str
    place: str = field(repr=False)
    """Path of the ticket below these doors: the page knows under which address it reached them."""
    dossier: str

    def request(self, base: str) -> dict[str, Any]:
        """The text for the agent; `base`: how the official's PC reaches these doors, `https://…`."""
        url = base.rstrip("/") + self.place
        return {
            "FileUploadHandler": url,
            "SessionId": "",
            "JWTToken": "",
            "FileName": url,
            "DocNumber": "",
            "IssuedDate": "",
            "MetaData": [{"Key": "MaHoSo", "Value": self.dossier}],
        }


class DeskOpening:
    """Opens documents for desks. Threads may share one."""

    def __init__(self, ledger: Ledger, gives: Gives) -> None:
        self._ledger = ledger
        self._desk = SignatureDesk(ledger)
        self._gives = gives

    def open(self, signature: int, n: int, *, account: str, reason: str, address: str = "") -> DeskOffer:
        """A fresh ticket, and who asked for it noted.

        Raises NotFound, NotAllowedNow (`not_at_desk`, `not_at_desk_xml`), DocumentRefused, DocumentNotNow.
        """
        one = self._desk.find(signature, n)
        self._desk.require_open(one, self._ledger.clock.now())
        if one.asked["form"] != "pdf":
            raise NotAllowedNow("XML is not signed at desks", code="not_at_desk_xml")
        given = self._gives.given(one.source, one.dossier, one.data, one.asked)
        told = self._desk.hand_out(signature, n, given.id, account=account, reason=reason, address=address)
        return DeskOffer(operation=operation_of(one), place=PLACE.format(ticket=told), dossier=one.dossier)


def operation_of(one: AtDesk) -> str:
    """What the agent is asked for (r2)."""
    if (one.asked.get("visible") or {}).get("kind") == "copy":
        return "SignCopy"
    return "SignIssued" if one.role == "agency" else "SignApproved"
