"""A person's moves: each with a reason, none that doubles an effect or sets the portal back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.errors import NotAllowedNow, NotFound
from bus.messages import Delivery, State
from bus.repairs import Plan, digest_of_table
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step
from tests.world import PARTNER, World

MINUTE = timedelta(minutes=1)
WHO = {"actor": "person:an", "reason": "seen at the portal"}


class Fates:
    """What happens to each event, by id; well unless told otherwise."""

    def __init__(self) -> None:
        self.by_id: dict[str, str] = {}

    def __call__(self, delivery: Delivery) -> str:
        return self.by_id.get(delivery.event.id, "ok")


@pytest.fixture
def fates() -> Fates:
    return Fates()


@pytest.fixture
def world(tmp_path: Path, fates: Fates) -> Iterator[World]:
    made = World(tmp_path, fate=fates)
    yield made
    made.close()


def number(world: World, event: object) -> int:
    return int(world.delivery_of(event)["id"])  # type: ignore[arg-type]


def test_replay_of_a_refused_record(world: World, fates: Fates) -> None:
    """A refused record is sent again when a person asks for it; the timeline shows who and why."""
    record = make_event(id="r")
    fates.by_id["r"] = "refuse"
    world.accept(record)
    world.settle_down()
    fates.by_id["r"] = "ok"
    state = world.repairs.replay(number(world, record), **WHO)
    world.settle_down()
    timeline = world.reads.delivery(number(world, record))["moves"]

    assert (State.WAITING, "delivered") == (state, world.state_of(record))
    assert ("replayed", "person:an") in [(move["cause"], move["actor"]) for move in timeline]


def test_delivered_step_is_not_replayed(world: World) -> None:
    """A step the partner has would stand there twice: the replay is refused, and nothing is sent."""
    step = make_step(at=NOON + MINUTE)
    world.accept(make_event(at=NOON), step)
    world.settle_down()

    with pytest.raises(NotAllowedNow, match="twice"):
        world.repairs.replay(number(world, step), **WHO)


def test_p08_replay_of_an_overtaken_one_never_goes_out(world: World, fates: Fates) -> None:
    """A replay older than what was sent since becomes superseded."""
    late, sent = make_step(at=NOON + MINUTE), make_step(at=NOON + 2 * MINUTE)
    world.accept(make_event(at=NOON), sent)
    world.settle_down()
    world.accept(late)

    assert State.SUPERSEDED == world.repairs.replay(number(world, late), **WHO)


def test_replay_of_an_older_record_is_superseded(world: World, fates: Fates) -> None:
    """A record given up by a person, then replayed after a newer one was delivered, never goes out."""
    older, newer = make_event(at=NOON, id="older"), make_event(at=NOON + MINUTE, id="newer")
    fates.by_id["older"] = "refuse"
    world.accept(older)
    world.settle_down()
    world.repairs.cancel(number(world, older), **WHO)
    world.accept(newer)
    world.settle_down()

    assert State.SUPERSEDED == world.repairs.replay(number(world, older), **WHO)


@pytest.mark.parametrize("how", ["send_again", "cancel_and_replay"])
def test_p08_older_record_never_goes_after_a_newer_one_put_before_early_steps(
    world: World, fates: Fates, how: str
) -> None:
    """A record sent again by a person is superseded by a newer one that waits, wherever that one stands in the line."""
    older, step = make_event(id="old", at=NOON + 10 * MINUTE), make_step(id="step")
    newer = make_event(id="new", at=NOON + 16 * MINUTE)
    fates.by_id["old"] = "lost_before"
    world.accept(older)
    world.run()
    fates.by_id["old"] = "ok"
    world.accept(step, newer)
    if how == "send_again":
        state = world.repairs.resolve(number(world, older), "send_again", **WHO)
    else:
        world.repairs.cancel(number(world, older), **WHO)
        state = world.repairs.replay(number(world, older), **WHO)
    world.settle_down()

    assert State.SUPERSEDED == state
    assert ["new", "step"] == [effect.event for effect in world.books.effects]


def test_cancel_frees_the_lane(world: World, fates: Fates) -> None:
    """A refused step that is given up lets its followers go; a finished one cannot be given up."""
    bad, following = make_step(at=NOON + MINUTE, id="bad"), make_step(at=NOON + 2 * MINUTE)
    fates.by_id["bad"] = "refuse"
    world.accept(make_event(at=NOON), bad, following)
    world.settle_down()
    assert "waiting" == world.state_of(following)
    world.repairs.cancel(number(world, bad), **WHO)
    world.settle_down()

    assert ("cancelled", "delivered") == (world.state_of(bad), world.state_of(following))
    with pytest.raises(NotAllowedNow):
        world.repairs.cancel(number(world, following), **WHO)


@pytest.mark.parametrize(
    ("how", "state", "count"), [("arrived", "delivered", 1), ("send_again", "delivered", 2), ("go_on", "cancelled", 1)]
)
def test_resolve_settles_a_step_in_doubt(world: World, fates: Fates, how: str, state: str, count: int) -> None:
    """One documented action settles a step nobody can be asked about; its followers go on."""
    step, following = make_step(at=NOON + MINUTE, id="s"), make_step(at=NOON + 2 * MINUTE)
    fates.by_id["s"] = "lost_after"
    world.accept(make_event(at=NOON), step, following)
    world.settle_down()
    fates.by_id.clear()
    world.repairs.resolve(number(world, step), how, **WHO)  # type: ignore[arg-type]
    world.settle_down()

    assert (state, "delivered") == (world.state_of(step), world.state_of(following))
    assert count == world.steps_at_partner(DOSSIER).count("s")


def test_resolve_wants_doubt(world: World) -> None:
    """Only what is in doubt is resolved."""
    record = make_event()
    world.accept(record)
    world.settle_down()

    with pytest.raises(NotAllowedNow):
        world.repairs.resolve(number(world, record), "arrived", **WHO)


def test_resolve_all_of_an_outage(world: World, fates: Fates) -> None:
    """All steps of one outage are settled by one decision, over the selection that the dry run showed."""
    steps = [make_step(dossier=f"H99.09-260703-{n:04d}", at=NOON + MINUTE, id=f"s{n}") for n in range(5)]
    fates.by_id |= {f"s{n}": "lost_before" for n in range(5)}
    for n, step in enumerate(steps):
        world.accept(make_event(dossier=f"H99.09-260703-{n:04d}", at=NOON), step)
    world.settle_down()
    since, until = NOON, world.clock.now()
    plan = world.repairs.plan(PARTNER, since=since, until=until)
    fates.by_id.clear()
    done = world.repairs.resolve_all(plan, "send_again", **WHO)
    world.settle_down()

    assert (5, 5) == (len(plan.doubts), done)
    assert 64 == len(plan.digest)
    assert {"delivered": 10} == world.states()
    assert () == world.repairs.plan(PARTNER, since=since, until=until, status="processing").doubts


def test_resolve_all_of_nothing_is_refused(world: World) -> None:
    """An empty selection is a mistake, not a success."""
    with pytest.raises(NotAllowedNow, match="empty"):
        world.repairs.resolve_all(Plan(doubts=(), digest=""), "arrived", **WHO)


def test_send_again_never_overtakes(world: World, fates: Fates) -> None:
    """A step in doubt whose follower went out (the table said go on) is not sent again: the portal would go back."""
    from bus.messages import Attempt, InDoubt

    step, following = make_step(at=NOON + MINUTE, id="s"), make_step(at=NOON + 2 * MINUTE)
    fates.by_id["s"] = "lost_before"
    world.adapter.ask = lambda d: Attempt(outcome=InDoubt(reason="t", then="go_on", is_down=False))  # type: ignore[method-assign]
    world.accept(make_event(at=NOON), step, following)
    world.settle_down()

    with pytest.raises(NotAllowedNow, match="set the portal back"):
        world.repairs.resolve(number(world, step), "send_again", **WHO)


def test_resync_sends_the_present_truth(world: World) -> None:
    """`resync` sends the newest record once more, as a replace; without one there is nothing to send."""
    record = make_event()
    world.accept(record)
    world.settle_down()
    world.repairs.resync(DOSSIER, PARTNER, **WHO)
    world.settle_down()

    assert [False, True] == [effect.repeat for effect in world.books.effects]
    with pytest.raises(NotFound):
        world.repairs.resync("H99.09-000000-0000", PARTNER, **WHO)


def test_resync_of_one_that_waits_changes_nothing(world: World) -> None:
    """What is on its way already is not started anew."""
    record = make_event()
    world.accept(record)

    assert number(world, record) == world.repairs.resync(DOSSIER, PARTNER, **WHO)
    assert "waiting" == world.state_of(record)


def test_what_is_on_its_way_is_left_alone(world: World) -> None:
    """No repair touches a delivery while a worker has it."""
    record = make_event()
    world.accept(record)
    world.dispatcher.claim(PARTNER, 1)

    with pytest.raises(NotAllowedNow, match="on its way"):
        world.repairs.cancel(number(world, record), **WHO)


def test_unknown_names_are_said_so(world: World) -> None:
    """A delivery, event, dossier or gap that is not there is `NotFound`."""
    with pytest.raises(NotFound):
        world.repairs.replay(404, **WHO)
    with pytest.raises(NotFound):
        world.repairs.skip_gap(SOURCE, "none", **WHO)
    with pytest.raises(NotFound):
        world.reads.event(SOURCE, "none")
    with pytest.raises(NotFound):
        world.reads.event_content(SOURCE, "none")
    with pytest.raises(NotFound):
        world.reads.dossier("none")
    with pytest.raises(NotFound):
        world.reads.delivery(404)
    with pytest.raises(NotFound):
        world.reads.refusal("LT-0000-0")


def test_gap_is_skipped_before_it_is_replayed(tmp_path: Path) -> None:
    """A delivery that was given up behind a gap has no place yet; it cannot be replayed before the gap is settled."""
    world = World(tmp_path, orders={SOURCE: "sequence"})
    step = make_step(sequence=3)
    world.accept(step)
    world.repairs.cancel(number(world, step), **WHO)

    with pytest.raises(NotAllowedNow, match="gap"):
        world.repairs.replay(number(world, step), **WHO)
    world.close()


def test_tables_are_versions(world: World) -> None:
    """A table is put into force once for each content; each change is a move of the installation."""
    assert 0 == world.reads.tables_version()
    assert ["procedures"] == world.repairs.import_tables([("procedures", "a,b\n")], **WHO)
    assert [] == world.repairs.import_tables([("procedures", "a,b\n")], **WHO)
    assert ["procedures"] == world.repairs.import_tables([("procedures", "a,c\n")], **WHO)

    assert "a,c\n" == world.reads.table("procedures")
    assert None is world.reads.table("owners")
    assert ["procedures"] == [table["name"] for table in world.reads.tables()]
    assert 2 == world.reads.tables_version()


def test_p07_map_and_release(world: World) -> None:
    """What was held for a missing row goes again when its table has changed."""
    from bus.errors import Unmappable

    deliver = world.adapter.deliver

    def missing(batch: object) -> list:
        raise Unmappable(field="MaTTHC", rule="no_row", value="9", table="procedures")

    world.adapter.deliver = missing  # type: ignore[method-assign]
    record = make_event()
    world.accept(record)
    world.settle_down()
    world.adapter.deliver = deliver  # type: ignore[method-assign]
    assert 0 == world.repairs.release_held_by("owners", **WHO)
    assert 1 == world.repairs.release_held_by("procedures", **WHO)
    world.settle_down()

    assert "delivered" == world.state_of(record)


def test_only_what_is_held_is_released(world: World, fates: Fates) -> None:
    """Releasing is a replay of what was held; a dry look says beforehand what it would come to, and changes nothing."""
    late, refused = make_step(at=NOON + MINUTE), make_event(id="r", at=NOON)
    fates.by_id["r"] = "refuse"
    world.accept(refused)
    world.settle_down()

    with pytest.raises(NotAllowedNow) as refusal:
        world.repairs.release_held(number(world, refused), **WHO)
    assert "not_held" == refusal.value.code
    world.repairs.cancel(number(world, refused), **WHO)
    world.accept(make_event(id="n", at=NOON), make_step(at=NOON + 2 * MINUTE))
    world.settle_down()
    world.accept(late)
    assert "held" == world.state_of(late)
    assert State.SUPERSEDED == world.repairs.would(number(world, late), "release")
    assert "held" == world.state_of(late)
    assert State.SUPERSEDED == world.repairs.release_held(number(world, late), **WHO)


def test_table_that_changed_meanwhile(world: World) -> None:
    """A row that was added to one version of a table does not undo what somebody else changed since."""
    world.repairs.import_tables([("t", "a\n")], **WHO)
    seen = {"t": digest_of_table("a\n")}
    world.repairs.import_tables([("t", "b\n")], **WHO)

    with pytest.raises(NotAllowedNow) as refusal:
        world.ledger.engine.write(lambda tx: world.repairs.import_tables_in(tx, [("t", "a\nc\n")], instead=seen, **WHO))
    assert ("table_changed", "b\n") == (refusal.value.code, world.reads.table("t"))
    now = {"t": digest_of_table("b\n"), "new": digest_of_table("")}
    texts = [("t", "b\nc\n"), ("new", "d\n")]
    assert ["t", "new"] == world.ledger.engine.write(
        lambda tx: world.repairs.import_tables_in(tx, texts, instead=now, **WHO)
    )
