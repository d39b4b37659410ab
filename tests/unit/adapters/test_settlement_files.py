"""Files of a day: what is read of them, and what is wrong with each bad one, by line and rule."""

from __future__ import annotations

import base64
import hashlib
import json
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.settlement.envelope import CHUNK, EnvelopeRefused, opened, text_of
from adapters.settlement.files import OneStopFile, PlatformFile
from adapters.settlement.layouts import EXPORT, LIST, PLATFORM, Layout
from bus.payments import LOCAL, Verdict
from bus.times import from_ms
from tests.settlement_kit import MERCHANT, FileRow, platform_text, sealed

DAY = date(2026, 1, 15)
BODY = (
    "H|1|TINHDEMO|20260115|DS|2|60000\r\n"
    "D|1|TT260115000000000701|GD260115000123|VCB|20260115143212|30000|VND|1|\r\n"
    "D|2|TT260115000000000901|GD260115000131|BIDV|20260115160501|30000|VND|1|\r\n"
)
SHA256 = "96b0619f9c3ad37194e26611802c3d9a7e7080278670725ffc4c543f77de64e0"
WHOLE = f"{BODY}T|2|{SHA256}\r\n".encode()
BASE64 = (
    "SHwxfFRJTkhERU1PfDIwMjYwMTE1fERTfDJ8NjAwMDANCkR8MXxUVDI2MDExNTAwMDAwMDAwMDcwMXxHRDI2MDExNTAwMDEyM3xWQ0J8MjAyNjAx"
    "MTUxNDMyMTJ8MzAwMDB8Vk5EfDF8DQpEfDJ8VFQyNjAxMTUwMDAwMDAwMDA5MDF8R0QyNjAxMTUwMDAxMzF8QklEVnwyMDI2MDExNTE2MDUwMXwz"
    "MDAwMHxWTkR8MXwNClR8Mnw5NmIwNjE5ZjljM2FkMzcxOTRlMjY2MTE4MDJjM2Q5YTdlNzA4MDI3ODY3MDcyNWZmYzRjNTQzZjc3ZGU2NGUwDQo="
)


def at_noon(n: int = 1, **changes: Any) -> FileRow:
    return FileRow(**({"reference": f"TT{n}", "transaction": f"GD{n}", "at": NOON} | changes))


NOON = from_ms(1_768_453_200_000).astimezone(LOCAL)  # 12:00 on the fifteenth, in Vietnam


def read(
    folder: Path, content: bytes, *, layout: Layout = PLATFORM, name: str = "day.txt", merchant: str = MERCHANT
) -> tuple[list[Any], list[tuple[int, str, str]]]:
    """The good rows, and line, rule and field of what is wrong."""
    path = folder / name
    path.write_bytes(content)
    file = PlatformFile(opened(path), layout, day=DAY, merchant=merchant)
    rows = [row for batch in file.batches() for row in batch]
    assert file.faults == len(file.findings)
    return rows, [(one.line, one.rule, one.field) for one in file.findings]


def test_vector_is_read_whole(tmp_path):
    """The contract's own example: two rows, its SHA-256, and nothing to say about it."""
    rows, findings = read(tmp_path, WHOLE)

    assert [] == findings
    assert SHA256 == hashlib.sha256(BODY.encode()).hexdigest()
    assert [
        (2, "TT260115000000000701", "GD260115000123", "VCB", "20260115143212", 30_000, "VND", "paid"),
        (3, "TT260115000000000901", "GD260115000131", "BIDV", "20260115160501", 30_000, "VND", "paid"),
    ] == [(row[0], *row[1:4], *row[5:]) for row in rows]
    assert "2026-01-15T14:32:12+07:00" == from_ms(rows[0][4]).astimezone(LOCAL).isoformat()


def envelope(content: str = BASE64, **changes: Any) -> bytes:
    said = {
        "NgayDoiSoat": "20260115",
        "LoaiYeuCau": "1",
        "LoaiFile": "DS",
        "MaDichVu": "2",
        "KenhThanhToan": "1",
        "TenFile": "TINHDEMO_20260115_DS_01.txt",
        "NoiDung": content,
    }
    return json.dumps(said | changes).encode()


def test_vector_in_its_envelope_is_the_same_file(tmp_path):
    """Base64 within JSON, with strokes written as JSON may write them: the same rows under the name that it tells."""
    assert WHOLE == base64.b64decode(BASE64)
    path = tmp_path / "anything.json"
    path.write_bytes(envelope().replace(b"/", b"\\/"))
    found = opened(path)

    assert ("TINHDEMO_20260115_DS_01.txt", "20260115") == (found.name, found.day)
    assert read(tmp_path, WHOLE) == read(tmp_path, envelope())
    assert BODY.encode()[:16] == text_of(found, 16)
    assert hashlib.sha256(path.read_bytes()).digest() == found.digest


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"NgayDoiSoat": "20260114"}, (0, "other_day", "NgayDoiSoat")),
        ({"TenFile": ""}, (0, "missing", "TenFile")),
        ({"LoaiYeuCau": "2"}, (0, "other_kind", "LoaiFile")),
        ({"TenFile": "KHACHKHAC_20260115_DS_01.txt"}, (0, "other_merchant", "file_name")),
        ({"TenFile": "TINHDEMO_20260114_DS_01.txt"}, (0, "other_day", "file_name")),
        ({"TenFile": "TINHDEMO_20260115_KQ_01.txt"}, (0, "other_kind", "file_name")),
        ({"NoiDung": BASE64[:-3]}, (0, "envelope", "NoiDung")),
        ({"NoiDung": BASE64.replace("S", "*")}, (0, "envelope", "NoiDung")),
    ],
)
def test_envelope_that_says_otherwise_is_told(tmp_path, changes, finding):
    """What is told around a file must agree with it; what cannot be decoded is no row."""
    assert finding in read(tmp_path, envelope(**changes))[1]


@pytest.mark.parametrize(
    "content", [b"{}", b'{"NoiDung": "AAAA', b'{"NoiDung": "AAAA", }', b'{"a": {"NoiDung": "AAAA"}', b' {"NoiDung": 1}']
)
def test_what_only_begins_like_an_envelope_is_refused(tmp_path, content):
    """No content, no end, or no JSON around it."""
    path = tmp_path / "x.json"
    path.write_bytes(content)

    with pytest.raises(EnvelopeRefused):
        opened(path)


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_envelope_is_decoded_across_its_pieces(tmp_path, size):
    """A stroke, its escape, or a group of four letters may lie on both sides of a piece's end."""
    content = b"\xff\xfe\xfd" * (size // 4)
    path = tmp_path / "x.json"
    path.write_bytes(envelope(base64.b64encode(content).decode()).replace(b"/", b"\\/"))

    with opened(path).open() as source:
        assert content == source.read()


ROWS = [at_noon(n) for n in (1, 2, 3)]
LINES = platform_text(ROWS, day=DAY).decode().splitlines(keepends=True)


def changed(old: str, new: str, *, count: int = 1) -> Callable[[], bytes]:
    """The file with this in place of that, and its hash made anew."""
    body = "".join(LINES[:-1])
    assert old in body
    return lambda: sealed(body.replace(old, new, count), 3)


BAD: list[tuple[str, Callable[[], bytes], list[tuple[int, str, str]]]] = [
    ("empty", lambda: b"", [(0, "empty", "")]),
    ("cut at a line's end", lambda: "".join(LINES[:3]).encode(), [(3, "cut_off", ""), (1, "row_count", "head")]),
    ("cut within a line", lambda: "".join(LINES)[:-9].encode(), [(5, "cut_off", ""), (5, "hash", "tail")]),
    ("hash of another file", lambda: platform_text(ROWS, day=DAY, hash="0" * 64), [(5, "hash", "tail")]),
    ("head's rows", lambda: platform_text(ROWS, day=DAY, rows=4), [(1, "row_count", "head")]),
    ("head's rows, no number", lambda: platform_text(ROWS, day=DAY, rows="x"), [(1, "row_count", "head")]),
    ("head's total", lambda: platform_text(ROWS, day=DAY, total=1), [(1, "total", "head")]),
    ("tail's rows", lambda: platform_text(ROWS, day=DAY, tail_rows=2), [(5, "row_count", "tail")]),
    ("another's file", lambda: platform_text(ROWS, day=DAY, merchant="KHAC"), [(1, "other_merchant", "head")]),
    ("yesterday's file", lambda: platform_text(ROWS, day=date(2026, 1, 14)), [(1, "other_day", "head")]),
    ("a day that is none", changed("20260115|DS", "20260199|DS"), [(1, "other_day", "head")]),
    ("another kind", lambda: platform_text(ROWS, day=DAY, kind="KQ"), [(1, "other_kind", "head")]),
    ("another version", changed("H|1|", "H|2|"), [(1, "version", "head")]),
    ("head of other columns", changed("|DS|3", "|DS|x|3"), [(1, "head", "")]),
    ("no head", lambda: "".join(LINES[1:]).encode(), [(1, "head", ""), (4, "row_count", "tail"), (4, "hash", "tail")]),
    (
        "byte-order mark",
        lambda: b"\xef\xbb\xbf" + "".join(LINES).encode(),
        [(1, "byte_order_mark", ""), (5, "hash", "tail")],
    ),
    (
        "line ends of another system",
        lambda: sealed("".join(LINES[:-1]).replace("\r\n", "\n"), 3),
        [(n, "line_end", "") for n in (1, 2, 3, 4)],
    ),
    ("a separator in a value", changed("VCB", "V|CB"), [(2, "columns", "")]),
    ("too few columns", changed("|VND|1|", "|VND|1"), [(2, "columns", "")]),
    (
        "not UTF-8",
        lambda: sealed_bytes("".join(LINES[:-1]).encode().replace(b"VCB", b"V\xd0B", 1)),
        [(2, "encoding", "")],
    ),
    ("an amount with a point", changed("50000|VND|1", "50.000|VND|1"), [(2, "amount", "amount"), (1, "total", "head")]),
    ("a negative amount", changed("50000|VND|1", "-1|VND|1"), [(2, "amount", "amount"), (1, "total", "head")]),
    ("too much", changed("50000|VND|1", f"{10**13}|VND|1"), [(2, "amount", "amount"), (1, "total", "head")]),
    ("a state that nobody knows", changed("|VND|1|", "|VND|2|"), [(2, "state", "state"), (1, "total", "head")]),
    ("no currency", changed("|VND|", "|vnd|"), [(2, "currency", "currency"), (1, "total", "head")]),
    ("no such time", changed("20260115120000", "20260115250000"), [(2, "time", "at"), (1, "total", "head")]),
    ("no such day", changed("20260115120000", "20260132120000"), [(2, "time", "at"), (1, "total", "head")]),
    ("year nought", changed("20260115120000", "00010115120000"), [(2, "time", "at"), (1, "total", "head")]),
    ("year of no payment", changed("20260115120000", "99991231235959"), [(2, "time", "at"), (1, "total", "head")]),
    ("two days before", changed("20260115120000", "20260113235959"), [(2, "other_day", "at")]),
    ("numbers with a gap", changed("D|2|", "D|7|"), [(3, "sequence", "n")]),
    ("a mark that is none", changed("D|1|", "X|1|"), [(2, "mark", "mark"), (1, "total", "head")]),
    ("a blank reference", changed("|TT1|", "||"), [(2, "reference", "reference"), (1, "total", "head")]),
    ("a control character", changed("VCB", "V\x1bB"), [(2, "text", "bank"), (1, "total", "head")]),
    ("something after the end", lambda: "".join(LINES).encode() + b"D|4|x\r\n", [(6, "after_end", "")]),
    ("a tail of other columns", lambda: "".join(LINES[:-1]).encode() + b"T|3\r\n", [(5, "tail", "")]),
    ("a line without an end", lambda: b"x" * 10_000, [(1, "too_long", "")]),
]


def sealed_bytes(body: bytes) -> bytes:
    return body + f"T|3|{hashlib.sha256(body).hexdigest()}\r\n".encode()


@pytest.mark.parametrize(("name", "content", "wanted"), BAD, ids=[name for name, *_ in BAD])
def test_bad_file_is_told_by_line_and_rule(tmp_path, name, content, wanted):
    """Whatever is wrong with it stands there by line and rule; no row is dropped without a word."""
    rows, findings = read(tmp_path, content())

    assert wanted[0] in findings
    assert set(wanted) <= set(findings)
    told = {line for line, *_ in findings}
    held = content().count(b"\nD|") + content().count(b"\nX|")
    assert held <= len(rows) + len(told), "each row is there, or told"


def test_good_rows_around_a_bad_one_are_read(tmp_path):
    """One bad row among a million is told; the others are still counted and summed."""
    rows, findings = read(tmp_path, changed("D|2|TT2|", "D|2|T T2|")())

    assert ["TT1", "TT3"] == [row[1] for row in rows]
    assert (3, "reference", "reference") in findings


def test_of_many_findings_the_first_are_kept_and_all_counted(tmp_path):
    """A file of the wrong kind has as many findings as lines."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"x|y\r\n" * 5_000)
    file = PlatformFile(opened(path), PLATFORM, day=DAY)

    assert [] == [row for batch in file.batches() for row in batch]
    assert 1_000 == len(file.findings)
    assert 5_000 < file.faults


def test_what_is_told_of_a_value_is_cut(tmp_path):
    """A finding shows the beginning of what stood there, however long it was."""
    path = tmp_path / "x.txt"
    path.write_bytes(changed("VCB", "V" * 500)())
    file = PlatformFile(opened(path), PLATFORM, day=DAY)
    list(file.batches())

    assert [("V" * 80) + "…"] == [one.detail for one in file.findings if one.rule == "text"]


def test_nobody_is_asked_for_a_name_that_is_not_known(tmp_path):
    """Where the settings tell no name of ours, any is taken."""
    assert [] == read(tmp_path, platform_text(ROWS, day=DAY, merchant="KHAC"), merchant="")[1]


def test_total_may_be_over_what_was_paid(tmp_path):
    """Nobody knows whether the head's total counts failed rows: a setting."""
    rows = [at_noon(1), at_noon(2, state="4")]
    only_paid = Layout(**{**_fields(PLATFORM), "total_of": "paid"})

    assert [] == read(tmp_path, platform_text(rows, day=DAY))[1]
    assert [] == read(tmp_path, platform_text(rows, day=DAY, total=50_000), layout=only_paid)[1]


# -- tables ---------------------------------------------------------------------------------------------------------

TABLE = "reference,transaction,bank,at,amount,state\r\nTT1,GD1,VCB,15/01/2026 12:00:00,50000,paid\r\n"


def test_table_with_names_is_read(tmp_path):
    """A mark at its beginning, other columns between, any order, quoted values, an empty last line: all allowed."""
    layout = Layout(**{**_fields(LIST), "titles": {"amount": "So tien", "at": "Thoi gian"}})
    text = (
        "\ufeffSo tien,other,state,reference,transaction,bank,Thoi gian\n"
        '50000,"x, y",paid,TT1,GD1,"Ngân hàng, A",15/01/2026 12:00:00\n'
        "60000,,failed,TT2,,VCB,15/01/2026 12:00:00\n\n"
    )
    rows, findings = read(tmp_path, text.encode(), layout=layout)

    assert [] == findings
    noon = 1_768_453_200_000
    assert [
        (2, "TT1", "GD1", "Ngân hàng, A", noon, "15/01/2026 12:00:00", 50_000, "VND", "paid"),
        (3, "TT2", "", "VCB", noon, "15/01/2026 12:00:00", 60_000, "VND", "failed"),
    ] == rows


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("reference,amount\nTT1,1\n", (1, "no_column", "state")),
        (TABLE.replace("bank", "at", 1), (1, "no_column", "at")),
        (TABLE.replace("15/01/2026 12", "15/13/2026 12"), (2, "time", "at")),
        (TABLE.replace("VCB", '"V\x07B"'), (2, "text", "bank")),
        (TABLE.replace("50000", '"50,000"'), (2, "amount", "amount")),
        (TABLE.replace("paid", "unknown"), (2, "state", "state")),
    ],
)
def test_bad_table_is_told(tmp_path, text, finding):
    """The same rules by line and column."""
    assert finding in read(tmp_path, text.encode(), layout=LIST)[1]


def test_amounts_in_hundredths_are_whole_dong_or_told(tmp_path):
    """A gateway that tells 100 for one đồng: what is no whole đồng is an amount that cannot be."""
    layout = Layout(**{**_fields(LIST), "amount_factor": 100})
    text = TABLE.replace("50000", "5000000") + "TT2,GD2,VCB,15/01/2026 12:00:00,5000001,paid\r\n"
    rows, findings = read(tmp_path, text.encode(), layout=layout)

    assert ([50_000], [(3, "amount", "amount")]) == ([row[6] for row in rows], findings)


@pytest.mark.parametrize(
    ("form", "text", "wanted"),
    [
        ("iso", "2026-01-15T05:00:00+00:00", 1_768_453_200_000),
        ("iso", "2026-01-15 12:00:00", 1_768_453_200_000),
        ("%Y-%m-%d %H:%M", "2026-01-15 12:00", 1_768_453_200_000),
    ],
)
def test_times_have_the_layouts_form(tmp_path, form, text, wanted):
    """A time that names its zone is read in it, any other is Vietnam's."""
    layout = Layout(**{**_fields(LIST), "date_form": form})

    assert [wanted] == [
        row[4] for row in read(tmp_path, TABLE.replace("15/01/2026 12:00:00", text).encode(), layout=layout)[0]
    ]


def test_table_without_times_is_of_its_day(tmp_path):
    """Where a table tells no time, nothing is said about its day."""
    layout = Layout(**{**_fields(LIST), "columns": ("reference", "amount", "state")})
    rows, findings = read(tmp_path, b"reference,amount,state\nTT1,5,paid\n", layout=layout)

    assert ([], [(2, "TT1", "", "", 0, "", 5, "VND", "paid")]) == (findings, rows)


def _fields(layout: Layout) -> dict[str, Any]:
    return {name: getattr(layout, name) for name in layout.__dataclass_fields__}


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": ("mark", "n")},
        {"columns": ("payment", "amount")},
        {"separator": "||"},
        {"separator": "\n"},
        {"codes": {}},
        {"tail": ("mark",)},
        {"amount_factor": 0},
        {"encoding": "utf-16"},
    ],
)
def test_layout_that_cannot_be_read_is_refused(changes):
    """Missing columns, two separators, states that mean nothing, a hash that stands nowhere."""
    with pytest.raises(ValueError, match="layout platform"):
        Layout(**{**_fields(PLATFORM), **changes})


# -- the one-stop system's own file ---------------------------------------------------------------------------------


def export(folder: Path, text: str, *, source: str = "", layout: Layout = EXPORT) -> tuple[list[Any], list[Any]]:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    file = OneStopFile(opened(path), layout, source=source)
    rows = [row for batch in file.batches() for row in batch]
    return rows, [(one.side, one.line, one.rule, one.field) for one in file.findings]


def test_export_is_read(tmp_path):
    """Who speaks, its number of the payment, the amount, and whether it counts as paid."""
    rows, findings = export(
        tmp_path, "source,payment,amount,state\na/b,P1,5,paid\na/b,P2,6,unpaid\na/b,P3,7,refunded\n"
    )

    assert [] == findings
    assert [(2, "a/b", "P1", 5, 1), (3, "a/b", "P2", 6, 0), (4, "a/b", "P3", 7, 1)] == rows


def test_export_of_one_source_needs_no_column_for_it(tmp_path):
    """The settings may say who speaks."""
    layout = Layout(**{**_fields(EXPORT), "columns": ("payment", "amount", "state")})

    assert [(2, "a/b", "P1", 5, 1)] == export(
        tmp_path, "payment,amount,state\nP1,5,paid\n", source="a/b", layout=layout
    )[0]


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("a/b,P1,5,gone", ("one_stop", 2, "state", "state")),
        ("a/b,P 1,5,paid", ("one_stop", 2, "reference", "payment")),
        (f"a/b,P1,{10**13},paid", ("one_stop", 2, "amount", "amount")),
        ("a b,P1,5,paid", ("one_stop", 2, "source", "source")),
    ],
)
def test_bad_export_is_told(tmp_path, line, finding):
    """With its side."""
    assert [finding] == export(tmp_path, f"source,payment,amount,state\n{line}\n")[1]


# -- size -----------------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Three times the rows take no more memory, bare and in the envelope."""

    def peak(count: int, *, is_wrapped: bool) -> int:
        content = platform_text([at_noon(n) for n in range(1, count + 1)], day=DAY)
        path = tmp_path / f"{count}.txt"
        path.write_bytes(envelope(base64.b64encode(content).decode()) if is_wrapped else content)
        del content
        file = PlatformFile(opened(path), PLATFORM, day=DAY, merchant=MERCHANT)
        tracemalloc.start()
        try:
            assert count == sum(len(batch) for batch in file.batches())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert 0 == file.faults

    for is_wrapped in (False, True):
        small, large = peak(5_500, is_wrapped=is_wrapped), peak(15_000, is_wrapped=is_wrapped)
        assert large < 1.5 * small + 4 * CHUNK


def test_verdicts_are_what_the_codes_say():
    """1 paid, 3 pending, 4 failed (contracts/payment_platform/NOTES.md)."""
    assert {"1": Verdict.PAID, "3": Verdict.PENDING, "4": Verdict.FAILED} == PLATFORM.codes
