"""RecordEvents and GetDossier at the SOAP door; zeep as a caller of all three operations in both versions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import etree

from contracts.one_stop import xsd
from contracts.one_stop.envelopes import SOAP_11, SOAP_12
from contracts.one_stop.pki import Pki
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.twins import read
from tests.acceptance.desk import Place, place
from tests.acceptance.soap_kit import (
    PATH,
    Door,
    Plugin,
    dossier_operation,
    events_operation,
    furnish,
    members_of,
    opened,
    operation,
)
from tests.builders import PROGRESSED, event_json, step_json

BATCH = {"operation": "RecordEvents"}
ASK = {"operation": "GetDossier"}


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


def results(answer: etree._Element) -> list[dict[str, Any]]:
    """The results of a batch; the answer keeps the XSD."""
    assert xsd.schema().validate(answer), xsd.schema().error_log
    return [read(each, "batch_result") for each in answer[0]]


def fault_of(door: Door, raw: bytes, **how: Any) -> str:
    (code,) = door.verified(door.post(raw, **how)).iter(f"{{{NAMESPACE}}}code")
    return str(code.text)


# -- many events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_each_event_of_a_batch_for_itself(door: Door, soap: str) -> None:
    """Recorded, repeated, contradicted, refused: a result for each, in order, and a partial success is no Fault."""
    first = event_json(id="one")
    receipt = door.say(operation(first), soap=soap)
    told = [
        event_json(id="two", dossier="H99.09-260703-0124"),
        first,
        event_json(id="one", note="another"),
        event_json(id="three", source="one-stop/nobody"),
        event_json(id="four", dossier="H99.09-260703-0125") | {"time": "2999-07-03T09:15:00+07:00"},
    ]

    got = results(door.say(events_operation(told), soap=soap))

    assert [1, 2, 3, 4, 5] == [each["line"] for each in got]
    assert ["recorded", "repeated", "contradicted", "refused", "refused"] == [each["result"] for each in got]
    assert ["two", "one", "one", "three", "four"] == [each["id"] for each in got]
    assert [False, True] == [each["receipt"]["repeated"] for each in got[:2]]
    assert receipt[0].findtext(f"{{{NAMESPACE}}}receipt") == got[1]["receipt"]["receipt"]
    assert [None] * 3 == [each["receipt"] for each in got[2:]]
    problems = [each["problem"] for each in got]
    assert [None, None] == problems[:2]
    assert ["contradicted", "forbidden_source", "invalid"] == [each["code"] for each in problems[2:]]
    assert ["/2/id", "/3/source", "/4/time"] == [each["errors"][0]["field"] for each in problems[2:]]
    assert all(each["detail"] and each["errors"][0]["detail"] for each in problems[2:])
    assert 2 == door.events()


def test_refused_events_share_a_reference(door: Door) -> None:
    """The operator finds every refused event of a batch under the one reference that the caller was told."""
    told = [event_json(id=f"e{n}", source="one-stop/nobody") for n in (1, 2)]

    got = results(door.say(events_operation(told)))

    (reference,) = {each["problem"]["reference"] for each in got}
    door.installation.ledger.engine.write(lambda tx: None)
    note = door.installation.reads.refusal(reference)
    assert ("soap", "forbidden_source", 200) == (note["caller"], note["code"], note["status"])
    assert [1, 2] == [each["line"] for each in note["rules"]]
    assert 1 == door.counted()["forbidden_source"]


def test_five_hundred_events(door: Door) -> None:
    """Five hundred events are one message and one transaction; five hundred and one break the XSD."""
    told = [step_json(id=f"e{n}", dossier=f"H99.09-260703-{n:04d}") for n in range(501)]

    assert {"recorded"} == {each["result"] for each in results(door.say(events_operation(told[:500])))}
    assert 500 == door.events()
    problem = door.refused(door.sign(events_operation(told)), **BATCH)
    assert ("invalid", 500) == (problem["code"], door.events())
    assert "invalid" == door.refused(door.sign(events_operation([])), **BATCH)["code"]


def test_breach_in_a_batch_names_the_event(door: Door) -> None:
    """The XSD judges the message as a whole; the event's number comes first in each place, from 0."""
    wrong = events_operation([event_json(id="one"), event_json(id="two")])
    list(wrong.iter(f"{{{NAMESPACE}}}status"))[1].text = "no such state"

    told = door.refused(door.sign(wrong), **BATCH)

    assert [("/1/data/status", "enum")] == [(each["field"], each["rule"]) for each in told["errors"]]


@pytest.mark.parametrize("source", ["one-stop/h99", "one-stop/nobody"])
def test_a_batch_is_taken_once(door: Door, source: str) -> None:
    """The very same signed batch is a replay, also when nothing in it was taken."""
    message = door.sign(events_operation([event_json(source=source)]))
    door.verified(door.post(message, **BATCH))

    assert "replayed" == door.refused(message, **BATCH)["code"]


# -- a question ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_dossier_of_the_caller(door: Door, soap: str) -> None:
    """A caller sees its own dossier, with events and moves, in the contract's form."""
    event = event_json()
    door.say(operation(event), soap=soap)

    answer = door.say(dossier_operation(event["subject"]), soap=soap)

    assert xsd.schema().validate(answer), xsd.schema().error_log
    told = read(answer[0], "dossier")
    assert (event["subject"], event["data"]["procedure"]) == (told["number"], told["procedure"])
    assert [(event["source"], event["id"], "dossier.recorded")] == [
        (each["source"], each["id"], each["kind"]) for each in told["events"]
    ]
    assert ["waiting"] == [move["to_state"] for move in told["timeline"]]


def test_dossier_of_others(door: Door, here: Place) -> None:
    """A dossier that only others spoke of is not there, and neither is one that nobody knows."""
    other = event_json(source="one-stop/h99-communes", dossier="H99.09-260703-0777")
    with here.open() as installation:
        from tests.builders import from_json

        installation.intake.accept(from_json(other))

    for number in (other["subject"], "H99.09-260703-0999"):
        assert "not_found" == door.refused(door.sign(dossier_operation(number)), **ASK)["code"]


def test_question_is_asked_once(door: Door) -> None:
    """A signed question is good once, like everything that is signed."""
    event = event_json()
    door.say(operation(event))
    message = door.sign(dossier_operation(event["subject"]))
    door.verified(door.post(message, **ASK))

    assert "replayed" == door.refused(message, **ASK)["code"]


# -- the WSDL, and zeep ----------------------------------------------------------------------------------------------


def test_wsdl_serves_three_operations(door: Door) -> None:
    """The WSDL that the door shows has its own three operations in both versions, and nothing of the other service."""
    root = etree.fromstring(httpx2.get(f"{door.url}{PATH}?wsdl").content)
    names = [each.get("name") for each in root.iter("{http://schemas.xmlsoap.org/wsdl/}operation")]

    assert ["RecordEvent", "RecordEvents", "GetDossier"] * 3 == names
    assert b"Receive" not in etree.tostring(root)


@pytest.mark.parametrize("port", ["DoorSoap11", "DoorSoap12"])
def test_zeep_calls_all_three(door: Door, here: Place, port: str) -> None:
    """A client that zeep builds from the served WSDL, signing with zeep's own plug-in, calls every operation."""
    zeep: Any = import_module("zeep")
    client = zeep.Client(f"{door.url}{PATH}?wsdl", wsse=Plugin(here, door.pki), port_name=port)
    one, two = event_json(PROGRESSED), event_json(PROGRESSED, id="another", dossier="H99.09-260703-0888")

    receipt = client.service.RecordEvent(event=members_of(one))
    told = client.service.RecordEvents(events={"event": [members_of(one), members_of(two)]})
    dossier = client.service.GetDossier(number=two["subject"])

    assert (one["id"], False) == (receipt.id, receipt.repeated)
    assert ["repeated", "recorded"] == [each.result for each in told]
    assert (two["subject"], [two["id"]]) == (dossier.number, [each.id for each in dossier.events.event])
    with pytest.raises(zeep.exceptions.Fault) as fault:
        client.service.GetDossier(number="H99.09-260703-0999")
    assert "not_found" in etree.tostring(fault.value.detail).decode()
