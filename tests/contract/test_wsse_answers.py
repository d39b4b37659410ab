"""S1 as answers: the attack corpus comes back as what a one-stop system said. None of it is believed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from adapters.partners.one_stop.codes import CONTRACTS, Proof, Shape, Verdict
from adapters.partners.one_stop.replies import Body, judge
from adapters.partners.one_stop.settings import OneStopSettings, SoapKeys
from adapters.partners.one_stop.soap import SoapSide, action_of
from contracts.one_stop.shapes import NAMESPACE
from tests.contract import wss_attacks
from tests.contract.wss_on_the_way import one
from tests.message_pki import NOW, pki
from tests.wss_kit import ADDRESSING, SOAP_11, SOAP_12, Forge, edited, identity, partner_trust

ASKED = "urn:uuid:00000000-0000-4000-8000-000000000001"
CONTRACT = CONTRACTS["dossier.filed"]
KINDS = {"1.1": "text/xml", "1.2": "application/soap+xml"}
SOAPS = {"1.1": SOAP_11, "1.2": SOAP_12}
HEADERS = (*ADDRESSING, "RelatesTo")
YES = (
    f'<lt:ReceiveDossierResponse xmlns:lt="{NAMESPACE}"><lt:acknowledgement><lt:id>h99.filed.1</lt:id>'
    "<lt:accepted_at>2026-07-03T03:02:31Z</lt:accepted_at><lt:number>H99-1</lt:number></lt:acknowledgement>"
    "</lt:ReceiveDossierResponse>"
)


@pytest.fixture(scope="module", params=KINDS)
def version(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def side(version) -> SoapSide:
    keys = SoapKeys(identity=identity(pki().leaf), trust=partner_trust())
    return SoapSide(OneStopSettings(url="https://one-stop.example.invalid", keys=keys, soap_version=version), keys)


def answer(version: str, **changes: object) -> Forge:
    """A signed answer to what was asked."""
    texts = {"RelatesTo": ASKED, "Action": f"{action_of(CONTRACT)}Response"}
    signed = ("body", "ts", *HEADERS)
    return Forge(soap=SOAPS[version], addressing=HEADERS, texts=texts, signed=signed).but(**changes)


def opened(side: SoapSide, version: str, data: bytes) -> Body:
    """What our adapter makes of these bytes."""
    exchange = SimpleNamespace(
        reply_body=data, reply_head=f"HTTP/1.1 200 OK\r\ncontent-type: {KINDS[version]}\r\n\r\n".encode()
    )
    call = SimpleNamespace(known_by=ASKED, message=SimpleNamespace(contract=CONTRACT, id="h99.filed.1"))
    return side.open(exchange, call, NOW)


def test_no_attack_is_believed(side, version):
    """Whatever was done to an answer, or signed wrongly in it: nothing it says counts, and the write stays in doubt."""
    attacks = [case for case in wss_attacks.around(version, answer(version)) if case.code]
    bodies = [opened(side, version, case.data) for case in attacks]

    assert len(attacks) >= 250
    assert [] == [case.name for case, body in zip(attacks, bodies, strict=True) if body.proof is Proof.GOOD]
    assert {Verdict.UNCLEAR} == {judge("soap", 200, body).verdict for body in bodies}


def test_good_answers_are_believed(side, version):
    """The good messages of the corpus are believed as answers too: it is the signature that decides."""
    good = [case for case in wss_attacks.around(version, answer(version)) if not case.code]
    unrelated = {f"{version} good: no addressing"}

    wrong = [case.name for case in good if opened(side, version, case.data).proof is not Proof.GOOD]

    assert unrelated == set(wrong)
    assert Shape.ACKNOWLEDGED is opened(side, version, answer(version, content=YES).message()).shape


@pytest.mark.parametrize("text", ["urn:uuid:00000000-0000-4000-8000-000000000002", "", f"{ASKED}x"])
def test_answer_to_another_call(side, version, text):
    """An answer that is signed well and relates to another message, also an old one of ours, says nothing here."""
    texts = {"RelatesTo": text, "Action": f"{action_of(CONTRACT)}Response"}

    body = opened(side, version, answer(version, content=YES, texts=texts).message())

    assert Proof.OTHER_REQUEST is body.proof
    changed = edited(
        answer(version, content=YES).message(), lambda root: setattr(one(root, "//wsa:RelatesTo"), "text", text)
    )
    assert Proof.WRONG is opened(side, version, changed).proof
