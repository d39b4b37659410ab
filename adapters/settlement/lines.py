"""A file's lines as they are: bytes, ends and encoding judged one by one, in bounded memory."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from adapters.settlement.layouts import Layout
from bus.settlement import Finding, Side

MARK: Final = codecs.BOM_UTF8
KEPT: Final = 1_000
"""Findings of one file that are kept; all are counted."""
CRLF: Final = b"\r\n"
HASHED_AT_ONCE: Final = 2_000


@dataclass(slots=True)
class Faults:
    """What is wrong with a file: all counted, the first ones kept."""

    side: Side
    kept: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, rule: str, field: str = "", detail: str = "") -> None:
        """One of them. What stands there is cut: it may be anything."""
        self.count += 1
        if len(self.kept) < KEPT:
            said = detail if len(detail) <= 80 else f"{detail[:80]}…"
            self.kept.append(Finding(line=line, rule=rule, field=field, detail=said, side=self.side))


class Lines:
    """Lines of an opened file, without their ends; `None` where a line is no text. Counted from 1."""

    def __init__(self, source: BinaryIO, layout: Layout, faults: Faults) -> None:
        self._source = source
        self._layout = layout
        self._faults = faults
        self._hash = hashlib.new("sha256" if layout.hash == "none" else layout.hash)
        self._pending: list[bytes] = []
        self.number = 0

    def __iter__(self) -> Iterator[str | None]:
        longest, read = self._layout.max_line, self._source.readline
        end, encoding = self._layout.line_end.encode(), self._layout.encoding
        while raw := read(longest + 1):
            self.number += 1
            if len(raw) > longest:
                self._faults.add(self.number, "too_long", detail=f"> {longest}")
                return  # whatever this is, it is no such file
            # A million of them are as they should be: `_text` looks at the others.
            is_usual = end == CRLF and raw.isascii() and raw.endswith(CRLF)
            yield raw[:-2].decode(encoding) if is_usual else self._text(raw)
            self._pending.append(raw)
            if len(self._pending) >= HASHED_AT_ONCE:
                self._hash_pending()

    def digest_before(self) -> str:
        """Of all bytes before the line that was handed out last."""
        self._hash_pending()
        return self._hash.copy().hexdigest()

    def _hash_pending(self) -> None:
        self._hash.update(b"".join(self._pending))
        self._pending.clear()

    def _text(self, raw: bytes) -> str | None:
        content = self._without_end(raw)
        if self.number == 1 and content.startswith(MARK):
            content = content[len(MARK) :]
            if not self._layout.may_begin_with_mark:
                self._faults.add(1, "byte_order_mark")
        try:
            return content.decode(self._layout.encoding)
        except UnicodeDecodeError:
            self._faults.add(self.number, "encoding", detail=self._layout.encoding)
            return None

    def _without_end(self, raw: bytes) -> bytes:
        wanted = self._layout.line_end.encode()
        if wanted and raw.endswith(wanted) and not (wanted == b"\n" and raw.endswith(b"\r\n")):
            return raw[: -len(wanted)]
        if wanted:
            # Without any end it is the last line, and a last line that was cut off looks like this.
            self._faults.add(self.number, "line_end" if raw.endswith(b"\n") else "cut_off")
        return raw.rstrip(b"\r\n")
