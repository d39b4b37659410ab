"""Rows of a CSV file, one after the other: memory is bounded by the longest row, whatever the file's size."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from adapters.doors.cells import Cell

LONGEST_ROW: Final = 1_048_576
"""Characters of one row, over all its lines: a quote that is never closed must not read the whole file in."""
LOOKED_AT: Final = 4_096

_WIDE: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as a spreadsheet numbers it, from 1."""

    number: int
    cells: list[Cell]
    end: int
    """Bytes of the file up to about here."""
    is_padded: bool = False
    """Whether the reader fills missing cells up, so that their number says nothing."""


class FileRefused(Exception):
    """From this row on nothing of the file can be read; `reason` names the sentence."""

    def __init__(self, rule: str, reason: str, *, row: int = 1, **facts: str) -> None:
        self.rule = rule
        self.reason = reason
        self.row = row
        self.facts = facts
        super().__init__(reason)


def rows(file: IO[bytes], *, encoding: str, separator: str) -> Iterator[Row]:
    """Every row, empty ones too. Raises FileRefused, at the row from which on it cannot be read."""
    text = _opened(file, encoding)
    meter = _Meter(text)
    reader = csv.reader(meter, delimiter=separator, strict=True)
    number = 0
    while True:
        meter.used = 0
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # Where such a row ends is a guess, and so is every row behind it.
            raise FileRefused("wrong_type", "file_quotes", row=number) from None
        except _TooLong:
            raise FileRefused("too_large", "file_long_row", row=number, limit=str(LONGEST_ROW)) from None
        yield Row(number=number, cells=list(cells), end=file.tell())


class _TooLong(Exception):
    """One row is longer than any row is."""


class _Meter:
    """Lines of the text, counted for the row that they belong to."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.used = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self.used += len(line)
        if self.used > LONGEST_ROW:
            raise _TooLong
        return line


def _opened(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """By its byte-order mark, which is no guess; else as the map says. Bytes that are no text spoil their own cell."""
    head = file.read(LOOKED_AT)
    file.seek(0)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if head.startswith(_WIDE) or (marked is None and b"\x00" in head and not encoding.startswith("utf-16")):
        raise FileRefused("not_utf8", "file_encoding", encoding=encoding)
    name = marked or encoding
    errors = "replace" if name.startswith("utf-16") else "surrogateescape"
    return _Kept(file, encoding=name, errors=errors, newline="")


class _Kept(io.TextIOWrapper):
    """Leaves the file open for whoever opened it."""

    def __del__(self) -> None:
        if not self.closed and not self.buffer.closed:
            self.detach()
