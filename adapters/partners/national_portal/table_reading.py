"""Reading a table: what `tables.toml` says of it, and every mistake in a CSV text by file, line, column and rule."""

from __future__ import annotations

import csv
import io
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, Literal

IDENTIFIER: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,100}")
CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
FROM, TO = "valid_from", "valid_to"

Decides = Literal["received_at", "occurred_at", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: what may stand in it."""

    name: str
    kind: Literal["identifier", "code", "text", "number", "date", "choice", "row_of"]
    is_required: bool = True
    choices: tuple[str, ...] = ()
    table: str = ""
    """For `row_of`: the table whose key the value must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What `tables.toml` says of one table."""

    name: str
    key: tuple[str, ...]
    decides: Decides
    columns: tuple[Column, ...]
    source: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong in a table, and where."""

    table: str
    line: int
    column: str
    rule: str
    """`unknown_column`, `missing_column`, `cells`, `missing`, `not_nfc`, `bad_format`, `bad_date`, `swapped_dates`,
    `duplicate`, `overlap`, `choice`, `no_row`, `unknown_table`, `missing_table`, `not_csv`."""
    value: str = ""

    def __str__(self) -> str:
        shown = f" {self.value!r}" if self.value else ""
        return f"{self.table}.csv, line {self.line}, column {self.column or '-'}: {self.rule}{shown}"


class TablesRefused(Exception):
    """The tables were not taken; each mistake is named, and what was in use stays in use."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of one table, and the days on which it holds (both included)."""

    line: int
    values: Mapping[str, str]
    first: date
    last: date


def schemas_of(toml: str, partner: str) -> dict[str, Schema]:
    """The tables of one partner, as `tables.toml` describes them."""
    return {name: _schema(name, entry) for name, entry in tomllib.loads(toml)[partner].items()}


def key_of(schema: Schema, values: Mapping[str, str]) -> tuple[str, ...]:
    """The key of one row."""
    return tuple(values[column] for column in schema.key)


def read_table(schema: Schema, text: str, mistakes: list[Mistake]) -> list[Row]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = next(reader, [])
        if not _header_fits(schema, header, mistakes):
            return []
        for cells in reader:
            row = _row(schema, header, cells, reader.line_num, mistakes) if cells else None
            if row is not None:
                rows.append(row)
    except csv.Error as failure:
        mistakes.append(Mistake(table=schema.name, line=reader.line_num, column="", rule="not_csv", value=str(failure)))
    mistakes += _clashes(schema, rows)
    return rows


def _header_fits(schema: Schema, header: list[str], mistakes: list[Mistake]) -> bool:
    known = [column.name for column in schema.columns]
    wrong = [("unknown_column", name) for name in header if name not in known]
    wrong += [("missing_column", name) for name in known if name not in header]
    wrong += [("duplicate", name) for name, count in Counter(header).items() if count > 1]
    mistakes += [Mistake(table=schema.name, line=1, column=name, rule=rule) for rule, name in wrong]
    return not wrong


def _row(schema: Schema, header: list[str], cells: list[str], line: int, mistakes: list[Mistake]) -> Row | None:
    if len(cells) != len(header):
        mistakes.append(Mistake(table=schema.name, line=line, column="", rule="cells", value=str(len(cells))))
        return None
    values = dict(zip(header, cells, strict=True))
    found = [
        Mistake(table=schema.name, line=line, column=column.name, rule=rule, value=values[column.name])
        for column in schema.columns
        if (rule := _wrong(column, values[column.name]))
    ]
    mistakes += found
    if found:
        return None
    first = date.fromisoformat(values[FROM]) if values.get(FROM) else date.min
    last = date.fromisoformat(values[TO]) if values.get(TO) else date.max
    if first > last:
        mistakes.append(Mistake(table=schema.name, line=line, column=TO, rule="swapped_dates", value=values[TO]))
        return None
    return Row(line=line, values=values, first=first, last=last)


def _wrong(column: Column, value: str) -> str:
    """The rule that this cell breaks, or nothing."""
    if not unicodedata.is_normalized("NFC", value):
        return "not_nfc"
    if not value.strip():
        return "missing" if column.is_required else "bad_format" if value else ""
    match column.kind:
        case "identifier" | "row_of":
            return "" if IDENTIFIER.fullmatch(value) else "bad_format"
        case "code":
            return "" if CODE.fullmatch(value) else "bad_format"
        case "number":
            return "" if value.isascii() and value.isdigit() else "bad_format"
        case "date":
            return "" if _is_date(value) else "bad_date"
        case "choice":
            return "" if value in column.choices else "choice"
        case "text":
            return "" if value == value.strip() else "bad_format"


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _clashes(schema: Schema, rows: list[Row]) -> list[Mistake]:
    """Rows of one key must not hold on the same day: which one counts would be a guess."""
    found: list[Mistake] = []
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(key_of(schema, row.values), []).append(row)
    for key, group in groups.items():
        ordered = sorted(group, key=lambda row: (row.first, row.line))
        for earlier, later in pairwise(ordered):
            if later.first <= earlier.last:
                rule = "duplicate" if later.values == earlier.values else "overlap"
                where = max(earlier.line, later.line)
                column = "+".join(schema.key)
                found.append(Mistake(table=schema.name, line=where, column=column, rule=rule, value=" ".join(key)))
    return found


def _schema(name: str, entry: Mapping[str, object]) -> Schema:
    columns = entry["columns"]
    assert isinstance(columns, dict)
    return Schema(
        name=name,
        key=tuple(entry["key"]),  # type: ignore[arg-type]  # a list of names, by the file's own test
        decides=entry["decides"],  # type: ignore[arg-type]
        columns=tuple(_column(column, kind) for column, kind in columns.items()),
        source=str(entry["source"]),
        about=str(entry["about"]),
    )


def _column(name: str, kind: str) -> Column:
    """`code`, `text?` (may be empty), `choice: a|b`, `row_of: table`."""
    word, _, rest = kind.partition(":")
    is_required = not word.endswith("?")
    return Column(
        name=name,
        kind=word.removesuffix("?"),  # type: ignore[arg-type]
        is_required=is_required,
        choices=tuple(rest.strip().split("|")) if word.startswith("choice") else (),
        table=rest.strip() if word.startswith("row_of") else "",
    )
