"""The bus with the real adapter and the strict mock on a real port, in a time that jumps.

Everything between the claim and the mock's books is the product's own: dispatcher, adapter, channel, sockets. Only the
clock is ours, shared with the mock, so that hours of waiting pass in seconds; and the mock's visits are written down
with what its own log does not show (create or update, and which step).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.channels.http import HttpChannel
from adapters.partners.national_portal.adapter import NationalPortal
from bus.circuit import Manners
from bus.dispatch import Dispatcher, PartnerWork
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Delivery
from bus.ports import CrashPoint, FileStorage, no_crash
from bus.reads import Reads
from bus.repairs import Repairs
from bus.retry import Patience
from bus.routing import Route, Routes
from bus.upkeep import migrate
from contracts.mocking import Request, Response
from contracts.national_portal.books import STEP, SYNC
from contracts.national_portal.mock import Portal
from contracts.serve import serve
from tests.acceptance.proofs.story import MARK, PARTNER, Wire
from tests.builders import from_json
from tests.portal_kit import h99_tables, local_http, make_settings
from tests.world import MASTER, SeededRandomness, SimClock

ROUTES = (
    Route(kind="dossier.recorded", partner=PARTNER, rule="latest_wins"),
    Route(kind="dossier.progressed", partner=PARTNER, rule="every_step", needs_record=True),
)
UNCLEAR = frozenset(
    {
        "lose_reply_after_effect",
        "lose_request",
        "half_body",
        "reset",
        "http_500",
        "html_200",
        "wrong_content_type",
        "slow",
        "late_effect",
    }
)
"""Faults after which nobody can know whether the partner took it. After the others it certainly did not."""
SOAP_FAULTS = frozenset({"soap_fault", "unsigned_fault"})
"""Over X-Road these leave it as unknown: a Fault of the provider's, and a security server's about the provider."""
TIMEOUT = timedelta(seconds=0.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came to the mock."""

    n: int
    at: datetime
    operation: str
    dossier: str
    is_create: bool
    marks: tuple[str, ...]
    """Which events it carried, by the id that each tells of itself."""
    fault: str | None
    effects: int

    @property
    def is_write(self) -> bool:
        return self.operation in (SYNC, STEP)

    @property
    def is_unclear(self) -> bool:
        return self.fault in UNCLEAR | SOAP_FAULTS


class Witness(Portal):
    """The strict mock, with a memory of what each call carried."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.calls: list[Call] = []

    def __call__(self, request: Request) -> Response:
        with self.lock:
            call = self.recognise(request)
            response = super().__call__(request)
            visit = self.log.newest(1)[0]
            payload = call.payload if isinstance(call.payload, dict) else {}
            rows = payload.get("data") if isinstance(payload.get("data"), list) else []
            self.calls.append(
                Call(
                    n=len(self.calls),
                    at=visit.at,
                    operation=call.operation,
                    dossier=call.dossiers[0] if call.dossiers else "",
                    is_create=payload.get("isUpdating") == "False",
                    marks=tuple(str(row.get(MARK[call.operation])) for row in rows or []),
                    fault=visit.fault,
                    effects=visit.effects,
                )
            )
            return response

    def of(self, dossier: str) -> list[Call]:
        """What came about one dossier, in its order."""
        return [call for call in self.calls if call.dossier == dossier]


@dataclass(slots=True, kw_only=True)
class PortalWorld:
    """Ledger, dispatcher, adapter, and the mock on its port."""

    clock: SimClock
    portal: Witness
    ledger: Ledger
    intake: Intake
    reads: Reads
    repairs: Repairs
    adapter: NationalPortal
    dispatcher: Dispatcher
    resolved: list[tuple[int, str, str]] = field(default_factory=list)
    """What a person did: after which call, which event, and how it was resolved."""

    def accept(self, *wires: Wire) -> None:
        """Take events in."""
        for wire in wires:
            self.intake.accept(from_json(wire))

    def settle(self, *, hours: float = 24, threads: int = 8) -> None:
        """Deliver, and let time pass, until nothing is due within these hours."""
        end = self.clock.now() + timedelta(hours=hours)
        with ThreadPoolExecutor(threads) as flying:
            while self.clock.now() < end:
                calls = self.dispatcher.claim(PARTNER, 4 * threads)
                if calls:
                    list(flying.map(self._carry, calls))
                elif not self._pass_time(end):
                    return

    def _carry(self, call: list[Delivery]) -> None:
        while call:
            call = self.dispatcher.carry(call, take_next=len(call) == 1)

    def _pass_time(self, end: datetime) -> bool:
        due = self.ledger.next_due(PARTNER)
        if due is None or datetime.fromtimestamp(due / 1000, UTC) > end:
            return False
        # A due lane may have to wait for a probe or for its turn: time goes on by small steps then.
        when = datetime.fromtimestamp((due + 1) / 1000, UTC)
        self.clock.time = max(self.clock.now() + timedelta(milliseconds=250), when)
        return True

    def state(self, wire: Wire) -> str:
        """Where an event's delivery stands."""
        return str(self.reads.event(wire["source"], wire["id"])["deliveries"][0]["state"])

    def delivery(self, wire: Wire) -> int:
        """The number of an event's delivery."""
        return int(self.reads.event(wire["source"], wire["id"])["deliveries"][0]["id"])


@contextmanager
def portal_world(
    folder: Path,
    *,
    seed: int = 1,
    adapter: type[NationalPortal] = NationalPortal,
    portal: Callable[..., Witness] = Witness,
    manners: Manners | None = None,
    together: int = 1,
    clock: SimClock | None = None,
    served: tuple[Witness, str] | None = None,
    crash_point: CrashPoint = no_crash,
    timeout: timedelta = TIMEOUT,
    **settings: Any,
) -> Iterator[PortalWorld]:
    """Build it in a folder. `adapter` may be a broken variant; `settings` are the adapter's own, `{url}` the mock's.

    `timeout` is the real one of a call: where no fault of the mock waits it out, a busy machine needs a longer one.

    `served` is a mock that is on its port already, and outlives this world, as `clock` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock, path = clock or SimClock(), folder / "ledger.db"
    manners = manners or Manners()
    migrate(path, FileStorage(), clock)
    with ExitStack() as stack:
        if served is None:
            mock = portal(clock=clock.now, keep=100_000, seed=seed)
            served = mock, stack.enter_context(serve(mock))
        mock, url = served
        http = local_http(timeout=timeout, connect_timeout=timeout)
        channel = HttpChannel(http, clock=clock, crash_point=crash_point)
        stack.callback(channel.close)
        filled = {
            name: each.replace("{url}", url) if isinstance(each, str) else each for name, each in settings.items()
        }
        told = make_settings(**{"adapter_url": f"{url}/national_portal", "password": "mock-password"} | filled)
        speaks = adapter(told, channel, h99_tables(), tick=lambda: clock.now().timestamp(), crash_point=crash_point)
        ledger = Ledger.open(
            path,
            MASTER,
            clock=clock,
            randomness=SeededRandomness(seed),
            storage=FileStorage(),
            crash_point=crash_point,
            manners={PARTNER: manners},
        )
        stack.callback(ledger.close)
        work = PartnerWork(adapter=speaks, patience=Patience(in_flight=manners.in_flight), batch=together)
        dispatcher = Dispatcher(
            ledger,
            {PARTNER: work},
            name="w1",
            clock=clock,
            randomness=SeededRandomness(seed + 1),
            crash_point=crash_point,
        )
        yield PortalWorld(
            clock=clock,
            portal=mock,
            ledger=ledger,
            intake=Intake(ledger, Routes(ROUTES), crash_point=crash_point),
            reads=Reads(ledger),
            repairs=Repairs(ledger),
            adapter=speaks,
            dispatcher=dispatcher,
        )


# -- what the calls alone say -----------------------------------------------------------------------------------


def creates_not_asked_about(calls: Sequence[Call]) -> list[str]:
    """Creates with an unclear outcome that were followed by a write of their dossier before a look-up was answered."""
    open_: set[str] = set()
    found = []
    for call in calls:
        if call.operation == "TraCuuHoSo":
            if not call.is_unclear and call.fault is None:
                open_.discard(call.dossier)
        elif call.operation == SYNC:
            if call.dossier in open_:
                found.append(f"{call.marks} as call {call.n}")
            open_.discard(call.dossier)
            if call.is_create and call.is_unclear:
                open_.add(call.dossier)
    return found


def steps_sent_blindly(calls: Sequence[Call], resolved: Sequence[tuple[int, str, str]]) -> list[str]:
    """Steps that were sent once more after an unclear outcome, though no person had said so."""
    said = {(mark, after) for after, mark, how in resolved if how == "send_again"}
    unclear: dict[str, int] = {}
    found = []
    for call in calls:
        if call.operation != STEP:
            continue
        for mark in call.marks:
            since = unclear.pop(mark, None)
            if since is not None and not any(name == mark and since < after <= call.n for name, after in said):
                found.append(f"{mark} as call {call.n}")
            if call.is_unclear:
                unclear[mark] = call.n
    return found


def resent_in_flight(calls: Sequence[Call], in_flight: timedelta) -> list[str]:
    """Records of one dossier written again while the one before could still land."""
    last: dict[str, Call] = {}
    found = []
    for call in calls:
        if call.operation != SYNC:
            continue
        before = last.get(call.dossier)
        if before is not None and before.is_unclear and call.at - before.at < in_flight:
            found.append(f"{call.marks} as call {call.n}, {call.at - before.at} after call {before.n}")
        last[call.dossier] = call
    return found
