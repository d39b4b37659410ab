"""Pure. The bytes of one direction, as a page shows them: whole or in part, as they were or laid out for reading.

The raw form is the evidence. The other one is ours: a document laid out anew, so that a person can read it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal

from adapters.doors.console.masking import Masker
from adapters.doors.console.visible import decoded, visible

Form = Literal["raw", "formatted"]

MOST_SHOWN: Final = 64 * 1024
"""Bytes of a body on a page: some thousand lines. More would take a browser seconds, and nobody reads it there."""
MOST_FORMATTED: Final = 256 * 1024
"""Bytes that are laid out for reading; a larger body is shown as it is."""
MOST_LINES: Final = 4_000
DEEPEST: Final = 60
"""Levels that still move a line to the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBytes:
    """A body for a page."""

    text: str
    size: int
    """Bytes of the whole."""
    shown: int
    """Bytes that were looked at for `text`."""
    form: Form
    language: Literal["json", "xml", "text", "empty"]
    is_masked: bool
    is_utf8: bool

    @property
    def is_cut(self) -> bool:
        return self.shown < self.size


def show_bytes(raw: bytes, masker: Masker, form: Form, *, is_masked: bool) -> ShownBytes:
    """A body for the page: in part where it is too long, masked, and with nothing hidden in it."""
    language = _language(raw)
    can_format = form == "formatted" and len(raw) <= MOST_FORMATTED and language in ("json", "xml")
    taken = raw if can_format else _whole_letters(raw[:MOST_SHOWN], len(raw) > MOST_SHOWN)
    text, is_utf8 = decoded(taken)
    if can_format:
        laid_out = _laid_out(text, language)
        text, can_format = (text, False) if laid_out is None else (laid_out, True)
    text = visible(masker.body(text))
    lines = text.split("\n")
    return ShownBytes(
        text="\n".join(lines[:MOST_LINES]),
        size=len(raw),
        shown=len(taken) if len(lines) <= MOST_LINES else min(len(taken), len("\n".join(lines[:MOST_LINES]).encode())),
        form="formatted" if can_format else "raw",
        language=language,
        is_masked=is_masked,
        is_utf8=is_utf8,
    )


def show_head(raw: bytes, masker: Masker) -> str:
    """Header lines for the page."""
    text, _is_utf8 = decoded(raw[:MOST_SHOWN])
    return visible(masker.head(text)).strip()


def _language(raw: bytes) -> Literal["json", "xml", "text", "empty"]:
    start = raw[:200].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start:
        return "empty" if not raw else "text"
    return "json" if start in (b"{", b"[") else "xml" if start == b"<" else "text"


def _whole_letters(part: bytes, is_cut: bool) -> bytes:
    """Without the beginning of a letter at the cut: half a letter is not what was sent."""
    if not is_cut:
        return part
    for back in range(1, 5):
        byte = part[-back]
        if byte < 0x80:
            return part
        if byte >= 0xC0:
            return part[:-back]
    return part


def _laid_out(text: str, language: str) -> str | None:
    return _json(text) if language == "json" else _xml(text)


def _json(text: str) -> str | None:
    """Laid out without being understood: numbers and repeated members stay as they were written."""
    try:
        json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return None
    done: list[str] = []
    depth = 0
    last = ""
    for found in _TOKEN.finditer(text):
        part = found.group()
        if part in "}]":
            depth -= 1
            if last not in "{[":
                done.append(_line(depth))
        elif last in ("{", "[") or last == ",":
            done.append(_line(depth))
        done.append(": " if part == ":" else part)
        depth += part in "{["
        last = part
    return "".join(done)


_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s"{}\[\],:\ufeff]+')
_XML_PIECE: Final = re.compile(r"(?s)<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<[^<>]*>|[^<]+|<")


def _line(depth: int) -> str:
    return "\n" + "  " * min(max(depth, 0), DEEPEST)


def _xml(text: str) -> str:
    """A line for each element that holds others; an element of text alone stays on one line."""
    done: list[str] = []
    depth = 0
    before = ""
    for found in _XML_PIECE.finditer(text):
        piece = found.group()
        if not piece.strip():
            continue
        kind = _piece_kind(piece)
        if kind == "close":
            depth -= 1
        if before and (before, kind) not in _SAME_LINE:
            done.append(_line(depth))
        done.append(piece.strip() if kind == "text" else piece)
        depth += kind == "open"
        before = kind
    return "".join(done)


_SAME_LINE: Final = frozenset({("open", "text"), ("text", "close"), ("open", "close")})


def _piece_kind(piece: str) -> str:
    if not piece.startswith("<") or piece == "<":
        return "text"
    if piece.startswith("</"):
        return "close"
    return "leaf" if piece.startswith(("<?", "<!")) or piece.endswith("/>") else "open"
