"""What contract tests of signing services share: a signature to be made, a desk that prepares it, and its walk.

The walk stands in for the ledger: it keeps what an attempt said, and gives a one-time password to one attempt alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.partners.signers.adapter import SigningService
from bus.messages import Attempt, Delivery, Event, InDoubt, Refused, Unreachable
from bus.signatures import SignatureStanding, SignatureState, SignatureTold, SignatureVerdict, SignDocument
from signing.raw_values import judge
from tests.builders import DOSSIER, from_json, make_delivery

OFFICIAL = "099000000002"
AGENCY = "0990000001"
REQUEST = "KY" + "0" * 27 + "001"


class Crashed(BaseException):
    """The process ended here. No handler of ordinary trouble may catch it."""


def crash_at(wanted: str) -> Callable[[str], None]:
    """A crash point that ends the process at this place."""

    def point(name: str) -> None:
        if name == wanted:
            raise Crashed(name)

    return point


def digest_of(n: int) -> bytes:
    """Of the n-th document's signed attributes."""
    return hashlib.sha256(f"document {n}".encode()).digest()


def requested(documents: int = 1) -> Event:
    """What the one-stop system asks for."""
    return from_json(
        {
            "specversion": "1.0",
            "id": "ky-1",
            "source": "one-stop/h99",
            "type": "vn.lienthong.signature.requested.v1",
            "subject": DOSSIER,
            "time": datetime(2026, 7, 3, 5, 0, tzinfo=UTC).isoformat(),
            "datacontenttype": "application/json",
            "data": {
                "signature": "KQ-1",
                "signer": {"role": "official", "user": OFFICIAL, "name": "Trần Văn Mẫu"},
                "documents": [
                    {"id": f"D{n}", "name": f"giay-phep-{n}.pdf", "form": "pdf"} for n in range(1, documents + 1)
                ],
            },
        }
    )


def standing(*, documents: int = 1, user: str = OFFICIAL, **members: Any) -> SignatureStanding:
    """A signature that nobody was asked for yet."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {
        "signature": 7,
        "name": "KQ-1",
        "n": 1,
        "request": REQUEST,
        "made_at": now,
        "role": "official",
        "user": user,
        "signer_name": "Trần Văn Mẫu",
        "level": "B-LT",
        "expires_at": now + timedelta(minutes=5),
        "state": SignatureState.CREATED,
        "documents": tuple(
            SignDocument(n=n, id=f"D{n}", name=f"giay-phep-{n}.pdf", form="pdf") for n in range(1, documents + 1)
        ),
    }
    return SignatureStanding(**(known | members))


class Walk:
    """One signature on its way, as the ledger would carry it. It is its own desk."""

    def __init__(self, first: SignatureStanding | None = None) -> None:
        self.now = first or standing()
        self.attempts: list[Attempt] = []
        self.is_unanswered = False
        self.values: dict[int, bytes] = {}
        self.prepared = 0

    def prepare(self, delivery: Delivery, certificate: bytes, chain: Sequence[bytes]) -> SignatureStanding:
        """The desk: prepared once."""
        if self.now.certificate is None:
            documents = tuple(replace(each, digest=digest_of(each.n)) for each in self.now.documents)
            self.now = replace(
                self.now,
                certificate=certificate,
                chain=tuple(chain),
                documents=documents,
                state=SignatureState.PREPARED,
            )
            self.prepared += 1
        return self.now

    def step(self, service: SigningService, one_time: str = "") -> Attempt:
        """One attempt: a delivery, or a question where an answer is owed."""
        told = self.now
        if one_time:
            told = replace(self.now, one_time=one_time, one_times=self.now.one_times + 1)
            self.now = replace(told, one_time=None, state=SignatureState.UNKNOWN)  # until the attempt says otherwise
        delivery = make_delivery(
            requested(len(told.documents)), partner="service", signature=told, is_unanswered=self.is_unanswered
        )
        is_question = self.is_unanswered or told.state in (SignatureState.WAITING_USER, SignatureState.UNKNOWN)
        self.is_unanswered = True  # so it stays if the worker dies in there
        attempt = service.ask(delivery) if is_question else service.deliver([delivery])[0]
        self._learn(attempt)
        return attempt

    def until(self, service: SigningService, *, tries: int = 8) -> Attempt:
        """Until it waits for a person, is signed, or is over."""
        for _ in range(tries):
            attempt = self.step(service)
            is_held = isinstance(attempt.outcome, InDoubt) and attempt.outcome.then == "hold"
            if is_held or isinstance(attempt.outcome, Refused) or self.values or self.code.startswith("otp_"):
                break
        return self.attempts[-1]

    @property
    def told(self) -> SignatureTold | None:
        """What the last attempt said."""
        found = self.attempts[-1].facts.get("told") if self.attempts else None
        assert found is None or isinstance(found, SignatureTold)
        return found

    @property
    def code(self) -> str:
        return self.told.code if self.told else ""

    @property
    def is_proved(self) -> bool:
        """Whether every document has a value that verifies."""
        certificate = self.now.certificate or b""
        digests = {each.n: each.digest or b"" for each in self.now.documents}
        found = {n for n, value in self.values.items() if isinstance(judge(digests[n], certificate, value), bytes)}
        return found == set(digests)

    def _learn(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        outcome, told = attempt.outcome, attempt.facts.get("told")
        self.is_unanswered = isinstance(outcome, InDoubt)
        if isinstance(outcome, InDoubt) and self.now.state is SignatureState.PREPARED:
            self.now = replace(self.now, state=SignatureState.UNKNOWN)
        if isinstance(outcome, Unreachable):
            self.is_unanswered = False
            if isinstance(told, SignatureTold) and told.verdict is SignatureVerdict.NOT_THERE:
                self.now = replace(self.now, state=SignatureState.PREPARED)
        handle = attempt.facts.get("handle")
        if handle:
            self.now = replace(self.now, handle=handle)
        if isinstance(told, SignatureTold):
            if told.verdict is SignatureVerdict.WAITING:
                self.now = replace(self.now, state=SignatureState.WAITING_USER)
            self.values |= {each.n: each.value for each in told.values if each.n is not None}


def kept_bytes(walk: Walk) -> bytes:
    """Everything that was kept of its exchanges."""
    parts = [
        part
        for attempt in walk.attempts
        for each in attempt.exchanges
        for part in (each.request_head, each.request_body, each.reply_head, each.reply_body or b"")
    ]
    evidence = [told.evidence for a in walk.attempts if isinstance(told := a.facts.get("told"), SignatureTold)]
    return b"\n".join([*parts, *evidence])
