"""Who may speak for a dossier: the source that spoke of it first, and whom the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.doors.files import foreign_dossier
from bus.errors import NotFound
from bus.intake import Intake
from bus.ledger import Ledger
from bus.messages import Contradicted, Event, ForeignDossier, Recorded, Repeated
from bus.reads import Reads
from config.rehearsal import Rehearsal
from tests.builders import DOSSIER, NOON, SOURCE, make_event, make_step, step_json
from tests.doors import NDJSON, OTHER, OTHER_SOURCE, DoorWorld, door, wire
from tests.integration.test_own_numbers import NATIONAL, from_portal
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


# -- the national number of another source's dossier -----------------------------------------------------------------

PORTAL = "national_portal"
TAKER = {SOURCE: frozenset({SOURCE, PORTAL}), OTHER_SOURCE: frozenset({OTHER_SOURCE}), PORTAL: frozenset({PORTAL})}


def a_claim(number: str = NATIONAL, *, source: str = OTHER_SOURCE, origin: str = "portal", **told: Any) -> Event:
    """A record of a dossier of its own that says it is the one filed under this number."""
    mine = {"source": source, "dossier": f"{source}-1", "origin": origin, "national_number": number}
    return make_event(**(mine | told))


@pytest.mark.parametrize("origin", ["portal", "one_stop"])
def test_claim_of_a_filed_dossier_is_refused(tmp_path: Path, origin: str) -> None:
    """Who may not speak of what the portal filed here may not say that a dossier of its own is that: 403, the field is
    named, nothing is recorded and no dossier is there; whose it is, is not told."""
    with door(tmp_path, world=world_of(tmp_path, TAKER)) as at:
        at.world.accept(from_portal())
        record = wire(
            source=OTHER_SOURCE, dossier="X-1", origin=origin, national_number=NATIONAL, status="not_accepted"
        )
        answer = at.post(record, caller=OTHER)
        line = at.post(record, "/v1/events/batch", content_type=NDJSON, caller=OTHER)

        assert (403, "forbidden_source") == (answer.status_code, answer.json()["code"])
        told = [(each["field"], each["rule"]) for each in answer.json()["errors"]]
        assert [("/data/national_number", "forbidden_source")] == told
        assert "/data/national_number" in line.text
        assert PORTAL not in answer.text
        assert 1 == at.events()
        with pytest.raises(NotFound):
            at.world.reads.dossier("X-1")


def test_claim_is_judged_with_what_is_not_written_yet(tmp_path: Path) -> None:
    """Also when the claimed dossier comes in the same transaction, before it or long before, from any source."""
    world = world_of(tmp_path, TAKER)
    claim = a_claim(DOSSIER)
    together = world.intake.accept_many([make_event(), claim])
    alone = world.accept(claim)

    assert [Recorded, ForeignDossier(owner=SOURCE, by="national_number")] == [type(together[0]), together[1]]
    assert [ForeignDossier(owner=SOURCE, by="national_number")] == alone
    world.close()


def test_number_that_is_nobodys_here(tmp_path: Path) -> None:
    """A national number that no dossier here has, or the dossier's very own, is taken as it is told."""
    world = world_of(tmp_path, TAKER)
    own = a_claim("X-2", dossier="X-2")

    assert [Recorded] * 2 == [type(each) for each in world.accept(a_claim(), own)]
    world.close()


def test_who_takes_filed_dossiers_may_name_them(tmp_path: Path) -> None:
    """Who may speak of what is filed tells its number, and whether that is the right one is judged when it goes out."""
    world = world_of(tmp_path, TAKER)
    world.accept(from_portal())

    assert [Recorded] == [type(each) for each in world.accept(a_claim(source=SOURCE))]
    world.close()


def test_rehearsal_judges_claims_alike(tmp_path: Path) -> None:
    """`submit --dry-run` refuses what the intake would refuse, by the ledger and by the lines before."""
    world = world_of(tmp_path, TAKER)
    world.accept(from_portal())
    told = Rehearsal(world.reads, TAKER, world.clock).accept(
        [make_event(), a_claim(), a_claim(DOSSIER), a_claim("X-2", dossier="X-2"), a_claim(source=SOURCE)]
    )

    foreign = [each.owner for each in told if isinstance(each, ForeignDossier) and each.by == "national_number"]
    assert [Recorded, ForeignDossier, ForeignDossier, Recorded, Recorded] == [type(each) for each in told]
    assert [PORTAL, SOURCE] == foreign
    refused = told[1]
    assert isinstance(refused, ForeignDossier)
    error = foreign_dossier(a_claim(), refused).errors[0]
    assert ("/data/national_number", True) == (error.field, error.say("en").startswith(NATIONAL))
    world.close()
