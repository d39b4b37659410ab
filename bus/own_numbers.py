"""Two numbers of one dossier: the portal's, under which it was filed, and the one that the one-stop system gave it.

The one-stop system says its own number when it takes a filed dossier; the pair is kept in the transaction that settles
that delivery. The first word stands: a later one that contradicts it is not believed, for the statuses of one dossier
must never reach another.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from bus.engines.sqlite import Tx
from bus.messages import FILED, Attempt, Delivery, State

Origin: TypeAlias = Literal["portal", "one_stop"] | None


def learn(tx: Tx, delivery: Delivery, attempt: Attempt, state: State, at: int) -> str | None:
    """Keep the pair that a settled delivery tells; the number that is not believed, when there is one."""
    number = attempt.facts.get("number")
    if number is None or delivery.event.kind != FILED or state is not State.DELIVERED:
        return None
    national = delivery.event.dossier
    if tx.run("learn_own_number", national, number, delivery.id, at):
        return None
    known = tx.one("own_number_of", national)
    return None if known is not None and known[0] == number else str(number)


def numbers_of(
    number: str, told: str | None, origin: Origin, filed_as: str | None, own: str | None
) -> tuple[str | None, Origin, str | None]:
    """National number, origin and own number of a dossier: by its record, and by the pairs it stands in.

    `filed_as`: the national number that its number is the own one of; `own`: the own number of its national one.
    """
    if filed_as is None and own is None:
        return told, origin, None
    return told or filed_as or number, "portal", own or number
