"""A worker in a process of its own that delivers what waits, and says how long it took.

    python -m benchmarks.drain '{"folder": "…", "expect": 4000, "threads": 64, "core": 0, "sink": "http://…"}'

With `sink` the events go to the sink's own door, else to the portal that the settings name. With `profile` the steps of
the walk are timed by the processor time of their threads.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from adapters.channels.http import HttpChannel
from benchmarks import walk
from benchmarks.installations import SECRET, opened
from benchmarks.machine import pin
from benchmarks.sink_adapter import SinkAdapter, local_http
from bus.dispatch import Dispatcher, PartnerWork, Worker
from bus.messages import Decision, State
from config import logging
from config.wiring import Installation, Watch


class Count:
    """Counts what is settled for good, and stops the worker at the last one."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._lock = threading.Lock()
        self.states: dict[str, int] = {}
        self.reasons: set[str] = set()
        """Why something was not delivered."""
        self.stop: Callable[[], None] = lambda: None
        self.before_stop: Callable[[], None] = lambda: None
        self.last_at = 0.0

    def watch(self, delivery: object, attempt: object, decision: Decision, started_at: object) -> None:
        with self._lock:
            self.states[decision.state.value] = self.states.get(decision.state.value, 0) + 1
            if decision.state is not State.DELIVERED and len(self.reasons) < 5:
                self.reasons.add(f"{decision.cause}: {decision.reason}")
            if decision.state in (State.DELIVERED, State.SUPERSEDED, State.HELD, State.REFUSED):
                self._left -= 1
            if self._left == 0:
                self.last_at = time.perf_counter()
                self.before_stop()
                self.stop()


def drain(told: dict[str, Any]) -> dict[str, Any]:
    """Deliver what waits; seconds, processor seconds, and what became of the deliveries."""
    pin(told.get("core"))
    logging.configure()
    count = Count(told["expect"])
    with opened(Path(told["folder"]), walk.TimedStorage() if told.get("profile") else None) as installation:
        worker = make_worker(installation, told, count.watch)
        count.stop = worker.stop
        guard = threading.Timer(float(told.get("at_most_s", 300)), worker.stop)
        guard.daemon = True
        guard.start()
        profile: AbstractContextManager[walk.Walk | None] = walk.timed() if told.get("profile") else nullcontext()
        with profile as timed:
            if timed is not None:
                count.before_stop = timed.note_threads
            started, used = time.perf_counter(), time.process_time()
            worker.run()
            used = time.process_time() - used
        guard.cancel()
        seconds = (count.last_at or time.perf_counter()) - started
        found = {"seconds": seconds, "cpu_seconds": used, "states": count.states, "expected": told["expect"]}
        found["reasons"] = sorted(count.reasons)
        if timed is not None:
            found["profile"] = timed.report(told["expect"], used)
        return found


def make_worker(installation: Installation, told: dict[str, Any], watch: Watch) -> Worker:
    """The product's worker; for the sink, with the benchmark's own adapter in place of the portal's."""
    if "sink" not in told:
        return installation.worker("bench", watch=watch)
    ports, threads = installation.ports, int(told["threads"])
    adapter = SinkAdapter(told["sink"], SECRET.encode(), HttpChannel(local_http(threads)))
    partners = {"sink": PartnerWork(adapter=adapter, threads=threads)}
    dispatcher = Dispatcher(
        installation.ledger, partners, name="bench", clock=ports.clock, randomness=ports.randomness, watch=watch
    )
    return Worker(dispatcher, installation.ledger, partners, clock=ports.clock)


if __name__ == "__main__":
    print(json.dumps(drain(json.loads(sys.argv[1]))))
