"""A partner's `NOTES.md` as a page, each rule under its own anchor: where a broken rule's link leads."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Final

RULE: Final = re.compile(r'^- <a id="(r\d+)"></a>(.*)$')
HEADING: Final = re.compile(r"^(#{1,3}) (.*)$")
BOLD: Final = re.compile(r"\*\*(.+?)\*\*")
CODE: Final = re.compile(r"`([^`]+)`")


@lru_cache(maxsize=32)
def rules_of(notes: Path) -> dict[str, str]:
    """Each rule's number and its sentence, as written."""
    lines = notes.read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2].strip() for line in lines if (found := RULE.match(line))}


def as_html(notes: Path) -> str:
    """The notes' body. Tables stay as they are written, in fixed type."""
    return "\n".join(_line(line) for line in notes.read_text(encoding="utf-8").splitlines() if line.strip())


def _line(line: str) -> str:
    if rule := RULE.match(line):
        return f'<p class="rule" id="{rule[1]}">{inline(rule[2])}</p>'
    if heading := HEADING.match(line):
        level = len(heading[1])
        return f"<h{level}>{inline(heading[2])}</h{level}>"
    if line.startswith("|"):
        return f'<pre class="row">{escape(line)}</pre>'
    return f"<p>{inline(line)}</p>"


def inline(text: str) -> str:
    """Bold and code; everything else is text."""
    return CODE.sub(r"<code>\1</code>", BOLD.sub(r"<strong>\1</strong>", escape(text, quote=False)))
