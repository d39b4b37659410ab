"""The demo's SOAP system: signs anew for each try, and believes only what the door has signed for its own message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from adapters.channels.http import NotSent, Reply, ReplyLost
from bus.ports import SystemClock
from config.demo.soap_client import PATIENCE, NoSoapAnswer, SoapClient
from config.demo.spoil import UNKNOWN
from contracts.one_stop import twins, xsd
from contracts.one_stop.envelopes import ENVELOPES, SOAP_11, SOAP_12, addressing, answer, wrap
from contracts.one_stop.pki import Leaf, Pki
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from signing.keys import KeyInMemory, X509Identity
from signing.trust import Trust
from tests.builders import event_json

NOW = datetime.now(UTC)
PKI = Pki(NOW)


def identity(leaf: Leaf) -> X509Identity:
    return X509Identity("test", KeyInMemory(leaf.key), leaf.certificate)


CALLER, DOOR = identity(PKI.caller), identity(PKI.one_stop)
RECEIPT = {
    "id": "e-1",
    "source": "one-stop/h99-wards",
    "digest": "0" * 64,
    "accepted_at": "2026-07-03T09:15:00.000Z",
    "receipt": "a.b.c",
    "repeated": False,
}
PROBLEM = {"code": "contradicted", "title": "Mã này đã dùng", "reference": "LT-7F3K-2", "errors": []}


class Patient(SystemClock):
    """Lets no time pass."""

    def sleep(self, seconds: float) -> None:
        pass


class Door:
    """A transport with a door at its end."""

    def __init__(self, *answers: Callable[[wsse.VerifiedMessage], bytes] | Exception) -> None:
        self.answers = list(answers)
        self.heard: list[wsse.VerifiedMessage] = []
        self.headers: list[Mapping[str, str]] = []
        self.is_closed = False

    def perform(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        trust = Trust(named=[CALLER.certificate_der], revocation="none")
        self.heard.append(wsse.verify(body, trust=trust, now=datetime.now(UTC)))
        self.headers.append(headers)
        said = self.answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return Reply(status=200, head=b"", body=said(self.heard[-1]))

    def close(self) -> None:
        self.is_closed = True


def says(content: Callable[[], etree._Element], *, by: X509Identity = DOOR, relates_to: str | None = None) -> Any:
    def said(heard: wsse.VerifiedMessage) -> bytes:
        told = addressing("urn:x", relates_to=relates_to or heard.message_id)
        return wsse.sign(wrap(content(), ENVELOPES[heard.version], addressing=told), by, now=datetime.now(UTC))

    return said


def yes(**members: Any) -> etree._Element:
    return answer("RecordEvent", twins.write(RECEIPT | members, "receipt", "receipt"))


def fault(**members: Any) -> etree._Element:
    element = etree.Element(f"{{{SOAP_11}}}Fault")
    etree.SubElement(element, "detail").append(twins.write(PROBLEM | members, "problem", "problem"))
    return element


def client(door: Door, soap: str = SOAP_11) -> SoapClient:
    return SoapClient(
        "http://127.0.0.1:1/",
        soap=soap,
        identity=CALLER,
        trust=Trust(named=[DOOR.certificate_der], revocation="none"),
        clock=Patient(),
        open_transport=lambda _: door,
    )


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_signed_message_keeps_the_contract(soap: str) -> None:
    """In both versions the door reads of it the very event, by the XSD and by the twins."""
    door = Door(says(yes))
    told = client(door, soap)
    message, said = told.record(event_json())
    told.close()
    (heard,) = door.heard

    assert (None, ("recorded",)) == (said.code, said.results)
    assert (message.id, soap) == (heard.message_id, heard.version)
    assert () == xsd.breaches(heard.body[0])
    assert event_json() == twins.read(heard.body[0][0], "event")
    assert ("soapaction" in door.headers[0]) == (soap == SOAP_11)
    assert door.is_closed


def test_answers_are_read() -> None:
    """A receipt says whether it is a repeat's; a Fault says its code."""
    said = [client(Door(says(lambda: yes(repeated=True)))).record(event_json())[1]]
    said.append(client(Door(says(fault))).record(event_json())[1])

    assert [(None, ("repeated",)), ("contradicted", ())] == [(each.code, each.results) for each in said]


def test_many_in_one_message() -> None:
    """Many events are one message under one signature, and the answer has a result for each."""
    results = [
        {"line": n, "id": "e-1", "result": result, "receipt": None, "problem": PROBLEM if n == 2 else None}
        for n, result in enumerate(("recorded", "contradicted", "repeated"), 1)
    ]

    def mixed() -> etree._Element:
        part = etree.Element(f"{{{NAMESPACE}}}results")
        part.extend([twins.write(each, "batch_result", "result") for each in results])
        return answer("RecordEvents", part)

    door = Door(says(mixed))
    events = [event_json(id=f"e-{n}") for n in range(3)]
    message, said = client(door, SOAP_12).record(*events)
    content = door.heard[0].body[0]

    assert ("RecordEvents", ("recorded", "contradicted", "repeated")) == (message.operation, said.results)
    assert () == xsd.breaches(content)
    assert events == [twins.read(each, "event") for each in content[0]]


def test_again_under_a_new_signature() -> None:
    """Without an answer, or told to come later, it tells the same event in another message; in the end it gives up."""
    door = Door(NotSent(), ReplyLost(), says(lambda: fault(code="unavailable")), says(yes))
    message, said = client(door).record(event_json())

    assert said.code is None
    assert 4 == len({heard.replay_key for heard in door.heard})
    assert message.id == door.heard[-1].message_id
    with pytest.raises(NoSoapAnswer, match="no answer"):
        client(Door(*[ReplyLost()] * PATIENCE)).record(event_json())


def test_same_bytes_are_the_same_message() -> None:
    """What is posted again as it was has the same replay key."""
    door = Door(says(yes), says(lambda: fault(code="replayed")))
    told = client(door)
    message, _ = told.record(event_json())
    again = told.post(message)

    assert again is not None
    assert "replayed" == again.code
    assert 1 == len({heard.replay_key for heard in door.heard})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (lambda _: b"<html/>", "HTTP 200"),
        (says(yes, by=CALLER), "untrusted"),
        (says(yes, relates_to="urn:uuid:another"), "another message"),
    ],
)
def test_nothing_else_is_believed(said: Any, why: str) -> None:
    """A page, an answer under a stranger's signature or to another message is no answer."""
    with pytest.raises(NoSoapAnswer, match=why):
        client(Door(said)).record(event_json())


def test_unknown_member_goes_along() -> None:
    """A careless system's extra member stands in the message, where the XSD finds it."""
    door = Door(says(fault))
    event = event_json()
    client(door).record(event | {"data": event["data"] | {UNKNOWN: "high"}})
    (breach,) = xsd.breaches(door.heard[0].body[0])

    assert ("unknown_field", UNKNOWN) == (breach.rule, breach.field.rpartition("/")[2])
    assert f"{{{NAMESPACE}}}{UNKNOWN}" == door.heard[0].body[0][0][-1][-1].tag
