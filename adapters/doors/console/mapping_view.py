"""Pure. What the mapping page shows: rows that are wanted, a form for one, and what adding it would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from bus.unmapped import Wanted

PREFILLED: Final[Mapping[str, tuple[str, ...]]] = {"local_steps": ("source", "local_step")}
"""Tables whose missing row names several columns, parted by blanks."""
PROVINCE: Final = "province"
"""Where a row comes from that an operator adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: Literal["identifier", "code", "text", "number", "date", "choice", "row_of"]
    is_required: bool
    is_key: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a row of a table looks like."""

    partner: str
    table: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Why a row cannot be added."""

    column: str
    rule: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row that differs."""

    key: str
    kind: str
    old: Mapping[str, str]
    new: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A table with one row more, as it would be."""

    name: str
    """As the ledger calls it."""
    text: str
    base: str
    """Digest of the text that it was made from: who changed the table meanwhile is not overwritten."""
    changes: tuple[Change, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


class TablesDesk(Protocol):
    """The tables in force, and how they may be changed."""

    def shape(self, partner: str, table: str) -> Shape | None:
        """What a row looks like; None where there is no such table."""
        ...

    def unclear(self, partner: str, status: str, language: str) -> str:
        """What doubling or losing a step of this status means."""
        ...

    def with_row(self, shape: Shape, row: Mapping[str, str]) -> Proposal:
        """The table with one row more; nothing is in force yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row that is wanted, in the list."""

    wanted: Wanted
    can_be_mapped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingView:
    """The list."""

    lines: tuple[Line, ...]
    total: int
    may_map: bool
    is_limited: bool = False
    """To units: a table is nobody's who sees only some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """The form of one row, and the dry run once it was asked for."""

    wanted: Wanted
    shape: Shape
    values: Mapping[str, str]
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    """By column; what no column is to blame for stands under an empty name."""
    proposal: Proposal | None = None
    frees: int = 0
    press: str = ""
    may_release: bool = False
    is_many: bool = False
    """So many that they are released by a run."""
    reason: str = ""
    wrong: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


def prefilled(shape: Shape, wanted: Wanted) -> dict[str, str]:
    """What is known of the row: its key, and that the province says so."""
    names = PREFILLED.get(shape.table) or tuple(column.name for column in shape.columns if column.is_key)
    parts = wanted.row.split(" ", len(names) - 1)
    known = dict(zip(names, parts, strict=False))
    if any(column.name == "source_kind" for column in shape.columns):
        known["source_kind"] = PROVINCE
    return known
