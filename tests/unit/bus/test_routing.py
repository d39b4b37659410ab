"""Which partners an event is for, and by which rule: a table."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bus.follow_ups import FollowUps, Taker, routes_with
from bus.messages import AMENDED, FILED
from bus.routing import Route, Routes, routes_from_table
from tests.builders import make_event, make_step

ROW: dict[str, Any] = {"kind": "dossier.recorded", "partner": "national_portal", "rule": "latest_wins"}


def test_kind_decides() -> None:
    """An event goes to every partner its kind names, in the table's order, and to none when it names none."""
    table = Routes(
        [
            Route(kind="dossier.recorded", partner="a", rule="latest_wins"),
            Route(kind="dossier.recorded", partner="b", rule="every_step"),
        ]
    )

    assert ["a", "b"] == [route.partner for route in table.routes_for(make_event())]
    assert () == table.routes_for(make_step())
    assert ({"dossier.recorded"}, {"a", "b"}) == (table.kinds, table.partners)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "route 1: unknown member colour"),
        ({"rule": "newest"}, "route 1: rule must be"),
        ({"late": "drop"}, "route 1: late must be"),
        ({"origin": "moon"}, "route 1: origin must be"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], said: str) -> None:
    """A row that is wrong names itself and what is wrong with it."""
    with pytest.raises(ValueError, match=said):
        routes_from_table([ROW | change])


def test_origin_takes_the_place_of_the_row_without_one() -> None:
    """For a dossier born on the portal its partner's own row holds; other partners keep theirs, other origins too."""
    table = routes_from_table(
        [
            ROW | {"partner": "a"},
            ROW | {"partner": "b"},
            ROW | {"partner": "a", "origin": "portal", "rule": "every_step"},
            {"kind": "dossier.progressed", "partner": "c", "rule": "every_step", "origin": "portal"},
        ]
    )

    rules = lambda event: [(route.partner, route.rule) for route in table.routes_for(event)]  # noqa: E731
    assert [("b", "latest_wins"), ("a", "every_step")] == rules(make_event(origin="portal"))
    assert [("a", "latest_wins"), ("b", "latest_wins")] == rules(make_event(origin="one_stop"))
    assert [] == rules(make_step())
    assert ({"dossier.recorded", "dossier.progressed"}, {"a", "b", "c"}) == (table.kinds, table.partners)


def test_shipped_table_is_well(root: Path) -> None:
    """The table that ships names its routes, and holds late steps."""
    rows = tomllib.loads((root / "config" / "routes.toml").read_text())["route"]
    table = routes_from_table(rows)
    (step,) = table.routes_for(make_step())

    assert ("every_step", "hold", True) == (step.rule, step.late, step.needs_record)
    (born,) = table.routes_for(make_event(origin="portal"))
    (other,) = table.routes_for(make_event())
    assert [("every_step", "hold"), ("latest_wins", "hold")] == [(row.rule, row.late) for row in (born, other)]


def test_kinds_of_one_partner() -> None:
    """What one partner is sent by the table; partners to whom the ledger itself tells something are named beside."""
    rows = [{"kind": "dossier.recorded", "partner": "a", "rule": "latest_wins"}]
    table = routes_with(routes_from_table(rows), FollowUps(outcomes={"s": Taker(partner="c")}, filed="b"))

    assert {"a", "b", "c"} == table.partners
    assert ({"dossier.recorded"}, {FILED, AMENDED}, set()) == tuple(table.kinds_to(name) for name in "abc")
    assert {("every_step", "send", False)} == {(r.rule, r.late, r.needs_record) for r in table.rows if r.partner == "b"}
    assert routes_from_table(rows).rows == routes_with(routes_from_table(rows), FollowUps()).rows
