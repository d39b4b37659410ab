"""What is held for a missing row: grouped by table and row, counted within the units of who asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.errors import Unmappable
from bus.messages import Delivery
from bus.unmapped import Unmapped
from tests.builders import NOON, make_event, make_step
from tests.repair_kit import number_of, write
from tests.world import PARTNER, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, orders={"numbered/h99": "sequence"})
    yield made
    made.close()


def hold(world: World, *rows: tuple[str, str, str]) -> list[int]:
    """A held record for each (table, row, unit); a table without a name: held for something else."""

    def missing(batch: list[Delivery]) -> Any:
        table, row, _unit = rows[int(batch[0].event.dossier[-4:])]
        raise Unmappable(field="MaTTHC", rule="no_row" if table else "too_long", value=row, table=table or None)

    world.adapter.deliver = missing  # type: ignore[assignment,method-assign]
    events = [
        make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}", unit=unit) for n, (_, _, unit) in enumerate(rows)
    ]
    for event in events:
        world.accept(event)
        world.pass_time(60)
    world.settle_down(hours=1)
    return [number_of(world, event) for event in events]


def test_wanted_rows_are_grouped_and_counted(world: World) -> None:
    """One line for each table and row, the most wanted first, with its count and since when the oldest waits."""
    first, _second, third, *_ = hold(
        world,
        ("procedures", "9.99", "H99.11"),
        ("procedures", "9.99", "H99.11.16"),
        ("units", "it's \\ here", "H99.110"),
        ("", "", "H99.11"),
    )
    found = Unmapped(world.ledger).wanted(None)

    assert [
        (PARTNER, "procedures", "9.99", "MaTTHC", 2),
        (PARTNER, "units", "it's \\ here", "MaTTHC", 1),
    ] == [(one.partner, one.table, one.row, one.field, one.count) for one in found]
    assert NOON == found[0].oldest
    assert not found[0].is_masked
    assert [third] == Unmapped(world.ledger).waiting_for(found[1], None, 10)
    assert [first] == Unmapped(world.ledger).waiting_for(found[0], None, 1)


def test_units_limit_what_is_counted(world: World) -> None:
    """Who is limited sees, counts and frees only what waits for dossiers of those units and below."""
    own = hold(world, ("procedures", "9", "H99.11"), ("procedures", "9", "H99.11.16"), ("procedures", "9", "H99.110"))[
        :2
    ]
    (found,) = Unmapped(world.ledger).wanted(("H99.11",))

    assert (2, own) == (found.count, Unmapped(world.ledger).waiting_for(found, ("H99.11",), 10))
    assert [] == Unmapped(world.ledger).wanted(("H99.12",))


def test_persons_number_is_no_row(world: World) -> None:
    """What looks like a person's number is kept masked: no row can be made of it, and the list says so."""
    hold(world, ("procedures", "099000000001", "H99.11"))

    assert [True] == [one.is_masked for one in Unmapped(world.ledger).wanted(None)]


def test_reason_of_another_form(world: World) -> None:
    """A reason that only looks like one is left out."""
    (number,) = hold(world, ("procedures", "9", "H99.11"))
    odd = ("held", "no_row", ": no_row (table x, row y)", None, 1, 0, number)
    write(world, lambda tx: tx.run("move_delivery", *odd))

    assert [] == Unmapped(world.ledger).wanted(None)


def test_what_a_dossiers_page_offers(world: World) -> None:
    """Partners that have a record to send once more, and sources whose numbers are missing."""
    record, step = make_event(), make_step(id="s", source="numbered/h99", sequence=3, at=NOON + timedelta(minutes=1))
    world.accept(record, step)

    assert [PARTNER] == world.repairs.with_record(record.dossier)
    assert [("numbered/h99", 1, world.clock.now())] == world.repairs.gaps_of(record.dossier)
    assert ([], []) == (world.repairs.with_record("none"), world.repairs.gaps_of("none"))
