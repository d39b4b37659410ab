"""The portal over X-Road as an enemy: every fault of its mock on every write, and answers that no honest server gives.

`delivered` is said only where the mock's books have the effect; what a message may hide, a parser may be talked into,
or another request's answer may claim, leaves a step in doubt.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.channels.http import HttpChannel
from adapters.partners.national_portal.adapter import NationalPortal
from bus.messages import Attempt, Delivered, Delivery, InDoubt, Refused, Unreachable
from contracts.mock_faults import STAGES, FaultOrder
from contracts.national_portal.mock import Portal
from tests.contract.conformance import Carrier
from tests.contract.test_national_portal import portal_with
from tests.contract.test_national_portal_enemy import DELIVERIES, FIRST, PATIENT, SERVICE, STEP, UNCLEAR
from tests.contract.test_national_portal_xroad import OVER_XROAD
from tests.portal_kit import h99_tables, record_delivery
from tests.raw_sockets import RawServer, raw_server, read_request
from tests.xroad_kit import YES, answer_to, fault, header_of, request_hash, xroad_settings

MEGABYTE = 1_000_000
COMES_TO = FIRST | {"soap_fault": UNCLEAR, "unsigned_fault": UNCLEAR}
"""The same as over REST, and no Fault is a yes or a no."""


@pytest.fixture
def enemy() -> Iterator[tuple[Portal, NationalPortal]]:
    with portal_with(OVER_XROAD, {}) as (mock, adapter):
        yield mock, adapter


def known(mock: Portal, adapter: NationalPortal, what: str) -> int:
    """The portal has the dossier, unless it is to be created; how many effects there are."""
    if what != "create":
        assert isinstance(adapter.deliver([DELIVERIES["create"]])[0].outcome, Delivered)
    return len(mock.effects)


@pytest.mark.parametrize("what", DELIVERIES)
@pytest.mark.parametrize("name", sorted(COMES_TO.keys() - {"expired_session"}))
def test_p06_fault_on_a_write(enemy, name: str, what: str) -> None:
    """Each fault on a create, an update and a step comes to the same as over REST; there is no session to end."""
    mock, adapter = enemy
    before = known(mock, adapter, what)
    mock.faults.arm(FaultOrder(fault=name, operation=SERVICE[what], seconds=0.8, delay=0.0))

    attempt = adapter.deliver([DELIVERIES[what]])[0]

    assert COMES_TO[name][what == "step"] is type(attempt.outcome)
    assert 1 == mock.faults.total
    if isinstance(attempt.outcome, Delivered) and name != "skip_record_say_yes":
        assert before + 1 == len(mock.effects)
    if isinstance(attempt.outcome, InDoubt):
        assert ("hold" if what == "step" else "ask") == attempt.outcome.then


@pytest.mark.parametrize("what", DELIVERIES)
@pytest.mark.parametrize("name", sorted(name for name in COMES_TO if STAGES[name] == "before"))
def test_p06_fault_after_the_effect(enemy, name: str, what: str) -> None:
    """The same faults once the write is in the books: never delivered, and never refused either."""
    mock, adapter = enemy
    known(mock, adapter, what)
    mock.faults.arm(FaultOrder(fault=name, operation=SERVICE[what], after_effect=True))

    assert not isinstance(adapter.deliver([DELIVERIES[what]])[0].outcome, Delivered | Refused)


@pytest.mark.parametrize("name", sorted(COMES_TO.keys() - {"expired_session", "clock_skew", "slow", "refuse_record"}))
def test_p05_fault_before_a_create(enemy, name: str) -> None:
    """Without an answer to "is it there?" nothing is written, and nothing is in doubt."""
    mock, adapter = enemy
    mock.faults.arm(FaultOrder(fault=name, operation="TraCuuHoSo", count=1))
    unknown = record_delivery(exists=None)

    attempt = adapter.deliver([unknown])[0]

    if mock.faults.total and not isinstance(attempt.outcome, Delivered):
        assert isinstance(attempt.outcome, Unreachable)
        assert [] == list(mock.effects)
    assert isinstance(Carrier(adapter).carry(unknown.event), Delivered)
    assert 1 == len([effect for effect in mock.effects if not effect.repeat])


# -- hostile answers ---------------------------------------------------------------------------------------------------

Answer = Callable[[bytes], bytes]
"""The request's body in, the answer's body out."""
DTD = b'<!DOCTYPE soap:Envelope [<!ENTITY zero "0"><!ENTITY file SYSTEM "file:///etc/hostname">%s]>'
BOMB = b'<!ENTITY a "0000000000">' + b"".join(
    b'<!ENTITY %c "%s">' % (name, b"&%c;" % (name - 1) * 10) for name in range(ord("b"), ord("k"))
)


def body_of(request: bytes) -> bytes:
    return answer_to(request).partition(b"?>")[2]


def with_dtd(request: bytes, value: bytes, more: bytes = b"") -> bytes:
    return DTD % more + body_of(request).replace(b">0<", b">%s<" % value)


HOSTILE: dict[str, Answer] = {
    "html in an envelope's type": lambda asked: b"<html><body>error_code 0</body></html>",
    "an entity": lambda asked: with_dtd(asked, b"&zero;"),
    "a file": lambda asked: with_dtd(asked, b"0", b'<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "a file in the code": lambda asked: with_dtd(asked, b"&file;"),
    "a billion laughs": lambda asked: with_dtd(asked, b"&j;", BOMB),
    "a parameter entity": lambda asked: with_dtd(asked, b"0", b'<!ENTITY %% p SYSTEM "http://127.0.0.1:9/x"> %%p;'),
    "an undeclared entity": lambda asked: body_of(asked).replace(b">0<", b">&zero;<"),
    "an inclusion": lambda asked: answer_to(
        asked, YES + '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/hostname" parse="text"/>'
    ),
    "a stylesheet": lambda asked: b'<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:9/x"?>' + body_of(asked),
    "utf-7": lambda asked: b'<?xml version="1.0" encoding="utf-7"?>' + body_of(asked),
    "utf-16": lambda asked: answer_to(asked).decode().encode("utf-16"),
    "utf-16, said so": lambda asked: body_of(asked).decode().encode("utf-16-le"),
    "ebcdic": lambda asked: b'<?xml version="1.0" encoding="cp037"?>' + body_of(asked),
    "overlong utf-8": lambda asked: answer_to(asked).replace(b">0<", b">\xc0\xb0<"),
    "nul bytes": lambda asked: answer_to(asked) + b"\0" * 100,
    "two envelopes": lambda asked: answer_to(asked) * 2,
    "two codes": lambda asked: answer_to(asked, YES + "<error_code>-1</error_code>"),
    "two equal codes": lambda asked: answer_to(asked, YES + "<error_code>0</error_code>"),
    "a code in two parts": lambda asked: answer_to(asked, "<error_code><!-- -->0</error_code>"),
    "a code that is nil": lambda asked: answer_to(
        asked, '<error_code xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">0</error_code>'
    ),
    "no code": lambda asked: answer_to(asked, "<message>Thành công</message>"),
    "no header": lambda asked: answer_to(asked, header=""),
    "another id": lambda asked: answer_to(asked).replace(b"</xrd:id>", b"0</xrd:id>"),
    "another client": lambda asked: answer_to(asked).replace(b"H99/", b"H98/").replace(b">one-stop<", b">other<"),
    "another service": lambda asked: answer_to(asked).replace(b">v1<", b">v2<"),
    "another request's hash": lambda asked: answer_to(asked, header=header_of(asked) + request_hash(b"x")),
    "another wrapper": lambda asked: answer_to(asked, name="TraCuuHoSoResponse1"),
    "the request itself": lambda asked: asked,
    "soap 1.2": lambda asked: answer_to(asked).replace(
        b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"
    ),
    "a Fault and a yes": lambda asked: answer_to(asked).replace(
        b"</soap:Body>", b"<soap:Fault><faultcode>Server</faultcode></soap:Fault></soap:Body>"
    ),
    "a Fault that says zero": lambda asked: fault("0", "Thành công"),
    "a Fault of the provider": lambda asked: fault("soap:Client", "denied", header=header_of(asked)),
    "a Fault after the service": lambda asked: fault("Server.ServerProxy.ServiceFailed.AccessDenied"),
    "a Fault to another": lambda asked: fault(
        "Server.ServerProxy.AccessDenied", header=header_of(asked).replace("</xrd:id>", "1</xrd:id>")
    ),
    "cut": lambda asked: answer_to(asked)[:-1],
    "nothing": lambda asked: b"",
    "blanks": lambda asked: b" \r\n\t" * 1000,
    "json": lambda asked: b'{"error_code": 0, "message": "Th\xc3\xa0nh c\xc3\xb4ng"}',
    "5 MB of text": lambda asked: answer_to(asked, YES + "<result>" + "x" * 5 * MEGABYTE + "</result>"),
    "half a million elements": lambda asked: answer_to(asked, YES + "<result>" + "<i/>" * 450_000 + "</result>"),
    "a hundred thousand attributes": lambda asked: answer_to(
        asked, "<error_code " + " ".join(f'a{n}="1"' for n in range(100_000)) + ">0</error_code>"
    ),
    "elements in elements": lambda asked: answer_to(
        asked, YES + "<result>" + "<i>" * 90_000 + "</i>" * 90_000 + "</result>"
    ),
    "namespaces in plenty": lambda asked: answer_to(
        asked, YES + "<result>" + "".join(f'<a{n}:i xmlns:a{n}="u:{n}"/>' for n in range(60_000)) + "</result>"
    ),
}
"""What no honest security server says after a write. Each is whole by HTTP, and of the type that is wanted."""


def server_that(say: Answer, *, kind: str = "text/xml; charset=utf-8", status: str = "200 OK") -> Any:
    """A security server that answers in its own way."""

    def serve(server: RawServer, connection: socket.socket) -> None:
        while True:
            body = say(read_request(server, connection))
            head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)

    return serve


def deliver(say: Answer, delivery: Delivery, *, ask: bool = False, http: Any = PATIENT, **how: str) -> Attempt:
    with raw_server(server_that(say, **how)) as server:
        channel = HttpChannel(http)
        adapter = NationalPortal(xroad_settings(xroad_url=server.url, http=http), channel, h99_tables())
        attempt = adapter.ask(delivery) if ask else adapter.deliver([delivery])[0]
        channel.close()
    return attempt


@pytest.mark.parametrize("name", HOSTILE)
def test_p06_hostile_answer_to_a_step_is_in_doubt(name: str) -> None:
    """After a blind write none of them is a yes or a no; nothing is fetched, and no time or memory is lost."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attempt = deliver(HOSTILE[name], STEP)

    assert isinstance(attempt.outcome, InDoubt), attempt.outcome
    assert "hold" == attempt.outcome.then
    assert attempt.exchanges[-1].took < timedelta(seconds=30)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_p06_hostile_answer_to_a_question_proves_nothing(name: str) -> None:
    """Asked after a lost create, none of them says that the dossier is there or that it is not."""
    attempt = deliver(HOSTILE[name], record_delivery(exists=None), ask=True)

    assert isinstance(attempt.outcome, InDoubt)
    assert "exists" not in attempt.facts


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/xml; charset=utf-16", "200 OK"),
        ("application/soap+xml", "200 OK"),
        ("multipart/related; boundary=x", "200 OK"),
        ("text/html", "200 OK"),
        ("text/xml", "202 Accepted"),
        ("text/xml", "206 Partial Content"),
        ("text/xml", "500 Internal Server Error"),
    ],
)
def test_p06_yes_of_another_type_or_status_is_none(kind: str, status: str) -> None:
    """The very words of a yes, in another type or under another status, are no yes."""
    assert isinstance(deliver(answer_to, STEP, kind=kind, status=status).outcome, InDoubt)


def test_p06_honest_answer_of_the_same_server_is_a_yes() -> None:
    """The control: through the very same server a plain yes is delivered, with its hash or without."""
    for say in (answer_to, lambda asked: answer_to(asked, header=header_of(asked) + request_hash(asked))):
        assert isinstance(deliver(say, STEP).outcome, Delivered)


def test_p05_answer_to_the_request_before_answers_nothing() -> None:
    """A server that is one answer behind: each step gets the answer to another, and none is taken for its own."""
    asked: list[bytes] = []

    def behind(request: bytes) -> bytes:
        asked.append(request)
        return answer_to(asked[-2] if len(asked) > 1 else request)

    with raw_server(server_that(behind)) as server:
        channel = HttpChannel(PATIENT)
        adapter = NationalPortal(xroad_settings(xroad_url=server.url, http=PATIENT), channel, h99_tables())
        first, *later = (adapter.deliver([STEP])[0].outcome for _ in range(4))
        channel.close()

    assert isinstance(first, Delivered)
    assert all(isinstance(outcome, InDoubt) for outcome in later)
