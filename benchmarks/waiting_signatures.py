"""F18: ten thousand signatures wait for their signers: what they cost the worker, and how their service is asked.

Everything of the ledger, the worker's dispatcher and its asker is real; the service is one that says *waiting* at once,
so that what is measured is ours. They come over two and a half minutes; then the clock is moved second by second: how
many questions reach the service, with its calls back and without, and as its own rate allows. Each signature has three
documents: one question is about all of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from adapters.doors.reading import read_event
from benchmarks.events import SOURCE, number
from benchmarks.installations import CHUNK, folder, fresh
from benchmarks.plan import Plan
from benchmarks.spread import percentile
from bus.asking import Asker
from bus.dispatch import Dispatcher, PartnerWork
from bus.documents import DocumentRole, NewDocument
from bus.ledger import Ledger
from bus.messages import Attempt, Awaiting, Delivery, Event
from bus.ports import SystemRandomness
from bus.signature_asking import SignatureQuestions
from bus.signatures import PreparedDocument, SignatureStanding, SignatureTold, SignatureVerdict
from config import mocked_signers
from config.new_installation import SETTINGS
from config.settings_file import load
from config.wiring import Installation, build, real_ports

WAITING: Final = 10_000
DOCUMENTS: Final = 3
SERVICE: Final = "smartca"
WINDOW: Final = 300
"""Seconds that a signer has."""
COME: Final = 150
"""Seconds over which they come."""
LOOKED: Final = 30
"""Seconds that are looked at then."""
CLAIM: Final = 10
RATE: Final = 50
"""Questions a second, where the service's settings hold us to so many."""
HELD: Final = f"rate = {RATE}\n"
CALLED: Final = "calls_back = true\n"
MARK: Final = "# Of this benchmark:\n"
END: Final = "# So far.\n"
WAYS: Final = {
    "asked": "calls_back = false\n",
    "called_back": "calls_back = true\n",
    "held_back": f"calls_back = false\n{HELD}",
}


class Moved:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        """Nobody waits here."""
        self.time += timedelta(seconds=seconds)


class Waits:
    """A service that asks its user, and whose user has not answered."""

    def __init__(self, ledger: Ledger, clock: Moved) -> None:
        self._ledger, self._clock = ledger, clock
        self.questions = 0

    def check(self, delivery: Delivery) -> None:
        """Everything can be sent."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [self._taken(delivery) for delivery in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        self.questions += 1
        assert delivery.signature is not None
        return self._waiting(delivery.signature, "query")

    def _taken(self, delivery: Delivery) -> Attempt:
        assert delivery.signature is not None
        frozen = [self._frozen(delivery, one.n) for one in delivery.signature.documents]
        standing = self._ledger.signatures.prepared(delivery.signature.signature, b"certificate", (), frozen)
        return self._waiting(standing, "answer")

    def _frozen(self, delivery: Delivery, n: int) -> PreparedDocument:
        digest = hashlib.sha256(f"{delivery.id} {n}".encode())
        new = NewDocument(
            dossier=delivery.event.dossier,
            sha256=digest.hexdigest(),
            size=200_000,
            media_type="application/pdf",
            role=DocumentRole.PREPARED,
        )
        kept = self._ledger.documents.keep(new)
        return PreparedDocument(n=n, given=kept, prepared=kept, plan=b"plan", digest=digest.digest())

    def _waiting(self, of: SignatureStanding, via: Any) -> Attempt:
        handle = f"h-{of.request}"
        told = SignatureTold(
            partner=SERVICE, request=of.request, handle=handle, verdict=SignatureVerdict.WAITING, via=via
        )
        facts: dict[str, Any] = {"told": told, "handle": handle}
        if via == "answer":
            facts["until"] = self._clock.now() + timedelta(seconds=WINDOW)
        outcome = Awaiting(reference=of.request, ask_at=self._clock.now(), lane_goes_on=True)
        return Attempt(outcome=outcome, facts=facts)


def measure(plan: Plan) -> dict[str, Any]:
    """Each way once: what is counted does not change from round to round."""
    count = plan.size(WAITING, 40)
    with _quietly():
        ways = {name: _way(more, count) for name, more in WAYS.items()}
    wrong = sum(abs(count - each["waiting"]) for each in ways.values())
    return {"waiting": count, "documents": DOCUMENTS, "rate": RATE, "looked_s": LOOKED, "wrong": wrong, "ways": ways}


@contextmanager
def _quietly() -> Iterator[None]:
    """What is logged of ten thousand deliveries is measured elsewhere."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.reset_defaults()


def _way(more: str, count: int) -> dict[str, Any]:
    with folder() as place:
        _installation(place)
        clock = Moved()
        _told(place, more.replace(HELD, ""))  # its rate holds back what is sent as well: they are there already
        with _here(place, clock) as here:
            for first in range(0, count, CHUNK):
                here.intake.accept_many([_wanted(n, clock) for n in range(first, min(count, first + CHUNK))])
            before = _resident_mb()
            opened = _opened(_dispatcher(here.ledger, clock), clock, count)
        _told(place, more)
        with _here(place, clock) as here:
            waiting = _waiting_in(here.settings.ledger.path)
            service = Waits(here.ledger, clock)
            work = {SERVICE: PartnerWork(adapter=service)}
            asker = Asker(here.ledger, work, (SignatureQuestions(here.ledger),), name="w", clock=clock)
            asker.ask(SERVICE)  # what became due while they came
            asked = _asked(asker, service, clock)
            grew = round(_resident_mb() - before, 1)
    return {"count": count, "waiting": waiting, "opened_ms": opened, **asked, "grew_mb": grew}


@contextmanager
def _here(place: Path, clock: Moved) -> Iterator[Installation]:
    here = build(load(place / SETTINGS, {}).settings, replace(real_ports(), clock=clock))
    try:
        yield here
    finally:
        here.close()


def _dispatcher(ledger: Ledger, clock: Moved) -> Dispatcher:
    work = {SERVICE: PartnerWork(adapter=Waits(ledger, clock))}
    return Dispatcher(ledger, work, name="w", clock=clock, randomness=SystemRandomness())


def _installation(place: Path) -> None:
    fresh(place)
    mocked_signers.join(place, "http://127.0.0.1:9")
    file = place / SETTINGS
    file.write_text(file.read_text(encoding="utf-8").replace(CALLED, MARK + CALLED), encoding="utf-8")


def _told(place: Path, more: str) -> None:
    """What the service's own table says from now on."""
    file = place / SETTINGS
    head, _, rest = file.read_text(encoding="utf-8").partition(MARK)
    kept = rest.partition(END)[2] if END in rest else rest.removeprefix(CALLED)
    file.write_text(f"{head}{MARK}{more}{END}{kept}", encoding="utf-8")


def _opened(dispatcher: Dispatcher, clock: Moved, count: int) -> dict[str, float]:
    """Carry all of them to where they wait: milliseconds of a claim of ten, and of one signature with its documents."""
    claims, carried = list[float](), list[float]()
    while True:
        begun = time.perf_counter()
        calls = dispatcher.claim(SERVICE, CLAIM)
        claims.append((time.perf_counter() - begun) * 1000)
        if not calls:
            return {"claim_p50": _ms(claims, 0.5), "claim_p99": _ms(claims, 0.99), "carry_p50": _ms(carried, 0.5)}
        clock.time += timedelta(seconds=COME * len(calls) / count)
        for call in calls:
            begun = time.perf_counter()
            dispatcher.carry(call)
            carried.append((time.perf_counter() - begun) * 1000)


def _asked(asker: Asker, service: Waits, clock: Moved) -> dict[str, Any]:
    """While all of them wait, second by second: questions of each second, and what each of them took here."""
    seconds, took, first = list[int](), list[float](), service.questions
    for _ in range(LOOKED):
        clock.time += timedelta(seconds=1)
        before, begun = service.questions, time.perf_counter()
        asker.ask(SERVICE)
        seconds.append(service.questions - before)
        if seconds[-1]:
            took.append((time.perf_counter() - begun) * 1000 / seconds[-1])
    return {
        "questions": service.questions - first,
        "a_second": round((service.questions - first) / LOOKED, 1),
        "most_a_second": max(seconds),
        "question_ms": _ms(took, 0.5),
    }


def _ms(values: Sequence[float], share: float) -> float:
    return round(percentile(values, share), 2) if values else 0.0


def _wanted(n: int, clock: Moved) -> Event:
    """Three documents of one official, wanted now."""
    documents = [
        {"id": f"D{k}", "name": f"ket-qua-{k}.pdf", "form": "pdf", "sha256": "0" * 64,
         "url": f"https://files.h99.example.invalid/{n}/{k}"}
        for k in range(DOCUMENTS)
    ]  # fmt: skip
    data = {
        "signature": f"S{n}",
        "unit": "000.00.09.H99",
        "procedure": "1.013225",
        "service": SERVICE,
        "signer": {"role": "official", "user": "099000000002", "name": "Trần Văn Mẫu"},
        "documents": documents,
    }
    wire = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": "vn.lienthong.signature.requested.v1",
        "subject": number(n, "18"),
        "time": clock.now().isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    return read_event(json.dumps(wire, ensure_ascii=False).encode())


def _waiting_in(ledger: Path) -> int:
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM signatures WHERE state = 'waiting_user'").fetchone()[0])
    finally:
        connection.close()


def _resident_mb() -> float:
    """Of this process, which is the worker here."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
