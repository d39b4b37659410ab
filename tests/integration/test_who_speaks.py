"""Who may speak for a dossier: the source that spoke of it first, and whom the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.errors import NotFound
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Contradicted, ForeignDossier, Recorded, Repeated
from bus.reads import Reads
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step, step_json
from tests.doors import NDJSON, OTHER, OTHER_SOURCE, DoorWorld, door, wire
from tests.world import MASTER, World

HOUR = timedelta(hours=1)
EACH_ITS_OWN = {SOURCE: frozenset({SOURCE}), OTHER_SOURCE: frozenset({OTHER_SOURCE})}
BOTH = {SOURCE: frozenset({SOURCE}), OTHER_SOURCE: frozenset({OTHER_SOURCE, SOURCE})}


def world_of(folder: Path, speakers: dict[str, frozenset[str]]) -> World:
    """A world where these may speak."""
    world = World(folder)
    world.ledger.close()
    ports = {"clock": world.clock, "randomness": world.randomness, "storage": world.storage}
    world.ledger = Ledger.open(world.path, MASTER, speakers=speakers, **ports)  # type: ignore[arg-type]
    world.intake, world.reads = Intake(world.ledger, world._routes), Reads(world.ledger)
    world.dispatcher = world.worker("w1")
    return world


@pytest.fixture
def at(tmp_path: Path) -> Iterator[DoorWorld]:
    with door(tmp_path, world=world_of(tmp_path, EACH_ITS_OWN)) as made:
        yield made


@pytest.mark.parametrize(
    "foreign",
    [wire(source=OTHER_SOURCE, at=NOON + HOUR), wire(step_json(source=OTHER_SOURCE, at=NOON + HOUR))],
    ids=["record", "step"],
)
def test_another_sources_dossier_is_refused(at: DoorWorld, foreign: bytes) -> None:
    """A record or step for a dossier of which another source spoke first: 403 with field and rule, nothing recorded."""
    at.post(wire())
    answer = at.post(foreign, caller=OTHER)
    told = answer.json()["errors"]

    assert (403, "forbidden_source") == (answer.status_code, answer.json()["code"])
    assert [("/subject", "forbidden_source")] == [(each["field"], each["rule"]) for each in told]
    assert SOURCE not in answer.text
    assert 1 == at.events()
    assert [{"field": "/subject", "rule": "forbidden_source"}] == at.refusal(answer)["rules"]


def test_a_batch_line_for_anothers_dossier(at: DoorWorld) -> None:
    """In a batch it is that line's trouble, and nobody else's."""
    at.post(wire())
    lines = b"\n".join((wire(source=OTHER_SOURCE, at=NOON + HOUR), wire(source=OTHER_SOURCE, dossier="H99-OWN")))
    answer = at.post(lines, "/v1/events/batch", content_type=NDJSON, caller=OTHER)

    assert ['"refused"', '"recorded"'] == [
        line.split('"result":')[1].split(",")[0] for line in answer.text.splitlines()
    ]


def test_repeat_comes_before_ownership(tmp_path: Path) -> None:
    """What was taken before this rule was set keeps its first answer, and its contradiction its own."""
    world = World(tmp_path)
    event = make_event(id="x", source=OTHER_SOURCE, at=NOON + HOUR)
    world.accept(make_event(), event)
    world.close()
    world = world_of(tmp_path, EACH_ITS_OWN)
    again, other = world.accept(event, make_event(id="x", source=OTHER_SOURCE, at=NOON + 2 * HOUR))
    third = world.accept(make_event(id="y", source=OTHER_SOURCE, at=NOON + 3 * HOUR))[0]
    world.close()

    assert (Repeated, Contradicted) == (type(again), type(other))
    assert ForeignDossier(owner=SOURCE) == third


def test_ownership_outlives_a_restart(tmp_path: Path) -> None:
    """Who spoke first is kept in the ledger, not in a process."""
    world = world_of(tmp_path, EACH_ITS_OWN)
    world.accept(make_event())
    world.close()
    world = world_of(tmp_path, EACH_ITS_OWN)
    late, unknown = make_step(source=OTHER_SOURCE, at=NOON + HOUR), make_step(source="nobody/h99", at=NOON + HOUR)

    assert [ForeignDossier(owner=SOURCE)] * 2 == world.accept(late, unknown)
    with pytest.raises(NotFound):
        world.reads.event(OTHER_SOURCE, late.id)
    world.close()


def test_first_of_two_in_one_transaction(tmp_path: Path) -> None:
    """Of two sources whose first events share a commit, one is the first and owns the dossier."""
    world = world_of(tmp_path, EACH_ITS_OWN)
    own, foreign = make_event(), make_step(source=OTHER_SOURCE, at=NOON + HOUR)

    assert [Recorded, ForeignDossier] == [type(each) for each in world.intake.accept_many([own, foreign])]
    world.close()


def test_who_is_named_may_speak(tmp_path: Path) -> None:
    """A source that the settings name speaks of the other's dossier, in one order with it; not the other way round."""
    world = world_of(tmp_path, BOTH)
    record, step = make_event(), make_step(source=OTHER_SOURCE, at=NOON + HOUR)
    after = make_step(at=NOON + 2 * HOUR)
    taken = world.accept(record, step, after)
    world.settle_down()
    theirs = make_event(source=OTHER_SOURCE, dossier="H99-THEIRS")
    back = make_step(dossier="H99-THEIRS", at=NOON + HOUR)

    assert [Recorded] * 3 == [type(each) for each in taken]
    assert [step.id, after.id] == world.steps_at_partner(DOSSIER)
    assert [Recorded, ForeignDossier] == [type(each) for each in world.accept(theirs, back)]
    world.close()
