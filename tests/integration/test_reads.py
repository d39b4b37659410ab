"""What the ledger tells: every question, its page bounds, and nothing that is personal unless asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bus.messages import State
from bus.reads import MAX_PAGE
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step
from tests.world import PARTNER, World

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.accept(make_event(at=NOON), make_step(at=NOON + MINUTE), make_step(at=NOON + 2 * MINUTE))
    made.settle_down()
    yield made
    made.close()


def test_event_and_its_content(world: World) -> None:
    """An event tells where it went; its content, personal data and all, only when asked for."""
    event = make_event(at=NOON)
    view = world.reads.event(SOURCE, event.id)

    assert (event.digest.hex(), "delivered") == (view["digest"], view["deliveries"][0]["state"])
    assert "Nguyễn" not in str(view)
    assert event.body == world.reads.event_content(SOURCE, event.id).body
    assert [SOURCE] == world.reads.sources_with(event.id)
    assert [] == world.reads.sources_with("none")


def test_dossier_tells_its_life(world: World) -> None:
    """A dossier shows its standing at each partner, its events and its moves in order."""
    view = world.reads.dossier(DOSSIER)

    assert (True, "shown", "processing") == tuple(
        view["partners"][0][name] for name in ("exists_there", "record", "shown_status")
    )
    assert 3 == len(view["events"])
    assert [move["at"] for move in view["timeline"]] == sorted(move["at"] for move in view["timeline"])


def test_dossier_at_a_moment(world: World) -> None:
    """Asked about the past, it shows the moves until then and nothing of later."""
    now = world.clock.now()
    world.pass_time(60)
    world.accept(make_step(at=NOON + 3 * MINUTE))
    world.settle_down()
    then, today = world.reads.dossier_at(DOSSIER, now), world.reads.dossier_at(DOSSIER, world.clock.now())

    assert (3, 4) == (len(then["states"]), len(today["states"]))
    assert {"delivered"} == set(then["states"].values())


def test_dossier_at_a_moment_shows_what_was_known(tmp_path: Path) -> None:
    """Status, facts and what the partner had are those of the moment asked about, not of today."""
    world, moments = World(tmp_path), []

    def known(at: datetime) -> tuple[object, ...]:
        view = world.reads.dossier_at(DOSSIER, at)
        lane = view["partners"][0]
        told = (view["status"], view["national_number"], len(view["events"]))
        return (*told, lane["exists_there"], lane["shown_status"], lane["is_on_its_way"])

    def wait() -> None:
        moments.append(world.clock.now())
        world.pass_time(60)

    wait()
    world.accept(make_event(at=NOON, national_number="G99"))
    wait()
    world.settle_down()
    wait()
    world.accept(make_step(at=NOON + MINUTE), make_event(at=NOON + 2 * MINUTE, id="r2", status="completed"))
    wait()
    world.settle_down()

    assert (None, None, 0, None, None, False) == known(moments[0])
    assert ("accepted", "G99", 1, None, None, False) == known(moments[1])
    assert ("accepted", "G99", 1, True, "accepted", False) == known(moments[2])
    assert ("completed", "G99", 3, True, "accepted", False) == known(moments[3])
    assert ("completed", "G99", 3, True, "completed", False) == known(world.clock.now())
    today, now = world.reads.dossier(DOSSIER), world.reads.dossier_at(DOSSIER, world.clock.now())
    assert {name: today[name] for name in today if name != "partners"} == {
        name: now[name] for name in today if name != "partners"
    }
    world.close()


def test_adopted_dossier_at_a_moment(tmp_path: Path) -> None:
    """What was adopted was at the partner from then on; it is on its way only while it is being sent."""
    world = World(tmp_path)
    world.intake.accept_many([make_event(at=NOON)], is_adopted=True)
    world.pass_time(60)
    world.accept(make_step(at=NOON + MINUTE))
    world.ledger.claim(PARTNER, 1, "w", world.clock.now())
    lane = world.reads.dossier_at(DOSSIER, world.clock.now())["partners"][0]

    assert (True, "accepted", True) == (lane["exists_there"], lane["shown_status"], lane["is_on_its_way"])
    world.close()


def test_deliveries_come_in_pages(world: World) -> None:
    """Lists are pages by id, bounded whatever is asked for; filters are state and partner."""
    first = world.reads.deliveries(limit=2)
    rest = world.reads.deliveries(after=first[-1]["id"], limit=10_000)

    assert [1, 2, 3] == [row["id"] for row in [*first, *rest]]
    assert 3 == len(world.reads.deliveries(state=State.DELIVERED, partner=PARTNER, limit=MAX_PAGE + 1))
    assert 3 == len(world.reads.deliveries(state=State.DELIVERED))
    assert [] == world.reads.deliveries(state=State.HELD)
    assert [] == world.reads.deliveries(partner="other")


def test_delivery_with_its_bytes(world: World) -> None:
    """A delivery shows its attempts; the exact bytes both ways only when asked for."""
    plain, whole = world.reads.delivery(1), world.reads.delivery(1, with_bodies=True)
    exchange = whole["attempts"][0]["exchanges"][0]

    assert "request_body" not in plain["attempts"][0]["exchanges"][0]
    assert (make_event(at=NOON).body.decode(), "{}") == (exchange["request_body"], exchange["reply_body"])
    assert ["waiting", "sending", "delivered"] == [move["to_state"] for move in whole["moves"]]


def test_lost_reply_has_no_bytes(tmp_path: Path) -> None:
    """An exchange without an answer says so: its reply is nothing, not an empty text."""
    world = World(tmp_path, fate=lambda _d: "down")
    world.accept(make_event())
    world.run()
    world.ledger.engine.write(lambda tx: tx._connection.execute("UPDATE bodies SET sealed = NULL"))

    assert "reply_body" not in world.reads.delivery(1, with_bodies=True)["attempts"][0]["exchanges"][0]
    world.close()


def test_outcomes_are_a_feed(world: World) -> None:
    """A source reads what became of its events, page by page, and nothing of another's."""
    first = world.reads.outcomes(SOURCE, limit=1)
    rest = world.reads.outcomes(SOURCE, after=first[0]["n"])

    assert ["delivered"] * 3 == [row["state"] for row in [*first, *rest]]
    assert [] == world.reads.outcomes("one-stop/other")


def test_source_standing(world: World) -> None:
    """A source learns the last id that was taken from it."""
    assert make_step(at=NOON + 2 * MINUTE).id == world.reads.source_standing(SOURCE)["last_id"]
    assert None is world.reads.source_standing("one-stop/other")["last_id"]


def test_p12_found_by_keyed_hash(world: World) -> None:
    """A dossier is found by identity number, phone, and a name without its accents; a wrong one finds nothing."""
    terms = world.ledger.bodies._sealer.terms

    assert [DOSSIER] == world.reads.found_by([terms.identity_term("099000000001")])
    assert [DOSSIER] == world.reads.found_by([terms.phone_term("+84900000001")])
    assert [DOSSIER] == world.reads.found_by(sorted(terms.name_terms("nguyen vi du")))
    assert [] == world.reads.found_by([terms.identity_term("099000000002")])
    assert [] == world.reads.found_by([])


def test_numbers_never_scan(world: World) -> None:
    """Tallies, the oldest waiting one, and the partners' list."""
    assert {PARTNER: {"delivered": 3}} == world.reads.tallies()
    assert None is world.reads.oldest_waiting(PARTNER)
    world.accept(make_step(at=NOON + 9 * MINUTE))

    assert world.clock.now() == world.reads.oldest_waiting(PARTNER)
    assert [(PARTNER, "closed")] == [(row["name"], row["circuit"]) for row in world.reads.partners()]


def test_open_dossiers_and_the_whole_account(world: World) -> None:
    """What is not at its end, and every event beside its delivery."""
    assert [DOSSIER] == [row["number"] for row in world.reads.open_dossiers()]
    assert 3 == len(world.reads.whole_account())
    world.accept(make_step(at=NOON + 9 * MINUTE, status="returned"))

    assert [] == world.reads.open_dossiers()


def test_event_without_a_route_is_kept(tmp_path: Path) -> None:
    """An event that goes nowhere is recorded all the same, with a move that says so."""
    world = World(tmp_path, routes=())
    event = make_event()
    world.accept(event)

    assert [] == world.reads.event(SOURCE, event.id)["deliveries"]
    world.close()
