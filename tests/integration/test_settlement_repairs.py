"""Repairs of a settlement: what each class comes to, once, whoever dies or comes twice; four eyes."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus import settlement_repairs
from bus.audit import Audit
from bus.crash_points import SETTLING_DAYS
from bus.errors import NotAllowedNow, NotFound
from bus.payments import Verdict
from bus.people import People
from bus.settlement import CLASSES, DifferenceClass, Plan, Remedy
from bus.settlement import Repair as Wish
from bus.upkeep import verify
from tests.builders import SOURCE
from tests.settlement_kit import DAY, WHO, Crash, FileRow, Stopped, Till, at
from tests.world import SeededRandomness

NEXT = DAY + timedelta(days=1)


@pytest.fixture
def till(tmp_path):
    made = Till(tmp_path)
    yield made
    made.close()


def ask(till: Till, plan: Plan, *, who: str = WHO, above: int = 0) -> Wish:
    """A wish as the console makes it."""
    return till.ledger.engine.write(
        lambda tx: till.repairs.ask(
            tx, plan.run, plan.classes, digest=plan.digest, actor=who, reason="as the bank says", four_eyes_above=above
        )
    )


def decide(till: Till, wish: Wish, *, who: str, is_yes: bool = True, digest: str | None = None) -> Wish:
    """Another person's word."""
    said = digest or wish.digest
    return till.ledger.engine.write(
        lambda tx: till.repairs.decide(tx, wish.id, actor=who, digest=said, is_yes=is_yes, reason="looked at it")
    )


def outcomes(till: Till, run: int) -> dict[str, tuple[str | None, bool]]:
    """Class → what its repair came to, and whether it is closed."""
    return {one.kind.value: (one.outcome, not one.is_open) for one in till.settlements.differences(run)}


# -- each class -----------------------------------------------------------------------------------------------------


def test_missed_callback_is_paid_as_a_late_success(till):
    """The payment is paid under the file's transaction and time, its source is told."""
    of = till.ask(1)
    run = till.compare([till.row(of, at=at(9))]).run
    assert 1 == till.repair(run.id)
    paid_at, transaction, bank = till.one("SELECT paid_at, transaction_id, bank FROM payment_attempts")
    via, effect, key = till.one("SELECT via, effect, body FROM payment_hearings")

    assert ("paid", int(at(9).timestamp() * 1000), "GD-P1", "VCB") == (till.state(of), paid_at, transaction, bank)
    assert ("settlement", "late_success") == (via, effect)
    assert {"missed_callback": ("late_success", True)} == outcomes(till, run.id)
    assert 1 == till.one("SELECT count(*) FROM events WHERE kind = 'payment.settled'")[0]
    assert key is not None


CASES = {
    "amount_difference": ("wrong_amount", "wrong_amount"),
    "contradiction": ("contradicted", "contradiction"),
    "double_payment": ("double", "double_payment"),
    "other_transaction": ("double", "double_payment"),
    "other_reference": ("unknown_reference", "unknown_reference"),
    "orphan": ("unknown_reference", "unknown_reference"),
}


def rows_for(till: Till, kind: str) -> list[FileRow]:
    """A file with one difference of this class."""
    of = till.paid(1)
    return {
        "amount_difference": [till.row(of, amount=49_000)],
        "contradiction": [till.row(of, state="4")],
        "double_payment": [till.row(of), till.row(of, transaction="GD-B")],
        "other_transaction": [till.row(of, transaction="GD-X")],
        "other_reference": [till.row(of, reference="TT9")],
        "orphan": [till.row(of), FileRow(reference="TT9", transaction="GD-9")],
    }[kind]


@pytest.mark.parametrize("kind", CASES)
def test_what_is_no_plain_success_becomes_a_task(till, kind):
    """The payment stands as it stood; a person is asked, once."""
    rows = rows_for(till, kind)
    run = till.compare(rows).run
    till.repair(run.id)
    effect, task = CASES[kind]

    assert {kind: (effect, True)} == outcomes(till, run.id)
    assert 1 == till.tasks()[task]
    assert "paid" == till.one("SELECT state FROM payments")[0]


def test_missing_there_waits_for_the_next_day_and_is_then_a_task(till):
    """Close to midnight a row may come a day later: only then a person is asked."""
    of = till.paid(1)
    run = till.compare([]).run
    plan = till.repairs.plan(run.id, CLASSES)
    till.repair(run.id)

    assert {DifferenceClass.MISSING_THERE: (Remedy.WAIT, 1)} == plan.would
    assert {"missing_there": ("waits", False)} == outcomes(till, run.id)
    till.compare([], name="next.txt", day=NEXT)
    assert {DifferenceClass.MISSING_THERE: (Remedy.ESCALATE, 1)} == till.repairs.plan(run.id, CLASSES).would
    till.repair(run.id)
    assert {"missing_there": ("contradicted", True)} == outcomes(till, run.id)
    assert (1, "paid") == (till.tasks()["missing_there"], till.state(of))


def test_what_the_one_stop_system_refused_is_sent_again(till):
    """Where a person may send it again; what is on its way is left alone, and what arrived meanwhile is closed."""
    refused, waiting, arrived = (till.paid(n, is_told=False) for n in (1, 2, 3))
    run = till.compare([till.row(one) for one in (refused, waiting, arrived)]).run
    till.write(
        "UPDATE deliveries SET state = 'refused', blocks = 0 WHERE id = "
        "(SELECT min(id) FROM deliveries WHERE partner = 'one_stop')"
    )
    till.acknowledge(arrived)
    till.repair(run.id)

    assert [("waiting", True), ("no:on_its_way", False), ("delivered", True)] == [
        (one.outcome if one.outcome != "no:not_replayable" else "no:on_its_way", not one.is_open)
        for one in till.settlements.differences(run.id)
    ]


def test_what_was_never_to_be_told_cannot_be_sent_again(till):
    """A payment without news of it, as after a restore: said, and left open."""
    of = till.paid(1)
    till.write("DELETE FROM payment_news")
    run = till.compare([till.row(of)]).run
    till.repair(run.id)

    assert {"one_stop_not_told": ("no:no_delivery", False)} == outcomes(till, run.id)


def test_what_the_one_stops_own_file_says_otherwise_is_a_task(till):
    """Whoever runs that system looks at it; the same day twice asks once."""
    of = till.paid(1)
    for name in ("a.csv", "b.csv"):
        export = till.export(
            [(SOURCE, "P1", 1, "paid"), *([] if name == "a.csv" else [(SOURCE, "P2", 1, "unpaid")])], name=name
        )
        run = till.compare([till.row(of)], export=export).run
        till.repair(run.id)
        assert {"one_stop_amount": ("review", True)} == outcomes(till, run.id)

    assert {"one_stop_differs": 1} == {k: n for k, n in till.tasks().items() if k == "one_stop_differs"}


# -- once -----------------------------------------------------------------------------------------------------------


def many(till: Till, count: int) -> int:
    """A run with so many missed callbacks."""
    return till.compare([till.row(till.ask(n)) for n in range(1, count + 1)]).run.id


def settled(till: Till) -> tuple[int, int, int]:
    """Payments that are paid, news of them, and words that were heard."""
    return (
        till.one("SELECT count(*) FROM payments WHERE state = 'paid'")[0],
        till.one("SELECT count(*) FROM events WHERE kind = 'payment.settled'")[0],
        till.one("SELECT count(*) FROM payment_hearings")[0],
    )


def test_p14_applied_twice_is_applied_once(till):
    """The same wish again is the same wish; a second one has nothing left to do."""
    run = many(till, 3)
    plan = till.repairs.plan(run, CLASSES)
    first, second = ask(till, plan, above=10), ask(till, plan, above=10)
    assert first == second
    assert (3, 0) == (till.repairs.carry(first.id), till.repairs.carry(first.id))

    assert (3, 3, 3) == settled(till)
    with pytest.raises(NotAllowedNow) as refusal:
        till.repairs.plan(run, CLASSES)
    assert "nothing_open" == refusal.value.code


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", [*SETTLING_DAYS, "writer.before_commit", "writer.after_commit"])
def test_p14_a_crash_at_any_line_is_gone_on_from(tmp_path, monkeypatch, name, times):
    """Whoever comes next goes on where the pages ended: each payment is settled once."""
    monkeypatch.setattr(settlement_repairs, "PAGE", 2)
    till = Till(tmp_path)
    wish = ask(till, till.repairs.plan(many(till, 5), CLASSES), above=10)
    till.close()
    till.open(Crash(name, times))
    with pytest.raises(Stopped):
        till.repairs.carry(wish.id)
    till.close()
    till.open()
    till.repairs.carry_all()

    assert ("done", 5) == (till.repairs.get(wish.id).state, till.repairs.get(wish.id).done)
    assert (5, 5, 5) == settled(till)
    assert [] == list(verify(till.ledger, is_signed=lambda *_: True))
    till.close()


def test_two_at_once_repair_each_once(till, monkeypatch):
    """Four processes carry the same wish: pages change hands, differences do not."""
    monkeypatch.setattr(settlement_repairs, "PAGE", 3)
    run = many(till, 20)
    wish = ask(till, till.repairs.plan(run, CLASSES), above=100)
    start, looked = threading.Barrier(4), []

    def go() -> None:
        start.wait()
        looked.append(till.repairs.carry(wish.id))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (20, 20) == (sum(looked), till.repairs.get(wish.id).done)
    assert (20, 20, 20) == settled(till)


def test_a_process_that_stops_between_pages_leaves_the_rest_to_the_next(till, monkeypatch):
    """Asked before each page; the repair stays running, and the next look carries it on."""
    monkeypatch.setattr(settlement_repairs, "PAGE", 2)
    wish = ask(till, till.repairs.plan(many(till, 5), CLASSES), above=10)
    goes_on = iter((True, True, False))

    assert 4 == till.repairs.carry_all(goes_on=lambda: next(goes_on))
    assert ("running", 1) == (till.repairs.get(wish.id).state, till.repairs.carry_all())
    assert (5, 5, 5) == settled(till)


# -- persons --------------------------------------------------------------------------------------------------------


def test_another_person_says_yes_to_the_very_list(till):
    """Nobody approves his own wish, nor a list that he did not see; then it runs, and both stand in the ledger."""
    run = many(till, 2)
    wish = ask(till, till.repairs.plan(run, CLASSES))
    assert ("asked", 0) == (wish.state, till.repairs.carry(wish.id))
    for who, digest, code in ((WHO, None, "own_request"), ("person:binh", "other", "another_selection")):
        with pytest.raises(NotAllowedNow) as refusal:
            decide(till, wish, who=who, digest=digest)
        assert code == refusal.value.code
    yes = decide(till, wish, who="person:binh")
    assert ("running", "person:binh", 2) == (yes.state, yes.decided_by, till.repairs.carry_all())
    with pytest.raises(NotAllowedNow) as refusal:
        decide(till, wish, who="person:binh")
    assert "not_asked" == refusal.value.code

    told = [row[0] for row in till.all("SELECT cause FROM moves WHERE cause LIKE 'settlement%' ORDER BY id")]
    assert [
        "settlement_compared",
        "settlement_repair_asked",
        "settlement_repair_approved",
        "settlement_repaired",
    ] == told
    assert [yes.id] == [one.id for one in till.repairs.of_run(run)]


def seat(till: Till) -> People:
    """An account for who asks."""
    people = People(till.ledger, Audit(till.ledger), randomness=SeededRandomness(2))
    people.add("an", shown="An", password="kept", roles=("operator",), units=None, actor="person:root", reason="made")
    return people


def test_a_repair_of_who_may_no_more_ends(till):
    """It goes on under the rights that its account has now; what was done stays done, and nobody can approve it."""
    people, run = seat(till), many(till, 2)
    wish = ask(till, till.repairs.plan(run, (DifferenceClass.MISSED_CALLBACK,)))
    people.disable("an", actor="person:root", reason="gone")
    with pytest.raises(NotAllowedNow) as refusal:
        decide(till, wish, who="person:binh")
    assert "asker_may_not" == refusal.value.code
    till.write("UPDATE settlement_repairs SET state = 'running'")

    assert (0, "expired", (0, 0, 0)) == (till.repairs.carry_all(), till.repairs.get(wish.id).state, settled(till))
    people.enable("an", actor="person:root", reason="back")
    again = ask(till, till.repairs.plan(run, CLASSES), above=10)
    assert (2, "done") == (till.repairs.carry(again.id), till.repairs.get(again.id).state)


def test_a_day_in_parts_is_still_one_day(till):
    """Class after class by one person: what was repaired without another's word counts with what is wished for."""
    orphans = [FileRow(reference=f"TT9{n}", transaction=f"GD-9{n}") for n in range(2)]
    run = till.compare([*(till.row(till.ask(n)) for n in (1, 2)), *orphans]).run.id
    first = ask(till, till.repairs.plan(run, (DifferenceClass.MISSED_CALLBACK,)), above=3)
    rest = till.repairs.plan(run, (DifferenceClass.ORPHAN,))
    under_way = till.repairs.wants_second_person(rest, 3)
    till.repairs.carry(first.id)
    second = ask(till, rest, above=3)

    assert ("running", True, "asked") == (first.state, under_way, second.state)
    assert "running" == decide(till, second, who="person:binh").state


def test_a_no_changes_nothing(till):
    """And one may take one's own wish back."""
    run = many(till, 1)
    wish = ask(till, till.repairs.plan(run, CLASSES))

    assert "declined" == decide(till, wish, who=WHO, is_yes=False).state
    assert (0, (0, 0, 0)) == (till.repairs.carry_all(), settled(till))


def test_a_question_ends_after_a_day(till):
    """What was true yesterday is asked anew."""
    wish = ask(till, till.repairs.plan(many(till, 1), CLASSES))
    till.clock.sleep(25 * 3600)
    with pytest.raises(NotAllowedNow) as refusal:
        decide(till, wish, who="person:binh")
    assert "expired" == refusal.value.code
    assert 0 == till.repairs.carry_all()

    assert "expired" == till.repairs.get(wish.id).state


def test_what_changed_since_it_was_shown_is_asked_anew(till):
    """A wish is about exactly what was shown; one about a class names only that class."""
    of = till.paid(9)
    run = till.compare([till.row(till.ask(1)), till.row(of, amount=1)]).run.id
    plan = till.repairs.plan(run, (DifferenceClass.AMOUNT,))
    assert (1, (DifferenceClass.AMOUNT,)) == (len(plan.ids), plan.classes)
    till.repair(run, classes=(DifferenceClass.AMOUNT,))
    with pytest.raises(NotAllowedNow) as refusal:
        ask(till, plan)

    assert "nothing_open" == refusal.value.code
    whole = till.repairs.plan(run, CLASSES)
    with pytest.raises(NotAllowedNow) as refusal:
        ask(till, Plan(run=run, classes=whole.classes, ids=(7,)))
    assert "another_selection" == refusal.value.code


def test_a_run_that_was_replaced_is_not_repaired(till):
    """Neither newly nor by a wish that was asked for before; the run that took its place has its own."""
    run = many(till, 2)
    wish = ask(till, till.repairs.plan(run, CLASSES))
    till.compare([])
    with pytest.raises(NotAllowedNow) as refusal:
        till.repairs.plan(run, CLASSES)

    assert ("day_not_settled", "expired") == (refusal.value.code, till.repairs.get(wish.id).state)


def test_nobody_knows_a_repair_that_is_not_there(till):
    """It is said so."""
    with pytest.raises(NotFound):
        till.repairs.get(7)


# -- any day --------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    day=st.lists(
        st.tuples(st.sampled_from(("open", "failed", "paid")), st.sampled_from(("1", "3", "4", "")), st.booleans()),
        max_size=6,
    )
)
def test_p14_after_the_repair_of_any_day_payments_are_as_the_model_says(tmp_path_factory, day):
    """Paid is what either side says is paid, with the right amount; compared again, what is paid agrees."""
    till = Till(tmp_path_factory.mktemp("till"))
    pays, rows = [], []
    for n, (ours, theirs, is_amount_right) in enumerate(day, 1):
        of = till.ask(n)
        pays.append(of)
        if ours != "open":
            till.tell(of, Verdict.PAID if ours == "paid" else Verdict.FAILED)
            till.acknowledge(of)
        if theirs:
            rows.append(till.row(of, state=theirs, amount=50_000 if is_amount_right else 49_000))
    run = till.compare(rows).run
    if till.settlements.counts(run.id):
        till.repair(run.id)
    for of, (ours, theirs, is_amount_right) in zip(pays, day, strict=True):
        is_paid = ours == "paid" or (theirs == "1" and is_amount_right)
        assert is_paid == (till.state(of) == "paid")
    again = till.compare(rows, name="again.txt").run
    missed = till.settlements.differences(again.id, kind=DifferenceClass.MISSED_CALLBACK)
    assert ([], True) == (missed, again.differing <= run.differing + 2 * len(day))
    till.close()
