"""The console's questions about signatures: what waits, for whom, and what needs a person. Reads only, bounded.

As in `looks.py`: a list with rare hits gives what it found among so many, and says how far back that was. Each question
takes `units`, the limit of who asks (None: none).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bus.engines.sqlite import Row, Tx
from bus.ledger import Ledger
from bus.looks import COUNTED, LARGEST_PAGE, PAGE, Units
from bus.rights import covers
from bus.signatures import SignatureState
from bus.times import from_ms

LOOKED: Final = 40_000
"""Signatures looked at for one page."""
MOST_WAITING: Final = 500
"""Of those that wait, or need somebody: more are not shown at once, whoever asks."""
MOST_UNITS: Final = 20_000
MOST_OF_DOSSIER: Final = 50
STUCK: Final = (SignatureState.UNKNOWN, SignatureState.TIME_STAMP_PENDING, SignatureState.INDETERMINATE)
"""What a person may have to look at, or does well to know of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSignatures:
    """What of the signatures is wanted; None, () and "" want everything."""

    states: tuple[SignatureState, ...] = ()
    service: str | None = None
    unit: str | None = None
    """This one and those below it."""
    text: str = ""
    """A dossier's number, or a signature's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """A signature in a list. Nothing of it names anybody."""

    id: int
    source: str
    name: str
    dossier: str
    service: str | None
    role: str
    level: str
    unit: str | None
    procedure: str | None
    state: SignatureState
    n: int
    """Which try."""
    code: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime
    made_at: datetime | None
    asked: int
    """Questions put to the service."""
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSignatures:
    """A page of the list."""

    lines: tuple[SignatureLine, ...]
    before: int | None
    """From where the next page goes on; None: there is nothing older."""
    looked_back_to: datetime | None = None
    """Set when the page is not full although there may be more."""


class SignatureLooks:
    """Lists of one ledger's signatures."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def signatures(
        self, wanted: WantedSignatures, units: Units, *, before: int | None = None, limit: int = PAGE
    ) -> FoundSignatures:
        """A page, the newest first; `before` is where the page before it said to go on."""
        tx, limit = self._ledger.engine.read(), max(1, min(limit, LARGEST_PAGE))
        ends = tx.one("signed_ends")
        assert ends is not None
        first, last = (1, 0) if ends[0] is None else ends
        high = last + 1 if before is None else min(before, last + 1)
        low = max(first, high - LOOKED)
        within = self._within(tx, units, None if wanted.unit is None else (wanted.unit,))
        values = (json.dumps(wanted.states) if wanted.states else None, wanted.service, within, wanted.text or None)
        rows = tx.all("signed_back", *values, high, low, limit + 1)
        lines = tuple(signature_line(row) for row in rows[:limit])
        if len(rows) > limit:
            return FoundSignatures(lines=lines, before=lines[-1].id)
        if low > first:
            return FoundSignatures(lines=lines, before=low, looked_back_to=_time(tx, low))
        return FoundSignatures(lines=lines, before=None)

    def waiting(self, units: Units) -> list[SignatureLine]:
        """Those that somebody may still sign; the one whose time is over first stands first."""
        tx = self._ledger.engine.read()
        lines = self._lines(tx, [row[0] for row in tx.all("signed_ids_waiting", MOST_WAITING)], units)
        return sorted(lines, key=lambda line: (line.expires_at, line.id))

    def stuck(self, units: Units) -> list[SignatureLine]:
        """Those that do not go on by themselves, or not yet; the oldest first."""
        tx = self._ledger.engine.read()
        ids = {row[0] for row in tx.all("signed_ids_of_states", json.dumps(STUCK), MOST_WAITING)}
        ids |= {row[0] for row in tx.all("signed_ids_asked_of", MOST_WAITING)}
        return sorted(self._lines(tx, sorted(ids), units), key=lambda line: line.id)

    def of_dossier(self, number: str) -> list[SignatureLine]:
        """Of one dossier, the newest first; whoever asks may see that dossier."""
        tx = self._ledger.engine.read()
        ids = [row[0] for row in tx.all("signed_of_dossier", number, MOST_OF_DOSSIER)]
        return sorted(self._lines(tx, ids, None), key=lambda line: -line.id)

    def units(self, units: Units) -> list[str]:
        """Units that a visitor may choose from."""
        return self._every(self._ledger.engine.read(), units)[:COUNTED]

    def services(self) -> list[str]:
        """Every service that was ever asked."""
        return [row[0] for row in self._ledger.engine.read().all("signed_services")]

    def _lines(self, tx: Tx, ids: Sequence[int], units: Units) -> list[SignatureLine]:
        rows = tx.all("signed_at_ids", self._within(tx, units), json.dumps(list(ids)))
        return [signature_line(row) for row in rows]

    def _within(self, tx: Tx, *limits: Units) -> str | None:
        """The very units that all these limits cover, as the queries take them."""
        told = [each for each in limits if each is not None]
        if not told:
            return None
        return json.dumps([unit for unit in self._every(tx, None) if all(covers(unit, each) for each in told)])

    def _every(self, tx: Tx, units: Units) -> list[str]:
        return [row[0] for row in tx.all("signed_units", MOST_UNITS) if covers(row[0], units)]


def signature_line(row: Row) -> SignatureLine:
    """A signature's row as these queries give it."""
    return SignatureLine(
        id=row[0],
        source=row[1],
        name=row[2],
        dossier=row[3],
        service=row[4],
        role=row[5],
        level=row[6],
        unit=row[7],
        procedure=row[8],
        state=SignatureState(row[9]),
        n=row[10],
        code=row[11],
        created_at=from_ms(row[12]),
        changed_at=from_ms(row[13]),
        expires_at=from_ms(row[14]),
        made_at=None if row[15] is None else from_ms(row[15]),
        asked=row[16],
        documents=row[17],
    )


def _time(tx: Tx, number: int) -> datetime:
    row = tx.one("signed_time", number)
    assert row is not None
    return from_ms(row[0])
