"""The demo's last page says what came, what became of it, what to type, and whether both accounts agree."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from bus.messages import State
from config.demo.account import entries_of, known_of, states_of
from config.demo.books import Entry, Finding
from config.demo.born import Filed
from config.demo.console_page import Looking
from config.demo.day import Day, day
from config.demo.faults import STEPS_IN_DOUBT, plan_faults
from config.demo.judge import Came, Verdict
from config.demo.lives import COMMUNES, ONE_STOP, WARDS
from config.demo.summary import FAULT_WORDS, STATE_WORDS, Report, closing, command_for, print_summary, sections
from config.demo.systems import shares
from contracts.mock_faults import STAGES, FaultOrder, Faults

AGREED = Verdict(came=Came(recorded=3, repeated=2, contradicted=1, refused=4), states={"delivered": 3}, effects=3)


def held(**overrides: Any) -> Entry:
    members = {
        "source": "one-stop/h99",
        "id": "e-1",
        "kind": "dossier.recorded",
        "dossier": "H99.09-260703-0123",
        "event": 1,
        "place": 1,
        "state": State.HELD,
        "delivery": 42,
        "cause": "no_row",
        "reason": "MaTTHC: no_row (table procedures, row '1.990099')",
    }
    return Entry(**(members | overrides))


def shown(report: Report, *, is_terminal: bool = False) -> str:
    out = io.StringIO()
    print_summary(report, out, is_terminal=is_terminal)
    return out.getvalue()


@pytest.fixture(scope="module")
def small() -> Day:
    return day(7, dossiers=60, steps=200)


def test_plain_page_is_plain(small: Day) -> None:
    """Not a terminal: no colours, no boxes, Vietnamese first with the English beside it."""
    text = shown(
        Report(verdict=AGREED, entries=[], seconds=12.34, day=small, places={"console": "http://127.0.0.1:1/"})
    )

    assert "\x1b" not in text
    assert "┃" not in text
    for words in ("Đã nhận · What came in", "Kiểm chứng", "hạt giống (seed)", "http://127.0.0.1:1/", "nothing waits"):
        assert words in text


def test_terminal_page_has_tables(small: Day) -> None:
    """On a terminal the same sections are drawn as tables; a bracket in a reason stays a bracket."""
    entry = held(reason="TaiLieuNop[0]: too_long", cause="too_long")
    text = shown(Report(verdict=AGREED, entries=[entry], seconds=1.0, day=small), is_terminal=True)

    assert "┃" in text or "│" in text
    assert "TaiLieuNop[0]" in text.replace("\n", "")


def test_every_planted_trouble_is_counted(small: Day) -> None:
    """The page names each kind of trouble of the day with its number of dossiers."""
    dirt = next(
        section
        for section in sections(Report(verdict=AGREED, entries=[], seconds=1.0, day=small))
        if section.en == "Troubles planted"
    )

    assert sum(small.dirt.values()) == sum(int(row[1]) for row in dirt.rows)
    assert len(small.dirt) == len(dirt.rows)


def test_systems_stand_side_by_side(small: Day) -> None:
    """A column for each system: how it speaks, what it sent, what the door said, what reached the portal."""
    answers = {(ONE_STOP, "recorded"): 5, (COMMUNES, "recorded"): 2, (WARDS, "refused"): 1, (WARDS, "replayed"): 1}
    entries = [
        held(source=WARDS, state=State.DELIVERED),
        held(source=WARDS, id="e-2", state=State.DELIVERED),
        held(source=COMMUNES),
        held(source=ONE_STOP, dossier="H99.09-260703-0124"),
    ]
    page = shown(Report(verdict=AGREED, entries=[], seconds=1.0, day=small, shares=shares(answers, entries)))

    (table,) = [part for part in page.split("\n\n") if "Three one-stop systems side by side" in part]
    rows = {line.strip().split(" (")[0]: line.split()[-3:] for line in table.splitlines()[3:]}
    assert ["2", "1", "0"] == rows["hồ sơ"]
    assert ["7", "0", "0"] == rows["sự kiện mới"]
    assert ["0", "2", "0"] == rows["bị từ chối ở cửa"]
    assert ["0", "2", "0"] == rows["đã đến Cổng"]
    assert all(words in table for words in ("REST", "SOAP 1.1/1.2", "façade"))


def test_what_was_told_back_and_filed(small: Day) -> None:
    """Beside each system how it hears, and of what; of the portal's own dossiers, that none was created again."""
    told = {(WARDS, "delivered"): 3, (WARDS, "held"): 1, (ONE_STOP, "held"): 2}
    filed = Filed(count=5, calls=9, handed_over=5, statuses=20, created=0)
    page = shown(
        Report(verdict=AGREED, entries=[], seconds=1.0, day=small, shares=shares({}, []), told=told, filed=filed)
    )

    assert "delivered 3, held 1" in page
    assert "tự hỏi bằng TraCuuHoSo (asks)" in page
    (table,) = [part for part in page.split("\n\n") if "Dossiers from the portal" in part]
    assert ["5", "9", "5", "20", "0"] == [line.split()[-1] for line in table.splitlines()[2:]]


def test_file_has_no_planted_troubles() -> None:
    """Of events from a file nothing is known beforehand; the page does not pretend otherwise."""
    titles = [section.en for section in sections(Report(verdict=AGREED, entries=[], seconds=1.0))]

    assert "Troubles planted" not in titles


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        (held(), "lienthong tables import procedures.csv"),
        (held(cause="too_long", reason="GhiChu: too_long"), "lienthong deliveries show 42"),
        (held(cause="late_step", reason=""), "lienthong deliveries replay 42"),
        (held(state=State.IN_DOUBT, cause="cannot_be_asked"), "lienthong deliveries resolve 42"),
        (held(state=State.REFUSED, cause="refused", reason="-1: x"), "lienthong deliveries show 42"),
        (held(state=State.WAITING, cause="gap", reason=""), "lienthong dossier show H99.09-260703-0123"),
        (held(state=State.WAITING, cause="no_record", reason=""), "lienthong dossier show H99.09-260703-0123"),
    ],
)
def test_each_decision_has_its_command(entry: Entry, command: str) -> None:
    """Beside each thing that a person must decide stands what to type."""
    text = shown(Report(verdict=AGREED, entries=[entry], seconds=1.0))

    assert command == command_for(entry)
    assert command in text


def test_equal_decisions_stand_in_one_row() -> None:
    """Many deliveries with one cause are one row with their number; what waits behind them is not listed."""
    entries = [held(event=n, dossier=f"H99.09-260703-{n:04d}") for n in range(1, 4)]
    entries += [held(state=State.WAITING, cause="accepted", reason="")]
    report = Report(verdict=AGREED, entries=entries, seconds=1.0)
    (row,) = next(section for section in sections(report) if section.en == "What a person must decide").rows

    assert ("3", "H99.09-260703-0001") == row[1:3]


def test_faults_and_resolutions_are_told() -> None:
    """How the mock misbehaved, how often it struck, and how the steps in doubt were settled."""
    faults = [
        {"fault": "html_200", "operation": "DongBoHoSoMC", "struck": 6},
        {"fault": "slow", "operation": None, "struck": 0},
        {"fault": "something_new", "operation": None, "struck": 1},
        {"fault": "html_200", "operation": "DongBoHoSoMC", "struck": 7},
    ]
    text = shown(Report(verdict=AGREED, entries=[], seconds=1.0, faults=faults, resolved={"arrived": 4}))

    assert all(words in text for words in ("maintenance page", "something_new", "arrived"))
    assert "13" in next(line for line in text.splitlines() if "maintenance page" in line), "one row for one fault"
    assert "slow answer" not in text


def test_closing_says_whether_they_agree(small: Day) -> None:
    """The last sentence is yes only when nothing was found, all is settled, and all went as planted."""
    lost = Verdict(
        came=Came(recorded=1),
        states={},
        effects=0,
        lost=(Finding(what="no_effect", dossier="H99.01-1", event="e", effect=3, fields=("GhiChu",)),),
    )
    under_way = Verdict(came=Came(recorded=1), states={"unsettled": 1}, effects=0)

    assert "0 mất" in closing(Report(verdict=AGREED, entries=[], seconds=1.0))
    assert "all three" not in closing(Report(verdict=AGREED, entries=[], seconds=1.0))
    assert "all three" in closing(Report(verdict=AGREED, entries=[], seconds=1.0, shares=shares({}, [])))
    for report in (
        Report(verdict=lost, entries=[], seconds=1.0),
        Report(verdict=under_way, entries=[], seconds=1.0),
        Report(verdict=AGREED, entries=[], seconds=1.0, unmet=["long_note: e is delivered, not held"]),
    ):
        assert "KHÔNG" in closing(report)
    assert "H99.01-1 e #3 no_effect [GhiChu]" in shown(Report(verdict=lost, entries=[], seconds=1.0))
    assert "long_note" in shown(Report(verdict=AGREED, entries=[], seconds=1.0, unmet=["long_note: e …"]))


def test_every_state_and_planned_fault_has_words() -> None:
    """No state and no planned fault is shown by its code alone."""
    assert {str(state) for state in State} - {"waiting", "sending", "awaiting"} <= set(STATE_WORDS)
    assert {fault["fault"] for fault in plan_faults(1)} <= set(FAULT_WORDS)


def test_page_tells_nothing_of_persons(small: Day) -> None:
    """Names, phones and numbers of applicants are not on the page."""
    text = shown(Report(verdict=AGREED, entries=[held()], seconds=1.0, day=small))
    persons = [feed.wire["data"]["applicant"] for feed in small.events if "applicant" in feed.wire["data"]]

    assert not any(person["name"] in text or (person["phone"] or "?09000") in text for person in persons)


def test_faults_can_be_armed() -> None:
    """The plan is in the mock's own terms, names faults of REST only, and repeats by its seed."""
    faults = Faults(frozenset(STAGES), partner="national_portal")
    for fault in plan_faults(3):
        faults.arm(msgspec.convert(fault, FaultOrder))

    assert plan_faults(3) == plan_faults(3) != plan_faults(4)
    assert len(plan_faults(3)) == len(faults.active)


def test_few_steps_are_left_in_doubt() -> None:
    """Only lost replies befall steps, and at most the named number of them: each costs a person's look."""
    not_taken = {"rate_limited", "expired_session", "slow"}
    steps = [fault for fault in plan_faults(1) if fault.get("operation") != "DongBoHoSoMC"]

    assert STEPS_IN_DOUBT == sum(fault["count"] for fault in steps if fault["fault"] not in not_taken)


def test_account_becomes_entries() -> None:
    """The ledger's account is read row by row: one partner, without what was adopted."""
    row = {
        "number": 3,
        "source": "one-stop/h99",
        "id": "e",
        "kind": "dossier.recorded",
        "dossier": "d",
        "occurred_at": "",
        "event_place": 5,
        "is_adopted": 0,
        "delivery": 9,
        "partner": "p",
        "state": "held",
        "cause": "late_step",
        "place": 4,
        "rule": "every_step",
        "status": "accepted",
        "tries": 0,
        "blocks": 0,
        "reason": "r",
    }
    rows = [row, row | {"partner": "q"}, row | {"is_adopted": 1, "dossier": "known", "partner": None}]
    (entry,) = entries_of(rows, "p", lambda source, id: {"MaHoSo": id}, late=frozenset({("one-stop/h99", "e")}))

    assert (State.HELD, 5, 4, 9, False, True) == (
        entry.state,
        entry.place,
        entry.stands_at,
        entry.delivery,
        entry.blocks,
        entry.is_late,
    )
    assert {("one-stop/h99", "e"): State.HELD} == states_of([entry])
    assert {"known"} == known_of(rows)


def test_console_that_shows_otherwise_is_no_agreement(small: Day) -> None:
    """What the console shows otherwise than the ledger has it stands in the check, and ends the agreement."""
    report = Report(verdict=AGREED, entries=[], seconds=1.0, day=small, console=("log: delivery 7 is not shown",))

    assert "log: delivery 7 is not shown" in shown(report)
    assert "NOT" in closing(report)
    assert "NOT" not in closing(Report(verdict=AGREED, entries=[], seconds=1.0, day=small))


def test_page_says_where_the_console_is_and_what_to_see(small: Day) -> None:
    """While the demo serves on: the address, both accounts, and only what there is to see, each with its link."""
    looking = Looking(url="http://127.0.0.1:1/console/", token="t0ken", first="demo", second="duyet")
    entries = [held(), held(id="e-2", cause="too_long"), held(id="e-3", state=State.WAITING, cause="gap")]
    text = shown(Report(verdict=AGREED, entries=entries, seconds=1.0, day=small, looking=looking))

    for told in ("demo / t0ken", "duyet / t0ken", "console/log?state=held", "console/mapping", "console/log?cause=gap"):
        assert told in text
    assert "state=refused" not in text
    assert "console/" not in shown(Report(verdict=AGREED, entries=entries, seconds=1.0, day=small))
