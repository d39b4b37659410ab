"""What each step of the walk costs: the processor time of the thread that does it, without the steps inside it.

Probes stand around functions of the product, by name; one whose function is gone is reported, and a test says so. A
probe costs about a microsecond itself; that is measured, and taken off.
"""

from __future__ import annotations

import functools
import importlib
import os
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bus.ports import FileStorage

STEPS: Final = (
    # step, module, name in it
    ("accept", "bus.ledger", "Ledger._prepare"),
    ("accept: write", "bus.recording", "Recorder.record"),
    ("accept: write together", "bus.fresh", "Fresh.take"),
    ("accept: write together", "bus.fresh", "Fresh.write"),
    ("claim", "bus.claiming", "Claimer.claim"),
    ("claim: lease", "bus.claiming", "Claimer.lease"),
    ("head of the lane", "bus.claiming", "set_head"),
    ("head of the lane", "bus.recording", "set_head"),
    ("open", "bus.ledger", "open_claimed"),
    ("carry", "bus.dispatch", "Dispatcher.carry"),
    ("shape and read", "benchmarks.sink_adapter", "SinkAdapter.deliver"),
    ("shape and read", "adapters.partners.national_portal.adapter", "NationalPortal.deliver"),
    ("sign", "benchmarks.sink_adapter", "SinkAdapter.sign"),
    ("send: channel", "adapters.channels.http", "HttpChannel.send"),
    ("send: transport", "adapters.channels.pyreqwest_transport", "PyreqwestTransport.perform"),
    ("decide", "bus.dispatch", "decide"),
    ("log", "bus.dispatch", "Dispatcher._tell"),
    ("seal", "bus.seal", "Sealer.seal"),
    ("settle: caller", "bus.ledger", "Ledger.settle_many"),
    ("settle: write", "bus.settling", "Settler.settle"),
    ("settle: row digests", "bus.settling", "row_digest"),
    ("chain", "bus.moves", "MoveWriter._write"),
    ("group commit: queue and wake", "bus.engines.sqlite", "SqliteEngine._commit_group"),
    ("group commit: queue and wake", "bus.engines.sqlite", "SqliteEngine._put"),
    ("group commit: queue and wake", "bus.engines.sqlite", "_tell_all"),
    ("idle look", "bus.ledger", "Ledger.is_anything_due"),
)

REST: Final = "outside the steps: threads, queues, waking"


class Walk:
    """Collects, thread by thread; nothing is shared while the clock runs."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._local = threading.local()
        self._books: list[dict[str, list[float]]] = []
        self._lock = threading.Lock()
        self.commits = 0
        self.commit_wall_ns = 0
        self.inner_ns, self.outer_ns = 0.0, 0.0
        self._before = _threads()
        self._after = self._before

    def probe(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed under this name."""

        @functools.wraps(work)
        def timed(*args: Any, **named: Any) -> Any:
            stack, book = self._here()
            frame = [0.0, 0.0]
            stack.append(frame)
            start = time.thread_time_ns()
            try:
                return work(*args, **named)
            finally:
                spent = time.thread_time_ns() - start
                stack.pop()
                entry = book[step]
                entry[0] += 1
                entry[1] += spent - frame[0] - frame[1] * self.outer_ns - self.inner_ns
                if stack:
                    stack[-1][0] += spent
                    stack[-1][1] += 1

        return timed

    def _here(self) -> tuple[list[list[float]], dict[str, list[float]]]:
        local = self._local
        try:
            return local.stack, local.book
        except AttributeError:
            local.stack, local.book = [], defaultdict(lambda: [0.0, 0.0])
            with self._lock:
                self._books.append(local.book)
            return local.stack, local.book

    def note_threads(self) -> None:
        """What each thread has used; called before they end, because nobody can ask afterwards."""
        self._after = _threads()

    def calibrate(self) -> None:
        """What a probe sees of itself, and what it adds to the step around it."""

        def nothing() -> None: ...

        rounds = 5_000
        inside = self.probe("-", nothing)
        outside = self.probe("+", lambda: [inside() for _ in range(rounds)])
        outside()
        _, book = self._here()
        self.inner_ns = book.pop("-")[1] / rounds
        self.outer_ns = book.pop("+")[1] / rounds

    def report(self, events: int, cpu_seconds: float) -> dict[str, Any]:
        """Microseconds of processor time for each event, the most costly step first."""
        total: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for book in self._books:
            for step, (calls, spent) in book.items():
                total[step][0] += calls
                total[step][1] += spent
        steps = {step: _us(spent, events) for step, (_, spent) in total.items()}
        probed = sum(calls for calls, _ in total.values())
        whole = cpu_seconds * 1e6 / events - _us(probed * (self.inner_ns + self.outer_ns), events)
        steps[REST] = round(whole - sum(steps.values()), 1)
        return {
            "cpu_us_per_event": round(whole, 1),
            "us_per_event": dict(sorted(steps.items(), key=lambda each: -each[1])),
            "calls_per_event": {step: round(calls / events, 3) for step, (calls, _) in total.items()},
            "threads_us_per_event": self._by_thread(events),
            "events_per_commit": round(events / self.commits, 1) if self.commits else 0,
            "commit_wall_ms": round(self.commit_wall_ns / self.commits / 1e6, 2) if self.commits else 0,
            "probe_ns": [round(self.inner_ns), round(self.outer_ns)],
            "missing": self.missing,
        }

    def _by_thread(self, events: int) -> dict[str, float]:
        found: dict[str, float] = defaultdict(float)
        for task, (name, seconds) in self._after.items():
            found[name] += seconds - self._before.get(task, (name, 0.0))[1]
        return {name: round(spent * 1e6 / events, 1) for name, spent in sorted(found.items(), key=lambda e: -e[1])}


class TimedStorage(FileStorage):
    """Files whose statements are timed."""

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        return sqlite3.connect(
            f"file:{quote(path)}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=TimedConnection,
        )


class TimedConnection(sqlite3.Connection):
    """SQLite's share, by the first words of the statement; the running `Walk` is told."""

    walk: Walk | None = None

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.walk is None:
            return super().execute(sql, *values)
        if sql != "COMMIT":
            return self._probe(sql)(sql, *values)  # type: ignore[no-any-return]
        start = time.perf_counter_ns()
        done = self._probe(sql)(sql, *values)
        self.walk.commits += 1
        self.walk.commit_wall_ns += time.perf_counter_ns() - start
        return done  # type: ignore[no-any-return]

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        if self.walk is None:
            return super().executemany(sql, rows)
        assert self.walk is not None
        return self.walk.probe(_named(sql), super().executemany)(sql, rows)  # type: ignore[no-any-return]

    def _probe(self, sql: str) -> Callable[..., Any]:
        assert self.walk is not None
        return self.walk.probe(_named(sql), super().execute)


@functools.cache
def _named(sql: str) -> str:
    from bus.sql import load_queries

    for name, text in load_queries("sqlite").items():
        if text == sql:
            return f"sqlite: {name}"
    return f"sqlite: {sql.split()[0]}"


@contextmanager
def timed() -> Iterator[Walk]:
    """Probes around every step while the block runs."""
    walk = Walk()
    walk.calibrate()
    undo: list[Callable[[], None]] = []
    for step, module, path in STEPS:
        try:
            undo.append(_put(walk, step, module, path))
        except (ImportError, AttributeError):
            walk.missing.append(f"{module}:{path}")
    TimedConnection.walk = walk
    try:
        yield walk
    finally:
        TimedConnection.walk = None
        for step_back in undo:
            step_back()


def _put(walk: Walk, step: str, module: str, path: str) -> Callable[[], None]:
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    before = getattr(owner, name)
    setattr(owner, name, walk.probe(step, before))
    return lambda: setattr(owner, name, before)


def _us(nanoseconds: float, events: int) -> float:
    return round(nanoseconds / 1_000 / events, 1)


def _threads() -> dict[int, tuple[str, float]]:
    """Thread → what it does and its processor seconds, as the system counts them."""
    ours = {thread.native_id: thread.name.partition("-")[0] for thread in threading.enumerate()}
    ours |= {thread.native_id: "writer" for thread in threading.enumerate() if thread.name == "ledger-writer"}
    ticks, found = os.sysconf("SC_CLK_TCK"), {}
    for task in Path("/proc/self/task").glob("*"):
        fields = (task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        name = ours.get(int(task.name), "not Python's (transport)")
        found[int(task.name)] = (name, (int(fields[11]) + int(fields[12])) / ticks)
    return found


def own_time(work: Callable[[], object]) -> float:
    """Processor seconds of this process while it worked."""
    used = time.process_time()
    work()
    return time.process_time() - used
