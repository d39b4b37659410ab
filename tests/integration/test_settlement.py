"""A day compared: every class of difference is found by its name, nothing else is, and looking applies nothing."""

from __future__ import annotations

import sqlite3
import threading
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.settlement.envelope import opened
from adapters.settlement.files import OneStopFile, PlatformFile
from adapters.settlement.layouts import EXPORT, PLATFORM
from benchmarks import settlement_day
from bus.crash_points import COMPARING
from bus.errors import LedgerUnavailable, NotAllowedNow, NotFound
from bus.payments import Verdict
from bus.settlement import Book, DifferenceClass
from bus.settlement_book import Settlements
from tests.builders import SOURCE
from tests.settlement_kit import (
    BOOK,
    DAY,
    MERCHANT,
    PARTNER,
    TAKER,
    WHO,
    Crash,
    FileRow,
    Stopped,
    Till,
    at,
    platform_text,
)

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def till(tmp_path):
    made = Till(tmp_path)
    yield made
    made.close()


# -- classes --------------------------------------------------------------------------------------------------------


def test_a_day_that_agrees_has_no_differences(till):
    """Paid here and there, told and acknowledged; failed and open ones are nobody's difference."""
    paid, failed, still_open = till.paid(1), till.ask(2), till.ask(3)
    till.tell(failed, Verdict.FAILED)
    rows = [till.row(paid), till.row(failed, state="4"), till.row(still_open, state="3")]
    done = till.compare(rows).run

    assert ("done", 3, 3, 0, 150_000) == (done.state, done.rows, done.matched, done.differing, done.total)
    assert [] == till.settlements.differences(done.id)


def classes(till: Till) -> dict[str, tuple[list[FileRow], str]]:
    """By class: rows of the file, and the reference that the difference names. Each has a payment of its own."""
    made: dict[str, tuple[list[FileRow], str]] = {}
    late = till.ask(1)
    made["missed_callback"] = ([till.row(late)], late.reference)
    other = till.paid(2)
    made["amount_difference"] = ([till.row(other, amount=49_000)], other.reference)
    gone = till.paid(3)
    made["missing_there"] = ([], gone.reference)
    failed = till.paid(4)
    made["contradiction"] = ([till.row(failed, state="4")], failed.reference)
    twice = till.paid(5)
    made["double_payment"] = ([till.row(twice), till.row(twice, transaction="GD-5B")], twice.reference)
    swapped = till.paid(6)
    made["other_transaction"] = ([till.row(swapped, transaction="GD-6X")], swapped.reference)
    mangled = till.paid(7)
    made["other_reference"] = ([till.row(mangled, reference="TT7")], "TT7")
    made["orphan"] = ([FileRow(reference="TT8", transaction="GD-8")], "TT8")
    untold = till.paid(9, is_told=False)
    made["one_stop_not_told"] = ([till.row(untold)], untold.reference)
    return made


def test_p14_every_class_is_found_by_its_name(till):
    """And each only once: a payment that differs in one way is not told in another."""
    made = classes(till)
    run = till.compare([row for rows, _ in made.values() for row in rows]).run

    assert {(name, reference) for name, (_, reference) in made.items()} == till.found(run.id)
    assert dict.fromkeys(made, 1) == {one.kind.value: one.count for one in till.settlements.counts(run.id)}


def test_what_a_difference_shows(till):
    """Both amounts, the file's line, the payment and its dossier."""
    of = till.paid(1)
    run = till.compare([till.row(of, amount=49_000)]).run
    (one,) = till.settlements.differences(run.id)

    assert (50_000, 49_000, 2, "P1", "H99.24-260703-0001") == (one.ours, one.theirs, one.line, one.name, one.dossier)
    assert one.is_open
    assert [one] == till.settlements.differences(run.id, kind=DifferenceClass.AMOUNT, is_open=True)
    assert [] == till.settlements.differences(run.id, kind=DifferenceClass.ORPHAN)
    assert [] == till.settlements.differences(run.id, after=one.id)
    assert 1_000 == till.settlements.counts(run.id)[0].gap


def test_another_currency_is_another_amount(till):
    """Fifty thousand of something else are not fifty thousand đồng."""
    of = till.paid(1)
    run = till.compare([till.row(of, currency="USD")]).run
    (one,) = till.settlements.differences(run.id)

    assert ("amount_difference", "VND USD") == (one.kind.value, one.detail)


def test_a_failed_try_before_the_paid_one_contradicts_nothing(till):
    """A citizen who mistypes and tries again has two rows under one reference."""
    of = till.paid(1)
    run = till.compare([till.row(of, state="4", transaction="GD-1A"), till.row(of)]).run

    assert set() == till.found(run.id)


def test_a_row_that_still_waits_there_contradicts_a_payment_here(till):
    """Paid here, pending there: money that the gateway does not settle."""
    of = till.paid(1)

    assert {("contradiction", of.reference)} == till.found(till.compare([till.row(of, state="3")]).run.id)


def test_two_rows_of_an_open_payment_are_one_missed_and_one_double(till):
    """The first one counts."""
    of = till.ask(1)
    run = till.compare([till.row(of), till.row(of, transaction="GD-1B")]).run

    assert [("missed_callback", 2), ("double_payment", 3)] == [
        (one.kind.value, one.line) for one in sorted(till.settlements.differences(run.id), key=lambda one: one.line)
    ]


def test_a_transaction_that_we_were_not_told_is_any(till):
    """A success that named no transaction is that of whatever row has the reference."""
    of = till.paid(1)
    till.write("UPDATE payment_attempts SET transaction_id = NULL")

    assert set() == till.found(till.compare([till.row(of, transaction="GD-X")]).run.id)


def test_an_unknown_reference_that_failed_is_nothing(till):
    """No money moved."""
    assert set() == till.found(till.compare([FileRow(reference="TT1", state="4")]).run.id)


# -- the one-stop system's own file ---------------------------------------------------------------------------------


def test_one_stops_own_file_is_the_third_side(till):
    """What it has with another amount or state, what it lacks, and what it has and nobody asked for."""
    same, amount, state, absent = (till.paid(n) for n in (1, 2, 3, 4))
    still_open = till.ask(5)
    export = till.export(
        [
            (SOURCE, same.name, 50_000, "paid"),
            (SOURCE, amount.name, 40_000, "paid"),
            (SOURCE, state.name, 50_000, "unpaid"),
            (SOURCE, still_open.name, 50_000, "paid"),
            (SOURCE, "P99", 1, "paid"),
            (SOURCE, "P98", 1, "unpaid"),
        ]
    )
    run = till.compare([till.row(one) for one in (same, amount, state, absent)], export=export).run
    found = {(one.kind.value, one.reference, one.detail) for one in till.settlements.differences(run.id)}

    assert {
        ("one_stop_amount", amount.reference, "paid"),
        ("one_stop_state", state.reference, "paid"),
        ("one_stop_state", absent.reference, "absent"),
        ("one_stop_state", still_open.reference, till.state(still_open)),
        ("one_stop_orphan", "P99", ""),
    } == found


def test_what_was_not_told_is_not_also_missing_in_its_file(till):
    """One cause, one difference."""
    of = till.paid(1, is_told=False)
    run = till.compare([till.row(of)], export=till.export([])).run

    assert {("one_stop_not_told", of.reference)} == till.found(run.id)


def test_who_is_told_nothing_lacks_nothing(till):
    """A source without a taker has no third side."""
    of = till.paid(1, is_told=False)
    book = Settlements(till.ledger)
    run = book.compare(BOOK, DAY, till.file(platform_text([till.row(of)])), actor=WHO).run

    assert set() == till.found(run.id)


# -- days -----------------------------------------------------------------------------------------------------------


def test_paid_close_to_midnight_may_stand_in_either_days_file(till):
    """Ours says the fourth, their file of the third has it: nobody misses it, in whatever order the files come."""
    of = till.paid(1, when=at(0, 5, day=NEXT))
    first = till.compare([till.row(of, at=at(0, 5, day=NEXT))]).run
    second = till.compare([], name="next.txt", day=NEXT).run

    assert (set(), set()) == (till.found(first.id), till.found(second.id))


def test_what_a_day_lacked_and_the_next_has_is_closed(till):
    """Missing in the file of its day, found in the next one's: nothing is left to do, and it says why."""
    of = till.paid(1, when=at(23, 59))
    first = till.compare([]).run
    assert [True] == [one.is_open for one in till.settlements.differences(first.id)]
    till.compare([till.row(of, at=at(23, 59))], name="next.txt", day=NEXT)
    (one,) = till.settlements.differences(first.id)

    assert (False, "bus", "in the file of 2026-07-04, run 2") == (one.is_open, one.closed_by, one.close_reason)


def test_other_days_are_not_missed(till):
    """Only what was paid on the file's day is expected in it."""
    till.paid(1, when=at(10, day=NEXT))

    assert set() == till.found(till.compare([]).run.id)


# -- once more ------------------------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(till):
    """By name and digest."""
    of = till.ask(1)
    first = till.compare([till.row(of)])
    again = till.compare([till.row(of)])

    assert (False, True, first.run) == (first.is_known, again.is_known, again.run)
    assert 1 == till.one("SELECT count(*) FROM settlement_differences")[0]


def test_the_same_name_with_another_content_replaces_and_says_so(till):
    """The earlier run is closed with all that it found; the later one is flagged."""
    of = till.ask(1)
    first = till.compare([till.row(of)]).run
    second = till.compare([]).run

    assert (first.id, True) == (second.replaces, second.is_changed)
    assert "replaced" == till.settlements.get(first.id).state
    assert ["replaced by run 2"] == [one.close_reason for one in till.settlements.differences(first.id)]
    assert [2, 1] == [run.id for run in till.settlements.newest()]
    assert [1] == [run.id for run in till.settlements.newest(before=2)]


def test_the_same_file_beside_the_one_stops_replaces_without_a_flag(till):
    """More was compared; the gateway sent nothing new."""
    of = till.paid(1)
    till.compare([till.row(of)])
    second = till.compare([till.row(of)], export=till.export([])).run

    assert (1, False, "export.csv") == (second.replaces, second.is_changed, second.one_stop_file)


def test_each_name_of_ours_has_files_of_its_own(till):
    """An agency with its own name at the gateway: its payments are missed in its file, and in no other."""
    own, usual = till.paid(1), till.paid(2)
    till.write("UPDATE payments SET unit = 'H99.7' WHERE name = 'P1'")
    theirs = Book(partner=PARTNER, merchant="AGENCY", units=frozenset({"H99.7"}), is_rest=False)
    rest = Book(partner=PARTNER, merchant=MERCHANT, units=frozenset({"H99.7"}))

    def run(book: Book, name: str) -> set[Any]:
        path = till.folder / name
        path.write_bytes(platform_text([], merchant=book.merchant))
        file = PlatformFile(opened(path), PLATFORM, day=DAY, merchant=book.merchant)
        return till.found(till.settlements.compare(book, DAY, file, actor=WHO).run.id)

    assert {("missing_there", own.reference)} == run(theirs, "a.txt")
    assert {("missing_there", usual.reference)} == run(rest, "b.txt")
    assert ["done", "done"] == [row[0] for row in till.all("SELECT state FROM settlement_runs")]


# -- what is wrong with a file --------------------------------------------------------------------------------------


def test_p14_a_bad_file_is_told_and_nothing_is_applied(till):
    """Run, findings by line and rule, no differences; sent again as it should be, it is another file."""
    of = till.ask(1)
    content = platform_text([till.row(of)], hash="0" * 64)
    refused = till.settlements.compare(BOOK, DAY, till.file(content), actor=WHO).run

    assert ("refused", 1, 0) == (refused.state, refused.findings, refused.differing)
    assert [("platform", 3, "hash")] == [(f.side, f.line, f.rule) for f in till.settlements.findings(refused.id)]
    assert [] == till.settlements.differences(refused.id)
    assert {("missed_callback", of.reference)} == till.found(till.compare([till.row(of)]).run.id)


def test_a_bad_file_again_is_read_again(till):
    """What was refused under other settings may be taken under these."""
    content = platform_text([], merchant="KHAC")
    for _ in range(2):
        run = till.settlements.compare(BOOK, DAY, till.file(content), actor=WHO).run
        assert ("refused", 1) == (run.state, run.findings)
    assert 1 == till.one("SELECT count(*) FROM settlement_findings")[0]


def test_rows_that_stand_twice_are_told(till):
    """Which of them counts is nobody's to guess: in the gateway's file, and in the one-stop system's."""
    of = till.paid(1)
    row = till.row(of)
    export = till.export([(SOURCE, "P1", 50_000, "paid")] * 2)
    run = till.compare([row, row], export=export).run

    assert "refused" == run.state
    assert [("platform", "duplicated", 3), ("one_stop", "duplicated", 3)] == [
        (one.side, one.rule, one.line) for one in till.settlements.findings(run.id)
    ]


def test_a_bad_export_refuses_the_whole(till):
    """Half a comparison would look like a whole one."""
    run = till.compare([], export=till.export([(SOURCE, "P1", "x", "paid")])).run

    assert ("refused", ["one_stop"]) == (run.state, [one.side for one in till.settlements.findings(run.id)])


def test_nobody_knows_a_run_that_is_not_there(till):
    """It is said so."""
    with pytest.raises(NotFound):
        till.settlements.get(7)


def test_a_ledger_that_cannot_be_read_beside_is_unavailable(till, monkeypatch):
    """Trouble of the database is told as the ledger's, not as a bug."""

    def broken(path: str, *, read_only: bool = False) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk full")

    file = till.file(platform_text([]))
    monkeypatch.setattr(till.ledger.engine, "_storage", type("Broken", (), {"connect": staticmethod(broken)})())
    with pytest.raises(LedgerUnavailable, match="disk full"):
        till.settlements.compare(BOOK, DAY, file, actor=WHO)


def test_a_file_that_breaks_off_while_it_is_read_leaves_a_run_that_can_be_had_again(till, monkeypatch):
    """A share that goes away: its trouble is told, nothing is kept of the half, and the next try is the same run."""
    of = till.ask(1)
    file = till.file(platform_text([till.row(of)]))

    def batches() -> Any:
        yield from ([(2, of.reference, "GD", "VCB", 0, "", 1, "VND", "paid")],)
        raise OSError("stale file handle")

    with monkeypatch.context() as broken:
        broken.setattr(file, "batches", batches)
        with pytest.raises(OSError, match="stale"):
            till.settlements.compare(BOOK, DAY, file, actor=WHO)
    assert ("reading", []) == (till.settlements.get(1).state, till.settlements.differences(1))

    assert {("missed_callback", of.reference)} == till.found(till.compare([till.row(of)]).run.id)


# -- crashes, and two at once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPARING)
def test_a_crash_at_any_line_leaves_a_run_that_can_be_had_again(tmp_path, name):
    """Begun again, it finds what it would have found, each difference once."""
    crash = Crash(name)
    till = Till(tmp_path)
    made = classes(till)
    till.close()
    till.open(crash)
    rows = [row for rows, _ in made.values() for row in rows]
    with pytest.raises(Stopped):
        till.compare(rows)
    till.close()
    till.open()
    done = till.compare(rows).run

    assert ("done", 1) == (done.state, done.id)
    assert {(kind, reference) for kind, (_, reference) in made.items()} == till.found(done.id)
    assert len(made) == till.one("SELECT count(*) FROM settlement_differences")[0]
    till.close()


def test_who_begins_again_takes_the_run_over(till):
    """The first process's next page is refused: what stands there was found by one."""
    of = till.ask(1)
    rows = [till.row(of)]
    other = Settlements(till.ledger, takers={SOURCE: TAKER})

    def take_over(name: str) -> None:
        if name == "compare.found":
            other.compare(BOOK, DAY, till.file(platform_text(rows), name="day.txt"), actor="person:binh")

    slow = Settlements(till.ledger, takers={SOURCE: TAKER}, crash_point=take_over)
    with pytest.raises(NotAllowedNow) as refusal:
        slow.compare(BOOK, DAY, till.file(platform_text(rows)), actor=WHO)

    assert "taken_over" == refusal.value.code
    assert ("done", "person:binh") == (till.settlements.get(1).state, till.settlements.get(1).actor)
    assert 1 == till.one("SELECT count(*) FROM settlement_differences")[0]


def test_two_at_once_leave_one_result(till):
    """Threads with a book each, on the same file: one run, each difference once."""
    made = classes(till)
    content = platform_text([row for rows, _ in made.values() for row in rows])
    files = [till.file(content) for _ in range(4)]
    refusals: list[NotAllowedNow] = []
    start = threading.Barrier(len(files))

    def go(file: PlatformFile) -> None:
        start.wait()
        try:
            Settlements(till.ledger, takers={SOURCE: TAKER}).compare(BOOK, DAY, file, actor=WHO)
        except NotAllowedNow as refusal:
            refusals.append(refusal)

    threads = [threading.Thread(target=go, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refusals) < len(files)
    assert ["done"] == [row[0] for row in till.all("SELECT state FROM settlement_runs")]
    assert len(made) == till.one("SELECT count(*) FROM settlement_differences")[0]


# -- many -----------------------------------------------------------------------------------------------------------


def test_p14_seeded_differences_are_all_found_and_none_is_false(tmp_path):
    """The benchmark's day in small: twenty of each class among two thousand orders, and whatever looks like one."""
    plan = settlement_day.Plan(orders=2_000, each=20)
    till = Till(tmp_path)
    till.close()
    settlement_day.fill(till.path, plan)
    till.open()
    path = settlement_day.write_platform(tmp_path / "TINHDEMO_20260115_DS_01.txt", plan)
    file = PlatformFile(opened(path), PLATFORM, day=settlement_day.DAY, merchant=MERCHANT)
    export = OneStopFile(opened(settlement_day.write_one_stop(tmp_path / "export.csv", plan)), EXPORT)
    run = till.settlements.compare(Book(partner=PARTNER), settlement_day.DAY, file, one_stop=export, actor=WHO).run
    found: set[tuple[str, str | None]] = set()
    after = 0
    while page := till.settlements.differences(run.id, after=after):
        found |= {(one.kind.value, one.reference) for one in page}
        after = page[-1].id

    assert settlement_day.expected_keys(plan) == found
    assert plan.expected == {one.kind.value: one.count for one in till.settlements.counts(run.id)}
    till.close()


OURS = ("none", "open", "failed", "paid", "paid_other")
THEIRS = ("1", "3", "4", "1x", "1a")


def model(ours: str, theirs: list[str]) -> set[str]:
    """The contract's table, for one reference, in words of its own. `1x`: paid under another transaction, `1a`: with
    another amount."""
    paid = [state for state in theirs if state.startswith("1")]
    if ours == "none":
        return {"orphan"} if paid else set()
    found = {"amount_difference"} if "1a" in paid else set()
    good = [state for state in paid if state != "1a"]
    if ours in ("open", "failed"):
        first = [theirs.index(state) for state in paid]
        later = [state for state in good if theirs.index(state) > min(first)]
        found |= {"missed_callback"} if len(later) < len(good) else set()
        return found | ({"double_payment"} if later else set())
    if not paid:
        return {"contradiction"} if theirs else {"missing_there"}
    mine, foreign = ("1x", "1") if ours == "paid_other" else ("1", "1x")
    if foreign in good:
        has_other = mine in paid or any(theirs.index(state) < theirs.index(foreign) for state in paid)
        found |= {"double_payment" if has_other else "other_transaction"}
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    day=st.lists(
        st.tuples(st.sampled_from(OURS), st.lists(st.sampled_from(THEIRS), unique=True, max_size=3)), max_size=8
    )
)
def test_p14_any_day_is_settled_as_the_contracts_table_says(tmp_path_factory, day):
    """For whatever stands in both books."""
    till = Till(tmp_path_factory.mktemp("till"))
    rows, wanted = [], set()
    for n, (ours, theirs) in enumerate(day, 1):
        reference, pay = f"TT{n}", None
        if ours != "none":
            pay = till.ask(n)
            reference = pay.reference
            if ours == "failed":
                till.tell(pay, Verdict.FAILED)
            if ours.startswith("paid"):
                till.pay(pay, transaction=f"GD{n}{'x' if ours == 'paid_other' else ''}")
        for state in theirs:
            key = f"GD{n}x" if state == "1x" else f"GD{n}{'a' if state == '1a' else ''}"
            key += state if state in ("3", "4") else ""
            rows.append(
                FileRow(
                    reference=reference,
                    transaction=key,
                    state=state[0],
                    amount=49_000 if state == "1a" else 50_000,
                )
            )
        wanted |= {(kind, reference) for kind in model(ours, theirs)}
    run = till.compare(rows).run

    assert wanted == till.found(run.id)
    till.close()


def test_other_days_file_is_another_run(till):
    """Each day is by itself."""
    till.compare([])
    till.compare([], name="next.txt", day=NEXT)

    assert [(date(2026, 7, 4), None), (date(2026, 7, 3), None)] == [
        (run.day, run.replaces) for run in till.settlements.newest()
    ]
