"""Rows of one sheet of a workbook (XLSX), read by calamine after its parts were looked through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from python_calamine import CalamineError, CalamineWorkbook

from adapters.doors.cells import Cell, Spoiled
from adapters.doors.files_csv import FileRefused, Row
from adapters.doors.xlsx_parts import Parts, SheetPart, broken, spoiled_cells, too_large, unpack

MOST_MERGED: Final = 1_000_000
"""Cells of all merged ranges."""


def rows(file: IO[bytes], *, sheet: str) -> Iterator[Row]:
    """Every row of the sheet named, or of the only one that can be seen. Raises FileRefused."""
    parts = unpack(file)
    chosen = _chosen(parts, sheet)
    marks = spoiled_cells(parts, chosen)
    end = file.tell()
    try:
        with CalamineWorkbook.from_filelike(parts.packed()) as book:
            found = book.get_sheet_by_name(chosen.name)
            table = found.to_python(skip_empty_area=False)
            merged = found.merged_cell_ranges or []
    except (CalamineError, OSError, ValueError):
        raise broken() from None
    except BaseException as trouble:
        # What calamine's Rust cannot bear comes as a panic, which is no Exception and has no public name.
        if type(trouble).__name__ != "PanicException":
            raise
        raise broken() from None
    marks |= _merged(merged, len(table))
    spoiled: dict[int, dict[int, str]] = {}
    for (row, column), reason in marks.items():
        spoiled.setdefault(row, {})[column] = reason
    for number, cells in enumerate(table):
        yield Row(number=number + 1, cells=_marked([*cells], spoiled.get(number, {})), end=end, is_padded=True)


def _chosen(parts: Parts, name: str) -> SheetPart:
    """Of several sheets that can be seen, none is taken without being named; a hidden one never."""
    if len({each.name for each in parts.sheets}) < len(parts.sheets):
        raise broken()
    seen = [each for each in parts.sheets if not each.is_hidden]
    if name:
        for each in parts.sheets:
            if each.name == name:
                if each.is_hidden:
                    raise FileRefused("wrong_type", "file_sheet_hidden", sheet=name)
                return each
        raise FileRefused("missing_field", "file_no_sheet", sheet=name)
    if len(seen) != 1:
        raise FileRefused("wrong_type", "file_which_sheet", count=str(len(seen)))
    return seen[0]


def _merged(ranges: list[tuple[tuple[int, int], tuple[int, int]]], height: int) -> dict[tuple[int, int], str]:
    """Every cell of every merged range: the value stands in the first only, and a reader thinks it stands in all."""
    found: dict[tuple[int, int], str] = {}
    for (top, left), (bottom, right) in ranges:
        last = min(bottom, height - 1)
        if len(found) + max(0, last - top + 1) * (right - left + 1) > MOST_MERGED:
            raise too_large()
        for row in range(top, last + 1):
            found |= {(row, column): "cell_merged" for column in range(left, right + 1)}
    return found


def _marked(cells: list[Cell], marks: dict[int, str]) -> list[Cell]:
    for column, reason in marks.items():
        if column < len(cells):
            shown = cells[column]
            cells[column] = Spoiled(reason, shown if isinstance(shown, str) else "")
    return cells
