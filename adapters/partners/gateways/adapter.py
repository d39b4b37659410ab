"""A gateway as the bus sees it: `check`, `deliver` and `ask`, each by the kind of event.

What differs between gateways are their steps. Here is what must never differ: everything is shaped before anything is
sent, no call outlives its lease, a shadow sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from adapters.channels.http import Channel, Request
from adapters.partners.gateways.cards import without_cards
from bus.errors import Unmappable
from bus.messages import Attempt, Delivery, Exchange, Unreachable
from bus.payments import Told
from bus.ports import Clock, CrashPoint, no_crash

NO_TIME: Final = Unreachable(
    reason="no_time: the lease would end before the answer", retry_after=timedelta(0), is_down=False
)
SHADOW: Final = Unreachable(reason="shadow", is_down=False)

Send: TypeAlias = Callable[[Request], Exchange]


class Step(Protocol):
    """What one kind of event comes to at one gateway, or what is asked about it."""

    def check(self, delivery: Delivery) -> None:
        """Shape it and send nothing. Raises `Unmappable`."""
        ...

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Shape, send, read. The exchange of every call stands in the attempt."""
        ...


class GatewayAdapter:
    """One gateway, used by many threads."""

    def __init__(
        self,
        *,
        name: str,
        steps: Mapping[str, Step],
        asks: Mapping[str, Step],
        channel: Channel,
        clock: Clock,
        timeout: timedelta,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`steps`: kind → what is done; `asks`: kind → what is asked after an unclear outcome, or while it awaits."""
        self._name = name
        self._steps = steps
        self._asks = asks
        self._channel = channel
        self._clock = clock
        self._timeout = timeout
        self._point = crash_point

    def check(self, delivery: Delivery) -> None:
        """Shape it and send nothing. Raises `Unmappable`."""
        self._step(self._steps, delivery).check(delivery)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        """Each in turn; one attempt for each, in the same order. Raises before anything is sent, if at all."""
        self._point("shape.before")
        steps = [self._step(self._steps, delivery) for delivery in batch]
        for step, delivery in zip(steps, batch, strict=True):
            step.check(delivery)
        self._point("shape.after")
        return [self._run(step, delivery) for step, delivery in zip(steps, batch, strict=True)]

    def ask(self, delivery: Delivery) -> Attempt:
        """What became of it: read only, as often as is wanted."""
        return self._run(self._step(self._asks, delivery), delivery)

    def _run(self, step: Step, delivery: Delivery) -> Attempt:
        if delivery.is_shadow:
            return Attempt(outcome=SHADOW)
        if not self._has_time(delivery):
            return Attempt(outcome=NO_TIME)
        attempt = _kept(step.run(delivery, self._channel.send))
        self._point("read.after")
        return attempt

    def _step(self, steps: Mapping[str, Step], delivery: Delivery) -> Step:
        found = steps.get(delivery.event.kind)
        if found is None:
            raise Unmappable(field="/type", rule="no_row", value=delivery.event.kind, table=f"{self._name} kinds")
        return found

    def _has_time(self, delivery: Delivery) -> bool:
        """No call starts that could outlive its lease: somebody else may be sending by then."""
        until = delivery.leased_until
        return until is None or self._clock.now() + self._timeout <= until


def _kept(attempt: Attempt) -> Attempt:
    """What the ledger may keep of it: no card's data, in no exchange and in no evidence."""
    exchanges = tuple(replace(one, reply_body=_clean(one.reply_body)) for one in attempt.exchanges)
    told = attempt.facts.get("told")
    if not isinstance(told, Told):
        return replace(attempt, exchanges=exchanges)
    facts = {**attempt.facts, "told": replace(told, evidence=without_cards(told.evidence))}
    return replace(attempt, exchanges=exchanges, facts=facts)


def _clean(body: bytes | None) -> bytes | None:
    return None if body is None else without_cards(body)
