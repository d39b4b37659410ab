"""The machine at hand: which kind it is, what its disk can commit, and who runs on which core."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from pathlib import Path
from typing import Any

from benchmarks.spread import spread


def kind() -> dict[str, Any]:
    """What a reader must know to compare: never a name or an address of the machine."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
        "load_before": [round(each, 2) for each in os.getloadavg()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def pin(core: int | None) -> None:
    """Keep this process on one core, where there is one of that number; `None` leaves it to the system."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def commits_a_second(folder: Path, seconds: float = 1.0) -> float:
    """One small row, one durable commit, again and again: what the disk allows a ledger without group commit."""
    connection = sqlite3.connect(folder / "commits.db", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)")
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t (v) VALUES ('one row')")
            connection.execute("COMMIT")
            done += 1
        return done / (time.perf_counter() - start)
    finally:
        connection.close()


def limits(folder: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """The disk's own limit."""
    return {"commits_a_second": spread([commits_a_second(folder, seconds) for _ in range(rounds)], 0)}
