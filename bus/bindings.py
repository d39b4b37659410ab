"""What persons decide about money stands in rows; each change of one is a move that binds it.

Such moves belong to the installation's chain and not to a lane's: a request for a refund may come before anything is
sent for it, and an account that fees are paid to belongs to no dossier. Their reason begins with the row's number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from bus.engines.sqlite import Tx
from bus.evidence import row_digest
from bus.moves import Move, MoveWriter
from bus.reasons import kept

Table: TypeAlias = Literal["refund", "payment_task", "beneficiary", "receipt"]
"""As the causes of their moves begin."""
_ONE: Final[Mapping[Table, str]] = {
    "refund": "bound_refund",
    "payment_task": "bound_payment_task",
    "beneficiary": "bound_beneficiary",
    "receipt": "bound_receipt",
}
_ALL: Final[Mapping[Table, str]] = {
    "refund": "bound_refunds",
    "payment_task": "bound_payment_tasks",
    "beneficiary": "bound_beneficiaries",
    "receipt": "bound_receipts",
}


def bind(
    tx: Tx, moves: MoveWriter, table: Table, row: int, *, cause: str, at: int, actor: str, reason: str = ""
) -> None:
    """Note that this row was changed, and bind it as it stands now."""
    found = tx.one(_ONE[table], row)
    assert found is not None
    told = f"{row}: {kept(reason)}" if reason else str(row)
    binds = row_digest([table, *found])
    moves.add(tx, Move(lane=None, at=at, delivery=None, cause=cause, reason=told, actor=actor, binds=binds))


def unbound(tx: Tx) -> Iterator[tuple[Table, int, str]]:
    """Each row that is not as its last change left it, and what is wrong: for `verify`."""
    said: dict[tuple[Table, int], bytes] = {}
    for cause, row, binds in tx.each("money_bindings"):
        said[_table_of(cause), row] = binds
    for table, query in _ALL.items():
        for row in tx.each(query):
            if said.pop((table, row[0]), None) != row_digest([table, *row]):
                yield table, row[0], "it is not as its last change left it"
    for table, number in said:
        yield table, number, "it is gone; a move says that it is there"


def _table_of(cause: str) -> Table:
    return next(table for table in _ONE if cause.startswith(f"{table}_"))
