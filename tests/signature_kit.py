"""What tests of the ledger's signatures share: a service whose books judge, an ear for the news, a world between them.

Signing is a digest here: a value is `sig:` and the digest, made of the certificate that the service listed, so that it
proves itself without any cryptography. The service keeps each signing in a file of its own lines, so that it outlives a
process that dies; whoever approves, approves there. The world's ledger, worker, asker and finishing are the real ones.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bus.asking import Asker
from bus.dispatch import Dispatcher, PartnerWork
from bus.documents import DocumentRole, NewDocument
from bus.errors import StaleFence, Unmappable
from bus.ledger import Ledger
from bus.messages import Acceptance, Attempt, Awaiting, Delivered, Delivery, Event, InDoubt, Refused, Unreachable
from bus.ports import CrashPoint, FileStorage, no_crash
from bus.retry import Patience
from bus.signature_asking import SignatureQuestions
from bus.signatures import (
    DocumentValue,
    FinishedDocument,
    FinishJob,
    FinishOutcome,
    PreparedDocument,
    ServiceChoice,
    SignatureHeard,
    SignaturePolicy,
    SignatureStanding,
    SignatureState,
    SignatureTold,
    SignatureVerdict,
    Via,
)
from bus.upkeep import migrate, verify
from tests.builders import DOSSIER, SOURCE, event_json, from_json
from tests.payment_kit import EAR, PORTAL, RECORD_ROUTE, Listener, Till, said
from tests.world import MASTER, SeededRandomness, SimClock

PEN: Final = "pen"
CERTIFICATE: Final = b"certificate of the signer"
CHAIN: Final = (b"issuer", b"root")
UNIT: Final = "000.00.09.H99"
Fate = Callable[[Delivery], str]


def all_well(delivery: Delivery) -> str:
    return "ok"


def value_of(digest: bytes, certificate: bytes = CERTIFICATE) -> bytes:
    """What a person's key makes of a digest."""
    return b"sig:" + hashlib.sha256(certificate + digest).digest()


def judge(digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
    return value if value == value_of(digest, certificate) else "wrong_signature"


class Pen:
    """The service's adapter, and the service.

    Fates: ok, at_once, down, refuse, document, lost_before, lost_after, blind, mute, waits, held, broken, no, taken,
    called_first, otp.
    """

    def __init__(self, books: Till, world: SignWorld, fate: Fate) -> None:
        self.books = books
        self.world = world
        self.fate = fate
        self.asked: list[str] = []
        self.secrets: list[str | None] = []
        self.life = timedelta(seconds=300)
        """How long a person has."""

    def check(self, delivery: Delivery) -> None:
        """Everything can be shaped."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._deliver(delivery) for delivery in batch]

    def _deliver(self, delivery: Delivery) -> Attempt:
        of = delivery.signature
        assert of is not None
        fate = self.fate(delivery)
        self.secrets.append(of.one_time)
        if fate == "held":
            raise Unmappable(field="/data/unit", rule="no_row")
        if fate == "down":
            return said(Unreachable(reason="refused"))
        if fate == "document":
            return said(Refused(code="document_encrypted", reason="it has a password"))
        of = self.world.prepare(delivery)
        if fate == "refuse":
            return said(Refused(code="no_certificate", reason="the user has none"))
        if fate == "broken":
            raise RuntimeError("our own trouble, behind the sending")
        self.world.point("sign.sent")
        if fate != "lost_before":
            self._sign(of)
        self.world.point("sign.answered")
        if fate in ("lost_before", "lost_after", "blind"):
            return said(InDoubt(reason="reply lost"))
        if fate == "called_first":
            self.approve(of.request)
            self.world.call_back(of.request)
        if fate == "at_once":
            self.approve(of.request)
            return said(self._taken(of), told=self.word(of.request, "answer"), handle=f"h-{of.request}")
        if fate == "no":
            self.note("declined", of.request)
            return said(Refused(code="declined_by_signer", reason="no"), told=self.word(of.request, "answer"))
        if fate == "taken":
            return said(Delivered())
        if fate == "otp":
            told = SignatureTold(
                partner=PEN, request=of.request, verdict=SignatureVerdict.WAITING, via="answer", code="otp_wanted"
            )
            return said(self._taken(of), told=told)
        until = self.world.clock.now() + self.life
        return said(self._taken(of), handle=f"h-{of.request}", until=until)

    def _sign(self, of: SignatureStanding) -> None:
        """The service's own idempotency: one request id is one operation, for ever."""
        if not self.has(of.request):
            digests = [one.digest.hex() for one in of.documents if one.digest is not None]
            self.books.note("sign", of.request, digests, [one.id for one in of.documents])

    def _taken(self, of: SignatureStanding) -> Awaiting:
        return Awaiting(reference=of.request, ask_at=self.world.clock.now(), lane_goes_on=True)

    def ask(self, delivery: Delivery) -> Attempt:
        of = delivery.signature
        assert of is not None
        self.asked.append(of.request)
        self.secrets.append(of.one_time)
        fate = self.fate(delivery)
        if fate == "down":
            return said(Unreachable(reason="refused"))
        if fate in ("mute", "blind"):
            return said(InDoubt(reason="reply lost", then="hold" if fate == "blind" else "ask"))
        if of.state is SignatureState.CREATED:
            return said(Unreachable(reason="nothing was sent", retry_after=timedelta(), is_down=False))
        told = self.word(of.request, "query")
        if fate == "waits":
            told = SignatureTold(partner=PEN, request=of.request, verdict=SignatureVerdict.WAITING, via="query")
        if told.verdict is SignatureVerdict.NOT_THERE:
            outcome: Any = Unreachable(reason="not there", retry_after=timedelta(), is_down=False)
        elif told.verdict in (SignatureVerdict.SIGNED, SignatureVerdict.WAITING):
            outcome = self._taken(of)
        else:
            outcome = Refused(code=told.code, reason=told.reason)
        return said(outcome, told=told, handle=f"h-{of.request}")

    # -- its books ------------------------------------------------------------------------------------------------

    def note(self, what: str, request: str, *more: Any) -> None:
        self.books.note(what, request, *more)

    def has(self, request: str) -> bool:
        return any(line[0] == request for line in self.books.lines("sign"))

    def approve(self, request: str) -> None:
        """The person approves; nobody is told yet."""
        self.note("approved", request)

    def decline(self, request: str) -> None:
        self.note("declined", request)

    def digests(self, request: str) -> list[bytes]:
        return next([bytes.fromhex(one) for one in line[1]] for line in self.books.lines("sign") if line[0] == request)

    def ids(self, request: str) -> list[str]:
        return next(line[2] for line in self.books.lines("sign") if line[0] == request)

    def word(self, request: str, via: Via) -> SignatureTold:
        """What the service says of a request now."""
        verdict, code = SignatureVerdict.WAITING, ""
        values: tuple[DocumentValue, ...] = ()
        if not self.has(request):
            verdict = SignatureVerdict.NOT_THERE
        elif [request] in self.books.lines("approved"):
            verdict, values = SignatureVerdict.SIGNED, self.values(request)
        elif [request] in self.books.lines("declined"):
            verdict, code = SignatureVerdict.DECLINED, "declined_by_signer"
        elif [request] in self.books.lines("over"):
            verdict, code = SignatureVerdict.EXPIRED, "expired"
        elif [request] in self.books.lines("failed"):
            verdict, code = SignatureVerdict.FAILED, "quota_exhausted"
        return SignatureTold(
            partner=PEN,
            request=request,
            verdict=verdict,
            via=via,
            values=values,
            code=code,
            reason="the service's own words" if code else "",
            evidence=json.dumps([request, via, verdict]).encode(),
            address="192.0.2.7",
        )

    def values(self, request: str, certificate: bytes = CERTIFICATE) -> tuple[DocumentValue, ...]:
        digests = self.digests(request)
        return tuple(DocumentValue(n=n, value=value_of(one, certificate)) for n, one in enumerate(digests, 1))


class SignWorld:
    """A ledger with its service, ear and portal, a worker, an asker, a finisher, and time."""

    def __init__(
        self,
        folder: Path,
        *,
        fate: Fate = all_well,
        crash_point: CrashPoint = no_crash,
        clock: SimClock | None = None,
        service: str | None = PEN,
        hears: bool = True,
        **policy: Any,
    ) -> None:
        self.path = folder / "ledger.db"
        self.clock = clock or SimClock()
        self.pen = Pen(Till(folder / "pen"), self, fate)
        self.ear, self.portal = Listener(folder / "ear"), Listener(folder / "portal")
        self.point = crash_point
        self.service = service
        self.finishes: list[str] = []
        """What each finishing comes to, in order; made when the list is over."""
        usual: dict[str, Any] = {
            "service_for": lambda unit, procedure, role, at, wish: self._choice(wish),
            "judge": judge,
            "taker": lambda source: EAR if hears else None,
            "portal": PORTAL,
            "document_url": lambda document, until: f"https://docs.example.invalid/{document}?until={until:%Y}",
        }
        self.policy = SignaturePolicy(**(usual | policy))
        if not self.path.exists():
            migrate(self.path, FileStorage(), self.clock)
        self.ledger = self.opened()
        patience = Patience(in_flight=timedelta(seconds=30))
        adapters: dict[str, Any] = {PEN: self.pen, EAR: self.ear, PORTAL: self.portal}
        self.partners = {name: PartnerWork(adapter=one, patience=patience) for name, one in adapters.items()}
        self.work_anew()

    def _choice(self, wish: str | None) -> ServiceChoice | None:
        name = wish or self.service
        return None if name is None else ServiceChoice(service=name, level="B-T")

    def opened(self) -> Ledger:
        return Ledger.open(
            self.path,
            MASTER,
            clock=self.clock,
            randomness=SeededRandomness(1),
            storage=FileStorage(),
            crash_point=self.point,
            signatures=self.policy,
        )

    def work_anew(self) -> None:
        """A worker and an asker for the ledger that is open now."""
        self.dispatcher = Dispatcher(
            self.ledger, self.partners, name="w1", clock=self.clock, randomness=SeededRandomness(2),
            crash_point=self.point,
        )  # fmt: skip
        books = (SignatureQuestions(self.ledger),)
        self.asker = Asker(
            self.ledger, {PEN: self.partners[PEN]}, books, name="w1", clock=self.clock, crash_point=self.point
        )

    def close(self) -> None:
        self.ledger.close()

    # -- what happens -------------------------------------------------------------------------------------------

    def record(self, event: Event) -> Acceptance:
        return self.ledger.record(event, (RECORD_ROUTE,) if event.kind == "dossier.recorded" else ())

    def ask_for(self, name: str = "S1", **data: Any) -> Acceptance:
        """A source asks for a signature."""
        return self.record(signature_event(name, **data))

    def send(self, name: str = "S1", **data: Any) -> str:
        """Asked for, and on the person's phone; its request id."""
        self.ask_for(name, **data)
        self.run()
        return self.request(name)

    def make(self, name: str = "S1", **data: Any) -> str:
        """Asked for, approved, asked about and finished."""
        request = self.send(name, **data)
        self.pen.approve(request)
        self.pass_time(seconds=10)
        return request

    def prepare(self, delivery: Delivery) -> SignatureStanding:
        """What the desk does: freeze the documents under the certificate that the service listed."""
        of = delivery.signature
        assert of is not None
        documents = [
            PreparedDocument(
                n=one.n,
                given=self.keep(f"given {one.id}", delivery.event.dossier, DocumentRole.GIVEN),
                prepared=self.keep(f"prepared {one.id} {of.n}", delivery.event.dossier, DocumentRole.PREPARED),
                plan=f"plan {one.n}".encode(),
                digest=hashlib.sha256(f"{of.name} {of.n} {one.id} {self.clock.now()}".encode()).digest(),
            )
            for one in of.documents
        ]
        return self.ledger.signatures.prepared(of.signature, CERTIFICATE, CHAIN, documents)

    def keep(self, content: str, dossier: str = DOSSIER, role: DocumentRole = DocumentRole.SIGNED) -> int:
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        new = NewDocument(dossier=dossier, sha256=sha256, size=len(content), media_type="application/pdf", role=role)
        return self.ledger.documents.keep(new)

    def call_back(self, of: str, **changes: Any) -> SignatureHeard:
        """The service calls back with what it has in its books."""
        word = self.pen.word(of, "callback")
        members = {name: getattr(word, name) for name in SignatureTold.__slots__}
        return self.ledger.signatures.hear(SignatureTold(**(members | changes)))

    def finish(self) -> int:
        """Finish what is due; how many."""
        jobs = self.ledger.signatures.finishing(self.clock.now(), 10)
        for job in jobs:
            try:
                self.ledger.signatures.finished(job, self.outcome(job))
            except StaleFence:
                self.finishes.append("stale")
        return len(jobs)

    def outcome(self, job: FinishJob) -> FinishOutcome:
        to: Any = self.finishes.pop(0) if self.finishes else "made"
        if to == "failed":
            return FinishOutcome(to="failed", code="revoked", reason="the certificate is revoked")
        if to != "made":
            return FinishOutcome(to=to, code="no_time_stamp", reason="the authority did not answer")
        documents = tuple(
            FinishedDocument(
                n=one.n, signed=self.keep(f"signed {job.name} {one.id}", job.number), verdict="passed",
                report=b'{"verdict":"passed"}', reached=job.level,
            )
            for one in job.documents
            if not one.code
        )  # fmt: skip
        return FinishOutcome(to="made", documents=documents, signer_subject="CN=Nguyễn Văn Ví Dụ", serial="5401")

    def run(self, times: int = 3) -> int:
        """Carry what is due; how much."""
        return sum(self.dispatcher.run_once() for _ in range(times))

    def pass_time(self, **time: float) -> None:
        """Time passes, with all that happens meanwhile."""
        self.clock.sleep(timedelta(**time).total_seconds())
        self.asker.run_once(self.clock.now())
        self.finish()
        self.run()

    def live_on(self, minutes: int = 90, *, step: int = 1) -> None:
        for _ in range(0, minutes, step):
            self.pass_time(minutes=step)

    def press(self, verb: str, name: str = "S1", reason: str = "as agreed by phone", **more: Any) -> Any:
        """What a person does."""
        act = getattr(self.ledger.signatures, verb)
        number = self.number(name)
        return self.ledger.engine.write(lambda tx: act(tx, number, account="binh", reason=reason, **more))

    # -- what came of it ----------------------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.ledger.engine.snapshot() as tx:
            return tx.connection.execute(sql, values).fetchall()

    def change(self, sql: str, *values: Any) -> None:
        """Behind the ledger's back."""
        self.ledger.engine.write(lambda tx: tx.connection.execute(sql, values))

    def column(self, column: str, name: str = "S1") -> Any:
        return self.rows(f"SELECT {column} FROM signatures WHERE name = ?", name)[0][0]

    def state(self, name: str = "S1") -> str:
        return str(self.column("state", name))

    def stands(self, name: str = "S1") -> tuple[str, str, str]:
        """States of the signature and of its delivery, and that one's cause."""
        sql = (
            "SELECT s.state, d.state, d.cause FROM signatures s JOIN deliveries d ON d.id = s.delivery WHERE s.name = ?"
        )
        return self.rows(sql, name)[0]

    def number(self, name: str = "S1") -> int:
        return int(self.column("id", name))

    def request(self, name: str = "S1") -> str:
        return str(self.column("request", name))

    def time_of(self, column: str, name: str = "S1") -> datetime | None:
        found = self.column(column, name)
        return None if found is None else datetime.fromtimestamp(found / 1000, tz=self.clock.now().tzinfo)

    def news(self) -> list[str]:
        """Kinds that the one-stop system heard, in their order."""
        return [line[1].removeprefix("signature.") for line in self.ear.heard()]

    def told(self, kind: str) -> dict[str, Any]:
        """The data of the one event of a kind."""
        (data,) = [line[2] for line in self.ear.heard() if line[1] == f"signature.{kind}"]
        return dict(data)

    def effects(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT effect FROM signature_hearings ORDER BY id")]

    def signings(self) -> dict[str, int]:
        """Sign operations at the service, by request."""
        return dict(Counter(line[0] for line in self.pen.books.lines("sign")))

    def damages(self) -> list[Any]:
        return list(verify(self.ledger, bodies=True))

    def judged(self) -> None:
        """Nobody was asked twice under one id; all of it bound; nothing told twice."""
        assert [] == self.damages()
        made = self.rows(
            "SELECT w.signature FROM signature_news w JOIN events e ON e.id = w.event WHERE e.kind = 'signature.made'"
        )
        assert sorted(self.rows("SELECT id FROM signatures WHERE state = 'made'")) == sorted(made)
        heard = Counter(line[0] for line in self.ear.heard())
        assert [] == [id for id, count in heard.items() if count > 1], "told twice"


def signature_event(name: str = "S1", *, dossier: str = DOSSIER, id: str = "", count: int = 1, **data: Any) -> Event:
    """A source wants something signed."""
    documents = [
        {
            "id": f"{name}-d{n}", "name": f"Giấy phép {n}.pdf", "form": "pdf",
            "url": f"https://files.example.invalid/{n}", "sha256": f"{n:064x}", "code": "KQ.01",
        }
        for n in range(1, count + 1)
    ]  # fmt: skip
    body = {
        "signature": name,
        "unit": UNIT,
        "procedure": "1.013225",
        "signer": {"role": "official", "user": "099000000001", "name": "Nguyễn Văn Ví Dụ"},
        "documents": documents,
    }
    wire = event_json("signature.requested", id=id or f"sign-{name}", dossier=dossier, source=SOURCE)
    return from_json(wire | {"data": body | data})
