"""Incidents and what is told of them: one for each cause and subject, whoever looks, however often."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from bus.calendar import Calendar, calendar_from_csv
from bus.circuit import Manners
from bus.findings import look
from bus.incidents import (
    CALENDAR_ENDS,
    DOOR_REFUSALS,
    GAP,
    KEY_ENDS,
    NEEDS_PERSON,
    PARTNER_BACK,
    PARTNER_DOWN,
    SILENCE,
    Alarms,
    Finding,
    Incidents,
    calendar_ending,
    down,
    key_ending,
    silent,
)
from bus.late_book import LateBook
from bus.lateness import PARTS
from bus.notices import GIVEN_UP, LEASE, Notice, Outbox, add
from bus.outages import Outage
from bus.refusals import Refusal, Refusals
from bus.times import to_ms
from tests.builders import NOON, make_event
from tests.memory import own_folder, quietly
from tests.world import PARTNER, World

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
CALENDAR = calendar_from_csv(Path("config/tables/calendar/holidays.csv").read_text(encoding="utf-8"))
ALARMS = Alarms(people=2, refusals=3)


class Watch:
    """A worker's duty: looks, and tells what is due to whoever reads."""

    def __init__(self, world, alarms=ALARMS, channels=("email",), per_hour=6):
        self.world = world
        self.alarms = alarms
        self.incidents = Incidents(world.ledger, alarms, channels=channels)
        self.outbox = Outbox(world.ledger, world.randomness, per_hour=per_hour)
        self.keys = {}
        self.calendar = None
        self.told = []

    def look(self):
        now = self.world.clock.now()
        found = look(
            self.world.ledger,
            self.alarms,
            now=now,
            keys=self.keys,
            calendar=self.calendar,
            gap_alarm=timedelta(minutes=15),
            callers=("one-stop",),
        )
        return self.incidents.note(found, now)

    def tell(self, channel="email"):
        now = self.world.clock.now()
        message = self.outbox.take(channel, now)
        if message is not None:
            self.told.append(message)
            self.outbox.told(message, now)
        return message

    def causes(self):
        return [notice.cause for message in self.told for notice in message.notices]


@pytest.fixture
def world(tmp_path):
    with own_folder(tmp_path) as folder, quietly():
        made = World(folder, manners=Manners(failures_to_open=2), orders={"counted/h99": "sequence"})
        made.down = False
        made.adapter.fate = lambda delivery: "down" if made.down else "ok"
        yield made
        made.close()


@pytest.fixture
def watch(world):
    return Watch(world)


def spend(world, watch, hours, *, minutes=1):
    """Time passes, minute by minute or so: work is done, a look is taken, what is due is told."""
    end = world.clock.now() + hours * HOUR
    while world.clock.now() < end:
        world.run()
        watch.look()
        watch.tell()
        world.pass_time(60 * minutes)


# -- the whole ------------------------------------------------------------------------------------------------------


def test_six_hours_of_outage(world, watch):
    """Six hours of outage are one incident and two notices, and the dossiers' lateness says whose time that was."""
    due = NOON + HOUR
    late = [
        make_event(dossier=f"H99.09-260703-{n:04d}", id=f"e{n}", status="completed", due_at=due.isoformat())
        for n in range(20)
    ]
    world.down = True
    world.accept(*late)
    spend(world, watch, 6, minutes=2)
    world.down = False
    spend(world, watch, 2)

    (incident,) = watch.incidents.recent()
    assert (PARTNER_DOWN, PARTNER, 20) == (incident.cause, incident.subject, incident.most)
    assert incident.ended_at is not None
    assert timedelta(0) <= incident.lasted - 6 * HOUR < 3 * MINUTE
    assert [PARTNER_DOWN, PARTNER_BACK] == watch.causes()
    assert 360 <= watch.told[1].notices[0].facts["minutes"] <= 362
    assert 20 == watch.told[1].notices[0].facts["most"]

    book = LateBook(world.ledger, PARTNER)
    book.step(world.clock.now())
    (row,) = book.months(2026 * 12, 2026 * 12 + 11)
    assert (20, 20, 0) == (row.dossiers, row.only_sync, row.running)
    assert row.whole == sum(row.parts.values())
    # The due date came an hour into the outage: five of its six hours are the partner's, and the drain's minutes ours.
    assert 0 <= row.parts["partner_down"] - 20 * 5 * HOUR / timedelta(milliseconds=1) <= 20 * 120_000
    assert row.whole - row.parts["partner_down"] == row.parts["here"] <= 20 * 30 * 60_000


def test_flapping_partner(world, watch):
    """A partner that comes and goes all day is one incident and one notice; one more when it stayed."""
    for n in range(20):
        world.down = not world.down
        world.accept(*[make_event(dossier=f"H99.09-260703-{n:03d}{m}", id=f"e{n}-{m}") for m in range(4)])
        spend(world, watch, 0.1)
    assert [PARTNER_DOWN] == watch.causes()

    world.down = False
    spend(world, watch, 1)

    assert [PARTNER_DOWN, PARTNER_BACK] == watch.causes()
    (incident,) = watch.incidents.recent()
    assert 10 == incident.count


def test_short_outage(world, watch):
    """An outage shorter than the patience is an incident, and nobody is woken for it, neither for its end."""
    world.down = True
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}", id=f"e{n}") for n in range(3)])
    spend(world, watch, 3 / 60)
    world.down = False
    spend(world, watch, 1)

    assert 1 == len(watch.incidents.recent())
    assert [] == watch.incidents.open_now()
    assert [] == watch.told


def test_two_workers_tell_once(world):
    """Two workers that look and tell at the same time make one incident and send one message."""
    world.down = True
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}", id=f"e{n}") for n in range(3)])
    world.run()
    world.pass_time(600)
    one, other = Watch(world), Watch(world)
    assert 1 == len(one.look().opened)
    assert [] == other.look().opened

    taken = [watch.outbox.take("email", world.clock.now()) for watch in (one, other)]

    assert [1, 0] == [0 if message is None else len(message.notices) for message in taken]


# -- other causes ---------------------------------------------------------------------------------------------------


def test_people_are_needed(world, watch):
    """Many deliveries that wait for a person are one incident with the most there were, and one notice."""
    world.adapter.fate = lambda delivery: "refuse"
    world.accept(*[make_event(dossier=f"H99.09-260703-{n:04d}", id=f"e{n}") for n in range(3)])
    spend(world, watch, 0.5)

    (incident,) = watch.incidents.open_now()
    assert (NEEDS_PERSON, PARTNER, 3) == (incident.cause, incident.subject, incident.count)
    assert [NEEDS_PERSON] == watch.causes()


def test_refusals_at_the_doors(world, watch):
    """A burst of refusals of one caller is one incident; a few of another are none. It ends when the burst does."""
    refusals = Refusals(world.ledger)
    for n in range(4):
        refusals.note(_refusal(n, "one-stop"))
    refusals.note(_refusal(9, None))
    world.ledger.engine.write(lambda tx: None)  # whoever notes a refusal does not wait for it
    watch.look()

    (incident,) = watch.incidents.open_now()
    assert (DOOR_REFUSALS, "one-stop", 4) == (incident.cause, incident.subject, incident.count)

    world.pass_time(30 * 60)

    assert [incident.id] == [one.id for one in watch.look().ended]
    assert [] == watch.incidents.open_now()


def test_whoever_a_refused_request_says_it_is(world, watch):
    """What a refused request calls itself is nobody's name but a caller's: a thousand names are one incident."""
    refusals = Refusals(world.ledger)
    for n, name in enumerate(("<script>", "0900000123", None)):
        refusals.note(_refusal(n, name))
    world.ledger.engine.write(lambda tx: None)
    watch.look()

    assert [("", 3)] == [(one.subject, one.count) for one in watch.incidents.open_now()]


def _refusal(n, caller):
    return Refusal(reference=f"LT-{n:04d}-X", route="/v1/events", caller=caller, code="unsigned", status=401)


def test_gaps(world, watch):
    """Gaps of one source are one incident, however many dossiers wait behind them."""
    for n in range(3):
        dossier = f"H99.09-260703-{n:04d}"
        world.accept(make_event(dossier=dossier, id=f"g{n}", source="counted/h99", sequence=2))
    world.pass_time(20 * 60)
    watch.look()

    (incident,) = watch.incidents.open_now()
    assert (GAP, "counted/h99", 3) == (incident.cause, incident.subject, incident.count)
    assert incident.first_at == NOON


def test_silence(world, watch):
    """No event in four hours of work is an incident, told once; nights and days off are no silence."""
    watch.calendar = CALENDAR
    world.accept(make_event())
    spend(world, watch, 1)
    assert [] == watch.causes()

    spend(
        world, watch, 60, minutes=30
    )  # over Friday night and the weekend into Monday, an hour before the fourth hour of work
    assert [] == watch.causes()

    spend(world, watch, 10, minutes=10)
    assert [SILENCE] == watch.causes()

    world.accept(make_event(dossier="H99.09-260703-0999"))
    spend(world, watch, 1)
    assert [] == watch.incidents.open_now()


def test_key_that_ends(world, watch):
    """Before a key ends somebody is told once at each step, and once at its end; its successor ends the incident."""
    watch.keys = {"soap.certificate_file": NOON + 61 * DAY}
    days = []
    for _ in range(63):
        watch.look()
        if (message := watch.tell()) is not None:
            days.append(message.notices[0].facts["days"])
        world.pass_time(DAY.total_seconds())

    assert [60, 30, 14, 7, 1, 0] == days
    (incident,) = watch.incidents.open_now()
    assert (KEY_ENDS, "soap.certificate_file", 0) == (incident.cause, incident.subject, incident.count)

    watch.keys = {"soap.certificate_file": NOON + 400 * DAY}
    watch.look()

    assert [] == watch.incidents.open_now()


def test_no_ledger_is_too_empty(watch):
    """Nothing is wrong in an installation that nothing has come to."""
    watch.calendar = CALENDAR

    assert [] == watch.look().opened


# -- findings, one by one -------------------------------------------------------------------------------------------


def out(begin, end, *, person=False):
    closed = None if end is None else NOON + end * MINUTE
    return Outage(opened_at=NOON + begin * MINUTE, closed_at=closed, is_by_person=person, actor="w1")


@pytest.mark.parametrize(
    ("outages", "first", "last", "count"),
    [
        ((out(50, None),), 50, 60, 1),
        ((out(50, 55),), 50, 55, 1),
        ((out(50, 55), out(42, 48), out(0, 20)), 42, 55, 2),
        ((out(50, None, person=True), out(52, 53)), 52, 53, 1),
    ],
)
def test_outages_as_one(outages, first, last, count):
    """Outages between which a partner was back for a moment only are one, from its first moment to its last."""
    found = down("p", outages, 7, Alarms(), NOON + HOUR)

    assert found is not None
    assert (NOON + first * MINUTE, NOON + last * MINUTE, count, 7) == (
        found.first_at,
        found.last_at,
        found.count,
        found.most,
    )


@pytest.mark.parametrize("outages", [(), (out(0, 50),), (out(50, None, person=True),)])
def test_no_outage(outages):
    """A partner that has been back for a while is not down; what a person stopped is no failure."""
    assert down("p", outages, 7, Alarms(), NOON + HOUR) is None


@pytest.mark.parametrize(
    ("last", "calendar", "alarms"),
    [
        (None, CALENDAR, Alarms()),
        (NOON - DAY, None, Alarms()),
        (NOON - DAY, CALENDAR, Alarms(silence=timedelta())),
        (NOON - 500 * DAY, CALENDAR, Alarms()),
        (NOON - DAY, Calendar({}), Alarms()),
        (NOON, CALENDAR, Alarms()),
    ],
)
def test_no_silence(last, calendar, alarms):
    """Silence is said only where the calendar knows every day of it."""
    assert silent(last, calendar, alarms, NOON + 3 * HOUR) is None


def test_ends_of_keys_and_calendar():
    """Keys and the calendar are told of from 60 days before their end; past it nothing is negative."""
    assert key_ending("k", NOON + 61 * DAY, NOON) is None
    assert 0 == key_ending("k", NOON - DAY, NOON).count
    assert calendar_ending(None, Alarms(), NOON) is None
    assert calendar_ending(Calendar({}), Alarms(), NOON) is None
    assert calendar_ending(CALENDAR, Alarms(), NOON) is None
    at_end = NOON.replace(year=2027, month=12, day=1)
    found = calendar_ending(CALENDAR, Alarms(), at_end)
    assert (CALENDAR_ENDS, 30, date(2027, 12, 31)) == (found.cause, found.count, found.ends_on)


def test_calendar_incident_is_told_once(world, watch):
    """The end of the calendar is an incident too."""
    watch.incidents.note([Finding(cause=CALENDAR_ENDS, subject="calendar", first_at=NOON, last_at=NOON, count=9)], NOON)
    watch.incidents.note([Finding(cause=CALENDAR_ENDS, subject="calendar", first_at=NOON, last_at=NOON, count=8)], NOON)

    assert [8] == [one.count for one in watch.incidents.open_now()]
    assert [CALENDAR_ENDS] == [notice.cause for notice in watch.tell().notices]


def test_pages_of_incidents(watch):
    """Incidents are listed the newest first, of one subject or all, page by page."""
    findings = [
        Finding(cause=GAP, subject=f"s{n % 2}", first_at=NOON + n * MINUTE, last_at=NOON + n * MINUTE, count=1)
        for n in range(4)
    ]
    for one in findings:
        watch.incidents.note([one], one.last_at)
        watch.incidents.note([], one.last_at + HOUR)

    assert [4, 3] == [one.id for one in watch.incidents.recent(limit=2)]
    assert [2, 1] == [one.id for one in watch.incidents.recent(before=3)]
    assert [3, 1] == [one.id for one in watch.incidents.recent(subject="s0")]


# -- the outbox -----------------------------------------------------------------------------------------------------


def put(world, *keys, channels=("email",), at=NOON):
    def job(tx):
        for key in keys:
            add(tx, Notice(key=key, cause="gap_waiting", facts={"n": 1}), channels, to_ms(at))

    world.ledger.engine.write(job)


def test_what_waits_goes_together(world, watch):
    """All that waits goes in one message, each under a key that is written once for each way."""
    put(world, "a", "b", channels=("email", "webhook"))
    put(world, "a", channels=("email", "webhook"))
    message = watch.tell()

    assert ["a", "b"] == [notice.key for notice in message.notices]
    assert message.is_merged
    assert watch.tell() is None
    assert ["a", "b"] == [notice.key for notice in watch.tell("webhook").notices]


def test_never_a_flood(world):
    """Past the hour's number nothing goes; when the hour is over, what waited goes as one."""
    watch = Watch(world, per_hour=2)
    sent = []
    for n in range(10):
        put(world, f"n{n}", at=world.clock.now())
        if (message := watch.tell()) is not None:
            sent.append(len(message.notices))
        world.pass_time(60)
    assert [1, 1] == sent

    world.pass_time(3600)

    assert 8 == len(watch.tell().notices)


def test_failed_message_goes_again(world, watch):
    """What failed goes again as it was, under its own id, later and later; what came meanwhile does not join it."""
    put(world, "a")
    first = watch.outbox.take("email", world.clock.now())
    assert watch.outbox.failed(first, world.clock.now())
    put(world, "b", at=world.clock.now())
    other = watch.tell()
    assert ["b"] == [notice.key for notice in other.notices]

    world.pass_time(120)
    again = watch.outbox.take("email", world.clock.now())

    assert (first.id, 2, ["a"]) == (again.id, again.tries, [notice.key for notice in again.notices])
    assert not again.is_merged


def test_worker_that_died_over_a_message(world, watch):
    """A message whose worker went away goes again under the same id once its lease is over: twice, never not at all."""
    put(world, "a")
    first = watch.outbox.take("email", world.clock.now())
    assert watch.tell() is None

    world.pass_time(LEASE.total_seconds())

    assert first.id == watch.tell().id


def test_old_notice_is_given_up(world, watch):
    """A notice that could not be told for a day is given up, and is no hindrance to later ones."""
    put(world, "a")
    world.pass_time(GIVEN_UP.total_seconds())
    message = watch.outbox.take("email", world.clock.now())

    assert not watch.outbox.failed(message, world.clock.now())
    world.pass_time(3600)
    assert watch.tell() is None


# -- the book of the late ones --------------------------------------------------------------------------------------


def late_event(n, *, due, status="completed", unit="H99.11.16", **other):
    return make_event(
        dossier=f"H99.09-260703-{n:04d}",
        id=f"e{n}-{status}-{due:%H%d}",
        status=status,
        due_at=due.isoformat(),
        unit=unit,
        **other,
    )


def test_book_follows_what_is_told(world):
    """Units' months are summed anew with what changed: an end, another unit, a due date that moved."""
    book = LateBook(world.ledger, PARTNER)
    world.accept(late_event(1, due=NOON + HOUR, status="processing"), late_event(2, due=NOON + HOUR, unit=None))
    world.run()
    world.pass_time(5 * 3600)
    assert 2 == book.step(world.clock.now())
    assert [("H99.11.16", 1, 1)] == [(m.unit, m.dossiers, m.running) for m in months(book)]
    (row,) = months(book)
    assert 4 * 3_600_000 == row.parts["office"] == row.whole
    assert 1 == book.step(world.clock.now()), "what was shown in time is passed over"

    world.accept(late_event(1, due=NOON + 99 * HOUR, status="processing", at=NOON + HOUR, unit="H99.12"))
    world.run()
    book.step(world.clock.now())
    assert [] == months(book)

    world.accept(late_event(1, due=NOON + 2 * HOUR, at=NOON + 2 * HOUR, unit="H99.12"))
    world.run()
    book.step(world.clock.now())
    assert [("H99.12", 1, 0, 1)] == [(m.unit, m.dossiers, m.running, m.only_sync) for m in months(book)]
    assert 0 == book.step(world.clock.now())


def months(book, units=None):
    return book.months(2026 * 12, 2026 * 12 + 11, units)


def test_units_of_the_book(world):
    """Who is limited to a unit sees its months and those of units below it, by whole parts, and no other."""
    units = ("H99.1", "H99.1.2", "H99.11", None)
    world.accept(*[late_event(n, due=NOON - HOUR, status="processing", unit=unit) for n, unit in enumerate(units)])
    book = LateBook(world.ledger, PARTNER)
    book.step(world.clock.now())

    assert ["", "H99.1", "H99.1.2", "H99.11"] == [m.unit for m in months(book)]
    assert ["H99.1", "H99.1.2"] == [m.unit for m in months(book, ("H99.1",))]
    assert [] == months(book, ())


def test_dossiers_of_a_month(world):
    """A month's dossiers come the longest late first, page by page; those that only synchronisation made late apart."""
    world.accept(*[late_event(n, due=NOON - (n + 1) * HOUR, at=NOON - 3 * HOUR) for n in range(5)])
    book = LateBook(world.ledger, PARTNER)
    book.step(world.clock.now())
    first = book.dossiers(2026 * 12 + 6, "H99.11.16", limit=2)
    rest = book.dossiers(2026 * 12 + 6, "H99.11.16", after=(first[-1].whole, first[-1].id))

    assert ["0004", "0003"] == [one.number[-4:] for one in first]
    assert ["0002", "0001", "0000"] == [one.number[-4:] for one in rest]
    assert all(one.whole == sum(one.parts[part] for part in PARTS) for one in (*first, *rest))
    sync = book.dossiers(2026 * 12 + 6, "H99.11.16", only_sync=True)
    assert ["0002", "0001", "0000"] == [one.number[-4:] for one in sync]
    assert (first[0].ended_at, first[0].shown_at) == (NOON - 3 * HOUR, None)


def test_book_goes_in_stretches(world, monkeypatch):
    """A round is bounded, the next goes on where it ended, and the book says how far it is."""
    monkeypatch.setattr("bus.late_book.JUDGED", 2)
    world.accept(*[late_event(n, due=NOON - HOUR) for n in range(5)])
    book = LateBook(world.ledger, PARTNER)
    assert book.as_of().complete_at is None
    began = world.clock.now()

    assert [2, 2] == [book.step(world.clock.now()) for _ in range(2)]
    assert 0.8 == book.as_of().share
    world.pass_time(60)
    book.step(world.clock.now())

    assert (began, 0.0) == (book.as_of().complete_at, book.as_of().share)
    assert 5 == months(book)[0].dossiers


def test_two_workers_keep_one_book(world, monkeypatch):
    """Of two rounds that looked at the same stretch, the second to write leaves it."""
    world.accept(late_event(1, due=NOON - HOUR))
    book = LateBook(world.ledger, PARTNER)
    engine = world.ledger.engine
    write = engine.write

    def after_another(job):
        monkeypatch.setattr(engine, "write", write)
        book.step(world.clock.now())
        engine.write(lambda tx: tx.run("forget_late_month", PARTNER, 2026 * 12 + 6, "H99.11.16"))
        return write(job)

    monkeypatch.setattr(engine, "write", after_another)
    cursor = json.dumps([1, None, None])
    engine_row = book.step(world.clock.now())

    assert 1 == engine_row
    assert cursor != world.ledger.engine.read().one("get_meta", f"late_cursor {PARTNER}")[0]


def test_dossier_that_is_not_sent_there(world):
    """A dossier of which the partner is shown nothing is not judged there."""
    world.accept(late_event(1, due=NOON - HOUR))
    book = LateBook(world.ledger, "another")

    assert 1 == book.step(world.clock.now())
    assert [] == months(book)
    assert 0 == book.step(world.clock.now())
