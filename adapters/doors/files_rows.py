"""Events from a table, CSV or XLSX, by a map of its columns: a line for each row that says something."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from adapters.doors import files_csv
from adapters.doors.column_map import ColumnMap, RowReader, is_empty
from adapters.doors.files import STANDARD_INPUT, Line
from adapters.doors.files_csv import FileRefused, Row
from adapters.doors.malformed import Malformed, field_error

TEXTS: Final = (".csv", ".tsv", ".txt")
WORKBOOKS: Final = (".xlsx", ".xlsm")

_ZIP: Final = b"PK\x03\x04"
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0"


def read_rows(path: Path, told: ColumnMap) -> Iterator[Line]:
    """Every row with its event or its trouble; a file that cannot be read on ends in a line that says why."""
    with _opened(path) as file:
        try:
            yield from _lines(_rows(path, file, told), told)
        except FileRefused as trouble:
            error = field_error(field="", rule=trouble.rule, reason=trouble.reason, facts=trouble.facts)
            yield Line(number=trouble.row, raw=b"", end=0, trouble=Malformed(trouble.rule, [error]))


def _lines(rows: Iterator[Row], told: ColumnMap) -> Iterator[Line]:
    reader = None
    for row in rows:
        if reader is not None:
            if not is_empty(row):
                yield reader.read(row)
        elif row.number == told.header_row:
            reader = RowReader(told, row)
    if reader is None:
        raise FileRefused("missing_field", "file_no_header", row=told.header_row)


def _rows(path: Path, file: IO[bytes], told: ColumnMap) -> Iterator[Row]:
    """By its content, which must be what its name says."""
    head = file.read(len(_ZIP))
    file.seek(0)
    if head == _OLD_OFFICE:
        raise FileRefused("media_type", "file_old_workbook")
    is_named = path.suffix.lower() in WORKBOOKS
    if is_named is not (head == _ZIP) or not (is_named or path == STANDARD_INPUT or path.suffix.lower() in TEXTS):
        raise FileRefused("media_type", "file_extension")
    if is_named:
        from adapters.doors import files_xlsx  # not before it is needed: it brings lxml and calamine

        return files_xlsx.rows(file, sheet=told.sheet)
    return files_csv.rows(file, encoding=told.encoding, separator=told.separator)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file; what a pipe brings is kept on disk first, because its beginning is looked at twice."""
    if path != STANDARD_INPUT:
        with path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.seek(0, io.SEEK_SET)
        yield kept
