"""F12, batches: where a partner takes arrays, many dossiers travel in one call of 50 ms instead of one.

Both sides have the same number of calls in flight. Few calls, because that is what a rate-limited partner allows; with
many, one by one is limited by the processor as arrays are, and the gain is what the processor saves.
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks import processes
from benchmarks.events import records
from benchmarks.installations import fill, folder, fresh, opened
from benchmarks.plan import Plan
from benchmarks.spread import spread, spreads
from bus.messages import Event

DELAY_MS: Final = 50
BATCH: Final = 20
GOAL: Final = 5.0
FEW: Final = 8
MANY: Final = 64
KEYS: Final = "lookup_before_create = false\nthreads = {threads}\n"
ARRAYS: Final = f'batch = {BATCH}\nbatch_answer = {{ create = "atomic", update = "atomic", step = "atomic" }}\n'


def measure(plan: Plan) -> dict[str, Any]:
    """Delivered dossiers a second, one by one and in arrays."""
    events = list(records(plan.size(1_200, 80), n=1))
    rounds = [_round(events, plan) for _ in range(plan.rounds)]
    return {
        "rounds": plan.rounds,
        "dossiers": len(events),
        "batch": BATCH,
        "delay_ms": DELAY_MS,
        "figures": spreads(rounds, *(name for name in rounds[0] if name.startswith(("single", "arrays"))), digits=0),
        "ratio_few": spread([each[f"arrays_{FEW}"] / each[f"single_{FEW}"] for each in rounds]),
        "ratio_many": spread([each[f"arrays_{MANY}"] / each[f"single_{MANY}"] for each in rounds]),
        "repeats": sum(each["repeats"] for each in rounds),
        "goal": GOAL,
    }


def _round(events: list[Event], plan: Plan) -> dict[str, float]:
    found: dict[str, float] = {"repeats": 0}
    with processes.sink(delay_ms=DELAY_MS, core=1) as sink:
        for threads in (FEW, MANY):
            for name, more in (("single", ""), ("arrays", ARRAYS)):
                part = events[: len(events) // 2] if (name, threads) == ("single", FEW) else events
                found[f"{name}_{threads}"] = _delivered(sink, part, KEYS.format(threads=threads) + more)
                found["repeats"] += sink.books()["repeats"]
                sink.reset()
    return found


def _delivered(sink: processes.RunningSink, events: list[Event], more: str) -> float:
    with folder() as place:
        fresh(place, url=sink.url, more=more)
        with opened(place) as installation:
            fill(installation, records(len(events)), is_adopted=True)
            fill(installation, events)
        told = {"folder": str(place), "expect": len(events), "core": 0}
        done = processes.run("benchmarks.drain", told)
    assert done["states"].get("delivered") == len(events), done["states"]
    return len(events) / float(done["seconds"])
