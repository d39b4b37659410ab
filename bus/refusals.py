"""What was refused at the doors, kept under its reference so that an operator finds it; without personal data.

Notes are bounded twice: so many a second, so that a flood of refusals cannot crowd out events at the writer, and so
many in all. What is not stored is counted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bus.engines.sqlite import Tx
from bus.ledger import Ledger
from bus.privacy import mask_text
from bus.times import to_ms

PER_SECOND: Final = 20
"""More than a person could ever be asked about; few enough that the writer does not feel them."""
KEPT: Final = 10_000
"""The newest refusals that can still be found."""
TRIM_EVERY: Final = 100
MOST_RULES: Final = 50
LONGEST_TEXT: Final = 200
LONGEST_BASE: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refused request. `rules` are mappings such as `{"field": "/data/status", "rule": "enum"}`."""

    reference: str
    route: str
    caller: str | None
    code: str
    status: int
    rules: Sequence[Mapping[str, str | int]] = ()
    base: str | None = None
    """The signature base as built here, where the signature was the trouble."""


class Refusals:
    """Notes refusals; never keeps an answer waiting. Threads may share one."""

    def __init__(self, ledger: Ledger, *, per_second: int = PER_SECOND, kept: int = KEPT) -> None:
        self._ledger = ledger
        self._per_second = per_second
        self._kept = kept
        self._lock = threading.Lock()
        self._second = 0
        self._in_second = 0
        self._stored = 0
        self.left_out = 0
        """How many were only counted."""

    def note(self, refusal: Refusal) -> bool:
        """Queue it for the ledger; False when it was only counted. Does not wait, and does not raise."""
        at = to_ms(self._ledger.clock.now())
        with self._lock:
            if not self._has_room(at // 1000):
                self.left_out += 1
                return False
            self._stored += 1
            is_trimmed = self._stored % TRIM_EVERY == 1
        row = _row(refusal, at)

        def job(tx: Tx) -> None:
            tx.run("add_refusal", *row)
            if is_trimmed:
                tx.run("trim_refusals", self._kept)

        self._ledger.engine.later(job)
        return True

    def _has_room(self, second: int) -> bool:
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second <= self._per_second


def _row(refusal: Refusal, at: int) -> tuple[str | int | None, ...]:
    rules = [{name: _short(value) for name, value in rule.items()} for rule in refusal.rules[:MOST_RULES]]
    base = None if refusal.base is None else _masked_base(refusal.base[:LONGEST_BASE])
    told = json.dumps(rules, ensure_ascii=False)
    return (refusal.reference, at, refusal.route, refusal.caller, refusal.code, refusal.status, told, base)


def _masked_base(base: str) -> str:
    """The lines that a caller fills in freely are masked; digest, times and key must stay comparable."""
    kept = ('"@signature-params"', '"content-digest"')
    return "\n".join(line if line.startswith(kept) else mask_text(line) for line in base.split("\n"))


def _short(value: str | int) -> str | int:
    """A field's place holds the member names that a stranger chose: they are masked like any text."""
    return mask_text(value[:LONGEST_TEXT]) if isinstance(value, str) else value
