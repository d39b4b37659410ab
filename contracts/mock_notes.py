"""A partner's `NOTES.md` as a page, each rule under its own anchor: where a broken rule's link leads."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final

RULE: Final = re.compile(r'^- <a id="(r\d+)"></a>(.*)$')
HEADING: Final = re.compile(r"^(#{1,3}) (.*)$")
ALONE: Final = re.compile(r"#|- |<|\d+\. ")
LINK: Final = re.compile(r"\[([^\]]+)\]\([^)\s]+\)")
CELLS: Final = re.compile(r"(?<!\\)\|")
RULER: Final = re.compile(r"^\|[\s:|-]+$")
SLANTED: Final = re.compile(r"(?<![\w*])\*([^\s*][^*]*)\*(?![\w*])")
BOLD: Final = re.compile(r"\*\*(.+?)\*\*")
CODE: Final = re.compile(r"`([^`]+)`")


@lru_cache(maxsize=32)
def rules_of(notes: Path) -> dict[str, str]:
    """Each rule's number and its sentence, as written."""
    lines = notes.read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2].strip() for line in lines if (found := RULE.match(line))}


def as_html(notes: Path) -> str:
    """The notes' body, a part for each line; only what runs over several lines is one paragraph, or one table."""
    lines = notes.read_text(encoding="utf-8").splitlines()
    return "\n".join(_part(kind, list(part)) for kind, part in groupby(lines, _kind) if kind != "gap")


def _kind(line: str) -> str:
    if not line.strip():
        return "gap"
    if line.startswith("|"):
        return "table"
    return "line" if ALONE.match(line) else "text"


def _part(kind: str, lines: list[str]) -> str:
    if kind == "table":
        return _table(lines)
    if kind == "text":
        return f"<p>{inline(' '.join(lines))}</p>"
    return "\n".join(_line(line) for line in lines)


def _table(lines: list[str]) -> str:
    head, *rows = [
        [inline(cell.strip()) for cell in CELLS.split(line)[1:-1]] for line in lines if not RULER.match(line)
    ]
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{names}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _line(line: str) -> str:
    if rule := RULE.match(line):
        return f'<p class="rule" id="{rule[1]}">{inline(rule[2])}</p>'
    if heading := HEADING.match(line):
        level = len(heading[1])
        return f"<h{level}>{inline(heading[2])}</h{level}>"
    return f"<p>{inline(line)}</p>"


def inline(text: str) -> str:
    """Bold, slanted and code; all else is text. Links lead to files, which a mock does not serve: their words stay."""
    parts = CODE.split(LINK.sub(r"\1", escape(text, quote=False)))
    return "".join(f"<code>{part}</code>" if n % 2 else _stressed(part) for n, part in enumerate(parts))


def _stressed(text: str) -> str:
    return SLANTED.sub(r"<em>\1</em>", BOLD.sub(r"<strong>\1</strong>", text))
