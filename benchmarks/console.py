"""F10, the console with ten million attempts behind it: every list, filter, search and page, asked over HTTP.

The pages are the product's own, signed in, rendered and sent by its doors on this machine; what is timed is the whole
answer. The ledger is made once and kept in `var/` (`console_history.py` says of what). In the browser: the first page
with nothing cached, and the live log while five hundred events a second are accepted.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2

from adapters.doors import server
from adapters.doors.console.passwords import Passwords
from benchmarks import console_browser, console_history, processes
from benchmarks.console_history import END, Sizes
from benchmarks.console_pages import ASKED, LIMITED, Ask
from benchmarks.installations import folder, fresh
from benchmarks.plan import Plan
from benchmarks.spread import percentile
from bus.audit import Audit
from bus.people import People
from bus.sql import load_migrations
from config.doors import make_app
from config.new_installation import SETTINGS
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build, real_ports

GOAL_MS: Final = 200.0
GOAL_PAGE_MS: Final = 1_000.0
GOAL_STALL_MS: Final = 200.0
"""The longest that a page which follows five hundred events a second may not answer a key."""
PEOPLE: Final = {"everything": None, "one-unit": ("H99.05",)}
PATIENCE_S: Final = 3_600
"""Ten million attempts take a quarter of an hour to make, once."""


def measure(plan: Plan) -> dict[str, Any]:
    """Milliseconds of each page, and of the browser."""
    told = {
        "attempts": plan.size(10_000_000, 2_000),
        "times": plan.size(40, 1),
        "browser": not plan.quick,
        "kept": not plan.quick,
    }
    return processes.run("benchmarks.console", told, patience_s=PATIENCE_S)


def run(told: dict[str, Any]) -> dict[str, Any]:
    """Build what is not there, then ask."""
    size = Sizes(attempts=told["attempts"])
    with ExitStack() as stack:
        place = _kept(size, told.get("place")) if told["kept"] else stack.enter_context(folder())
        rows = _built(place, size)
        served = stack.enter_context(serving(place))
        pages = _asked(served, size, told["times"])
        found = {
            "attempts": size.attempts,
            "deliveries": size.deliveries,
            "dossiers": size.dossiers,
            "rows": rows,
            "megabytes": round((place / "ledger.db").stat().st_size / 1e6),
            "times": told["times"],
            "pages": pages,
            "worst_p95_ms": max(each["p95_ms"] for each in pages.values()),
            "goals": {"p95_ms": GOAL_MS, "page_ms": GOAL_PAGE_MS, "stall_ms": GOAL_STALL_MS},
        }
        if told["browser"]:
            found["browser"] = console_browser.measure(served, size)
        return found


# -- the ledger --------------------------------------------------------------------------------------------------------


def _kept(size: Sizes, place: str | None) -> Path:
    return Path(place) if place else processes.ROOT / "var" / f"console-{size.attempts}"


def _built(place: Path, size: Sizes) -> int:
    """Make it where it is not there, or was made for another schema."""
    told, schema = place / "built.json", "".join(step.digest for step in load_migrations("sqlite"))
    if told.exists():
        made = json.loads(told.read_text(encoding="utf-8"))
        if made["schema"] == schema and made["attempts"] == size.attempts:
            return int(made["rows"])
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)
    fresh(place)
    rows = console_history.build(place, size.attempts)
    told.write_text(json.dumps({"schema": schema, "attempts": size.attempts, "rows": rows}), encoding="utf-8")
    return rows


# -- the console -------------------------------------------------------------------------------------------------------


class LaterClock:
    """Goes on from where the history ends, so that "the last 24 hours" hold something."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return END + timedelta(seconds=time.monotonic() - self._began)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Served:
    """The console on a port, and people who have signed in."""

    def __init__(self, url: str, installation: Installation, cookies: Mapping[str, str]) -> None:
        self.url = url
        self.installation = installation
        self.cookies = cookies
        """Account → its session's token."""


@contextmanager
def serving(place: Path) -> Iterator[Served]:
    """The doors of the installation, until the block ends."""
    settings = load(place / SETTINGS, {}).settings
    installation = build(settings, replace(real_ports(), clock=LaterClock()))
    try:
        key = InstallationKey.from_file(settings.ledger.signing_key_file)
        app = make_app(installation, key, make_metrics(installation))
        cookies = {name: _session(installation, name, units) for name, units in PEOPLE.items()}
        with server.serve(app) as doors:
            yield Served(doors.url, installation, cookies)
    finally:
        installation.close()


def _session(installation: Installation, name: str, units: tuple[str, ...] | None) -> str:
    ledger = installation.ledger
    people = People(ledger, Audit(ledger), randomness=installation.ports.randomness)
    if people.find(name) is None:
        people.add(
            name,
            shown=name,
            password=Passwords(passes=1, memory_kib=8, lanes=1).kept("not used, by anybody"),
            roles=("supervisor", "configurer", "auditor", "administrator"),
            units=units,
            actor="person:benchmark",
            reason="benchmark",
        )
    return people.sign_in(name, address="127.0.0.1", agent="benchmark").token


# -- asking ------------------------------------------------------------------------------------------------------------


def _asked(served: Served, size: Sizes, times: int) -> dict[str, dict[str, float]]:
    """Each page so many times, in turns, so that none profits from having been asked just now. The first turn warms:
    templates are read once in a process's life."""
    took: dict[str, list[tuple[float, float]]] = {}
    chance = Random(10)
    with httpx2.Client(base_url=f"{served.url}/console", timeout=60) as client:
        for turn in range(times + 1):
            for asked, account in ((ASKED, "everything"), (LIMITED, "one-unit")):
                for name, ask in asked.items():
                    # A page that is asked for the first time may find nothing of ten gigabytes in memory.
                    allowed = (200, 303) if turn else (200, 303, 503)
                    each = _one(client, ask, chance, size, served.cookies[account], allowed=allowed)
                    took.setdefault(name, []).extend([each] if turn else [])
    return {name: _told(each) for name, each in took.items()}


def _one(
    client: httpx2.Client, ask: Ask, chance: Random, size: Sizes, token: str, *, allowed: tuple[int, ...] = (200, 303)
) -> tuple[float, float]:
    """Milliseconds until the whole answer was there, and of this process's processor, its client's part included."""
    path = ask(chance, size)
    used, began = time.process_time(), time.perf_counter()
    answer = client.get(path, headers={"cookie": f"lienthong={token}"})
    took, used = (time.perf_counter() - began) * 1_000, (time.process_time() - used) * 1_000
    if answer.status_code not in allowed:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:2_000]}")
    return took, used


def _told(each: list[tuple[float, float]]) -> dict[str, float]:
    took = [one for one, _ in each]
    return {
        "p50_ms": round(percentile(took, 0.5), 1),
        "p95_ms": round(percentile(took, 0.95), 1),
        "max_ms": round(max(took), 1),
        "cpu_p95_ms": round(percentile([used for _, used in each], 0.95), 1),
    }


if __name__ == "__main__":
    from config import logging

    logging.configure(level="warning")
    print(json.dumps(run(json.loads(sys.argv[1]))))
