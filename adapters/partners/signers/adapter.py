"""A signing service as the bus sees it: `check`, `deliver` and `ask`.

    deliver   certificate (a read) ─▶ is it usable, is it the person's? ─▶ the desk freezes the documents ─▶ submit
    ask       nothing was sent ─▶ deliver again;  else ─▶ status

What differs between services are those three calls (`Service`). Here is what must never differ: nothing is sent before
the documents stand on disk and in the ledger, nobody is asked twice for one try, no call outlives its lease, no secret
is kept in an exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

import structlog

from adapters.documents.errors import DocumentNotNow
from adapters.partners.signers.credentials import Misfit, misfit_of
from adapters.partners.signers.kept import kept
from bus.errors import Unmappable
from bus.messages import SIGNATURE_REQUESTED, Attempt, Delivery, Exchange, InDoubt, Refused, Unreachable
from bus.ports import Clock, CrashPoint, no_crash
from bus.signatures import SignatureStanding, SignatureState
from signing.errors import DocumentRefused

log = structlog.get_logger("signers")

NO_TIME: Final = Unreachable(
    reason="no_time: the lease would end before the answer", retry_after=timedelta(0), is_down=False
)
SHADOW: Final = Unreachable(reason="shadow", is_down=False)
NOT_ASKED: Final = InDoubt(reason="no_time: it was not asked", is_down=False)
"""Of a question. Unreachable would say that the service does not have it, and let it go a second time."""
NOTHING_SENT: Final = Unreachable(
    reason="nothing_sent: no document was prepared for it", retry_after=timedelta(0), is_down=False
)
NEVER_SENT: Final = frozenset({SignatureState.BLOCKED, SignatureState.CREATED})
"""Without a placeholder there is no digest, and without a digest nothing can have been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate that a service holds the key of, for one signer."""

    id: str
    """What the service knows it by: a serial number, a credential id."""
    certificate: bytes
    """DER."""
    chain: tuple[bytes, ...] = ()
    """DER of the authorities above it, as far as the service told."""
    algorithm: Literal["rsa", "ecdsa"] = "rsa"
    most_signatures: int | None = None
    """Documents of one transaction; None: the service named no limit."""
    expires: datetime | None = None
    """When its service says that it ends, where that is not in the certificate."""
    exchanges: tuple[Exchange, ...] = ()


class Service(Protocol):
    """One service's own words. The walk between them is the frame's."""

    def credential(self, standing: SignatureStanding) -> Credential | Attempt:
        """Which certificate the signer would sign with: a read. An Attempt where there is none, or no answer.

        Where the documents are prepared already (`standing.certificate`), that very one is looked for. Raises
        Unmappable for what the service could not be asked at all.
        """
        ...

    def submit(self, standing: SignatureStanding, credential: Credential) -> Attempt:
        """Ask the signer, once, under `standing.request`. Facts: `handle`, `until`, `told` (`told.py` makes them)."""
        ...

    def status(self, standing: SignatureStanding) -> Attempt:
        """What became of it. Unreachable only where the service says itself that it does not have it; where nothing
        can be asked by, InDoubt with `then="hold"`."""
        ...


class SigningDesk(Protocol):
    """Fetches, looks into and freezes the documents of a signature, and writes them down."""

    def prepare(self, delivery: Delivery, certificate: bytes, chain: Sequence[bytes]) -> SignatureStanding:
        """The standing with its digests. Prepared once: who asks again gets the first. Raises DocumentRefused,
        DocumentNotNow."""
        ...


Judge = Callable[[SignatureStanding, bytes, Sequence[bytes], datetime], Misfit | None]
"""What else an installation asks of a certificate before a signature: its chain, its revocation where that is known."""


def no_judge(standing: SignatureStanding, certificate: bytes, chain: Sequence[bytes], at: datetime) -> Misfit | None:
    """Of an installation that judges at the end alone."""
    return None


class SigningService:
    """One service, used by many threads."""

    def __init__(
        self,
        service: Service,
        *,
        desk: SigningDesk,
        name: str,
        clock: Clock,
        timeout: timedelta,
        judge: Judge = no_judge,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`timeout`: of one call to the service; no call starts that could outlive the lease."""
        self._service = service
        self._desk = desk
        self._name = name
        self._clock = clock
        self._timeout = timeout
        self._judge = judge
        self._point = crash_point

    def check(self, delivery: Delivery) -> None:
        """Send nothing. Raises `Unmappable`."""
        self._standing(delivery)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        """Each in turn: one person is asked for one signature."""
        self._point("shape.before")
        standings = [self._standing(delivery) for delivery in batch]
        self._point("shape.after")
        return [self._guarded(delivery, standing) for delivery, standing in zip(batch, standings, strict=True)]

    def ask(self, delivery: Delivery) -> Attempt:
        """What became of it."""
        standing = self._standing(delivery)
        if standing.state in NEVER_SENT:
            return Attempt(outcome=NOTHING_SENT)
        return self._asked(delivery, standing)

    # -- the walk -----------------------------------------------------------------------------------------------------

    def _guarded(self, delivery: Delivery, standing: SignatureStanding) -> Attempt:
        if (not_now := self._not_now(delivery)) is not None:
            return not_now
        if standing.state not in (SignatureState.CREATED, SignatureState.PREPARED) or standing.handle is not None:
            return self._asked(delivery, standing)  # somebody was asked already: never a second time
        return self._read(self._walk(delivery, standing))

    def _asked(self, delivery: Delivery, standing: SignatureStanding) -> Attempt:
        if self._not_now(delivery) is not None:
            return Attempt(outcome=NOT_ASKED)
        return self._read(self._service.status(standing))

    def _walk(self, delivery: Delivery, standing: SignatureStanding) -> Attempt:
        found = self._service.credential(standing)
        if isinstance(found, Attempt):
            return found
        self._point("sign.credential")
        if (misfit := self._misfit(found, standing)) is not None:
            log.warning("certificate_not_used", partner=self._name, signature=standing.signature, code=misfit.code)
            return _refused(misfit.code, misfit.reason, found)
        try:
            prepared = self._desk.prepare(delivery, found.certificate, found.chain)
        except DocumentRefused as refused:
            return _refused(_code_of(refused), str(refused), found)
        except DocumentNotNow as trouble:
            return Attempt(outcome=Unreachable(reason=str(trouble), is_down=False), exchanges=found.exchanges)
        self._point("sign.prepared")
        return self._submitted(delivery, _described(prepared, delivery), found)

    def _submitted(self, delivery: Delivery, prepared: SignatureStanding, found: Credential) -> Attempt:
        if prepared.certificate != found.certificate:
            reason = "prepared under another certificate than the service has now"
            return _refused("other_certificate", reason, found)
        if not self._has_time(delivery):
            return Attempt(outcome=NO_TIME, exchanges=found.exchanges)
        attempt = self._service.submit(prepared, found)
        self._point("sign.sent")
        return replace(attempt, exchanges=(*found.exchanges, *attempt.exchanges))

    def _misfit(self, found: Credential, standing: SignatureStanding) -> Misfit | None:
        now = self._clock.now()
        misfit = misfit_of(found.certificate, user=standing.user, name=standing.signer_name, at=now)
        if misfit is None and found.expires is not None and found.expires <= now:
            misfit = Misfit(code="certificate_not_usable", reason="expired")
        if misfit is None and (found.most_signatures or len(standing.documents)) < len(standing.documents):
            reason = f"one transaction takes {found.most_signatures} documents"
            misfit = Misfit(code="service_refused", reason=reason)
        return misfit or self._judge(standing, found.certificate, found.chain, now)

    def _read(self, attempt: Attempt) -> Attempt:
        clean = kept(attempt)
        self._point("sign.answered")
        return clean

    # -- what may not be now ------------------------------------------------------------------------------------------

    def _standing(self, delivery: Delivery) -> SignatureStanding:
        if delivery.event.kind != SIGNATURE_REQUESTED:
            raise Unmappable(field="/type", rule="no_row", value=delivery.event.kind, table=f"{self._name} kinds")
        if delivery.signature is None:
            raise Unmappable(field="/data/signature", rule="missing")
        return _described(delivery.signature, delivery)

    def _not_now(self, delivery: Delivery) -> Attempt | None:
        if delivery.is_shadow:
            return Attempt(outcome=SHADOW)
        return None if self._has_time(delivery) else Attempt(outcome=NO_TIME)

    def _has_time(self, delivery: Delivery) -> bool:
        """No call starts that could outlive its lease: somebody else may be asking by then."""
        until = delivery.leased_until
        return until is None or self._clock.now() + self._timeout <= until


def _described(standing: SignatureStanding, delivery: Delivery) -> SignatureStanding:
    """What the phone shows where the source says nothing of its own."""
    return replace(standing, description=standing.description or f"Ký hồ sơ {delivery.event.dossier}")


def _refused(code: str, reason: str, found: Credential) -> Attempt:
    return Attempt(outcome=Refused(code=code, reason=reason), exchanges=found.exchanges)


def _code_of(refused: DocumentRefused) -> str:
    code = refused.code
    return code if code.startswith("document_") else f"document_{code}"
