"""A signing desk for tests: a ledger, a store, a host of documents, the doors on a port, and the agent beside them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from adapters.channels.addresses import networks_of
from adapters.channels.http import HttpChannel, HttpSettings
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.documents.bringing import Bringer
from adapters.documents.desk_offer import DeskOffer, DeskOpening
from adapters.documents.desk_taking import DeskTaking
from adapters.documents.desk_upload import judged_upload
from adapters.documents.fetch import Fetcher
from adapters.documents.links import DocumentLinks
from adapters.documents.room import DocumentRoom
from adapters.documents.scan import NoScanner, Scanner
from adapters.doors.body import BodyReader
from adapters.doors.desk_signing import DeskDoor
from adapters.doors.documents import DocumentsDoor
from adapters.doors.pace import Paces
from adapters.doors.refusals import Desk
from adapters.doors.server import serve
from adapters.stores.documents import DocumentStore
from bus.messages import Event
from bus.ports import CrashPoint, no_crash
from bus.refusals import Refusals
from config.signing_desk import SigningDesk
from contracts.signing_pki.authorities import Holder, SigningPki
from contracts.vgca.agent import BOUNDARY, DeskAgent, form_of, serve_agent
from tests.builders import DOSSIER, make_event
from tests.signature_kit import SignWorld, signature_event
from tests.signed_documents import trust
from tests.signing_kit import ocsp_of, signer, small_pdf
from tests.world import MASTER, SeededRandomness

OFFICIAL = {"role": "official", "user": "099000000002", "name": "Trần Văn Mẫu"}
"""Whom `signing_kit.signer("official")` is."""


class Host:
    """Serves documents by their path; counts what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.asked: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                content, kind = host.files.get(self.path, (b"", ""))
                self.send_response(200 if kind else 404)
                self.send_header("content-type", kind or "text/plain")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Nothing: a test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def put(self, name: str, content: bytes, kind: str = "application/pdf") -> dict[str, str]:
        """Have it there; how an event names it."""
        self.files[f"/{name}"] = (content, kind)
        return {"url": f"{self.url}/{name}", "sha256": hashlib.sha256(content).hexdigest()}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Words:
    """What authorities say of these holders' certificates: an evidence source without a network."""

    def __init__(self, *holders: tuple[Holder, SigningPki]) -> None:
        self._holders = holders

    def answers(self, wanted: Sequence[tuple[bytes, bytes]], now: datetime) -> tuple[bytes, ...]:
        asked = {certificate for certificate, _ in wanted}
        return tuple(ocsp_of(each, now, mine=mine) for each, mine in self._holders if each.der in asked)

    def lists(self, wanted: Sequence[tuple[bytes, bytes]], now: datetime) -> tuple[bytes, ...]:
        return ()


class Refused:
    """Counts nothing."""

    def request_refused(self, *, code: str) -> None:
        """One more."""


@dataclass
class DeskWorld:
    """The desk and all that stands around it."""

    world: SignWorld
    room: DocumentRoom
    host: Host
    desk: SigningDesk
    scanner: Scanner
    app: FastAPI
    url: str = ""
    words: list[Words] = field(default_factory=list)
    """What authorities say; the last one counts."""
    woken: list[int] = field(default_factory=list)
    signature: int = 1
    """Whose the questions below are."""

    @property
    def name(self) -> str:
        return f"S{self.signature}"

    @property
    def opening(self) -> DeskOpening:
        return DeskOpening(self.world.ledger, self.desk)

    def asked(self, name: str = "", *, count: int = 1, **data: Any) -> Event:
        """A source wants documents signed, which the host has."""
        name = name or self.name
        documents = [
            {"id": f"{name}-d{n}", "name": f"Giấy phép {n}.pdf", "form": "pdf"}
            | self.host.put(f"{name}-{n}.pdf", small_pdf(text=f"Giay phep {name} {n}"))
            for n in range(1, count + 1)
        ]
        event = signature_event(name, **({"documents": documents, "signer": OFFICIAL} | data))
        self.world.record(event)
        return event

    @property
    def given(self) -> bytes:
        """Its first document."""
        return small_pdf(text=f"Giay phep {self.name} 1")

    def open(self, n: int = 1, *, signature: int = 0, account: str = "can-bo-1") -> DeskOffer:
        return self.opening.open(signature or self.signature, n, account=account, reason="Ký tại bàn làm việc")

    def sign(
        self, mood: str = "well", *, offer: DeskOffer | None = None, holder: Holder | None = None
    ) -> dict[str, Any]:
        """The agent is asked, as the page asks it; its reply."""
        offer, agent = offer or self.open(), DeskAgent(holder=holder or signer("official"), mood=mood)
        told = agent.answer(offer.operation, offer.request(self.url))
        assert told is not None
        return told

    def upload(self, offer: DeskOffer, content: bytes, **headers: str) -> dict[str, Any]:
        """Straight to the door, without an agent."""
        more = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"} | headers
        reply = httpx2.post(self.url + offer.place, content=form_of(content), headers=more)
        assert 200 == reply.status_code
        told: dict[str, Any] = json.loads(reply.content)
        return told

    def state(self, name: str = "") -> str:
        return self.world.state(name or self.name)

    def verdicts(self) -> list[str]:
        """Of its tickets, the oldest first."""
        return [use.verdict for use in self.world.ledger.tickets.of(self.signature)][::-1]


def room_of(world: SignWorld, folder: Path, **how: Any) -> DocumentRoom:
    ledger = world.ledger
    store = DocumentStore(
        folder / "documents", ledger.bodies, MASTER.index_key, world.clock, SeededRandomness(7), **how
    )
    links = DocumentLinks.under(MASTER.index_key, "https://lienthong.h99.example.invalid")
    return DocumentRoom(store=store, book=ledger.documents, links=links)


def fetcher(**how: Any) -> Fetcher:
    members: dict[str, Any] = {
        "timeout": timedelta(seconds=5),
        "max_reply_bytes": 2_000_000,
        "allow_http": True,
        "hosts": frozenset({"127.0.0.1"}),
        "networks": networks_of(["127.0.0.0/8"]),
        "knocks": 1,
    }
    return Fetcher(HttpChannel(HttpSettings(**(members | how)), open_transport=Httpx2Transport))


@contextmanager
def desk_world(
    folder: Path,
    *,
    service: str = "desk",
    scanner: Scanner | None = None,
    rate: float = 0.0,
    crash_point: CrashPoint = no_crash,
    pictures: Path | None = None,
    is_open: bool = True,
    **how: Any,
) -> Iterator[DeskWorld]:
    """One with its doors on a port, and a dossier that is known."""
    with ExitStack() as stack:
        world = SignWorld(folder, service=service, crash_point=crash_point)
        stack.callback(world.close)
        host = Host()
        stack.callback(host.close)
        world.record(make_event())
        room, scan = room_of(world, folder, **how), scanner or NoScanner()
        bringer = Bringer(room, fetcher(), scan, crash_point=crash_point)
        desk = SigningDesk(world.ledger, room, bringer, clock=world.clock, crash_point=crash_point, pictures=pictures)
        made = DeskWorld(world=world, room=room, host=host, desk=desk, scanner=scan, app=FastAPI())
        _add_doors(made, rate)
        if is_open:
            made.url = stack.enter_context(serve(made.app)).url
        yield made


def _add_doors(made: DeskWorld, rate: float) -> None:
    ledger, chains = made.world.ledger, trust().chains()
    desk = Desk(Refusals(ledger), SeededRandomness(3), Refused())
    made.app.state.desk = desk

    def source() -> Any:
        return made.words[-1] if made.words else None

    taking = DeskTaking(
        ledger,
        made.room,
        made.scanner,
        lambda uploaded, expected, now: judged_upload(uploaded, expected, chains, now, source()),
        may_show_more=("agency",),
    )
    ticks = lambda: made.world.clock.now().timestamp()  # noqa: E731
    DeskDoor(
        taking=taking,
        desk=desk,
        bodies=BodyReader(),
        paces=Paces(rate, ticks),
        most_bytes=2_000_000,
        on_heard=lambda: made.woken.append(1),
    ).add_to(made.app.router)
    DocumentsDoor(room=made.room, desk=desk, clock=made.world.clock, paces=Paces(rate, ticks)).add_to(made.app.router)


__all__ = ["DOSSIER", "DeskAgent", "DeskWorld", "Words", "desk_world", "serve_agent"]
