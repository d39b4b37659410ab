"""Exports over real doors: what may be taken away, by whom, and what is recorded of it."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from python_calamine import CalamineWorkbook

from adapters.doors.console import exports
from adapters.doors.console.threads import Threads
from bus.audit import Act, Audit, Entry
from tests.console_world import MAIN_DOSSIER, ConsoleWorld

UNIT = "000.00.09.H99"
PERSONAL = re.compile(r"(?<!\d)(?:099\d{9}|0900\d{6})(?!\d)|example\.invalid")
"""What the world's people have: numbers, telephones, addresses of mail."""


def taken(world: ConsoleWorld, path: str, account: str = "everything") -> httpx2.Response:
    return world.ask("GET", f"/console/exports/{path}", account)


def table(answer: httpx2.Response) -> list[list[str]]:
    assert 200 == answer.status_code
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def noted(world: ConsoleWorld) -> tuple[Entry, ...]:
    return Audit(world.installation.ledger).find(act=Act.EXPORTED, limit=200).entries


def test_deliveries_are_taken_as_the_log_filters_them(console_world: ConsoleWorld, tmp_path: Path) -> None:
    """The same rows in all three forms, the newest first, by the filter of the address."""
    wanted = [row for row in console_world.installation.reads.deliveries(limit=500) if row["state"] == "delivered"]

    as_csv = table(taken(console_world, "deliveries.csv?state=delivered"))
    lines = [json.loads(line) for line in taken(console_world, "deliveries.jsonl?state=delivered").text.splitlines()]
    (tmp_path / "x.xlsx").write_bytes(taken(console_world, "deliveries.xlsx?state=delivered").content)
    sheet = CalamineWorkbook.from_path(str(tmp_path / "x.xlsx")).get_sheet_by_index(0).to_python()

    ids = sorted((row["id"] for row in wanted), reverse=True)
    assert ids == [line["delivery"] for line in lines]
    assert ids == [int(row[0]) for row in as_csv[1:]]
    assert ids == [row[0] for row in sheet[1:]]
    assert ["Lượt chuyển", "Đối tác", "Hồ sơ"] == as_csv[0][:3]
    assert {"delivered"} == {line["state"] for line in lines}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+07:00", lines[0]["accepted_at"])


@pytest.mark.parametrize(
    "path", ["deliveries", "refusals", "audit", "users", "lateness", f"timeline?number={MAIN_DOSSIER}"]
)
@pytest.mark.parametrize("form", ["csv", "xlsx", "jsonl"])
def test_p12_no_export_holds_personal_data(console_world: ConsoleWorld, path: str, form: str, tmp_path: Path) -> None:
    """Identity numbers, telephones and addresses of mail are in none of them, and nobody is named as having acted."""
    name, _, query = path.partition("?")
    answer = taken(console_world, f"{name}.{form}?{query}")
    assert 200 == answer.status_code
    assert f"{name}-" in answer.headers["content-disposition"]
    text = answer.content.decode("utf-8", errors="replace")
    if form == "xlsx":
        (tmp_path / "x.xlsx").write_bytes(answer.content)
        text = str(CalamineWorkbook.from_path(str(tmp_path / "x.xlsx")).get_sheet_by_index(0).to_python())

    assert None is PERSONAL.search(text)
    if name == "timeline":
        assert "person:" not in text


@pytest.mark.parametrize(
    ("account", "name", "status"),
    [
        ("viewer", "deliveries", 200),
        ("viewer", "audit", 403),
        ("viewer", "users", 403),
        ("auditor", "audit", 200),
        ("auditor", "users", 403),
        ("administrator", "users", 200),
        ("unit", "deliveries", 200),
        ("unit", "refusals", 403),
        (None, "deliveries", 303),
    ],
)
def test_exports_ask_for_their_rights(console_world: ConsoleWorld, account: str | None, name: str, status: int) -> None:
    """Lists for who may see lists, the audit for auditors, accounts for administrators, nothing for strangers."""
    assert status == taken(console_world, f"{name}.csv", account).status_code  # type: ignore[arg-type]


def test_units_bound_an_export(console_world: ConsoleWorld) -> None:
    """Who is limited to a unit takes away that unit's rows and no other's."""
    mine = table(taken(console_world, "deliveries.csv", "unit"))
    everybodys = table(taken(console_world, "deliveries.csv"))

    assert {UNIT} == {row[-1] for row in mine[1:]}
    assert [row for row in everybodys if row[-1] == UNIT] == mine[1:]
    assert len(everybodys) > len(mine)


def test_export_is_recorded_at_its_beginning_and_its_end(console_world: ConsoleWorld) -> None:
    """The audit says who takes what by which filters before the first byte goes, and how much and which bytes after."""
    answer = taken(console_world, "deliveries.csv?state=held&partner=national_portal", "operator")

    end, begin = noted(console_world)[:2]
    rows = len(table(answer)) - 1
    assert ("person:operator", "deliveries.csv by partner state") == (begin.actor, begin.subject)
    assert f"deliveries.csv whole: rows {rows}, sha256 {hashlib.sha256(answer.content).hexdigest()}" == end.subject


def test_export_ends_at_its_limit_and_says_so(console_world: ConsoleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the named limit the file ends with a row that says so, in every form, and the audit does too."""
    monkeypatch.setattr(exports, "MOST_ROWS", 3)

    rows = table(taken(console_world, "deliveries.csv"))
    lines = [json.loads(line) for line in taken(console_world, "deliveries.jsonl").text.splitlines()]

    assert (5, True) == (len(rows), rows[-1][0].startswith("Tệp dừng ở 3 dòng"))
    assert (4, True) == (len(lines), lines[-1]["delivery"].startswith("Tệp dừng ở 3 dòng"))
    assert noted(console_world)[0].subject.startswith("deliveries.jsonl cut: rows 3")


def test_caller_who_goes_away_is_recorded(console_world: ConsoleWorld) -> None:
    """A file that was given up half-way is closed, and the audit says that it was stopped."""
    chunks: Any = exports._noted(
        *_asked(console_world), "deliveries", "csv", "x", exports.EXPORTS["deliveries"], _rows(console_world)
    )
    next(chunks)
    chunks.close()

    assert noted(console_world)[0].subject.startswith("deliveries.csv stopped: rows ")


def test_file_that_nobody_takes_is_let_go() -> None:
    """When the one who takes a file goes away, its making ends, in whatever row it was."""
    ended: list[str] = []

    def made() -> Iterator[bytes]:
        try:
            yield from (b"row\n" for _ in range(1_000))
        finally:
            ended.append("let go")

    async def taken_and_left() -> None:
        chunks = Threads(2).each(made())
        async for _chunk in chunks:
            break
        await chunks.aclose()  # type: ignore[attr-defined]

    asyncio.run(taken_and_left())
    assert ["let go"] == ended


def _asked(world: ConsoleWorld) -> tuple[Any, Any]:
    from config.console import make_console
    from tests.visits import visit

    return make_console(world.installation), visit()


def _rows(world: ConsoleWorld) -> Any:
    from adapters.doors.console.export_rows import Rows

    return Rows(rows=iter([(None,) * 13] * 2_000))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("deliveries.pdf", 404),
        ("secrets.csv", 404),
        ("deliveries.csv?state=nonsense", 422),
        ("timeline.csv", 422),
        ("timeline.csv?number=none", 404),
        ("refusals.csv?since=soon", 422),
        ("audit.csv?until=2026-99-99", 422),
        ("lateness.csv?from=2026-07&to=2026-01", 422),
    ],
)
def test_what_cannot_be_exported_is_told(console_world: ConsoleWorld, path: str, status: int) -> None:
    """An unknown form, a filter that cannot be read, a dossier that is not there: a page, and no file."""
    answer = taken(console_world, path)

    assert status == answer.status_code
    assert "text/html" in answer.headers["content-type"]


def test_page_tells_how_far_it_has_come(console_world: ConsoleWorld) -> None:
    """An export's rows stand on the page of whoever takes it; asked for by itself, the page gives that part alone."""
    rows = len(table(taken(console_world, "deliveries.csv", "supervisor"))) - 1

    page = console_world.ask("GET", "/console/exports", "supervisor").text
    part = console_world.ask("GET", "/console/exports", "supervisor", headers={"hx-request": "true"}).text
    assert f'<td class="num">{rows}</td>' in page
    assert f'<td class="num">{rows}</td>' in part
    assert ("<html" in page, "<html" in part) == (True, False)
    assert 'id="exporting"' in console_world.ask("GET", "/console/exports", "second").text


def test_page_offers_what_one_may_take(console_world: ConsoleWorld) -> None:
    """The page of exports has no links that would be refused."""
    page = console_world.ask("GET", "/console/exports", "viewer").text

    assert "/console/exports/deliveries.csv" in page
    assert "/console/exports/audit.csv" not in page
    assert "/console/exports/timeline" not in page
