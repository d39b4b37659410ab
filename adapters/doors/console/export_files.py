"""Rows as files: CSV, XLSX and JSON lines, made while they are read, so that memory does not grow with their number.

A cell is data and never a formula: a text that a spreadsheet would work out gets an apostrophe before it (CSV), or is
written as text (XLSX). Numbers are numbers in all three.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
import unicodedata
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from adapters.doors.console.visible import one_line

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

Form = Literal["csv", "xlsx", "jsonl"]
Cell: TypeAlias = str | int | float | bool | None

FORMS: Final[dict[Form, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/x-ndjson",
}
ROWS_A_CHUNK: Final = 500
CHUNK: Final = 64 * 1024
"""Bytes of a made file that are sent at a time."""
LONGEST_CELL: Final = 32_767
"""Characters: what a cell of a spreadsheet holds."""
LARGEST_NUMBER: Final = 10**15
"""Past fifteen digits a spreadsheet rounds: such a number is written as text."""
BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as something else."""

_WORKED_OUT: Final = frozenset("=+-@\u2212")
_TAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .:/+-]{0,200}")
"""Nearly every cell: it begins no formula, and no mark in it begins another cell."""
_PARTS: Final = re.compile(
    r"([;,|])(?=\s*([=+\-@\u2212\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u207a\u207b\u207c]))"
)
"""Where a spreadsheet that parts at another mark than ours would begin a cell with a formula."""


def plain(text: str) -> str:
    """A text for one cell: on one line, with nothing hidden in it, no longer than a cell holds."""
    if text.isascii() and text.isprintable() and len(text) <= LONGEST_CELL:
        return text
    shown = one_line(text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ").replace("\t", " "))
    return shown if len(shown) <= LONGEST_CELL else shown[: LONGEST_CELL - 1] + "…"


def harmless(text: str) -> str:
    """The text of a CSV cell: no spreadsheet works it out, whatever it parts cells at."""
    if _TAME.fullmatch(text):
        return text
    text = _PARTS.sub(r"\1'", plain(text))
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if first[:1] in _WORKED_OUT and first else text


def csv_chunks(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes, None, None]:
    """Comma-separated, UTF-8 with a mark, texts in quotes, lines ended by CR LF."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    buffer.write(BOM)
    writer.writerow([harmless(head) for head in heads])
    for n, row in enumerate(rows, 1):
        writer.writerow([_csv_cell(cell) for cell in row])
        if n % ROWS_A_CHUNK == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def _csv_cell(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return cell if abs(cell) < LARGEST_NUMBER else str(cell)
    return harmless(cell)


def _emptied(buffer: io.StringIO) -> bytes:
    chunk = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return chunk


def json_chunks(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes, None, None]:
    """One object a line."""
    lines: list[str] = []
    for row in rows:
        told = {name: plain(cell) if isinstance(cell, str) else cell for name, cell in zip(names, row, strict=True)}
        lines.append(json.dumps(told, ensure_ascii=False, separators=(",", ":")))
        if len(lines) == ROWS_A_CHUNK:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    yield ("\n".join(lines) + "\n").encode() if lines else b""


def xlsx_chunks(title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes, None, None]:
    """A workbook of one sheet, made in a folder that only this process may read, and taken away however this ends.

    Empty chunks are given while it is made, one for so many rows: whoever sends them sees that it goes on, and may
    stop it there.
    """
    with tempfile.TemporaryDirectory(prefix="lienthong-export-") as folder:  # 0700
        file = Path(folder) / "export.xlsx"
        yield from _written(file, folder, title, heads, rows)
        with file.open("rb") as made:
            while chunk := made.read(CHUNK):
                yield chunk


def _written(
    file: Path, folder: str, title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Generator[bytes, None, None]:
    import xlsxwriter  # loaded by the first workbook; no other page needs it

    options = {
        "constant_memory": True,
        "tmpdir": folder,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(str(file), options)
    try:
        sheet = book.add_worksheet(_sheet_name(title))
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for column, head in enumerate(heads):
            sheet.write_string(0, column, plain(head), bold)
        for n, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                _write(sheet, n, column, cell)
            if n % ROWS_A_CHUNK == 0:
                yield b""
    finally:
        book.close()


def _write(sheet: Worksheet, row: int, column: int, cell: Cell) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, int | float) and abs(cell) < LARGEST_NUMBER:
        sheet.write_number(row, column, cell)
    else:
        sheet.write_string(row, column, plain(str(cell)))


_NOT_IN_SHEET: Final = re.compile(r"[\[\]:*?/\\']")


def _sheet_name(title: str) -> str:
    return _NOT_IN_SHEET.sub(" ", one_line(title)).strip()[:31] or "export"


def chunks_of(
    form: Form, title: str, names: Sequence[str], heads: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Generator[bytes, None, None]:
    """The file, part by part. `names`: the columns' stable names; `heads`: what they are called."""
    if form == "csv":
        return csv_chunks(heads, rows)
    if form == "xlsx":
        return xlsx_chunks(title, heads, rows)
    return json_chunks(names, rows)
