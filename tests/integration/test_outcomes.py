"""What follows from each outcome: the five, told apart, and our own trouble beside them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from bus import upkeep
from bus.circuit import Manners
from bus.dispatch import together
from bus.errors import NotOurs, StaleFence, Unmappable
from bus.messages import Attempt, Awaiting, Decision, Delivered, Delivery, State, Unreachable
from bus.retry import SCHEDULE
from tests.builders import DOSSIER, NOON, make_delivery, make_event, make_step
from tests.world import PARTNER, World, account

MINUTE = timedelta(minutes=1)


def steps_of(count: int) -> list:
    return [make_step(at=NOON + n * MINUTE) for n in range(1, count + 1)]


def test_p06_no_stored_yes_no_green(tmp_path: Path) -> None:
    """What was refused, lost or failed here is never `delivered`."""
    fates = ["refuse", "lost_before", "down", "raise"]
    for fate in fates:
        world = World(tmp_path / fate if (tmp_path / fate).mkdir() is None else tmp_path, fate=lambda _d, f=fate: f)
        world.accept(make_event())
        world.run()
        assert "delivered" not in world.states()
        world.close()


@pytest.mark.parametrize("step_class", ["idempotent", "queryable"])
@pytest.mark.parametrize("fate", ["lost_before", "lost_after"])
def test_p05_lost_reply_is_asked_before_resent(tmp_path: Path, step_class: str, fate: str) -> None:
    """A lost reply is in doubt; the partner is asked after the time in flight, and the effect is there once."""
    lost = {"left": 1}

    def once(delivery: Delivery) -> str:
        if delivery.event.kind == "dossier.progressed" and lost["left"]:
            lost["left"] -= 1
            return fate
        return "ok"

    world = World(tmp_path, fate=once, step_class=step_class)
    steps = steps_of(3)
    world.accept(make_event(at=NOON), *steps)
    world.run(2)
    assert ("in_doubt", "reply_lost") == (world.state_of(steps[0]), world.delivery_of(steps[0])["cause"])
    assert 0 == world.run(), "asking waits out the time in flight, and the lane waits with it"
    world.settle_down()

    assert world.adapter.asked == 1
    assert [step.id for step in steps] == world.steps_at_partner(DOSSIER)
    world.close()


def test_p02_blind_step_is_never_resent_by_itself(tmp_path: Path) -> None:
    """Where the partner neither knows our ids nor can be asked, an unclear step waits for a person, visibly."""
    world = World(tmp_path, fate=lambda d: "lost_after" if d.event.id == bad.id else "ok")
    bad, following = steps_of(2)
    world.accept(make_event(at=NOON), bad, following)
    world.settle_down(hours=72)

    assert ("in_doubt", "cannot_be_asked") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    assert "waiting" == world.state_of(following)
    assert [bad.id] == world.steps_at_partner(DOSSIER)
    world.close()


def test_record_in_doubt_goes_again_as_a_whole(tmp_path: Path) -> None:
    """A record whose reply was lost is asked about and replaced by the same record; the books see a repeat."""
    first = {"lost": True}

    def fate(_delivery: Delivery) -> str:
        return "lost_after" if first.pop("lost", False) else "ok"

    world = World(tmp_path, fate=fate)
    record = make_event()
    world.accept(record)
    world.settle_down()

    assert [False, True] == [effect.repeat for effect in world.books.effects]
    assert account(world, [record]).is_clean
    world.close()


def test_refused_is_not_tried_again(tmp_path: Path) -> None:
    """A business refusal is the partner's no: one attempt, then an operator looks."""
    world = World(tmp_path, fate=lambda _d: "refuse")
    record = make_event()
    world.accept(record)
    world.settle_down(hours=100)

    assert (1, "refused") == (world.adapter.sent, world.state_of(record))
    world.close()


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    """What the partner names as its time is waited for, not the schedule's."""
    busy = {"left": 1}

    def fate(_delivery: Delivery) -> str:
        busy["left"] -= 1
        return "busy" if busy["left"] >= 0 else "ok"

    world = World(tmp_path, fate=fate)
    world.accept(make_event())
    world.run()
    world.pass_time(6.9)
    assert 0 == world.run()
    world.pass_time(0.2)

    assert 1 == world.run()
    world.close()


def test_p10_our_own_trouble_parks_one_dossier(tmp_path: Path) -> None:
    """An exception of ours holds the one delivery; other dossiers never notice."""
    world = World(tmp_path, fate=lambda d: "raise" if d.event.dossier == DOSSIER else "ok")
    bad, good = make_event(), make_event(dossier="H99.09-260703-0999")
    world.accept(bad, good)
    world.settle_down()

    assert ("held", "our_trouble") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    assert "delivered" == world.state_of(good)
    world.close()


def test_p07_unmappable_is_held_with_its_field(tmp_path: Path) -> None:
    """What the partner cannot take is held with the field and the table row named, and nothing is sent."""
    world = World(tmp_path)

    def cannot(_batch: object) -> list[Attempt]:
        raise Unmappable(field="MaTTHC", rule="no_row", value="9.999999", table="procedures")

    world.adapter.deliver = cannot  # type: ignore[method-assign]
    record = make_event()
    world.accept(record)
    world.run()
    view = world.delivery_of(record)

    assert ("held", "no_row") == (view["state"], view["cause"])
    assert "MaTTHC: no_row (table procedures, row '9.999999')" == view["reason"]
    assert (0, []) == (view["tries"], world.reads.delivery(view["id"])["attempts"])
    assert [] == list(upkeep.verify(world.ledger))
    world.close()


def test_not_ours_is_visible_and_never_sent(tmp_path: Path) -> None:
    """A dossier of another system's is `not_ours`; so are its steps, which do not wait for its record."""
    world = World(tmp_path)

    def foreign(_batch: object) -> list[Attempt]:
        raise NotOurs(procedure="1.000001", owner="ministry")

    world.adapter.deliver = foreign  # type: ignore[method-assign]
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    world.settle_down()

    assert ["not_ours", "not_ours"] == [world.state_of(record), world.state_of(step)]
    world.close()


def test_awaiting_is_asked_at_its_time(tmp_path: Path) -> None:
    """`Awaiting` blocks its lane until its time, and is then asked about."""
    world = World(tmp_path, step_class="idempotent")
    ask_at = world.clock.now() + timedelta(minutes=5)
    world.adapter.deliver = lambda batch: [Attempt(outcome=Awaiting(reference="x", ask_at=ask_at))]  # type: ignore[method-assign,assignment]
    world.adapter.ask = lambda delivery: Attempt(outcome=Delivered())  # type: ignore[method-assign,assignment]
    record = make_event()
    world.accept(record)
    world.run()
    assert "awaiting" == world.state_of(record)
    world.settle_down()

    assert "delivered" == world.state_of(record)
    world.close()


def test_shadow_sends_nothing_and_is_not_green(tmp_path: Path) -> None:
    """In shadow a delivery is shaped, compared and closed as cancelled by `shadow`; never delivered."""
    world = World(tmp_path, shadows=frozenset({PARTNER}))
    record = make_event()
    world.accept(record)
    world.run()

    assert ("cancelled", "shadow") == (world.state_of(record), world.delivery_of(record)["cause"])
    world.close()


def test_shadow_follows_steps_of_a_dossier_that_is_there(tmp_path: Path) -> None:
    """In shadow, steps are shaped too once a look-up has shown that the portal has their dossier."""
    world = World(tmp_path, shadows=frozenset({PARTNER}))
    seen = Attempt(outcome=Unreachable(reason="shadow", is_down=False), facts={"exists": True})
    world.adapter.deliver = lambda batch: [seen]  # type: ignore[method-assign,assignment]
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    world.settle_down()

    assert [("cancelled", "shadow")] * 2 == [
        (world.state_of(event), world.delivery_of(event)["cause"]) for event in (record, step)
    ]
    world.close()


def test_went_on_without_lets_the_lane_go(tmp_path: Path) -> None:
    """Where the table says `go on without it`, the step stays in doubt, visible, and its followers go."""
    world = World(tmp_path, fate=lambda d: "lost_after" if d.event.id == bad.id else "ok")
    bad, following = steps_of(2)
    from bus.messages import InDoubt

    world.adapter.ask = lambda d: Attempt(outcome=InDoubt(reason="table", then="go_on", is_down=False))  # type: ignore[method-assign]
    world.accept(make_event(at=NOON), bad, following)
    world.settle_down()

    assert ("in_doubt", "went_on_without") == (world.state_of(bad), world.delivery_of(bad)["cause"])
    assert "delivered" == world.state_of(following)
    world.close()


# -- leases -----------------------------------------------------------------------------------------------------


def test_dead_worker_leaves_doubt_not_waiting(tmp_path: Path) -> None:
    """A worker that never came back: its delivery is in doubt when the lease runs out, and asked about."""
    world = World(tmp_path, step_class="queryable")
    record, step = make_event(at=NOON), make_step(at=NOON + MINUTE)
    world.accept(record, step)
    world.run()
    world.dispatcher.claim(PARTNER, 1)
    world.pass_time(61)
    world.run()
    assert ("in_doubt", "lease_expired") == (world.state_of(step), world.delivery_of(step)["cause"])
    world.settle_down()

    assert [step.id] == world.steps_at_partner(DOSSIER)
    world.close()


def test_r7_zombie_cannot_settle(tmp_path: Path) -> None:
    """A worker that wakes after its lease was lost is refused by the fence; nothing it learned is written."""
    world = World(tmp_path)
    record = make_event()
    world.accept(record)
    (call,) = world.dispatcher.claim(PARTNER, 1)
    world.pass_time(120)
    world.settle_down()
    attempt = Attempt(outcome=Delivered())
    decision = Decision(state=State.DELIVERED, due_at=None, cause="delivered", blocks=False)

    with pytest.raises(StaleFence):
        world.ledger.settle(call[0], attempt, decision, worker="zombie", started_at=world.clock.now())
    assert [] == world.dispatcher.carry(call), "the worker's own loop takes the refusal calmly"
    world.close()


def test_p09_an_outage_parks_nothing(tmp_path: Path) -> None:
    """While a partner answers nobody, deliveries stay in doubt and are asked about for as long as it takes."""
    away = {"is": True}
    world = World(tmp_path, fate=lambda _d: "lost_before" if away["is"] else "ok")
    records = [make_event(dossier=f"H99.09-260703-1{n:03d}") for n in range(3)]
    world.accept(*records)
    world.settle_down(hours=6)
    assert "held" not in {world.state_of(record) for record in records}
    away["is"] = False
    world.settle_down(hours=6)

    assert {"delivered": 3} == {state: n for state, n in world.states().items() if n}
    world.close()


def test_stopping_worker_puts_back_what_it_did_not_send(tmp_path: Path) -> None:
    """What a stopping worker had leased and not sent waits again at once, and is not in doubt."""
    world = World(tmp_path)
    record = make_event()
    world.accept(record)
    (call,) = world.dispatcher.claim(PARTNER, 1)
    world.dispatcher.put_back(call)

    assert ("waiting", "put_back") == (world.state_of(record), world.delivery_of(record)["cause"])
    assert (0, []) == (world.delivery_of(record)["tries"], world.reads.delivery(1)["attempts"])
    world.settle_down()
    assert "delivered" == world.state_of(record)
    world.close()


def test_p09_schedule_is_kept(tmp_path: Path) -> None:
    """While a partner is away, one dossier is tried by the published schedule, and the circuit's probes after that."""
    tried = []
    world = World(
        tmp_path,
        fate=lambda _d: tried.append(world.clock.now()) or "down",
        manners=Manners(failures_to_open=99),
    )
    world.accept(make_event())
    world.settle_down(hours=3)
    waits = [b - a for a, b in itertools.pairwise(tried)]

    assert len(waits) > len(SCHEDULE)
    for n, wait in enumerate(waits):
        published = SCHEDULE[min(n, len(SCHEDULE) - 1)]
        assert published <= wait <= published * 1.1 + timedelta(seconds=1)
    world.close()


def test_batches_hold_only_like_with_like() -> None:
    """Calls are put together by kind; unanswered ones, probes and shadows go alone."""
    plain = [make_delivery(id=n, batch_kind="a") for n in range(3)]
    other = make_delivery(id=4, batch_kind="b")
    probe, unanswered = make_delivery(id=5, is_probe=True), make_delivery(id=6, is_unanswered=True)
    calls = together([*plain, other, probe, unanswered], batch=2)

    assert [[0, 1], [2], [4], [5], [6]] == [[d.id for d in call] for call in calls]
    assert 6 == len(together([*plain, other, probe, unanswered], batch=1))
    assert [[0, 1, 2], [4]] == [[d.id for d in call] for call in together([*plain, other], batch={"a": 9, "b": 1}.get)]


def test_batch_settles_each_on_its_own(tmp_path: Path) -> None:
    """In a batch, one that cannot be shaped is held alone; one exchange shared by the rest is kept once."""
    world = World(tmp_path, batch=10, fate=lambda d: "unshapable" if d.event.dossier.endswith("3") else "ok")
    records = [make_event(dossier=f"H99.09-260703-000{n}") for n in range(5)]
    world.accept(*records)
    world.settle_down()

    assert {"delivered": 4, "held": 1} == world.states()
    world.close()


def test_batch_whose_adapter_fails_is_held_whole(tmp_path: Path) -> None:
    """A bug of ours while a batch is sent parks its deliveries; nothing is said to be delivered."""
    world = World(tmp_path, batch=10, fate=lambda _d: "raise")
    world.accept(*[make_event(dossier=f"H99.09-260703-000{n}") for n in range(3)])
    world.settle_down()

    assert {"held": 3} == world.states()
    world.close()


def test_our_trouble_after_a_step_left_is_doubt(tmp_path: Path) -> None:
    """A bug of ours while a step that could be shaped was sent: it may have arrived, so it is in doubt, not held."""
    world = World(tmp_path)
    world.accept(make_event(at=NOON))
    world.settle_down()

    def breaks(batch: list[Delivery]) -> list[Attempt]:
        world.adapter._deliver(batch[0])
        raise RuntimeError("a bug of ours, after the bytes left")

    world.adapter.deliver = breaks  # type: ignore[method-assign,assignment]
    step = make_step(at=NOON + MINUTE)
    world.accept(step)
    world.settle_down(hours=48)

    assert ("in_doubt", "our_trouble") == (world.state_of(step), world.delivery_of(step)["cause"])
    assert [step.id] == world.steps_at_partner(DOSSIER)
    world.close()


def test_our_trouble_before_a_step_left_is_held(tmp_path: Path) -> None:
    """A step that cannot even be shaped has not left: it is held."""
    world = World(tmp_path, fate=lambda d: "unshapable" if d.event.kind == "dossier.progressed" else "ok")
    world.accept(make_event(at=NOON))
    world.settle_down()
    world.adapter.deliver = lambda batch: world.adapter.check(batch[0])  # type: ignore[method-assign,assignment,return-value]
    step = make_step(at=NOON + MINUTE)
    world.accept(step)
    world.settle_down()

    assert ("held", "our_trouble") == (world.state_of(step), world.delivery_of(step)["cause"])
    world.close()
