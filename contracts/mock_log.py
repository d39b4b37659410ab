"""What a mock remembers: the effects in its books, and every visit with the rules it kept and broke."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change of the partner's books: one record or one step stored."""

    n: int
    at: datetime
    operation: str
    dossier: str
    digest: str
    """SHA-256, lower-case hex, of the RFC 8785 form of what was stored."""
    repeat: bool
    """A whole-record replace by an equal record. A stored step is never a repeat."""
    entry: Mapping[str, str]
    """The facts that a judge of order wants without reading the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A rule that a caller broke: which, where in the request, what was found and what was expected."""

    rule: str
    field: str
    expected: str
    found: str = ""
    refused: bool = True
    """Whether the partner says no because of it; otherwise it is only noted."""
    code: int = -1
    """The partner's code when it refuses."""
    message: str = ""
    """The partner's words when it refuses."""


class EffectList:
    """The judge's list, numbered from 1. Bodies are kept for the newest rows only; the rows for all."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._rows: list[Effect] = []
        self._bodies: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Effect]:
        return iter(self._rows)

    def add(
        self,
        *,
        at: datetime,
        operation: str,
        dossier: str,
        digest: str,
        repeat: bool,
        entry: Mapping[str, str],
        body: bytes,
    ) -> Effect:
        """Write one row."""
        n = len(self._rows) + 1
        row = Effect(n=n, at=at, operation=operation, dossier=dossier, digest=digest, repeat=repeat, entry=entry)
        self._rows.append(row)
        self._bodies[n] = body
        if n > self._keep:
            del self._bodies[n - self._keep]
        return row

    def page(self, *, after: int = 0, limit: int = 1000, dossier: str = "") -> list[Effect]:
        """Rows after number `after`: all, or one dossier's."""
        if not dossier:
            return self._rows[after : after + limit]
        return list(islice((row for row in self._rows[after:] if row.dossier == dossier), limit))

    def body(self, n: int) -> bytes | None:
        """What row `n` stored, in canonical form, or nothing when it is too old."""
        return self._bodies.get(n)

    def clear(self) -> None:
        self._rows, self._bodies = [], {}


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request while it is judged, and afterwards its row in the log."""

    n: int
    at: datetime
    operation: str
    dossiers: tuple[str, ...]
    method: str
    path: str
    caller: str
    checked: tuple[str, ...] = ()
    broken: list[Broken] = field(default_factory=list)
    effects: int = 0
    status: int = 0
    ending: str = "whole"
    error_code: object = None
    fault: str | None = None
    skew: timedelta | None = None
    """How far the partner's clock is out during this visit (`clock_skew`)."""
    at_effect: datetime | None = None
    """When a late effect was applied."""

    @property
    def clock(self) -> datetime:
        """The partner's own idea of now."""
        now = self.at_effect or self.at
        return now + self.skew if self.skew else now

    def break_rule(self, broken: Broken) -> Broken:
        """Write a broken rule down."""
        self.broken.append(broken)
        return broken

    def kept(self) -> list[str]:
        """Rules that were looked at and found kept."""
        broken = {row.rule for row in self.broken}
        return [rule for rule in self.checked if rule not in broken]

    def shown(self, partner: str) -> dict[str, Any]:
        """As the control route and the page show it; no body, no header, so no secret."""
        return {
            "n": self.n,
            "at": self.at,
            "caller": self.caller,
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "dossiers": list(self.dossiers),
            "status": self.status,
            "ending": self.ending,
            "error_code": self.error_code,
            "effects": self.effects,
            "fault": self.fault,
            "kept": self.kept(),
            "broke": [broken_row(row, partner) for row in self.broken],
        }


def broken_row(row: Broken, partner: str) -> dict[str, Any]:
    """A broken rule with the place where it stands."""
    return {
        "rule": row.rule,
        "where": f"contracts/{partner}/NOTES.md#{row.rule}",
        "field": row.field,
        "expected": row.expected,
        "found": row.found,
        "refused": row.refused,
    }


class RequestLog:
    """Every visit, numbered from 1; the newest are kept, the counts are of all."""

    def __init__(self, *, keep: int) -> None:
        self._rows: deque[Visit] = deque(maxlen=keep)
        self.next_number = 1
        self.broken: Counter[tuple[str, str, str, bool]] = Counter()
        """How often, by caller, rule, field and whether it was refused."""
        self.callers: Counter[str] = Counter()

    def add(self, visit: Visit) -> None:
        """Write one visit."""
        self.callers[visit.caller] += 1
        for row in visit.broken:
            self.broken[(visit.caller, row.rule, INDEX.sub("[]", row.field), row.refused)] += 1
        self._rows.append(visit)
        self.next_number += 1

    def page(self, *, after: int = 0, limit: int = 1000) -> list[Visit]:
        """Visits after number `after`."""
        first = self.next_number - len(self._rows)
        start = max(0, after + 1 - first)
        return list(islice(self._rows, start, start + limit))

    def newest(self, limit: int) -> list[Visit]:
        """The last ones, newest first."""
        return list(islice(reversed(self._rows), limit))

    def clear(self) -> None:
        self._rows.clear()
        self.next_number = 1
        self.broken.clear()
        self.callers.clear()
