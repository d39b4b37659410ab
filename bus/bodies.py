"""Bodies: sealed on their way into the ledger, opened on their way out.

Data keys are rows of the ledger, wrapped under the master key; a process makes one when it has none to seal with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from bus.engines.sqlite import Row, Tx
from bus.errors import LedgerDamaged
from bus.messages import Event, Exchange, digest_of
from bus.seal import Sealed, Sealer
from bus.times import from_ms

EVENT: Final = b"event"
EXCHANGE: Final = b"exchange"
HEARING: Final = b"hearing"
"""What a gateway told, as received."""
OFFER: Final = b"offer"
"""Where an attempt may be paid: JSON with `pay_url` and `qr`."""


ONE_TIME: Final = b"one_time"
"""What a person typed for one signing: JSON with `one_time` and `sad`. Taken once, and then destroyed."""
REPORT: Final = b"report"
"""The verification of a signed document, as written."""
CERTIFICATE: Final = b"certificate"
"""Of a signer: it has his name and identity number."""
CHAIN: Final = b"chain"
"""Of the authorities above it. MessagePack: a list of DER certificates."""
PLAN: Final = b"plan"
"""What a prepared document goes on with; the signer's certificate stands in it."""


class Bodies:
    """Seals and opens for one ledger."""

    def __init__(self, sealer: Sealer, load_keys: Callable[[], None]) -> None:
        """`load_keys` shows the sealer every key of the ledger: another process may have made a newer one."""
        self._sealer = sealer
        self._load_keys = load_keys

    def open(self, data_key: int, sealed: bytes, context: bytes, commitment: bytes | None = None) -> bytes:
        """A body. Raises LedgerDamaged when it was changed."""
        return self.open_salted(data_key, sealed, context, commitment)[1]

    def open_salted(
        self, data_key: int, sealed: bytes, context: bytes, commitment: bytes | None = None
    ) -> tuple[bytes, bytes]:
        """Salt and body: what a third party needs to check a commitment. Raises LedgerDamaged."""
        if not self._sealer.knows(data_key):
            self._load_keys()
        return self._sealer.open_salted(data_key, sealed, context, commitment)

    def seal(self, body: bytes, context: bytes) -> Sealed:
        """Anything else that is kept beside the ledger; `context` says what kind of thing it is."""
        return self._sealer.seal(body, context)

    def packed(self, body: bytes, context: bytes) -> bytes:
        """Sealed, for a column of a row that is bound as it stands: key and bytes in one."""
        sealed = self.seal(body, context)
        return msgspec.msgpack.encode((sealed.key_id, sealed.blob))

    def unpacked(self, packed: bytes | None, context: bytes) -> bytes | None:
        """What such a column has; nothing of nothing. Raises LedgerDamaged."""
        if packed is None:
            return None
        try:
            key, blob = msgspec.msgpack.decode(packed, type=tuple[int, bytes])
        except msgspec.DecodeError as trouble:
            raise LedgerDamaged(f"a sealed {context.decode()} is none") from trouble
        return self.open(key, blob, context)

    def seal_event(self, event: Event) -> Sealed:
        """The event's canonical bytes, sealed."""
        return self._sealer.seal(event.body, EVENT)

    def terms(self, event: Event) -> frozenset[bytes]:
        """Keyed hashes by which the dossier is found: identity number, phone, words of the name."""
        applicant, payer = event.data.get("applicant") or {}, event.data.get("payer") or {}
        identity = applicant.get("identity") or {}
        found = self._terms_of(applicant, identity.get("number"))
        return frozenset(found | self._terms_of(payer, payer.get("identity_number")))

    def _terms_of(self, person: Mapping[str, Any], number: str | None) -> set[bytes]:
        found: set[bytes] = set()
        if number:
            found.add(self._sealer.terms.identity_term(number))
        if person.get("phone"):
            found.add(self._sealer.terms.phone_term(person["phone"]))
        if person.get("name"):
            found |= self._sealer.terms.name_terms(person["name"])
        return found

    def seal_exchange(self, exchange: Exchange) -> Sealed:
        """The exact bytes of one call, both ways, sealed as one."""
        parts = [exchange.request_head, exchange.request_body, exchange.reply_head, exchange.reply_body]
        return self._sealer.seal(msgspec.msgpack.encode(parts), EXCHANGE)

    def open_exchange(self, data_key: int, sealed: bytes) -> tuple[bytes, bytes, bytes, bytes | None]:
        """Request head and body, reply head and body."""
        parts = msgspec.msgpack.decode(self.open(data_key, sealed, EXCHANGE))
        return parts[0], parts[1], parts[2], parts[3]

    def load_event(self, tx: Tx, number: int) -> Event:
        """An event by its number in the ledger."""
        row = tx.one("load_event", number)
        assert row is not None
        return self.event(row)

    def event(self, row: Row) -> Event:
        """From (source, id, kind, dossier, occurred_at, sequence, digest, traceparent, data key, sealed)."""
        body = self.open(row[8], row[9], EVENT)
        return event_from_body(body, kind=row[2], occurred_at=from_ms(row[4]), sequence=row[5], digest=row[6])


_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder().decode


def event_from_body(body: bytes, *, kind: str, occurred_at: datetime, sequence: int | None, digest: bytes) -> Event:
    """The noun, from its canonical bytes and what the ledger keeps beside them. Raises LedgerDamaged: not its body."""
    if digest_of(body) != digest:
        # Each body is whole for itself; one that was put in another's place is found here.
        raise LedgerDamaged("the body is not that of its event")
    wire = _decode(body)
    return Event(
        source=wire["source"],
        id=wire["id"],
        kind=kind,
        dossier=wire["subject"],
        occurred_at=occurred_at,
        sequence=sequence,
        body=body,
        digest=digest,
        data=wire["data"],
        traceparent=wire.get("traceparent"),
    )
