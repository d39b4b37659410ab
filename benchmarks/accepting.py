"""F5, intake: what many callers gain over one, what the door costs, and bulk submit beside raw inserts.

callers   `intake.accept` with events already read and checked, 32 threads, beside one thread; one core
door      signed events over HTTP, 32 connections, beside an empty signed POST to the same server
bulk      `intake.accept_many` as `submit` calls it, beside `executemany` of the very rows it wrote
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from adapters.doors.reading import read_line
from benchmarks import hammer, processes
from benchmarks.events import number, record_json, steps
from benchmarks.installations import CHUNK, fill, folder, fresh, opened
from benchmarks.machine import pin
from benchmarks.plan import Plan
from benchmarks.spread import spreads
from bus import upkeep
from bus.messages import Event
from bus.ports import FileStorage, SystemClock
from config.new_installation import CALLER_SECRET
from config.wiring import Installation
from signing.http import sign_request

CALLERS: Final = 32
CALLER: Final = "one-stop"


def measure(plan: Plan) -> dict[str, Any]:
    """The three ratios."""
    callers = [processes.run("benchmarks.accepting", {"size": plan.size(2_000, 60)}) for _ in range(plan.rounds)]
    doors = [_door_round(plan.size(3_000, 100)) for _ in range(plan.rounds)]
    bulks = [_bulk_round(plan.size(5_000, 600)) for _ in range(plan.rounds)]
    return {
        "rounds": plan.rounds,
        "callers": spreads(callers, "single", "many", "many_to_single", "cpu_us_single", "cpu_us_many", digits=2),
        "door": spreads(doors, "events", "empty", "ratio", "p50_ms", "p99_ms", digits=2)
        | {"not_201": sum(each["not_201"] for each in doors)},
        "bulk": spreads(bulks, "events", "events_from_lines", "raw", "ratio", "ratio_from_lines", digits=2),
        "goals": {"many_to_single": 4.0, "door_ratio": 0.6, "door_p99_ms": 250, "bulk_ratio": 0.75},
    }


# -- callers -----------------------------------------------------------------------------------------------------------


def callers(told: dict[str, Any]) -> dict[str, float]:
    """One at a time, then 32 threads, in a process on one core."""
    pin(0)
    size = told["size"]
    with folder() as place:
        fresh(place)
        with opened(place) as installation:
            fill(installation, steps(50, 1, series="99"))
            alone = list(steps(max(1, size // 40), 10, series="01"))
            crowd = list(steps(max(1, size // 10), 10, series="02"))
            single, single_cpu = _accepted(installation, alone, 1)
            many, many_cpu = _accepted(installation, crowd, CALLERS)
    found = {"single": single, "many": many, "cpu_us_single": single_cpu, "cpu_us_many": many_cpu}
    return found | {"many_to_single": many / single}


def _accepted(installation: Installation, events: list[Event], threads: int) -> tuple[float, float]:
    queue: SimpleQueue[Event] = SimpleQueue()
    for event in events:
        queue.put(event)

    def call() -> None:
        while True:
            try:
                event = queue.get_nowait()
            except Empty:
                return
            installation.intake.accept(event)

    crew = [threading.Thread(target=call) for _ in range(threads)]
    started, used = time.perf_counter(), time.process_time()
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    seconds = time.perf_counter() - started
    return len(events) / seconds, (time.process_time() - used) * 1e6 / len(events)


# -- door --------------------------------------------------------------------------------------------------------------


def _door_round(size: int) -> dict[str, Any]:
    with folder() as place:
        fresh(place)
        with (place / "door.log").open("ab") as log:
            process = processes.start("benchmarks.door", {"folder": str(place), "core": 0}, stderr=log)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            secret = (place / CALLER_SECRET).read_bytes().strip()
            bodies = (record_json(number(n)) for n in range(size))
            _hammered(url, place, secret, "/empty", (b"" for _ in range(200)))
            empty = _hammered(url, place, secret, "/empty", (b"" for _ in range(size)))
            events = _hammered(url, place, secret, "/v1/events", bodies)
        finally:
            processes.end(process)
    return {
        "events": events["rate"],
        "empty": empty["rate"],
        "ratio": events["rate"] / empty["rate"],
        "p50_ms": events["p50_ms"],
        "p99_ms": events["p99_ms"],
        "not_201": size - events["statuses"].get("201", 0),
    }


def _hammered(url: str, place: Path, secret: bytes, path: str, bodies: Iterator[bytes]) -> dict[str, Any]:
    hammer.write(place / "requests", (_request(path, body, secret) for body in bodies))
    told = {"url": url, "requests": str(place / "requests"), "connections": CALLERS, "core": 1}
    return processes.run("benchmarks.hammer", told)


def _request(path: str, body: bytes, secret: bytes) -> bytes:
    now = datetime.now(UTC)
    headers = sign_request(
        "POST",
        path,
        "",
        "application/json",
        body,
        key_id=CALLER,
        secret=secret,
        created=now,
        expires=now + timedelta(seconds=280),
        nonce=uuid.uuid4().hex,
    )
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


# -- bulk --------------------------------------------------------------------------------------------------------------


def _bulk_round(size: int) -> dict[str, float]:
    lines = [record_json(number(n)) for n in range(size)]
    with folder() as place:
        fresh(place)
        with opened(place) as installation:
            started = time.perf_counter()
            events = [read_line(line) for line in lines]
            reading = time.perf_counter() - started
            started = time.perf_counter()
            fill(installation, events)
            seconds = time.perf_counter() - started
        raw = _raw_seconds(place / "ledger.db", place / "raw.db", size)
    return {
        "events": size / seconds,
        "events_from_lines": size / (seconds + reading),
        "raw": size / raw,
        "ratio": raw / seconds,
        "ratio_from_lines": raw / (seconds + reading),
    }


def _raw_seconds(filled: Path, empty: Path, size: int) -> float:
    """The same rows into the same schema by `executemany`, in as many transactions."""
    upkeep.migrate(empty, FileStorage(), SystemClock())
    rows = _rows(filled)
    target = sqlite3.connect(empty, isolation_level=None)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "wal_autocheckpoint = 4000"):
            target.execute(f"PRAGMA {pragma}")
        parts = -(-size // CHUNK)
        started = time.perf_counter()
        for part in range(parts):
            target.execute("BEGIN IMMEDIATE")
            for statement, every in rows:
                share = -(-len(every) // parts)
                target.executemany(statement, every[part * share : (part + 1) * share])
            target.execute("COMMIT")
        return time.perf_counter() - started
    finally:
        target.close()


TABLES: Final = ("bodies", "dossiers", "search_terms", "events", "lanes", "deliveries", "moves")


def _rows(filled: Path) -> list[tuple[str, list[tuple[Any, ...]]]]:
    source = sqlite3.connect(filled)
    try:
        found = []
        for table in TABLES:
            every = source.execute(f"SELECT * FROM {table}").fetchall()
            if table == "moves":
                every = [row for row in every if row[5] is not None]  # the installation's own moves are not submit's
            marks = ", ".join("?" * len(every[0]))
            found.append((f"INSERT OR IGNORE INTO {table} VALUES ({marks})", every))
        return found
    finally:
        source.close()


if __name__ == "__main__":
    print(json.dumps(callers(json.loads(sys.argv[1]))))
