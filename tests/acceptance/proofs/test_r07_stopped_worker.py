"""R7 with real processes: a worker is stopped for longer than its lease, another takes over, the first wakes up."""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.mock_faults import FaultOrder
from tests.acceptance.proofs.story import agree, damage, judged, lives, resolve_by_books
from tests.acceptance.proofs.town import Source, town, wait_for


def walk(home: Path, *, pauses: int, dossiers: int, events: int, seed: int) -> int:
    """Pause one worker or the other, again and again, in the middle of its calls; how many leases were lost."""
    story = lives(dossiers, events, seed=seed)
    told = [wire for turn in zip(*story, strict=True) for wire in turn]
    chance = random.Random(seed)
    with town(home / "town", seed=seed, lease_s=1.2, timeout_s=0.8, in_flight_s=1.0) as here:
        # Slow enough that a worker is always in the middle of something when it is stopped.
        here.portal.faults.arm(FaultOrder(fault="slow", rate=1.0, seconds=0.15))
        door, workers = here.start("web"), [here.worker(), here.worker()]
        source = Source(here, lambda: [door])
        with ThreadPoolExecutor(4) as tellers, here.opened() as opened:
            work = [tellers.submit(lambda part: [source.tell(wire) for wire in part], told[n::4]) for n in range(4)]
            for _ in range(pauses):
                worker = chance.choice(workers)
                worker.signal(signal.SIGSTOP)
                time.sleep(1.2 + chance.uniform(0.2, 0.6))
                worker.signal(signal.SIGCONT)
                time.sleep(chance.uniform(0.05, 0.4))
            wait_for(lambda: all(one.done() for one in work), 60, "every event to be answered")
            here.portal.faults.disarm()
            here.settle(opened)
            judged(opened.reads, here.portal, told).must_be_clean(f"seed {seed}")
            while resolve_by_books(opened, here.portal, told):
                here.settle(opened)
            last = judged(opened.reads, here.portal, told).must_be_clean(f"seed {seed}")
            assert {"delivered", "superseded"} >= set(last.states), last.states
            client = here.client(door.url())
            assert [] == agree(client, opened.reads, here.portal, told)
            client.close()
            assert [] == damage(opened)
        source.close()
        return sum(line.get("event") in ("lease_lost", "lease_over") for worker in workers for line in worker.lines())


def test_p02_stopped_worker(home: Path) -> None:
    """Eight pauses past the lease: 0/0/0, and what the sleeper wrote too late was refused and counted."""
    assert walk(home, pauses=8, dossiers=60, events=6, seed=1) > 0


@pytest.mark.soak
def test_p02_stopped_worker_in_full(home: Path) -> None:
    """Two hundred pauses."""
    assert walk(home, pauses=200, dossiers=600, events=15, seed=2) > 0
