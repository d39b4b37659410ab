"""A row of a file to an event, by a map of its columns; what is wrong is named by column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.doors import cells
from adapters.doors.cells import Cell, CellRefused, Column, Spoiled
from adapters.doors.files import Line
from adapters.doors.files_csv import FileRefused, Row
from adapters.doors.malformed import FieldError, Malformed, field_error
from adapters.doors.member_shape import bare, group_of, is_member, listed, put, reads, shape_of
from adapters.doors.reading import read_line
from bus.messages import canonical_bytes

LENGTHS: Final = {"cccd": (12,), "cmnd": (9, 12), "tax_code": (10, 13)}
"""Digits of identity papers: with fewer, a spreadsheet has taken the zeros in front."""

IDENTITY: Final = "/data/applicant/identity/number"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """What the rows of one kind of file say."""

    kind: str
    columns: tuple[Column, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Member → what it is where no cell says otherwise."""
    id_from: tuple[str, ...] = ()
    """Members that name an event where its rows have no id; the same names with another content are a contradiction."""
    encoding: str = "utf-8"
    separator: str = ","
    header_row: int = 1
    sheet: str = ""

    def mistakes(self) -> list[tuple[str, str]]:
        """What is wrong with the map itself: where, and the cure."""
        filled = [pointer for column in self.columns for pointer in column.pointers]
        found = [
            (f"columns.{column.name}", f"{self.kind} has no member {pointer} that a cell could fill")
            for column in self.columns
            for pointer in column.pointers
            if reads(self.kind, pointer) is None
        ]
        twice = sorted({pointer for pointer in filled if filled.count(pointer) > 1})
        found += [("columns", f"{pointer} is filled twice") for pointer in twice]
        strange = [pointer for pointer in self.constants if not is_member(self.kind, pointer)]
        found += [(f"constants.{pointer}", f"{self.kind} has no such member") for pointer in strange]
        found += [(f"id_from.{each}", "no column fills it") for each in self.id_from if each not in filled]
        if "/id" not in filled and not self.id_from:
            found.append(("id_from", "is missing: no column is /id, so name the members that tell two events apart"))
        if "/id" in filled and self.id_from:
            found.append(("id_from", "is of no use where a column is /id"))
        return found

    def places(self, row: Row) -> list[tuple[Column, int]]:
        """Each column with its place in this header. Raises FileRefused."""
        names = [_header(cell) for cell in row.cells]
        found = []
        for column in self.columns:
            count = names.count(column.name)
            if count > 1:
                raise FileRefused("duplicate_member", "file_two_columns", row=row.number, column=column.name)
            if count:
                found.append((column, names.index(column.name)))
            elif not column.is_optional:
                raise FileRefused("missing_field", "file_no_column", row=row.number, column=column.name)
        return found


class RowReader:
    """Reads the rows below one header."""

    def __init__(self, told: ColumnMap, header: Row) -> None:
        """Raises FileRefused when the header lacks a column or has one twice."""
        self._map = told
        self._places = told.places(header)
        self._width = len(header.cells)
        self._columns = {pointer: column.name for column, _ in self._places for pointer in column.pointers}
        self._grouped = {group for pointer in self._columns if (group := group_of(told.kind, pointer))}
        self._constants = {pointer: (value, group_of(told.kind, pointer)) for pointer, value in told.constants.items()}

    def read(self, row: Row) -> Line:
        """The row's event, or everything that is wrong with it."""
        errors = self._wrong_width(row)
        values: dict[str, Any] = {}
        for column, at in () if errors else self._places:
            try:
                value = cells.read(row.cells[at] if at < len(row.cells) else "", column)
            except CellRefused as trouble:
                errors.append(_error(column.pointers[0], trouble.rule, trouble.reason, trouble.facts))
            else:
                values |= {pointer: value for pointer in column.pointers if value is not None}
        tree = {} if errors else self._tree(values)
        errors = errors or _lost_zeros(tree)
        if errors:
            return self._line(row, trouble=Malformed(errors[0].rule, errors))
        raw = canonical_bytes(tree)
        try:
            return self._line(row, raw=raw, event=read_line(raw))
        except Malformed as trouble:
            return self._line(row, raw=raw, trouble=trouble)

    def _line(self, row: Row, *, raw: bytes = b"", event: Any = None, trouble: Malformed | None = None) -> Line:
        return Line(number=row.number, raw=raw, end=row.end, event=event, trouble=trouble, columns=self._columns)

    def _wrong_width(self, row: Row) -> list[FieldError]:
        """A row with a cell too many was split at a separator inside a text; one with too few was cut off."""
        if any(not _is_empty(cell) for cell in row.cells[self._width :]):
            return [_error("", "unknown_field", "row_too_wide", {})]
        if not row.is_padded and len(row.cells) < self._width:
            return [_error("", "missing_field", "row_too_short", {})]
        return []

    def _tree(self, values: Mapping[str, Any]) -> dict[str, Any]:
        told = self._map
        tree = bare(shape_of(told.kind))
        filled = {group for pointer in values if (group := group_of(told.kind, pointer))}
        for pointer, (value, group) in self._constants.items():
            # What belongs to a thing that this row does not have (an identity's kind, a fee's currency) is left out.
            if group in filled or group not in self._grouped:
                put(tree, told.kind, pointer, value)
        for pointer, value in values.items():
            put(tree, told.kind, pointer, value)
        made: dict[str, Any] = listed(tree)
        if told.id_from:
            made["id"] = made_id(told.kind, str(made.get("source")), [values.get(each) for each in told.id_from])
        return made


def made_id(kind: str, source: str, names: Sequence[Any]) -> str:
    """The id of an event whose row has none: the same for the same names, in whichever file they come."""
    return "row-" + hashlib.sha256(canonical_bytes([kind, source, *names])).hexdigest()


def is_empty(row: Row) -> bool:
    """Whether a row says nothing at all."""
    return all(_is_empty(cell) for cell in row.cells)


def _header(cell: Cell) -> str:
    shown = cell.shown if isinstance(cell, Spoiled) else cell
    return cells.tidy(shown) if isinstance(shown, str) else ""


def _is_empty(cell: Cell) -> bool:
    return isinstance(cell, str) and not cell.strip()


def _lost_zeros(tree: Mapping[str, Any]) -> list[FieldError]:
    identity = (tree.get("data", {}).get("applicant") or {}).get("identity") or {}
    number, lengths = identity.get("number"), LENGTHS.get(str(identity.get("kind")))
    if lengths is None or not isinstance(number, str) or not re.fullmatch("[0-9]+", number) or len(number) in lengths:
        return []
    return [_error(IDENTITY, "wrong_type", "cell_lost_zeros", {})]


def _error(place: str, rule: str, reason: str, facts: Mapping[str, str]) -> FieldError:
    return field_error(field=place, rule=rule, reason=reason, facts=facts)


def column_of(place: str, columns: Mapping[str, str]) -> str:
    """The column that fills a member, or the nearest one above or below it; empty for what no column says."""
    if place in columns:
        return columns[place]
    near = (name for pointer, name in columns.items() if pointer.startswith(f"{place}/") and place.count("/") > 1)
    above = (name for pointer, name in columns.items() if place.startswith(f"{pointer}/"))
    return next(above, None) or next(near, "")
