"""What every command has in front of it: its settings, its language, and how it answers a person or a machine."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

from bus import reasons
from config import words

if TYPE_CHECKING:
    from config.settings_file import Loaded
    from config.wiring import Installation

WELL: Final = 0
FINDING: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3


def put(line: str, stream: TextIO | None = None) -> None:
    """One line, at once: whoever reads a pipe must not wait for a full buffer."""
    to = stream or sys.stdout
    to.write(line + "\n")
    to.flush()


def put_document(answer: object) -> None:
    """One JSON document; in pure ASCII where the stream could not hold all of its letters."""
    is_whole = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    put(reasons.shown_json(json.dumps(answer, ensure_ascii=not is_whole, default=str)))


class Stop(Exception):
    """End the command with this exit code; what there was to say has been said."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class Desk:
    """One command's desk. With `--json` standard output carries one document and nothing else."""

    def __init__(self, *, config: Path | None = None, as_json: bool = False, lang: str | None = None) -> None:
        self._config = config
        self.as_json = as_json
        self.language = words.choose(lang)

    # -- settings and rooms -------------------------------------------------------------------------------------

    def load(self) -> Loaded:
        """The settings. Raises SettingsRefused."""
        from config.settings_file import find, load

        return load(find(self._config))

    @contextmanager
    def installation(self) -> Iterator[Installation]:
        """The pieces put together, until the block ends."""
        from config.wiring import build

        quiet()
        built = build(self.load().settings)
        try:
            yield built
        finally:
            built.close()

    # -- answering ----------------------------------------------------------------------------------------------

    def say(self, key: str, /, **facts: object) -> None:
        """A sentence for a person."""
        if not self.as_json:
            put(words.say(key, self.language, **facts))

    def note(self, key: str, /, **facts: object) -> None:
        """A sentence beside the answer: on the error stream, so that an answer in a pipe stays clean."""
        put(words.say(key, self.language, **facts), sys.stderr)

    def give(self, answer: object) -> None:
        """The answer for a machine."""
        if self.as_json:
            put_document(answer)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
        """Rows for a person: columns as wide as they must be. `header` are message keys."""
        if self.as_json:
            return
        names = [words.say(f"column_{name}", self.language) for name in header]
        told = [["" if cell is None else reasons.shown(str(cell)) for cell in row] for row in rows]
        if not told:
            self.say(empty)
            return
        widths = [max(len(row[n]) for row in (names, *told)) for n in range(len(names))]
        for row in (names, *told):
            put("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def fail(self, exit_code: int, key: str, /, **facts: object) -> NoReturn:
        """Say what is wrong, and end."""
        tell_trouble(key, words.say(key, self.language, **facts), as_json=self.as_json)
        raise Stop(exit_code)


def tell_trouble(code: str, detail: str, *, as_json: bool) -> None:
    """Trouble: a document on standard output for a machine, a sentence on the error stream for a person."""
    if as_json:
        put_document({"error": code, "detail": detail})
    else:
        put(detail, sys.stderr)


def actor(as_person: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Who moves, as the ledger will keep it."""
    return f"person:{as_person or environ.get('LIENTHONG_AS_PERSON') or _login_name()}"


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"


def quiet() -> None:
    """A command answers on its streams; the log of what it did there is for its warnings only."""
    from config import logging

    logging.configure(level="warning", hooks=False)


def shown(view: Mapping[str, Any], *names: str) -> list[Any]:
    """Some cells of a row."""
    return [view.get(name) for name in names]
