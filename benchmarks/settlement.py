"""The daily settlement: a million orders with known differences of every class; all are found, and none that is none.

Time and peak memory are those of a process of its own that does nothing else. Beside them, in the same run: how fast
the machine reads the same file's lines, and how fast SQLite takes as many rows.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from adapters.settlement.envelope import opened
from adapters.settlement.files import OneStopFile, PlatformFile
from adapters.settlement.layouts import EXPORT, PLATFORM
from benchmarks import installations, settlement_day
from benchmarks.plan import Plan
from benchmarks.processes import ROOT
from benchmarks.settlement_day import DAY, MERCHANT, PARTNER, SOURCE, TAKER
from benchmarks.spread import spread
from bus.settlement import Book
from bus.settlement_book import Settlements

GOAL_S: Final = 60.0
GOAL_MB: Final = 512.0
ORDERS: Final = 1_000_000
EACH: Final = 1_000
"""Differences of each class."""


def measure(plan: Plan) -> dict[str, Any]:
    """One day, compared; and what the machine does with the bare rows."""
    day = settlement_day.Plan(orders=plan.size(ORDERS, 2_000), each=plan.size(EACH, 5))
    with installations.folder() as place:
        settings = installations.fresh(place)
        settlement_day.fill(settings.ledger.path, day)
        platform = settlement_day.write_platform(place / f"{MERCHANT}_{DAY:%Y%m%d}_DS_01.txt", day)
        export = settlement_day.write_one_stop(place / "one-stop.csv", day)
        told = {"folder": str(place), "platform": str(platform), "export": str(export)}
        told |= {"orders": day.orders, "each": day.each}
        command = [sys.executable, "-m", "benchmarks.settlement", json.dumps(told)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        bare = {
            "lines_s": spread([_lines(platform) for _ in range(plan.rounds)]),
            "rows_s": spread([_rows(place / "bare.db", platform) for _ in range(plan.rounds)]),
        }
        megabytes = round(platform.stat().st_size / 1e6)
    ratio = found["compare_s"] / (bare["lines_s"]["median"] + bare["rows_s"]["median"])
    sizes = {"orders": day.orders, "each": day.each, "classes": len(day.expected), "megabytes": megabytes}
    return {"goal_s": GOAL_S, "goal_mb": GOAL_MB, "bare": bare, "to_bare": round(ratio, 2), **sizes, **found}


def _lines(path: Path) -> float:
    """Seconds to read every line, and to do nothing with it."""
    started = time.perf_counter()
    with path.open("rb") as source:
        for _line in source:
            pass
    return time.perf_counter() - started


def _rows(path: Path, file: Path) -> float:
    """Seconds in which SQLite takes as many rows of as many cells in one transaction."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE bare (n INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h)")
        with file.open(encoding="utf-8") as source:
            started = time.perf_counter()
            connection.execute("BEGIN")
            rows = (line.split("|")[1:10] for line in source if line.startswith("D|"))
            connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
            return time.perf_counter() - started
    finally:
        connection.close()


def compare(told: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own: seconds, peak memory, and what was found beside what should have been."""
    plan = settlement_day.Plan(orders=told["orders"], each=told["each"])
    laps: list[tuple[str, float]] = [("compare.start", time.perf_counter())]
    with installations.opened(Path(told["folder"])) as here:
        settlements = Settlements(
            here.ledger,
            takers={SOURCE: TAKER},
            crash_point=lambda name: laps.append((name, time.perf_counter())),
        )
        started, used = time.perf_counter(), time.process_time()
        file = PlatformFile(opened(Path(told["platform"])), PLATFORM, day=DAY, merchant=MERCHANT)
        export = OneStopFile(opened(Path(told["export"])), EXPORT)
        run = settlements.compare(Book(partner=PARTNER), DAY, file, one_stop=export, actor="benchmark").run
        seconds, used = time.perf_counter() - started, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found = _found(settlements, run.id)
    wanted = settlement_day.expected_keys(plan)
    at = dict(laps)
    return {
        "compare_s": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "peak_mb": round(peak),
        "read_s": round(at["compare.read"] - at["compare.begun"], 2),
        "search_s": round(at["compare.found"] - at["compare.read"], 2),
        "rows": run.rows,
        "wanted": len(wanted),
        "found": len(found & wanted),
        "missed": len(wanted - found),
        "false": len(found - wanted),
    }


def _found(settlements: Settlements, run: int) -> set[tuple[str, str | None]]:
    found: set[tuple[str, str | None]] = set()
    after = 0
    while page := settlements.differences(run, after=after):
        found |= {(one.kind.value, one.reference) for one in page}
        after = page[-1].id
    return found


if __name__ == "__main__":
    print(json.dumps(compare(json.loads(sys.argv[1]))))
