"""SmartCA's adapter against its strict mock on a real port; the judge is the mock's count of keys that were used."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.channels.http import HttpChannel
from adapters.documents.errors import DocumentNotNow
from adapters.partners.gateways.calls import Wrong
from adapters.partners.signers.adapter import SigningService
from adapters.partners.signers.calls import Answered
from adapters.partners.signers.credentials import Misfit
from adapters.partners.smartca.adapter import smartca
from adapters.partners.smartca.callbacks import SmartCaHooks
from adapters.partners.smartca.settings import SmartCaSettings
from adapters.partners.smartca.wire import doc_id, place_in
from bus.errors import LedgerUnavailable, Unmappable
from bus.messages import Awaiting, Delivery, InDoubt, Refused, Unreachable
from bus.signatures import SignatureEffect, SignatureHeard, SignatureState, SignatureVerdict
from contracts.mocking import Request
from contracts.serve import serve
from contracts.smartca.mock import SP_ID, SP_PASSWORD, SmartCa
from signing.errors import DocumentRefused
from signing.raw_values import judge
from tests.gateway_kit import PATIENT, Still
from tests.portal_kit import local_http
from tests.signer_services import PERSON, REQUEST, Desk, Signing, make_sign, proved, raw_call, sample, signing_delivery
from tests.signing_kit import NOW

LOST = ("lose_reply_after_effect", "half_body", "html_200", "http_500", "wrong_content_type", "reset", "lose_request")


def settings(url: str = "http://127.0.0.1:1", **overrides: Any) -> SmartCaSettings:
    """A service provider of the mock."""
    members: dict[str, Any] = {
        "url": f"{url}/smartca",
        "sp_id": SP_ID,
        "sp_password": SP_PASSWORD,
        "http": local_http(timeout=PATIENT, connect_timeout=PATIENT),
    }
    return SmartCaSettings(**(members | overrides))


@contextmanager
def smartca_world(**overrides: Any) -> Iterator[Signing]:
    """SmartCA on a fixed day."""
    clock, desk = Still(NOW), Desk()
    mock = SmartCa(clock=clock.now)
    with serve(mock) as url:
        told = settings(url, **overrides)
        channel = HttpChannel(told.http)
        service = smartca(told, channel, desk=desk, clock=clock)
        yield Signing(mock=mock, service=service, url=url, clock=clock, desk=desk)
        channel.close()


@pytest.fixture
def world():
    with smartca_world() as made:
        yield made


# -- the plain walk ------------------------------------------------------------------------------------------------


def test_whole_walk(world):
    """A certificate is read, two digests go out in one question, both values verify; no rule of SmartCA is broken."""
    waiting = world.waiting()
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict
    world.approve()
    told = world.ask(waiting).facts["told"]

    assert [1, 2] == proved(told, waiting)
    assert ["get_certificate", "sign", "status", "status"] == world.operations()
    assert [] == world.broken()
    assert (1, 2) == (world.count("ask"), world.count("sign"))
    shown = world.mock.transactions.newest()
    assert "Ký hồ sơ H99.09-260703-0123: đợt 1" == shown.description
    assert ["1-Giấy phép số 1.pdf", "2-Giấy phép số 2.pdf"] == [each.id for each in shown.documents]


def test_the_answer_to_an_order_is_awaited_beside_the_lane(world):
    """The lane goes on while a person looks at his phone; handle and deadline are the ledger's to keep."""
    attempt = world.deliver()

    assert isinstance(attempt.outcome, Awaiting)
    assert attempt.outcome.lane_goes_on
    assert world.mock.transactions.newest().handle == attempt.facts["handle"]
    assert NOW + timedelta(minutes=5) == attempt.facts["until"]


def test_nothing_secret_is_kept(world):
    """The password stands in every body that goes out, and in nothing that is kept."""
    attempt = world.deliver()
    bodies = [each.request_body + (each.reply_body or b"") for each in attempt.exchanges]

    assert 2 == len(bodies)
    assert all(b'"sp_password":"***"' in body for body in bodies)
    assert not any(SP_PASSWORD.encode() in body for body in bodies)


@pytest.mark.parametrize("by", ["transaction_id", "tran_code"])
def test_either_id_is_asked_by(by):
    """Which id the status question wants is a setting, because its text and its samples disagree."""
    with smartca_world(status_id=by) as world:
        world.turn(status_id=by)
        waiting = world.waiting()

        assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict


# -- answers that are lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("after_effect", [True, False])
def test_a_lost_answer_is_asked_about_and_nobody_is_asked_twice(world, fault, after_effect):
    """After an unclear order its status tells whether it is there; only where it is not does it go again."""
    is_late = fault in ("lose_reply_after_effect", "half_body", "wrong_content_type")
    world.arm(fault, operation="sign", **({"after_effect": True} if after_effect and not is_late else {}))
    first = world.deliver()
    assert isinstance(first.outcome, InDoubt)
    unknown = replace(world.desk.prepared[-1], state=SignatureState.UNKNOWN)
    asked = world.ask(unknown)

    if isinstance(asked.outcome, Unreachable):
        assert SignatureVerdict.NOT_THERE is asked.facts["told"].verdict
        world.waiting(unknown_again(world))
    else:
        assert SignatureVerdict.WAITING is asked.facts["told"].verdict
    assert (1, 1) == (world.count("ask"), len(world.mock.transactions))
    assert REQUEST == world.mock.transactions.newest().request


def unknown_again(world: Signing):
    """As the ledger has it once the service said that it is not there."""
    return replace(world.desk.prepared[-1], state=SignatureState.PREPARED)


@pytest.mark.parametrize("fault", LOST[1:])
def test_a_lost_list_of_certificates_is_asked_for_again(world, fault):
    """Before anybody is asked to sign nothing can have happened: it goes again, and nothing was frozen."""
    world.arm(fault, operation="get_certificate")
    attempt = world.deliver()

    assert isinstance(attempt.outcome, Unreachable)
    assert [] == world.desk.prepared
    assert isinstance(world.deliver().outcome, Awaiting)


@pytest.mark.parametrize("fault", [*LOST[1:], "rate_limited"])
def test_a_lost_status_leaves_all_open(world, fault):
    """A question without an answer ends nothing, and does not let the order go a second time."""
    waiting = world.waiting()
    world.arm(fault, operation="status")

    assert isinstance(world.ask(waiting).outcome, InDoubt)
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict


# -- noes ----------------------------------------------------------------------------------------------------------

ORDER_NOES = [
    (400, "", Refused, "service_refused"),
    (401, "", Unreachable, ""),
    (403, "", Refused, "certificate_not_usable"),
    (403, "SERVICE_PACK_EXEED_OR_INVALID", Refused, "quota_exhausted"),
    (500, "", InDoubt, ""),
]


@pytest.mark.parametrize(("code", "message", "kind", "why"), ORDER_NOES)
@pytest.mark.parametrize("http_follows", [True, False])
def test_every_code_of_an_order(world, code, message, kind, why, http_follows):
    """Each status code comes to what its row says, whatever HTTP says beside it."""
    world.turn(sign_code=code, sign_message=message, http_follows=http_follows)
    with capture_logs() as logs:
        outcome = world.deliver().outcome

    assert isinstance(outcome, kind)
    assert why == getattr(outcome, "code", "")
    assert 0 == world.count("ask")
    events = {line["event"] for line in logs}
    assert ("login_refused" in events) == (code == 401)
    assert ("signing_quota_exhausted" in events) == bool(message)


@pytest.mark.parametrize("code", [400, 401, 403, 500])
def test_a_code_of_a_question_ends_nothing(world, code):
    """Whatever is wrong with the question, the person may have signed: it is asked again."""
    waiting = world.waiting()
    world.turn(status_code=code)

    assert isinstance(world.ask(waiting).outcome, InDoubt)


def test_http_429_is_later(world):
    """Too many calls: not taken, and it does not speak against SmartCA's health."""
    world.arm("rate_limited", operation="sign", retry_after=7)
    outcome = world.deliver().outcome

    assert (timedelta(seconds=7), False) == (outcome.retry_after, outcome.is_down)


STATES = [
    ("decline", SignatureVerdict.DECLINED, "declined_by_signer"),
    ("expire", SignatureVerdict.EXPIRED, "expired"),
    ("fail", SignatureVerdict.FAILED, "service_refused"),
]


@pytest.mark.parametrize(("result", "verdict", "code"), STATES)
def test_what_a_person_decides(world, result, verdict, code):
    """A no, a time that is over and a failure each end it, and no key was used."""
    waiting = world.waiting()
    world.approve(result=result)
    attempt = world.ask(waiting)

    assert (verdict, code) == (attempt.facts["told"].verdict, attempt.outcome.code)
    assert 0 == world.count("sign")


def test_it_expires_by_itself(world):
    """After five minutes SmartCA says so, and nobody can approve any more."""
    waiting = world.waiting()
    world.clock.at = NOW + timedelta(minutes=6)
    world.approve()

    assert SignatureVerdict.EXPIRED is world.ask(waiting).facts["told"].verdict
    assert 0 == world.count("sign")


@pytest.mark.parametrize(
    ("message", "settings_say", "verdict"),
    [
        ("dang_ky", {}, SignatureVerdict.UNCLEAR),
        ("NGUOI_DUNG_HUY", {"NGUOI_DUNG_HUY": "declined"}, SignatureVerdict.DECLINED),
        ("QUA_HAN", {"QUA_HAN": "expired"}, SignatureVerdict.EXPIRED),
        ("LOI", {"LOI": "failed"}, SignatureVerdict.FAILED),
        ("SUCCESS", {}, SignatureVerdict.UNCLEAR),
        ("4002", {}, SignatureVerdict.DECLINED),
        ("SERVICE_PACK_EXEED_OR_INVALID", {}, SignatureVerdict.FAILED),
    ],
)
def test_messages_of_a_status(message, settings_say, verdict):
    """A message that nobody knows ends nothing, a success without a value neither; a setting teaches further ones."""
    with smartca_world(messages=settings_say) as world:
        waiting = world.waiting()
        world.turn(status_message=message)

        assert verdict is world.ask(waiting).facts["told"].verdict


def test_not_there_by_a_message_of_the_settings():
    """Only what the settings or the notes call so says that SmartCA does not have it."""
    with smartca_world(messages={"BAD_REQUEST": "not_there"}) as world:
        waiting = world.waiting()
        world.turn(status_code=400)

        assert SignatureVerdict.NOT_THERE is world.ask(waiting).facts["told"].verdict


# -- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "found"),
    [("", [1, 2]), ("cms", [1, 2]), ("reordered", [1, 2]), ("partial", [1]), ("digest", []), ("certificate", []),
     ("certificate_cms", [])],
)  # fmt: skip
def test_only_values_that_verify_count(world, wrong, found):
    """Raw or in a CMS, in any order, in part: what verifies counts; what is over something else, or by another key,
    never does."""
    waiting = world.waiting()
    world.approve(wrong=wrong)

    assert found == proved(world.ask(waiting).facts["told"], waiting)
    assert 2 == world.count("sign")


def test_places_are_read_from_names_and_nothing_else():
    """A document's place stands in the name that we gave it; another's name says no place."""
    document = replace(make_sign().documents[1], name="x" * 100)

    assert (2, 64) == (place_in(doc_id(document)), len(doc_id(document)))
    assert [None] * 4 == [place_in(name) for name in ("DOC-1", "", "0-x", "-1-x")]


# -- certificates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "code"),
    [([], "no_certificate"), (["expired"], "certificate_not_usable"), (["not_yet"], "certificate_not_usable"),
     (["weak"], "certificate_not_usable"), (["sha1"], "certificate_not_usable")],
)  # fmt: skip
def test_certificates_that_are_not_used(world, kinds, code):
    """Nobody is asked to sign with a certificate that is none, over, not begun, weak, or signed with SHA-1."""
    world.mock.signers.give(PERSON, kinds)
    outcome = world.deliver().outcome

    assert code == outcome.code
    assert (0, []) == (world.count("ask"), world.desk.prepared)


def test_a_certificate_of_another_person(world):
    """A certificate whose number is another's is not asked to sign, whatever the service says."""
    world.mock.signers.put(PERSON, *world.mock.signers.of("099000000009"))

    assert "wrong_person" == world.deliver().outcome.code
    assert [] == world.desk.prepared


def test_a_certificate_that_its_authority_took_back(world):
    """SmartCA itself refuses it, before anybody is asked."""
    world.mock.signers.give(PERSON, ["revoked"])

    assert "certificate_not_usable" == world.deliver().outcome.code
    assert 0 == world.count("ask")


def test_of_several_certificates_the_wished_one(world):
    """The serial number that the event names decides; without one, any that is valid."""
    first, second = world.mock.signers.give(PERSON, ["person", "person"])
    world.deliver(make_sign(credential=second.serial.upper()))

    assert second.serial == world.mock.transactions.newest().holder.serial
    assert second.der == world.desk.prepared[-1].certificate
    assert "no_certificate" == world.deliver(make_sign(credential="1234", request="KY2")).outcome.code
    assert first.serial != second.serial


def test_the_certificate_of_the_placeholder_or_none(world):
    """Documents that are prepared under a certificate are signed with that one; where it is gone, nobody is asked."""
    world.mock.signers.give(PERSON, ["person"])
    world.waiting()
    prepared = replace(world.desk.prepared[-1], request="KY2")
    world.mock.signers.give(PERSON, ["person"])

    assert "certificate_not_usable" == world.deliver(prepared).outcome.code
    assert 1 == world.count("ask")


# -- the frame -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [SignatureState.WAITING_USER, SignatureState.UNKNOWN])
def test_who_was_asked_is_never_asked_again(world, state):
    """Whatever brings a signature to delivery again, its service is asked about it, and its signer is not."""
    waiting = replace(world.waiting(), state=state)
    attempt = world.deliver(waiting)

    assert SignatureVerdict.WAITING is attempt.facts["told"].verdict
    assert 1 == world.count("ask")


def test_a_question_before_anything_was_prepared(world):
    """Without a digest nothing can have been sent: nobody is asked, and it may go."""
    outcome = world.ask(make_sign()).outcome

    assert isinstance(outcome, Unreachable)
    assert [] == world.operations()


def test_a_shadow_sends_nothing(world):
    """A watched service hears nothing at all."""
    deliver, asked = world.deliver(is_shadow=True), world.service.ask(
        signing_delivery(replace(make_sign(), state=SignatureState.UNKNOWN), is_shadow=True)
    )  # fmt: skip

    assert isinstance(deliver.outcome, Unreachable)
    assert isinstance(asked.outcome, InDoubt)
    assert [] == world.operations()


def test_no_call_outlives_its_lease(world):
    """Where the lease could end before the answer nothing is sent, and a question not asked says nothing of it."""
    short = {"leased_until": NOW + timedelta(seconds=1)}
    assert isinstance(world.deliver(**short).outcome, Unreachable)
    waiting = world.waiting()
    asked = world.service.ask(signing_delivery(waiting, **short))

    assert isinstance(asked.outcome, InDoubt)
    assert ["get_certificate", "sign"] == world.operations()


def test_the_lease_is_looked_at_again_before_the_order(world):
    """Fetching and freezing take time: an order that could outlive the lease does not go out."""

    class SlowDesk(Desk):
        def prepare(self, delivery: Delivery, certificate: bytes, chain: Any) -> Any:
            world.clock.at = NOW + timedelta(hours=1)
            return super().prepare(delivery, certificate, chain)

    world.service._desk = SlowDesk()
    outcome = world.deliver(leased_until=NOW + timedelta(minutes=10)).outcome

    assert isinstance(outcome, Unreachable)
    assert 0 == world.count("ask")


@pytest.mark.parametrize(
    ("trouble", "kind", "told"),
    [
        (DocumentRefused("document_encrypted"), Refused, "document_encrypted"),
        (DocumentRefused("encrypted"), Refused, "document_encrypted"),
        (DocumentNotNow("host_unreachable", "away"), Unreachable, "host_unreachable: away"),
    ],
)
def test_trouble_of_a_document(world, trouble, kind, told):
    """What is wrong with a document for good is refused under its code; what may pass is tried again. Nothing went
    out."""

    class Refusing(Desk):
        def prepare(self, delivery: Delivery, certificate: bytes, chain: Any) -> Any:
            raise trouble

    world.service._desk = Refusing()
    outcome = world.deliver().outcome

    assert isinstance(outcome, kind)
    assert told == (outcome.code if isinstance(outcome, Refused) else outcome.reason)
    assert ["get_certificate"] == world.operations()


def test_the_installation_may_object_to_a_certificate():
    """What the installation knows of revocation counts before anybody is asked."""
    clock, desk = Still(NOW), Desk()
    mock = SmartCa(clock=clock.now)
    with serve(mock) as url:
        told = settings(url)
        channel = HttpChannel(told.http)

        def objects(standing: Any, certificate: bytes, chain: Any, at: Any) -> Misfit:
            return Misfit(code="certificate_not_usable", reason="revoked")

        service: SigningService = smartca(told, channel, desk=desk, clock=clock, judge=objects)
        outcome = service.deliver([signing_delivery()])[0].outcome
        channel.close()

    assert ("certificate_not_usable", "revoked") == (outcome.code, outcome.reason)
    assert [] == desk.prepared


def test_what_is_no_signature_goes_nowhere(world):
    """A delivery without its signature, or of another kind, is not shaped."""
    with pytest.raises(Unmappable):
        world.service.check(replace(signing_delivery(), signature=None))
    other = signing_delivery()
    with pytest.raises(Unmappable):
        world.service.check(replace(other, event=replace(other.event, kind="dossier.recorded")))
    world.service.check(signing_delivery())


def test_more_documents_than_a_transaction_takes(world):
    """SmartCA takes ten; nothing is split behind the signer's back."""
    many = make_sign(documents=tuple(replace(make_sign().documents[0], n=n, id=f"D{n}") for n in range(1, 12)))

    assert "service_refused" == world.deliver(many).outcome.code
    assert [] == world.desk.prepared


# -- the webhook ---------------------------------------------------------------------------------------------------


def told_by(body: Any, **more: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SmartCaHooks(settings(**more)).read(raw_call("result", raw))


def test_a_webhook_is_a_hint_with_values():
    """Its values are the ledger's to judge; nothing shows who called."""
    told = told_by(sample("smartca", "webhook.json"))

    assert ("TX-260115-000001", SignatureVerdict.SIGNED, False) == (told.request, told.verdict, told.is_authentic)
    assert ("callback", "DOC-1", None) == (told.via, told.values[0].document_id, told.values[0].n)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [({"sp_id": "other"}, "sp_id"), ({"transaction_id": "x" * 65}, "too_long"),
     ({"transaction_id": None, "signed_files": []}, "missing_field")],
)  # fmt: skip
def test_webhooks_that_are_not_taken(changed, rule):
    """Another provider's call, an id that is none, and one that names nothing: refused, and nothing changes."""
    body = json.loads(sample("smartca", "webhook.json")) | changed
    wrong = told_by({name: value for name, value in body.items() if value is not None})

    assert isinstance(wrong, Wrong)
    assert rule == wrong.rule


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"sp_id":"a","sp_id":"a"}', b'"x"', b"null"])
def test_webhooks_that_cannot_be_read(body):
    """What is no JSON object, or has a member twice, is refused and does not raise."""
    assert isinstance(told_by(body), Wrong)


def test_of_a_long_hint_little_is_kept():
    """A call without values shows nothing of who called: its beginning and its digest are enough."""
    told = told_by({"sp_id": SP_ID, "message": "sig_rejected", "transaction_id": "T", "more": "x" * 200_000})

    assert 5_000 > len(told.evidence)
    assert b"sha256:" in told.evidence


def test_without_its_id_the_values_tell():
    """A webhook may leave the transaction out: its values prove what they are of."""
    body = json.loads(sample("smartca", "webhook.json"))
    del body["transaction_id"]
    told = told_by(body)

    assert (None, 1) == (told.request, len(told.values))


@pytest.mark.parametrize(
    "came",
    [
        SignatureHeard(effect=SignatureEffect.RECORDED, signature=1, state=SignatureState.SIGNED_RAW),
        SignatureHeard(effect=SignatureEffect.WRONG_VALUE, signature=1, state=SignatureState.WAITING_USER),
        Wrong(code="forbidden_source", rule="sp_id"),
        Answered(result="x"),
    ],
)
def test_every_webhook_is_acknowledged(came):
    """Also what is not believed was received: an error would bring it again and again."""
    reply = SmartCaHooks(settings()).reply(raw_call("result", b"{}"), came)

    assert json.loads(sample("smartca", "webhook-answer.json")) == json.loads(reply.body)
    assert 200 == reply.status


def test_a_webhook_while_the_ledger_is_away():
    """What could not be written is not acknowledged: SmartCA may say it again."""
    assert 503 == SmartCaHooks(settings()).reply(raw_call("result", b"{}"), LedgerUnavailable("disk")).status


# -- samples and vectors -------------------------------------------------------------------------------------------


def test_samples_are_what_the_mock_takes_and_the_adapter_reads():
    """The contract's own messages break no rule but the password's, and its value verifies over its digest."""
    mock = SmartCa(sp_password="demo-password", clock=lambda: NOW)
    order = sample("smartca", "sign.json")
    answer = mock(Request(path="/smartca/v1/signatures/sign", headers={"content-type": "application/json"}, body=order))
    vectors = {row["id"]: row["expected"] for row in json.loads(sample("smartca", "vectors.json"))}
    certificate = json.loads(sample("smartca", "certificates-answer.json"))["data"]["user_certificates"][0]["cert_data"]
    value = json.loads(sample("smartca", "status-signed.json"))["data"]["signatures"][0]["signature_value"]
    digest = bytes.fromhex(json.loads(order)["sign_files"][0]["data_to_be_signed"])

    assert ["r28"] == [row.rule for row in mock.log.newest(1)[0].broken], "all but the certificate is well"
    assert set(json.loads(answer.body)) == set(json.loads(sample("smartca", "sign-answer.json")))
    assert vectors["hash-hex"] == digest.hex()
    assert vectors["rsa-hello"] == value
    assert b64decode(value) == judge(digest, b64decode("".join(certificate.split())), b64decode(value))
    trap = bytes.fromhex(vectors["hash-hex"])[:31] + b"0"
    assert "wrong_signature" == judge(trap, b64decode("".join(certificate.split())), b64decode(value))
