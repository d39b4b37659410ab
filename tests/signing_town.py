"""An installation that signs, as its settings put it together: ledger, doors on a port, worker, asker, finisher, mocks.

Everything is real but the partners: documents are fetched over HTTP, the mocks sign with real keys, stamp and answer
OCSP at their own port, call back over HTTP; what is made is verified as a whole. Time is the machine's own and what a
test lets pass (`town.clock.pass_time`); the mocks have the same.

    with signing_town(tmp_path) as town:
        town.ask_for("S1")            # a one-stop system asks for a signature
        town.carry()                  # the worker: certificate, desk, the service
        town.approve()                # a person approves on the mock; it calls back
        town.finish()                 # put together, stamped, verified
        assert town.state("S1") == "made"
"""

from __future__ import annotations

import hashlib
import http.client
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.doors import server
from bus.dispatch import Dispatcher
from bus.messages import Event
from bus.ports import CrashPoint, FileStorage, SystemClock, no_crash
from config import mocked_one_stop, mocked_signers
from config.doors import make_app
from config.finishing import Finishing
from config.mocked_signers import ROOTS, STAMP_ROOTS
from config.new_installation import make, prepare_ledger
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, Ports, build, real_ports
from contracts.csc.mock import Csc
from contracts.mysign.mock import MySign
from contracts.national_portal.mock import Portal
from contracts.one_stop.mock import OneStop
from contracts.serve import serve
from contracts.signing_mock import ApproveOrder, SigningMock
from contracts.signing_pki.authorities import SigningPki
from contracts.signing_pki.mock import SigningAuthorities
from contracts.signing_transactions import Transaction
from contracts.smartca.mock import SmartCa
from contracts.soap_signer.mock import SoapSigner
from contracts.timestamp_authority.mock import TimestampAuthority
from contracts.vneid_gateway.mock import VneidGateway
from tests.builders import event_json, from_json
from tests.one_stop_kit import shared_pki
from tests.signing_kit import small_pdf

SHORT = (
    "timeout_s = 30\nconnect_timeout_s = 20\nin_flight_s = 0.2\nlease_s = 600\nretry_s = [0.05]\nprobe_every_s = 0.1\n"
)
"""Waits are short; what may take long on a busy machine has time."""
SOURCE = "one-stop/h99"
DOSSIER = "H99.09-260703-0123"
CITIZEN, OFFICIAL, AGENCY = "099000000001", "099000000002", "0990000001"
SERVICES = ("smartca", "mysign", "vneid_gateway", "csc", "soap_signer")
BOUND = (
    "signatures", "signature_documents", "signature_hearings", "signature_news", "deliveries", "moves", "events",
    "attempts", "exchanges",
)  # fmt: skip
"""Tables that a refused call must leave as they are, row by row."""


class Steps:
    """The machine's clock, and what a test lets pass."""

    def __init__(self) -> None:
        self._passed = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._passed

    def sleep(self, seconds: float) -> None:
        """Nobody waits here."""
        self._passed += timedelta(seconds=seconds)

    def pass_time(self, **length: float) -> None:
        """`seconds=6`, `minutes=5`."""
        self._passed += timedelta(**length)


class Files:
    """The one-stop system's own files, on a port."""

    def __init__(self) -> None:
        self.content: dict[str, tuple[bytes, str]] = {}
        self.fetched: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Hands out what is there."""

            def do_GET(self) -> None:
                outer.fetched.append(self.path)
                found = outer.content.get(self.path)
                body, kind = found or (b"", "text/plain")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *told: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="files", daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, name: str, content: bytes, kind: str = "application/pdf") -> dict[str, str]:
        """A document's `url` and `sha256`, as an event tells them."""
        self.content[f"/{name}"] = (content, kind)
        return {"url": f"{self.url}/{name}", "sha256": hashlib.sha256(content).hexdigest()}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class SigningTown:
    """What a test holds in its hands."""

    here: Installation
    clock: Steps
    pki: SigningPki
    services: dict[str, SigningMock]
    stamps: TimestampAuthority
    authorities: SigningAuthorities
    one_stop: OneStop
    portal: Portal
    files: Files
    mocks: str
    url: str = ""
    woken: list[int] = field(default_factory=list)

    @property
    def smartca(self) -> SigningMock:
        return self.services["smartca"]

    # -- what happens -------------------------------------------------------------------------------------------------

    def ask_for(
        self,
        name: str = "S1",
        *,
        dossier: str = DOSSIER,
        count: int = 1,
        user: str = OFFICIAL,
        role: str = "official",
        documents: Sequence[Mapping[str, Any]] | None = None,
        **data: Any,
    ) -> Event:
        """A one-stop system wants so many documents signed by somebody. Further members of `data` by their names."""
        made = documents if documents is not None else [self.document(f"{name}-d{n}") for n in range(1, count + 1)]
        told = {
            "signature": name,
            "unit": "000.00.09.H99",
            "procedure": "1.013225",
            "signer": {"role": role, "user": user, "name": "Trần Văn Mẫu"},
            "documents": list(made),
            **data,
        }
        wire = event_json("signature.requested", id=f"sign-{name}", dossier=dossier, source=SOURCE)
        event = from_json(wire | {"data": told, "time": self.clock.now().isoformat()})
        self.here.intake.accept(event)
        return event

    def document(self, id: str, content: bytes | None = None, **more: Any) -> dict[str, Any]:
        """One document, put where it can be fetched."""
        content = content or small_pdf(text=id)
        return {"id": id, "name": f"{id}.pdf", "form": "pdf", **self.files.put(f"{id}.pdf", content), **more}

    def carry(self, *partners: str) -> None:
        """Deliver in this thread what is due now; to the signing services where nobody is named."""
        work = {name: each for name, each in self.here.partners().items() if name in (partners or SERVICES)}
        ports = self.here.ports
        dispatcher = Dispatcher(
            self.here.ledger,
            work,
            name="w",
            clock=ports.clock,
            randomness=ports.randomness,
            crash_point=ports.crash_point,
        )
        while dispatcher.run_once():
            pass

    def waits(self, name: str = "S1", service: str = "smartca", **asked: Any) -> Transaction:
        """A signature that a person has in his phone, at this service."""
        self.ask_for(name, **{"service": service, **asked})
        self.carry()
        found = self.services[service].transactions.newest()
        assert found is not None, self.trouble(name)
        return found

    def approve(self, name: str = "", *, service: str = "smartca", **order: Any) -> list[Any]:
        """A person and the service do this (`ApproveOrder`) to the transaction of this request or handle, or to the
        last one; what their calls back were answered."""
        mock = self.services[service]
        before = len(mock.calls.done)
        with mock.lock:
            mock.approve(ApproveOrder(handle=name, **order))
        assert mock.calls.wait(60)
        return [(called.status, called.answer) for called in mock.calls.done[before:]]

    def ask(self, *, after: timedelta | None = None) -> int:
        """Put the questions that are due once `after` (half a minute) has passed; how many."""
        self.clock.pass_time(seconds=(timedelta(seconds=31) if after is None else after).total_seconds())
        asker = self.here.asker("w")
        try:
            return asker.run_once()
        finally:
            asker.stop()

    def finish(self) -> None:
        """Put together, stamp and verify all that is due now."""
        finishing = Finishing(self.here, "w")
        while finishing.look():
            pass

    def made(self, name: str = "S1", **asked: Any) -> bytes:
        """A signature from its asking to its end; the first signed document."""
        self.waits(name, **asked)
        self.approve()
        self.finish()
        return self.signed(name)

    def call(
        self, body: Any, *, path: str = "/callbacks/smartca/result", method: str = "POST", **headers: str
    ) -> tuple[int, Any]:
        """A call at the door, over the wire: status and answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request(method, path, body=raw, headers={"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        told = reply.read()
        connection.close()
        return reply.status, json.loads(told) if told[:1] in (b"{", b"[") else told

    # -- what is there ------------------------------------------------------------------------------------------------

    def state(self, name: str = "S1") -> str:
        """Where a signature stands."""
        return str(self.rows("SELECT state FROM signatures WHERE name = ?", name)[0][0])

    def code(self, name: str = "S1") -> str:
        """Why it ended."""
        return str(self.rows("SELECT code FROM signatures WHERE name = ?", name)[0][0])

    def delivery(self, name: str = "S1") -> str:
        """Where its delivery stands."""
        query = "SELECT d.state FROM deliveries d JOIN signatures s ON s.delivery = d.id WHERE s.name = ?"
        return str(self.rows(query, name)[0][0])

    def signed(self, name: str = "S1", n: int = 1) -> bytes:
        """A signed document."""
        from config.documents import documents_of

        query = """SELECT d.signed FROM signature_documents d JOIN signatures s ON s.id = d.signature
            WHERE s.name = ? AND d.n = ?"""
        number = self.rows(query, name, n)[0][0]
        assert number is not None, self.trouble(name)
        return documents_of(self.here).content(number)

    def documents(self, name: str = "S1") -> list[tuple[str, str, str]]:
        """What became of each: verdict, level, code."""
        query = """SELECT d.verdict, d.reached, d.code FROM signature_documents d
            JOIN signatures s ON s.id = d.signature WHERE s.name = ? ORDER BY d.n"""
        return [(row[0], row[1], row[2]) for row in self.rows(query, name)]

    def heard(self, name: str = "S1") -> list[tuple[str, str, str]]:
        """What was told of it: how it came, verdict, effect."""
        query = """SELECT h.via, h.verdict, h.effect FROM signature_hearings h JOIN signatures s ON s.id = h.signature
            WHERE s.name = ? ORDER BY h.id"""
        return [(row[0], row[1], row[2]) for row in self.rows(query, name)]

    def news(self, name: str = "S1") -> list[str]:
        """What its source is told of it."""
        query = """SELECT e.kind FROM signature_news n JOIN signatures s ON s.id = n.signature
            JOIN events e ON e.id = n.event WHERE s.name = ? ORDER BY e.id"""
        return [row[0] for row in self.rows(query, name) if row[0].startswith("signature.")]

    def signs(self, service: str = "smartca") -> int:
        """How often a key was used, by the mock's own books."""
        return sum(1 for row in self.services[service].effects if row.operation == "sign")

    def prompts(self, service: str = "smartca") -> int:
        """How often a person was asked."""
        return sum(1 for row in self.services[service].effects if row.operation == "ask")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """From the ledger's own file, as another program reads it."""
        connection = sqlite3.connect(f"file:{self.here.settings.ledger.path}?mode=ro", uri=True)
        try:
            return list(connection.execute(query, values))
        finally:
            connection.close()

    def picture(self) -> dict[str, str]:
        """Every row of the tables that matter, as one digest for each table."""
        return {
            table: hashlib.sha256(repr(self.rows(f"SELECT * FROM {table} ORDER BY 1")).encode()).hexdigest()
            for table in BOUND
        }

    def refused(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """What was turned away at the door: route, code, rules."""
        self.here.ledger.engine.write(lambda tx: None)  # notes are queued: let the writer come by
        rows = self.rows("SELECT route, code, rules FROM refusals ORDER BY at, reference")
        return [(route, code, json.loads(rules)) for route, code, rules in rows]

    def trouble(self, name: str = "S1") -> str:
        """All that is known of what went wrong, for a failing test."""
        moves = self.rows("SELECT cause, reason FROM moves ORDER BY id DESC LIMIT 8")
        return f"{name}: {self.rows('SELECT name, state, code FROM signatures')} {moves} {self.documents(name)}"


@contextmanager
def signing_town(
    folder: Path,
    *,
    settings: str = "",
    signing: str = "",
    more: str = "",
    ports: Callable[[Ports], Ports] | None = None,
    crash_point: CrashPoint = no_crash,
    is_told: bool = False,
    has_soap: bool = False,
    csc: str = "",
    clock: Steps | None = None,
    lease_s: int = 600,
) -> Iterator[SigningTown]:
    """`settings`: lines for `[partners.smartca]`; `signing`: for `[signing]`; `more`: tables of their own; `is_told`:
    its source; `has_soap`: the service over SOAP is there, whose messages need keys;
    `csc`: lines for `[partners.csc]`; `lease_s`: how long a worker that died keeps what it had."""
    clock = clock or Steps()
    pki, one_stop, portal, files = SigningPki(clock.now), OneStop(), Portal(), Files()
    services: dict[str, SigningMock] = {
        "smartca": SmartCa(pki=pki, clock=clock.now),
        "mysign": MySign(pki=pki, clock=clock.now),
        "vneid_gateway": VneidGateway(pki=pki, clock=clock.now),
        "csc": Csc(pki=pki, clock=clock.now),
    }
    if has_soap:
        services["soap_signer"] = SoapSigner(pki=pki, clock=clock.now, messages=shared_pki())
    stamps, authorities = TimestampAuthority(pki, clock=clock.now), SigningAuthorities(pki, clock=clock.now)
    with ExitStack() as stack:
        stack.callback(files.close)
        mocks = stack.enter_context(serve([*services.values(), stamps, authorities, one_stop, portal]))
        pki.reached_at(mocks)
        lines = {"smartca": settings, "csc": csc}
        file = _settings(folder, mocks, lines=lines, signing=signing, more=more, is_told=is_told)
        file.write_text(file.read_text().replace("lease_s = 600", f"lease_s = {lease_s}"))
        loaded = load(file, {}).settings
        prepare_ledger(loaded, FileStorage(), SystemClock(), actor="person:test")
        held = replace(real_ports(), clock=clock, crash_point=crash_point)
        here = build(loaded, ports(held) if ports else held)
        stack.callback(here.close)
        town = SigningTown(
            here=here,
            clock=clock,
            pki=pki,
            services=services,
            stamps=stamps,
            authorities=authorities,
            one_stop=one_stop,
            portal=portal,
            files=files,
            mocks=mocks,
        )
        app = make_app(
            here,
            InstallationKey.from_file(loaded.ledger.signing_key_file),
            make_metrics(here),
            on_accepted=lambda: town.woken.append(1),
        )
        town.url = stack.enter_context(server.serve(app)).url
        for name, mock in services.items():
            mock.switches.turn({"callback_url": f"{town.url}/callbacks/{name}/result"})
            stack.callback(mock.calls.stop)
        yield town


def _settings(folder: Path, mocks: str, *, lines: Mapping[str, str], signing: str, more: str, is_told: bool) -> Path:
    make(folder, for_mocks=mocks)
    file = folder / "lienthong.toml"
    file.write_text(file.read_text() + SHORT)
    mocked_signers.join(folder, mocks)
    assert (folder / ROOTS).exists()
    assert (folder / STAMP_ROOTS).exists()
    if is_told:
        mocked_one_stop.join(folder, mocks)
    text = file.read_text()
    for name in SERVICES:
        table = f"[partners.{name}]\n"
        text = text.replace(table, table + (SHORT if name != "csc" else "") + lines.get(name, ""))
    file.write_text(text.replace("[signing]\n", "[signing]\n" + signing) + more)
    return file
