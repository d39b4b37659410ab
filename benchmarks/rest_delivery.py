"""F4, ordered REST delivery: what waits in the ledger goes out in order, signed, and is settled, on one core.

The worker is one process pinned to one core; the sink answers after 5 ms from the other. Beside it, in the same rounds:
the machine's commits a second, and the same calls without a ledger. Then once with probes, for what each step costs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from benchmarks import processes, walk
from benchmarks.events import lives, steps
from benchmarks.installations import SECRET, fill, folder, fresh, opened
from benchmarks.machine import commits_a_second
from benchmarks.plan import Plan
from benchmarks.spread import spread, spreads
from bus.messages import Event

THREADS: Final = (64, 100)
DELAY_MS: Final = 5
EACH: Final = 10
BATCH: Final = 20
ARRAYS: Final = f"""\
lookup_before_create = false
threads = 16
batch = {BATCH}
batch_answer = {{ create = "atomic", update = "atomic", step = "atomic" }}
"""
"""Fewer calls at once, so that an array finds records to fill it: 400 dossiers over 64 calls would be six in each."""
ONE_BY_ONE: Final = "lookup_before_create = false\n"


def measure(plan: Plan) -> dict[str, Any]:
    """Delivered events a second, with their ratios to what the machine gives without us."""
    dossiers = plan.size(400, 8)
    events = list(steps(dossiers, EACH, sequence=True))
    whole = list(lives(dossiers, EACH))
    with processes.sink(delay_ms=DELAY_MS, core=1, secret=SECRET) as sink:
        rounds = [_round(sink, events, whole, plan) for _ in range(plan.rounds)]
        profile, accepting = _profiled(sink, events)
        portal, _ = _profiled(sink, whole, more=ONE_BY_ONE)
    names = [name for name in rounds[0] if name != "books"]
    return {
        "dossiers": dossiers,
        "events": len(events),
        "rounds": plan.rounds,
        "delay_ms": DELAY_MS,
        "batch": BATCH,
        "figures": spreads(rounds, *names, digits=1),
        "ratios": {
            f"ours_{n}_to_calls_without_ledger": spread([each[f"ours_{n}"] / each[f"bare_{n}"] for each in rounds])
            for n in THREADS
        }
        | {
            "ours_64_to_single_commits": spread([each["ours_64"] / each["commits_a_second"] for each in rounds]),
            "portal_arrays_to_one_by_one": spread([each["portal_arrays"] / each["portal_single"] for each in rounds]),
        },
        "books": _worst([each["books"] for each in rounds]),
        "profile": profile,
        "profile_accept": accepting,
        "profile_portal": portal,
    }


def _round(sink: processes.RunningSink, events: list[Event], whole: list[Event], plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {"books": []}
    for threads in THREADS:
        rate, cpu = _delivered(sink, events, found["books"], threads=threads)
        found[f"ours_{threads}"], found[f"cpu_us_{threads}"] = rate, cpu
        told = {"sink": sink.url, "threads": threads, "core": 0, "dossiers": len(events) // EACH, "each": EACH}
        bare = processes.run("benchmarks.bare", told)
        found[f"bare_{threads}"] = len(events) / bare["seconds"]
        found[f"bare_cpu_us_{threads}"] = bare["cpu_seconds"] * 1e6 / len(events)
    found["portal_single"], found["portal_single_cpu_us"] = _delivered(sink, whole, found["books"], more=ONE_BY_ONE)
    found["portal_arrays"], found["portal_arrays_cpu_us"] = _delivered(sink, whole, found["books"], more=ARRAYS)
    with folder() as place:
        found["commits_a_second"] = commits_a_second(place, plan.size(10, 1) / 10)
    return found


def _delivered(
    sink: processes.RunningSink, events: list[Event], books: list[Any], *, threads: int = 64, more: str | None = None
) -> tuple[float, float]:
    """Events a second, and processor microseconds for each; the sink's books are added to `books`."""
    with folder() as place:
        filled(place, sink, events, more)
        told = task(place, sink, len(events), threads=threads, to_sink=more is None)
        done = processes.run("benchmarks.drain", told)
    books.append(sink.books())
    sink.reset()
    assert done["states"].get("delivered") == len(events), done["states"]
    return len(events) / done["seconds"], done["cpu_seconds"] * 1e6 / len(events)


def filled(place: Path, sink: processes.RunningSink, events: list[Event], more: str | None) -> None:
    """A fresh ledger in which these events wait."""
    sink.reset()
    fresh(place, url=sink.url, more=more or "", to_sink=more is None)
    with opened(place) as installation:
        fill(installation, events)


def task(place: Path, sink: processes.RunningSink, expect: int, *, threads: int, to_sink: bool) -> dict[str, Any]:
    """What the worker's process is told."""
    told: dict[str, Any] = {"folder": str(place), "expect": expect, "threads": threads, "core": 0}
    return told | ({"sink": sink.url} if to_sink else {})


def _profiled(
    sink: processes.RunningSink, events: list[Event], more: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The walk with probes around its steps, and accepting with the same."""
    with folder() as place:
        sink.reset()
        fresh(place, url=sink.url, more=more or "", to_sink=more is None)
        with opened(place, walk.TimedStorage()) as installation, walk.timed() as accepting:
            used = walk.own_time(lambda: fill(installation, events))
            accepting.note_threads()
        told = task(place, sink, len(events), threads=64, to_sink=more is None) | {"profile": True}
        done = processes.run("benchmarks.drain", told)
    return done["profile"], accepting.report(len(events), used)


def _worst(books: list[list[dict[str, Any]]]) -> dict[str, int]:
    """What went wrong in any run, by the sink's own books: all must be nought."""
    every = [run for each in books for run in each]
    return {name: sum(run[name] for run in every) for name in ("repeats", "out_of_order", "unsigned")} | {
        "runs": len(every)
    }
