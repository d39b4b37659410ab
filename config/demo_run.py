"""`lienthong demo`: feed a day while the mock of the portal misbehaves, settle what a person must, and judge it all.

The mock's own effect list is the truth. A step in doubt is settled as the documentation says: look at what the portal
shows (here the effect list stands for an officer's eyes), then resolve it as arrived, or send it again.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from bus.messages import State
from bus.ports import SystemClock
from config.demo.approving import Signed
from config.demo.books import Entry
from config.demo.born import Filed
from config.demo.console_page import Looking
from config.demo.day import Day, Feed, day, read_ndjson
from config.demo.faults import ONE_STOP_PLAN, PORTAL_PLAN, plan_faults
from config.demo.judge import Verdict, doubts
from config.demo.old_client import BASE as FACADE
from config.demo.paying import Paid
from config.demo.soap_client import PATH as SOAP_PATH
from config.demo.summary import Report, print_summary
from config.demo.systems import shares
from config.demo.told import Told
from config.demo_feeder import Feeder, sources_in
from config.demo_judging import Books, Judging
from config.demo_mocks import Control
from config.demo_people import FIRST, SECOND
from config.demo_settings import PORTAL
from config.demo_stage import Stage, StageTaken, stage
from config.desk import USAGE, Desk

ONE_STOPS: Final = "one_stop"
"""The mock that stands for both one-stop systems that are told what became of their events."""
ACTOR: Final = "person:demo"
LONGEST_S: Final = 600.0
"""A day that has not settled by then (five times what a small machine needs) will not; the verdict says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for."""

    is_once: bool
    seed: int
    events: Path | None
    state_dir: Path | None
    port: int | None
    mocks_port: int | None
    dossiers: int
    steps: int


@dataclass(slots=True, kw_only=True)
class Found:
    """What the play came to."""

    verdict: Verdict
    entries: list[Entry]
    seconds: float
    told: Told
    filed: Filed
    paid: Paid
    signed: Signed
    resolved: Mapping[str, int] = field(default_factory=dict)
    unmet: tuple[str, ...] = ()
    console: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Ledger, mock and console agree, and every planted trouble ended as it should."""
        return self.verdict.agrees and not self.unmet and not self.console


class Interrupted(Exception):
    """A signal said stop."""


def run(desk: Desk, wish: Wish) -> bool:
    """Play it; whether all is well. Without `--once` it keeps serving until a signal."""
    told, feeds = _script(wish)
    stopped = _on_signals()
    try:
        sources = sources_in(feeds) if told is None else None
        with stage(wish.state_dir, port=wish.port, mocks_port=wish.mocks_port, sources=sources) as here:
            return _Play(desk, wish, here, told, feeds, stopped).run()
    except StageTaken as taken:
        desk.fail(USAGE, "demo_state_taken", path=taken)
    except Interrupted:
        return not wish.is_once


def _script(wish: Wish) -> tuple[Day | None, list[Feed]]:
    if wish.events is not None:
        return None, list(read_ndjson(wish.events))
    told = day(wish.seed, wish.dossiers, wish.steps)
    return told, list(told.events)


def _on_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


class _Play:
    """One demo from its first event to its verdict."""

    def __init__(
        self, desk: Desk, wish: Wish, here: Stage, told: Day | None, feeds: list[Feed], stopped: threading.Event
    ) -> None:
        self._desk = desk
        self._wish = wish
        self._here = here
        self._day = told
        self._stopped = stopped
        self._started = time.monotonic()
        self._portal = Control(here.mocks)
        self._one_stop = Control(here.mocks, ONE_STOPS)
        self._feeder = Feeder(here, feeds, SystemClock(), seed=wish.seed if told is not None else None)
        self._judging = Judging(here, told, self._feeder, self._portal, self._one_stop)
        self._resolved: Counter[str] = Counter()
        self._progress = Progress(desk)

    def run(self) -> bool:
        """Feed, wait, settle, judge, tell; then serve on, unless it was to be once."""
        self._welcome()
        for control, plan in ((self._portal, PORTAL_PLAN), (self._one_stop, ONE_STOP_PLAN)):
            for fault in plan_faults(self._wish.seed, plan):
                control.post("faults", fault)
        try:
            self._feeder.start()
            self._watch_first()
            found = self._settled()
            pages = {} if self._wish.is_once else self._open_for_you()
            self._tell(found)
            if not self._wish.is_once:
                self._serve_on(pages)
        finally:
            self._feeder.stop()
        self._portal.close()
        self._one_stop.close()
        return found.is_well

    def _welcome(self) -> None:
        ready = self._here.ready_line()
        if not self._wish.is_once:
            self._desk.give(ready)
        self._desk.say("demo_ready", **ready)
        self._desk.say("demo_console", console=ready["console"], token=ready["token"], first=FIRST, second=SECOND)
        if self._day is not None:
            self._desk.say("demo_systems", **self._doors())
        self._desk.say("demo_feeding", count=self._feeder.total, seed=self._wish.seed)

    def _watch_first(self) -> None:
        """Say the first delivered dossier as soon as it is there."""
        reads = self._here.installation.reads
        while not self._feeder.is_done or self._is_under_way():
            first = reads.deliveries(state=State.DELIVERED, limit=1)
            if first:
                seconds = f"{time.monotonic() - self._started:.2f}"
                self._desk.say("demo_first", dossier=first[0]["dossier"], seconds=seconds)
                return
            self._rest(0.02)

    def _settled(self) -> Found:
        """Wait until the day is settled, settle what is in doubt, and so on until nothing is."""
        while True:
            self._wait()
            if self._feeder.trouble is not None:
                raise OSError(f"the door: {self._feeder.trouble}")
            books = self._judging.books()
            waiting = [entry for entry in books.entries if entry.state == State.IN_DOUBT]
            if not waiting or self._is_late():
                return self._found(books)
            self._settle_doubts(waiting, doubts(books.entries, books.effects))

    def _wait(self) -> None:
        while (not self._feeder.is_done or self._is_under_way()) and not self._is_late():
            self._progress.show(self._feeder, self._tally())
            self._rest(0.2)
        self._progress.end()

    def _is_late(self) -> bool:
        return time.monotonic() - self._started > LONGEST_S

    def _is_under_way(self) -> bool:
        """Whether any lane still has something due, or leased; what is blocked has neither."""
        if self._here.worker.poll() is not None:
            raise OSError(f"the worker ended; see {self._here.folder / 'worker.log'}")
        ledger = self._here.installation.ledger
        return any(ledger.next_due(partner) is not None for partner in self._here.partners)

    def _tally(self) -> Mapping[str, int]:
        return self._here.installation.reads.tallies().get(PORTAL, {})

    def _rest(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Interrupted

    def _settle_doubts(self, waiting: list[Entry], there: Mapping[tuple[str, str], bool]) -> None:
        """Look at the portal, then do as the documentation says: `deliveries resolve ID --as arrived|send-again`."""
        repairs = self._here.installation.repairs
        for entry in waiting:
            assert entry.delivery is not None
            is_there = there[(entry.source, entry.id)]
            how: Literal["arrived", "send_again"] = "arrived" if is_there else "send_again"
            reason = "the portal shows this step" if is_there else "the portal does not show this step"
            self._desk.say(f"demo_resolved_{how}", id=entry.delivery, dossier=entry.dossier)
            repairs.resolve(entry.delivery, how, actor=ACTOR, reason=reason)
            self._resolved[how] += 1

    def _found(self, books: Books) -> Found:
        judged = self._judging.judged(books)
        return Found(
            verdict=judged.verdict,
            entries=books.entries,
            seconds=time.monotonic() - self._started,
            told=judged.told,
            filed=judged.filed,
            paid=judged.paid,
            signed=judged.signed,
            resolved=dict(self._resolved),
            unmet=judged.unmet,
            console=judged.console,
        )

    # -- the end --------------------------------------------------------------------------------------------------

    def _tell(self, found: Found) -> None:
        if self._desk.as_json:
            if self._wish.is_once:
                self._desk.give(found.verdict.line(found.seconds))
            return
        ready = self._here.ready_line()
        report = Report(
            verdict=found.verdict,
            entries=found.entries,
            seconds=found.seconds,
            day=self._day,
            faults=[*self._portal.get("faults")["faults"], *self._one_stop.get("faults")["faults"]],
            told=found.told.counts,
            filed=found.filed,
            paid=found.paid,
            signed=found.signed,
            resolved=found.resolved,
            unmet=found.unmet,
            console=found.console,
            shares=shares(self._feeder.answers, found.entries) if self._day else (),
            places={name: ready[name] for name in ("bus", "mocks", "state_dir")} | self._doors(),
            looking=None if self._wish.is_once else self._looking(ready),
        )
        print_summary(report, sys.stdout, is_terminal=sys.stdout.isatty())

    def _looking(self, ready: Mapping[str, str]) -> Looking:
        return Looking(url=ready["console"], token=ready["token"], first=FIRST, second=SECOND)

    def _doors(self) -> dict[str, str]:
        """Where each of the three systems knocks."""
        if self._day is None:
            return {}
        bus = self._here.bus
        return {"rest": f"{bus}/v1/events", "soap": f"{bus}{SOAP_PATH}?wsdl", "facade": f"{bus}{FACADE}/login"}

    def _open_for_you(self) -> dict[str, str | None]:
        """A fee that nobody has paid yet, a result that nobody has signed yet: where that is done."""
        cashier, signatory = self._feeder.cashier, self._feeder.signatory
        return {
            "demo_pay": None if cashier is None else cashier.open_for_you(),
            "demo_sign": None if signatory is None else signatory.open_for_you(),
        }

    def _serve_on(self, pages: Mapping[str, str | None]) -> None:
        rooms = {"demo_pay": "payments", "demo_sign": "signatures"}
        for name, url in pages.items():
            if url is not None:
                self._desk.say(name, url=url, console=f"{self._here.bus}/console/{rooms[name]}")
        self._desk.say("demo_serving")
        self._stopped.wait()


class Progress:
    """How far it is: one line that moves on a terminal, a line now and then elsewhere, nothing for a machine."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._is_moving = sys.stderr.isatty()
        self._next = 0.0

    def show(self, feeder: Feeder, tally: Mapping[str, int]) -> None:
        """At most five times a second on a terminal, each five seconds elsewhere."""
        now = time.monotonic()
        if self._desk.as_json or now < self._next:
            return
        self._next = now + (0.2 if self._is_moving else 5.0)
        from config import words

        facts = {"fed": feeder.fed, "total": feeder.total, "delivered": tally.get("delivered", 0)}
        waiting = sum(tally.get(name, 0) for name in ("waiting", "sending", "in_doubt"))
        line = words.say("demo_progress", self._desk.language, waiting=waiting, **facts)
        sys.stderr.write(f"\r\x1b[K{line}" if self._is_moving else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._is_moving and not self._desk.as_json and self._next:
            sys.stderr.write("\n")
