"""Signatures are bound as all else is: what each came to, and everything told of it, in moves of the hash chain.

A signature's move names it in its reason and binds its row with its documents and earlier tries, as they stand after
the change; of certificates, plans and values the SHA-256, so that who checks a bundle need not read them. `ledger
verify` reads them back: a row that was edited since is not what its last move says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from bus.engines.sqlite import Tx
from bus.evidence import row_digest
from bus.messages import State
from bus.moves import Move, MoveWriter

CHANGED: Final = "signature_changed"
HEARD: Final = "signature_heard"


def note(tx: Tx, moves: MoveWriter, signature: int, why: str, at: int, actor: str) -> None:
    """A signature was changed because of this: bind it as it stands now."""
    row = tx.one("signature_stands", signature)
    assert row is not None
    _bind(tx, moves, row[12], CHANGED, f"{signature}: {why}", _stands(tx, signature), at, actor)


def note_hearing(
    tx: Tx, moves: MoveWriter, delivery: int | None, hearing: tuple[object, ...], effect: str, at: int, actor: str
) -> None:
    """Bind what was heard; its row's columns in the order of `bound_signature_hearings`."""
    _bind(tx, moves, delivery, HEARD, f"{hearing[0]}: {effect}", _hearing_digest(hearing), at, actor)


def _bind(
    tx: Tx, moves: MoveWriter, delivery: int | None, cause: str, reason: str, binds: bytes, at: int, actor: str
) -> None:
    row = None if delivery is None else tx.one("delivery_stands", delivery)
    state, lane = (None, None) if row is None else (State(row[0]), row[1])
    move = Move(
        lane=lane,
        at=at,
        delivery=None if row is None else delivery,
        from_state=state,
        to_state=state,
        cause=cause,
        reason=reason,
        actor=actor,
        binds=binds,
    )
    moves.add(tx, move)


def rows_of(tx: Tx, signature: int) -> tuple[list[Any], list[list[Any]], list[list[Any]]]:
    """A signature, its documents and its earlier tries, as moves bind them."""
    row = tx.one("signature_stands", signature)
    assert row is not None
    documents = [_plain(each) for each in tx.all("signature_documents_stand", signature)]
    return _plain(row), documents, [_plain(each) for each in tx.all("signature_tries_stand", signature)]


def _plain(row: Sequence[Any]) -> list[Any]:
    return [hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value for value in row]


def _stands(tx: Tx, signature: int) -> bytes:
    row, documents, tries = rows_of(tx, signature)
    listed = [row_digest(["signature_document", *each]).hex() for each in documents]
    return row_digest(["signature", *row, listed, [row_digest(["signature_try", *each]).hex() for each in tries]])


def _hearing_digest(hearing: tuple[object, ...]) -> bytes:
    return row_digest(["signature_hearing", *hearing])  # type: ignore[list-item]


def unbound(tx: Tx) -> Iterator[tuple[str, int | None, str]]:
    """Each row that is not as its last move left it: its table, its number, and what is wrong."""
    said: dict[tuple[str, int], bytes] = {}
    for cause, number, binds in tx.each("signature_bindings"):
        said[cause, number] = binds
    for (number,) in tx.all("all_signatures"):
        if said.pop((CHANGED, number), None) != _stands(tx, number):
            yield "signatures", number, "it is not, with its documents and tries, as its last move left it"
    for row in tx.each("bound_signature_hearings"):
        if said.pop((HEARD, row[0]), None) != _hearing_digest(row):
            yield "signature_hearings", row[0], "it is not what its move heard"
    for cause, number in said:
        table = "signatures" if cause == CHANGED else "signature_hearings"
        yield table, number, "it is gone; a move says that it is there"
    counted = tx.one("count_signature_rows")
    if counted is not None and counted[0] != counted[1]:
        yield "signature_documents", None, f"{counted[0] - counted[1]} documents or tries belong to no signature"
