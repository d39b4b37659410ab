"""F6, growth: the processor time of one event, from accepting to settling, in a young ledger and in an old one.

Both ledgers are open in one process on one core and take their turns, round by round. The partner answers at once and
costs nothing, so that what is left is the ledger's own work. New steps go to dossiers anywhere in the history.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.doors.reading import read_event
from benchmarks import history, processes
from benchmarks.drain import Count
from benchmarks.events import number, step_json
from benchmarks.installations import folder, fresh, opened
from benchmarks.machine import pin
from benchmarks.plan import Plan
from benchmarks.spread import spread
from bus.dispatch import Dispatcher, PartnerWork, Worker
from bus.messages import Attempt, Delivered, Delivery, Event, Exchange
from config.wiring import Installation

GOAL: Final = 1.10
THREADS: Final = 16


def measure(plan: Plan) -> dict[str, Any]:
    """Microseconds for each event at both ages, and their ratio round by round."""
    told = {
        "young": plan.size(10_000, 200),
        "old": plan.size(1_000_000, 2_000),
        "events": plan.size(1_500, 60),
        "rounds": max(plan.rounds, plan.size(7, 1)),
    }
    return processes.run("benchmarks.growth", told) | {"goal": GOAL}


def run(told: dict[str, Any]) -> dict[str, Any]:
    """Both ledgers, in turn; the first turn of each only warms."""
    pin(0)
    rows, built = {}, {}
    with ExitStack() as stack:
        homes: dict[str, Installation] = {}
        for age in ("young", "old"):
            place = stack.enter_context(folder())
            fresh(place, to_sink=True)
            started = time.perf_counter()
            rows[age] = history.build(place / "ledger.db", told[age])
            built[age] = round(time.perf_counter() - started, 1)
            homes[age] = stack.enter_context(opened(place))
        rounds = [
            {age: _round(homes[age], told[age] // history.EACH, told["events"], seed) for age in homes}
            for seed in range(told["rounds"] + 1)
        ][1:]
        sizes = {age: Path(homes[age].ledger.engine.path).stat().st_size for age in homes}
    return {
        "rounds": told["rounds"],
        "events_of_history": {age: told[age] for age in homes},
        "rows": rows,
        "megabytes": {age: round(size / 1e6) for age, size in sizes.items()},
        "built_s": built,
        "us_per_event": {age: spread([each[age] for each in rounds], 1) for age in homes},
        "ratio": spread([each["old"] / each["young"] for each in rounds]),
    }


class Nobody:
    """A partner that says yes and costs nothing."""

    def check(self, delivery: Delivery) -> None:
        """Everything can be sent."""

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        return [Attempt(outcome=Delivered(), exchanges=(_exchange(delivery),)) for delivery in batch]

    def ask(self, delivery: Delivery) -> Attempt:
        return self.deliver([delivery])[0]


def _exchange(delivery: Delivery) -> Exchange:
    return Exchange(
        operation="Event",
        method="POST",
        url="http://127.0.0.1:9/events",
        request_head=b"content-type: application/json\r\n",
        request_body=delivery.event.body,
        sent_at=datetime.now(UTC),
        took=timedelta(milliseconds=5),
        status=200,
        reply_head=b"content-type: application/json\r\n",
        reply_body=b'{"taken":true}',
    )


def _round(installation: Installation, dossiers: int, size: int, seed: int) -> float:
    chance = random.Random(seed)
    places = chance.sample(range(dossiers), min(size, dossiers))
    events = [read_event(step_json(number(each, "40"), seed + 1)) for each in places]
    used = time.process_time()
    _accept(installation, events)
    _deliver(installation, len(events))
    return (time.process_time() - used) * 1e6 / len(events)


def _accept(installation: Installation, events: list[Event]) -> None:
    def call(part: list[Event]) -> None:
        for event in part:
            installation.intake.accept(event)

    crew = [threading.Thread(target=call, args=(events[n::THREADS],)) for n in range(THREADS)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()


def _deliver(installation: Installation, expected: int) -> None:
    count, ports = Count(expected), installation.ports
    partners = {"sink": PartnerWork(adapter=Nobody(), threads=THREADS)}
    dispatcher = Dispatcher(
        installation.ledger,
        partners,
        name="bench",
        clock=ports.clock,
        randomness=ports.randomness,
        watch=count.watch,
    )
    worker = Worker(dispatcher, installation.ledger, partners, clock=ports.clock)
    count.stop = worker.stop
    worker.run()
    assert count.states == {"delivered": expected}, count.states


if __name__ == "__main__":
    from config import logging

    logging.configure(level="warning")
    print(json.dumps(run(json.loads(sys.argv[1]))))
