"""What every mock of a payment gateway keeps: orders by our reference, with all that a person or a test did to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal

Result = Literal["paid", "failed", "pending"]
OrderState = Literal["open", "paid", "failed", "pending", "expired"]
LOCAL: Final = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh. The mocks have their own: what they check must not be what they are checked with."""


def stamp(at: datetime) -> str:
    """`yyyyMMddHHmmss`, Vietnam, 24 hours."""
    local = at.astimezone(LOCAL)
    return f"{local:%Y%m%d%H%M%S}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One transaction of money: what a settlement file has a row for."""

    transaction: str
    amount: int
    currency: str
    bank: str
    at: datetime
    state: OrderState = "paid"


@dataclass(slots=True, kw_only=True)
class Order:
    """One order, as the gateway has it."""

    reference: str
    amount: int
    currency: str
    description: str
    created_at: datetime
    dossier: str = ""
    return_url: str = ""
    expires_at: datetime | None = None
    bank: str = "VCB"
    state: OrderState = "open"
    code: str = ""
    """Why it failed."""
    asked: int = 0
    """How often it was asked about."""
    fetched: int = 0
    """How often its receipt was asked for."""
    refunded: int = 0
    bookings: list[Booking] = field(default_factory=list)
    asked_with: dict[str, Any] = field(default_factory=dict)
    """What it was opened with."""
    more: dict[str, Any] = field(default_factory=dict)
    """What only this gateway keeps."""

    @property
    def paid(self) -> Booking | None:
        """The booking that counts: the first that was paid."""
        return next((booking for booking in self.bookings if booking.state == "paid"), None)

    def shown(self) -> dict[str, Any]:
        """For the control route."""
        return {
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "state": self.state,
            "code": self.code,
            "dossier": self.dossier,
            "created_at": self.created_at,
            "asked": self.asked,
            "fetched": self.fetched,
            "refunded": self.refunded,
            "transactions": [booking.transaction for booking in self.bookings],
        }


class Orders:
    """All orders, in the order of their opening."""

    def __init__(self) -> None:
        self._all: dict[str, Order] = {}
        self._booked = 0

    def add(self, order: Order) -> None:
        """A new one."""
        self._all[order.reference] = order

    def get(self, reference: str) -> Order | None:
        """By our reference."""
        return self._all.get(reference)

    def newest(self) -> Order | None:
        """The one that was opened last."""
        return next(reversed(self._all.values()), None)

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def book(self, order: Order, *, at: datetime, amount: int | None = None, transaction: str = "") -> Booking:
        """Money moved for this order."""
        self._booked += 1
        booking = Booking(
            transaction=transaction or f"GD{at.astimezone(LOCAL):%y%m%d}{self._booked:06d}",
            amount=order.amount if amount is None else amount,
            currency=order.currency,
            bank=order.bank,
            at=at,
        )
        order.bookings.append(booking)
        return booking

    def clear(self) -> None:
        """Back to the first day. Transaction numbers go on: nobody may meet one twice."""
        self._all.clear()
