"""The table of days off is edited, compared and imported as the province's other tables are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from config.office_calendar import TABLE, calendar_of
from tests.acceptance.desk import Place, place


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capsys) as made:
        yield made


def test_a_year_is_added(here: Place, tmp_path: Path) -> None:
    """A year that was announced is put into the exported file, shown as a change, and in force once imported."""
    here.ask("tables", "export", "holidays", "--partner", "calendar", "--to", str(tmp_path / "t"))
    table = tmp_path / "t" / "holidays.csv"
    table.write_text(table.read_text() + "2028-01-03,Mon,holiday,Tết Dương lịch,New Year's Day,,province,\n")
    assert 1 == here.type("tables", "diff", str(table), "--partner", "calendar").code

    done = here.ask("tables", "import", str(table), "--partner", "calendar", "--reason", "thông báo năm 2028")

    assert [TABLE] == done["imported"]
    with here.open() as installation:
        assert date(2028, 12, 31) == calendar_of(installation.reads, installation.settings).ends_on


def test_half_a_swap_is_refused(here: Place, tmp_path: Path) -> None:
    """A Saturday that is worked for nothing is refused by name, and the calendar stays as it is."""
    here.ask("tables", "export", "holidays", "--partner", "calendar", "--to", str(tmp_path / "t"))
    table = tmp_path / "t" / "holidays.csv"
    table.write_text(table.read_text() + "2027-05-08,Sat,working_day,Làm bù,Working day,2027-05-10,province,\n")

    refused = here.type("tables", "import", str(table), "--partner", "calendar", "--reason", "thử")

    assert 1 == refused.code
    assert "2027-05-08 is swapped with 2027-05-10" in refused.out + refused.err
    with here.open() as installation:
        assert installation.reads.table(TABLE) is None
