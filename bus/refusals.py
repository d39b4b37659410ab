"""What was refused at the doors, kept under its reference so that an operator finds it; without personal data.

Notes are bounded twice: so many a second, so that a flood of refusals cannot crowd out events at the writer, and so
many in all. What is not stored is counted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bus.engines.sqlite import Tx
from bus.ledger import Ledger
from bus.marks import marks_of
from bus.privacy import mask_text
from bus.seal import MasterKey
from bus.times import to_ms

PER_SECOND: Final = 20
"""More than a person could ever be asked about; few enough that the writer does not feel them."""
KEPT: Final = 10_000
"""The newest refusals that can still be found."""
TRIM_EVERY: Final = 100
MOST_RULES: Final = 50
LONGEST_TEXT: Final = 200
LONGEST_BASE: Final = 8_000
"""Characters: the SignedInfo of sixteen parts."""
MOST_COMPARED: Final = 17
"""Digests: of sixteen parts, and the base itself."""
BASE: Final = "base"
"""How the signature base is called among the digests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One digest of what was signed: as it came, and as it was made here."""

    part: str
    """`Body`, `content-digest` …, or BASE."""
    sent: str = ""
    ours: str = ""
    octets: bytes = field(default=b"", repr=False)
    """What ours was made of. Only its length and its keyed marks are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refused request. `rules` are mappings such as `{"field": "/data/status", "rule": "enum"}`."""

    reference: str
    route: str
    caller: str | None
    """Where `why` tells of a signature: who it claims to be of, by its key's name or its certificate."""
    code: str
    status: int
    rules: Sequence[Mapping[str, str | int]] = ()
    base: str | None = None
    """The signature base as built here, where the signature was the trouble."""
    why: str = ""
    """The verifier's own words."""
    compared: Sequence[Compared] = ()
    """Every digest of what was signed, where one did not fit."""


class Refusals:
    """Notes refusals; never keeps an answer waiting. Threads may share one."""

    def __init__(self, ledger: Ledger, *, per_second: int = PER_SECOND, kept: int = KEPT) -> None:
        self._ledger = ledger
        self._key = marking_key(ledger.master)
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
        row = _row(refusal, at, self._key)

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


def marking_key(master: MasterKey) -> bytes:
    """Under which the bytes of refused messages are marked."""
    return hmac.digest(master.index_key, b"refusals", hashlib.sha256)


def _row(refusal: Refusal, at: int, key: bytes) -> tuple[str | int | None, ...]:
    rows: list[Mapping[str, str | int]] = [
        {name: _short(value) for name, value in rule.items()} for rule in refusal.rules[:MOST_RULES]
    ]
    rows += [_digest_row(each, key) for each in refusal.compared[:MOST_COMPARED]]
    if refusal.why:
        rows.append({"why": _short(refusal.why)})
    base = None if refusal.base is None else masked_base(refusal.base[:LONGEST_BASE])
    told = json.dumps(rows, ensure_ascii=False)
    return (refusal.reference, at, refusal.route, refusal.caller, refusal.code, refusal.status, told, base)


def _digest_row(each: Compared, key: bytes) -> dict[str, str | int]:
    return {
        "part": _short(each.part),
        "sent": each.sent if _DIGEST.fullmatch(each.sent) else _short(each.sent),
        "ours": each.ours,
        "length": len(each.octets),
        "marks": marks_of(each.octets, key),
    }


_DIGEST: Final = re.compile(r"(?:sha-256=:)?[A-Za-z0-9+/]{43,86}={0,2}:?")
_KEPT: Final = re.compile(rf'"@signature-params": |"content-digest": {_DIGEST.pattern}$')
_OF_XML: Final = re.compile(r'(?<= )(URI|Id)="([^"]*)"')


def masked_base(base: str) -> str:
    """What a caller fills in freely is masked; digests, times and key must stay comparable."""
    if base.startswith("<"):  # canonical XML of SignedInfo: names of parts are free, all else is agreed or Base64
        return _OF_XML.sub(lambda found: f'{found[1]}="{mask_text(found[2])}"', base)
    return "\n".join(line if _KEPT.match(line) else mask_text(line) for line in base.split("\n"))


def _short(value: str | int) -> str | int:
    """A field's place holds the member names that a stranger chose: they are masked like any text."""
    return mask_text(value[:LONGEST_TEXT]) if isinstance(value, str) else value
