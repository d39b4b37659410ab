"""Two numbers of one dossier: the portal's, under which it was filed, and the one that the one-stop system gave it.

The one-stop system says its own number when it takes a filed dossier; the pair is kept in the transaction that settles
that delivery. The first word stands: a later one that contradicts it is not believed, for the statuses of one dossier
must never reach another.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from bus.engines.sqlite import Tx
from bus.lanes import set_head
from bus.messages import FILED, Attempt, Decision, Delivery, State
from bus.moves import Move, MoveWriter
from bus.times import from_ms

LEARNED: Final = "number_learned"
CONTRADICTED: Final = "number_contradicted"
"""Causes of the moves that say so; the number is their reason."""
NO_NUMBER: Final = "no_number"
"""The cause of what an adapter held because nobody has told the dossier's national number."""
CAME: Final = "number_came"
"""The cause of the move by which it goes on."""

Origin: TypeAlias = Literal["portal", "one_stop"] | None


def learn(
    tx: Tx, moves: MoveWriter, delivery: Delivery, attempt: Attempt, state: State, worker: str, at: int
) -> str | None:
    """Keep the pair that a settled delivery tells; the number that is not believed, when there is one.

    Either is a move of that delivery, which goes on standing as delivered: the chain binds what was believed.
    """
    number = attempt.facts.get("number")
    if number is None or delivery.event.kind != FILED or state is not State.DELIVERED:
        return None
    national = delivery.event.dossier
    is_new = bool(tx.run("learn_own_number", national, number, delivery.id, at))
    if not is_new and tx.one("own_number_of", national) == (number,):
        return None
    cause = LEARNED if is_new else CONTRADICTED
    move = Move(
        lane=delivery.lane,
        at=at,
        delivery=delivery.id,
        from_state=state,
        to_state=state,
        cause=cause,
        reason=number,
        actor=worker,
    )
    moves.add(tx, move, delivery.partner)
    if is_new:
        _free(tx, moves, number, worker, at)
    return None if is_new else number


def known_by_now(tx: Tx, delivery: Delivery, decision: Decision, at: int) -> Decision:
    """What a worker could not know when it claimed this: the number came while it worked."""
    if decision.cause != NO_NUMBER or tx.one("national_number_of", delivery.event.dossier) is None:
        return decision
    return Decision(state=State.WAITING, due_at=from_ms(at), cause=CAME, is_tried=False)


def _free(tx: Tx, moves: MoveWriter, own_number: str, worker: str, at: int) -> None:
    """A one-stop system may speak of a dossier before we have heard its number: what was held for that goes on."""
    for delivery, lane, partner in tx.all("find_held_for", NO_NUMBER, own_number):
        tx.run("move_delivery", State.WAITING, CAME, "", None, 1, at, delivery)
        move = Move(
            lane=lane,
            at=at,
            delivery=delivery,
            from_state=State.HELD,
            to_state=State.WAITING,
            cause=CAME,
            actor=worker,
        )
        moves.add(tx, move, partner)
        set_head(tx, lane, at)


def numbers_of(
    number: str, told: str | None, origin: Origin, filed_as: str | None, own: str | None
) -> tuple[str | None, Origin, str | None]:
    """National number, origin and own number of a dossier: by its record, and by the pairs it stands in.

    `filed_as`: the national number that its number is the own one of; `own`: the own number of its national one.
    """
    if filed_as is None and own is None:
        return told, origin, None
    return told or filed_as or number, "portal", own or number
