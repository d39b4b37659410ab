"""Outcomes told: every move into a told state is an event for its source's own system, once, in order, with it."""

from __future__ import annotations

import json
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bus import upkeep
from bus.bundle import Bundle
from bus.export import export
from bus.follow_ups import LEDGER_SOURCE, FollowUps, Taker
from bus.messages import SETTLED, ForeignDossier, State
from contracts.one_stop.gate import json_breaches
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step
from tests.ears import EAR, TELL, Ears, listening, outcomes, told_moves, untold
from tests.integration.test_bundle import KEY, SCRIPT, bundle, findings
from tests.world import PARTNER, World

MINUTE = timedelta(minutes=1)
WHO: dict[str, Any] = {"actor": "person:an", "reason": "looked it up"}
OTHER = "one-stop/other"


def opened(folder: Path, ears: Ears | None = None, **options: Any) -> World:
    world = World(folder, **({"follow_ups": TELL} | options))
    listening(world, ears or Ears())
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = opened(tmp_path)
    yield made
    made.close()


def states(world: World) -> list[str]:
    """Of the outcomes, oldest first."""
    return [one["state"] for one in outcomes(world)]


def test_outcome_keeps_the_contract(world: World) -> None:
    """What a one-stop system is told is valid by its contract, says the move's own facts, and arrives."""
    record = make_event()
    world.accept(record)
    world.settle_down()
    (told,), (move,) = outcomes(world), told_moves(world)
    (delivery,) = world.reads.event(LEDGER_SOURCE, told["id"])["deliveries"]

    assert () == json_breaches(told, "outcome")
    assert (record.id, SOURCE, DOSSIER, PARTNER, "delivered", "delivered", "", move["at"]) == (
        *(told["event"], told["source"], told["dossier"], told["partner"]),
        *(told["state"], told["cause"], told["reason"], told["at"]),
    )
    assert (EAR, "every_step", "delivered") == (delivery["partner"], delivery["rule"], delivery["state"])
    assert [] == untold(world)


def superseded_by_a_newer_one(world: World) -> None:
    world.accept(make_event(at=NOON), make_event(at=NOON + MINUTE))


def late_record(world: World) -> None:
    world.accept(make_event(at=NOON + MINUTE), make_event(at=NOON))


def late_step(world: World) -> None:
    world.accept(make_event(at=NOON), make_step(at=NOON + 2 * MINUTE))
    world.settle_down()
    world.accept(make_step(at=NOON + MINUTE))


def given_up(world: World) -> None:
    world.repairs.hold(PARTNER, **WHO)
    record = make_event()
    world.accept(record)
    world.repairs.cancel(world.delivery_of(record)["id"], **WHO)


def passed_by_adoption(world: World) -> None:
    world.repairs.hold(PARTNER, **WHO)
    world.accept(make_event(at=NOON))
    world.intake.accept_many([make_event(at=NOON + MINUTE)], is_adopted=True)


def behind_a_gap(world: World) -> None:
    world.accept(make_event(at=NOON + 2 * MINUTE, sequence=3), make_event(at=NOON, sequence=2))
    world.repairs.skip_gap(SOURCE, DOSSIER, **WHO)
    world.settle_down()


def worker_gone_over_it(world: World) -> None:
    record = make_event()
    world.accept(record)
    for _ in range(20):
        world.dispatcher.claim(PARTNER, 1)
        world.pass_time(200)
        if world.state_of(record) == "held":
            return


def damaged_body(world: World) -> None:
    world.accept(make_event())
    world.close()
    with sqlite3.connect(world.path) as db:
        db.execute("UPDATE bodies SET sealed = NULL")
    db.close()
    world.open()
    world.run()


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (superseded_by_a_newer_one, ["superseded"]),
        (late_record, ["superseded"]),
        (late_step, ["delivered", "delivered", "held"]),
        (given_up, ["cancelled"]),
        (passed_by_adoption, ["superseded"]),
        (behind_a_gap, ["superseded", "delivered"]),
        (worker_gone_over_it, ["held"]),
        (damaged_body, ["held"]),
    ],
)
def test_no_path_forgets(tmp_path: Path, life: Any, expected: list[str]) -> None:
    """Whatever moves a delivery into a told state, its source's system is told, without a line in that path."""
    world = opened(tmp_path, orders={SOURCE: "sequence"} if life is behind_a_gap else {})
    life(world)

    assert expected == states(world)
    assert [] == [line for line in untold(world) if "is not" in line or "moves" in line]
    world.close()


@pytest.mark.parametrize(
    ("fate", "expected"), [("refuse", "refused"), ("raise", "held"), ("lost_before", None), ("down", None)]
)
def test_what_an_attempt_came_to(tmp_path: Path, fate: str, expected: str | None) -> None:
    """A no and our own trouble are told; what is in doubt or waits is told when it has come to something."""
    world = opened(tmp_path, fate=lambda _delivery: fate)
    world.accept(make_event())
    world.run()

    assert [expected] * (expected is not None) == states(world)
    world.close()


def test_shadow_is_told(tmp_path: Path) -> None:
    """What was only compared is told as cancelled, cause `shadow`: its source must not wait for a yes."""
    world = opened(tmp_path, shadows=frozenset({PARTNER}))
    world.accept(make_event())
    world.settle_down()

    assert [("cancelled", "shadow")] == [(one["state"], one["cause"]) for one in outcomes(world)]
    world.close()


def test_replay_is_another_outcome(world: World) -> None:
    """Delivered, sent again by a person, delivered: two outcomes under two ids, the later one with the later time."""
    record = make_event()
    world.accept(record)
    world.settle_down()
    world.repairs.replay(world.delivery_of(record)["id"], **WHO)
    world.settle_down()
    first, second = outcomes(world)

    assert (record.id, "delivered") == (first["event"], first["state"]) == (second["event"], second["state"])
    assert first["id"] != second["id"]
    assert datetime.fromisoformat(first["at"]) < datetime.fromisoformat(second["at"])
    assert [] == untold(world)


def test_held_anew_is_told_anew(tmp_path: Path) -> None:
    """Held, replayed, refused: each time it comes to a state its source hears of it; waiting between is not told."""
    fates = iter(["raise", "refuse", "ok"])
    world = opened(tmp_path, fate=lambda _delivery: next(fates))
    record = make_event()
    world.accept(record)
    for _ in range(2):
        world.run()
        world.repairs.replay(world.delivery_of(record)["id"], **WHO)
    world.run()

    assert ["held", "refused", "delivered"] == states(world)
    world.close()


def test_overtaken_while_it_was_sent(tmp_path: Path) -> None:
    """A record refused after its successor came is superseded, and told so once."""
    world = opened(tmp_path, fate=lambda d: "refuse" if d.event.occurred_at == NOON else "ok")
    old, new = make_event(at=NOON), make_event(at=NOON + MINUTE)
    world.accept(old)
    (call,) = world.dispatcher.claim(PARTNER, 1)
    world.accept(new)
    world.dispatcher.carry(call, take_next=False)
    world.settle_down()

    assert [(old.id, "superseded"), (new.id, "delivered")] == [(one["event"], one["state"]) for one in outcomes(world)]
    assert [] == untold(world)
    world.close()


def test_times_of_a_dossier_only_grow(world: World) -> None:
    """Outcomes of one dossier have times that grow with their order, whatever the clock does: the latest one stands."""
    world.repairs.hold(PARTNER, **WHO)
    steps = [make_step(at=NOON + n * MINUTE) for n in range(4)]
    world.accept(*steps)
    for step, seconds in zip(steps, (0, -3600, 1, 7200), strict=True):
        world.pass_time(seconds)
        world.repairs.cancel(world.delivery_of(step)["id"], **WHO)
    times = [one["at"].removeprefix("2026-07-03T") for one in outcomes(world)]
    world.settle_down()

    assert ["05:00:00.000+00:00", "05:00:00.001+00:00", "05:00:00.002+00:00", "06:00:01.000+00:00"] == times
    assert [one["id"] for one in outcomes(world)] == world.others[EAR].adapter.heard  # type: ignore[attr-defined]


def test_order_stays_when_told(tmp_path: Path) -> None:
    """The one-stop system hears the outcomes of a dossier in the order of the moves, though replies are lost."""
    chance = iter(["lost_after", "ok", "lost_before", "ok", "ok", "lost_after"] + ["ok"] * 40)
    ears = Ears(lambda _delivery: next(chance))
    world = opened(tmp_path, ears)
    world.accept(make_event(at=NOON), *[make_step(at=NOON + n * MINUTE) for n in range(1, 6)])
    world.settle_down()

    assert [one["id"] for one in outcomes(world)] == ears.heard
    assert [] == untold(world)
    world.close()


def test_who_takes_what(tmp_path: Path) -> None:
    """Only the states that a partner asked for are told, only of its sources, and to the one that takes them."""
    asked = FollowUps(
        outcomes={
            SOURCE: Taker(partner=EAR, states=frozenset({State.SUPERSEDED})),
            OTHER: Taker(partner="one_stop-other"),
        }
    )
    world = opened(tmp_path, follow_ups=asked)
    listening(world, Ears(), "one_stop-other")
    theirs = make_event(dossier="H99.02-260703-0001", source=OTHER)
    world.accept(make_event(at=NOON), make_event(at=NOON + MINUTE), theirs)
    world.accept(make_event(dossier="H99.03-260703-0001", source="one-stop/nobody"))
    world.settle_down()
    told = {(one["source"], one["state"], one["event"]) for one in outcomes(world)}

    assert {(SOURCE, "superseded", make_event(at=NOON).id), (OTHER, "delivered", theirs.id)} == told
    assert {PARTNER: 3, EAR: 1, "one_stop-other": 1} == {
        name: count["delivered"] for name, count in world.reads.tallies().items()
    }
    world.close()


def test_nobody_is_told_of_telling(tmp_path: Path) -> None:
    """An outcome's own delivery gives rise to nothing, even where somebody asks for the ledger's own source."""
    asked = FollowUps(outcomes={SOURCE: Taker(partner=EAR), LEDGER_SOURCE: Taker(partner=EAR)})
    world = opened(tmp_path, Ears(lambda _delivery: "refuse"), follow_ups=asked)
    world.accept(make_event())
    world.settle_down()

    assert ["delivered"] == states(world)
    assert {"refused": 1} == world.reads.tallies()[EAR]
    world.close()


def test_ledgers_own_name_is_taken(world: World) -> None:
    """Nobody may speak as the ledger: an id taken beforehand would keep an outcome and its move from being written."""
    forged = make_event(source=LEDGER_SOURCE)

    assert [ForeignDossier(owner=LEDGER_SOURCE)] == world.accept(forged)
    assert [] == outcomes(world)


def test_nothing_where_nobody_listens(tmp_path: Path) -> None:
    """Without takers no outcome is written, and nothing is looked up for one."""
    world = World(tmp_path)
    world.accept(make_event())
    world.settle_down()

    assert [] == outcomes(world)
    assert world.ledger.moves.follow is None
    world.close()


def test_reason_is_masked_cut_and_fit_for_xml(tmp_path: Path) -> None:
    """A reason leaves the house without numbers of persons, without what XML cannot carry, and visibly cut."""
    world = opened(tmp_path)
    record = make_event()
    world.repairs.hold(PARTNER, **WHO)
    world.accept(record)
    reason = "CCCD 099000000001\x1b[31m \ufffe " + "dài " * 800
    world.repairs.cancel(world.delivery_of(record)["id"], actor="person:an", reason=reason)
    (told,) = outcomes(world)

    assert 2000 == len(told["reason"])
    assert told["reason"].endswith("…")
    assert "\\x1b[31m \\ufffe" in told["reason"]
    assert "099000000001" not in json.dumps(told)
    assert () == json_breaches(told, "outcome")
    world.close()


def test_source_and_dossier_are_as_before(world: World) -> None:
    """Outcomes are not the source's own events, and change nothing that is known of their dossier."""
    record = make_event(status="processing")
    world.accept(record)
    world.settle_down()
    feed, standing, dossier = world.reads.outcomes(SOURCE), world.reads.source_standing(SOURCE), world.reads.dossier
    view, then = dossier(DOSSIER), world.reads.dossier_at(DOSSIER, world.clock.now() + MINUTE)

    assert ([record.id], record.id) == ([one["id"] for one in feed], standing["last_id"])
    assert (SOURCE, "processing", [SOURCE, LEDGER_SOURCE]) == (
        *(view["source"], view["status"]),
        [event["source"] for event in view["events"]],
    )
    assert {name: view[name] for name in ("status", "procedure", "record_event")} == {
        name: then[name] for name in ("status", "procedure", "record_event")
    }
    assert [PARTNER, EAR] == [lane["partner"] for lane in then["partners"]]


def test_evidence_holds_outcomes_too(world: World) -> None:
    """`ledger verify` finds every row in its chain; the bundle of a dossier and the export hold its outcomes."""
    world.accept(make_event(), make_step(at=NOON + MINUTE))
    world.settle_down()
    upkeep.checkpoint(world.ledger, lambda statement: b"signed", "k1")
    with world.ledger.engine.snapshot() as tx:
        bundle = Bundle(tx, world.ledger.bodies, DOSSIER, signers=frozenset({"k1"}), is_masked=False)
        members = {name: b"".join(parts) for name, parts in bundle.members()}
    deliveries = [json.loads(line) for line in members["deliveries.ndjson"].splitlines()]
    rows = list(export(world.ledger, NOON - timedelta(days=1), NOON + timedelta(days=1), EAR))

    assert [] == list(upkeep.verify(world.ledger, bodies=True))
    assert {PARTNER: 2, EAR: 2} == {name: sum(one["partner"] == name for one in deliveries) for name in (PARTNER, EAR)}
    assert 2 == sum(row["row"] == "delivery" and row["kind"] == SETTLED for row in rows)
    assert 4 == len(world.reads.whole_account())


def test_p11_third_parties_verify_outcomes(world: World, tmp_path: Path) -> None:
    """Both scripts of the standard library find nothing wrong with a ledger, and a bundle, that hold outcomes."""
    world.accept(make_event(), make_step(at=NOON + MINUTE), make_event(dossier="H99.02-260703-0001"))
    world.settle_down()
    upkeep.checkpoint(world.ledger, KEY.sign, "k1")
    members, script = bundle(world.ledger), SimpleNamespace(**runpy.run_path(str(SCRIPT)))
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT.with_name("verify_ledger.py"), copy], capture_output=True, text=True, check=False
    )

    assert [] == findings(script, members)  # type: ignore[arg-type]
    assert 2 == sum(b"delivery.settled" in line for line in members["events.ndjson"].splitlines())
    assert (0, "every row fits its chain\n") == (done.returncode, done.stdout)


def test_restored_ledger_says_nothing_twice(world: World, tmp_path: Path) -> None:
    """Numbers of moves that a restore takes back come again under other ids: an id never tells two outcomes."""
    copy = upkeep.backup(world.ledger, tmp_path / "copy.db")
    world.accept(make_event())
    world.settle_down()
    (before,) = outcomes(world)
    world.close()
    upkeep.put_back(copy, world.path)
    world.open()
    world.pass_time(60)
    world.accept(make_event(at=NOON + MINUTE))
    world.settle_down()
    (after,) = outcomes(world)

    assert before["id"].split(".")[1] == after["id"].split(".")[1]
    assert before["id"] != after["id"]


def test_many_partitions_in_one_transaction(world: World) -> None:
    """A transaction whose outcomes reach other chains than its moves goes on from the right end of each."""
    for n in range(30):
        world.accept(*[make_event(dossier=f"H99.01-260703-{n:02}{k:02}", at=NOON) for k in range(2)])
        newer = [make_event(dossier=f"H99.01-260703-{n:02}{k:02}", at=NOON + MINUTE) for k in range(2)]
        world.intake.accept_many(newer)

    assert 60 == len(outcomes(world))
    assert [] == list(upkeep.verify(world.ledger))
    assert [] == untold(world)


def test_trace_goes_on(world: World) -> None:
    """The outcome carries the trace of the event that it speaks of."""
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    world.accept(make_event(envelope={"traceparent": trace}))
    world.settle_down()
    (told,) = outcomes(world)

    assert trace == world.reads.event_content(LEDGER_SOURCE, told["id"]).traceparent
