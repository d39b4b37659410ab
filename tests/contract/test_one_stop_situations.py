"""The one-stop system's samples: every state, every change and every no of its mock has one, answered as written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from contracts.check import load_schema
from contracts.mocking import Response
from contracts.one_stop.envelopes import SOAP_11, SOAP_12, parse
from contracts.one_stop.pki import Pki
from contracts.one_stop.shapes import MESSAGES
from contracts.one_stop.twins import read
from contracts.one_stop.xsd import breaches
from tests.contract.one_stop_calls import (
    AMENDED,
    FILED,
    MADE,
    OUTCOME,
    SAMPLES,
    SETTLED,
    START,
    Caller,
    acknowledged,
    sample,
)

SHAPES: Final = load_schema(MESSAGES)["$defs"]
STATES: Final = SHAPES["outcome"]["properties"]["state"]["enum"]
KINDS: Final = SHAPES["amendment"]["properties"]["kind"]["enum"]
SENT: Final = [
    *(("ReceiveOutcome", "outcome", state) for state in STATES),
    *(("ReceiveAmendment", "amendment", kind) for kind in KINDS),
    *(("ReceivePaymentResult", "payment_result", kind) for kind in SHAPES["payment_result"]["x-one-of"]),
    *(("ReceiveSignatureResult", "signature_result", kind) for kind in SHAPES["signature_result"]["x-one-of"]),
]
"""Every message of ours that has kinds: operation, shape, kind."""
AT: Final = int(START.timestamp())


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(START)


@pytest.fixture
def caller(pki: Pki) -> Caller:
    """Of a system that the sample's dossier was filed with."""
    made = Caller(pki)
    made.rest("ReceiveDossier", FILED)
    return made


@pytest.mark.parametrize(("operation", "shape", "kind"), SENT)
def test_both_protocols_have_each_kind(operation, shape, kind):
    """There is one content as JSON and as XML for each, and the XML keeps the XSD."""
    message = parse((SAMPLES / f"{operation}.{kind}.xml").read_bytes())
    plain = sample(f"{shape}.{kind}.json")

    assert () == breaches(message)
    assert plain == read(message[0], shape)
    assert kind in plain if shape.endswith("_result") else kind == plain["state" if shape == "outcome" else "kind"]


@pytest.mark.parametrize(("operation", "shape", "kind"), SENT)
def test_each_kind_is_taken(caller, operation, shape, kind):
    """The mock takes each sample in each protocol; the same again gets the same answer and stores nothing."""
    told = sample(f"{shape}.{kind}.json")
    said = [json.loads(caller.rest(operation, told).body)]
    said += [acknowledged(caller.soap(operation, told, soap=soap)) for soap in (SOAP_11, SOAP_12)]

    assert [said[0]] * 3 == said
    assert [operation] == [name for name, _ in caller.effects() if name != "ReceiveDossier"]


def test_ids_of_the_samples_are_their_own():
    """No two messages among the samples have one id, so that they can be sent one after the other."""
    ids = [sample(f"{shape}.{kind}.json")["id"] for _, shape, kind in SENT]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("name", "operation", "told"),
    [
        ("filed", "ReceiveDossier", FILED),
        ("outcome", "ReceiveOutcome", OUTCOME),
        ("amendment", "ReceiveAmendment", AMENDED),
        ("payment", "ReceivePaymentResult", SETTLED),
        ("signature", "ReceiveSignatureResult", MADE),
    ],
)
def test_acknowledgements(caller, name, operation, told):
    """Each operation's yes is the sample of it, but for the time and the system's own number."""
    reply = caller.rest(operation, told)
    wanted = sample(f"acknowledgement.{name}.json")
    said = json.loads(reply.body)

    assert 201 == reply.status
    assert wanted.keys() == said.keys()
    assert (wanted["id"], wanted["number"] is None) == (said["id"], said["number"] is None)


# Every no.


def parameters(created: int = AT, nonce: str = "n-1") -> str:
    return f';created={created};expires={created + 300};nonce="{nonce}";keyid="lienthong";alg="hmac-sha256"'


def without_signature(headers: dict[str, str]) -> None:
    del headers["signature"], headers["signature-input"]


def as_text(headers: dict[str, str]) -> None:
    headers["content-type"] = "text/plain"


def contradicted(caller: Caller) -> Response:
    caller.rest("ReceiveOutcome", OUTCOME)
    return caller.rest("ReceiveOutcome", OUTCOME | {"reason": "other"})


def replayed(caller: Caller) -> Response:
    caller.rest("ReceiveOutcome", OUTCOME, parameters=parameters())
    return caller.rest("ReceiveOutcome", OUTCOME, parameters=parameters())


def armed(fault: str) -> Callable[[Caller], Response]:
    def call(caller: Caller) -> Response:
        caller.arm(fault)
        return caller.rest("ReceiveOutcome", OUTCOME)

    return call


def outcome(value: Any = OUTCOME, **how: Any) -> Callable[[Caller], Response]:
    return lambda caller: caller.rest("ReceiveOutcome", value, **how)


SAID_NO: Final[dict[str, Callable[[Caller], Response]]] = {
    "contradicted": contradicted,
    "invalid": outcome(OUTCOME | {"state": "done"}),
    "key_mismatch": outcome(json.dumps(OUTCOME).encode()),
    "malformed_json": outcome(b"{"),
    "media_type": outcome(change=as_text),
    "not_found": lambda caller: caller.rest("ReceiveAmendment", AMENDED | {"national_number": "G17.99-260702-000999"}),
    "refused": armed("refuse_record"),
    "replayed": replayed,
    "stale_signature": outcome(parameters=parameters(AT - 3600)),
    "unavailable": armed("soap_fault"),
    "unsigned": outcome(change=without_signature),
    "bad_signature": outcome(secret=b"another-secret-of-at-least-32-bytes"),
    "untrusted": outcome(parameters=parameters().replace("lienthong", "nobody")),
    "weak_algorithm": outcome(parameters=parameters().replace("hmac-sha256", "hmac-sha1")),
    "wrong_parts": outcome(covered=("@method", "@path")),
}
"""Code → a REST call that gets it. What only SOAP can be told stands in the envelopes."""


@pytest.mark.parametrize("code", SAID_NO)
def test_each_no_is_its_sample(caller, code):
    """The mock's problem is the sample of its code, word for word but for the reference."""
    reply = SAID_NO[code](caller)
    said, wanted = json.loads(reply.body), sample(f"rest_problem.{code}.json")

    assert (wanted["status"], "application/problem+json") == (reply.status, reply.content_type)
    assert wanted | {"reference": said["reference"]} == said


def test_every_no_has_its_sample():
    """The samples of problems are those of the table, and no others."""
    there = {path.name.split(".")[1] for path in SAMPLES.glob("rest_problem.*.json")}

    assert SAID_NO.keys() == there
