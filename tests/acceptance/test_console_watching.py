"""Today, the log and the search through the console's own door: filters, cursors, limits of units, and what is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.doors.console import log_view
from adapters.doors.console.visit import Visit
from bus.audit import Audit
from bus.messages import State
from config.console import is_still
from tests.builders import NOON, make_event, make_step
from tests.console_door import Bench, bench
from tests.world import World

HOUR = timedelta(hours=1)
PEOPLE = {"H99.11-1": ("Nguyễn Văn Đông", "H99.11"), "H99.12-2": ("Trần Thị Đào", "H99.12")}
ROWS = re.compile(r'<tr data-id="(\d+)">')


def fate_of(delivery) -> str:
    return "refuse" if delivery.event.id.startswith("refused") else "ok"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    world = World(tmp_path_factory.mktemp("watching"), fate=fate_of)
    with bench(world.path.parent, world=world) as made:
        for number, (name, unit) in PEOPLE.items():
            applicant = {"kind": "citizen", "name": name, "phone": "0900000001"}
            world.accept(make_event(dossier=number, at=NOON, unit=unit, applicant=applicant))
        for n in range(60):
            world.accept(make_step(dossier="H99.11-1", at=NOON + n * timedelta(minutes=1), id=f"step-{n}"))
        world.accept(make_step(dossier="H99.12-2", at=NOON + HOUR, id="refused-1"))
        world.settle_down()
        yield made


@pytest.fixture
def an(room: Bench) -> Bench:
    """An operator who sees every unit."""
    room.sign_in("an")
    return room


@pytest.fixture
def binh(room: Bench) -> Bench:
    """A viewer of one unit."""
    room.sign_in("binh")
    return room


def ids(text: str) -> list[int]:
    return [int(found) for found in ROWS.findall(text)]


def link(text: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="/console([^"]+)"', text)
    assert found, text
    return found[1].replace("&amp;", "&")


def test_pages_lead_from_the_newest_to_the_oldest(an):
    """Page by page every delivery is shown once, the newest first."""
    first = an.get("/log").text
    second = an.get(link(first, "next")).text

    assert (50, 13) == (len(ids(first)), len(ids(second)))
    assert list(range(63, 0, -1)) == ids(first) + ids(second)
    assert 'rel="next"' not in second
    assert "data-live=" in first
    assert "data-live=" not in second


def test_a_filter_lives_in_the_address(an):
    """A filtered page's address shows the same to whoever has the right; its form shows what it is filtered by."""
    text = an.get("/log?state=refused&partner=books").text

    assert 1 == len(ids(text))
    assert '<option value="refused" selected>' in text
    assert '<option value="books" selected>' in text
    assert "state=refused" in re.search(r'data-live="([^"]+)"', text)[1]
    assert [] == ids(an.get("/log?cause=none").text)


@pytest.mark.parametrize("cursor", ["7", "7.", "x.y", f"7.{'A' * 24}", "99999999999999999999.abc"])
def test_a_cursor_of_nobody_shows_the_first_page(an, cursor):
    """A cursor that was not made here is told, and the first page shown."""
    page = an.get(f"/log?before={cursor}")

    assert 200 == page.status_code
    assert 50 == len(ids(page.text))
    assert an.console.words.say("vi", "log.foreign_cursor") in page.text


def test_a_cursor_is_its_accounts(room):
    """A cursor from another account's page is told, and the first page shown."""
    room.sign_in("an")
    address = link(room.get("/log").text, "next")
    room.sign_in("binh")
    page = room.get(address)

    assert room.console.words.say("vi", "log.foreign_cursor") in page.text


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("state=xyz", "no_state"),
        ("since=tomorrow", "no_time"),
        ("since=2026-07-02&until=2026-07-01", "reversed"),
        (f"dossier={'x' * 300}", "too_long"),
    ],
)
def test_a_filter_that_means_nothing_is_told(an, query, key):
    """What is wrong with a filter stands above the list, with how to go on."""
    page = an.get(f"/log?{query}")

    assert 200 == page.status_code
    assert an.console.words.say("vi", f"log.{key}_cure") in page.text


def test_units_limit_every_page(binh):
    """Who sees one unit sees its deliveries, its counts and its dossiers, and no others by any question."""
    assert 61 == len(ids(binh.get("/log").text)) + len(ids(binh.get(link(binh.get("/log").text, "next")).text))
    assert [] == ids(binh.get("/log?state=refused").text)
    assert [] == ids(binh.get("/log?unit=H99.12").text)
    assert [] == ids(binh.get("/log?dossier=H99.12-2").text)
    assert "H99.12-2" not in binh.get("/search?q=dao").text
    today = binh.get("/").text
    assert "H99.12-2" not in today
    assert binh.console.words.say("vi", "today.limited") in today
    assert "chart-day" not in today


def test_looking_on(an, monkeypatch):
    """A rare hit that was not met yet: the page says how far back it looked, and leads on from there."""
    monkeypatch.setattr("bus.looks.LOOKED_EVENTS", 20)
    text, looked = an.get("/log?kind=dossier.recorded").text, 1
    assert an.console.words.say("vi", "log.none_so_far") in text
    while (on := re.search(r'href="/console(/log\?[^"]*before=[^"]+)"', text)) is not None:
        text, looked = an.get(on[1].replace("&amp;", "&")).text, looked + 1

    assert 4 == looked
    assert [2, 1] == ids(text)


def test_today(an):
    """The first page counts what is refused and leads there; each partner has a word."""
    text = an.get("/").text

    assert 'href="/console/log?state=refused"' in text
    assert "H99.12-2" in text
    assert an.console.words.say("vi", "today.health_well") in text
    assert 'id="chart-day"' in text


@pytest.mark.parametrize("text", ["dong", "nguyen van", "H99.1", "0900000001"])
def test_search(an, text):
    """A search finds the dossier by name without accents, by its number's beginning, by telephone; and is recorded."""
    page = an.get("/search", params={"q": text})

    assert 200 == page.status_code
    assert "H99.11-1" in page.text
    (entry,) = Audit(an.world.ledger).find(limit=1).entries
    assert "searched" == entry.act
    assert text not in entry.subject


def test_hits_say_why_they_were_found_and_no_more(an):
    """A hit has its applicant's initials, never the name; a step that no word of ours names is shown as a code."""
    page = an.get("/search", params={"q": "nguyen van"}).text

    assert "<td>N.V.Đ.</td>" in page
    assert "Nguyễn Văn Đông" not in page
    an.world.accept(make_event(dossier="H99.11-3", at=NOON, unit="H99.11", status="THU_LY"))
    assert "<code>THU_LY</code>" in an.get("/search", params={"q": "H99.11-"}).text


def test_a_whole_number_leads_to_its_dossier(an):
    """The only dossier of exactly this number is shown at once."""
    page = an.get("/search", params={"q": "H99.11-1"})

    assert (303, "/console/dossiers/H99.11-1") == (page.status_code, page.headers["location"])


def test_searches_that_cannot_be(an):
    """Nothing typed shows the form; ten thousand characters are refused with words; nobody found says what to try."""
    assert 200 == an.get("/search").status_code
    long = an.get("/search", params={"q": "x" * 10_000})
    assert (400, True) == (long.status_code, an.console.words.say("vi", "common.wrong_length_cure") in long.text)
    longish = an.get("/search", params={"q": "x" * 300})
    assert (422, True) == (longish.status_code, an.console.words.say("vi", "search.too_long_cure") in longish.text)
    assert an.console.words.say("vi", "search.try") in an.get("/search", params={"q": "khong ai"}).text


def test_states_of_the_log_are_all_states(an):
    """Each state can be chosen, and has its word."""
    text = an.get("/log").text

    assert all(f'<option value="{state}">' in text for state in (*State, *log_view.GROUPS))


def test_following_ends_with_session_right_or_units(room):
    """Who follows the live log may go on while the session holds, with the same units; the demo's token always may."""
    people = room.console.people
    opened = people.sign_in("binh", address="", agent="")
    visit = Visit(
        account="binh",
        person="B",
        rights=frozenset(),
        units=("H99.11",),
        language="vi",
        now=NOON,
        address="",
        session=opened.id,
        csrf="",
    )

    assert is_still(people, visit)
    assert is_still(people, replace(visit, account="demo", session=0))
    assert not is_still(people, replace(visit, session=opened.id + 999))
    assert not is_still(people, replace(visit, account="nobody"))
    assert not is_still(people, replace(visit, units=None))
    people.revoke("binh", opened.id, actor="person:chi", reason="left the house")
    assert not is_still(people, visit)
