"""R9: a message that raises, hangs, eats memory or kills its worker parks its own dossier, and nothing else.

The poison is put into real worker processes; whoever dies is started again, as a service manager would.
"""

from __future__ import annotations

import statistics
from datetime import datetime
from pathlib import Path

import pytest

from config.wiring import Installation
from contracts.mock_faults import FaultOrder
from tests.acceptance.proofs.portal_world import Witness
from tests.acceptance.proofs.story import PARTNER, Wire, agree, judged, life, lives, number
from tests.acceptance.proofs.town import Process, Source, Town, town, wait_for

MOST_TRIES = 5
PATIENCE_S = 90.0
DOSSIERS = 24
THREADS = 6


class Service:
    """A worker that is started again whenever it ends."""

    def __init__(self, here: Town, *hook: str) -> None:
        self._here, self._hook = here, hook
        self.process = self._start()
        self.deaths = 0

    def _start(self) -> Process:
        return self._here.start("worker", **({"hook": list(self._hook)} if self._hook else {}))

    def look(self) -> None:
        """Start it again if it is gone."""
        if not self.process.is_alive:
            self.deaths += 1
            self.process = self._start()


def run(
    folder: Path, told: list[Wire], *hook: str, fault: FaultOrder | None = None, most_open: int = 0
) -> dict[str, object]:
    """Deliver a story with a poisoned worker until all is quiet, or no more than that is open; what came of it."""
    portal = Witness(keep=10_000)
    if fault is not None:
        portal.faults.arm(fault)
    with town(folder, portal=portal, threads=THREADS, in_flight_s=1.0, lease_s=2.5) as here:
        door, service = here.start("web"), Service(here, *hook)
        source = Source(here, lambda: [door])
        for wire in told:
            source.tell(wire)
        with here.opened() as opened:

            def is_done() -> bool:
                service.look()
                return here.is_quiet(opened) or 0 < len(_undelivered(opened)) <= most_open

            wait_for(is_done, PATIENCE_S, f"quiet ({opened.reads.tallies()})", pause=0.1)
            verdict = judged(opened.reads, portal, told).must_be_clean(hook)
            client = here.client(door.url())
            disagreements = [] if most_open else agree(client, opened.reads, portal, told)
            client.close()
            source.close()
            service.process.kill()  # one whose thread hangs does not end when it is asked to
            return {
                "judged": verdict,
                "deaths": service.deaths,
                "took": took(opened, poisoned=number(0)),
                "agree": disagreements,
                "calls": list(portal.calls),
            }


def _undelivered(opened: Installation) -> list[str]:
    rows = opened.reads.whole_account()
    return [row["id"] for row in rows if row["partner"] == PARTNER and row["state"] not in ("delivered", "superseded")]


def took(opened: Installation, *, poisoned: str) -> float:
    """The 99th percentile from accepted to delivered, in seconds, of every dossier but the poisoned one."""
    seconds = []
    for row in opened.reads.deliveries(limit=500):
        if row["dossier"] != poisoned and row["state"] == "delivered":
            between = datetime.fromisoformat(row["changed_at"]) - datetime.fromisoformat(row["accepted_at"])
            seconds.append(between.total_seconds())
    return statistics.quantiles(seconds, n=100)[-1]


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("raise", "record"),
        ("eat", "step"),
        ("hang", "record"),
        ("kill", "record"),
        pytest.param("raise", "step", marks=pytest.mark.soak),
        pytest.param("eat", "record", marks=pytest.mark.soak),
        pytest.param("hang", "step", marks=pytest.mark.soak),
        pytest.param("kill", "step", marks=pytest.mark.soak),
    ],
)
def test_p10_poison_stays_in_its_dossier(home: Path, kind: str, bad: str) -> None:
    """One event does its worst to the worker: parked after at most five tries; every other dossier is delivered."""
    told = [wire for one in lives(DOSSIERS, 3, records=0.0) for wire in one]
    poison = told[0] if bad == "record" else told[1]
    came = run(home / "town", told, kind, poison["id"])
    verdict = came["judged"]
    entries = {entry.id: entry for entry in verdict.entries}  # type: ignore[attr-defined]
    entry = entries[poison["id"]]

    assert entry.state in ("held", "in_doubt"), entry
    assert entry.tries <= MOST_TRIES
    assert not verdict.findings.doubled  # type: ignore[attr-defined]
    others = [one for one in entries.values() if one.dossier != number(0)]
    open_ = [one for one in others if one.state != "delivered"]
    if kind != "kill":
        assert [] == open_
        assert 0 == came["deaths"]
    else:
        # What was on its way at the first death may have arrived or not; at the later ones the poison was alone.
        assert {one.state for one in open_} <= {"in_doubt", "waiting"}
        assert sum(one.state == "in_doubt" for one in open_) < THREADS
        assert 1 <= int(came["deaths"]) <= MOST_TRIES  # type: ignore[call-overload]
    assert [] == came["agree"]
    print(f"R9 {kind} {bad}: {entry.state} after {entry.tries} tries, others' p99 {came['took']:.2f} s")


def test_p10_question_that_kills_parks_its_own_dossier(home: Path) -> None:
    """A record whose reply was lost kills each worker that asks about it: parked like a sending that kills."""
    told = [wire for one in lives(DOSSIERS, 3, records=0.0) for wire in one]
    poison = told[0]
    lost = FaultOrder(fault="lose_reply_after_effect", count=1, operation="DongBoHoSoMC", dossier=number(0))
    came = run(home / "town", told, "kill", poison["id"], "ask", fault=lost)
    entries = came["judged"].entries  # type: ignore[attr-defined]
    others = [one for one in entries if one.dossier != number(0)]

    assert ["held"] == [one.state for one in entries if one.id == poison["id"]]
    assert {one.state for one in others} <= {"delivered", "in_doubt", "waiting"}
    assert sum(one.state == "in_doubt" for one in others) < THREADS
    assert 1 <= int(came["deaths"]) <= MOST_TRIES  # type: ignore[call-overload]
    assert [] == came["agree"]


def test_p10_portal_that_hangs_over_one_dossier(home: Path) -> None:
    """Where the portal itself never answers about one dossier, the others do not wait for it."""
    told = [wire for one in [life(n, 2, records=0.0) for n in range(DOSSIERS)] for wire in one]
    fault = FaultOrder(fault="slow", rate=1.0, seconds=3600, operation="DongBoHoSoMC", dossier=number(0))
    slow = run(home / "slow", told, fault=fault, most_open=2)
    delivered = {entry.dossier for entry in slow["judged"].entries if entry.state == "delivered"}  # type: ignore[attr-defined]

    assert {number(n) for n in range(1, DOSSIERS)} <= delivered
    print(f"R9 hanging portal: others' p99 {slow['took']:.2f} s")
