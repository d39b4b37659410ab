"""The SOAP door on a real port: zeep and xmlsec as a caller, our own signer for what nobody should send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import etree

from config.checks import offline
from config.settings_file import SettingsRefused, load
from contracts.one_stop import xsd
from contracts.one_stop.envelopes import SOAP_11, SOAP_12
from contracts.one_stop.pki import Pki
from contracts.one_stop.shapes import NAMESPACE
from signing import wsse
from signing.trust import Trust
from tests.acceptance.desk import Place, place
from tests.acceptance.soap_kit import PATH, Door, Plugin, envelope, furnish, identity, opened, operation, text
from tests.builders import PROGRESSED, event_json, make_payment, payment_json

POINTS = ("door.received", "door.verified", "door.before_answer")


@pytest.fixture(scope="module")
def pki() -> Pki:
    """Keys for both sides, and for a stranger."""
    return Pki(datetime.now(UTC))


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a SOAP door."""
    with place(tmp_path, capsys) as made:
        yield made


@pytest.fixture
def door(here: Place, pki: Pki) -> Iterator[Door]:
    """Its door, open."""
    furnish(here, pki)
    with ExitStack() as stack:
        yield stack.enter_context(opened(here.folder, pki))


# -- taken ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_recorded_once_and_repeated(door: Door, soap: str) -> None:
    """The event is recorded once; sent again under a new signature it gets the same receipt; the answer is signed."""
    first, again = (door.say(operation(event_json()), soap=soap) for _ in range(2))

    assert f"{{{NAMESPACE}}}RecordEventResponse" == first.tag
    assert xsd.schema().validate(first), xsd.schema().error_log
    assert ("false", "true") == (text(first, "repeated"), text(again, "repeated"))
    assert text(first, "receipt") == text(again, "receipt")
    assert 1 == door.events()
    assert (*POINTS, *POINTS) == tuple(name for name in door.points if name in POINTS)


@pytest.mark.parametrize("kind", ["payment.requested", "payment.refund_requested", "payment.paid_at_counter"])
def test_payments_come_in_as_xml(door: Door, kind: str) -> None:
    """What is asked for, asked back and taken at the counter is recorded by SOAP as by JSON: the digest is the same."""
    event = payment_json(kind)

    receipt = door.say(operation(event))

    assert (make_payment(kind).digest.hex(), 1) == (text(receipt, "digest"), door.events())


def test_sum_that_is_none_is_a_fault(door: Door) -> None:
    """XSD cannot add up: what the fees come to is asked of the JSON twin, and named by its place (r31)."""
    wrong = payment_json(amount=75_000) | {"id": "wrong"}
    wrong["data"]["amount"] = 74_999

    assert [("/data/amount", "out_of_range")] == places(door.refused(door.sign(operation(wrong))))
    assert 0 == door.events()


def test_answer_relates_to_its_request(door: Door) -> None:
    """An answer repeats the MessageID, and so does a Fault."""
    now, trust = datetime.now(UTC), Trust(named=[identity(door.pki.one_stop).certificate_der], revocation="none")
    for event in (event_json(id="one"), event_json(id="one", note="another")):
        root = envelope(operation(event), MessageID="urn:uuid:1", Action=f"{NAMESPACE}:RecordEvent")
        answered = door.post(wsse.sign(root, identity(door.pki.caller), now=now))
        assert "urn:uuid:1" == wsse.verify(answered.content, trust=trust, now=now).addressing["RelatesTo"]


@pytest.mark.parametrize("port", ["DoorSoap11", "DoorSoap12"])
def test_zeep_speaks_with_the_door(door: Door, here: Place, port: str) -> None:
    """zeep reads our WSDL from the door, its WS-Security plug-in signs with xmlsec, and both sides are content."""
    zeep: Any = import_module("zeep")
    client = zeep.Client(f"{door.url}{PATH}?wsdl", wsse=Plugin(here, door.pki), port_name=port)
    event = event_json(PROGRESSED)
    members = {name: value for name, value in event.items() if name not in ("specversion", "type", "data")}
    data = {name: value for name, value in event["data"].items() if name != "local_step"}

    receipt = client.service.RecordEvent(event=members | {"dossier_progressed": data})

    assert (event["id"], False, 1) == (receipt.id, receipt.repeated, door.events())
    with pytest.raises(zeep.exceptions.Fault) as fault:
        client.service.RecordEvent(event=members | {"dossier_progressed": data, "source": "one-stop/h99-communes"})
    assert "forbidden_source" in etree.tostring(fault.value.detail).decode()


# -- turned away ---------------------------------------------------------------------------------------------------


def test_contradicted(door: Door) -> None:
    """The same id with another content is a Fault that names the id."""
    door.say(operation(event_json(id="one")))

    told = door.refused(door.sign(operation(event_json(id="one", note="another"))))

    assert ("contradicted", 500, "soap") == (told["code"], told["status"], told["note"]["caller"])
    assert "/id" == told["errors"][0]["field"]


def test_replayed_also_after_a_restart(here: Place, pki: Pki) -> None:
    """The very same message is taken once, also by the process that comes after."""
    furnish(here, pki)
    with opened(here.folder, pki) as door:
        message = door.sign(operation(event_json()))
        door.verified(door.post(message))
        assert "replayed" == door.refused(message)["code"]
    with opened(here.folder, pki) as door:
        assert "replayed" == door.refused(message)["code"]


def test_unsigned(door: Door) -> None:
    """A message without signature is refused, in a Fault that is signed; of SOAP 1.2 by HTTP 400."""
    raw = [etree.tostring(envelope(operation(event_json()), soap)) for soap in (SOAP_11, SOAP_12)]

    assert ("unsigned", 500) == tuple(door.refused(raw[0])[name] for name in ("code", "status"))
    assert ("unsigned", 400) == tuple(door.refused(raw[1], soap=SOAP_12)[name] for name in ("code", "status"))


def test_a_strangers_certificate(door: Door) -> None:
    """A certificate of the same authority that no caller was given is nobody's."""
    told = door.refused(door.sign(operation(event_json()), leaf=door.pki.issue("stranger.example.invalid")))

    assert ("untrusted", None) == (told["code"], told["note"]["caller"])


def test_breach_names_field_and_rule(door: Door) -> None:
    """What breaks the XSD is named by its place in the event and the broken rule; so is what only JSON's rules know."""
    wrong, later = operation(event_json()), event_json() | {"time": "2999-07-03T09:15:00+07:00"}
    next(wrong.iter(f"{{{NAMESPACE}}}status")).text = "no such state"

    assert [("/data/status", "enum")] == places(door.refused(door.sign(wrong)))
    assert [("/time", "out_of_range")] == places(door.refused(door.sign(operation(later))))


def places(told: dict[str, Any]) -> list[tuple[str, str]]:
    assert "invalid" == told["code"]
    return [(each["field"], each["rule"]) for each in told["errors"]]


def test_foreign_source(door: Door) -> None:
    """A caller speaks for its own sources only."""
    told = door.refused(door.sign(operation(event_json(source="one-stop/h99-communes"))))

    assert "forbidden_source" == told["code"]


def test_hostile_xml(door: Door) -> None:
    """A document type, another encoding, and what is no XML are refused unread."""
    good = door.sign(operation(event_json()))
    for raw in (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + good, good.decode().encode("utf-16"), b"<a>", b""):
        assert "malformed_xml" == door.refused(raw)["code"]


def test_bodies_and_operations(door: Door) -> None:
    """A second Body, a changed one, a second element in it, or an operation that is not served: nothing is recorded."""
    good = door.sign(operation(event_json()))
    root = etree.fromstring(good)
    root.append(deepcopy(root[-1]))
    two = [operation(event_json()), operation(event_json(id="another"))]

    assert "wrong_parts" == door.refused(etree.tostring(root))["code"]
    assert "bad_signature" == door.refused(good.replace(b"accepted", b"rejected"))["code"]
    assert "unknown_operation" == door.refused(door.sign(two))["code"]
    other = door.sign(etree.Element(f"{{{NAMESPACE}}}ReceiveOutcome"))
    assert "unknown_operation" == door.refused(other, soapaction=f'"{NAMESPACE}:ReceiveOutcome"')["code"]


def test_headers_of_the_request(door: Door) -> None:
    """Gzip, MTOM, the other version's type, no action or another one, a time that is over: each has its code."""
    good = door.sign(operation(event_json()))
    old = wsse.sign(
        envelope(operation(event_json())), identity(door.pki.caller), now=datetime.now(UTC) - timedelta(hours=1)
    )

    assert "media_type" == door.refused(good, content_encoding="gzip")["code"]
    assert "media_type" == door.refused(good, content_type="multipart/related")["code"]
    assert "media_type" == door.refused(good, soap=SOAP_12)["code"]
    assert "wrong_action" == door.refused(good, soapaction="")["code"]
    assert "wrong_action" == door.refused(good, soapaction=f'"{NAMESPACE}:GetDossier"')["code"]
    stale = door.refused(old)
    assert "stale_signature" == stale["code"]
    assert re.fullmatch(r"Expires \S+Z is past: here it is \S+Z", stale["note"]["why"])
    assert "malformed_xml" == door.refused(b" " * 11_000_000)["code"]


def test_refused_signatures_are_found_by_the_caller_that_they_claim(door: Door) -> None:
    """The note names the caller whose certificate came, as the REST door names a known key; a stranger's names none."""
    content, hour = operation(event_json()), timedelta(hours=1)
    good = door.sign(content)
    old = wsse.sign(envelope(content), identity(door.pki.caller), now=datetime.now(UTC) - hour)
    changed = good.replace(b"accepted", b"rejected")
    stranger = door.sign(content, leaf=door.pki.one_stop)
    found = [door.refused(each) for each in (changed, old, stranger)]
    listed = door.installation.reads.refusals(caller="soap")

    assert ["bad_signature", "stale_signature"] == [each["code"] for each in found[:2]]
    assert ["soap", "soap", None] == [each["note"]["caller"] for each in found]
    assert [each["reference"] for each in found[1::-1]] == [each["reference"] for each in listed]


def test_wsdl_has_the_address_and_nothing_else(here: Place, pki: Pki) -> None:
    """With `url` set the WSDL tells it, and a message to another address is refused."""
    furnish(here, pki, 'url = "https://lienthong.example.invalid/soap"\n')
    with opened(here.folder, pki) as door:
        told = httpx2.get(f"{door.url}{PATH}?wsdl").text
        root = envelope(operation(event_json()), To="https://elsewhere.example.invalid/")
        assert "wrong_address" == door.refused(wsse.sign(root, identity(pki.caller), now=datetime.now(UTC)))["code"]
        assert 200 == httpx2.get(f"{door.url}{PATH}?xsd").status_code
        assert 404 == httpx2.get(f"{door.url}{PATH}").status_code

    assert 'location="https://lienthong.example.invalid/soap"' in told
    assert "OneStopService" not in told


# -- settings ------------------------------------------------------------------------------------------------------


def test_pace(here: Place, pki: Pki) -> None:
    """A caller that is too fast hears that it should come later, and only what it signed counts."""
    furnish(here, pki)
    here.set(r'certificate = "caller.pem"', 'certificate = "caller.pem"\nrate = 0.001')
    with opened(here.folder, pki) as door:
        door.say(operation(event_json()))
        told = door.refused(door.sign(operation(event_json())))
        later = door.post(door.sign(operation(event_json()))).headers["retry-after"]

    assert int(later) > 900
    assert ("unavailable", "rate_limited") == (told["code"], told["note"]["code"])


def test_settings_are_checked(here: Place, pki: Pki) -> None:
    """No caller with a certificate, one certificate for two callers, or no key: refused, and told by the checks."""
    furnish(here, pki)
    file = here.folder / "lienthong.toml"
    good = file.read_text()
    assert all(answer.is_well for answer in offline(load(file, {}).settings) if answer.what.startswith("soap"))
    twice = good.replace(
        "[callers.soap]", '[callers.two]\ncertificate = "caller.pem"\nsources = ["two/h99"]\n[callers.soap]'
    )
    none = good.replace("[soap]", "[soap]\nurl = ''").replace(
        'certificate = "caller.pem"', 'secret_file = "caller.pem"'
    )
    for wrong in (twice, none, good.replace('"soap.key"', '"caller.pem"')):
        file.write_text(wrong)
        settings = load(file, {}).settings
        assert [answer for answer in offline(settings) if answer.what.startswith("soap") and not answer.is_well]
        with pytest.raises(SettingsRefused), opened(here.folder, pki):
            pass
