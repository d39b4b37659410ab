"""A SOAP door over a ledger of the tests: on a port of this process, or of a child that can be killed."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
from fastapi import FastAPI
from lxml import etree
from prometheus_client import CollectorRegistry

from adapters.doors.acceptances import Acceptances
from adapters.doors.api import create_app
from adapters.doors.auth import Caller
from adapters.doors.body import BodyReader
from adapters.doors.metrics import Metrics, Stats
from adapters.doors.problems import STATUS
from adapters.doors.receipts import KeyRing
from adapters.doors.server import serve
from adapters.doors.soap import PATH, SoapDoor
from adapters.doors.soap_answers import Speaker
from adapters.doors.soap_callers import Callers
from adapters.doors.soap_codes import FAULTS
from adapters.doors.soap_operations import Operations
from bus.ports import CrashPoint, SystemRandomness, no_crash
from bus.refusals import Refusals
from contracts.one_stop.shapes import NAMESPACE
from contracts.one_stop.twins import read, write
from signing import wsse
from signing.trust import Trust
from tests.builders import SOURCE, event_json
from tests.proofs.kit import fork
from tests.wss_kit import SOAP_11, WSA, elliptic, identity

CALLER = Caller(name="soap", sources=frozenset({SOURCE}))
DOOR_IDENTITY = elliptic
"""Whoever knows the partner of these tests knows the door as well: an ECDSA key, which is quick to sign with."""


def soap_app(
    world: Any, key: Any, *, trust: wsse.TrustIn, registry: CollectorRegistry, crash_point: CrashPoint = no_crash
) -> FastAPI:
    """The doors of this world, with the SOAP door among them. Its refusals are all kept."""
    metrics = Metrics(
        registry, sources=[SOURCE], kinds=["dossier.recorded"], partners=["p"], codes={*STATUS, *FAULTS}, stats=Stats
    )
    app = create_app(
        intake=world.intake,
        ledger=world.ledger,
        reads=world.reads,
        repairs=world.repairs,
        callers={},
        identity=key,
        clock=world.clock,
        randomness=SystemRandomness(),  # two processes must not give out the same references
        metrics=metrics,
        ready=list,
        refusals=Refusals(world.ledger, per_second=10**6, kept=10**6),
        crash_point=crash_point,
    )
    operations = Operations(
        intake=world.intake,
        ledger=world.ledger,
        reads=world.reads,
        acceptances=Acceptances(world.ledger, metrics, lambda: None, clock=world.clock),
        keys=KeyRing(key),
        crash_point=crash_point,
    )
    SoapDoor(
        callers=[CALLER],
        trust=Callers(named={}, by_name=None, vouched=[(CALLER, trust)]),
        speaker=Speaker(identity(DOOR_IDENTITY()), world.clock),
        url="",
        operations=operations,
        desk=app.state.desk,
        bodies=BodyReader(),
        clock=world.clock,
        crash_point=crash_point,
    ).add_to(app.router)
    return app


@dataclass(slots=True)
class Client:
    """Speaks to the door at this address."""

    url: str
    line: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30))

    def close(self) -> None:
        """Let go of the connection."""
        self.line.close()

    def post(self, raw: bytes, *, soap: str = SOAP_11, operation: str = "RecordEvent") -> httpx2.Response:
        action = f"{NAMESPACE}:{operation}"
        headers = (
            {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{action}"'}
            if soap == SOAP_11
            else {"content-type": f'application/soap+xml; charset=utf-8; action="{action}"'}
        )
        return self.line.post(self.url + PATH, content=raw, headers=headers)

    def code(self, raw: bytes, *, now: Any, soap: str = SOAP_11) -> str:
        """The code of the signed Fault; empty for a yes."""
        content = answered(self.post(raw, soap=soap), now=now)
        codes = [each.text or "" for each in content.iter(f"{{{NAMESPACE}}}code")]
        return codes[0] if codes else ""

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0


def answered(response: httpx2.Response, *, now: Any) -> etree._Element:
    """What the Body of a signed answer holds."""
    trust = Trust(named=[DOOR_IDENTITY().der], revocation="none")
    return wsse.verify(response.content, trust=trust, now=now).body[0]


def envelope(events: Sequence[Mapping[str, Any]]) -> bytes:
    """RecordEvent of one event, RecordEvents of several: not signed yet."""
    written = [etree.tostring(write(event, "event", "event"), encoding="unicode") for event in events]
    inside = written[0] if len(written) == 1 else f"<lt:events>{''.join(written)}</lt:events>"
    name = operation_of(events)
    content = f'<lt:{name} xmlns:lt="{NAMESPACE}">{inside}</lt:{name}>'
    return f'<s:Envelope xmlns:s="{SOAP_11}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def operation_of(events: Sequence[Mapping[str, Any]]) -> str:
    """Which operation takes so many."""
    return "RecordEvent" if len(events) == 1 else "RecordEvents"


def receipts(content: etree._Element) -> dict[str, tuple[str, bool]]:
    """Event → its receipt, and whether it was there before; of a Fault none."""
    found = {}
    for each in content.iter(f"{{{NAMESPACE}}}receipt"):
        if len(each):
            told = read(each, "receipt")
            found[told["id"]] = (told["receipt"], told["repeated"])
    return found


def record(event: Mapping[str, Any] | None = None, **told: Any) -> str:
    """RecordEvent as text, without a declaration."""
    element = etree.Element(f"{{{NAMESPACE}}}RecordEvent", nsmap={"lt": NAMESPACE})
    element.append(write(event or event_json(**told), "event", "event"))
    return etree.tostring(element, encoding="unicode")


def addressing(operation: str = "RecordEvent", names: Sequence[str] = ("To", "Action", "MessageID")) -> str:
    """WS-Addressing headers that fit the operation, with the Ids by which the forger signs them."""
    told = {"To": "urn:example:To", "Action": f"{NAMESPACE}:{operation}", "MessageID": "urn:uuid:1"}
    return "".join(f'<wsa:{name} xmlns:wsa="{WSA}" wsu:Id="{name}">{told[name]}</wsa:{name}>' for name in names)


@contextmanager
def in_child(make: Callable[[], Any]) -> Iterator[tuple[int, str]]:
    """A door in a forked process: its id and address. `make` opens world and application there, and gives both."""
    read, wrote = os.pipe()
    child = fork()
    if child == 0:
        try:
            os.close(read)
            with serve(make()) as serving:
                os.write(wrote, serving.url.encode())
                os.close(wrote)
                threading.Event().wait()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(70)
    os.close(wrote)
    with os.fdopen(read) as pipe:
        url = pipe.read()
    try:
        assert url, "the child's door did not open"
        yield child, url
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
