"""The bus with the one-stop system's real adapter and strict mock on a real port, in a time that jumps.

As `portal_world`: everything between the claim and the mock's books is the product's own, zeep and the signatures both
ways included; only the clock is ours, shared with the mock. Told are dossiers filed on the portal, each with what its
applicant did afterwards; the mock's own list is the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from adapters.channels.http import HttpChannel
from adapters.partners.one_stop.adapter import OneStop as Adapter
from bus.circuit import Manners
from bus.dispatch import Dispatcher, PartnerWork
from bus.follow_ups import told_to
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Delivery, Event
from bus.ports import CrashPoint, FileStorage, no_crash
from bus.reads import Reads
from bus.retry import Patience
from bus.routing import Routes
from bus.upkeep import migrate, verify
from contracts.one_stop.mock import OneStop
from contracts.one_stop.pki import Pki
from contracts.serve import serve
from tests.builders import NOON
from tests.one_stop_kit import event, settings_for
from tests.portal_kit import local_http
from tests.world import MASTER, SeededRandomness, SimClock

PARTNER = "one_stop"
KINDS = ("supplement", "question", "withdrawal", "rating")
PATIENT = timedelta(seconds=10)


@cache
def pki() -> Pki:
    """Certificates of the world's own time."""
    return Pki(NOON)


def life(n: int, events: int) -> list[Event]:
    """One dossier: filed, and what the applicant did afterwards."""
    number, told = f"G17.99-260703-{n:06d}", []
    for k in range(events):
        at, id = (NOON + timedelta(minutes=k)).isoformat(), f"e{n}-{k}"
        if k == 0:
            told.append(event("dossier.filed", id=id, national_number=number, filed_at=at))
        else:
            kind = KINDS[k % len(KINDS)]
            told.append(event("dossier.amended", id=id, national_number=number, number=None, at=at, kind=kind))
    return told


def lives(dossiers: int, events: int) -> list[Event]:
    """A story of many dossiers, told in turns."""
    return [one for turn in zip(*(life(n, events) for n in range(dossiers)), strict=True) for one in turn]


@dataclass(slots=True, kw_only=True)
class OneStopWorld:
    """Ledger, dispatcher, adapter, and the mock on its port."""

    clock: SimClock
    mock: OneStop
    ledger: Ledger
    intake: Intake
    reads: Reads
    dispatcher: Dispatcher

    def accept(self, *events: Event) -> None:
        """Take events in."""
        for one in events:
            self.intake.accept(one)

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
        when = datetime.fromtimestamp((due + 1) / 1000, UTC)
        self.clock.time = max(self.clock.now() + timedelta(milliseconds=250), when)
        return True

    def judge(self, told: Sequence[Event], story: str, *, is_over: bool = True) -> None:
        """0/0/0 by the mock's list, nothing green without its effect, and the chain of the ledger whole."""
        came = [(row.dossier, row.entry["id"]) for row in self.mock.effects.page(limit=1_000_000)]
        there = Counter(id for _, id in came)
        states = {one.id: str(self.reads.event(one.source, one.id)["deliveries"][0]["state"]) for one in told}
        assert {} == {id: count for id, count in there.items() if count > 1}, f"{story}: doubled"
        assert [] == [id for id, state in states.items() if state == "delivered" and not there[id]], f"{story}: false"
        for dossier in {name for name, _ in came}:
            places = [int(id.partition("-")[2]) for name, id in came if name == dossier]
            assert places == list(range(len(places))), f"{story}: {dossier} out of order"
        assert [] == list(verify(self.ledger)), story
        if is_over:
            assert {"delivered"} == set(states.values()), f"{story}: {Counter(states.values())}"
            assert there.keys() == states.keys(), f"{story}: lost"


@contextmanager
def one_stop_world(
    folder: Path,
    *,
    way: str = "soap-1.1",
    seed: int = 1,
    adapter: type[Adapter] = Adapter,
    clock: SimClock | None = None,
    served: tuple[OneStop, str] | None = None,
    crash_point: CrashPoint = no_crash,
    timeout: timedelta = PATIENT,
) -> Iterator[OneStopWorld]:
    """Build it in a folder. `served` is a mock that is on its port already and outlives this world, as `clock` does."""
    folder.mkdir(parents=True, exist_ok=True)
    clock, path = clock or SimClock(), folder / "ledger.db"
    migrate(path, FileStorage(), clock)
    with ExitStack() as stack:
        if served is None:
            mock = OneStop(pki=pki(), clock=clock.now, keep=100_000, seed=seed)
            served = mock, stack.enter_context(serve(mock))
        mock, url = served
        http = local_http(timeout=timeout, connect_timeout=timeout)
        channel = HttpChannel(http, clock=clock, crash_point=crash_point)
        stack.callback(channel.close)
        speaks = adapter(settings_for(way, url, pki(), http=http), channel, clock=clock, crash_point=crash_point)
        ledger = Ledger.open(
            path,
            MASTER,
            clock=clock,
            randomness=SeededRandomness(seed),
            storage=FileStorage(),
            crash_point=crash_point,
            manners={PARTNER: Manners()},
        )
        stack.callback(ledger.close)
        dispatcher = Dispatcher(
            ledger,
            {PARTNER: PartnerWork(adapter=speaks, patience=Patience(in_flight=Manners().in_flight))},
            name="w1",
            clock=clock,
            randomness=SeededRandomness(seed + 1),
            crash_point=crash_point,
        )
        routes = Routes(tuple(told_to(PARTNER, kind) for kind in ("dossier.filed", "dossier.amended")))
        yield OneStopWorld(
            clock=clock,
            mock=mock,
            ledger=ledger,
            intake=Intake(ledger, routes, crash_point=crash_point),
            reads=Reads(ledger),
            dispatcher=dispatcher,
        )
