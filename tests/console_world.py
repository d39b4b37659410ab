"""A province's day for the console: a real installation, its doors on a port, partners' mocks, and everything in it.

Nothing is written into the ledger behind the bus's back: events come in by intake or by the doors, a real dispatcher
carries them over real channels to the mocks, and persons' moves are made by repairs. Only time is a story: the clock
walks through the day as the events do, and from its evening on goes as clocks go.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
from argon2 import PasswordHasher
from fastapi import FastAPI

from adapters.doors import server
from bus.audit import Audit
from bus.dispatch import Dispatcher
from bus.engines.sqlite import Tx
from bus.messages import Event, State
from bus.people import People
from bus.ports import FileStorage, SystemRandomness
from bus.runs import Runner
from bus.selections import Planned
from bus.times import from_ms
from config.demo.day import Feed, day
from config.demo.lives import COMMUNES, ONE_STOP
from config.demo_gateways import use_gateways
from config.demo_settings import write_folder
from config.doors import make_app
from config.minding import Minding
from config.new_installation import SETTINGS, prepare_ledger
from config.running import runs_of, selections_of
from config.settings_file import load
from config.signed_client import DoorRefused, SignedClient
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, Ports, build, real_ports
from contracts.mock_faults import FaultOrder
from contracts.mock_log import Visit
from contracts.mocking import Call, Response
from contracts.national_portal.mock import Portal
from contracts.one_stop.mock import OneStop
from contracts.one_stop.pki import Pki
from contracts.serve import serve
from tests.acceptance.portal_town import a_change, a_notice
from tests.builders import LOCAL, event_json, from_json, step_json
from tests.console_payments import Payments, gateways
from tests.console_settlement import settle
from tests.console_signatures import Signatures, Signers

EVENING: Final = datetime(2026, 7, 3, 17, 5, tzinfo=LOCAL)
"""When the story ends and the tests begin."""
AFTERNOON: Final = datetime(2026, 7, 3, 16, 41, tzinfo=LOCAL)
"""When the day's last troubles begin."""
STEP: Final = "CapNhatTienDoHoSoMC"
Happening = tuple[datetime, Callable[[], None]]
SOON: Final = timedelta(seconds=8)
TICK: Final = timedelta(milliseconds=3)
"""While the story is told, each look at the clock costs so much: calls take time, and moves follow each other."""
KEPT: Final = (
    "events", "deliveries", "attempts", "exchanges", "table_versions", "dossiers", "accounts", "sessions", "selections",
    "runs", "corrections", "moves WHERE cause <> 'noted'",
)  # fmt: skip
"""What nobody changes who only looks. (That somebody looked is noted: a move of that cause.)"""
EXPECTED_STATES: Final = frozenset(State) - {State.SENDING}
"""Every state that lasts."""

SCRIPT: Final = "<script>alert('s13')</script><img src=x onerror=alert(1)>"
TEMPLATE: Final = "{{7*7}}${7*7}<%= 7*7 %>#{7*7}"
BIDI: Final = "\u202egnp.exe\u202c \u2066x\u2069 zero\u200bwidth\ufeff"
FORMULA: Final = "=cmd|' /C calc'!A1"
HOSTILE: Final = f"{SCRIPT}\"'><svg/onload=alert(2)> javascript:alert(3) {TEMPLATE} {FORMULA}"
"""What partners and sources may say: markup, quotes that end an attribute, addresses that run, templates, a formula."""
LONG: Final = "Rất dài " * 131_072
"""A megabyte and more (UTF-8)."""
HOSTILE_DOSSIER: Final = "H99.09-260703-9001"
"""Its source says hostile things in every text member."""
REFUSED_DOSSIER: Final = "H99.09-260703-9002"
"""The portal refuses it with hostile words."""
LONG_DOSSIER: Final = "H99.09-260703-9003"
"""The portal refuses it with a megabyte of words."""
NUL_DOSSIER: Final = "H99.09-260703-9004"
"""The portal answers with bytes that are no text."""
PASSWORD: Final = "nhịp cầu qua sông Thử"  # of everybody here
ALL_ROLES: Final = ("supervisor", "configurer", "auditor", "administrator")
ACCOUNTS: Final[Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...] | None]]] = {
    "viewer": ("Lê Thị Xem", ("viewer",), None),
    "operator": ("Trần Văn Trực", ("operator",), None),
    "supervisor": ("Phạm Thị Duyệt", ("supervisor",), None),
    "configurer": ("Ngô Văn Bảng", ("configurer",), None),
    "auditor": ("Đỗ Thị Soát", ("auditor",), None),
    "administrator": ("Võ Văn Quản", ("administrator",), None),
    "everything": ("Nguyễn Thị Mẫu", ALL_ROLES, None),
    "second": ("Hồ Văn Thứ Hai", ALL_ROLES, None),
    "unit": ("Bùi Thị Sở", ("supervisor", "configurer"), ("000.00.09.H99",)),
}
"""Account → shown name, roles, units."""
MAIN_DOSSIER: Final = "H99.09-260622-0107"
"""Has a life of ten days, and a last step in doubt."""
MISSING_ROW: Final = "1.990098"
"""No table of procedures has it, and no test adds it."""
IN_DOUBT_DOSSIERS: Final = (MAIN_DOSSIER, "H99.09-260703-0812", "H99.20.07-260703-0813")
"""Whether the portal has their last step nobody knows."""


class StoryClock:
    """Time as the story tells it; after `run`, from there on as it passes."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._since: float | None = None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            if self._since is not None:
                return self._now + timedelta(seconds=time.monotonic() - self._since)
            self._now += TICK
            return self._now

    def sleep(self, seconds: float) -> None:
        if self._since is not None:
            time.sleep(seconds)
        else:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let so much time have passed."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def reach(self, when: datetime) -> None:
        """Not before this; never backwards."""
        with self._lock:
            self._now = max(self._now, when.astimezone(UTC))

    def run(self) -> None:
        """From now on time passes by itself."""
        with self._lock:
            self._since = time.monotonic()


class RudePortal(Portal):
    """The portal, in a bad mood about some dossiers."""

    answers: Final = {
        NUL_DOSSIER: b"",
        REFUSED_DOSSIER: json.dumps({"error_code": -1, "message": f"{HOSTILE} {BIDI}"}, ensure_ascii=False).encode(),
        LONG_DOSSIER: json.dumps({"error_code": -1, "message": LONG + SCRIPT}, ensure_ascii=False).encode(),
    }

    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        self.nonsense = {NUL_DOSSIER: b'{"error_code": 0, "message": "\x00\xff\xfe' + SCRIPT.encode()}

    def answer(self, call: Call, visit: Visit) -> Response:
        said = super().answer(call, visit)
        for number in call.dossiers:
            if call.is_write and number in self.answers:
                # Nonsense once; after it the portal is asked, and takes what comes.
                body = self.answers[number] if number != NUL_DOSSIER else self.nonsense.pop(number, said.body)
                return replace(said, body=body)
        return said


class Noted:
    """The application, and what it was asked: CSP reports are seen here, whatever the browser tells."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.state = app.state
        self.asked: list[tuple[str, str]] = []
        """Method and path, in order."""

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]
    ) -> None:
        if scope["type"] == "http":
            self.asked.append((scope["method"], scope["path"]))
        await self._app(scope, receive, send)


@dataclass(slots=True, kw_only=True)
class ConsoleWorld:
    """The installation at the end of the day, its doors open."""

    folder: Path
    installation: Installation
    people: People
    clock: StoryClock
    portal: RudePortal
    one_stop: OneStop
    app: Noted
    url: str
    payments: Mapping[str, int] = field(default_factory=dict)
    """By what became of them: their numbers."""
    signatures: Mapping[str, int] = field(default_factory=dict)
    """Likewise."""
    _tokens: dict[str, str] = field(default_factory=dict)
    _client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=60, verify=False))

    @property
    def console(self) -> str:
        """Where operators look."""
        return f"{self.url}/console"

    def dispatcher(self, name: str = "w1") -> Dispatcher:
        """A worker; who makes one lets it go (`close` of its partners comes with the installation)."""
        here = self.installation
        return Dispatcher(here.ledger, here.partners(), name=name, clock=self.clock, randomness=here.ports.randomness)

    def accept(self, *events: Event) -> None:
        """Into the bus."""
        for event in events:
            self.installation.intake.accept(event)

    def deliveries(self, state: State) -> list[dict[str, Any]]:
        """All in this state, as the commands list them."""
        return list(self.installation.reads.deliveries(state=state, limit=1_000))

    def marks(self) -> dict[str, int]:
        """How many rows each table has that only events, workers and repairs may change."""
        with closing(sqlite3.connect(f"file:{self.folder / 'ledger.db'}?mode=ro", uri=True)) as reading:
            return {name: reading.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in KEPT}

    def token_of(self, account: str) -> str:
        """A new session's token: signed in, without the form."""
        return self.people.sign_in(account, address="127.0.0.1", agent="tests").token

    def session_of(self, account: str) -> dict[str, str]:
        """The cookie of a session that tests share; signing in costs a write."""
        if account not in self._tokens:
            self._tokens[account] = self.token_of(account)
        return {"lienthong": self._tokens[account]}

    def ask(
        self, method: str, path: str, account: str | None = "everything", *, cookies: str = "", **how: Any
    ) -> httpx2.Response:
        """Without a browser: an address of the doors, asked by a session of this account. Follows no redirect.

        One client for all: a new one each time would read the authorities' certificates anew.
        """
        held = "; ".join(f"{name}={value}" for name, value in (self.session_of(account) if account else {}).items())
        headers = {"cookie": cookies or held, **how.pop("headers", {})}
        self._client.cookies.clear()
        return self._client.request(method, self.url + path, headers=headers, **how)

    def look(self, path: str, account: str | None = "everything", **how: Any) -> httpx2.Response:
        """Status and headers of a page below `/console`; of what has no end, no more."""
        held = "; ".join(f"{name}={value}" for name, value in (self.session_of(account) if account else {}).items())
        self._client.cookies.clear()
        with self._client.stream("GET", self.console + path, headers={"cookie": held}, **how) as answer:
            return answer

    def csp_reports(self) -> int:
        """How often a browser told the console that a page broke its policy."""
        return self.app.asked.count(("POST", "/console/csp-report"))


def add_people(installation: Installation) -> People:
    """An account of each role and some more, all with one password, hashed as cheaply as argon2 can."""
    ledger, randomness = installation.ledger, installation.ports.randomness
    people = People(ledger, Audit(ledger), randomness=randomness)
    kept = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    for name, (shown, roles, units) in ACCOUNTS.items():
        people.add(
            name, shown=shown, password=kept, roles=roles, units=units, actor="person:demo", reason="for the tests"
        )
    return people


@contextmanager
def console_world(folder: Path, *, dossiers: int = 36, steps: int = 110) -> Iterator[ConsoleWorld]:
    """The whole of it; about three seconds to build."""
    clock = StoryClock(datetime(2026, 5, 20, 7, 0, tzinfo=LOCAL).astimezone(UTC))
    with ExitStack() as stack:
        pki = Pki(clock.now())
        portal, wards = RudePortal(clock=clock.now), OneStop(pki=pki, clock=clock.now)
        signers = Signers(clock.now)
        url = stack.enter_context(serve([portal, wards, *gateways(clock.now), *signers.mocks]))
        signers.pki.reached_at(url)
        falls = ExitStack()
        stack.enter_context(falls)
        province = falls.enter_context(serve(OneStop(pki=pki, clock=clock.now)))
        installation, key = _installed(folder, url, province, clock)
        stack.callback(installation.close)
        app = Noted(make_app(installation, key, make_metrics(installation)))
        doors = stack.enter_context(server.serve(app))  # type: ignore[arg-type]
        world = ConsoleWorld(
            people=add_people(installation),
            folder=folder,
            installation=installation,
            clock=clock,
            portal=portal,
            one_stop=wards,
            app=app,
            url=doors.url,
        )
        use_gateways(installation)
        _tell(world, url, signers, falls.close, dossiers, steps)
        clock.reach(EVENING)
        clock.run()
        stack.callback(world._client.close)
        yield world


def _installed(folder: Path, mocks: str, province: str, clock: StoryClock) -> tuple[Installation, InstallationKey]:
    write_folder(folder, mocks, 0, None)
    for name in ("one-stop.secret", "communes.secret", "old.password"):  # this is no demo: its secrets open no door
        (folder / name).write_text(secrets.token_urlsafe(24))
    file = folder / SETTINGS
    head, name, rest = file.read_text().partition("[partners.one_stop-province]")
    file.write_text(head + name + rest.replace(mocks, province, 1))
    settings = load(file, {}).settings
    prepare_ledger(settings, FileStorage(), clock, actor="person:demo")
    ports = Ports(
        clock=clock, randomness=SystemRandomness(), storage=FileStorage(), crash_point=real_ports().crash_point
    )
    return build(settings, ports), InstallationKey.from_file(settings.ledger.signing_key_file)


# -- the story ---------------------------------------------------------------------------------------------------------


def _tell(
    world: ConsoleWorld, mocks: str, signers: Signers, fall: Callable[[], None], dossiers: int, steps: int
) -> None:
    """The day's events in their order of arrival, a worker beside them, and what befalls them.

    `fall`: from then on nobody answers at the province's one-stop system.
    """
    clients, worker = _clients(world), world.dispatcher()
    days: list[Happening] = [(_time_of(feed), partial(_hand_in, world, feed, clients))
                             for feed in day(1, dossiers=dossiers, steps=steps).events]  # fmt: skip
    minding = Minding(world.installation, None)  # its duties alone: nothing here runs beside the story
    for when, happens in sorted([*days, *_main_story(world)], key=lambda each: each[0]):
        world.clock.reach(when)
        happens()
        _carry(world, worker)
    world.clock.reach(AFTERNOON - timedelta(minutes=12))
    world.payments = Payments(world, mocks, lambda: _carry(world, worker), HOSTILE).tell()
    world.signatures = Signatures(world, signers, lambda: _carry(world, worker), HOSTILE).tell()
    settle(world.installation, world.folder)
    fall()
    world.clock.reach(AFTERNOON)
    _befall(world, worker)
    _go_on(world, worker)
    world.clock.reach(EVENING)
    for duty in minding.duties() * 3:
        duty()
    for client in clients.values():
        client.close()


def _time_of(feed: Feed) -> datetime:
    when = datetime.fromisoformat(feed.wire["time"])
    return when if when.tzinfo else when.replace(tzinfo=LOCAL)  # one of the troubles is a time without a zone


def _main_story(world: ConsoleWorld) -> list[Happening]:
    """A dossier with a life: a supplement, some minutes without the portal, and a last step whose answer was lost."""
    people = {"name": "Trần Văn Mẫu", "position": "Chuyên viên", "department": "Phòng Quản lý xây dựng"}

    def at(date: int, month: int, hour: int, minute: int) -> datetime:
        return datetime(2026, month, date, hour, minute, 24, tzinfo=LOCAL)

    def told(when: datetime, **facts: Any) -> Happening:
        return when, lambda: world.accept(from_json(step_json(dossier=MAIN_DOSSIER, at=when, officer=people, **facts)))

    filed, due = at(22, 6, 8, 10), at(1, 7, 17, 0)
    record = {"dossier": MAIN_DOSSIER, "at": filed, "due_at": due.isoformat()}
    down = FaultOrder(fault="http_500", dossier=MAIN_DOSSIER, count=3)
    lost = FaultOrder(fault="lose_reply_after_effect", operation=STEP, dossier=MAIN_DOSSIER, count=1)
    return [
        (filed, lambda: world.accept(from_json(event_json(**record)))),
        told(at(22, 6, 8, 31), status="accepted", content="Tiếp nhận hồ sơ tại quầy"),
        told(at(23, 6, 14, 2), status="processing", content="Thẩm định hồ sơ"),
        told(at(24, 6, 9, 40), status="supplement_requested", content="Thiếu bản vẽ mặt bằng: đề nghị bổ sung"),
        (at(26, 6, 10, 14), lambda: void(world.portal.faults.arm(down))),
        (
            at(26, 6, 10, 15),
            lambda: world.accept(
                from_json(
                    event_json(**record | {"at": at(26, 6, 10, 15)}, status="processing", note="Đã bổ sung bản vẽ")
                )
            ),
        ),
        told(at(26, 6, 10, 22), status="processing", content="Đã nhận bổ sung, tiếp tục thẩm định"),
        told(at(30, 6, 15, 5), status="processing", content="Trình lãnh đạo ký"),
        (at(3, 7, 15, 57), lambda: void(world.portal.faults.arm(lost))),
        told(at(3, 7, 15, 58), status="completed", content="Đã có kết quả"),
    ]


def void(value: object) -> None:
    """For a happening whose result nobody wants."""


def _befall(world: ConsoleWorld, worker: Dispatcher) -> None:
    """Troubles that the demo's day has not, each in a dossier of its own, on the last hour of the day."""
    _be_rude(world, worker)
    _leave_in_doubt(world, worker)
    _cancel_one(world)
    _lack_a_row(world, worker)
    _file_on_the_portal(world, worker)
    _knock_wrongly(world)
    _choose_many(world)


def _go_on(world: ConsoleWorld, worker: Dispatcher) -> None:
    """The last minutes of an ordinary afternoon."""
    for n in range(12):
        world.clock.reach(EVENING - timedelta(minutes=12 - n))
        at, dossier = world.clock.now().astimezone(LOCAL), f"H99.09-260703-{101 + n:04d}"
        applicant = {**event_json()["data"]["applicant"], "name": "Nguyễn Thị Ví Dụ"}
        world.accept(from_json(event_json(dossier=dossier, at=at, applicant=applicant)))
        if n % 3:
            world.accept(from_json(step_json(dossier=dossier, at=at + timedelta(seconds=9))))
        _carry(world, worker)


def _be_rude(world: ConsoleWorld, worker: Dispatcher) -> None:
    rude = {
        "name": f"<b onclick=alert(4)>Ví Dụ</b> {BIDI}",
        "email": "a@example.invalid",
        "address": f"Thôn Mẫu {TEMPLATE}",
    }
    said = {"summary": f"Đề nghị {SCRIPT} {FORMULA}", "note": f"{BIDI} {FORMULA}"}
    for dossier in (HOSTILE_DOSSIER, REFUSED_DOSSIER, LONG_DOSSIER, NUL_DOSSIER):
        wire = event_json(dossier=dossier, at=world.clock.now().astimezone(LOCAL), **said)
        wire["data"]["applicant"] |= rude
        world.accept(from_json(wire))
        world.accept(
            from_json(
                step_json(dossier=dossier, at=world.clock.now().astimezone(LOCAL), content=f"Thẩm định {TEMPLATE}")
            )
        )
    _carry(world, worker)


def _leave_in_doubt(world: ConsoleWorld, worker: Dispatcher) -> None:
    for dossier in IN_DOUBT_DOSSIERS[1:]:
        at = world.clock.now().astimezone(LOCAL)
        world.portal.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=STEP, dossier=dossier, count=1))
        world.accept(from_json(event_json(dossier=dossier, at=at)), from_json(step_json(dossier=dossier, at=at)))
    _carry(world, worker)
    for _ in range(2):  # long enough for the province's circuit to open, too
        world.clock.advance(60)
        _carry(world, worker)


def _lack_a_row(world: ConsoleWorld, worker: Dispatcher) -> None:
    at = world.clock.now().astimezone(LOCAL)
    world.accept(from_json(event_json(dossier="H99.09-260703-0990", at=at, procedure=MISSING_ROW)))
    _carry(world, worker)


def _cancel_one(world: ConsoleWorld) -> None:
    held = next(row for row in world.deliveries(State.HELD) if row["cause"] == "too_long")
    reason = "Nguồn đã rút hồ sơ, theo phiếu trao đổi ngày 03/7"
    world.installation.repairs.cancel(held["id"], actor="person:lan", reason=reason)


def _file_on_the_portal(world: ConsoleWorld, worker: Dispatcher) -> None:
    for path, body in (("addtthcKhuyenMai", a_notice()), ("nhanhsdvcqg", a_change())):
        assert 0 == httpx2.post(f"{world.url}/{path}", json=body, timeout=30).json()["error_code"]
    _carry(world, worker)


def _knock_wrongly(world: ConsoleWorld) -> None:
    """Four who are refused at the door, beside those of the day: unsigned, no JSON, a stranger, hostile names."""
    ours = {"Content-Type": "application/json"}
    for body in (b"{}", b"{", json.dumps({SCRIPT: FORMULA}).encode(), json.dumps(event_json(subject=SCRIPT)).encode()):
        assert 401 == httpx2.post(f"{world.url}/v1/events", content=body, headers=ours).status_code
    client = _clients(world)[ONE_STOP]
    for wire in (event_json(dossier=SCRIPT), event_json(**{SCRIPT: FORMULA}), event_json(source="stranger/h99")):
        with suppress(DoorRefused):
            client.post_event(json.dumps(wire).encode())
    client.close()
    world.installation.ledger.engine.write(lambda tx: None)  # notes are queued: let the writer come by


def _choose_many(world: ConsoleWorld) -> None:
    """Two frozen lists: a small one, run at once and done; and one that waits for a second person."""
    here = world.installation
    selections, runs = selections_of(here), runs_of(here)
    for states, most in (((State.REFUSED,), 1), ((State.HELD, State.REFUSED, State.DELIVERED), 30)):
        ids = [row["id"] for state in states for row in world.deliveries(state)][:most]
        planned = selections.plan(ids, "replay")

        def ask(tx: Tx, planned: Planned = planned) -> int:
            number = selections.freeze(tx, planned, account="operator", reason="Cổng đã sửa lỗi, gửi lại theo phiếu 41")
            digest = selections.get(number, tx=tx).digest
            return runs.start(tx, number, account="operator", digest=digest, four_eyes_above=20).id

        here.ledger.engine.write(ask)
        Runner(runs, "w1", wait=lambda seconds: False).run_once()


def _clients(world: ConsoleWorld) -> dict[str, SignedClient]:
    names = {ONE_STOP: "one-stop", COMMUNES: "communes"}
    return {
        source: SignedClient(
            world.url,
            caller=name,
            secret=(world.folder / f"{name}.secret").read_bytes().strip(),
            clock=world.clock,
        )
        for source, name in names.items()
    }


def _hand_in(world: ConsoleWorld, feed: Feed, clients: dict[str, SignedClient]) -> None:
    wire = feed.wire
    if feed.expectation == "recorded":
        world.accept(from_json(json.loads(unicodedata.normalize("NFC", feed.line.decode()))))
    elif wire["source"] in clients:
        with suppress(DoorRefused):
            clients[wire["source"]].post_event(feed.line)


def _carry(world: ConsoleWorld, worker: Dispatcher) -> None:
    """Deliver what is due, and wait for what will be within seconds: what was just tried is tried again."""
    names = world.installation.settings.partner_table()
    end = world.clock.now() + SOON
    for _ in range(200):
        if worker.run_once():
            continue
        dues = [due for name in names if (due := world.installation.ledger.next_due(name)) is not None]
        if not dues or (soon := from_ms(min(dues))) > end:
            return
        world.clock.reach(soon + TICK)
