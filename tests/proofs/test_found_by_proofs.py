"""What the proofs once found, kept as small tests of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.messages import Delivery, State
from tests.builders import DOSSIER, SOURCE, make_event, make_step
from tests.proofs.kit import MINUTE, NOON, fresh
from tests.world import PARTNER, World

WHO = {"actor": "person:an", "reason": "a look-up"}


def test_p02_given_up_in_doubt_then_replayed(folder: Path) -> None:
    """A blind step given up while in doubt may have arrived: replayed, it is shown in doubt again, and not sent."""
    fates = ["ok", "lost_after"]
    world = World(fresh(folder, "w"), fate=lambda _delivery: fates.pop(0) if fates else "ok")
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    world.settle_down()
    number = world.delivery_of(step)["id"]
    world.repairs.cancel(number, **WHO)

    assert State.IN_DOUBT is world.repairs.replay(number, **WHO)
    world.settle_down()
    assert ("in_doubt", "cannot_be_asked") == (world.state_of(step), world.delivery_of(step)["cause"])
    assert [step.id] == world.steps_at_partner(DOSSIER)
    assert State.DELIVERED is world.repairs.resolve(number, "arrived", **WHO)
    world.close()


def test_newer_record_frees_its_lane_whatever_came_first(folder: Path) -> None:
    """A numbered record that was told early, and waited behind a gap, still takes over from a refused older one."""

    def fate(delivery: Delivery) -> str:
        return "refuse" if delivery.event.id == "r1" else "ok"

    world = World(fresh(folder, "w"), orders={SOURCE: "sequence"}, fate=fate)
    first, second, third = (make_event(at=NOON + n * MINUTE, sequence=n, id=f"r{n}") for n in (1, 2, 3))
    world.accept(third, first)
    (call,) = world.dispatcher.claim(PARTNER, 1)
    world.accept(second)
    world.dispatcher.carry(call, take_next=False)
    world.settle_down()

    assert ["superseded", "superseded", "delivered"] == [world.state_of(event) for event in (first, second, third)]
    world.close()


@pytest.mark.parametrize("how", ["by itself", "by a person"])
def test_p08_older_record_in_doubt_never_sets_the_portal_back(folder: Path, how: str) -> None:
    """A first record whose reply was lost is given up once a newer one went out before it, and is not sent again."""
    world = World(fresh(folder, "w"))
    older, newer = make_event(at=NOON + 5 * MINUTE), make_event(at=NOON + 9 * MINUTE, status="completed")
    world.accept(older)
    world.dispatcher.claim(PARTNER, 1)
    world.accept(make_step(at=NOON + MINUTE))  # the newer record goes before this one, and so before the older
    world.pass_time(61)
    world.dispatcher.claim(PARTNER, 1)
    world.accept(newer)
    if how == "by a person":
        world.run()
        again = world.repairs.resolve(world.delivery_of(older)["id"], "send_again", **WHO)
        assert State.SUPERSEDED is again
    world.settle_down()

    assert [newer.id] == [effect.event for effect in world.books.effects if effect.kind == "record"]
    assert ("superseded", "delivered") == (world.state_of(older), world.state_of(newer))
    world.close()
