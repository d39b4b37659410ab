"""`python -m benchmarks [NAME …] [--quick] [--full] [--rounds N] [--docs] [--json]`: measure, keep, and say.

Names are f1 f2 f3 f4 f5 f6 f7 f8 f10 f12 f14 f15 f16 f17 f18; without one, all but f10, f15 and f18, which are large.
Results go to `var/benchmarks/NAME.json`; with `--docs` the measured part of `docs/benchmarks.md` is written anew from
all.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks import machine, report
from benchmarks.plan import Plan
from benchmarks.processes import ROOT

MODULES: Final = {
    "f1": "signed_soap",
    "f2": "verified_soap",
    "f3": "soap_delivery",
    "f4": "rest_delivery",
    "f5": "accepting",
    "f6": "growth",
    "f7": "crash",
    "f8": "message_path",
    "f10": "console",
    "f12": "batches",
    "f14": "freshness",
    "f15": "settlement",
    "f16": "callbacks",
    "f17": "documents",
    "f18": "waiting_signatures",
}
LARGE: Final = ("f10", "f15", "f18")
"""F10 wants ten gigabytes and, once, a quarter of an hour to make them; F15 minutes for its day, F18 for its ten
thousand: only when named."""
KEPT: Final = ROOT / "var" / "benchmarks"


def main(argv: Sequence[str]) -> int:
    """Measure what was asked for; 0 when every sum of the books came out right."""
    asked = _parser().parse_args(argv)
    plan = Plan(rounds=1 if asked.quick else asked.rounds, quick=asked.quick, full=asked.full)
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in asked.names or [each for each in MODULES if each not in LARGE]:
        started = time.monotonic()
        print(f"{name}: {MODULES[name].replace('_', ' ')} …", file=sys.stderr, flush=True)
        found = measured(name, plan) | {"seconds": round(time.monotonic() - started, 1)}
        print(json.dumps({name: found}) if asked.json else report.brief(_key(name, plan), found), flush=True)
        if not asked.quick:
            (KEPT / f"{_key(name, plan)}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    if asked.docs:
        report.write_docs(kept())
    return 0


def measured(name: str, plan: Plan) -> dict[str, Any]:
    """One figure, with the machine it was taken on."""
    about = machine.kind() | {"at": datetime.now(UTC).date().isoformat(), "is_quick": plan.quick}
    module = importlib.import_module(f"benchmarks.{MODULES[name]}")
    found = module.measure(rounds=max(plan.rounds, 9)) if name == "f8" else module.measure(plan)
    return {"machine": about, **found}


def kept() -> dict[str, Any]:
    """The results that are there, by name."""
    paths = {name: KEPT / f"{name}.json" for name in (*MODULES, "f14-full")}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def _key(name: str, plan: Plan) -> str:
    """Under which name it is kept: the whole backlog is a figure of its own."""
    return f"{name}-full" if plan.full and name == "f14" else name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lienthong bench", description="How fast it is, on the machine at hand.")
    parser.add_argument("names", nargs="*", choices=[[], *MODULES], help="which figures; all when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is taken; figures are medians")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes: shows that it runs, measures nothing")
    parser.add_argument("--full", action="store_true", help="F14 with its whole backlog of 200,000")
    parser.add_argument("--json", action="store_true", help="one JSON document a line for each figure")
    parser.add_argument("--docs", action="store_true", help="write the measured part of docs/benchmarks.md")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
