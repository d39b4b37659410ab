"""Two numbers of one dossier: the portal's, under which it was filed, and the one that the one-stop system gave it.

The one-stop system says its own number when it takes a filed dossier; the pair is kept in the transaction that settles
that delivery. The first word stands: a later one that contradicts it is not believed, for the statuses of one dossier
must never reach another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bus.bodies import Bodies
from bus.engines.sqlite import Tx
from bus.errors import LedgerDamaged
from bus.lanes import set_head
from bus.messages import FILED, Attempt, Decision, Delivery, State
from bus.moves import Move, MoveWriter
from bus.times import from_ms

LEARNED: Final = "number_learned"
CONTRADICTED: Final = "number_contradicted"
"""Causes of the moves that say so; the number is their reason."""
CREATED: Final = "created_before_number"
"""Of the move of a record that was sent as that of a dossier of our own; the national number is its reason."""
MAY_BE_THERE: Final = frozenset({State.DELIVERED, State.AWAITING, State.IN_DOUBT, State.SENDING})
NO_NUMBER: Final = "no_number"
"""The cause of what an adapter held because nobody has told the dossier's national number."""
CAME: Final = "number_came"
"""The cause of the move by which it goes on."""

Origin: TypeAlias = Literal["portal", "one_stop"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A record of a filed dossier that went out before its number was known, as that of a dossier of our own."""

    delivery: int
    partner: str
    dossier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a settled delivery told of a dossier's number, and what came to light by it."""

    disbelieved: str | None = None
    """A number that contradicts what is known."""
    created: tuple[Created, ...] = ()


NOTHING: Final = Learned()


def learn(
    tx: Tx, moves: MoveWriter, bodies: Bodies, delivery: Delivery, attempt: Attempt, state: State, worker: str, at: int
) -> Learned:
    """Keep the pair that a settled delivery tells.

    That it was believed or not is a move of that delivery, which goes on standing as delivered: the chain binds it.
    """
    number = attempt.facts.get("number")
    if number is None or delivery.event.kind != FILED or state is not State.DELIVERED:
        return NOTHING
    national = delivery.event.dossier
    is_new = bool(tx.run("learn_own_number", national, number, delivery.id, at))
    if not is_new and tx.one("own_number_of", national) == (number,):
        return NOTHING
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
    if not is_new:
        return Learned(disbelieved=number)
    _free(tx, moves, number, worker, at)
    return Learned(created=tuple(_created(tx, moves, bodies, national, number, worker, at)))


def known_by_now(tx: Tx, delivery: Delivery, decision: Decision, at: int) -> Decision:
    """What a worker could not know when it claimed this: the number came while it worked."""
    if decision.cause != NO_NUMBER or tx.one("national_number_of", delivery.event.dossier) is None:
        return decision
    return Decision(state=State.WAITING, due_at=from_ms(at), cause=CAME, is_tried=False)


def _created(
    tx: Tx, moves: MoveWriter, bodies: Bodies, national: str, number: str, worker: str, at: int
) -> Iterator[Created]:
    """The first record that each partner got without any national number: it made the portal's dossier a second time.

    Nothing can be taken back there; so it is said aloud, and stands in the dossier's timeline for whoever mends it.
    """
    if number == national:
        return
    partners = set[str]()
    for delivery, lane, partner, state, event in tx.all("records_of", number):
        if _tells_a_number(tx, bodies, event, national):
            return  # from here on only statuses went up
        if state not in MAY_BE_THERE or partner in partners:
            continue
        partners.add(partner)
        stands = State(state)
        move = Move(
            lane=lane,
            at=at,
            delivery=delivery,
            from_state=stands,
            to_state=stands,
            cause=CREATED,
            reason=national,
            actor=worker,
        )
        moves.add(tx, move, partner)
        yield Created(delivery=delivery, partner=partner, dossier=number)


def _tells_a_number(tx: Tx, bodies: Bodies, event: int, national: str) -> bool:
    try:
        data = bodies.load_event(tx, event).data
    except LedgerDamaged:
        return False  # `ledger verify` finds it; what is learned must not wait for that
    told = data.get("national_number")
    return told == national or (told is not None and data.get("origin") == "portal")


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
