"""What a person must decide about money: opened once for each cause, closed by a name with a reason.

A task is opened in the transaction of what gave rise to it, and never again for the same: a gateway that tells of one
wrong amount fifty times asks one person once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bus.bindings import bind
from bus.engines.sqlite import Row, Tx
from bus.errors import NotAllowedNow, NotFound
from bus.lanes import BUS
from bus.moves import MoveWriter
from bus.payments import TaskKind
from bus.reasons import fault_in, kept, tidy
from bus.times import from_ms, to_ms

if TYPE_CHECKING:
    from bus.ledger import Ledger


def open_task(
    tx: Tx,
    moves: MoveWriter,
    kind: TaskKind,
    at: int,
    *,
    payment: int | None = None,
    attempt: int | None = None,
    cause: str = "",
    partner: str = "",
    amount: int | None = None,
    detail: str = "",
    actor: str = BUS,
) -> int | None:
    """Ask a person; None where one was asked for this cause before, whatever became of it."""
    row = tx.one("add_payment_task", at, kind, payment, attempt, cause, partner, amount, kept(detail))
    if row is None:
        return None
    number = int(row[0])
    bind(tx, moves, "payment_task", number, cause="payment_task_opened", at=at, actor=actor, reason=kind)
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task as it stands."""

    id: int
    at: datetime
    kind: TaskKind
    payment: int | None
    attempt: int | None
    cause: str
    """What makes it the only one of its kind: a transaction, a refund, a row of a file."""
    partner: str
    amount: int | None
    detail: str
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    name: str | None = None
    """Of the payment, where a list tells it."""
    dossier: str | None = None
    unit: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide."""
        return self.closed_at is None


class PaymentTasks:
    """Tasks of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, number: int, *, tx: Tx | None = None) -> Task:
        """One task. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("find_payment_task", number)
        if row is None:
            raise NotFound(f"no task {number}")
        return task_of(row)

    def close(self, tx: Tx, number: int, *, account: str, reason: str) -> Task:
        """Decided, by a person, in a transaction of the caller's. Raises NotFound, NotAllowedNow."""
        if not self.get(number, tx=tx).is_open:
            raise NotAllowedNow(f"task {number} is closed already", code="task_closed")
        told, actor, at = required(reason), f"person:{account}", to_ms(self._ledger.clock.now())
        tx.run("close_payment_task", at, actor, told, number)
        moves = self._ledger.moves
        bind(tx, moves, "payment_task", number, cause="payment_task_closed", at=at, actor=actor, reason=told)
        return self.get(number, tx=tx)


def required(reason: str) -> str:
    """A person's reason as it is kept. Raises NotAllowedNow where it says nothing."""
    if fault_in(reason) is not None:
        raise NotAllowedNow("say why, in one line of at most 500 characters", code="bad_reason")
    return kept(tidy(reason))


def task_of(row: Row) -> Task:
    """A row of `payment_tasks`, whatever stands behind it."""
    return Task(
        id=row[0],
        at=from_ms(row[1]),
        kind=TaskKind(row[2]),
        payment=row[3],
        attempt=row[4],
        cause=row[5],
        partner=row[6],
        amount=row[7],
        detail=row[8],
        closed_at=None if row[9] is None else from_ms(row[9]),
        closed_by=row[10],
        close_reason=row[11],
    )
