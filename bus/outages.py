"""When a partner was down, and the circuit in a person's hand.

Who opens a circuit says: treat the partner as down. Nothing is sent but a probe now and then, and the first probe that
is answered closes it, as after any outage. Who closes one says: do not wait for the probe. The drain begins with one
call at a time either way. Every worker obeys, for the circuit is a row that each claim reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from bus.circuit import Circuit
from bus.claiming import put_partner, read_partner
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow
from bus.moves import Move
from bus.reasons import kept
from bus.times import from_ms, ms, to_ms

if TYPE_CHECKING:
    from bus.ledger import Ledger

MOST: Final = 200
"""Outages of one partner that are looked back on: of one that flaps, more would tell nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which a partner's circuit was open."""

    opened_at: datetime
    closed_at: datetime | None
    """None while it is open."""
    is_by_person: bool
    actor: str


def note_change(tx: Tx, partner: str, *, is_open: bool, at: int, actor: str, by_person: bool = False) -> None:
    """Keep that a circuit opened or closed; in the transaction that does it."""
    # One that opens while it is open by the book was closed by a program without this book: it ends where this begins.
    tx.run("close_outage", at, partner)
    if is_open:
        tx.run("add_outage", partner, at, int(by_person), actor)


def outages_of(tx: Tx, partner: str, limit: int = MOST) -> Sequence[Outage]:
    """A partner's outages, the newest first."""
    return [
        Outage(
            opened_at=from_ms(row[0]),
            closed_at=None if row[1] is None else from_ms(row[1]),
            is_by_person=bool(row[2]),
            actor=row[3],
        )
        for row in tx.all("outages_of", partner, limit)
    ]


class Circuits:
    """A person's moves on circuits. `actor` is who, `reason` is why; both are kept in the move."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def open(self, tx: Tx, partner: str, *, actor: str, reason: str) -> None:
        """Send nothing but probes until one is answered. Raises NotAllowedNow: it is open."""
        at = to_ms(self._ledger.clock.now())
        tx.run("add_partner", partner)
        known = read_partner(tx, partner)
        if known.circuit.is_open:
            raise NotAllowedNow(f"the circuit of {partner} is open already", code="circuit_open")
        circuit = replace(
            known.circuit,
            is_open=True,
            opened_at=at,
            probe_at=at + ms(self._ledger.manners(partner).probe_every),
            window=None,
        )
        put_partner(tx, partner, replace(known, circuit=circuit))
        note_change(tx, partner, is_open=True, at=at, actor=actor, by_person=True)
        self._note(tx, "circuit_opened", partner, at, actor, reason)

    def close(self, tx: Tx, partner: str, *, actor: str, reason: str) -> None:
        """Send again now, one call at a time at first. Raises NotAllowedNow: it is closed."""
        at = to_ms(self._ledger.clock.now())
        known = read_partner(tx, partner)
        if not known.circuit.is_open:
            raise NotAllowedNow(f"the circuit of {partner} is closed already", code="circuit_closed")
        circuit = Circuit(window=1, last_success_at=known.circuit.last_success_at)
        put_partner(tx, partner, replace(known, circuit=circuit))
        tx.run("wake_deliveries", at, partner, at)
        tx.run("wake_lanes", at, partner, at, partner)
        note_change(tx, partner, is_open=False, at=at, actor=actor)
        self._note(tx, "circuit_closed", partner, at, actor, reason)

    def drain(self, tx: Tx, partner: str) -> None:
        """A backlog begins one call at a time, as after an outage: for who releases a partner that was held."""
        known = read_partner(tx, partner)
        if not known.circuit.is_open:
            put_partner(tx, partner, replace(known, circuit=replace(known.circuit, window=1)))

    def _note(self, tx: Tx, cause: str, partner: str, at: int, actor: str, reason: str) -> None:
        told = f"{partner}: {kept(reason)}"
        self._ledger.moves.add(tx, Move(lane=None, at=at, delivery=None, cause=cause, reason=told, actor=actor))
