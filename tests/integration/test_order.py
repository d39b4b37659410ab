"""The order of one dossier at one partner: places, late arrivals, overtaking, gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bus.messages import Contradicted, Recorded, Repeated
from bus.upkeep import verify
from tests.builders import DOSSIER, NOON, make_event, make_step
from tests.world import RECORD_ROUTE, SOURCE, STEP_ROUTE, World, account

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def numbered(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, orders={SOURCE: "sequence"})
    yield made
    made.close()


def test_p03_step_waits_for_its_record(world: World) -> None:
    """A step that comes before its dossier's first record waits, visibly, and goes after it."""
    step, record = make_step(at=NOON), make_event(at=NOON + MINUTE)
    world.accept(step)
    world.settle_down()
    assert "no_record" == world.delivery_of(step)["cause"]
    world.accept(record)
    world.settle_down()

    assert [("record", record.id), ("step", step.id)] == [(e.kind, e.event) for e in world.books.effects]


def test_p03_steps_go_by_their_source_time(world: World) -> None:
    """Steps that wait together go in the order of their source's time, whatever order they came in."""
    steps = [make_step(at=NOON + n * MINUTE) for n in range(1, 5)]
    world.accept(make_event(at=NOON), steps[2], steps[0], steps[3], steps[1])
    world.settle_down()

    assert [step.id for step in steps] == world.steps_at_partner(DOSSIER)


def test_p08_late_step_is_held_not_sent(world: World) -> None:
    """A step older than one already sent is held by default: it would set the portal back. Its lane goes on."""
    late, sent, next_one = (make_step(at=NOON + n * MINUTE) for n in (1, 2, 3))
    world.accept(make_event(at=NOON), sent)
    world.settle_down()
    world.accept(late, next_one)
    world.settle_down()

    assert ("held", "late_step") == (world.state_of(late), world.delivery_of(late)["cause"])
    assert [sent.id, next_one.id] == world.steps_at_partner(DOSSIER)


def test_p08_true_recall_is_delivered(world: World) -> None:
    """A newer step may go backward in codes (9 to 4): order is by time, never by comparing codes."""
    steps = [
        make_step(at=NOON + n * MINUTE, status=s) for n, s in enumerate(["completed", "processing", "returned"], 1)
    ]
    world.accept(make_event(at=NOON), *steps)
    world.settle_down()

    assert [step.id for step in steps] == world.steps_at_partner(DOSSIER)


def test_p08_older_record_arriving_late_is_superseded(world: World) -> None:
    """A whole record older than one already accepted is superseded, kept and visible, and never sent."""
    older, newer = make_event(at=NOON), make_event(at=NOON + MINUTE, status="completed")
    world.accept(newer)
    world.settle_down()
    world.accept(older)
    world.settle_down()

    assert ("superseded", "overtaken") == (world.state_of(older), world.delivery_of(older)["cause"])
    assert [newer.id] == [e.event for e in world.books.effects]


def test_waiting_record_is_overtaken(world: World) -> None:
    """Of two records that wait, only the newer one is sent, at the place of the older: before the steps between."""
    first, step, second = make_event(at=NOON), make_step(at=NOON + MINUTE), make_event(at=NOON + 2 * MINUTE)
    world.accept(first, step, second)
    world.settle_down()

    assert [second.id, step.id] == [e.event for e in world.books.effects]
    assert "superseded" == world.state_of(first)


def test_a_b_a_is_three_events(world: World) -> None:
    """A record that says again what an earlier one said is a new event, not a repeat."""
    a, b, again = (
        make_event(at=NOON + n * MINUTE, status=s, id=f"r{n}")
        for n, s in enumerate(["accepted", "stopped", "accepted"])
    )
    for record in (a, b, again):
        world.accept(record)
        world.settle_down()

    assert ["r0", "r1", "r2"] == [e.event for e in world.books.effects]


def test_newer_record_frees_a_blocked_lane(tmp_path: Path) -> None:
    """A record that was refused blocks its lane; the officer's corrected record takes its place and frees it."""
    bad = make_event(at=NOON, id="bad")
    world = World(tmp_path, fate=lambda d: "refuse" if d.event.id == "bad" else "ok")
    step, good = make_step(at=NOON + MINUTE), make_event(at=NOON + 2 * MINUTE, id="good")
    world.accept(bad, step)
    world.settle_down()
    assert "refused" == world.state_of(bad)
    world.accept(good)
    world.settle_down()
    world.close()

    assert ["good", step.id] == [e.event for e in world.books.effects]


def test_newer_record_takes_over_from_one_on_its_way(tmp_path: Path) -> None:
    """A record that failed while a newer one waits is not tried again: the newer one goes instead."""
    world = World(tmp_path, fate=lambda d: "down" if d.event.id == "first" else "ok")
    first, second = make_event(at=NOON, id="first"), make_event(at=NOON + MINUTE, id="second")
    world.accept(first)
    (call,) = world.dispatcher.claim("books", 1)
    world.accept(second)
    world.dispatcher.carry(call, take_next=False)
    world.settle_down()
    state = world.state_of(first)
    world.close()

    assert "superseded" == state
    assert ["second"] == [e.event for e in world.books.effects]


def test_repeat_and_contradiction(world: World) -> None:
    """The same id with the same content is a repeat and changes nothing; with another content it is refused."""
    event = make_event(id="one")
    first, again, other = world.accept(event, event, make_event(id="one", status="stopped"))
    world.settle_down()

    assert (Recorded, Repeated, Contradicted) == (type(first), type(again), type(other))
    assert (first.accepted_at, first.digest) == (again.accepted_at, again.digest)  # type: ignore[union-attr]
    assert 1 == len(world.books.effects)


def test_same_id_of_another_source_is_another_event(world: World) -> None:
    """A key is source and id together."""
    one, two = make_event(id="x", source="one-stop/a"), make_event(id="x", source="one-stop/b", at=NOON + MINUTE)

    assert [Recorded, Recorded] == [type(found) for found in world.accept(one, two)]


# -- numbered sources -------------------------------------------------------------------------------------------


def test_gap_waits_and_fills(numbered: World) -> None:
    """What comes after a missing number waits with cause `gap`, and goes in order once the gap is filled."""
    record = make_event(at=NOON, sequence=1)
    steps = {n: make_step(at=NOON + n * MINUTE, sequence=n) for n in (2, 3, 4)}
    numbered.accept(record, steps[4], steps[3])
    numbered.settle_down()
    assert ("waiting", "gap") == (numbered.state_of(steps[3]), numbered.delivery_of(steps[3])["cause"])
    assert 1 == len(numbered.reads.gaps(before=numbered.clock.now()))
    numbered.accept(steps[2])
    numbered.settle_down()

    assert [steps[n].id for n in (2, 3, 4)] == numbered.steps_at_partner(DOSSIER)
    assert [] == numbered.reads.gaps(before=numbered.clock.now() + MINUTE)


def test_numbers_decide_over_clocks(numbered: World) -> None:
    """A numbered source whose clock went backward is still ordered by its numbers."""
    steps = [make_step(at=NOON - n * MINUTE, sequence=n) for n in (2, 3, 4)]
    numbered.accept(make_event(at=NOON, sequence=1), *steps)
    numbered.settle_down()

    assert [step.id for step in steps] == numbered.steps_at_partner(DOSSIER)
    assert account(numbered, [make_event(at=NOON, sequence=1), *steps]).is_clean


def test_records_behind_a_gap(numbered: World) -> None:
    """Records that waited behind a gap are judged when it fills: only the newest is sent."""
    first, second, third = (make_event(at=NOON + n * MINUTE, sequence=n, id=f"r{n}") for n in (1, 2, 3))
    numbered.accept(third, second)
    numbered.settle_down()
    assert [] == numbered.books.effects
    numbered.accept(first)
    numbered.settle_down()

    assert ["r3"] == [e.event for e in numbered.books.effects]
    assert ["superseded", "superseded", "delivered"] == [numbered.state_of(e) for e in (first, second, third)]


def test_gap_is_skipped_by_a_person(numbered: World) -> None:
    """A person gives up a missing number, with a reason; what waited goes on. The late one is then judged as late."""
    step = make_step(at=NOON + 3 * MINUTE, sequence=3)
    missing = make_step(at=NOON + 2 * MINUTE, sequence=2)
    numbered.accept(make_event(at=NOON, sequence=1), step)
    numbered.settle_down()
    skipped = numbered.repairs.skip_gap(SOURCE, DOSSIER, actor="person:an", reason="never sent")
    numbered.settle_down()
    numbered.accept(missing)
    numbered.settle_down()

    assert 1 == skipped
    assert [step.id] == numbered.steps_at_partner(DOSSIER)
    assert "held" == numbered.state_of(missing)


def test_number_taken_twice_is_a_contradiction(numbered: World) -> None:
    """Two events of one source and dossier cannot have one number."""
    first, other = make_event(sequence=1, id="a"), make_event(sequence=1, id="b")

    assert [Recorded, Contradicted] == [type(found) for found in numbered.accept(first, other)]


def test_skip_without_a_gap_changes_nothing(numbered: World) -> None:
    """There is nothing to skip where nothing waits."""
    numbered.accept(make_event(sequence=1))

    assert 0 == numbered.repairs.skip_gap(SOURCE, DOSSIER, actor="person:an", reason="x")


def test_records_of_one_instant(world: World) -> None:
    """Of two records with the same source time the one accepted later is the newer; only it is sent."""
    first, second = make_event(at=NOON, id="a"), make_event(at=NOON, id="b", status="processing")
    world.accept(first, second)
    world.settle_down()

    assert ["b"] == [effect.event for effect in world.books.effects]
    assert "superseded" == world.state_of(first)


def test_claim_never_trusts_a_stale_lane(world: World) -> None:
    """A lane whose row names a delivery that is done is mended by the claim, and nothing is sent twice."""
    step = make_step(at=NOON + MINUTE)
    world.accept(make_event(at=NOON), step)
    world.settle_down()
    world.ledger.engine.write(lambda tx: tx.run("set_head", world.delivery_of(step)["id"], 0, 1))
    world.settle_down()

    assert [step.id] == world.steps_at_partner(DOSSIER)


def test_late_rule_holds_behind_a_gap(tmp_path: Path) -> None:
    """A route that sends late steps does so for one that was waiting behind a gap too."""
    route = replace(STEP_ROUTE, late="send")
    world = World(tmp_path, orders={SOURCE: "sequence"}, routes=(RECORD_ROUTE, route))
    world.accept(make_event(at=NOON, sequence=1), make_step(at=NOON + 3 * MINUTE, sequence=2))
    other = make_step(at=NOON + 9 * MINUTE, source="one-stop/other")
    world.accept(other)
    world.settle_down()
    behind = make_step(at=NOON + 5 * MINUTE, sequence=4)
    world.accept(behind, make_step(at=NOON + 4 * MINUTE, sequence=3))
    world.settle_down()

    assert "delivered" == world.state_of(behind)
    world.close()


def test_adopted_numbers_are_not_waited_for(numbered: World) -> None:
    """A source whose adopted events begin above 1 goes on with the next number: no gap, and nothing to skip."""
    numbered.intake.accept_many(
        [make_event(at=NOON, sequence=5), make_step(at=NOON + MINUTE, sequence=7)], is_adopted=True
    )
    step = make_step(at=NOON + 2 * MINUTE, sequence=8)
    numbered.accept(step)
    numbered.settle_down()

    assert [step.id] == numbered.steps_at_partner(DOSSIER)
    assert [] == numbered.reads.gaps(before=numbered.clock.now() + 99 * MINUTE)


def test_a_gap_after_what_was_adopted_still_waits(numbered: World) -> None:
    """Adoption answers for the numbers up to its own; one that is missing after them is waited for."""
    numbered.intake.accept_many([make_event(at=NOON, sequence=5)], is_adopted=True)
    behind, missing = (make_step(at=NOON + n * MINUTE, sequence=n) for n in (7, 6))
    numbered.accept(behind)
    assert "gap" == numbered.delivery_of(behind)["cause"]
    numbered.accept(missing)
    numbered.settle_down()

    assert [missing.id, behind.id] == numbered.steps_at_partner(DOSSIER)


def test_adoption_passes_what_waited(numbered: World) -> None:
    """What waited behind a gap when a later number is adopted comes late: not sent, and not waiting for ever."""
    record, step = make_event(at=NOON + 2 * MINUTE, sequence=2), make_step(at=NOON + 3 * MINUTE, sequence=3)
    after = make_step(at=NOON + 9 * MINUTE, sequence=6)
    numbered.accept(record, step, after)
    adopted = [make_event(at=NOON + 4 * MINUTE, sequence=4), make_step(at=NOON + 5 * MINUTE, sequence=5)]
    numbered.intake.accept_many(adopted[1:], is_adopted=True)
    numbered.intake.accept_many(adopted[:1], is_adopted=True)
    numbered.settle_down()

    assert ("superseded", "held", "delivered") == tuple(numbered.state_of(each) for each in (record, step, after))
    assert [after.id] == numbered.steps_at_partner(DOSSIER)
    assert [] == numbered.reads.gaps(before=numbered.clock.now() + 99 * MINUTE)
    assert [] == list(verify(numbered.ledger))
