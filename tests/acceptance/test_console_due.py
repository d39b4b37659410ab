"""Overdue and soon due: from the first page's count to every dossier of it, within units, by working days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.doors.console.due_view import soon_of
from bus.calendar import VIETNAM, Calendar, Special, calendar_from_csv
from config.office_calendar import shipped_text
from tests.builders import NOON, make_event
from tests.console_door import Bench, bench
from tests.world import World

DAY = timedelta(days=1)
OVERDUE = 60
NUMBERS = re.compile(r'class="mono number" href="/console/dossiers/([^"]+)"')


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    world = World(tmp_path_factory.mktemp("due"))
    with bench(world.path.parent, world=world, demo_token="t" * 32) as made:
        now = world.clock.now()
        for n in range(OVERDUE):
            late = (now - DAY * (OVERDUE - n)).isoformat()
            unit = "H99.11" if n % 2 else "H99.12"
            world.accept(make_event(dossier=f"H99.11-{n:03d}", at=NOON, unit=unit, due_at=late, status="processing"))
        soon = (now + timedelta(hours=20)).isoformat()
        world.accept(make_event(dossier="H99.11-soon", at=NOON, unit="H99.11", due_at=soon, status="processing"))
        far = (now + 30 * DAY).isoformat()
        world.accept(make_event(dossier="H99.11-far", at=NOON, unit="H99.11", due_at=far, status="processing"))
        yield made


def older(text: str) -> str:
    found = re.search(r'rel="next" href="/console([^"]+)"', text)
    assert found, text
    return found[1].replace("&amp;", "&")


def test_the_first_page_leads_to_all(room: Bench) -> None:
    """Five stand on the first page beside the count; its link shows every one, page by page, the longest late first."""
    room.sign_in("an")
    today = room.get("/").text
    assert 'href="/console/due?when=overdue"' in today
    assert 'href="/console/due?when=soon"' in today
    first = room.get("/due?when=overdue").text
    second = room.get(older(first)).text

    assert [f"H99.11-{n:03d}" for n in range(OVERDUE)] == NUMBERS.findall(first) + NUMBERS.findall(second)
    assert 'rel="next"' not in second
    assert ["H99.11-soon"] == NUMBERS.findall(room.get("/due?when=soon").text)


def test_units_limit_it(room: Bench) -> None:
    """Who sees one unit is shown its dossiers and no others."""
    room.sign_in("binh")
    text = room.get("/due?when=overdue").text

    assert [f"H99.11-{n:03d}" for n in range(1, OVERDUE, 2)] == NUMBERS.findall(text)


@pytest.mark.parametrize("after", ["x", "1.2", f"1.2.{'A' * 24}"])
def test_a_cursor_of_nobody_shows_the_first_page(room: Bench, after: str) -> None:
    """A cursor that was not made here is told, and the first page shown."""
    room.sign_in("an")
    text = room.get(f"/due?when=overdue&after={after}").text

    assert room.console.words.say("vi", "due.foreign_cursor") in text
    assert NUMBERS.findall(text)[0] == "H99.11-000"


def test_a_cursor_is_its_accounts(room: Bench) -> None:
    """A cursor from another account's page, or of the other list, is nobody's."""
    room.sign_in("an")
    address = older(room.get("/due?when=overdue").text)
    assert room.console.words.say("vi", "due.foreign_cursor") in room.get(address.replace("overdue", "soon")).text
    room.sign_in("binh")
    assert room.console.words.say("vi", "due.foreign_cursor") in room.get(address).text


def test_rare_hits_are_looked_for_on(room: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a page ends before it found anything it says how far it looked, and leads on."""
    monkeypatch.setattr("bus.dues.LOOKED", 1)
    monkeypatch.setattr("bus.dues.CHUNK", 1)
    room.sign_in("binh")
    first = room.get("/due?when=overdue").text
    on = re.search(r'href="/console(/due\?[^"]*after=[^"]+)"', first)

    assert room.console.words.say("vi", "due.none_so_far") in first
    assert on is not None
    assert ["H99.11-001"] == NUMBERS.findall(room.get(on[1].replace("&amp;", "&")).text)


def test_the_demo_says_why(room: Bench) -> None:
    """The demo tells a day of July as today: where that makes dossiers late, the page says so."""
    room.sign_in("an")

    for address, key in (("/", "due.demo"), ("/due?when=overdue", "due.demo"), ("/lateness", "lateness.demo")):
        assert room.console.words.say("vi", key) in room.get(address).text


def test_elsewhere_nothing_is_said_of_a_demo(tmp_path: Path) -> None:
    """An installation that is no demo says nothing of July, and that nothing is overdue where nothing is."""
    with bench(tmp_path) as made:
        made.sign_in("an")
        text = made.get("/due").text

        assert made.console.words.say("vi", "due.demo") not in text
        assert made.console.words.say("vi", "lateness.demo") not in made.get("/lateness").text
        assert made.console.words.say("vi", "due.none_overdue") in text


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+07:00")


@pytest.mark.parametrize(
    ("now", "until", "is_working"),
    [
        ("2026-07-01T09:00", "2026-07-04T00:00", True),  # Wednesday: Thursday and Friday
        ("2026-07-02T23:59", "2026-07-07T00:00", True),  # Thursday: Friday and Monday
        ("2026-07-03T09:00", "2026-07-08T00:00", True),  # Friday: Monday and Tuesday
        ("2026-12-30T09:00", "2027-01-02T00:00", False),  # nobody has announced the days off of 2027
    ],
)
def test_soon_is_two_working_days(now: str, until: str, is_working: bool) -> None:
    """Soon ends with the second working day after today; where no calendar reaches, with the second day."""
    days = {day: special for day, special in calendar_from_csv(shipped_text()).special.items() if day.year == 2026}
    soon = soon_of(Calendar(days), at(now))

    assert (at(until), is_working) == (soon.until, soon.is_working)
    assert date.fromisoformat(until[:10]) - DAY == soon.last_day.astimezone(VIETNAM).date()


def test_soon_knows_days_off() -> None:
    """A day off in between moves the end; without a calendar two plain days are taken."""
    off = Special(kind="holiday", name_vi="", name_en="", swapped_with=None, source_kind="memory", note="")
    now = at("2026-07-01T09:00")
    plain = soon_of(None, now)

    assert at("2026-07-07T00:00") == soon_of(Calendar({date(2026, 7, 2): off}), now).until
    assert (at("2026-07-04T00:00"), False) == (plain.until, plain.is_working)
