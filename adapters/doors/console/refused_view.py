"""Pure. What was refused at the doors, as its pages show it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.doors.console.visible import one_line, visible

Row = Mapping[str, Any]

_REFERENCE: Final = re.compile(r"(?:LT)?([0-9A-Z]{4})([0-9A-Z])")
_DASHES: Final = re.compile(r"[\s\u2010-\u2015\u2212_.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A field and the rule that it broke."""

    field: str
    rule: str
    line: int | None
    """Of a batch or a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A part of what was signed: its digest as it came, and as it was made here."""

    part: str
    sent: str
    ours: str
    length: int

    @property
    def is_same(self) -> bool:
        return self.sent == self.ours


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalLine:
    """A line of the list."""

    reference: str
    at: str
    caller: str | None
    is_claimed: bool
    """Whether anybody could have written that name into the request."""
    route: str
    code: str
    status: int
    rule: str
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the caller was told, in one language."""

    language: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalView:
    """One refusal's page."""

    line: RefusalLine
    told: tuple[Told, ...]
    """The reader's language first."""
    rules: tuple[Rule, ...]
    base: str
    why: str
    digests: tuple[Digest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedView:
    """The list's page."""

    lines: tuple[RefusalLine, ...]
    next: int | None
    filters: Mapping[str, str]
    codes: tuple[str, ...]


def refusal_line(row: Row) -> RefusalLine:
    """A refusal in one line."""
    rules = [rule_of(each) for each in row["rules"]]
    return RefusalLine(
        reference=row["reference"],
        at=row["at"],
        caller=None if row["caller"] is None else one_line(row["caller"]),
        is_claimed=bool(row["why"]) or row["status"] == 401,
        route=one_line(row["route"]),
        code=row["code"],
        status=row["status"],
        rule=f"{rules[0].field} {rules[0].rule}".strip() if rules else "",
        rules=len(rules),
    )


def refusal_page(row: Row, told: Sequence[Told]) -> RefusalView:
    """A refusal's own page."""
    return RefusalView(
        line=refusal_line(row),
        told=tuple(told),
        rules=tuple(rule_of(each) for each in row["rules"]),
        base=visible(row["base"] or ""),
        why=visible(row["why"] or ""),
        digests=tuple(_digest(each) for each in row["digests"]),
    )


def refused_view(
    rows: Sequence[Row], next_one: int | None, filters: Mapping[str, str], codes: Sequence[str]
) -> RefusedView:
    """The list's page."""
    return RefusedView(
        lines=tuple(refusal_line(row) for row in rows), next=next_one, filters=filters, codes=tuple(codes)
    )


def rule_of(row: Row) -> Rule:
    """A field's place holds names that a stranger chose."""
    line = row.get("line")
    return Rule(
        field=one_line(str(row.get("field", ""))),
        rule=one_line(str(row.get("rule", ""))),
        line=line if isinstance(line, int) else None,
    )


def _digest(row: Row) -> Digest:
    return Digest(
        part=one_line(str(row["part"])),
        sent=one_line(str(row["sent"])),
        ours=one_line(str(row["ours"])),
        length=int(row.get("length", 0)),
    )


def reference_of(typed: str) -> str | None:
    """The reference that somebody read out, however it was typed: `lt 7f3k 2`, `LT–7F3K–2`; None where it is none."""
    found = _REFERENCE.fullmatch(_DASHES.sub("", typed.strip().upper()))
    return None if found is None else f"LT-{found[1]}-{found[2]}"
