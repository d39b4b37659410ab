"""The demo's day: told again by its seed, large enough, in our own form, and with every trouble that it names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.reading import Malformed, read_event
from bus.messages import Event, State
from config.demo.day import SOURCES, Day, day, read_ndjson, unmet, write_ndjson
from config.demo.dirt import KINDS
from config.demo.lives import COMMUNES, OLD, ONE_STOP, WARDS, WARDS_UNITS
from config.demo.people import words
from config.demo.province import add_working_days, is_working_day
from config.demo.spoil import BACKWARD
from config.demo.wire import LOCAL_STEPS

PERSONS = ("applicant", "officer")


@pytest.fixture(scope="module")
def small() -> Day:
    return day(7, dossiers=150, steps=600)


@pytest.fixture(scope="module")
def whole() -> Day:
    return day(1)


@pytest.fixture(scope="module")
def read(whole: Day) -> dict[int, Event]:
    """What the door reads, by place in the feed; lines that it should refuse are left out."""
    return {i: read_event(feed.line) for i, feed in enumerate(whole.events) if feed.expectation != "refused"}


def test_same_seed_gives_the_same_day(small: Day) -> None:
    """A seed tells the same day again, byte for byte; another seed tells another."""
    assert small == day(7, dossiers=150, steps=600)
    assert small.events != day(8, dossiers=150, steps=600).events


def test_day_is_as_large_as_promised(whole: Day, read: dict[int, Event]) -> None:
    """At least 2,000 dossiers and 8,000 different steps."""
    keys = {(event.source, event.id) for event in read.values() if event.kind == "dossier.progressed"}

    assert len(keys) == whole.steps >= 8_000
    assert len({event.dossier for event in read.values()}) == whole.dossiers == 2_000


def test_lives_are_stretched_until_the_steps_are_enough() -> None:
    """A day of few dossiers and many steps has longer lives, still in order and inside the open hours."""
    told = day(1, dossiers=40, steps=700)

    assert told.steps >= 700
    assert {feed.expectation for feed in told.events} == {"recorded", "repeated", "contradicted", "refused"}
    assert max(feed.wire["time"][:13] for feed in told.events) < "2026-07-03T23"


def test_door_reads_every_event_that_it_should(whole: Day, read: dict[int, Event]) -> None:
    """Every event keeps the promise of the schema, save those that are there to break it."""
    assert len(whole.events) - whole.expected["refused"] == len(read)


def test_door_refuses_the_broken_ones(whole: Day) -> None:
    """Each broken event breaks one rule: a decomposed identifier, a time without a zone, an unknown member."""
    rules: dict[str | None, set[str]] = defaultdict(set)
    for feed in whole.events:
        if feed.expectation == "refused":
            with pytest.raises(Malformed) as refusal:
                read_event(feed.line)
            rules[feed.dirt] |= {error.rule for error in refusal.value.errors}

    assert {"not_nfc"} == rules["nfd_identifier"]
    assert {"unknown_field"} == rules["unknown_member"]
    assert 1 == len(rules["time_without_zone"])


def test_expectations_are_what_ids_and_contents_say(whole: Day, read: dict[int, Event]) -> None:
    """The first of an id is new; the same content again is a repeat, in any Unicode form; another is contradicted."""
    seen: dict[tuple[str, str], bytes] = {}
    for i, event in read.items():
        first = seen.setdefault((event.source, event.id), event.digest)
        said = whole.events[i].expectation
        assert said == ("recorded" if said == "recorded" else "repeated" if first == event.digest else "contradicted")


def test_every_kind_of_trouble_is_there(small: Day, whole: Day) -> None:
    """Each kind is planted at least once, in dossiers of its own, and tells which events carry it."""
    for told in (small, whole):
        assert {kind.name for kind in KINDS} == set(told.dirt)
        assert len(told.planted) == len({planted.dossier for planted in told.planted})
    ids = {feed.wire["id"] for feed in small.events}
    assert all(set(planted.tells) <= ids for planted in small.planted)


def test_texts_come_in_both_forms(whole: Day) -> None:
    """Some offices' machines decompose letters, most do not."""
    forms = Counter(unicodedata.is_normalized("NFC", feed.line.decode()) for feed in whole.events)

    assert forms[True] > forms[False] > 500


def test_numbered_source_numbers_from_one(whole: Day) -> None:
    """Each dossier of the numbered source counts its events from 1; only a gap that is never filled leaves one out."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for feed in whole.events:
        if feed.wire["source"] == COMMUNES and feed.expectation == "recorded":
            numbers[feed.wire["subject"]].add(int(feed.wire["sequence"]))
    gaps = {dossier for dossier, found in numbers.items() if found != set(range(1, len(found) + 1))}

    assert {planted.dossier for planted in whole.planted if planted.kind == "gap_left"} == gaps
    assert {ONE_STOP: "arrival", COMMUNES: "sequence", WARDS: "arrival", OLD: "arrival"} == SOURCES


def test_three_systems_share_the_day(whole: Day) -> None:
    """Two wards' system and an old one have three to six dossiers in a hundred each; all others go over REST."""
    dossiers: dict[str, set[str]] = defaultdict(set)
    for feed in whole.events:
        dossiers[feed.wire["source"]].add(feed.wire["subject"])

    assert set(SOURCES) == set(dossiers)
    assert all(0.03 <= len(dossiers[source]) / whole.dossiers <= 0.06 for source in (WARDS, OLD))
    wards = {feed.wire["data"]["unit"] for feed in whole.events if feed.wire["source"] == WARDS}
    assert set(WARDS_UNITS) == wards


def test_each_way_in_has_its_own_troubles(small: Day, whole: Day) -> None:
    """Replays are of SOAP messages; nothing is planted in the old system that needs ids to be seen."""
    for told in (small, whole):
        assert {WARDS} == {feed.wire["source"] for feed in told.events if feed.is_same_message}
        old = {planted.kind for planted in told.planted if planted.source == OLD}
        assert {"old_told_again", "old_a_b_a", "old_unknown_field"} == old
        soap = {planted.kind for planted in told.planted if planted.source == WARDS}
        assert {"soap_repeated", "soap_contradicted", "soap_replayed"} <= soap


def test_clean_dossiers_come_in_order(whole: Day) -> None:
    """Without a trouble, a dossier's events come in the order of their times, and its record first."""
    times: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for feed in whole.events:
        if feed.dirt is None:
            times[feed.wire["subject"]].append((datetime.fromisoformat(feed.wire["time"]), feed.wire["type"]))

    assert all(line == sorted(line, key=lambda told: told[0]) for line in times.values())
    assert {"vn.lienthong.dossier.recorded.v1"} == {line[0][1] for line in times.values()}


def status_of(wire: dict[str, Any]) -> str:
    names = {local: status for status, local in LOCAL_STEPS.items()}
    return str(wire["data"]["status"] or names[wire["data"]["local_step"]])


def test_recalls_go_backward(whole: Day) -> None:
    """9→4, 8→4 and 10→2 are there, as steps of later times."""
    steps = {feed.wire["id"]: feed.wire for feed in whole.events if "progressed" in feed.wire["type"]}
    moves = set()
    for planted in whole.planted:
        if planted.kind.startswith("recall"):
            head, _, number = planted.tells[0].rpartition("-")
            moves.add(tuple(map(status_of, (steps[f"{head}-{int(number) - 1}"], steps[planted.tells[0]]))))

    assert moves == BACKWARD


@pytest.mark.parametrize(
    ("kind", "member", "least"),
    [("long_note", "note", 2_001), ("corrected", "note", 2_001), ("long_officer", "officer", 51)],
)
def test_over_long_fields_are_over_long(whole: Day, kind: str, member: str, least: int) -> None:
    """What the portal could not take is over its limit, in characters of the normal form."""
    tells = {planted.tells[0] for planted in whole.planted if planted.kind == kind}
    told = [feed.wire["data"][member] for feed in whole.events if feed.wire["id"] in tells]
    texts = [text["name"] if isinstance(text, dict) else text for text in told]

    assert tells
    assert all(len(unicodedata.normalize("NFC", text)) >= least for text in texts)


def test_other_officers_fit_the_portal(whole: Day) -> None:
    """No officer's name is over 50 characters by accident."""
    names = {
        feed.wire["data"]["officer"]["name"]
        for feed in whole.events
        if "officer" in feed.wire["data"] and feed.dirt != "long_officer"
    }

    assert max(len(unicodedata.normalize("NFC", name)) for name in names) <= 50


def test_ministrys_dossiers_have_its_numbers(whole: Day) -> None:
    """A dossier of a ministry's system has six or seven digits; all others have four."""
    theirs = {planted.dossier for planted in whole.planted if planted.kind == "not_ours"}
    digits = {feed.wire["subject"]: len(feed.wire["subject"].rpartition("-")[2]) for feed in whole.events}

    assert theirs == {dossier for dossier, count in digits.items() if count >= 6}
    assert {4, 7} == set(digits.values())


def test_every_person_is_invented(read: dict[int, Event]) -> None:
    """Each name bears a marker, or is an office's title; numbers, phones and mail are the reserved ones."""
    marks = [*words()["marker_given_names"], "Thử Nghiệm", "Minh Họa"]
    plain = {*words()["generic_officers"], *words()["organisation_names"], *words()["edge_case_names"]}
    for person in (event.data[role] for event in read.values() for role in PERSONS if role in event.data):
        assert person["name"] in plain or any(mark in person["name"] for mark in marks)
        _assert_reserved(person)


def _assert_reserved(person: dict[str, Any]) -> None:
    assert (person.get("identity") or {"number": "099"})["number"].startswith("099")
    assert re.fullmatch(r"0900000\d{3}", person.get("phone") or "0900000000")
    assert (person.get("email") or "a@example.invalid").endswith("@example.invalid")


def test_files_are_at_the_invented_host(read: dict[int, Event]) -> None:
    """Documents travel by reference, to a host that does not exist."""
    urls = [
        doc["url"]
        for event in read.values()
        for doc in (*event.data.get("submitted", ()), *event.data.get("results", ()))
    ]

    assert urls
    assert all(url.startswith("https://files.h99.example.invalid/") for url in urls)


def test_due_dates_are_working_days(read: dict[int, Event]) -> None:
    """A due date is the closing time of a working day, and after the dossier was received."""
    for data in (event.data for event in read.values() if event.kind == "dossier.recorded"):
        due_at = datetime.fromisoformat(data["due_at"])
        assert is_working_day(due_at.date())
        assert due_at > datetime.fromisoformat(data["received_at"])


def test_working_days_skip_weekends_and_holidays() -> None:
    """From Thursday 23 April 2026, four working days reach past the weekend and the day off on Monday 27."""
    start = datetime.fromisoformat("2026-04-23T10:00:00+07:00")

    assert "2026-05-04T17:00:00+07:00" == add_working_days(start, 4).isoformat()


def test_too_few_dossiers_are_refused() -> None:
    """A day has room for each kind of trouble, or says that it has not."""
    with pytest.raises(ValueError, match="at least"):
        day(1, dossiers=5, steps=10)


def test_file_holds_the_day_line_by_line(small: Day, tmp_path: Path) -> None:
    """Written and read again, every line stands as it was; nothing is expected of a file's events."""
    path = tmp_path / "day.ndjson"
    write_ndjson(small, path)
    again = list(read_ndjson(path))

    assert [feed.line for feed in small.events] == [feed.line for feed in again]
    assert {None} == {feed.expectation for feed in again}


def test_file_is_read_as_it_stands(tmp_path: Path) -> None:
    """Broken lines reach the door untouched; empty ones are no lines."""
    path = tmp_path / "odd.ndjson"
    path.write_bytes(b'{"id": 1,}\r\n\n  \n\xff\xfe')

    assert [b'{"id": 1,}', b"\xff\xfe"] == [feed.line for feed in read_ndjson(path)]


def test_unmet_names_what_went_otherwise(small: Day) -> None:
    """A planted trouble that ends otherwise is named; a lost reply's doubt is no surprise."""
    states = {(planted.source, event): min(fate) for planted in small.planted for event, fate in planted.fates.items()}
    held = next(planted for planted in small.planted if planted.kind == "long_note")
    sent = next(planted for planted in small.planted if planted.kind == "late_step")

    assert [] == unmet(small, states)
    assert [] == unmet(small, states | {(sent.source, sent.tells[0]): State.IN_DOUBT})
    assert 1 == len(unmet(small, states | {(held.source, held.tells[0]): State.DELIVERED}))
    assert 1 == len(unmet(small, {key: state for key, state in states.items() if key[1] != held.tells[0]}))
