"""Rows of CSV: encodings, line ends, quotes, and bounds."""

from __future__ import annotations

import codecs
import io

import pytest

from adapters.doors import files_csv
from adapters.doors.files_csv import FileRefused, rows

TEXT = 'Số,Tên\r\n1,"Nguyễn ""A"",\r\nhai dòng"\r\n\r\n2,Trần\r\n'


def read(raw: bytes, encoding: str = "utf-8", separator: str = ",") -> list[tuple[int, list[object]]]:
    """Number and cells of every row."""
    return [(row.number, list(row.cells)) for row in rows(io.BytesIO(raw), encoding=encoding, separator=separator)]


def refused(raw: bytes, encoding: str = "utf-8") -> tuple[str, int]:
    """Reason, and the row from which on nothing is read."""
    with pytest.raises(FileRefused) as trouble:
        read(raw, encoding)
    return trouble.value.reason, trouble.value.row


WHOLE = [(1, ["Số", "Tên"]), (2, ["1", 'Nguyễn "A",\r\nhai dòng']), (3, []), (4, ["2", "Trần"])]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "windows-1258"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-8"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_encodings(raw: bytes, encoding: str) -> None:
    """A byte-order mark decides; without one the map does."""
    assert WHOLE == read(raw, encoding)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends(end: str) -> None:
    """Rows end in any of the three ways, and a row of nothing counts as a spreadsheet counts it."""
    assert WHOLE[2:] == [row for row in read(TEXT.replace("\r\n", end).encode()) if row[0] > 2]
    assert [(1, ["a"]), (2, ["b"])] == read(f"a{end}b".encode())


def test_another_separator() -> None:
    """The map says what separates; a comma is then a letter like others."""
    assert [(1, ["a,b", "c"])] == read(b"a,b;c", separator=";")


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "utf-8"),
        (codecs.BOM_UTF32_BE + "a".encode("utf-32-be"), "utf-8"),
        ("Số,Tên".encode("utf-16-le"), "utf-8"),
        (b"a,\x00", "windows-1258"),
    ],
)
def test_another_encoding_is_not_guessed(raw: bytes, encoding: str) -> None:
    """What is not in the encoding told is refused as a whole."""
    assert ("file_encoding", 1) == refused(raw, encoding)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [(b"a,\xff\nb,c", "utf-8"), (codecs.BOM_UTF16_LE + b"a\x00,\x00\x00\xd8\n\x00b\x00,\x00c\x00", "utf-8")],
)
def test_broken_letters_spoil_their_own_cell(raw: bytes, encoding: str) -> None:
    """Bytes that are no text leave the rows beside them whole."""
    (_, first), second = read(raw, encoding)

    assert "a" == first[0]
    assert str(first[1]) in ("\udcff", "\ufffd")
    assert (2, ["b", "c"]) == second


@pytest.mark.parametrize("raw", [b'a\nb\n"c', b'a\nb\n"c"d\ne'])
def test_a_broken_quote_stops_the_reading(raw: bytes) -> None:
    """Where a row with a broken quote ends is a guess, so nothing behind it is read."""
    assert ("file_quotes", 3) == refused(raw)


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of many lines, or a line without an end, is refused before it is in memory."""
    monkeypatch.setattr(files_csv, "LONGEST_ROW", 1000)
    assert ("file_long_row", 2) == refused(b"a\n" + b'"x\n",' * 1000)
    assert ("file_long_row", 1) == refused(b"x" * 100_000)
    assert 501 == len(read(b"x,yz\n" * 501))


def test_memory_does_not_grow_with_the_file() -> None:
    """Rows come one by one: the file is read as far as they are asked for, and no further."""
    file = io.BytesIO(b"a,b\n" * 1_000_000)
    told = rows(file, encoding="utf-8", separator=",")
    next(told)

    assert file.tell() < 100_000
