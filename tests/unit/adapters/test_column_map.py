"""Rows to events by a map: what is filled, what is left out, and which column is blamed."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from adapters.doors.cells import Cell, Column, zone_of
from adapters.doors.column_map import ColumnMap, RowReader, column_of, is_empty, made_id
from adapters.doors.event_shape import RecordedEvent
from adapters.doors.files import Line
from adapters.doors.files_csv import FileRefused, Row
from adapters.doors.member_shape import group_of, reads, shape_of
from contracts.check import breaches

RECORD = {
    "Số": "/subject",
    "Mã": "/id",
    "Lúc": "/time",
    "Tên": "/data/applicant/name",
    "Giấy tờ": "/data/applicant/identity/number",
    "Phí": "/data/fees/0/amount",
    "CSDL": "/data/databases/1",
}
CONSTANTS: dict[str, Any] = {
    "/source": "one-stop/h99",
    "/data/origin": "one_stop",
    "/data/unit": "000.00.09.H99",
    "/data/procedure": "1.013225",
    "/data/status": "accepted",
    "/data/channel": "counter",
    "/data/summary": "",
    "/data/note": "",
    "/data/return_by": "counter",
    "/data/applicant/kind": "citizen",
    "/data/applicant/verified_by_vneid": False,
    "/data/applicant/identity/kind": "cccd",
    "/data/fees/0/code": "P1",
    "/data/fees/0/name": "Phí",
    "/data/fees/0/kind": "fee",
    "/data/fees/0/currency": "VND",
    "/data/fees/0/state": "unpaid",
    "/data/results/0/name": "Kết quả",
}
GOOD: list[Cell] = ["H99.1", "1", "2026-07-03T07:30:00+07:00", "Nguyễn Thị Ví Dụ", "099000000001", "75000", "X"]


def column(name: str, *pointers: str, kind: str = "dossier.recorded", **told: Any) -> Column:
    """A column that reads what its first member wants."""
    told = {"reads": reads(kind, pointers[0]) or "text", "formats": ("iso",), "zone": zone_of("+07:00")} | told
    return Column(name=name, pointers=pointers, **told)


def record_map(**told: Any) -> ColumnMap:
    """A map of records."""
    columns = tuple(column(name, pointer) for name, pointer in RECORD.items())
    return ColumnMap(**({"kind": "dossier.recorded", "columns": columns, "constants": CONSTANTS} | told))


def row(cells: list[Cell], number: int = 2, *, is_padded: bool = False) -> Row:
    """One row."""
    return Row(number=number, cells=cells, end=0, is_padded=is_padded)


def read(cells: list[Cell], told: ColumnMap | None = None, header: list[Cell] | None = None) -> Line:
    """The row's line."""
    return RowReader(told or record_map(), row([*(header or RECORD)], 1)).read(row(cells))


def errors(line: Line) -> list[tuple[str, str]]:
    """Column and reason of each trouble."""
    assert line.trouble is not None
    return [(column_of(each.field, line.columns), each.reason) for each in line.trouble.errors]


def test_a_row_is_a_whole_event() -> None:
    """What no cell and no constant says is null or an empty list, as the contract wants it."""
    line = read(GOOD)

    assert line.event is not None
    data = line.event.data
    assert ("H99.1", "1", "dossier.recorded") == (line.event.dossier, line.event.id, line.event.kind)
    assert {"kind": "cccd", "number": "099000000001"} == data["applicant"]["identity"]
    assert [(75000, "VND")] == [(fee["amount"], fee["currency"]) for fee in data["fees"]]
    assert [["X"], [], None, None] == [data[name] for name in ("databases", "submitted", "due_at", "national_number")]
    assert ["Kết quả"] == [each["name"] for each in data["results"]]


def test_constants_go_with_what_they_belong_to() -> None:
    """Without a number there is no identity, without an amount no fee: their constants are left out."""
    line = read([*GOOD[:4], "", " ", "X"])

    assert line.event is not None
    assert None is line.event.data["applicant"]["identity"]
    assert [] == line.event.data["fees"]


def test_the_same_names_are_the_same_event() -> None:
    """An id made from members is the same in every file, and another one when one of them differs."""
    told = record_map(
        columns=tuple(column(name, RECORD[name]) for name in RECORD if name != "Mã"), id_from=("/subject",)
    )
    header: list[Cell] = [name for name in RECORD if name != "Mã"]
    cells = [GOOD[0], *GOOD[2:]]
    first, other = read(cells, told, header).event, read(["H99.2", *cells[1:]], told, header).event

    assert first is not None
    assert other is not None
    assert made_id("dossier.recorded", "one-stop/h99", ["H99.1"]) == first.id != other.id


@pytest.mark.parametrize(
    ("at", "cell", "expected"),
    [
        (0, "", ("Số", "missing_field")),
        (0, "H99 1", ("Số", "bad_form")),
        (2, "gestern", ("Lúc", "cell_no_time")),
        (4, "99000000001", ("Giấy tờ", "cell_lost_zeros")),
        (5, "x", ("Phí", "cell_not_whole")),
        (5, "9999999999999", ("Phí", "too_large")),
    ],
)
def test_the_column_is_blamed(at: int, cell: str, expected: tuple[str, str]) -> None:
    """Whatever is wrong, by the map or by the contract, is said of the column that it came from."""
    assert expected in errors(read([*GOOD[:at], cell, *GOOD[at + 1 :]]))


def test_every_wrong_cell_is_named() -> None:
    """A row is mended once: all its wrong cells are named together."""
    assert ["Lúc", "Phí"] == [name for name, _ in errors(read([*GOOD[:2], "?", *GOOD[3:5], "?", "X"]))]


@pytest.mark.parametrize(
    ("kind", "number"), [("passport", "B0000001"), ("passport", "123"), ("tax_code", "0123456789")]
)
def test_other_papers_have_other_lengths(kind: str, number: str) -> None:
    """Only papers whose length is known are held to it."""
    told = record_map(constants=CONSTANTS | {"/data/applicant/identity/kind": kind})

    assert read([*GOOD[:4], number, *GOOD[5:]], told).event is not None


def test_width() -> None:
    """A cell too many was split in a text, one too few was cut off; what a workbook leaves empty is padded."""
    assert [("", "row_too_wide")] == errors(read([*GOOD, "mehr"]))
    assert [("", "row_too_short")] == errors(read(GOOD[:6]))
    reader = RowReader(record_map(), row([*RECORD], 1))
    assert reader.read(row(GOOD[:6], is_padded=True)).event is not None
    assert reader.read(row([*GOOD, " "])).event is not None


def test_headers() -> None:
    """A header is found composed or not, over two lines or one; twice or missing it stops the file."""
    odd = [unicodedata.normalize("NFD", name) + " " for name in RECORD]
    assert read(GOOD, header=[*odd[:4], "Giấy\n tờ", *odd[5:]]).event is not None
    with pytest.raises(FileRefused, match="file_two_columns"):
        read(GOOD, header=[*RECORD, "Tên"])
    with pytest.raises(FileRefused, match="file_no_column"):
        read(GOOD, header=[*RECORD][:5])
    few = record_map(columns=(*record_map().columns, column("Ghi chú", "/data/note", is_optional=True)))
    assert read(GOOD, few).event is not None


def test_mistakes_of_a_map() -> None:
    """A map that cannot work is refused before any file is read: unknown members, two columns for one, no id."""
    assert [] == record_map().mistakes()
    places = [
        place
        for place, _ in record_map(
            columns=(
                column("A", "/data/nichts"),
                column("B", "/data/applicant"),
                column("C", "/subject"),
                column("D", "/subject"),
                column("E", "/data/fees/x/amount"),
            ),
            constants={"/nichts": 1},
            id_from=("/time",),
        ).mistakes()
    ]
    assert ["columns.A", "columns.B", "columns.E", "columns", "constants./nichts", "id_from./time"] == places
    assert ["id_from"] == [place for place, _ in record_map(id_from=("/subject",)).mistakes()]
    assert ["id_from"] == [place for place, _ in record_map(columns=(column("Số", "/subject"),)).mistakes()]


def test_empty_rows() -> None:
    """A row of blanks says nothing."""
    assert is_empty(row(["", " ", "\t"]))
    assert not is_empty(row(["", 0.0]))


@pytest.mark.parametrize(
    ("pointer", "told"),
    [
        ("/data/due_at", "time"),
        ("/data/supplements/0/requested_at", "time"),
        ("/data/fees/0/amount", "integer"),
        ("/data/applicant/verified_by_vneid", "boolean"),
        ("/data/applicant/phone", "phone"),
        ("/data/applicant/identity/number", "identifier"),
        ("/data/databases/0", "identifier"),
        ("/data/status", "text"),
        ("/data/fees", None),
        ("/data/fees/1000/amount", None),
        ("/data/nichts", None),
    ],
)
def test_members_say_what_their_cells_are(pointer: str, told: str | None) -> None:
    """What a cell must be follows from the contract's own shape."""
    assert told == reads("dossier.recorded", pointer)


def test_groups() -> None:
    """A group is the shortest part of a member's place that may be missing as a whole."""
    told = ["/data/applicant/name", "/data/applicant/identity/kind", "/data/fees/0/code", "/data/nichts/x"]
    assert ["", "/data/applicant/identity", "/data/fees/0", ""] == [group_of("dossier.recorded", each) for each in told]
    assert RecordedEvent is shape_of("dossier.recorded").cls


def test_a_row_keeps_the_contract() -> None:
    """What a row makes is judged by the schema of every other door."""
    import json

    assert () == breaches(json.loads(read(GOOD).raw))


PAYMENT = {
    "Số hồ sơ": "/subject",
    "Lúc": "/time",
    "Số khoản": "/data/payment",
    "Tổng": "/data/amount",
    "Người nộp": "/data/payer/name",
    "Số định danh": "/data/payer/identity_number",
    "Điện thoại": "/data/payer/phone",
    "Phí": "/data/fees/0/amount",
    "Lệ phí": "/data/fees/1/amount",
}


@pytest.mark.parametrize(
    ("charge", "total", "fees", "rules"),
    [
        ("75.000", "225.000", [150_000, 75_000], None),
        ("", "150.000", [150_000], None),
        ("1", "150.002", [], [("Tổng", "not_the_sum")]),
        ("0", "150.000", [], [("Lệ phí", "too_small")]),
    ],
)
def test_a_row_asks_for_a_payment(
    charge: str, total: str, fees: list[int], rules: list[tuple[str, str]] | None
) -> None:
    """A row is a payment of as many fees as it has cells for; what does not add up is refused, the column blamed."""
    kind = "payment.requested"
    columns = tuple(
        column(name, place, kind=kind, **({"thousands": "."} if "amount" in place else {}))
        for name, place in PAYMENT.items()
    )
    constants = {"/source": "one-stop/h99", "/data/unit": "000.00.09.H99", "/data/procedure": "1.013225"}
    for at, (word, name) in enumerate((("fee", "Phí thẩm định"), ("charge", "Lệ phí"))):
        told = {"kind": word, "code": f"P{at}", "name": name}
        constants |= {f"/data/fees/{at}/{member}": value for member, value in told.items()}
    by = ColumnMap(kind=kind, columns=columns, constants=constants, id_from=("/data/payment",))
    cells: list[Cell] = ["H99.1", GOOD[2], "P-1", total, "Nguyễn Thị Ví Dụ", "099000000001", "0900000001"]

    line = read([*cells, "150.000", charge], by, [*PAYMENT])

    assert fees == ([fee["amount"] for fee in line.event.data["fees"]] if line.event is not None else [])
    assert rules == (None if line.event is not None else errors(line))
