"""R1 and P15 for signatures: a process that ends at any named line leaves each person asked once, and one document.

Judged by the service's own books: the count of its sign operations is one for each request id, whatever died where.
"""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from bus.crash_points import ASKING, FINISHING, SIGNING
from bus.messages import Delivery
from bus.ports import CrashPoint, no_crash
from tests.builders import NOON
from tests.payment_kit import record_event
from tests.proofs.kit import DIED, Counting, Dying, fresh, in_child, time_of_death
from tests.signature_kit import SignWorld, signature_event
from tests.world import SimClock

DOSSIERS = [f"H99.09-260703-020{n}" for n in range(5)]
FATES = {DOSSIERS[1]: "lost_before", DOSSIERS[2]: "lost_after"}
HALF_AN_HOUR = timedelta(minutes=30)
POINTS = (*SIGNING, *FINISHING, *ASKING, "sign.sent", "sign.answered")
WANTED = {"S0": "made", "S1": "made", "S2": "made", "S3": "expired", "S4": "declined", "T0": "made", "T4": "declined"}


def fate(delivery: Delivery) -> str:
    """The second dossier's first answer is lost before it arrived, the third's after it."""
    return "ok" if delivery.is_unanswered or delivery.tries else FATES.get(delivery.event.dossier, "ok")


def made(folder: Path, crash_point: CrashPoint = no_crash, clock: SimClock | None = None) -> SignWorld:
    world = SignWorld(folder, fate=fate, crash_point=crash_point, clock=clock, window=HALF_AN_HOUR)
    world.pen.life = HALF_AN_HOUR
    return world


def live(world: SignWorld) -> None:
    """A morning at the service: five are asked, three approve, one does not answer, one declines; two sign further.

    Safe to live again.
    """
    until = NOON.replace(hour=18).isoformat()
    for n, dossier in enumerate(DOSSIERS):
        world.record(record_event(dossier=dossier))
        world.record(signature_event(f"S{n}", dossier=dossier, count=2, expires_at=until))
    for n in (0, 4):
        further = [{"id": f"T{n}-d1", "name": "Đã đóng dấu.pdf", "form": "pdf", "of": f"S{n}-d1"}]
        data = {"after": f"S{n}", "documents": further, "expires_at": until}
        world.record(signature_event(f"T{n}", dossier=DOSSIERS[n], **data))
    world.run()
    world.pass_time(minutes=1)
    for name, act in (("S0", "approved"), ("S1", "approved"), ("S2", "approved"), ("S4", "declined")):
        decide(world, name, act)
    world.call_back(world.request("S0"))
    world.call_back(world.request("S0"))
    decide(world, "T0", "approved")
    while world.state("S3") != "expired":
        world.live_on(5, step=5)
    if world.column("n", "S3") == 1:
        world.press("try_again", "S3")
    world.live_on(40, step=5)


def decide(world: SignWorld, name: str, act: str) -> None:
    """A person decides, once it is on his phone and for as long as it is."""
    for _ in range(40):
        if world.pen.has(world.request(name)):
            break
        world.live_on(1)
    if [world.request(name)] not in world.pen.books.lines(act):
        world.pen.note(act, world.request(name))


def judged(world: SignWorld, story: str) -> None:
    world.judged()
    assert WANTED == dict(world.rows("SELECT name, state FROM signatures")), story
    assert {1} == set(world.signings().values()), story
    heard = Counter((line[1], line[2]["signature"]) for line in world.ear.heard())
    told = {(f"signature.{state}", name): 1 for name, state in WANTED.items()}
    assert told | {("signature.expired", "S3"): 2} == heard, story


def hits_of(folder: Path) -> Counter[str]:
    count = Counting()
    world = made(fresh(folder, "count"), count)
    live(world)
    judged(world, "nobody dies")
    world.close()
    return count.hits


def test_every_line_of_signing_is_reached(folder: Path) -> None:
    """The counter behind the walk: on this day every named line is reached."""
    assert set(POINTS) <= set(hits_of(folder))


@pytest.mark.parametrize("point", POINTS)
def test_p15_crash_where_signatures_are_written(folder: Path, point: str) -> None:
    """A process that ends at any named line leaves one sign operation for each asking, and each end told once."""
    home = fresh(folder, "life")

    def life() -> None:
        clock = SimClock()
        live(made(home, Dying(point, 1, clock, home / "clock"), clock))

    assert DIED == in_child(life), point
    world = made(home, clock=time_of_death(home / "clock"))
    live(world)
    judged(world, point)
    world.close()
    shutil.rmtree(home)
