"""R1 and R4 through the SOAP door: a hard exit between every two steps of taking a signed message, and lost answers.

What a one-stop system got no answer to it sends again, newly signed. Whatever happened, each event has one receipt, and
the portal's own list has each effect once and in order.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from adapters.doors.server import serve as serve_door
from bus.crash_points import DOOR
from bus.ports import CrashPoint, no_crash
from config.signing_key import InstallationKey
from contracts.serve import serve
from signing import wsse
from signing.keys import generate
from signing.trust import Trust
from tests.acceptance.proofs.portal_world import PortalWorld, Witness, portal_world
from tests.acceptance.proofs.proxy import Proxy
from tests.acceptance.proofs.story import Wire, judged, lives, resolve_by_books
from tests.proofs.kit import DIED, Counting, Dying, fork
from tests.soap_world import Client, answered, envelope, operation_of, receipts, soap_app
from tests.world import SimClock
from tests.wss_kit import elliptic, identity

EVENTS: list[Wire] = [wire for life in lives(2, 4, records=0.4, seed=3) for wire in life]
MESSAGES = [EVENTS[:1], EVENTS[1:2], EVENTS[2:5], EVENTS[5:6], EVENTS[6:]]
"""Single events and batches."""
LOST = ("drop_request", "cut_request", "drop_reply", "cut_reply", "reset")


def app_of(home: Path, world: PortalWorld, crash_point: CrashPoint) -> Any:
    if not (home / "signing.key").exists():
        generate(home / "signing.key", name="h99")
    key = InstallationKey.from_file(str(home / "signing.key"))
    trust = Trust(named=[elliptic().der], revocation="none")
    return soap_app(world, key, trust=trust, registry=CollectorRegistry(), crash_point=crash_point)


@contextmanager
def door(home: Path, world: PortalWorld, crash_point: CrashPoint = no_crash) -> Iterator[Client]:
    """This world's door, on a port."""
    with (
        serve_door(app_of(home, world, crash_point)) as serving,
        closing(Client(serving.url)) as client,
    ):
        yield client


class Source:
    """A one-stop system: sends a message, newly signed each time, until it is answered."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.again: list[str] = []
        self.tries = 0

    def tell(self, client: Client, messages: list[list[Wire]], *, patience: int = 1) -> bool:
        """Whether every message was answered."""
        return all(any(self._try(client, told) for _ in range(patience)) for told in messages)

    def _try(self, client: Client, told: list[Wire]) -> bool:
        now = SimClock().now()
        self.tries += 1
        signed = wsse.sign(envelope(told), identity(elliptic()), now=now)
        try:
            said = answered(client.post(signed, operation=operation_of(told)), now=now)
        except (httpx2.TransportError, httpx2.InvalidURL):
            return False
        got = receipts(said)
        assert [wire["id"] for wire in told] == list(got), "".join(said.itertext())
        for id, (receipt, is_repeated) in got.items():
            assert receipt == self.answers.setdefault(id, receipt), "a repeat gets the first receipt"
            if is_repeated:
                self.again.append(id)
        return True


def hits(home: Path) -> Counter[str]:
    """How often each line is reached at the door on a day on which nobody dies."""
    count, source = Counting(), Source()
    with portal_world(home, crash_point=count) as world, door(home, world, count) as client:
        assert source.tell(client, MESSAGES)
        assert [] == source.again
        found = Counter(count.hits)  # what the worker reaches is counted elsewhere
        world.settle()
        judged(world.reads, world.portal, EVENTS).must_be_clean("nobody dies")
    return found


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    return hits(tmp_path_factory.mktemp("count"))


def dying_door(home: Path, point: str, nth: int, served: tuple[Witness, str]) -> tuple[int, str]:
    """A door in a process of its own that ends without a word the nth time a line is reached: its id and address."""
    read, wrote = os.pipe()
    child = fork()
    if child == 0:
        try:
            clock = SimClock()
            dying = Dying(point, nth, clock, home / "clock")
            with (
                portal_world(home, clock=clock, served=served, crash_point=dying) as world,
                serve_door(app_of(home, world, dying)) as serving,
            ):
                os.write(wrote, serving.url.encode())
                os.close(wrote)
                threading.Event().wait()
        finally:
            os._exit(70)
    os.close(wrote)
    with os.fdopen(read) as pipe:
        return child, pipe.read()


def told_until_it_dies(source: Source, child: int, at: str) -> int:
    """How the child ended; `at` is empty where it died before its door was open."""
    try:
        if at:
            with closing(Client(at)) as client:
                source.tell(client, MESSAGES)
    finally:
        # Whoever lives on now was never where it should have died.
        for _ in range(200):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status)


def die_and_finish(home: Path, point: str, nth: int, story: str) -> Source:
    """One death at one line; what nobody answered is sent again; what came of it."""
    mock, source = Witness(clock=SimClock().now, keep=100_000, seed=1), Source()
    generate(home / "signing.key", name="h99")
    with serve(mock) as url:
        assert DIED == told_until_it_dies(source, *dying_door(home, point, nth, (mock, url))), story
        before = set(source.answers)
        with portal_world(home, served=(mock, url)) as world:
            with door(home, world) as client:
                assert source.tell(client, MESSAGES), story
            assert before <= set(source.again), f"{story}: what was answered is there already"
            assert len(source.answers) == len(EVENTS)
            world.settle()
            judged(world.reads, mock, EVENTS).must_be_clean(story)
            while resolve_by_books(world, mock, EVENTS):  # type: ignore[arg-type]
                world.settle()
            judged(world.reads, mock, EVENTS).must_be_clean(f"{story}, resolved")
    return source


def walk(home: Path, point: str, counted: Counter[str], seed: int) -> None:
    count = counted[point]
    assert count, f"{point} is never reached"
    nth = random.Random(f"{seed}:{point}").randint(1, count)
    die_and_finish(home, point, nth, f"{point} no. {nth}, seed {seed}")


@pytest.mark.parametrize("point", DOOR)
def test_p01_crash_while_a_soap_message_is_taken(home: Path, point: str, counted: Counter[str]) -> None:
    """At every named line from the first byte to the answer an exit loses and doubles nothing."""
    walk(home, point, counted, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("point", DOOR)
def test_p01_crash_while_a_soap_message_is_taken_with_fifty_seeds(
    home: Path, point: str, counted: Counter[str]
) -> None:
    """The same, fifty times for each line."""
    for seed in range(2, 52):
        folder = home / str(seed)
        folder.mkdir()
        walk(folder, point, counted, seed)
        shutil.rmtree(folder)


# -- R4 --------------------------------------------------------------------------------------------------------------


def lose_answers(home: Path, *, dossiers: int, events: int, seed: int) -> Source:
    """A way to the door on which three messages in ten or their answers are lost."""
    source = Source()
    told = [[wire] for life in lives(dossiers, events, seed=seed) for wire in life]
    wires = [wire for message in told for wire in message]
    with portal_world(home, seed=seed) as world, door(home, world) as straight:
        proxy = Proxy(straight.url, seed=seed, rate=0.3, slow_s=0.0, late_s=0.0)
        proxy.kinds = LOST
        with closing(proxy), closing(Client(proxy.url)) as client:
            assert source.tell(client, told, patience=50)
        assert set(LOST) == set(proxy.done), proxy.done
        assert source.again, "an answer that was lost is asked for again"
        row = world.ledger.engine.read().one("count_events")
        assert (len(wires),) == tuple(row or ())
        world.settle()
        judged(world.reads, world.portal, wires).must_be_clean(f"seed {seed}")
    print(
        f"R4 at the SOAP door, seed {seed}: {source.tries} messages, {dict(proxy.done)}, {len(source.again)} repeated"
    )
    return source


def test_p04_lost_answers_at_the_soap_door(home: Path) -> None:
    """Sixty events, three in ten messages or answers lost: sent again newly signed, one receipt each, 0/0/0."""
    lose_answers(home, dossiers=15, events=4, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [21, 22])
def test_p04_lost_answers_at_the_soap_door_in_full(home: Path, seed: int) -> None:
    """Two thousand events."""
    lose_answers(home, dossiers=400, events=5, seed=seed)
