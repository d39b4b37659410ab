"""The portal as an enemy: every fault of its mock on every call, and answers that no honest portal would give.

`delivered` is said only where the mock's books have the effect (one fault excepted, which nobody can see from outside);
nothing hangs, and nothing grows beyond its bounds.
"""

from __future__ import annotations

import gzip
import json
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.channels.http import HttpChannel
from adapters.channels.httpx2_transport import Httpx2Transport
from adapters.channels.pyreqwest_transport import PyreqwestTransport
from adapters.partners.national_portal.adapter import NationalPortal
from bus.messages import Attempt, Delivered, Delivery, InDoubt, Refused, Unreachable
from contracts.mock_faults import REST, STAGES, FaultOrder
from contracts.national_portal.mock import Portal
from tests.contract.conformance import Carrier
from tests.contract.test_national_portal import portal_with
from tests.portal_kit import h99_tables, local_http, make_settings, record_delivery, step_delivery
from tests.raw_sockets import RawServer, answer, raw_server, read_request

MEGABYTE = 1_000_000
CREATE, UPDATE, STEP = record_delivery(exists=False), record_delivery(), step_delivery()
DELIVERIES = {"create": CREATE, "update": UPDATE, "step": STEP}
SERVICE = {"create": "DongBoHoSoMC", "update": "DongBoHoSoMC", "step": "CapNhatTienDoHoSoMC"}

# -- every fault of the mock ------------------------------------------------------------------------------------

UNCLEAR = (InDoubt, InDoubt)
FIRST: dict[str, tuple[type, type]] = {
    "lose_request": UNCLEAR,
    "reset": UNCLEAR,
    "http_500": UNCLEAR,
    "html_200": UNCLEAR,
    "half_body": UNCLEAR,
    "wrong_content_type": UNCLEAR,
    "slow": UNCLEAR,
    "lose_reply_after_effect": UNCLEAR,
    "late_effect": UNCLEAR,
    "rate_limited": (Unreachable, Unreachable),
    "refuse_record": (Refused, Refused),
    "expired_session": (Delivered, Delivered),
    "clock_skew": (Delivered, Delivered),
    "skip_record_say_yes": (Delivered, Delivered),
    "soap_fault": UNCLEAR,
    "unsigned_fault": UNCLEAR,
}
"""Fault → what the attempt that meets it comes to: for a record, for a step."""


def test_every_fault_of_the_contract_is_met_here() -> None:
    """The list of system faults and this table are one; a new fault has to say what it comes to."""
    assert REST < Portal().faults.possible == FIRST.keys()


@pytest.fixture
def enemy() -> Iterator[tuple[Portal, NationalPortal]]:
    with portal_with({}, {}) as (mock, adapter):
        yield mock, adapter


def has_record(mock: Portal, adapter: NationalPortal) -> None:
    assert isinstance(adapter.deliver([CREATE])[0].outcome, Delivered)


@pytest.mark.parametrize("what", DELIVERIES)
@pytest.mark.parametrize("fault", sorted(FIRST))
def test_p06_fault_on_a_write(enemy, fault: str, what: str) -> None:
    """Each fault on a create, an update and a step: the first attempt says what the notes say, and no more."""
    mock, adapter = enemy
    if what != "create":
        has_record(mock, adapter)
    before = len(mock.effects)
    mock.faults.arm(FaultOrder(fault=fault, operation=SERVICE[what], seconds=0.8, delay=0.0))

    attempt = adapter.deliver([DELIVERIES[what]])[0]

    assert FIRST[fault][what == "step"] is type(attempt.outcome)
    assert 1 == mock.faults.total
    if isinstance(attempt.outcome, Delivered) and fault != "skip_record_say_yes":
        assert before + 1 == len(mock.effects)
    if isinstance(attempt.outcome, InDoubt):
        assert ("hold" if what == "step" else "ask") == attempt.outcome.then


@pytest.mark.parametrize("what", DELIVERIES)
@pytest.mark.parametrize("fault", sorted(name for name, stage in STAGES.items() if name in REST and stage == "before"))
def test_p06_fault_after_the_effect(enemy, fault: str, what: str) -> None:
    """The same faults once the write is in the books: never delivered, and never refused either."""
    mock, adapter = enemy
    if what != "create":
        has_record(mock, adapter)
    mock.faults.arm(FaultOrder(fault=fault, operation=SERVICE[what], after_effect=True))

    attempt = adapter.deliver([DELIVERIES[what]])[0]

    assert not isinstance(attempt.outcome, Delivered | Refused)


@pytest.mark.parametrize("fault", sorted(FIRST.keys() - {"expired_session", "clock_skew", "slow"}))
@pytest.mark.parametrize("service", ["login", "TraCuuHoSo"])
def test_p05_fault_before_a_create(enemy, fault: str, service: str) -> None:
    """Without a session or an answer to "is it there?" nothing is written, and nothing is in doubt."""
    mock, adapter = enemy
    mock.faults.arm(FaultOrder(fault=fault, operation=service, count=1))
    unknown = record_delivery(exists=None)

    attempt = adapter.deliver([unknown])[0]

    if mock.faults.total and not isinstance(attempt.outcome, Delivered):
        assert isinstance(attempt.outcome, Unreachable)
        assert [] == list(mock.effects)
    assert isinstance(Carrier(adapter).carry(unknown.event), Delivered)
    assert 1 == len([effect for effect in mock.effects if not effect.repeat])


# -- hostile answers --------------------------------------------------------------------------------------------

JSON = "content-type: application/json\r\n"
YES = b'{"error_code": 0, "message": "Th\xc3\xa0nh c\xc3\xb4ng"}'
DEEP = 200_000
Behaviour = Callable[[socket.socket], None]


def whole(body: bytes, head: str = "") -> Behaviour:
    """An answer that is whole by HTTP, and says whatever it says."""
    return lambda connection: answer(connection, body, head=head)


def raw(*parts: bytes) -> Behaviour:
    """Bytes as they stand, and the end of the connection."""

    def send(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)

    return send


def endless(head: bytes, chunk: bytes, *, gap: float = 0.0) -> Behaviour:
    """An answer that never ends: quickly, or drop by drop."""

    def send(connection: socket.socket) -> None:
        pause = threading.Event()
        connection.sendall(head)
        while not pause.wait(gap):
            connection.sendall(chunk)

    return send


HEAD = f"HTTP/1.1 200 OK\r\n{JSON}".encode()
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
HOSTILE: dict[str, Behaviour] = {
    "html as json": whole(b"<!doctype html><html><title>error_code 0</title></html>"),
    "cut json, whole by HTTP": whole(YES[:-1]),
    "cut json, cut by HTTP": raw(HEAD + b"content-length: 999\r\n\r\n" + YES),
    "cut chunk": raw(CHUNKED + b"ff\r\n" + YES),
    "nothing": whole(b""),
    "blanks": whole(b" \r\n\t" * 1000),
    "50 MB of one text": whole(b'{"error_code": 0, "message": "' + b"x" * 50 * MEGABYTE + b'"}'),
    "endless, no length": endless(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "drip of the body": endless(HEAD + b"content-length: 9999\r\n\r\n", b" ", gap=0.02),
    "drip of the head": endless(b"HTTP/1.1 200 OK\r\n", b"x-a: 1\r\n", gap=0.02),
    "flood of heads": endless(b"HTTP/1.1 200 OK\r\n", b"x-a: " + b"1" * 4000 + b"\r\n"),
    "one endless head": endless(b"HTTP/1.1 200 OK\r\nx-a: ", b"1" * 4096),
    "flood of 1xx": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "lists in lists": whole(b'{"error_code": 0, "result": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "objects in objects": whole(b'{"a":' * DEEP + YES + b"}" * DEEP),
    "a million empty lists": whole(b'{"error_code": 0, "x": 00, "result": [' + b"[]," * 600_000 + b"0]}"),
    "not utf-8": whole(b'{"error_code": 0, "message": "\xff\xfe"}'),
    "overlong utf-8": whole(b'{"error_code": 0, "message": "\xc0\xaf"}'),
    "half a surrogate": whole(b'{"error_code": 0, "message": "\\ud800", "error_code": -1}'),
    "utf-16": whole(YES.decode().encode("utf-16")),
    "byte-order mark": whole(b"\xef\xbb\xbf" + YES),
    "nul bytes": whole(YES + b"\0" * 100),
    "yes and no": whole(b'{"error_code": 0, "error_code": -1}'),
    "yes and yes": whole(b'{"error_code": 0, "error_code": 0}'),
    "yes, spelt otherwise": whole(b'{"error\\u005fcode": 0, "error_code": 0}'),
    "two answers in one": whole(YES + YES),
    "a list of answers": whole(b"[" + YES + b"]"),
    "a text of an answer": whole(json.dumps(YES.decode()).encode()),
    "nothing but null": whole(b"null"),
    "true": whole(b'{"error_code": true}'),
    "false": whole(b'{"error_code": false}'),
    "null": whole(b'{"error_code": null}'),
    "0.0": whole(b'{"error_code": 0.0}'),
    "0e0": whole(b'{"error_code": 0e0}'),
    "a list": whole(b'{"error_code": [0]}'),
    "an object": whole(b'{"error_code": {"0": 0}}'),
    "the empty text": whole(b'{"error_code": ""}'),
    "NaN": whole(b'{"error_code": NaN}'),
    "1e999": whole(b'{"error_code": 0, "x": 1e999}'),
    "another member": whole(b'{"Error_Code": 0, "errorCode": "00", "MaLoi": "00"}'),
    "gzip, well": whole(gzip.compress(YES), "content-encoding: gzip\r\n"),
    "gzip bomb": whole(gzip.compress(b" " * 50 * MEGABYTE + YES), "content-encoding: gzip\r\n"),
    "unknown encoding": whole(b"\x1b\x00\xf8\xff" + YES, "content-encoding: br, zstd, x-none\r\n"),
    "two lengths": raw(HEAD + b"content-length: 2\r\ncontent-length: 51\r\n\r\n" + YES),
    "a length below nothing": raw(HEAD + b"content-length: -1\r\n\r\n" + YES),
    "HTTP/0.9": raw(YES),
    "another protocol": raw(b"SSH-2.0-x\r\n"),
    "switching protocols": raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n" + YES),
    "no content": raw(b"HTTP/1.1 204 No Content\r\n\r\n" + YES),
    "partial content": raw(f"HTTP/1.1 206 Partial Content\r\n{JSON}content-length: {len(YES)}\r\n\r\n".encode() + YES),
}
"""What no honest portal says after a write. Each is sent in full, as far as the caller listens."""
REFUSALS = {
    "٠": b'{"error_code": "\xd9\xa0"}',
    "0x0": b'{"error_code": "0x0"}',
    "0.0 as a text": b'{"error_code": "0.0"}',
    "a word": b'{"error_code": "OK", "message": "th\xc3\xa0nh c\xc3\xb4ng"}',
    "400 digits": b'{"error_code": ' + b"9" * 400 + b"}",
}
"""Codes that are none of the three spellings of zero: a no (r41), never a yes."""
FAST = local_http(timeout=timedelta(seconds=0.8), connect_timeout=timedelta(seconds=0.7), knocks=1)
PATIENT = replace(FAST, timeout=timedelta(seconds=9), connect_timeout=timedelta(seconds=5))
SLOWER = replace(FAST, timeout=timedelta(seconds=2))
"""Where an answer must be heard, a busy machine is no reason not to hear it."""


def portal_that(behave: Behaviour) -> Callable[[RawServer, socket.socket], None]:
    """Logs everybody in like an honest portal, and answers the rest in its own way."""

    def serve(server: RawServer, connection: socket.socket) -> None:
        while True:
            read_request(server, connection)
            if b"login" in server.heard[-1].split(b"\r\n", 1)[0]:
                answer(connection, b'{"error_code": 0, "message": "", "session": "s-1"}')
            else:
                behave(connection)

    return serve


def told(server: RawServer, open_transport: Any = None, http: Any = FAST) -> tuple[NationalPortal, HttpChannel]:
    channel = HttpChannel(http, open_transport=open_transport)
    settings = make_settings(adapter_url=server.url.removesuffix("/x"), http=http)
    return NationalPortal(settings, channel, h99_tables()), channel


def deliver(
    behave: Behaviour, delivery: Delivery, open_transport: Any = None, *, ask: bool = False, http: Any = FAST
) -> Attempt:
    with raw_server(portal_that(behave)) as server:
        adapter, channel = told(server, open_transport, http)
        attempt = adapter.ask(delivery) if ask else adapter.deliver([delivery])[0]
        channel.close()
    return attempt


@pytest.fixture(params=[PyreqwestTransport, Httpx2Transport])
def open_transport(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("name", HOSTILE)
def test_p06_hostile_answer_to_a_step_is_in_doubt(open_transport, name: str) -> None:
    """After a blind write none of them is a yes or a no: the step waits for a person, and no time or memory is lost."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attempt = deliver(HOSTILE[name], STEP, open_transport)

    assert isinstance(attempt.outcome, InDoubt), attempt.outcome
    assert "hold" == attempt.outcome.then
    assert attempt.exchanges[-1].took < timedelta(seconds=30)
    assert len(attempt.exchanges[-1].reply_body or b"") <= FAST.max_reply_bytes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_p06_hostile_answer_to_a_question_proves_nothing(name: str) -> None:
    """Asked after a lost create, none of them says that the dossier is there or that it is not."""
    unknown = record_delivery(exists=None)
    attempt = deliver(HOSTILE[name], unknown, ask=True)

    assert isinstance(attempt.outcome, InDoubt)
    assert "exists" not in attempt.facts


@pytest.mark.parametrize("name", REFUSALS)
def test_p06_code_that_is_almost_zero_is_a_no(name: str) -> None:
    """Zero has three spellings; what merely looks like it is a code that nobody knows."""
    assert isinstance(deliver(whole(REFUSALS[name]), STEP, http=PATIENT).outcome, Refused)


def test_p06_honest_answer_of_the_same_server_is_a_yes(open_transport) -> None:
    """The control: through the very same server a plain yes is delivered."""
    assert isinstance(deliver(whole(YES), STEP, open_transport, http=PATIENT).outcome, Delivered)


def test_p06_answer_that_nobody_asked_for_answers_nothing(open_transport) -> None:
    """A second answer behind the first is not taken for the answer to the next step on the same connection."""
    no = b'{"error_code": -1, "message": "x"}'
    both = b"".join(HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body for body in (no, YES))
    calls: list[int] = []

    def behave(connection: socket.socket) -> None:
        calls.append(1)
        if len(calls) == 1:
            connection.sendall(both)
        # To the second step it says nothing at all.

    with raw_server(portal_that(behave)) as server:
        adapter, channel = told(server, open_transport, SLOWER)
        first, second = (adapter.deliver([STEP])[0].outcome for _ in range(2))
        channel.close()

    assert isinstance(first, Refused)
    assert isinstance(second, InDoubt)
