"""Named faults: how a mock is told to misbehave, so often or at such a rate, the same way for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

BEFORE: Final = "before"
INSIDE: Final = "inside"
AFTER: Final = "after"

STAGES: Final = {
    "lose_request": BEFORE,
    "reset": BEFORE,
    "http_500": BEFORE,
    "html_200": BEFORE,
    "rate_limited": BEFORE,
    "clock_skew": INSIDE,
    "expired_session": INSIDE,
    "refuse_record": INSIDE,
    "skip_record_say_yes": INSIDE,
    "late_effect": INSIDE,
    "lose_reply_after_effect": AFTER,
    "slow": AFTER,
    "half_body": AFTER,
    "wrong_content_type": AFTER,
    "soap_fault": AFTER,
    "unsigned_fault": AFTER,
    "bad_signature": AFTER,
    "duplicate_callback": AFTER,
    "reordered_callbacks": AFTER,
    "tampered_callback": AFTER,
}
"""Every fault by name, and when it strikes: before the request is read, while it is judged, or on its answer."""

NEEDS: Final = {
    "soap_fault": "it speaks no SOAP",
    "unsigned_fault": "it speaks no SOAP",
    "bad_signature": "it signs nothing",
    "duplicate_callback": "it makes no callbacks",
    "reordered_callbacks": "it makes no callbacks",
    "tampered_callback": "it makes no callbacks",
}
"""Why a fault cannot happen with a partner that lacks what the fault spoils."""

REST: Final = frozenset(STAGES) - frozenset(NEEDS)


class FaultRefused(ValueError):
    """This fault cannot be armed."""


class FaultOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault as posted to the control route."""

    fault: str
    count: int | None = None
    """Strikes that many times, at the first calls that match (or, with `rate`, at most that many times)."""
    rate: float | None = None
    """Strikes that share of the calls that match, drawn from `seed`."""
    seed: int = 0
    operation: str | None = None
    dossier: str | None = None
    seconds: float | None = None
    """How long `slow` waits (2), or how far `clock_skew` goes (900; may be negative)."""
    delay: float = 2.0
    """After how many seconds `late_effect` takes effect."""
    retry_after: int | None = None
    """What `rate_limited` names (1)."""
    after_effect: bool = False
    """A fault that comes instead of an answer comes after the effect is stored, and only to calls that have one."""


class Armed:
    """A fault at work: its order, its own chance, and how often it struck."""

    def __init__(self, order: FaultOrder, number: int) -> None:
        self.order = order
        self.number = number
        self.name = order.fault
        self.met = 0
        self.struck = 0
        self.seconds = order.seconds if order.seconds is not None else (900.0 if order.fault == "clock_skew" else 2.0)
        self.delay = order.delay
        self.retry_after = order.retry_after if order.retry_after is not None else int(order.seconds or 1)
        self.stage = AFTER if order.after_effect else STAGES[order.fault]
        self.needs_effect = order.after_effect or order.fault == "lose_reply_after_effect"
        self._left = order.count if order.count is not None or order.rate is not None else 1
        self._chance = random.Random(order.seed)  # noqa: S311  # a repeatable transcript is the point

    @property
    def is_spent(self) -> bool:
        return self._left == 0

    def strikes(self, operation: str, dossiers: tuple[str, ...]) -> bool:
        """Whether it strikes this call. Draws once for each call that matches, in the order of the calls."""
        order = self.order
        if order.operation not in (None, operation) or (order.dossier is not None and order.dossier not in dossiers):
            return False
        if self._left == 0:
            return False
        self.met += 1
        if order.rate is not None and self._chance.random() >= order.rate:
            return False
        if self._left is not None:
            self._left -= 1
        self.struck += 1
        return True

    def shown(self) -> dict[str, Any]:
        row = {name: value for name, value in msgspec.to_builtins(self.order).items() if value is not None}
        return {"id": self.number, **row, "met": self.met, "struck": self.struck, "left": self._left}


class Faults:
    """The faults of one mock. Those posted first are asked first."""

    def __init__(self, possible: Iterable[str], *, partner: str) -> None:
        self.possible = frozenset(possible)
        self._partner = partner
        self._all: list[Armed] = []
        self.active: list[Armed] = []
        self.total = 0

    def arm(self, order: FaultOrder) -> Armed:
        """Put a fault to work, or say why it cannot be."""
        self._check(order)
        armed = Armed(order, len(self._all) + 1)
        self._all.append(armed)
        self.active = [*self.active, armed]
        return armed

    def _check(self, order: FaultOrder) -> None:
        if order.fault not in STAGES:
            raise FaultRefused(f"fault: no such fault; there are {', '.join(sorted(STAGES))}")
        if order.fault not in self.possible:
            why = NEEDS.get(order.fault, "it has nothing that this would spoil")
            raise FaultRefused(f"fault: {order.fault} cannot happen with {self._partner}: {why}")
        if order.count is not None and order.count < 1:
            raise FaultRefused("count: must be 1 or more")
        if order.rate is not None and not 0 <= order.rate <= 1:
            raise FaultRefused("rate: must be from 0 to 1")
        if order.after_effect and STAGES[order.fault] != BEFORE:
            raise FaultRefused(f"after_effect: goes with faults that replace the answer, and {order.fault} does not")

    def strike(self, name: str, operation: str, dossiers: tuple[str, ...]) -> Armed | None:
        """The fault of that name that strikes this call, if any."""
        for fault in self.active:
            if fault.name == name and fault.strikes(operation, dossiers):
                return self._count(fault)
        return None

    def in_stage(
        self, stage: str, operation: str, dossiers: tuple[str, ...], *, has_effects: bool = False
    ) -> Iterator[Armed]:
        """The faults of a stage that strike this call, in the order they were posted."""
        for fault in self.active:
            if fault.stage != stage or (fault.needs_effect and not has_effects):
                continue
            if fault.strikes(operation, dossiers):
                yield self._count(fault)

    def _count(self, fault: Armed) -> Armed:
        self.total += 1
        if fault.is_spent:
            self.active = [other for other in self.active if other is not fault]
        return fault

    def clear(self) -> None:
        """Behave again."""
        self._all, self.active, self.total = [], [], 0

    def disarm(self) -> None:
        """No fault strikes any more; those that did stay on the list."""
        self.active = []

    def shown(self) -> list[dict[str, Any]]:
        return [fault.shown() | {"active": fault in self.active} for fault in self._all]
