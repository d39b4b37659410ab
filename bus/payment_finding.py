"""What a person found out about an attempt, said in the gateway's place: a bank statement, the gateway's letter."""

from __future__ import annotations

from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.payment_hearing import attempt_numbered
from bus.payment_tasks import required
from bus.payments import Effect, Told, Verdict

CHANGES_NOTHING = frozenset({Effect.NOTHING, Effect.REPEATED, Effect.CONTRADICTED})


def say_found(
    tx: Tx,
    ledger: Ledger,
    payment: int,
    attempt: int,
    *,
    is_paid: bool,
    account: str,
    reason: str,
    transaction: str | None = None,
) -> Effect:
    """Say of an attempt what was found, with the evidence as the reason; what came of it.

    It goes through the very rule that gateways' words go through: a success stays, whoever speaks against it. Raises
    NotFound; NotAllowedNow where it would change nothing.
    """
    told = required(reason)
    row = tx.one("paid_attempt_of", attempt, payment)
    if row is None:
        raise NotFound(f"payment {payment} has no attempt {attempt}")
    of = attempt_numbered(tx, attempt)
    said = Told(
        partner=of.partner,
        reference=of.reference,
        verdict=Verdict.PAID if is_paid else Verdict.FAILED,
        via="person",
        transaction=transaction,
        amount=of.amount if is_paid else None,
        currency=of.currency if is_paid else None,
        code="person",
        reason=told,
        evidence=told.encode(),
    )
    heard = ledger.payments.hear_in(tx, [ledger.payments.sealed(said)], f"person:{account}")[0]
    if heard.effect in CHANGES_NOTHING:
        raise NotAllowedNow(f"attempt {attempt} is {of.state}: that would change nothing", code="decided")
    return heard.effect
