"""A province's own tables: CSV text in, typed and dated rows out, or every mistake named at once.

`config/tables/tables.toml` says for each table its columns, its key and the date that decides. Nothing here is bound
to one partner's words beyond that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from adapters.partners.national_portal.table_reading import (
    FROM,
    Mistake,
    Row,
    Schema,
    TablesRefused,
    key_of,
    read_table,
    schemas_of,
)

__all__ = ["Change", "Mistake", "Schema", "Table", "Tables", "TablesRefused", "diff", "schemas_of", "version_of"]

Key = str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row that differs between two versions."""

    table: str
    key: tuple[str, ...]
    kind: Literal["added", "removed", "changed"]
    old: Mapping[str, str] | None
    new: Mapping[str, str] | None


class Table:
    """The rows of one table, found by key and day."""

    def __init__(self, schema: Schema, rows: Iterable[Row]) -> None:
        self.schema = schema
        self.rows = tuple(rows)
        self._index: dict[Key, tuple[Row, ...]] = {}
        for row in self.rows:
            key = _short(key_of(schema, row.values))
            self._index[key] = (*self._index.get(key, ()), row)

    def find(self, key: Key, on: date) -> Mapping[str, str] | None:
        """The row that holds for this key on this day. One key column: its value; several: a tuple of them."""
        for row in self._index.get(key, ()):
            if row.first <= on <= row.last:
                return row.values
        return None

    def has(self, key: Key) -> bool:
        """Whether the key has a row on any day."""
        return key in self._index


class Tables:
    """One version of all tables of one partner."""

    def __init__(self, tables: Mapping[str, Table], texts: Mapping[str, str]) -> None:
        self._tables = dict(tables)
        self.texts = dict(texts)
        """Name → CSV text as it was taken in: what the ledger keeps."""
        self.version = version_of(texts)

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    @classmethod
    def from_texts(cls, schemas: Mapping[str, Schema], texts: Mapping[str, str]) -> Tables:
        """Read every table, or raise `TablesRefused` with all that is wrong."""
        mistakes = [_whole(name, "unknown_table") for name in texts if name not in schemas]
        mistakes += [_whole(name, "missing_table") for name in schemas if name not in texts]
        tables = {
            name: Table(schema, read_table(schema, texts[name], mistakes))
            for name, schema in schemas.items()
            if name in texts
        }
        for table in tables.values():
            mistakes += _references(table, tables)
        if mistakes:
            raise TablesRefused(sorted(mistakes, key=lambda one: (one.table, one.line)))
        return cls(tables, texts)


def version_of(texts: Mapping[str, str]) -> str:
    """A short name for exactly this content."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        for part in (name, texts[name]):
            digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()[:12]


def diff(old: Tables, new: Tables) -> list[Change]:
    """What changed between two versions, row by row (a row is its key and its first day)."""
    changes: list[Change] = []
    for name in sorted({*old, *new}):
        before, after = _by_key(old, name), _by_key(new, name)
        for key in sorted({*before, *after}):
            was, now = before.get(key), after.get(key)
            if was != now:
                kind: Literal["added", "removed", "changed"] = (
                    "added" if was is None else "removed" if now is None else "changed"
                )
                changes.append(Change(table=name, key=key, kind=kind, old=was, new=now))
    return changes


def _short(key: tuple[str, ...]) -> Key:
    return key[0] if len(key) == 1 else key


def _by_key(tables: Tables, name: str) -> dict[tuple[str, ...], Mapping[str, str]]:
    if name not in tables:
        return {}
    table = tables[name]
    return {(*key_of(table.schema, row.values), row.values.get(FROM, "")): row.values for row in table.rows}


def _whole(name: str, rule: str) -> Mistake:
    return Mistake(table=name, line=0, column="", rule=rule)


def _references(table: Table, tables: Mapping[str, Table]) -> Iterator[Mistake]:
    """A value that names a row of another table must find one."""
    for column in table.schema.columns:
        if column.kind != "row_of":
            continue
        for row in table.rows:
            value = row.values[column.name]
            if value and not (column.table in tables and tables[column.table].has(value)):
                yield Mistake(table=table.schema.name, line=row.line, column=column.name, rule="no_row", value=value)
