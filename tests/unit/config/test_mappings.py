"""Whether the tables answer everything, and what a change of them would touch."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.partners.national_portal.tables import Tables
from config.mappings import STATUSES, holes, touched
from config.partner_tables import schemas, shipped

TODAY = date(2026, 7, 3)
PARTNER = "national_portal"


def tables(**changed: str) -> Tables:
    """The shipped ones, with some texts changed."""
    return Tables.from_texts(schemas(PARTNER), shipped(PARTNER) | changed)


def without(table: str, start: str) -> str:
    """A table's text without the rows that start so."""
    return "".join(line for line in shipped(PARTNER)[table].splitlines(keepends=True) if not line.startswith(start))


def dossier(**changes: Any) -> dict[str, Any]:
    """A row of open dossiers."""
    return {
        "number": "H99.01-260703-0001",
        "procedure": "1.004222",
        "unit": "000.00.01.H99",
        "received_at": "2026-07-01T01:00:00.000+00:00",
        "source": "one-stop/h99",
        "status": "processing",
    } | changes


def test_shipped_tables_are_total() -> None:
    """Every status has its code and its rule after a lost reply."""
    assert [] == list(holes(tables(), [dossier()], TODAY))


@pytest.mark.parametrize("status", STATUSES)
def test_missing_status_is_a_hole(status: str) -> None:
    """Each of the ten statuses is asked for."""
    text = without("unclear_steps", f"{status},")

    assert [f"unclear_steps.csv has no row for {status}"] == list(holes(tables(unclear_steps=text), [], TODAY))


def test_open_dossiers_are_asked_about() -> None:
    """A procedure or a local step that no row answers is named once, with a dossier that has it."""
    open_ones = [dossier(number=f"N{n}", procedure="9.999999", status="BUOC-LA") for n in range(3)]

    assert [
        "procedures.csv has no row for 9.999999 (dossier N0)",
        "local_steps.csv has no row for BUOC-LA (dossier N0)",
    ] == list(holes(tables(), open_ones, TODAY))


def test_change_touches_whom_it_concerns() -> None:
    """Only dossiers for which the answer becomes another, with both answers."""
    gone = tables(procedures=without("procedures", "1.004222,"))
    found = list(touched(tables(), gone, [dossier(), dossier(number="other", procedure="9.999999")], TODAY))

    assert [("H99.01-260703-0001", "procedures", "–")] == [(one.dossier, one.what, one.new) for one in found]


def test_same_tables_touch_nobody() -> None:
    """No difference, nobody touched."""
    assert [] == list(touched(tables(), tables(), [dossier(), dossier(status=None, received_at=None)], TODAY))
