"""One suite for every adapter: repeats, refusals, lost and garbled answers. The judge is the mock's own effect list.

A partner's test module inherits `AdapterConformance` (records and steps) or `MessageConformance` (messages known by
their id) and says how its mock and its adapter are made. A new adapter starts by turning its list green. `Carrier` does
for one delivery what the bus does: deliver, ask when an answer is owed, deliver again when the adapter says it may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest

from bus.dispatch import Adapter
from bus.messages import Attempt, Delivered, Delivery, Event, InDoubt, Outcome, Refused, Standing, State, Unreachable
from contracts.mock_faults import FaultOrder
from contracts.mocking import Mock
from tests.builders import make_delivery, make_event, make_standing, make_step

UNKNOWN = make_standing(exists=None, shown_status=None)


@dataclass
class Carrier:
    """The bus in small: one dossier's deliveries, one after another, until each is settled or needs a person."""

    adapter: Adapter
    standing: Standing = UNKNOWN
    attempts: list[Attempt] = field(default_factory=list)

    def carry(self, event: Event, *, tries: int = 6) -> Outcome:
        """Deliver one event as the bus would, and give the outcome it ended with."""
        delivery = make_delivery(event, standing=self.standing)
        for _ in range(tries):
            attempt = self._try(delivery)
            match attempt.outcome:
                case Delivered() | Refused() | InDoubt(then="hold" | "go_on"):
                    return attempt.outcome
                case InDoubt():
                    delivery = replace(delivery, is_unanswered=True, state=State.IN_DOUBT, standing=self.standing)
                case _:
                    delivery = replace(delivery, is_unanswered=False, state=State.SENDING, standing=self.standing)
        return self.attempts[-1].outcome

    def _try(self, delivery: Delivery) -> Attempt:
        attempt = self.adapter.ask(delivery) if delivery.is_unanswered else self.adapter.deliver([delivery])[0]
        self.attempts.append(attempt)
        if "exists" in attempt.facts:
            self.standing = replace(self.standing, exists=attempt.facts["exists"])
        return attempt


class Conformance:
    """What both lists stand on."""

    mock: Mock
    adapter: Adapter

    running: Callable[[], AbstractContextManager[None]]
    """Serves a fresh mock and opens an adapter to it: `self.mock`, `self.adapter`."""

    @pytest.fixture(autouse=True)
    def _run(self) -> Iterator[None]:
        with self.running():
            self.carrier = Carrier(self.adapter)
            yield

    def arm(self, fault: str, **members: Any) -> None:
        self.mock.faults.arm(FaultOrder(fault=fault, **({"count": 1} | members)))

    def effects(self, operation: str | None = None) -> list[Any]:
        return [effect for effect in self.mock.effects if operation in (None, effect.operation)]

    LOST: ClassVar[Sequence[str]] = (
        "lose_reply_after_effect",
        "lose_request",
        "reset",
        "half_body",
        "html_200",
        "http_500",
        "wrong_content_type",
        "slow",
    )


class AdapterConformance(Conformance):
    """The rules that hold for every partner that takes records and steps."""

    record_operation: ClassVar[str]
    step_operation: ClassVar[str]
    lookup_operation: ClassVar[str]

    def doubled(self) -> list[tuple[str, str]]:
        """Steps that stand twice, and records stored twice as new: the judge's own words for "doubled"."""
        stored = Counter((effect.operation, effect.digest) for effect in self.mock.effects if not effect.repeat)
        return [key for key, times in stored.items() if times > 1]

    def with_record(self) -> None:
        assert isinstance(self.carrier.carry(make_event()), Delivered)

    # -- the plain walk -----------------------------------------------------------------------------------------

    def test_record_then_step(self):
        """A record and its step are stored once each, in that order."""
        self.with_record()

        assert isinstance(self.carrier.carry(make_step()), Delivered)
        assert [self.record_operation, self.step_operation] == [effect.operation for effect in self.mock.effects]

    def test_newer_record_replaces_the_older(self):
        """A second record of a dossier overwrites the first."""
        self.with_record()

        assert isinstance(self.carrier.carry(make_event(status="processing")), Delivered)
        assert 2 == len(self.effects(self.record_operation))

    def test_dossier_that_the_partner_has_already(self):
        """A dossier that we do not know and the partner does is overwritten, never created twice."""
        self.with_record()
        stranger = Carrier(self.adapter)

        assert isinstance(stranger.carry(make_event(status="processing")), Delivered)
        assert stranger.standing.exists is True

    def test_stale_knowledge_heals(self):
        """When we believe that the partner lacks a dossier that it has, its own word corrects us."""
        self.with_record()
        mistaken = Carrier(self.adapter, replace(UNKNOWN, exists=False))

        assert isinstance(mistaken.carry(make_event(status="processing")), Delivered)
        assert mistaken.standing.exists is True

    def test_every_field_survives(self):
        """What was sent breaks no rule of the contract, not even one that the partner only notes."""
        self.with_record()
        self.carrier.carry(make_step())

        assert [] == [broken for visit in self.mock.log.page() for broken in visit.broken]

    # -- refusals -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", ["record", "step"])
    def test_refusal_is_final(self, kind):
        """A business no is refused, stores nothing, and is not sent again."""
        self.with_record()
        self.arm("refuse_record", count=9)

        outcome = self.carrier.carry(make_step() if kind == "step" else make_event(status="processing"))

        assert isinstance(outcome, Refused)
        assert outcome.reason
        assert 2 == len(self.carrier.attempts)
        assert 1 == len(self.effects())

    def test_step_of_an_unknown_dossier_is_refused(self):
        """A step whose record the partner lacks is its no."""
        assert isinstance(self.carrier.carry(make_step()), Refused)

    # -- lost and garbled answers -------------------------------------------------------------------------------

    @pytest.mark.parametrize("fault", Conformance.LOST)
    @pytest.mark.parametrize("knows", [True, False])
    def test_record_survives_a_lost_answer(self, fault, knows):
        """Whatever happens to the answer, the record ends up stored once and delivered."""
        if knows:
            self.with_record()
        stored = len(self.effects())
        self.arm(fault, operation=self.record_operation, seconds=5)

        outcome = self.carrier.carry(make_event(status="processing"))

        assert isinstance(outcome, Delivered)
        assert stored + 1 == len([effect for effect in self.effects() if not effect.repeat])
        assert self.doubled() == []

    @pytest.mark.parametrize("fault", ["html_200", "http_500", "reset"])
    def test_record_survives_an_answer_lost_after_its_effect(self, fault):
        """The same when the partner had stored it before its answer was spoiled."""
        self.arm(fault, operation=self.record_operation, after_effect=True)

        assert isinstance(self.carrier.carry(make_event()), Delivered)
        assert self.doubled() == []

    @pytest.mark.parametrize("fault", Conformance.LOST)
    def test_p02_step_with_a_lost_answer_is_never_sent_again(self, fault):
        """A blind write whose answer is lost is left visible for a person; it is never doubled."""
        self.with_record()
        self.arm(fault, operation=self.step_operation, seconds=5)

        outcome = self.carrier.carry(make_step())

        assert isinstance(outcome, InDoubt)
        assert "hold" == outcome.then
        assert len(self.effects(self.step_operation)) <= 1
        assert 1 == len([visit for visit in self.mock.log.page() if visit.operation == self.step_operation])

    def test_p05_create_in_doubt_is_asked_before_it_is_sent_again(self):
        """Between a lost create and the next write stands a question."""
        self.arm("lose_reply_after_effect", operation=self.record_operation)

        self.carrier.carry(make_event())

        calls = [visit.operation for visit in self.mock.log.page()]
        first, second = [n for n, name in enumerate(calls) if name == self.record_operation]
        assert self.lookup_operation in calls[first + 1 : second]

    def test_lost_lookup_writes_nothing(self):
        """A question without an answer is asked again; nothing is created meanwhile."""
        self.arm("lose_request", operation=self.lookup_operation, count=2)

        assert isinstance(self.carrier.carry(make_event()), Delivered)
        assert 3 == len(self.carrier.attempts)
        assert 1 == len(self.effects())

    def test_late_effect_is_not_doubled(self):
        """A create that lands after "is it there?" was answered no meets its own repeat as an update."""
        self.arm("late_effect", operation=self.record_operation, delay=0.0)

        assert isinstance(self.carrier.carry(make_event()), Delivered)
        assert self.doubled() == []

    # -- manners ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", ["record", "step"])
    def test_rate_limit_is_honoured(self, kind):
        """ "Later", with a time, is not taken, not in doubt, and no sign of a partner that is down."""
        self.with_record()
        operation = self.step_operation if kind == "step" else self.record_operation
        self.arm("rate_limited", operation=operation, retry_after=7)

        event = make_step() if kind == "step" else make_event(status="processing")
        attempt = self.carrier._try(make_delivery(event, standing=self.carrier.standing))

        assert isinstance(attempt.outcome, Unreachable)
        assert (7, False) == (attempt.outcome.retry_after.total_seconds(), attempt.outcome.is_down)
        assert isinstance(self.carrier.carry(event), Delivered)

    def test_exchanges_hold_the_bytes_of_both_directions(self):
        """Every attempt brings the evidence: each call's request and reply."""
        self.with_record()

        exchange = self.carrier.attempts[-1].exchanges[-1]

        assert b"H99.09-260703-0123" in exchange.request_body
        assert exchange.reply_body
        assert exchange.status == 200

    def test_repeated_record_is_no_second_effect(self):
        """The same record again is stored as an equal replacement, which counts as a repeat."""
        self.with_record()

        self.carrier.carry(make_event())

        assert [False, True] == [effect.repeat for effect in self.effects()]


class MessageConformance(Conformance):
    """The rules that hold for every partner whose messages are known by their id: the same again is safe."""

    messages: ClassVar[Sequence[Event]]
    """One of each kind that it takes, in an order in which it can take them."""
    too_slow: ClassVar[float]
    """Seconds that are longer than its patience."""

    def carry_all(self) -> list[Outcome]:
        return [self.carrier.carry(event) for event in self.messages]

    def test_each_kind_is_taken_once(self):
        """Every kind of message is in the partner's books, once, and its answer is kept as evidence."""
        assert all(isinstance(outcome, Delivered) for outcome in self.carry_all())
        assert len(self.messages) == len(self.effects())
        for attempt in self.carrier.attempts:
            (exchange,) = attempt.exchanges
            assert exchange.request_body
            assert exchange.reply_body
            assert exchange.status in (200, 201)

    def test_nothing_about_it_is_noted(self):
        """What is sent breaks no rule of the contract."""
        self.carry_all()

        assert [] == [broken for visit in self.mock.log.page() for broken in visit.broken]

    def test_repeat_is_no_second_effect(self):
        """The same messages again are taken again, with the answers that they had, and nothing is stored twice."""
        self.carry_all()

        assert all(isinstance(outcome, Delivered) for outcome in self.carry_all())
        assert len(self.messages) == len(self.effects())

    def test_p02_message_survives_a_lost_answer(self):
        """Whatever happens to the answers of each kind, it ends up stored once and delivered, by asking nothing."""
        for event in self.messages:
            # One wait for an answer that is too slow will do.
            faults = [fault for fault in self.LOST if fault != "slow" or event is self.messages[0]]
            struck = self.mock.faults.total
            for fault in faults:
                self.arm(fault, seconds=self.too_slow)
            assert isinstance(self.carrier.carry(event, tries=30), Delivered)
            assert len(faults) == self.mock.faults.total - struck
        assert len(self.messages) == len(self.effects())

    def test_p05_nothing_is_sent_while_it_is_in_doubt(self):
        """After a lost answer the next thing is `ask`, which sends nothing and says: at once, the same again."""
        self.arm("lose_reply_after_effect")

        self.carrier.carry(self.messages[0])

        lost, asked, again = self.carrier.attempts
        assert isinstance(lost.outcome, InDoubt)
        assert "ask" == lost.outcome.then
        assert isinstance(asked.outcome, Unreachable)
        assert (0, False, ()) == (asked.outcome.retry_after.total_seconds(), asked.outcome.is_down, asked.exchanges)
        assert isinstance(again.outcome, Delivered)

    def test_refusal_is_final(self):
        """A business no is refused, says why, stores nothing, and is not sent again."""
        self.arm("refuse_record", count=9)

        outcome = self.carrier.carry(self.messages[0])

        assert isinstance(outcome, Refused)
        assert outcome.code
        assert outcome.reason
        assert 1 == len(self.carrier.attempts)
        assert [] == self.effects()

    def test_rate_limit_is_honoured(self):
        """ "Later", with a time, is not taken, not in doubt, and no sign of a partner that is down."""
        self.arm("rate_limited", retry_after=7)

        attempt = self.carrier._try(make_delivery(self.messages[0], standing=self.carrier.standing))

        assert isinstance(attempt.outcome, Unreachable)
        assert (7, False) == (attempt.outcome.retry_after.total_seconds(), attempt.outcome.is_down)
        assert isinstance(self.carrier.carry(self.messages[0]), Delivered)
