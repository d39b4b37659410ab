"""The one-stop system as an enemy: every fault of its mock over each protocol, and answers that no honest one gives.

`delivered` is said only where the mock's books have the effect; nothing hangs.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from adapters.channels.http import HttpChannel
from adapters.partners.one_stop.adapter import OneStop as Adapter
from bus.messages import Attempt, Delivered, InDoubt, Refused, Unreachable
from bus.ports import SystemClock
from contracts.mock_faults import STAGES, FaultOrder
from contracts.one_stop.mock import FAULTS
from tests.contract.conformance import Carrier
from tests.one_stop_kit import (
    HASTE,
    OPERATIONS,
    TOO_SLOW,
    WAYS,
    delivery,
    event,
    one_stop_with,
    settings_for,
    shared_pki,
)
from tests.portal_kit import local_http
from tests.raw_sockets import RawServer, raw_server, read_request

KIND = "dossier.filed"
FIRST: dict[str, tuple[type, str]] = {
    "lose_request": (InDoubt, "reply_lost"),
    "reset": (InDoubt, "reply_lost"),
    "slow": (InDoubt, "reply_lost"),
    "half_body": (InDoubt, "reply_lost"),
    "lose_reply_after_effect": (InDoubt, "reply_lost"),
    "html_200": (InDoubt, "html"),
    "http_500": (InDoubt, "other_type"),
    "wrong_content_type": (InDoubt, "html"),
    "bad_signature": (InDoubt, "wrong_signature"),
    "unsigned_fault": (InDoubt, "unsigned"),
    "clock_skew": (InDoubt, "wrong_signature: stale_signature"),
    "late_effect": (InDoubt, "reply_lost"),
    "soap_fault": (Unreachable, "busy"),
    "rate_limited": (Unreachable, "http_429"),
    "refuse_record": (Refused, "(MC-"),
}
"""Fault → what the attempt that meets it comes to, and what its reason says (docs/reference/one-stop.md)."""
OVER_REST = FIRST | {
    "soap_fault": (Unreachable, "http_503"),
    "unsigned_fault": (Unreachable, "http_503"),
    "http_500": (InDoubt, "unsigned"),
}
"""What is "later" by its status needs no signature (NOTES.md#r111)."""


def test_every_fault_of_the_contract_is_met_here():
    """The mock's faults and this table are one; a new fault has to say what it comes to."""
    assert FAULTS == FIRST.keys()


@pytest.fixture(params=WAYS)
def enemy(request) -> Iterator[tuple]:
    with one_stop_with(request.param) as (mock, adapter):
        yield request.param, mock, adapter


def reason_of(attempt: Attempt) -> str:
    return getattr(attempt.outcome, "reason", "")


def test_p06_each_fault_and_what_it_comes_to(enemy):
    """Each fault: its attempt comes to what the table says, and the message is in the books once at last."""
    way, mock, adapter = enemy
    for n, (fault, (outcome, reason)) in enumerate(sorted((OVER_REST if way == "rest" else FIRST).items())):
        mock.faults.arm(FaultOrder(fault=fault, seconds=3600 if fault == "clock_skew" else TOO_SLOW, delay=0.0))
        found = event("delivery.settled", id=f"outcome.{n}")

        attempt = adapter.deliver([delivery("delivery.settled", changes={"id": f"outcome.{n}"})])[0]

        assert (fault, outcome) == (fault, type(attempt.outcome))
        assert reason in reason_of(attempt), fault
        assert n + 1 == mock.faults.total
        if outcome is not Refused:
            assert isinstance(Carrier(adapter).carry(found), Delivered), fault
            assert 1 == len([row for row in mock.effects if row.entry["id"] == f"outcome.{n}"]), fault


def test_p06_fault_after_the_effect(enemy):
    """The same faults once the message is in the books: never delivered, never refused, and never doubled."""
    _, mock, adapter = enemy
    faults = sorted(name for name in FAULTS if STAGES[name] == "before")
    for n, fault in enumerate(faults):
        mock.faults.arm(FaultOrder(fault=fault, after_effect=True))
        found = delivery("delivery.settled", changes={"id": f"outcome.{n}"})

        assert not isinstance(adapter.deliver([found])[0].outcome, Delivered | Refused), fault
        assert isinstance(adapter.deliver([found])[0].outcome, Delivered), fault
    assert len(faults) == len(list(mock.effects))


def test_old_system_that_signs_nothing(enemy):
    """A system that signs none of its yeses is never believed, however often it says yes."""
    _, mock, adapter = enemy
    mock.switches.turn({"answers": "unsigned"})

    outcomes = [adapter.deliver([delivery(KIND)])[0].outcome for _ in range(3)]

    assert all(isinstance(each, InDoubt) for each in outcomes)
    assert 1 == len(list(mock.effects))


@pytest.mark.parametrize("way", ["soap-1.1", "soap-1.2"])
def test_foreign_address_waits(way):
    """A system that is another one than the settings say takes nothing; everything waits for who mends the address."""
    with one_stop_with(way) as (mock, adapter):
        mock.switches.turn({"address": "https://another.example.invalid/"})

        outcome = adapter.deliver([delivery(KIND)])[0].outcome

    assert isinstance(outcome, Unreachable)
    assert (True, None) == (outcome.is_down, outcome.retry_after)
    assert outcome.reason.startswith("way: wrong_address")


def test_contradiction_is_refused(enemy):
    """The same id with another content is their definite no; nothing changes."""
    _, mock, adapter = enemy
    adapter.deliver([delivery(KIND)])

    outcome = adapter.deliver([delivery(KIND, changes={"note": "another"})])[0].outcome

    assert isinstance(outcome, Refused)
    assert "contradicted" == outcome.code
    assert 1 == len(list(mock.effects))


def test_amendment_of_what_was_never_filed_is_refused(enemy):
    """What they do not know they cannot amend."""
    _, _, adapter = enemy

    assert "not_found" == adapter.deliver([delivery("dossier.amended")])[0].outcome.code


def test_batch_has_one_answer_each(enemy):
    """Several at once go one by one, each with its own attempt, in their order."""
    _, mock, adapter = enemy

    attempts = adapter.deliver([delivery(kind) for kind in ("dossier.filed", "dossier.amended", "delivery.settled")])

    assert all(isinstance(attempt.outcome, Delivered) for attempt in attempts)
    assert [OPERATIONS[kind] for kind in ("dossier.filed", "dossier.amended", "delivery.settled")] == [
        effect.operation for effect in mock.effects
    ]


# -- hostile answers ------------------------------------------------------------------------------------------------

Behaviour = Callable[[RawServer, socket.socket], None]
XML = "content-type: text/xml\r\n"
JSON = "content-type: application/json\r\n"
ENVELOPE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body/></s:Envelope>'
LAUGHS = (
    b"<!DOCTYPE a [" + b"".join(b'<!ENTITY e%d "&e%d;&e%d;">' % (n, n - 1, n - 1) for n in range(1, 60)) + b"]><a/>"
)
SAID: dict[str, tuple[str, bytes]] = {
    "deep XML": (XML, b"<a>" * 100_000),
    "entities": (XML, LAUGHS),
    "UTF-16": (XML, ENVELOPE.decode().encode("utf-16")),
    "empty envelope": (XML, ENVELOPE),
    "two megabytes": (XML, b" " * 2_100_000),
    "deep JSON": (JSON, b"[" * 100_000),
    "half JSON": (JSON, b'{"id": "h99.out'),
    "a yes unsigned": (JSON, b'{"id":"h99.outcome.1","accepted_at":"2026-07-03T03:02:31Z","number":null}'),
    "a gzip body": ("content-encoding: gzip\r\ncontent-type: application/json\r\n", b"\x1f\x8b\x08" + b"\0" * 40),
    "two types": (JSON + XML, b"{}"),
}


@contextmanager
def against(way: str, behave: Behaviour) -> Iterator[Adapter]:
    with raw_server(behave) as server:
        settings = settings_for(way, server.url, shared_pki(), http=local_http(**HASTE))
        channel = HttpChannel(settings.http)
        yield Adapter(settings, channel, clock=SystemClock())
        channel.close()


@pytest.mark.parametrize("what", SAID)
@pytest.mark.parametrize("way", ["soap-1.1", "rest"])
def test_hostile_answer_is_in_doubt(way, what):
    """Whatever comes from the other end, it is no yes, no no, and no crash."""
    head, body = SAID[what]

    def behave(server: RawServer, connection: socket.socket) -> None:
        read_request(server, connection)
        length = f"content-length: {len(body)}\r\n\r\n"
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}{length}".encode() + body)

    with against(way, behave) as adapter:
        outcome = adapter.deliver([delivery()])[0].outcome

    assert isinstance(outcome, InDoubt)
