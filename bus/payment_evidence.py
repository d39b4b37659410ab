"""What moves bind of payments, so that a row that was changed behind the ledger's back is found.

Whoever changes a payment or an attempt of it notes it once his rows are written: the move `payment_changed` binds the
payment with all its attempts as they stand then, and the newest such move is what they must still be. Each hearing is
bound by a move of its own, `payment_heard`. The row's number begins the move's reason; both stand in the chain of the
delivery's lane, and so among the dossier's own moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bus.engines.sqlite import Tx
from bus.evidence import row_digest
from bus.messages import State
from bus.moves import Move, MoveWriter

CHANGED: Final = "payment_changed"
HEARD: Final = "payment_heard"
CAUSES: Final = (CHANGED, HEARD)


def note(tx: Tx, moves: MoveWriter, payment: int, cause: str, at: int, actor: str) -> bytes:
    """A payment was changed because of this: bind it as it stands now. What was bound, for names made of it."""
    stands = _stands(tx, payment)
    row = tx.one("payment_delivery", payment)
    delivery = None if row is None else row[0]
    _bind(tx, moves, delivery, CHANGED, f"{payment}: {cause}", stands, at, actor)
    return stands


def note_hearing(
    tx: Tx, moves: MoveWriter, delivery: int | None, hearing: tuple[object, ...], effect: str, at: int, actor: str
) -> None:
    """Bind what was heard; its row's columns in the order of `bound_hearings`."""
    _bind(tx, moves, delivery, HEARD, f"{hearing[0]}: {effect}", _hearing_digest(hearing), at, actor)


def _bind(
    tx: Tx, moves: MoveWriter, delivery: int | None, cause: str, reason: str, binds: bytes, at: int, actor: str
) -> None:
    row = None if delivery is None else tx.one("delivery_stands", delivery)
    state, lane = (None, None) if row is None else (State(row[0]), row[1])
    move = Move(
        lane=lane,
        at=at,
        delivery=delivery,
        from_state=state,
        to_state=state,
        cause=cause,
        reason=reason,
        actor=actor,
        binds=binds,
    )
    moves.add(tx, move)


def _stands(tx: Tx, payment: int) -> bytes:
    row = tx.one("payment_stands", payment)
    assert row is not None
    attempts = [row_digest(["payment_attempt", *each]).hex() for each in tx.all("attempts_stand", payment)]
    return row_digest(["payment", *row, attempts])


def _hearing_digest(hearing: tuple[object, ...]) -> bytes:
    return row_digest(["payment_hearing", *hearing])  # type: ignore[list-item]


def unbound(tx: Tx) -> Iterator[tuple[str, int | None, str]]:
    """Each row that is not as its last move left it: its table, its number, and what is wrong."""
    said: dict[tuple[str, int], bytes] = {}
    for cause, number, binds in tx.each("payment_bindings"):
        said[cause, number] = binds
    for (number,) in tx.all("all_payments"):
        if said.pop((CHANGED, number), None) != _stands(tx, number):
            yield "payments", number, "it is not, with its attempts, as its last move left it"
    for row in tx.each("bound_hearings"):
        if said.pop((HEARD, row[0]), None) != _hearing_digest(row):
            yield "payment_hearings", row[0], "it is not what its move heard"
    for cause, number in said:
        table = "payments" if cause == CHANGED else "payment_hearings"
        yield table, number, "it is gone; a move says that it is there"
    orphans = tx.one("count_payment_attempts")
    if orphans is not None and orphans[0] != orphans[1]:
        yield "payment_attempts", None, f"{orphans[0] - orphans[1]} belong to no payment"
