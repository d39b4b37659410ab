"""What callers were told yes to stands in the ledger, once and in order: also where they gave their events no ids."""

from __future__ import annotations

from typing import Any

from config.demo.account import matched, states_of
from config.demo.books import Entry, Finding

OLD = "one-stop/h99-old"
RECORDED, PROGRESSED = "dossier.recorded", "dossier.progressed"


def row(number: int, id: str, kind: str = PROGRESSED, *, source: str = OLD, dossier: str = "d-1") -> dict[str, Any]:
    return {"number": number, "id": id, "kind": kind, "source": source, "dossier": dossier}


def wire(id: str, kind: str = PROGRESSED, *, source: str = OLD, dossier: str = "d-1") -> dict[str, Any]:
    return {"id": id, "source": source, "subject": dossier, "type": f"vn.lienthong.{kind}.v1"}


def of_line(rows: list[dict[str, Any]], told: list[dict[str, Any]]) -> Any:
    return matched(rows, {}, unnamed={OLD: {"d-1": told}})


def whats(findings: tuple[Finding, ...]) -> list[tuple[str, str | None]]:
    return [(finding.what, finding.event) for finding in findings]


def test_what_was_taken_is_there() -> None:
    """An event with an id that was told yes and is not in the ledger is lost."""
    taken = {("s", id): wire(id, source="s") for id in ("a", "b")}
    found = matched([row(1, "a", source="s")], taken, unnamed={})

    assert [("not_recorded", "b")] == whats(found.lost)
    assert taken == found.wires


def test_unnamed_are_matched_by_their_order() -> None:
    """The first told is the first recorded, kind by kind, though the ledger's names say nothing of it."""
    told = [wire("r-1", RECORDED), wire("s-1"), wire("s-2")]
    rows = [row(7, "z"), row(5, "x", RECORDED), row(6, "y")]
    found = of_line(rows, told)

    assert {"x": "r-1", "y": "s-1", "z": "s-2"} == {id: said["id"] for (_, id), said in found.wires.items()}
    assert ((), (), ()) == (found.lost, found.doubled, found.out_of_order)


def test_one_event_with_two_deliveries_is_one() -> None:
    """A row for each delivery does not make an event two."""
    found = of_line([row(1, "x"), row(1, "x")], [wire("s-1")])

    assert () == found.doubled


def test_one_too_few_is_lost() -> None:
    """What was told yes and has no event is lost; so is a whole dossier that the ledger does not know."""
    assert [("not_recorded", "s-2")] == whats(of_line([row(1, "x")], [wire("s-1"), wire("s-2")]).lost)
    assert [("not_recorded", "s-1")] == whats(of_line([], [wire("s-1")]).lost)


def test_one_too_many_is_doubled() -> None:
    """An event more than was told was recorded twice; so was all of a dossier of which nothing was told."""
    assert [("recorded_twice", "y")] == whats(of_line([row(1, "x"), row(2, "y")], [wire("s-1")]).doubled)
    assert [("recorded_twice", "x")] == whats(of_line([row(1, "x", dossier="d-2")], []).doubled)


def test_swapped_kinds_are_out_of_order() -> None:
    """A record that was told before a step and recorded after it is out of order."""
    rows = [row(1, "x"), row(2, "y", RECORDED)]
    found = of_line(rows, [wire("r-1", RECORDED), wire("s-1")])

    assert [("recorded_out_of_order", "x")] == whats(found.out_of_order)
    assert ((), ()) == (found.lost, found.doubled)


def test_states_by_the_days_own_names() -> None:
    """Where an event has the ledger's name, its state is asked for by the name that the day gave it."""
    entry: dict[str, Any] = {"kind": PROGRESSED, "dossier": "d-1", "event": 1, "place": 1, "state": "delivered"}
    entries = [Entry(source=OLD, id="x", **entry), Entry(source="s", id="a", **entry)]

    assert {(OLD, "s-1"), ("s", "a")} == set(states_of(entries, {(OLD, "x"): wire("s-1")}))
