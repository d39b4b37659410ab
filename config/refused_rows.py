"""The report of refused rows: a CSV file beside the file that was fed, without anything that stood in its cells."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from config import words
from config.feeding import Judged

SUFFIX: Final = ".refused.csv"
HEADER: Final = ("row", "column", "field", "rule", "reason")
_OBEYED: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """A cell that a spreadsheet shows as it is: what would be read as a formula stands behind an apostrophe."""
    return f"'{text}" if text.startswith(_OBEYED) else text


class RefusedRows:
    """Writes the report as rows are refused; it stands under its name only when it is whole."""

    def __init__(self, path: Path, language: str) -> None:
        self.path = path
        self._language = language
        self._draft = path.with_name(path.name + ".part")
        self._file: TextIO | None = None

    def hear(self, judged: Sequence[Judged]) -> None:
        """The next rows of the file. Raises OSError."""
        for each in judged:
            refused = each.refused
            for error in () if refused is None else refused.errors or ({"rule": refused.code},):
                cells = [error.get(name, "") for name in ("column", "field", "rule", "detail")]
                self._write([str(each.line), *cells])

    def end(self) -> bool:
        """Put the report in its place; whether there is one. An earlier run's report goes: it would lie."""
        if self._file is None:
            self.path.unlink(missing_ok=True)
            return False
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.replace(self.path)
        return True

    def _write(self, row: Sequence[str]) -> None:
        if self._file is None:
            # Nobody else's to read; the byte-order mark tells Excel that it is UTF-8.
            opened = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            self._file = os.fdopen(opened, "w", encoding="utf-8-sig", newline="")
            self._put([words.say(f"column_{name}", self._language) for name in HEADER])
        self._put(row)

    def _put(self, row: Sequence[str]) -> None:
        assert self._file is not None
        csv.writer(self._file, quoting=csv.QUOTE_ALL).writerow([harmless(cell) for cell in row])
