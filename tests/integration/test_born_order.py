"""A dossier born on the portal in the ledger: its records stand in line as steps do, and wait for its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import BornThere, NothingNew, Unmappable
from bus.messages import Attempt, Decision, Delivery, Event, State, Unreachable
from bus.own_numbers import NO_NUMBER
from bus.routing import Route
from tests.builders import NOON, make_event, make_step
from tests.integration.test_own_numbers import NATIONAL, OWN, ROUTES, Numbering, from_portal
from tests.world import World

BORN_ROUTE = Route(kind="dossier.recorded", partner="books", rule="every_step", origin="portal")


def a_record(minute: int, status: str = "accepted") -> Event:
    return make_event(dossier=OWN, id=f"r{minute}", origin="portal", status=status, at=NOON.replace(minute=minute))


def a_step(minute: int) -> Event:
    return make_step(dossier=OWN, id=f"s{minute}", at=NOON.replace(minute=minute))


class Strict(Numbering):
    """Holds what it has no national number for, as the portal's adapter does."""

    def check(self, delivery: Delivery) -> None:
        if delivery.event.dossier == OWN and delivery.standing.national_number is None:
            raise Unmappable(field="national_number", rule=NO_NUMBER)
        told = delivery.event.data.get("status")
        if delivery.event.id.startswith("r") and told == delivery.standing.shown_status is not None:
            raise NothingNew

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        for delivery in batch:
            self.check(delivery)
        return [replace(each, facts={**each.facts, "exists": True}) for each in super().deliver(batch)]


@pytest.fixture
def world(tmp_path: Path):
    """A partner that takes filed dossiers, and statuses of those that it knows the number of."""
    made = World(tmp_path, routes=(*ROUTES, BORN_ROUTE))
    made.strict = Strict(made, {NATIONAL: OWN})
    made.partners["books"] = replace(made.partners["books"], adapter=made.strict)
    yield made
    made.close()


def told(world: World) -> list[str]:
    return [effect.event for effect in world.books.effects if effect.dossier == OWN]


def test_p03_records_of_a_born_dossier_keep_their_place(world: World) -> None:
    """No record overtakes another, and none goes before a step that happened earlier: each is told in its order."""
    world.accept(from_portal())
    world.settle_down()
    world.accept(a_record(1), a_step(2), a_record(3, "stopped"), a_step(4), a_record(5, "completed"))
    world.settle_down()

    assert ["r1", "s2", "r3", "s4", "r5"] == told(world)


def test_p06_what_was_told_already_is_no_green(world: World) -> None:
    """A record that would tell what another delivery told is `superseded` by it, and nothing is sent for it."""
    world.accept(from_portal())
    world.settle_down()
    again = a_record(3, "processing")
    world.accept(a_record(1), a_step(2), again, a_step(4))
    world.settle_down()

    assert ["r1", "s2", "s4"] == told(world)
    assert ("superseded", "told_already", 0) == tuple(
        world.delivery_of(again)[name] for name in ("state", "cause", "tries")
    )


def test_first_record_frees_the_steps(world: World) -> None:
    """A step that came first waits for the dossier's first record, and goes when the partner has taken that."""
    world.accept(from_portal())
    world.settle_down()
    world.accept(a_step(2))
    world.settle_down()
    assert [] == told(world)
    world.accept(a_record(1))
    world.settle_down()

    assert ["r1", "s2"] == told(world)


def test_adopted_record_frees_the_steps(world: World) -> None:
    """A record that is adopted counts as there: what waits for it goes, and a second one changes nothing."""
    world.accept(from_portal())
    world.settle_down()
    world.accept(a_step(4))
    world.settle_down()
    world.intake.accept_many([a_record(1), a_record(2, "stopped")], is_adopted=True)
    world.settle_down()

    assert ["s4"] == told(world)


def test_number_that_comes_later_frees_what_was_held(world: World) -> None:
    """A one-stop system that speaks before we have heard its number: held, and going on by itself when it comes."""
    world.accept(a_record(1), a_step(2))
    world.settle_down()
    assert [] == told(world)
    world.accept(from_portal())
    world.settle_down()

    assert ["r1", "s2"] == told(world)


def test_number_that_comes_meanwhile(world: World) -> None:
    """The number comes between a worker's claim and its word that it has none: the record goes on all the same."""
    world.accept(a_record(1))
    (record,) = world.ledger.claim("books", 9, "slow", world.clock.now())
    world.accept(from_portal())
    world.run()
    trouble = Unmappable(field="national_number", rule=NO_NUMBER)
    held = Decision(state=State.HELD, due_at=None, cause=trouble.rule, reason=str(trouble), is_tried=False)
    nothing = Attempt(outcome=Unreachable(reason=str(trouble), is_down=False))
    outcome = world.ledger.settle(record, nothing, held, worker="slow", started_at=world.clock.now())

    assert (State.WAITING, "number_came") == (outcome.state, outcome.cause)
    world.settle_down()
    assert ["r1"] == told(world)


def test_nothing_to_resynchronise(world: World) -> None:
    """There is no record up there that could be replaced: a resynchronisation says so, under either number, whatever
    the records say of the dossier's origin, and sends nothing."""
    unknown = make_event(dossier="H99.01-260703-0002", origin="portal", id="unknown")
    world.accept(from_portal())
    world.settle_down()
    world.accept(
        a_record(1), unknown, make_event(dossier=OWN, id="again", status="processing", at=NOON.replace(minute=9))
    )
    world.settle_down()
    before = told(world)
    for number in (OWN, NATIONAL, unknown.dossier):
        with pytest.raises(BornThere):
            world.repairs.resync(number, "books", actor="person:Lan", reason="đối soát")

    world.settle_down()
    assert before == told(world)
