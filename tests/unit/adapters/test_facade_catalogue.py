"""Asking the portal for many callers: seldom, one at a time for the same thing, and not while it is silent."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.facade_answers import Said
from adapters.doors.facade_catalogue import CATEGORIES, MOST_CALLS, PASSED, PAUSE_S, Catalogue
from adapters.doors.refusals import TurnedAway
from adapters.partners.national_portal.codes import Shape, Verdict
from adapters.partners.national_portal.replies import Answer, Body
from adapters.partners.national_portal.speaking import Heard
from bus.messages import Unreachable
from tests.house.tree import ROOT

LIST, ONE, PERSON = PASSED["LayDanhSachTTHC"], PASSED["LayThuTuc"], PASSED["TraCuuTechID"]
NOBODY = Heard(exchanges=(), trouble=Unreachable(reason="refused"))
SOMEBODY = {"provider": "wso2is", "mstorcmnd": "099000000001"}


def heard(verdict: Verdict = Verdict.YES, *, result: Any = None, code: str = "0", wait: float | None = None) -> Heard:
    body = Body(shape=Shape.OBJECT, code=code, text="lời của Cổng", result=result)
    after = None if wait is None else timedelta(seconds=wait)
    answer = Answer(verdict=verdict, row="row", code=code, text="masked", body=body, retry_after=after)
    return Heard(exchanges=(), answer=answer)


class Portal:
    """Answers as it is told, and counts."""

    def __init__(self, *script: Heard) -> None:
        self.script = list(script)
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        self.now = 0.0

    def ask(self, service: str, endpoint: str, parameters: Mapping[str, str]) -> Heard:
        self.asked.append((service, endpoint, dict(parameters)))
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def catalogue(self, **how: Any) -> Catalogue:
        more: dict[str, Any] = {"fresh_s": 10, "kept_s": 100, "clock": At(), "tick": lambda: self.now} | how
        return Catalogue(self.ask, **more)


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 7, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""


def tell(catalogue: Catalogue, service: Any = LIST, **parameters: str) -> Said:
    return catalogue.tell(service, parameters, "old")


def test_fresh_then_asked_anew():
    """Within its time an answer is given again with its age; past it the portal is asked."""
    portal = Portal(heard(result=[1]), heard(result=[2]))
    catalogue = portal.catalogue()
    first = tell(catalogue)
    portal.now = 9
    again = tell(catalogue)
    portal.now = 10
    anew = tell(catalogue)

    assert [b"[1]", b"[1]", b"[2]"] == [bytes(each.more["result"]) for each in (first, again, anew) if each.more]
    assert ["0", "9", "0"] == [each.headers["age"] for each in (first, again, anew)]
    assert {"portal"} == {each.headers["x-lienthong-answer"] for each in (first, again, anew)}
    assert "lời của Cổng" == again.message


def test_silence_is_filled_with_what_is_known():
    """While nobody answers an older answer is given and says so, until it is too old; then it is an honest no."""
    portal = Portal(heard(result=[1]), NOBODY)
    catalogue = portal.catalogue()
    tell(catalogue)
    portal.now = 50
    kept = tell(catalogue)
    portal.now = 100

    assert ("50", "kept") == (kept.headers["age"], kept.headers["x-lienthong-answer"])
    assert kept.message.endswith("2026-11-22T14:00:00+07:00")
    with pytest.raises(TurnedAway) as refused:
        tell(catalogue)
    assert ("unavailable", "portal_silent") == (refused.value.code, refused.value.errors[0].rule)


@pytest.mark.parametrize(
    ("silence", "pause"),
    [
        (NOBODY, PAUSE_S),
        (heard(Verdict.UNCLEAR), PAUSE_S),
        (heard(Verdict.SESSION, code="-1"), PAUSE_S),
        (heard(Verdict.LATER, wait=30), 30),
        (heard(Verdict.DOWN, wait=7200), 60),
        (heard(Verdict.DOWN, wait=1), PAUSE_S),
    ],
)
def test_nobody_asks_after_a_silence(silence: Heard, pause: float):
    """After a silence callers hear so at once for a while, whatever they ask; then one asks again."""
    portal = Portal(silence)
    catalogue = portal.catalogue()
    for now, calls in ((0, 1), (pause - 0.1, 1), (pause, 2)):
        portal.now = now
        with pytest.raises(TurnedAway):
            tell(catalogue, ONE, maTTHC=str(now))
        assert calls == len(portal.asked)


@pytest.mark.parametrize(("code", "said"), [("-1", -1), ("7", 7), ("E7", "E7")])
def test_a_no_is_the_portals_and_is_not_kept(code: str, said: int | str):
    """Its code and words are passed on, and the next caller asks again."""
    portal = Portal(heard(Verdict.REFUSED, code=code))
    catalogue = portal.catalogue()

    assert [(said, "lời của Cổng")] * 2 == [(each.code, each.message) for each in (tell(catalogue), tell(catalogue))]
    assert 2 == len(portal.asked)


def test_a_person_is_asked_about_each_time():
    """Nothing about a person is kept; parameters go along as they came."""
    portal = Portal(heard(result=[]))
    catalogue = portal.catalogue()
    for _ in range(2):
        tell(catalogue, PERSON, **SOMEBODY)

    assert [("TraCuuTechID", "share", SOMEBODY)] * 2 == portal.asked
    assert not catalogue._kept


def test_what_is_kept_is_bounded():
    """Past its room what was asked for longest ago goes."""
    portal = Portal(heard(result="x" * 40))
    catalogue = portal.catalogue(most_bytes=100)
    for code in ("a", "b", "a", "c", "a"):
        tell(catalogue, ONE, maTTHC=code)
    tell(catalogue, ONE, maTTHC="b")

    assert ["a", "b", "c", "b"] == [each["maTTHC"] for _, _, each in portal.asked]
    assert catalogue._bytes <= 100


class SlowPortal(Portal):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__(heard(result=[1]))
        self.came = threading.Semaphore(0)
        self.may_answer = threading.Event()

    def ask(self, service: str, endpoint: str, parameters: Mapping[str, str]) -> Heard:
        self.came.release()
        assert self.may_answer.wait(30)
        return super().ask(service, endpoint, parameters)


def test_many_callers_of_one_question_ask_once():
    """Twenty at once: one asks, the others wait for its answer."""
    portal = SlowPortal()
    catalogue = portal.catalogue()
    with ThreadPoolExecutor(20) as callers:
        waiting = [callers.submit(tell, catalogue) for _ in range(20)]
        assert portal.came.acquire(timeout=30)
        portal.may_answer.set()
        answers = [each.result(30) for each in waiting]

    assert {b"[1]"} == {bytes(each.more["result"]) for each in answers if each.more}
    assert 1 == len(portal.asked)


def test_a_slow_portal_is_asked_by_a_few():
    """Past the calls that may be under way others wait; who knows an older answer is given that at once."""
    portal = SlowPortal()
    catalogue = portal.catalogue(fresh_s=0)
    portal.may_answer.set()
    tell(catalogue)
    portal.may_answer.clear()
    portal.came = threading.Semaphore(0)
    with ThreadPoolExecutor(MOST_CALLS + 2) as callers:
        codes = [str(n) for n in range(MOST_CALLS + 2)]
        waiting = [callers.submit(tell, catalogue, ONE, maTTHC=code) for code in codes]
        for _ in range(MOST_CALLS):
            assert portal.came.acquire(timeout=30)
        known = tell(catalogue)
        was_full = not portal.came.acquire(blocking=False)
        portal.may_answer.set()
        answers = [each.result(30) for each in waiting]

    assert "kept" == known.headers["x-lienthong-answer"]
    assert was_full
    assert MOST_CALLS + 2 == len(answers)


def test_a_call_that_raises_makes_room_again():
    """Our own trouble in one call leaves nothing behind that others would wait for."""

    def broken(*_: object) -> Heard:
        raise RuntimeError

    catalogue = Catalogue(broken, fresh_s=0, kept_s=0, clock=At(), tick=lambda: 0.0)
    for _ in range(MOST_CALLS + 1):
        with pytest.raises(RuntimeError):
            tell(catalogue)


def test_the_notes_name_every_service():
    """Every service of the table stands in the façade's notes with its endpoint and parameters."""
    text = Path(ROOT / "contracts/facade/NOTES.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith(("| `Lay", "| `TraCuuTechID"))]

    for service in PASSED.values():
        short = service.name.removeprefix("LayDanhMuc")
        row = next(line for line in rows if f"`{service.name}`" in line or f"`{short}`" in line)
        assert f"| {service.endpoint} |" in row
        assert all(f"`{name}`" in row for name in service.parameters)
        assert ("never" in row) is not service.is_kept
    assert 17 == len(CATEGORIES)
