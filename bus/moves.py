"""Writing moves: the hash chain, the tallies and the pace of one transaction.

Moves are collected while a transaction runs and written once at its end, each partition's chain going on from where
the last commit left it. A partition belongs to a lane, so a chain is never longer than it need be to verify one part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bus.engines.sqlite import Row, Tx
from bus.evidence import GENESIS, INSTALLATION, chain, head_mac, partition_of
from bus.messages import State
from bus.pace import Flow

FEW: Final = 4
"""Chain heads that are read one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of a delivery's state, or of the installation, that is kept for ever."""

    lane: int | None
    at: int
    delivery: int | None
    event: int | None = None
    """Set only on the move that records this event."""
    from_state: State | None = None
    to_state: State | None = None
    cause: str
    reason: str = ""
    actor: str
    binds: bytes | None = None


Follow: TypeAlias = Callable[[Tx, Sequence[tuple[Move, Row]]], None]
"""Told of a transaction's moves, each beside its row; what it adds itself is written with them, and not told again."""


class MoveWriter:
    """Appends moves to their chains. One for a ledger; it keeps nothing between transactions."""

    def __init__(self, mac_key: bytes) -> None:
        self._mac_key = mac_key
        self.follow: Follow | None = None
        """What follows from moves (`telling.py`); None where nobody takes it."""

    def add(self, tx: Tx, move: Move, partner: str | None = None) -> None:
        """Note a move; it is written, with all others of the transaction, before the commit."""
        pending: list[Move] | None = tx.memory.get("moves")
        if pending is None:
            pending = tx.memory["moves"] = []
            tx.memory["flow"] = Flow()
            tx.at_end.append(self._write)
        pending.append(move)
        flow: Flow = tx.memory["flow"]
        if move.event is not None:
            flow.note_event(move.at)
        if partner is not None and move.to_state is not None and move.from_state != move.to_state:
            flow.note_change(move.at, partner, move.from_state, move.to_state)

    def _write(self, tx: Tx) -> None:
        moves: list[Move] = tx.memory["moves"]
        heads: dict[int, tuple[int, bytes]] = {}
        rows = self._linked(tx, heads, moves)
        if self.follow is not None:
            self.follow(tx, list(zip(moves, rows, strict=True)))
            rows += self._linked(tx, heads, moves[len(rows) :])
        tx.many("add_move", rows)
        tx.many("put_chain_head", [self._head(partition, *heads[partition]) for partition in sorted(heads)])
        flow: Flow = tx.memory["flow"]
        tx.many("add_to_tally", flow.tallies())
        tx.many("add_to_pace", flow.rows())

    def _linked(self, tx: Tx, heads: dict[int, tuple[int, bytes]], moves: Sequence[Move]) -> list[Row]:
        """The moves as rows of their chains, which go on from `heads` and end there."""
        heads |= _heads(tx, {_partition(move) for move in moves} - heads.keys())
        return [self._link(heads, move) for move in moves]

    def _link(self, heads: dict[int, tuple[int, bytes]], move: Move) -> Row:
        partition = _partition(move)
        last = heads.get(partition, (0, GENESIS))
        n, prev = last[0] + 1, last[1]
        fields = [
            partition,
            n,
            move.at,
            move.delivery,
            move.event,
            move.from_state,
            move.to_state,
            move.cause,
            move.reason,
            move.actor,
            move.binds.hex() if move.binds else None,
        ]
        link = chain(prev, fields)
        heads[partition] = (n, link)
        return (*fields[:10], move.binds, prev, link)

    def _head(self, partition: int, n: int, link: bytes) -> Row:
        return (partition, n, link, head_mac(self._mac_key, partition, n, link))


def _partition(move: Move) -> int:
    return INSTALLATION if move.lane is None else partition_of(move.lane)


def _heads(tx: Tx, partitions: set[int]) -> dict[int, tuple[int, bytes]]:
    """Where the chains of these partitions end; a group that touches many reads all of them in one statement."""
    if len(partitions) > FEW:
        all_heads = tx.all("all_chain_heads")
        return {partition: (n, link) for partition, n, link, _mac in all_heads if partition in partitions}
    found = {partition: tx.one("find_chain_head", partition) for partition in partitions}
    return {partition: (row[0], row[1]) for partition, row in found.items() if row}
