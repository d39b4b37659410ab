"""Files of rows on a disk: workbooks with all that spreadsheets put in them, and files that are not what they say."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from adapters.doors import files_rows, files_xlsx, words, xlsx_parts
from adapters.doors.cells import Column, zone_of
from adapters.doors.column_map import ColumnMap
from adapters.doors.files import Line
from adapters.doors.files_rows import read_rows
from tests import workbooks
from tests.workbooks import DATE, DATE_AND_TIME, ERROR, formula, number, parts, sheet, text

HEADER = [text(name) for name in ("Số", "Lúc", "Tên", "Hạn")]
GOOD = [text("H99.1"), number(46206.3125, DATE_AND_TIME), text("Trần Văn Mẫu"), number(46213, DATE)]
LINES = "Số,Lúc,Tên,Hạn\nH99.1,03/07/2026 07:30,Trần Văn Mẫu,10/07/2026\n"


def make_map(**told: object) -> ColumnMap:
    """A map of steps."""

    def column(name: str, reads: str, *pointers: str, clock: str = "") -> Column:
        forms = ("%d/%m/%Y %H:%M", "%d/%m/%Y")
        return Column(
            name=name,
            pointers=pointers,
            reads=reads,
            zone=zone_of("+07:00"),
            formats=forms,
            clock=clock,  # type: ignore[arg-type]
        )

    columns = (
        column("Số", "identifier", "/subject"),
        column("Lúc", "time", "/time", "/data/started_at"),
        column("Tên", "text", "/data/officer/name"),
        column("Hạn", "time", "/data/due_at", clock="17:00"),
    )
    constants = {"/source": "one-stop/h99", "/data/unit": "000.00.09.H99", "/data/status": "processing"}
    base = {"kind": "dossier.progressed", "columns": columns, "constants": constants | {"/data/content": ""}}
    return ColumnMap(**(base | {"id_from": ("/subject", "/time")} | told))  # type: ignore[arg-type]


def book(folder: Path, *rows: list[str], merged: tuple[str, ...] = ()) -> Path:
    """A workbook of one sheet."""
    return workbooks.write(folder / "a.xlsx", parts({"S": sheet([HEADER, *rows], merged=merged)}))


def told(path: Path, by: ColumnMap | None = None) -> list[tuple[int, list[str]]]:
    """Row and reasons of every line; a good row has none. Each reason's sentence is there."""
    return [(line.number, _reasons(line)) for line in read_rows(path, by or make_map())]


def _reasons(line: Line) -> list[str]:
    errors = () if line.trouble is None else line.trouble.errors
    assert all(error.say(language) for error in errors for language in words.LANGUAGES)
    return [error.reason for error in errors]


# -- workbooks --------------------------------------------------------------------------------------------------------


def test_a_workbook_is_read_as_the_same_rows_of_text_are(tmp_path: Path) -> None:
    """Dates of a workbook and dates written out make the same event, under the same id."""
    (tmp_path / "a.csv").write_text(LINES, encoding="utf-8")
    (in_text,), (in_book,) = (
        [line.event for line in read_rows(path, make_map())] for path in (tmp_path / "a.csv", book(tmp_path, GOOD))
    )

    assert in_text == in_book
    assert in_book is not None
    assert "2026-07-03T07:30:00+07:00" == in_book.data["started_at"]


def test_days_counted_from_1904(tmp_path: Path) -> None:
    """A workbook says which calendar its dates are of."""
    rows = [HEADER, [GOOD[0], number(46206.3125 - 1462, DATE_AND_TIME), GOOD[2], ""]]
    (line,) = read_rows(workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet(rows)}, is_1904=True)), make_map())

    assert line.event is not None
    assert "2026-07-03T07:30:00+07:00" == line.event.data["started_at"]


@pytest.mark.parametrize(
    ("at", "cell", "reason"),
    [
        (0, number(99000000001), "cell_number"),
        (2, formula("Trần Văn Mẫu"), "cell_formula"),
        (1, number(46206.3125), "cell_day_number"),
        (2, ERROR, "cell_error"),
        (0, ERROR, "cell_error"),
        (1, ERROR, "cell_error"),
    ],
)
def test_spoiled_cells(tmp_path: Path, at: int, cell: str, reason: str) -> None:
    """A formula, an error, a number in place of a text or a date: the row is refused, its neighbours are not."""
    bad = [*GOOD[:at], cell, *GOOD[at + 1 :]]

    assert [(2, [reason]), (3, [])] == told(book(tmp_path, bad, GOOD))


def test_spoiled_cells_of_no_column_do_not_matter(tmp_path: Path) -> None:
    """What the map does not read may be a formula."""
    rows = [[*HEADER, text("Ghi chú")], [*GOOD, formula("x")]]

    assert [(2, [])] == told(workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet(rows)})))


def test_merged_cells(tmp_path: Path) -> None:
    """The value of merged cells stands in one of them only: all their rows are refused. A merged title is not read."""
    rows = [[text("Danh sách")], HEADER, GOOD, [GOOD[0], GOOD[1], "", GOOD[3]], [], GOOD]
    made = workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet(rows, merged=["A1:D1", "C3:C4"])}))

    assert [(3, ["cell_merged"]), (4, ["cell_merged"]), (6, [])] == told(made, make_map(header_row=2))


def test_merged_header(tmp_path: Path) -> None:
    """A header that spans two rows still names its column."""
    rows = [HEADER, [], GOOD]
    made = workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet(rows, merged=["A1:A2"])}))

    assert [(2, [*["cell_merged"]]), (3, [])] == told(made)


def test_sheets(tmp_path: Path) -> None:
    """A sheet is read when it is the only one that can be seen, or named; a hidden one never."""
    good = sheet([HEADER, GOOD])
    path = workbooks.write(tmp_path / "a.xlsx", parts({"A & B": good, "H": good}, hidden=["H"]))
    assert [(2, [])] == told(path) == told(path, make_map(sheet="A & B"))
    assert [(1, ["file_sheet_hidden"])] == told(path, make_map(sheet="H"))
    assert [(1, ["file_no_sheet"])] == told(path, make_map(sheet="X"))
    workbooks.write(path, parts({"A": good, "B": good}))
    assert [(1, ["file_which_sheet"])] == told(path)


# -- workbooks made to harm -------------------------------------------------------------------------------------------


def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that unpack to more than is read at once are refused before they are unpacked."""
    path = workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet([HEADER, GOOD]) + " " * 200_000}))
    monkeypatch.setattr(xlsx_parts, "LARGEST_UNPACKED", 100_000)
    assert [(1, ["file_workbook_large"])] == told(path)
    monkeypatch.undo()
    monkeypatch.setattr(xlsx_parts, "LARGEST_FILE", 100)
    assert [(1, ["file_workbook_large"])] == told(path)


def test_sizes_that_lie(tmp_path: Path) -> None:
    """A part that unpacks to more than its directory says is not read further than that."""
    path = workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet([HEADER, GOOD]) + " " * 5_000}))
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(raw)

    assert [(1, ["file_workbook_broken"])] == told(path)


@pytest.mark.parametrize("place", ["XFD1048576", "A99999", "ZZZ9999999"])
def test_one_cell_far_away(tmp_path: Path, place: str) -> None:
    """A cell in the last corner would make the reader keep all cells before it."""
    body = f'<sheetData><row><c r="A1"{HEADER[0]}</c></row><row><c r="{place}"><v>1</v></c></row></sheetData>'
    far = workbooks.write(tmp_path / "a.xlsx", parts({"S": body}))
    if place == "A99999":
        assert [(1, ["file_no_column"])] == told(far)
    else:
        assert [(1, ["file_workbook_large"])] == told(far)


def test_one_text_in_every_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long text that many cells share would be kept once for each."""
    cells = "".join(f'<row><c t="s"><v>{n % 2}</v></c></row>' for n in range(50))
    made = parts({"S": f"<sheetData>{cells}</sheetData>"})
    made["xl/sharedStrings.xml"] = f"<sst><si><t>{'x' * 1000}</t></si><si><t>y</t></si></sst>"
    monkeypatch.setattr(xlsx_parts, "MOST_TEXT", 10_000)

    assert [(1, ["file_workbook_large"])] == told(workbooks.write(tmp_path / "a.xlsx", made))


def test_merged_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merged ranges are counted out no further than the rows that are there, and not without bound."""
    assert [(2, ["cell_merged"])] == told(book(tmp_path, GOOD, merged=("D2:D1048576",)))
    monkeypatch.setattr(files_xlsx, "MOST_MERGED", 10)
    assert [(1, ["file_workbook_large"])] == told(book(tmp_path, GOOD, GOOD, GOOD, merged=("A2:D4",)))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("xl/worksheets/sheet1.xml", '<!DOCTYPE a [<!ENTITY b "c">]><worksheet/>'),
        ("xl/workbook.xml", "<workbook>"),
        ("xl/workbook.xml", "<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'/>"),
        ("xl/worksheets/sheet1.xml", "<worksheet"),
        ("xl/_rels/workbook.xml.rels", "<Relationships/>"),
        ("_rels/.rels", "<Relationships/>"),
    ],
)
def test_parts_that_are_none(tmp_path: Path, name: str, body: str) -> None:
    """Parts with a DTD, cut off or missing are no workbook; none of them ends in anything but words."""
    path = workbooks.write(tmp_path / "a.xlsx", parts({"S": sheet([HEADER, GOOD])}) | {name: body})

    ((row, (reason,)),) = told(path)
    assert 1 == row
    assert reason in ("file_workbook_broken", "file_which_sheet", "file_no_header")


@pytest.mark.parametrize(
    ("trouble", "is_told"), [(type("PanicException", (BaseException,), {}), True), (KeyboardInterrupt, False)]
)
def test_what_the_reader_cannot_bear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: type[BaseException], is_told: bool
) -> None:
    """A panic of the reader's is a broken workbook; a person who interrupts is heard."""

    def panic(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(files_xlsx, "CalamineWorkbook", SimpleNamespace(from_filelike=panic))
    path = book(tmp_path, GOOD)
    if is_told:
        assert [(1, ["file_workbook_broken"])] == told(path)
    else:
        with pytest.raises(trouble):
            told(path)


def test_other_encodings_and_twins(tmp_path: Path) -> None:
    """A part in UTF-16, or twice under one name, could be seen here and read otherwise by the reader."""
    path = tmp_path / "a.xlsx"
    made = parts({"S": sheet([HEADER, GOOD])})
    with zipfile.ZipFile(path, "w") as packed:
        for name, body in made.items():
            packed.writestr(name, body.encode("utf-16") if name.endswith("sheet1.xml") else body)
    assert [(1, ["file_workbook_broken"])] == told(path)
    with zipfile.ZipFile(path, "w") as packed:
        for name, body in [*made.items(), ("XL/workbook.xml", "<x/>")]:
            packed.writestr(name, body)
    assert [(1, ["file_workbook_broken"])] == told(path)


# -- files that are not what they say ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.xlsx", LINES.encode(), "file_extension"),
        ("a.csv", b"PK\x03\x04...", "file_extension"),
        ("a.ods", b"PK\x03\x04...", "file_extension"),
        ("a.exe", LINES.encode(), "file_extension"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file_old_workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file_old_workbook"),
        ("a.xlsx", b"PK\x03\x04 cut off", "file_workbook_broken"),
        ("a.csv", b"", "file_no_header"),
        ("a.csv", LINES.encode("utf-16-le"), "file_encoding"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, raw: bytes, reason: str) -> None:
    """A file that is not what its name says is refused as a whole, with what to do."""
    (tmp_path / name).write_bytes(raw)

    assert [(1, [reason])] == told(tmp_path / name)


def test_what_was_read_before_stays(tmp_path: Path) -> None:
    """A file that cannot be read on still gives the rows before that place."""
    (tmp_path / "a.csv").write_text(LINES + '"', encoding="utf-8")

    assert [(2, []), (3, ["file_quotes"])] == told(tmp_path / "a.csv")


def test_every_sentence_is_used() -> None:
    """Each sentence about cells, rows and files belongs to a refusal somewhere in the readers."""
    code = "".join(
        (Path(files_rows.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        for name in ("cells", "column_map", "files_csv", "files_rows", "files_xlsx", "xlsx_parts")
    )
    names = [name for name in words.catalogue("en")["reasons"] if name.startswith(("cell_", "row_", "file_"))]

    assert names
    assert [] == [name for name in names if f'"{name}"' not in code]
