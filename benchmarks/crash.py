"""F7, crash: how soon a worker delivers again, and what of it the partner sees twice.

*Start*: from exec of `lienthong worker` to the first write at the sink, login included, on the installation that
`lienthong init` makes. *Repeats*: a worker is killed in mid-flight, another takes over; updates of whole records may be
seen twice (they replace themselves), steps never.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import processes
from benchmarks.events import lives, records, steps
from benchmarks.installations import fill, folder, fresh, opened
from benchmarks.plan import Plan
from benchmarks.spread import spread
from bus.engines.sqlite import MAX_GROUP
from bus.messages import Event
from config.new_installation import SETTINGS

GOAL_S: Final = 0.8
THREADS: Final = 64
SHORT: Final = f"""\
lookup_before_create = false
threads = {THREADS}
timeout_s = 1.0
connect_timeout_s = 0.5
lease_s = 1.5
in_flight_s = 0.5
"""
"""A dead worker's lanes are free after a second and a half, so that a round is short; nothing else depends on it."""


def measure(plan: Plan) -> dict[str, Any]:
    """Seconds to the first delivery, and writes that came twice after a kill."""
    starts = [_start_round() for _ in range(plan.rounds)]
    kinds = {"update": plan.size(1_500, 200), "step": plan.size(1_500, 200)}
    killed = {kind: [_kill_round(kind, size) for _ in range(plan.rounds)] for kind, size in kinds.items()}
    return {
        "rounds": plan.rounds,
        "first_delivery_s": spread(starts),
        "goal_s": GOAL_S,
        "bound": THREADS + MAX_GROUP,
        "killed": {
            kind: {
                "repeats": spread([each["repeats"] for each in found], 0),
                "in_flight": spread([each["most_flying"] for each in found], 0),
                "out_of_order": sum(each["out_of_order"] for each in found),
                "lost": sum(each["lost"] for each in found),
                "in_doubt": spread([each["in_doubt"] for each in found], 0),
            }
            for kind, found in killed.items()
        },
    }


def _start_round() -> float:
    with processes.sink(delay_ms=0, core=1) as sink, folder() as place:
        fresh(place, url=sink.url)
        with opened(place) as installation:
            fill(installation, lives(20, 2))
        started = time.monotonic()
        with lienthong_worker(place):
            while not (first := sink.books()["first_at"]):
                time.sleep(0.02)
        return float(first) - started


def _kill_round(kind: str, size: int) -> dict[str, Any]:
    """Kill a worker when a third has arrived, start another, and wait until nothing moves any more."""
    with processes.sink(delay_ms=5, core=1) as sink, folder() as place:
        fresh(place, url=sink.url, more=SHORT)
        with opened(place) as installation:
            fill(installation, records(size), is_adopted=True)
            expected = fill(installation, _second(kind, size))
        with lienthong_worker(place) as process:
            _wait(lambda: sink.books()["taken"] >= expected // 3)
            process.kill()
            process.wait()
        with lienthong_worker(place):
            left = _settled(place, expected)
        books = sink.books()
    open_or_arrived = books["taken"] + left["unsent"]
    return books | {"lost": max(0, expected - open_or_arrived), "in_doubt": left["in_doubt"]}


def _second(kind: str, size: int) -> Iterator[Event]:
    return records(size, n=1) if kind == "update" else steps(size, 1)


@contextmanager
def lienthong_worker(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`lienthong worker`, as a service manager starts it."""
    command = [str(Path(sys.executable).parent / "lienthong"), "worker", "--config", str(place / SETTINGS)]
    with (place / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, env=processes.environment())
        try:
            yield process
        finally:
            if process.poll() is None:
                processes.end(process)


def _settled(place: Path, expected: int) -> dict[str, int]:
    """Wait until everything is delivered or waits for a person: what is in doubt, and what never went out."""
    with opened(place) as installation:

        def states() -> dict[str, int]:
            counted = next(each for each in installation.reads.partners() if each["name"] == "national_portal")
            return dict(counted["deliveries"])

        def is_over() -> bool:
            now = states()
            is_asked = installation.ledger.next_due("national_portal") is not None
            return not is_asked and not any(now.get(state, 0) for state in ("waiting", "sending"))

        _wait(is_over)
        found = states()
    in_doubt = found.get("in_doubt", 0)
    # An unclear step may or may not have arrived: it is visible, which is what was promised.
    return {"in_doubt": in_doubt, "unsent": expected - found.get("delivered", 0)}


def _wait(is_true: Any, at_most_s: float = 120) -> None:
    until = time.monotonic() + at_most_s
    while not is_true():
        if time.monotonic() > until:
            raise TimeoutError("the worker did not come to an end")
        time.sleep(0.02)
