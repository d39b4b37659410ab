"""The SOAP signing service against its mock: our id is the key, so that whatever is lost is asked about and not done
twice; and what is not signed as it should be says nothing, either way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bus.messages import Awaiting, InDoubt, Refused, Unreachable
from bus.signatures import SignatureState, SignatureVerdict
from contracts.mock_faults import FaultOrder
from contracts.mocking import Request
from contracts.signing_mock import ApproveOrder
from contracts.soap_signer.wsdl import NAMESPACE, OPERATIONS, WSDL, XSD
from tests.one_stop_kit import identity_of, shared_pki
from tests.services_kit import REQUEST, Crashed, Walk, crash_at, standing
from tests.soap_signer_kit import soap_signer_town

LOST = ("lose_request", "reset", "http_500", "html_200", "lose_reply_after_effect", "half_body", "bad_signature",
        "unsigned_fault", "late_effect")  # fmt: skip


def test_approved_by_a_person():
    """Asked once for all documents; what returns proves itself, by the documents' names."""
    with soap_signer_town(asks_verify=True) as town:
        walk = Walk(standing(documents=3))
        service = town.service(walk)
        first = walk.step(service)
        walk.step(service)
        waiting = walk.told
        town.mock.approve(ApproveOrder(request=REQUEST, wrong="reordered"))
        walk.step(service)

        assert isinstance(first.outcome, Awaiting)
        assert waiting is not None
        assert SignatureVerdict.WAITING is waiting.verdict
        assert walk.told is not None
        assert {"D1", "D2", "D3"} == {each.document_id for each in walk.told.values}
        assert _is_proved(walk)
        assert (1, 3, 3) == (town.effects("ask"), town.effects("sign"), town.called("Verify"))


@pytest.mark.parametrize("fault", LOST)
def test_p15_lost_answer_to_sign_asks_nobody_twice(fault):
    """Whatever became of it, it is asked about by our id, and goes again only as the same: one prompt, one signing."""
    with soap_signer_town() as town:
        delay = {"delay": 0.1} if fault == "late_effect" else {}
        town.mock.faults.arm(FaultOrder(fault=fault, operation="Sign", **delay))
        walk = Walk()
        service = town.service(walk)
        for _ in range(6):
            walk.step(service)
            if walk.now.state is SignatureState.WAITING_USER:
                break
        town.mock.approve(ApproveOrder(request=REQUEST))
        walk.step(service)

        assert _is_proved(walk)
        assert (1, 1) == (town.effects("ask"), town.effects("sign"))
        assert not [each for visit in town.mock.log.page() for each in visit.broken]


@pytest.mark.parametrize("place", ["sign.credential", "sign.prepared", "sign.sent", "sign.answered"])
def test_a_worker_that_dies_on_the_way(place):
    """Wherever it dies, one person is asked once."""
    with soap_signer_town() as town:
        walk = Walk()
        with pytest.raises(Crashed):
            walk.step(town.service(walk, crash_at(place)))
        service = town.service(walk)
        for _ in range(4):
            walk.step(service)
        town.mock.approve(ApproveOrder(request=REQUEST))
        walk.step(service)

        assert _is_proved(walk)
        assert (1, 1, 1) == (town.effects("ask"), town.effects("sign"), walk.prepared)


@pytest.mark.parametrize("fault", ["bad_signature", "unsigned_fault", "http_500", "lose_request", "wrong_content_type"])
def test_answer_to_a_question_that_proves_nothing(fault):
    """It stays open, and is asked again."""
    with soap_signer_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.step(service)
        town.mock.approve(ApproveOrder(request=REQUEST))
        town.mock.faults.arm(FaultOrder(fault=fault, operation="GetStatus"))
        lost = walk.step(service)
        walk.step(service)

        assert isinstance(lost.outcome, InDoubt)
        assert _is_proved(walk)


def test_unsigned_answers_say_nothing():
    """A service that signs nothing is not believed: no certificate, nothing prepared, nobody asked."""
    with soap_signer_town() as town:
        town.mock.switches.turn({"answers": "unsigned"})
        walk = Walk()
        found = walk.step(town.service(walk))

        assert isinstance(found.outcome, Unreachable)
        assert (0, 0) == (walk.prepared, town.effects("ask"))


def test_answer_about_another_request():
    """It names what it is about; another name is no answer."""
    with soap_signer_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.step(service)
        town.mock.switches.turn({"names": "other"})
        town.mock.approve(ApproveOrder(request=REQUEST))
        found = walk.step(service)

        assert isinstance(found.outcome, InDoubt)
        assert {} == walk.values


@pytest.mark.parametrize(
    ("refuses", "outcome"),
    [
        ("quota", "quota_exhausted"),
        ("unknown_user", "no_certificate"),
        ("certificate_not_usable", "certificate_not_usable"),
    ],
)
def test_noes_of_sign_end_it(refuses, outcome):
    """Nobody was asked."""
    with soap_signer_town() as town:
        town.mock.switches.turn({"refuses": refuses})
        walk = Walk()
        found = walk.step(town.service(walk))

        assert isinstance(found.outcome, Refused)
        assert (outcome, 0) == (found.outcome.code, town.effects("ask"))


def test_later_is_tried_again():
    """`unavailable`, signed: not taken, and no mark against its health."""
    with soap_signer_town() as town:
        town.mock.switches.turn({"refuses": "unavailable"})
        walk = Walk()
        service = town.service(walk)
        found = walk.step(service)
        town.mock.switches.turn({"refuses": ""})
        walk.step(service)

        assert isinstance(found.outcome, Unreachable)
        assert not found.outcome.is_down
        assert SignatureState.WAITING_USER is walk.now.state


@pytest.mark.parametrize(
    ("result", "code"),
    [("decline", "declined_by_signer"), ("expire", "expired"), ("fail", "service_refused")],
)
def test_what_a_question_hears_ends_it(result, code):
    """Each of the service's ends."""
    with soap_signer_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.step(service)
        town.mock.approve(ApproveOrder(request=REQUEST, result=result))
        found = walk.step(service)

        assert isinstance(found.outcome, Refused)
        assert code == found.outcome.code


def test_same_id_with_other_content_is_refused():
    """Our id is the key for ever: it cannot ask for another document."""
    with soap_signer_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.step(service)
        other = Walk(replace(standing(documents=2), request=REQUEST))
        found = other.step(town.service(other))

        assert isinstance(found.outcome, Refused)
        assert "service_refused" == found.outcome.code
        assert 1 == town.effects("ask")


def test_message_that_a_stranger_signed_is_not_taken():
    """The mock refuses it in its own words, signed; nothing was asked, and an operator is told."""
    stranger = shared_pki().issue("stranger.example.invalid")
    with soap_signer_town(identity=identity_of(stranger)) as town:
        walk = Walk()
        found = walk.step(town.service(walk))

        assert isinstance(found.outcome, Unreachable)
        assert found.outcome.reason.startswith("foreign_subject")
        assert ["r66"] == [each.rule for visit in town.mock.log.page() for each in visit.broken]


def test_replayed_message_is_refused():
    """The same bytes twice: the signature was shown before."""
    with soap_signer_town() as town:
        walk = Walk()
        attempt = walk.step(town.service(walk))
        sent = attempt.exchanges[0]
        headers = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{NAMESPACE}:GetCertificates"'}
        again = town.mock(Request(path="/soap_signer/soap", headers=headers, body=sent.request_body))

        assert 500 == again.status
        assert b">replayed<" in again.body


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<ks:UserId>", b"<ks:Other>", "r6"),
        (b"099000000002", b"099000000003", "r62"),
        (b"GetCertificates", b"GetNothing", "r3"),
    ],
)
def test_changed_message_is_refused(old, new, rule):
    """Broken XML, a changed Body, an operation that nobody knows: none passes."""
    with soap_signer_town() as town:
        walk = Walk()
        sent = walk.step(town.service(walk)).exchanges[0].request_body
        body = sent.replace(old, new) if old in sent else sent.replace(old.replace(b"ks:", b"ns0:"), new)
        headers = {"content-type": "text/xml; charset=utf-8", "soapaction": f'"{NAMESPACE}:GetCertificates"'}
        answer = town.mock(Request(path="/soap_signer/soap", headers=headers, body=body))

        assert 500 == answer.status
        assert rule in {each.rule for visit in town.mock.log.newest(1) for each in visit.broken}


def test_description_names_the_same_operations():
    """The WSDL, the XSD and the notes' list are one."""
    text = WSDL.read_text() + XSD.read_text()

    assert all(f'name="{each}"' in text and f'name="{each}Response"' in text for each in OPERATIONS)


def _is_proved(walk: Walk) -> bool:
    """Whether what was told last proves every document."""
    from signing.raw_values import judge

    told = walk.told
    found = {each.document_id: each.value for each in told.values} if told else {}
    certificate = walk.now.certificate or b""
    return all(
        isinstance(judge(each.digest or b"", certificate, found.get(each.id, b"")), bytes)
        for each in walk.now.documents
    )
