"""Pure. The attempt, or the refund, that a delivery is about: money in VND, or it does not go to a gateway."""

from __future__ import annotations

from adapters.partners.gateways.amounts import CURRENCY
from bus.errors import Unmappable
from bus.messages import Delivery
from bus.payments import PaymentStanding, RefundStanding


def standing_of(delivery: Delivery, currency_field: str) -> PaymentStanding:
    """Raises Unmappable, naming the gateway's own field where the currency is another."""
    standing = delivery.payment
    if standing is None:
        raise Unmappable(field="/data/payment", rule="missing")
    if standing.currency != CURRENCY:
        raise Unmappable(field=currency_field, rule="no_row", value=standing.currency, table="currencies")
    return standing


def refund_of(delivery: Delivery, currency_field: str) -> tuple[PaymentStanding, RefundStanding]:
    """The same of a refund. Raises Unmappable."""
    standing = standing_of(delivery, currency_field)
    if standing.refund is None:
        raise Unmappable(field="/data/refund", rule="missing")
    return standing, standing.refund
