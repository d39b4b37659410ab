"""Exports as files: no cell is a formula, numbers are numbers, and memory does not grow with the rows."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from adapters.doors.console.export_files import (
    LONGEST_CELL,
    ROWS_A_CHUNK,
    Cell,
    chunks_of,
    csv_chunks,
    harmless,
    json_chunks,
    plain,
    xlsx_chunks,
)
from adapters.doors.console.export_progress import ACCOUNTS, Exporting
from tests.builders import NOON

NAMES = ("id", "text", "flag", "none")
HEADS = ("Số", "Nội dung", "Cờ", "Trống")
FORMULAS = [
    "=1+1",
    "+84900",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\u200b=1",
    "\u202e=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "﹦1",
    "\ufeff=1",
    "−1",
    "=cmd|' /C calc'!A1",
    'a";=1',
    "a,\u200b=1",
    "a; =1",
    "a|＝1",
    "x\n=1",
]


def rows(texts: list[str]) -> list[tuple[Cell, ...]]:
    return [(n, text, n % 2 == 0, None) for n, text in enumerate(texts)]


def in_cells(document: bytes, mark: str) -> list[list[str]]:
    """The document as a spreadsheet reads it that parts cells at this mark."""
    return list(csv.reader(io.StringIO(document.decode("utf-8-sig"), newline=""), delimiter=mark))


@pytest.mark.parametrize("mark", [",", ";", "|", "\t"])
@pytest.mark.parametrize("text", FORMULAS)
def test_no_csv_cell_is_a_formula(text: str, mark: str) -> None:
    """Whatever mark a spreadsheet parts cells at, none of ours begins like a formula."""
    document = b"".join(csv_chunks(HEADS, rows([text])))

    for line in in_cells(document, mark):
        for cell in line:
            assert not cell.strip().lstrip('"').startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r"))


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(",;|\t"))
def test_no_text_becomes_a_formula(text: str, mark: str) -> None:
    """The same for any text at all."""
    for line in in_cells(b"".join(csv_chunks(HEADS, rows([text, f"x{mark}={text}"]))), mark):
        assert not [cell for cell in line if cell.strip().lstrip('"')[:1] in tuple("=+-@＝＋－＠")]


def test_csv_is_read_back() -> None:
    """It begins with a mark of UTF-8, texts come back as they were, numbers without quotes."""
    document = b"".join(csv_chunks(HEADS, rows(['Nguyễn, "Ví" Dụ', "H99.09-260703-0123"])))

    assert document.startswith(b"\xef\xbb\xbf")
    assert [
        list(HEADS),
        ["0", 'Nguyễn, "Ví" Dụ', "true", ""],
        ["1", "H99.09-260703-0123", "false", ""],
    ] == in_cells(document, ",")
    assert b'\r\n1,"H99.09-260703-0123","false",""\r\n' in document


def test_json_lines_are_read_back() -> None:
    """One object a line, under the columns' stable names, with nothing hidden in it; no rows are no lines."""
    document = b"".join(json_chunks(NAMES, rows(["a\u202eb", "=1"])))

    assert [
        {"id": 0, "text": "a⟨U+202E⟩b", "flag": True, "none": None},
        {"id": 1, "text": "=1", "flag": False, "none": None},
    ] == [json.loads(line) for line in document.splitlines()]
    assert b"" == b"".join(json_chunks(NAMES, []))


def test_workbook_is_read_back(tmp_path: Path) -> None:
    """Strings are strings whatever they look like, numbers are numbers, and links are not made."""
    texts = [*FORMULAS, "https://evil.invalid/", "mailto:a@example.invalid", "0123", "x" * 40_000]
    (tmp_path / "x.xlsx").write_bytes(b"".join(xlsx_chunks("Lượt [chuyển]", HEADS, rows(texts))))

    book = CalamineWorkbook.from_path(str(tmp_path / "x.xlsx"))
    sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)

    assert ["Lượt  chuyển"] == book.sheet_names
    assert list(HEADS) == sheet[0]
    assert [plain(text) for text in texts] == [row[1] for row in sheet[1:]]
    assert LONGEST_CELL == len(str(sheet[-1][1]))
    assert [0.0, True] == [sheet[1][0], sheet[1][2]]
    assert b"<f>" not in b"".join(_parts(tmp_path / "x.xlsx"))
    assert b"hyperlink" not in b"".join(_parts(tmp_path / "x.xlsx"))


def _parts(path: Path) -> Iterator[bytes]:
    from zipfile import ZipFile

    with ZipFile(path) as archive:
        for name in archive.namelist():
            yield archive.read(name)


def test_large_numbers_keep_their_digits(tmp_path: Path) -> None:
    """Past fifteen digits a spreadsheet rounds, so such a number is a text."""
    big = 2**62
    (tmp_path / "x.xlsx").write_bytes(b"".join(xlsx_chunks("x", ["n"], [(big,), (1.5,)])))

    sheet = CalamineWorkbook.from_path(str(tmp_path / "x.xlsx")).get_sheet_by_index(0).to_python()
    assert [["n"], [str(big)], [1.5]] == sheet
    assert f'"{big}"'.encode() in b"".join(csv_chunks(["n"], [(big,)]))


def test_sheet_has_a_name_whatever_it_is_called() -> None:
    """A title that a sheet's name cannot be becomes one."""
    assert b"".join(xlsx_chunks("[]:*?/\\'", ["n"], []))


def test_no_text_is_left_empty_by_making_it_harmless() -> None:
    """An empty text stays empty, and a harmless one stays as it is."""
    assert ["", "Sở Nội vụ", "a - b", "2026-07-03T12:00:00+07:00"] == [
        harmless(text) for text in ("", "Sở Nội vụ", "a - b", "2026-07-03T12:00:00+07:00")
    ]


@pytest.mark.parametrize(("form", "many"), [("csv", 50_000), ("jsonl", 50_000), ("xlsx", 20_000)])
def test_memory_does_not_grow_with_the_rows(form: str, many: int) -> None:
    """A large file is made while no more than a few megabytes are held; rows are asked for as they are needed."""
    asked = 0

    def endless() -> Iterator[tuple[Cell, ...]]:
        nonlocal asked
        for n in range(many):
            asked += 1
            yield n, "Nguyễn Thị Ví Dụ", True, None

    chunks = chunks_of(form, "x", NAMES, HEADS, endless())  # type: ignore[arg-type]
    next(chunks)
    assert ROWS_A_CHUNK == asked
    tracemalloc.start()
    try:
        size = sum(map(len, chunks))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert many == asked
    assert size > 10 * many
    assert peak < 4_000_000


def test_nothing_stays_behind_when_the_caller_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook that is given up half-way leaves no file, and while it is made nobody else may read it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chunks = xlsx_chunks("x", HEADS, iter(rows(["a"] * 2_000)))

    assert b"" == next(chunks)
    (folder,) = tmp_path.iterdir()
    assert 0o700 == folder.stat().st_mode & 0o777
    chunks.close()

    assert [] == list(tmp_path.iterdir())


def test_page_tells_how_far_exports_have_come() -> None:
    """Each account sees its own, the newest first, and no more than so many."""
    exporting = Exporting()
    numbers = [exporting.begin("an", "deliveries", "csv", NOON) for _ in range(12)]
    other = exporting.begin("binh", "users", "xlsx", NOON)
    exporting.tell("an", numbers[-1], 500)
    exporting.tell("an", numbers[0], 7)
    exporting.tell("binh", other, 3, "whole")
    exporting.tell("nobody", 1, 1)

    assert list(reversed(numbers[2:])) == [each.n for each in exporting.of("an")]
    assert (500, "running") == (exporting.of("an")[0].rows, exporting.of("an")[0].ending)
    assert [("users", 3, "whole")] == [(each.name, each.rows, each.ending) for each in exporting.of("binh")]
    assert () == exporting.of("nobody")


def test_accounts_that_export_no_more_are_forgotten() -> None:
    """What is told of is bounded by accounts too."""
    exporting = Exporting()
    for n in range(ACCOUNTS + 1):
        exporting.begin(f"a{n}", "deliveries", "csv", NOON)

    assert ((), 1) == (exporting.of("a0"), len(exporting.of(f"a{ACCOUNTS}")))
