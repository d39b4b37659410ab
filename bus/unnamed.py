"""Events to which their source gives no id (the façade, files): the ledger names them in the transaction that takes
them in.

A message is a repeat only when it equals the *latest* event of its dossier and kind from its source: A, B, A is three
events. Messages of one call are one message here: what a caller whose answer was lost sends again is the end of what is
known already, however many records it holds, and perhaps something new behind it.

The name is a keyed hash of the content and a running number, so that the same life gives the same names, and nobody
without the master key can confirm a guess at a content from its name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import msgspec

from bus.engines.sqlite import Row, Tx
from bus.messages import Event, canonical_bytes, digest_of
from bus.routing import Route
from bus.times import from_ms, to_ms

MARK_SIZE: Final = 32
"""Hex digits: 128 bits of the hash."""
NOT_YET: Final = "0"
"""The id that an unnamed event is read under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """One event without an id, and perhaps without a time."""

    event: Event
    """As it was read, under `NOT_YET`; its time is any when `has_time` is not set."""
    has_time: bool
    """Whether its source told when it happened; else it happened when it was taken in."""

    def content(self) -> bytes:
        """What makes two of them equal: all that the source told."""
        told = self._tree()
        del told["id"]
        if not self.has_time:
            del told["time"]
        return canonical_bytes(told)

    def named(self, id: str, at: datetime) -> Event:
        """The event under its name."""
        told = self._tree() | {"id": id}
        happened_at = self.event.occurred_at
        if not self.has_time:
            happened_at = from_ms(to_ms(at))
            told["time"] = happened_at.astimezone(UTC).isoformat(timespec="milliseconds")
        body = canonical_bytes(told)
        return replace(self.event, id=id, occurred_at=happened_at, body=body, digest=digest_of(body))

    def _tree(self) -> dict[str, Any]:
        tree: dict[str, Any] = msgspec.json.decode(self.event.body)
        return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """One of them on its way in, hashed outside the writer's thread."""

    message: Unnamed
    mark: str
    routes: Sequence[Route]

    @property
    def line(self) -> tuple[str, str, str]:
        """Whose latest it is compared with."""
        event = self.message.event
        return event.dossier, event.source, event.kind


def mark_of(message: Unnamed, key: bytes) -> str:
    """The content's part of the name."""
    return hmac.new(key, b"unnamed\0" + message.content(), hashlib.sha256).hexdigest()[:MARK_SIZE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the ledger makes of a message: a new name, or the row of the event that it repeats."""

    marked: Marked
    id: str
    known: Row | None = None
    """As `find_event` gives it."""


def name_all(tx: Tx, messages: Sequence[Marked]) -> Iterator[Named]:
    """Names, in the order of the messages; each is to be recorded before the next is asked for."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for one in messages:
        lines.setdefault(one.line, []).append(one.mark)
    open_lines = {line: _Line(tx, line, marks) for line, marks in lines.items()}
    for one in messages:
        yield open_lines[one.line].next(one)


class _Line:
    """What one call tells of one dossier in one kind, beside what is known of it."""

    def __init__(self, tx: Tx, line: tuple[str, str, str], marks: Sequence[str]) -> None:
        self._tx = tx
        self._line = line
        told = [mark for mark, _ in groupby(marks)]  # the same twice in a row is told once
        rows = tx.all("latest_of_kind", *line, len(told))[::-1]
        same = overlap([_mark_in(row) for row in rows], told)
        self._repeated = rows[len(rows) - same :]
        count = tx.one("count_of_kind", *line)
        assert count is not None
        self._count = int(count[0])
        self._mark = ""
        self._row: Row | None = None

    def next(self, one: Marked) -> Named:
        """The next message's name."""
        if one.mark == self._mark:
            row = self._row or self._latest()
            if row is not None:
                return Named(marked=one, id=row[0], known=tuple(row[1:]))
        self._mark = one.mark
        self._row = self._repeated.pop(0) if self._repeated else None
        if self._row is not None:
            return Named(marked=one, id=self._row[0], known=tuple(self._row[1:]))
        self._count += 1
        return Named(marked=one, id=f"{one.mark}.{self._count}")

    def _latest(self) -> Row | None:
        """The message before this one, if it was taken."""
        rows = self._tx.all("latest_of_kind", *self._line, 1)
        return next((row for row in rows if _mark_in(row) == self._mark), None)


def _mark_in(row: Row) -> str:
    return str(row[0]).partition(".")[0]


def overlap(known: Sequence[str], told: Sequence[str]) -> int:
    """How many of the first told are the last known: the longest end of the one that is a beginning of the other."""
    longest = min(len(known), len(told))
    return next((size for size in range(longest, 0, -1) if list(known[-size:]) == list(told[:size])), 0)
