"""What the ledger knows of a signature: its row, its documents, and what an adapter needs of both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from bus.bodies import CERTIFICATE, CHAIN, ONE_TIME, Bodies
from bus.engines.sqlite import Row, Tx
from bus.lanes import BUS
from bus.moves import MoveWriter
from bus.signature_evidence import note
from bus.signature_rule import Known, ask_next
from bus.signatures import (
    SignatureFacts,
    SignaturePolicy,
    SignatureStanding,
    SignatureState,
    SignatureTold,
    SignatureVerdict,
    SignDocument,
)
from bus.times import from_ms, to_ms

ONE_TIME_TAKEN: Final = "one_time_taken"
"""The cause of the move that says that an attempt has it."""
DEFAULT_LEVEL: Final = "B-LT"


class SignatureRow(NamedTuple):
    """`read_signature`, column by column."""

    id: int
    source: str
    name: str
    dossier: int
    event: int
    after: int | None
    service: str | None
    role: Any
    level: Any
    unit: str | None
    procedure: str | None
    state: SignatureState
    delivery: int | None
    n: int
    request: str
    handle: str | None
    certificate: bytes | None
    """Sealed, as the chain is: `certificate_of`, `chain_of`."""
    chain: bytes | None
    code: str
    via: str
    expires_at: int
    opened_at: int | None
    ask_at: int | None
    asked: int
    asked_at: int | None
    finish_at: int | None
    finish_until: int | None
    finish_fence: int
    finish_tries: int
    one_time: int | None
    one_times: int
    signed_at: int | None
    made_at: int | None
    created_at: int
    number: str
    """The dossier's."""
    due_at: int | None
    traceparent: str | None

    def facts(self, bodies: Bodies) -> SignatureFacts:
        """For whoever reads a service's words about it."""
        return SignatureFacts(
            signature=self.id,
            name=self.name,
            source=self.source,
            dossier=self.number,
            n=self.n,
            service=self.service,
            request=self.request,
            handle=self.handle,
            state=self.state,
            role=self.role,
            level=self.level,
            expires_at=from_ms(self.expires_at),
            certificate=certificate_of(self, bodies),
            unit=self.unit,
        )

    def ask_next(self, at: int, policy: SignaturePolicy, *, more: int = 0) -> int | None:
        """When its service is asked next, `more` questions from now."""
        opened_at = from_ms(self.created_at if self.opened_at is None else self.opened_at)
        has_webhook = self.service is not None and policy.has_webhook(self.service)
        until, now = from_ms(self.expires_at), from_ms(at)
        planned = ask_next(opened_at, until, self.asked + more, now, has_webhook=has_webhook)
        return None if planned is None else to_ms(planned)


class DocumentRow(NamedTuple):
    """`documents_of_signature`, column by column."""

    n: int
    name: str
    form: Any
    is_result: int
    given: int | None
    prepared: int | None
    plan: bytes | None
    digest: bytes | None
    value: bytes | None
    signed: int | None
    verdict: str
    reached: str
    code: str
    given_sha256: str | None
    signed_sha256: str | None
    signed_size: int | None

    @property
    def is_proved(self) -> bool:
        """Whether a person signed it."""
        return self.value is not None or self.signed is not None


def read_signature(tx: Tx, signature: int) -> SignatureRow:
    """A signature that is there."""
    found = find_signature(tx, signature)
    assert found is not None
    return found


def find_signature(tx: Tx, signature: int) -> SignatureRow | None:
    """A signature; None where there is none of that number."""
    row = tx.one("read_signature", signature)
    if row is None:
        return None
    made = SignatureRow._make(row)
    return made._replace(state=SignatureState(made.state))


def read_documents(tx: Tx, signature: int) -> list[DocumentRow]:
    """Its documents, in order."""
    return [DocumentRow._make(row) for row in tx.all("documents_of_signature", signature)]


def known_of(tx: Tx, row: SignatureRow, *, is_current: bool) -> Known:
    """For the rule."""
    missing = frozenset(one.n for one in read_documents(tx, row.id) if not one.is_proved)
    return Known(state=row.state, missing=missing, code=row.code, is_current=is_current)


class SignedClaim(NamedTuple):
    """What of a signature rides on a claim: its event is opened outside the writer's thread, and so are its secrets."""

    row: SignatureRow
    documents: tuple[DocumentRow, ...]
    one_time: Row | None
    """Data key and sealed bytes of what a person typed; taken from the ledger with the claim."""


def claim_of(tx: Tx, signature: int, moves: MoveWriter, at: int) -> SignedClaim:
    """The signature as it stands now. Must be written: a one-time secret is taken by this, and is gone.

    From now on nobody knows whether it is signed, until the attempt that has the secret says so: a worker that dies
    over it must not have a person give another one, and sign a second time.
    """
    row = read_signature(tx, signature)
    sealed = None
    if row.one_time is not None:
        sealed = tx.one("read_body", row.one_time)
        tx.run("take_one_time", at, signature)
        tx.run("destroy_body", row.one_time)
        note(tx, moves, signature, ONE_TIME_TAKEN, at, BUS)
        row = row._replace(one_times=row.one_times + 1)
    return SignedClaim(row, tuple(read_documents(tx, signature)), sealed)


def standing_of(claim: SignedClaim, data: Mapping[str, Any], bodies: Bodies) -> SignatureStanding:
    """As an adapter needs to know it; `data`: of the event that asked for it."""
    row, signer = claim.row, data["signer"]
    secrets = _opened(claim.one_time, bodies)
    asked = dict(enumerate(data["documents"], 1))
    return SignatureStanding(
        signature=row.id,
        name=row.name,
        n=row.n,
        request=row.request,
        made_at=from_ms(row.created_at),
        role=row.role,
        user=signer["user"],
        signer_name=signer["name"],
        credential=signer.get("credential"),
        level=row.level,
        expires_at=from_ms(row.expires_at),
        state=row.state,
        handle=row.handle,
        certificate=certificate_of(row, bodies),
        chain=chain_of(row, bodies),
        description=data.get("description"),
        documents=tuple(_document(one, asked[one.n]) for one in claim.documents),
        one_time=secrets.get("one_time"),
        sad=secrets.get("sad"),
        one_times=row.one_times,
    )


def is_overtaken(told: SignatureTold, asked_with: SignatureStanding, row: SignatureRow) -> bool:
    """Whether it says that a code is waited for, and another question took one since: that one may be signing now."""
    return told.verdict is SignatureVerdict.WAITING and asked_with.one_times < row.one_times


def certificate_of(row: SignatureRow, bodies: Bodies) -> bytes | None:
    """The one that its documents are prepared for: DER. Raises LedgerDamaged."""
    return bodies.unpacked(row.certificate, CERTIFICATE)


def chain_of(row: SignatureRow, bodies: Bodies) -> tuple[bytes, ...]:
    """Certificates, the one that signed the signer's first. Raises LedgerDamaged."""
    chain = bodies.unpacked(row.chain, CHAIN)
    return () if chain is None else tuple(msgspec.msgpack.decode(chain))


def sign_documents(rows: list[DocumentRow]) -> list[SignDocument]:
    """For judging values: without what persons call them."""
    return [SignDocument(n=one.n, id=one.name, name="", form=one.form, digest=one.digest) for one in rows]


def _document(row: DocumentRow, asked: Mapping[str, Any]) -> SignDocument:
    return SignDocument(
        n=row.n,
        id=row.name,
        name=asked["name"],
        form=row.form,
        digest=row.digest,
        value=row.value,
        sha256=row.given_sha256 or asked.get("sha256"),
    )


def _opened(sealed: Row | None, bodies: Bodies) -> dict[str, str]:
    if sealed is None:
        return {}
    return dict(msgspec.json.decode(bodies.open(sealed[0], sealed[1], ONE_TIME)))


def told_until(data: Mapping[str, Any]) -> int | None:
    """Until when its source says that it may be signed."""
    told = data.get("expires_at")
    return None if told is None else to_ms(datetime.fromisoformat(told))
