"""F14, freshness: from handing an event in until the partner's yes, ten a second, with a partner that takes 50 ms.

Once with nothing else to do, once while a backlog drains. The worker is the product's own, `lienthong worker`, with the
settings of `lienthong init`; the events come in from another process on the same ledger. A fresh event is the first
record of a new dossier: a look-up and a create, so two calls. Times are taken at the sink.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any, Final

from adapters.doors.reading import read_event
from benchmarks import processes
from benchmarks.crash import lienthong_worker
from benchmarks.events import lives, number, record_json
from benchmarks.installations import fill, folder, fresh, opened
from benchmarks.plan import Plan
from benchmarks.spread import percentile, spread, spreads
from config.wiring import Installation

RATE: Final = 10
DELAY_MS: Final = 50
EACH: Final = 10
FRESH: Final = "77"
FIRST: Final = "98"
"""Series of dossiers whose times the sink keeps; those of the backlog would be too many to ask for."""
GOALS: Final = {"plain_p95_s": 1.0, "plain_p99_s": 3.0, "draining_p99_s": 5.0}


def measure(plan: Plan) -> dict[str, Any]:
    """Percentiles of the delay, round by round, and how fast the backlog drained meanwhile."""
    seconds = plan.size(12, 1)
    backlog = 200_000 if plan.full else plan.size(20_000, 100)
    plain = [_round(0, plan.size(10, 1)) for _ in range(plan.rounds)]
    drains = 1 if plan.full else plan.rounds
    draining = [_round(backlog, 60 if plan.full else seconds) for _ in range(drains)]
    return {
        "rounds": plan.rounds,
        "rounds_draining": drains,
        "events_a_round": seconds * RATE,
        "backlog": backlog,
        "plain": spreads(plain, "p50_s", "p95_s", "p99_s", "most_s"),
        "draining": spreads(draining, "p50_s", "p95_s", "p99_s", "most_s"),
        "drained_a_second": spread([each["drained_a_second"] for each in draining], 0),
        "left_of_backlog": spread([each["left"] for each in draining], 0),
        "undelivered": sum(each["undelivered"] for each in plain + draining),
        "out_of_order": sum(each["out_of_order"] for each in plain + draining),
        "goals": GOALS,
    }


def _round(backlog: int, seconds: float) -> dict[str, Any]:
    with (
        processes.sink(delay_ms=DELAY_MS, core=1, times=[number(0, FRESH)[:7], number(0, FIRST)[:7]]) as sink,
        folder() as place,
    ):
        fresh(place, url=sink.url)
        with opened(place) as installation:
            fill(installation, islice(lives(backlog // EACH, EACH, series="00"), backlog))
            with lienthong_worker(place):
                _until_first(installation, sink)
                before = sink.books()["taken"]
                started = time.monotonic()
                handed = _hand_in(installation, int(seconds * RATE))
                drained = (sink.books()["taken"] - before - len(handed)) / (time.monotonic() - started)
                times = _times(sink, handed)
                books = sink.books()
    waits = [times[dossier] - at for dossier, at in handed.items() if dossier in times]
    return {
        "p50_s": percentile(waits, 0.5),
        "p95_s": percentile(waits, 0.95),
        "p99_s": percentile(waits, 0.99),
        "most_s": max(waits),
        "drained_a_second": max(0.0, drained),
        "left": max(0, backlog - books["taken"]),
        "undelivered": len(handed) - len(waits),
        "out_of_order": books["out_of_order"],
    }


def _until_first(installation: Installation, sink: processes.RunningSink) -> None:
    """Starting is another figure (F7): the clock runs once the worker delivers."""
    installation.intake.accept(read_event(record_json(number(999_999, FIRST))))
    while number(999_999, FIRST) not in sink.times() and sink.books()["taken"] < 64:
        time.sleep(0.05)


def _hand_in(installation: Installation, events: int) -> dict[str, float]:
    """Ten a second, evenly: dossier → when it was handed in."""
    handed, started = {}, time.monotonic()
    for n in range(events):
        event = read_event(record_json(number(n, FRESH)))
        time.sleep(max(0.0, started + n / RATE - time.monotonic()))
        handed[event.dossier] = time.monotonic()
        installation.intake.accept(event)
    return handed


def _times(sink: processes.RunningSink, handed: dict[str, float], at_most_s: float = 20) -> dict[str, float]:
    until = time.monotonic() + at_most_s
    while True:
        times = sink.times()
        if handed.keys() <= times.keys() or time.monotonic() > until:
            return times
        time.sleep(0.1)
