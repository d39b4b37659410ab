"""The province's tables as the console's mapping page sees them: what a row looks like, and what adding one changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from typing import Final

from adapters.doors.console.mapping_view import Change, Column, Mistake, Proposal, Shape
from adapters.partners.national_portal.table_reading import Schema, TablesRefused
from adapters.partners.national_portal.tables import Tables, diff
from bus.reads import Reads
from bus.repairs import digest_of_table
from config.partner_tables import WITH_TABLES, in_force, ledger_name, schemas

UNCLEAR: Final = "unclear_steps"


class ConsoleTables:
    """Reads the tables in force; writes nothing."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def shape(self, partner: str, table: str) -> Shape | None:
        """What a row of this table looks like; None where there is no such table."""
        known = schemas(partner) if partner in WITH_TABLES else {}
        return _shape(partner, known[table]) if table in known else None

    def unclear(self, partner: str, status: str, language: str) -> str:
        """What doubling or losing a step of this status means, in the table's words; nothing where it has none."""
        if partner not in WITH_TABLES:
            return ""
        row = in_force(self._reads, partner)[UNCLEAR].find(status, date.max)
        return "" if row is None else row[f"consequence_{language}"]

    def with_row(self, shape: Shape, row: Mapping[str, str]) -> Proposal:
        """The table with one row more, judged as an import is; nothing is in force yet."""
        old = in_force(self._reads, shape.partner)
        text = old.texts[shape.table]
        base = digest_of_table(text)
        longer = _added(text, row)
        try:
            new = Tables.from_texts(schemas(shape.partner), {**old.texts, shape.table: longer})
        except TablesRefused as refused:
            mistakes = tuple(Mistake(column=one.column, rule=one.rule, value=one.value) for one in refused.mistakes)
            return Proposal(name=ledger_name(shape.partner, shape.table), text="", base=base, mistakes=mistakes)
        changes = tuple(
            Change(key=" ".join(filter(None, one.key)), kind=one.kind, old=one.old or {}, new=one.new or {})
            for one in diff(old, new)
        )
        return Proposal(name=ledger_name(shape.partner, shape.table), text=longer, base=base, changes=changes)


def _shape(partner: str, schema: Schema) -> Shape:
    columns = tuple(
        Column(
            name=column.name,
            kind=column.kind,
            is_required=column.is_required,
            is_key=column.name in schema.key,
            choices=column.choices,
        )
        for column in schema.columns
    )
    return Shape(partner=partner, table=schema.name, columns=columns)


def _added(text: str, row: Mapping[str, str]) -> str:
    """The CSV text with one row at its end, in the order of its own columns."""
    header = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow([row.get(name, "") for name in header])
    return text + ("" if text.endswith("\n") else "\n") + line.getvalue()
