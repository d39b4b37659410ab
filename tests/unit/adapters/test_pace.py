"""A caller's pace: what was agreed is taken, what comes faster hears when to come again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.doors.pace import Pace, Paces, caller_of
from tests.doors import HQ, OTHER, OTHER_SOURCE, door, wire


class Tick:
    """A counter that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_address_has_its_own():
    """Who calls too fast waits alone, from whichever address of his network; the longest silent are forgotten."""
    paces = Paces(1, Tick())
    calls = ["203.0.113.9", "203.0.113.9", "203.0.113.7", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", ""]

    assert [0, 1, 0, 0, 1, 0, 0] == [paces.wait(each) for each in calls]
    for n in range(Paces.MOST):
        paces.wait(f"10.0.{n >> 8}.{n & 255}")
    assert [0, 1] == [paces.wait("203.0.113.9") for _ in range(2)]


def test_whose_address_it_is():
    """IPv4 within IPv6 is the IPv4 address itself, and no network of all of them."""
    assert ["203.0.113.9", "::", "not one"] == [caller_of(each) for each in ("::ffff:203.0.113.9", "::1", "not one")]


@pytest.mark.parametrize(("rate", "at_once"), [(4, 4), (1, 1), (0.5, 1)])
def test_a_second_at_once_and_then_the_rate(rate: float, at_once: int):
    """So many at once, then one for each share of a second; a pause saves no more than that."""
    tick = Tick()
    pace = Pace(rate, tick)
    first = [pace.wait() == 0 for _ in range(at_once + 2)]
    wait = pace.wait()
    tick.now += wait
    then = [pace.wait() == 0 for _ in range(2)]
    tick.now += 3600
    later = [pace.wait() == 0 for _ in range(at_once + 2)]

    assert [True] * at_once + [False] * 2 == first == later
    assert 1 / rate == pytest.approx(wait)
    assert [True, False] == then


def test_no_limit():
    """A rate of 0 never waits."""
    pace = Pace(0, Tick())

    assert {0.0} == {pace.wait() for _ in range(100_000)}


def test_too_fast_is_told_when_to_come_again(tmp_path: Path):
    """Past its rate a caller gets 429 with Retry-After; nothing is recorded; others go on, and so does it in time."""
    tick = Tick()
    callers = {HQ.name: replace(HQ, rate=2.0), OTHER.name: OTHER}
    with door(tmp_path, callers=callers, tick=tick) as at:
        taken = [at.post(wire(dossier=f"H99-{n}")).status_code for n in range(2)]
        late = at.post(wire(dossier="H99-2"))
        unsigned = at.client.post("/v1/events", content=wire())
        asked = at.get("/v1/sources/me")
        other = at.post(wire(source=OTHER_SOURCE, dossier="X"), caller=OTHER)
        kept = at.refusal(late)
        tick.now += int(late.headers["retry-after"])
        again = at.post(wire(dossier="H99-2"))

        assert [201, 201] == taken
        assert (429, "rate_limited", "1") == (late.status_code, late.json()["code"], late.headers["retry-after"])
        assert (401, 429, 201, 201) == tuple(each.status_code for each in (unsigned, asked, other, again))
        assert (HQ.name, 429) == (kept["caller"], kept["status"])
        assert 4 == at.events()
