"""Two numbers of one dossier: the portal's, under which it was filed, and the one that the one-stop system gave it.

The one-stop system says its own number when it takes a filed dossier; the pair is kept in the transaction that settles
that delivery. The first word stands: a later one that contradicts it is not believed, for the statuses of one dossier
must never reach another.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is known of a dossier's two numbers."""

    national: str | None
    origin: Origin
    own: str | None
    """The own number of whatever stands under the national one: another dossier's, where this one only claims it."""
    is_filed: bool
    """Whether the ledger took in what the portal filed under the national number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What the ledger itself knows of a number, and of the national number that its records tell."""

    filed_as: str | None = None
    """The national number that it is the own one of."""
    own: str | None = None
    """The own number of what was filed under it."""
    is_filed: bool = False
    """Whether it is a number under which the portal filed a dossier here."""
    own_of_told: str | None = None
    is_told_filed: bool = False


def numbers_of(number: str, told: str | None, origin: Origin, pairs: Pairs) -> Numbers:
    """What the ledger learned goes before what a record tells: a record that tells another number changes nothing."""
    if pairs.filed_as is not None:
        return Numbers(national=pairs.filed_as, origin="portal", own=number, is_filed=True)
    if pairs.own is not None or pairs.is_filed:
        return Numbers(national=number, origin="portal", own=pairs.own, is_filed=True)
    if pairs.own_of_told is not None or pairs.is_told_filed:
        return Numbers(national=told, origin="portal", own=pairs.own_of_told, is_filed=True)
    return Numbers(national=told, origin=origin, own=None, is_filed=False)
