"""A page of tables for a person: drawn on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of the page: a title in both languages, a header, rows, or what it means that there are none."""

    vi: str
    en: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "không có (none)"


def draw(sections: Iterable[Section], out: TextIO, *, is_terminal: bool) -> None:
    """One after the other."""
    for section in sections:
        if is_terminal:
            Console(file=out, force_terminal=True).print(_drawn(section))
        else:
            out.write(_plain(section))


def _drawn(section: Section) -> Table:
    table = Table(title=f"{section.vi} · {section.en}", title_justify="left", show_header=any(section.header))
    for name in section.header:
        table.add_column(name, overflow="fold")
    for row in section.rows or ((section.empty, *([""] * (len(section.header) - 1))),):
        table.add_row(*map(Text, row))  # plain text: a bracket in a reason is no markup
    return table


def _plain(section: Section) -> str:
    rows = [section.header, *section.rows] if any(section.header) and section.rows else list(section.rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(section.header))] if rows else []
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    body = "".join(f"  {line}\n" for line in lines or [section.empty])
    return f"{section.vi} · {section.en}\n{body}\n"
