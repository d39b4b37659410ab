"""An event to a one-stop system's message: whole, or held with the field named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.partners.one_stop import wire
from adapters.partners.one_stop.adapter import OneStop
from adapters.partners.one_stop.settings import OneStopSettings
from bus.errors import Unmappable
from bus.messages import Unreachable
from tests.builders import make_delivery, make_event, make_standing
from tests.one_stop_kit import HASTE, OPERATIONS, WAYS, delivery, event, message, settings_for, shared_pki

NOW = datetime.now(UTC)
KINDS = list(OPERATIONS)


class Silent:
    """A channel that nobody may use, and a clock."""

    def send(self, request: object) -> Any:
        raise AssertionError("nothing must be sent")

    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        raise AssertionError


def adapter(way: str = "rest", **settings: Any) -> OneStop:
    nobody = Silent()
    return OneStop(settings_for(way, "http://127.0.0.1:9", shared_pki(), **settings), nobody, clock=nobody)


@pytest.mark.parametrize("kind", KINDS)
def test_message_is_the_data_under_the_events_id(kind):
    """What the event says is the message, with the event's id as its own."""
    assert message(kind) == wire.message_of(event(kind), make_standing()).value
    assert OPERATIONS[kind] == wire.message_of(event(kind), make_standing()).contract.operation


@pytest.mark.parametrize(
    ("told", "known", "number"), [(None, "H-1", "H-1"), ("H-2", "H-1", "H-2"), (None, None, None), ("H-2", None, "H-2")]
)
def test_amendment_carries_the_one_stop_systems_own_number(told, known, number):
    """Where the portal does not tell it, the number that the filing was given goes along (r122)."""
    amended = event("dossier.amended", number=told)

    assert number == wire.message_of(amended, make_standing(own_number=known)).value["number"]


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("delivery.settled", {"reason": "x" * 2001}, "/reason", "too_long"),
    ("delivery.settled", {"state": "in_doubt"}, "/state", "enum"),
    ("delivery.settled", {"kind": "delivery.settled"}, "/kind", "enum"),
    ("delivery.settled", {"partner": "Cổng"}, "/partner", "bad_form"),
    ("delivery.settled", {"reason": "a\x00b"}, "/reason", "bad_character"),
    ("delivery.settled", {"reason": "a\ufffeb"}, "/reason", "bad_character"),
    ("delivery.settled", {"more": "1"}, "/more", "unknown_field"),
    ("delivery.settled", {"reason": 7}, "/reason", "unknown_field"),
    ("delivery.settled", {"reason": None}, "/reason", "wrong_type"),
    ("delivery.settled", {"id": "has space"}, "/id", "bad_form"),
    ("dossier.filed", {"unit": "e\u0301"}, "/unit", "not_nfc"),
    ("dossier.filed", {"files": [{"name": "x"}]}, "/files/0/component", "missing_field"),
    ("dossier.filed", {"files": "x"}, "/files/0/component", "missing_field"),
    ("dossier.filed", {"files": 7}, "/data", "wrong_type"),
    ("dossier.filed", {"applicant": None}, "/applicant/kind", "missing_field"),
    ("dossier.filed", {"fees": [1]}, "/data", "wrong_type"),
    ("dossier.amended", {"content": "x" * 20_001}, "/content", "too_long"),
    ("payment.settled", {"amount": 75000.5}, "/settled/amount", "wrong_type"),
    ("payment.settled", {"amount": 0}, "/settled/amount", "too_small"),
    ("payment.settled", {"currency": "USD"}, "/settled/currency", "enum"),
    ("payment.failed", {"reason": "a\x00b"}, "/failed/reason", "bad_character"),
    ("payment.opened", {"payment": "P 1"}, "/payment", "bad_form"),
    ("payment.expired", {"expires_at": None}, "/expired/expires_at", "wrong_type"),
    ("signature.made", {"documents": [1]}, "/data", "wrong_type"),
    ("signature.made", {"level": "B-X"}, "/made/level", "enum"),
    ("signature.declined", {"by": "nobody"}, "/declined/by", "enum"),
    ("signature.expired", {"signature": "S 1"}, "/signature", "bad_form"),
]


@pytest.mark.parametrize(("kind", "changes", "field", "rule"), BAD)
@pytest.mark.parametrize("way", WAYS)
def test_p07_what_the_contract_cannot_take_is_held(way, kind, changes, field, rule):
    """Over each protocol the first place that breaks the contract is named, and nothing is sent (r121)."""
    one = adapter(way)

    for send in (one.check, lambda found: one.deliver([found])):
        with pytest.raises(Unmappable) as refused:
            send(delivery(kind, changes=changes))
        assert (field, rule) == (refused.value.field, refused.value.rule)


def test_line_ends_and_blanks_are_taken():
    """Characters that XML has are taken as they are, a carriage return too."""
    value = wire.message_of(event("delivery.settled", reason=" a\r\n\tb\u00a0 "), make_standing()).value

    assert " a\r\n\tb\u00a0 " == value["reason"]


def test_list_of_texts_keeps_its_places():
    """A number where a text should be is found in the middle of a list, too."""
    files = message("dossier.filed")["files"]
    files[0]["name"] = 7

    with pytest.raises(Unmappable) as refused:
        wire.message_of(event("dossier.filed", files=files), make_standing())
    assert "/files/0/name" == refused.value.field


def test_kind_that_is_not_theirs():
    """A record is for the portal; sent here by a wrong route it is held."""
    with pytest.raises(Unmappable, match="no_row"):
        adapter().check(make_delivery(make_event()))


def test_shadow_sends_nothing():
    """In the mode `shadow` a message is shaped and checked, and stays here."""
    attempt = adapter().deliver([delivery(is_shadow=True)])[0]

    assert "shadow" == attempt.outcome.reason


@pytest.mark.parametrize("is_long", [False, True])
def test_no_call_outlives_its_lease(is_long):
    """Near the end of the lease nothing is sent: somebody else may be sending it by then."""
    left = timedelta(seconds=60) if is_long else HASTE["timeout"] - timedelta(milliseconds=1)
    found = delivery(leased_until=NOW + left)

    if not is_long:
        outcome = adapter().deliver([found])[0].outcome
        assert isinstance(outcome, Unreachable)
        assert (0, False) == (outcome.retry_after.total_seconds(), outcome.is_down)
    else:
        with pytest.raises(AssertionError, match="must be sent"):
            adapter().deliver([found])


def test_address_has_no_query():
    """What is signed must be what is called."""
    with pytest.raises(ValueError, match="query"):
        OneStop(
            OneStopSettings(url="http://x/?y=1", keys=settings_for("rest", "", shared_pki()).keys),
            Silent(),
            clock=Silent(),
        )


def test_keys_do_not_print():
    """Settings may be printed; keys may not."""
    shown = repr(settings_for("rest", "http://127.0.0.1:9", shared_pki()))

    assert "mock-secret" not in shown
    assert isinstance(settings_for("soap-1.1", "http://x", shared_pki()), OneStopSettings)


def test_trace_travels_along():
    """The event's trace parent goes with the call."""
    sent: list[Any] = []

    class Noting(Silent):
        def send(self, request: Any) -> Any:
            sent.append(request)
            raise ConnectionError

    nobody = Noting()
    one = OneStop(settings_for("rest", "http://127.0.0.1:9", shared_pki()), nobody, clock=nobody)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    traced = make_delivery(_traced(event("delivery.settled"), trace))
    with pytest.raises(ConnectionError):
        one.deliver([traced])

    assert trace == sent[0].headers["traceparent"]


def _traced(found: Any, trace: str) -> Any:
    from dataclasses import replace

    return replace(found, traceparent=trace)
