"""Correct and resubmit: a new event stands for an old one, at its place, for its partner, once; history stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.corrections import Correctable, Corrections
from bus.errors import NotAllowedNow, NotFound, Unmappable
from bus.follow_ups import FollowUps, Taker
from bus.messages import FILED, Delivery, Event, State
from bus.upkeep import verify
from tests.builders import DOSSIER, NOON, SOURCE, from_json, make_event, make_step
from tests.ears import EAR
from tests.repair_kit import MINUTE, Fates, number_of, write
from tests.world import PARTNER, World, account

WHO = {"actor": "person:an", "reason": "the paper says so"}


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def world(tmp_path: Path, fates: Fates) -> Iterator[World]:
    made = World(tmp_path, fate=fates)
    yield made
    made.close()


def refused(world: World, fates: Fates, *events: Event, bad: Event) -> int:
    """Everything told and tried; the bad one was refused, and would be taken now."""
    fates.by_id[bad.id] = "refuse"
    world.accept(*events)
    world.settle_down(hours=1)
    fates.by_id.clear()
    return number_of(world, bad)


def event_of(of: Correctable, **data: Any) -> Event:
    """The new event, with some members changed."""
    return from_json(of.wire({**of.event.data, **data}))


def correct(world: World, delivery: int, **data: Any) -> int:
    """Correct a delivery; the new one's number."""
    desk = Corrections(world.ledger)
    of = desk.of(delivery)
    prepared = desk.prepare(event_of(of, **data), of)
    return write(world, lambda tx: desk.correct(tx, delivery, prepared, **WHO))


def code_of(world: World, delivery: int) -> str:
    """Why it cannot be corrected."""
    with pytest.raises(NotAllowedNow) as refusal:
        Corrections(world.ledger).of(delivery)
    return refusal.value.code


def test_refused_record_is_corrected(world: World, fates: Fates) -> None:
    """The new record goes to the partner, the old one is superseded by a person's move; both stay as they were told."""
    record = make_event(id="r", note="wrong")
    old = refused(world, fates, record, bad=record)
    new = correct(world, old, note="right")
    world.settle_down()
    before, after = world.reads.delivery(old), world.reads.delivery(new)

    assert ("superseded", "corrected", "delivered") == (before["state"], before["cause"], after["state"])
    assert [("corrected", "person:an", WHO["reason"])] == [
        (move["cause"], move["actor"], move["reason"]) for move in before["moves"][-1:]
    ]
    assert ("correction", "person:an", WHO["reason"]) == tuple(
        after["moves"][0][name] for name in ("cause", "actor", "reason")
    )
    assert "wrong" == world.reads.event_content(SOURCE, "r").data["note"]
    told = world.reads.event_content("lienthong", f"correction-{old}")
    assert ("right", record.occurred_at, "r") == (told.data["note"], told.occurred_at, _correlation(told))
    assert {DOSSIER: told.id} == world.books.records
    assert [] == list(verify(world.ledger, bodies=True))


def _correlation(event: Event) -> str:
    from msgspec import json

    return str(json.decode(event.body)["correlationid"])


def test_p08_corrected_step_goes_where_it_stood(world: World, fates: Fates) -> None:
    """A refused step's correction goes before the steps that waited behind it, and each is sent once."""
    bad = make_step(at=NOON + MINUTE, id="bad")
    behind = [make_step(at=NOON + n * MINUTE, id=f"s{n}") for n in (2, 3)]
    old = refused(world, fates, make_event(at=NOON, id="r"), bad, *behind, bad=bad)
    correct(world, old, content="another")
    world.settle_down()

    assert [f"correction-{old}", "s2", "s3"] == world.steps_at_partner(DOSSIER)


def test_later_record_of_the_source_wins(world: World, fates: Fates) -> None:
    """What the source tells later is newer than the correction: sent after it, or in its place while it waits."""
    record = make_event(id="r", at=NOON)
    old = refused(world, fates, record, bad=record)
    waiting = correct(world, old, note="right")
    world.accept(make_event(id="later", at=NOON + MINUTE))
    world.settle_down()

    assert "superseded" == world.reads.delivery(waiting)["state"]
    assert ["later"] == [effect.event for effect in world.books.effects]


def test_earlier_record_of_the_source_is_overtaken(world: World, fates: Fates) -> None:
    """An older record that comes after the correction changes nothing at the partner."""
    record = make_event(id="r", at=NOON)
    old = refused(world, fates, record, bad=record)
    correct(world, old, note="right")
    world.settle_down()
    early = make_event(id="early", at=NOON - MINUTE)
    world.accept(early)
    world.settle_down()

    assert ("superseded", f"correction-{old}") == (world.state_of(early), world.books.records[DOSSIER])


def test_correction_before_the_first_record_goes_first(world: World, fates: Fates) -> None:
    """A corrected first record keeps its place before steps that came early."""
    step, record = make_step(at=NOON, id="s"), make_event(id="r", at=NOON + MINUTE)
    old = refused(world, fates, step, record, bad=record)
    correct(world, old, note="right")
    world.settle_down()

    assert [f"correction-{old}", "s"] == [effect.event for effect in world.books.effects]


def test_delivered_record_is_replaced(world: World) -> None:
    """The newest record that the partner has is corrected too: it stays delivered, the new one replaces it there."""
    record = make_event(id="r")
    world.accept(record, make_step(at=NOON + MINUTE, id="s"))
    world.settle_down()
    old = number_of(world, record)
    new = correct(world, old, note="right")
    world.settle_down()

    assert ["delivered", "delivered"] == [world.reads.delivery(one)["state"] for one in (old, new)]
    assert ["r", "s", f"correction-{old}"] == [effect.event for effect in world.books.effects]
    assert "overtaken" == code_of(world, old)
    assert account(world, [record]).is_clean


def test_correction_is_corrected_again(world: World, fates: Fates) -> None:
    """A correction that is refused too is corrected like any other; the chain leads back to the source's event."""
    record = make_event(id="r")
    old = refused(world, fates, record, bad=record)
    fates.by_id[f"correction-{old}"] = "refuse"
    second = correct(world, old, note="better")
    world.settle_down(hours=1)
    third = correct(world, second, note="best")
    world.settle_down()
    rows = world.ledger.engine.read().all("corrections_of_dossier", DOSSIER)

    assert ["superseded", "superseded", "delivered"] == [
        world.reads.delivery(one)["state"] for one in (old, second, third)
    ]
    assert [(1, old), (2, second)] == [(row[1], row[2]) for row in rows]
    assert SOURCE == Corrections(world.ledger).of(third).source


def test_dossiers_facts_follow_the_correction(world: World, fates: Fates) -> None:
    """Unit, status and the words that find a dossier are those of its newest record, corrected or not."""
    record = make_event(id="r", unit="000.00.09.H99", status="accepted")
    old = refused(world, fates, record, bad=record)
    applicant = dict(record.data["applicant"]) | {"phone": "0900000099"}
    correct(world, old, unit="000.00.10.H99", status="processing", applicant=applicant)
    view = world.reads.dossier(DOSSIER)
    told = world.reads.event_content("lienthong", f"correction-{old}")

    assert ("000.00.10.H99", "processing") == (view["unit"], view["status"])
    assert [DOSSIER] == world.reads.found_by(sorted(world.ledger.bodies.terms(told)))


def test_outcomes_are_told_under_the_sources_own_name(tmp_path: Path, fates: Fates) -> None:
    """The source hears of its own event: superseded by a person's correction, then what became of that."""
    takers = FollowUps(outcomes={SOURCE: Taker(partner=EAR)})
    world = World(tmp_path, fate=fates, follow_ups=takers)
    record = make_event(id="r")
    old = refused(world, fates, record, bad=record)
    correct(world, old, note="right")
    world.settle_down()
    tx = world.ledger.engine.read()
    bodies = [world.ledger.bodies.load_event(tx, row["number"]) for row in _told(world)]
    polled = world.reads.outcomes(SOURCE)

    assert [("r", "refused"), ("r", "superseded"), ("r", "delivered")] == [
        (event.data["event"], event.data["state"]) for event in bodies
    ]
    assert [("r", "refused"), ("r", "superseded"), ("r", "delivered")] == [(one["id"], one["state"]) for one in polled]
    world.close()


def _told(world: World) -> list[dict[str, Any]]:
    return [event for event in world.reads.dossier(DOSSIER)["events"] if event["kind"] == "delivery.settled"]


def test_numbered_source_keeps_its_numbers(tmp_path: Path, fates: Fates) -> None:
    """A correction takes no number: the source's next one is not a gap and not a contradiction."""
    world = World(tmp_path, fate=fates, orders={SOURCE: "sequence"})
    record = make_event(id="r", sequence=1)
    old = refused(world, fates, record, bad=record)
    new = correct(world, old, note="right")
    following = make_step(at=NOON + MINUTE, id="s", sequence=2)
    world.accept(following)
    world.settle_down()

    assert ("delivered", "delivered") == (world.reads.delivery(new)["state"], world.state_of(following))
    world.close()


def test_what_may_have_arrived_is_resolved_first(world: World, fates: Fates) -> None:
    """A step in doubt cannot be corrected: if it is there, its correction would stand beside it."""
    step = make_step(at=NOON + MINUTE, id="s")
    fates.by_id["s"] = "lost_after"
    world.accept(make_event(at=NOON), step)
    world.settle_down(hours=1)

    assert ("in_doubt", "may_have_arrived") == (world.state_of(step), code_of(world, number_of(world, step)))


def test_parked_after_deaths_is_resolved_first(world: World, fates: Fates) -> None:
    """What was held because workers died over it may have gone out: it is asked about before it is corrected."""
    step = make_step(at=NOON + MINUTE, id="s")
    old = refused(world, fates, make_event(at=NOON), step, bad=step)
    write(world, lambda tx: tx.run("note_crash", 3, 1, old))

    assert "may_have_arrived" == code_of(world, old)


@pytest.mark.parametrize("state", ["waiting", "delivered", "cancelled"])
def test_other_states_are_not_corrected(world: World, fates: Fates, state: str) -> None:
    """What waits goes, a delivered step is there, what was given up is replayed or left: none is corrected."""
    step = make_step(at=NOON + MINUTE, id="s")
    world.accept(make_event(at=NOON), step)
    if state == "delivered":
        world.settle_down()
    if state == "cancelled":
        world.repairs.cancel(number_of(world, step), **WHO)

    assert (state, "not_correctable") == (world.state_of(step), code_of(world, number_of(world, step)))


def test_late_step_is_not_corrected(world: World) -> None:
    """A step whose successor was sent would set the portal back, corrected or not."""
    late = make_step(at=NOON + MINUTE)
    world.accept(make_event(at=NOON), make_step(at=NOON + 2 * MINUTE))
    world.settle_down()
    world.accept(late)

    assert ("held", "overtaken") == (world.state_of(late), code_of(world, number_of(world, late)))


def test_older_record_is_not_corrected(world: World, fates: Fates) -> None:
    """Where a newer record is held or refused, that one is to be corrected, not the one before it."""
    older, newer = make_event(id="old", at=NOON), make_event(id="new", at=NOON + MINUTE)
    world.accept(older)
    world.settle_down()
    refused(world, fates, newer, bad=newer)

    assert "overtaken" == code_of(world, number_of(world, older))


def test_step_beside_one_of_the_same_time(world: World, fates: Fates) -> None:
    """Between two steps of one time there is no place for a correction: its source has to correct it."""
    one, two = make_step(at=NOON + MINUTE, id="a"), make_step(at=NOON + MINUTE, id="b")
    old = refused(world, fates, make_event(at=NOON), one, two, bad=one)

    assert "same_time" == code_of(world, old)


def test_correction_keeps_what_it_stands_for(world: World, fates: Fates) -> None:
    """Dossier, time, kind, origin and name are the old event's; and something has to be changed."""
    record = make_event(id="r")
    desk = Corrections(world.ledger)
    of = desk.of(refused(world, fates, record, bad=record))
    good = event_of(of, note="right")
    others = [
        replace(good, dossier="H99.09-000000-0001"),
        replace(good, occurred_at=NOON + MINUTE),
        replace(good, kind="dossier.progressed"),
        replace(good, id="another"),
        event_of(of, origin="portal"),
    ]
    codes = []
    for event in [*others, event_of(of)]:
        with pytest.raises(NotAllowedNow) as refusal:
            desk.prepare(event, of)
        codes.append(refusal.value.code)

    assert [*["another_event"] * 5, "nothing_changed"] == codes


def test_nobody_names_what_another_source_filed(tmp_path: Path, fates: Fates) -> None:
    """A correction speaks with the right of the source whose event it corrects, and no further."""
    world = World(tmp_path, fate=fates)
    other = make_event(dossier="H99.09-000000-0009", source="one-stop/other")
    record = make_event(id="r")
    old = refused(world, fates, other, record, bad=record)
    world.ledger._speakers = {SOURCE: frozenset(), "one-stop/other": frozenset()}  # as settings of two sources do

    with pytest.raises(NotAllowedNow) as refusal:
        correct(world, old, national_number="H99.09-000000-0009")
    assert ("foreign_number", "refused") == (refusal.value.code, world.reads.delivery(old)["state"])
    world.close()


def test_what_the_portal_filed_is_not_ours_to_correct(tmp_path: Path, fates: Fates) -> None:
    """Filed dossiers and told outcomes are not corrected here."""
    world = World(tmp_path, fate=fates, follow_ups=FollowUps(filed=PARTNER))
    filed = make_event(id="f", envelope={"type": f"vn.lienthong.{FILED}.v1"})
    world.accept(filed)

    with pytest.raises(NotFound):
        Corrections(world.ledger).of(number_of(world, filed))
    with pytest.raises(NotFound):
        Corrections(world.ledger).may(number_of(world, filed))
    with pytest.raises(NotFound):
        Corrections(world.ledger).of(404)
    world.close()


def test_second_press_of_another_form_finds_it_corrected(world: World, fates: Fates) -> None:
    """Two operators who correct the same delivery: the second is told that it is superseded, and nothing is doubled."""
    record = make_event(id="r")
    old = refused(world, fates, record, bad=record)
    desk = Corrections(world.ledger)
    of = desk.of(old)
    first, second = (desk.prepare(event_of(of, note=note), of) for note in ("right", "better"))
    write(world, lambda tx: desk.correct(tx, old, first, **WHO))

    with pytest.raises(NotAllowedNow) as refusal:
        write(world, lambda tx: desk.correct(tx, old, second, **WHO))
    assert "not_correctable" == refusal.value.code
    assert 2 == len(world.reads.dossier(DOSSIER)["events"])


def test_correction_after_a_restore_is_asked_about(world: World, fates: Fates) -> None:
    """After a restore a step of before it may be at the partner already: its correction waits for a person's look."""
    step = make_step(at=NOON + MINUTE, id="s")
    old = refused(world, fates, make_event(at=NOON), step, bad=step)
    world.ledger.recorder.doubt_before = int((NOON + timedelta(hours=9)).timestamp() * 1000)
    new = correct(world, old, content="another")

    assert (State.IN_DOUBT, "restore_gap") == tuple(world.reads.delivery(new)[name] for name in ("state", "cause"))


def test_held_for_a_field_is_corrected(world: World) -> None:
    """What could not be shaped is corrected at the very field; nothing of the old one ever left."""
    record = make_event(id="r", note="too long")
    shaped = world.adapter.deliver

    def judged(batch: list[Delivery]) -> Any:
        if batch[0].event.data["note"] == "too long":
            raise Unmappable(field="GhiChu", rule="too_long")
        return shaped(batch)

    world.adapter.deliver = judged  # type: ignore[assignment,method-assign]
    world.accept(record)
    world.settle_down(hours=1)
    old = number_of(world, record)
    assert "held" == world.state_of(record)
    correct(world, old, note="short")
    world.settle_down()

    assert [f"correction-{old}"] == [effect.event for effect in world.books.effects]
