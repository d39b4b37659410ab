"""The desk at which documents are made ready to be signed: ledger, store, the way in, and `signing` joined.

    brought in ─▶ looked through ─▶ stored ─▶ a place for the signature, and its digest ─▶ stored, all in one row set

Prepared once: whoever asks again, after a crash or for another reason, gets what was prepared first. Nothing of this
is sent anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapters.documents.bringing import Bringer, Brought
from adapters.documents.fetch import FORMS
from adapters.documents.room import DocumentRoom
from bus.documents import DocumentRole
from bus.ledger import Ledger
from bus.messages import Delivery
from bus.ports import Clock, CrashPoint, no_crash
from bus.signatures import PreparedDocument, SignatureStanding
from config.documents import documents_of, fetcher_of, scanner_of
from signing.errors import DocumentRefused

if TYPE_CHECKING:
    from config.wiring import Installation
    from signing.appearance import Appearance

PICTURE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_PICTURE: Final = 2_000_000


class Frozen(Protocol):
    """What `signing` makes of a document: `signing.documents.PreparedDocument`, or that of XML."""

    @property
    def document(self) -> bytes: ...
    @property
    def plan(self) -> bytes: ...
    @property
    def digest(self) -> bytes: ...


class SigningDesk:
    """Freezes the documents of signatures. Threads may share one."""

    def __init__(
        self,
        ledger: Ledger,
        room: DocumentRoom,
        bringer: Bringer,
        *,
        clock: Clock,
        crash_point: CrashPoint = no_crash,
        pictures: Path | None = None,
    ) -> None:
        """`pictures`: where the signers' and agencies' images are, named by their number or unit, PNG."""
        self._ledger = ledger
        self._room = room
        self._bringer = bringer
        self._clock = clock
        self._point = crash_point
        self._pictures = pictures

    def prepare(self, delivery: Delivery, certificate: bytes, chain: Sequence[bytes]) -> SignatureStanding:
        """The standing with its digests. Raises DocumentRefused, DocumentNotNow, LedgerUnavailable."""
        standing = delivery.signature
        assert standing is not None
        if standing.certificate is not None and all(each.digest for each in standing.documents):
            return standing
        data = delivery.event.data
        made = [self._one(delivery, n, asked, certificate, chain) for n, asked in enumerate(data["documents"], start=1)]
        self._point("desk.prepared")
        return self._ledger.signatures.prepared(standing.signature, certificate, chain, made)

    def given(self, source: str, dossier: str, data: Mapping[str, Any], asked: Mapping[str, Any]) -> Brought:
        """One document as it is to be signed. Raises DocumentRefused, DocumentNotNow."""
        if "of" not in asked:
            return self._bringer.bring(dossier, asked)
        document = self._ledger.signatures.signed_document(source, data["after"], asked["of"])
        if document is None:
            raise DocumentRefused("document_not_signed_before", f"{asked['of']} of {data['after']} has no signed form")
        return self._bringer.signed(document, asked)

    def _one(
        self, delivery: Delivery, n: int, asked: Mapping[str, Any], certificate: bytes, chain: Sequence[bytes]
    ) -> PreparedDocument:
        event, standing = delivery.event, delivery.signature
        assert standing is not None
        given = self.given(event.source, event.dossier, event.data, asked)
        field = f"LT{standing.signature}n{standing.n}d{n}"
        if asked["form"] == "xml":
            frozen: Frozen = self._xml(given.content, field, certificate, chain, event.data.get("reason"))
        else:
            frozen = self._pdf(given.content, field, certificate, chain, event.data, asked)
        prepared = self._room.keep(
            event.dossier, frozen.document, media_type=FORMS[asked["form"]], role=DocumentRole.PREPARED
        )
        return PreparedDocument(n=n, given=given.id, prepared=prepared, plan=frozen.plan, digest=frozen.digest)

    def _pdf(
        self,
        pdf: bytes,
        field: str,
        certificate: bytes,
        chain: Sequence[bytes],
        data: Mapping[str, Any],
        asked: Mapping[str, Any],
    ) -> Frozen:
        from signing.documents import prepare  # brings pyHanko along: only where documents are signed

        now = self._clock.now()
        return prepare(
            pdf,
            certificate=certificate,
            chain=chain,
            at=now,
            field=field,
            appearance=self._shown(data, asked, now),
            name=data["signer"]["name"],
            reason=data.get("reason"),
        )

    def _xml(self, xml: bytes, field: str, certificate: bytes, chain: Sequence[bytes], reason: str | None) -> Frozen:
        from signing.xades import prepare

        now = self._clock.now()
        return prepare(xml, certificate=certificate, chain=chain, at=now, field=field, reason=reason)

    def _shown(self, data: Mapping[str, Any], asked: Mapping[str, Any], at: datetime) -> Appearance | None:
        """What is seen of the signature on the page; nothing where the source asks for nothing."""
        from signing.appearance import Appearance, copy_lines, signed_lines

        visible = asked.get("visible")
        if visible is None:
            return None
        signer, kind = data["signer"], visible["kind"]
        box = visible.get("box")
        is_copy = kind == "copy"
        return Appearance(
            kind=kind,
            page=visible.get("page", 1 if is_copy else -1),
            box=None if box is None else (box[0], box[1], box[2], box[3]),
            image=None if is_copy else self._picture(signer["user"]),
            lines=copy_lines("SAO Y", signer["name"], at)
            if is_copy
            else signed_lines(signer["name"], signer.get("title"), at),
        )

    def _picture(self, user: str) -> bytes | None:
        """The image of a signature or a seal, where the installation has one under the signer's number."""
        if self._pictures is None or not PICTURE_NAME.fullmatch(user):
            return None
        path = self._pictures / f"{user}.png"
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(MOST_PICTURE)


def signing_desk(installation: Installation) -> SigningDesk:
    """The desk of this installation. Raises SettingsRefused."""
    told, ports = installation.settings.documents, installation.ports
    room = documents_of(installation)
    bringer = Bringer(room, fetcher_of(installation), scanner_of(told), crash_point=ports.crash_point)
    return SigningDesk(
        installation.ledger,
        room,
        bringer,
        clock=ports.clock,
        crash_point=ports.crash_point,
        pictures=Path(told.pictures_folder) if told.pictures_folder else None,
    )
