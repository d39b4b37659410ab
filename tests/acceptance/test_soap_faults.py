"""Every error at the SOAP door's address is a signed Fault: of the route, around it, and of our own making."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from adapters.doors import words
from adapters.doors.soap_codes import FAULTS, fault_code
from adapters.doors.soap_operations import Operations
from bus.errors import LedgerUnavailable
from contracts.one_stop.envelopes import SOAP_11, SOAP_12
from contracts.one_stop.pki import Pki
from contracts.one_stop.shapes import NAMESPACE
from signing import errors
from signing.errors import NotVerified, VerifierFailed
from tests.acceptance.desk import Place, place
from tests.acceptance.soap_kit import PATH, Door, furnish, opened, operation
from tests.builders import event_json


@pytest.fixture(scope="module")
def pki() -> Pki:
    """Keys for both sides."""
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


def told_in(door: Door, response: httpx2.Response) -> dict[str, Any]:
    """The problem of a signed Fault; and nothing of our inside anywhere in it."""
    fault = door.verified(response)
    (problem,) = fault.iter(f"{{{NAMESPACE}}}problem")
    assert not re.search(rb"Traceback|\.py|Error\b|sqlite|/tmp", response.content)
    return {each.tag.rpartition("}")[2]: each.text for each in problem}


def failing(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fails(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(Operations, "record_event", fails)


# -- around the route ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(door: Door, method: str) -> None:
    """Another method is refused with 405 and the methods that there are; the body is a signed Fault all the same."""
    response = httpx2.request(method, door.url + PATH)

    assert (405, "GET, HEAD, POST") == (response.status_code, response.headers["allow"])
    assert "media_type" == told_in(door, response)["code"]


def test_nothing_but_the_contract_is_shown(door: Door) -> None:
    """A GET without ?wsdl or ?xsd finds nothing."""
    response = httpx2.get(f"{door.url}{PATH}?something")

    assert (404, "not_found") == (response.status_code, told_in(door, response)["code"])


@pytest.mark.parametrize(("soap", "status"), [(SOAP_11, 500), (SOAP_12, 500)])
def test_trouble_of_our_own(door: Door, monkeypatch: pytest.MonkeyPatch, soap: str, status: int) -> None:
    """An exception of ours is a Fault of the receiver: later, after a minute; the caller reads nothing of it."""
    failing(monkeypatch, RuntimeError("select secret from sqlite"))

    with capture_logs() as lines:
        response = door.post(door.sign(operation(event_json()), soap=soap), soap=soap)

    assert ["uncaught_exception"] == [line["event"] for line in lines if line["log_level"] == "critical"]
    assert (status, "60") == (response.status_code, response.headers["retry-after"])
    assert "unavailable" == told_in(door, response)["code"]
    assert b"Server" in response.content if soap == SOAP_11 else b"Receiver" in response.content
    assert {"unavailable": 1.0} == door.counted()


def test_ledger_unavailable(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be written the Fault says later, with Retry-After."""
    failing(monkeypatch, LedgerUnavailable("disk full"))

    response = door.post(door.sign(operation(event_json())))

    assert (500, "5") == (response.status_code, response.headers["retry-after"])
    assert "unavailable" == told_in(door, response)["code"]


def test_verifier_that_fails(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our own verifier stumbles over is refused as a bad signature; the note says what it was."""

    def stumbles(*_: object, **__: object) -> None:
        raise VerifierFailed("RuntimeError")

    monkeypatch.setattr("signing.wsse.verify", stumbles)

    with capture_logs() as lines:
        response = door.post(b"<a/>")
    monkeypatch.undo()
    assert ["verifier"] == [line["where"] for line in lines if line["event"] == "uncaught_exception"]
    told = told_in(door, response)

    door.installation.ledger.engine.write(lambda tx: None)
    assert "bad_signature" == told["code"]
    assert "verifier_failed" == door.installation.reads.refusal(str(told["reference"]))["code"]


def test_more_than_the_house_holds(here: Place, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """When too many are in the house already, this caller hears so in a Fault as well."""
    monkeypatch.setattr("adapters.doors.guard.Guard.__init__", _full(0))
    furnish(here, pki)
    with opened(here.folder, pki) as door:
        response = door.post(door.sign(operation(event_json()), soap=SOAP_12), soap=SOAP_12)

        assert (500, "5") == (response.status_code, response.headers["retry-after"])
        assert "unavailable" == told_in(door, response)["code"]


def _full(most: int) -> Callable[..., None]:
    from adapters.doors.guard import Guard

    known = Guard.__init__

    def init(self: Any, app: Any, *, desk: Any, most_at_once: int) -> None:
        known(self, app, desk=desk, most_at_once=most)

    return init


# -- how it comes --------------------------------------------------------------------------------------------------


def test_compressed_bomb_is_not_unpacked(door: Door) -> None:
    """A body in another encoding is refused by its header; nobody unpacks it."""
    import gzip

    told = door.refused(gzip.compress(bytes(50_000_000)), content_encoding="gzip")

    assert "media_type" == told["code"]


def test_slow_sender(here: Place, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not send its body in time is told so with 408 in a Fault, and the connection ends."""
    monkeypatch.setattr("adapters.doors.body.BodyReader.__init__.__kwdefaults__", {"seconds": 0.3})
    furnish(here, pki)
    with opened(here.folder, pki) as door:
        raw = _half_sent(door)
        head, _, body = raw.partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 408")
        assert b"connection: close" in head.lower()
        response = httpx2.Response(408, content=body)
        assert "unavailable" == told_in(door, response)["code"]


def _half_sent(door: Door) -> bytes:
    parts, raw = urlsplit(door.url), b""
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as line:
        line.sendall(
            f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: text/xml\r\ncontent-length: 100\r\n\r\n<a>".encode()
        )
        while piece := line.recv(65_536):
            raw += piece
    return raw


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wanted", "language"), [("", "vi"), ("en", "en"), ("fr", "vi")])
def test_words_in_the_callers_language(door: Door, wanted: str, language: str) -> None:
    """A Fault speaks Vietnamese, or English where that is asked for: title, detail, and a sentence for each place."""
    wrong = operation(event_json())
    next(wrong.iter(f"{{{NAMESPACE}}}status")).text = "no such state"

    told = door.refused(door.sign(wrong), accept_language=wanted)

    assert words.fault("invalid", language) == (told["title"], told["detail"])
    assert [words.reason("xsd_enum", language, {})] == [each["detail"] for each in told["errors"]]
    assert language in str(told["fault"].find("faultstring").attrib)


def test_every_word_of_the_verifier_has_a_code() -> None:
    """Whatever the signing room may say no with has a Fault of its own; none falls under the event's rules."""
    codes = {each.code for each in _all_of(NotVerified)} | set(re.findall(r'code="(\w+)"', _source_of_xml()))

    known = {code: fault_code(code) for code in codes - {"not_verified", "unknown_key"}}
    assert set() == {code for code, told in known.items() if told == "invalid"}
    assert set(FAULTS) >= set(known.values())


def _all_of(kind: type[NotVerified]) -> Iterator[type[NotVerified]]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from _all_of(each)


def _source_of_xml() -> str:
    from signing import xml

    return Path(str(xml.__file__)).read_text(encoding="utf-8")


def test_refusals_are_counted_by_the_contracts_codes(door: Door) -> None:
    """The metric says what callers are told; the note keeps the finer word."""
    good = door.sign(operation(event_json()))
    told = [
        door.refused(b"<!DOCTYPE a []>" + good),
        door.refused(good + b"\xff"),
        door.refused(b" " * 11_000_000),
        door.refused(good, soapaction=""),
    ]

    assert ["xml_dtd", "xml_encoding", "too_large", "wrong_action"] == [each["note"]["code"] for each in told]
    assert {"malformed_xml": 3.0, "wrong_action": 1.0} == door.counted()
