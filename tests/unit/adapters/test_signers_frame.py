"""What every signing service shares: which certificate may be used, what is kept of a call, what an answer comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.partners.signers.credentials import algorithm_of, misfit_of, number_in
from adapters.partners.signers.kept import kept, without_secrets
from adapters.partners.signers.told import attempt_of, outcome_of
from bus.messages import Attempt, Awaiting, Delivered, Exchange, InDoubt, Refused, Unreachable
from bus.signatures import SignatureTold, SignatureVerdict
from contracts.signing_pki.authorities import known_key
from tests.signing_kit import NOW, pki, signer

TOLD = SignatureTold(
    partner="p", verdict=SignatureVerdict.SIGNED, via="query", request="R", evidence=b'{"otp":"123456"}'
)
CALL = Exchange(
    operation="sign", method="POST", url="https://x.invalid", request_head=b"", request_body=b'{"PIN": "1234"}',
    sent_at=NOW, took=timedelta(0), reply_body=b'{"access_token":"abc","more":1}',
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("person", ""), ("agency", ""), ("expired", "expired"), ("not_yet", "not_valid_yet"), ("weak", "weak_key"),
     ("sha1", "weak_signature")],
)  # fmt: skip
def test_which_certificates_may_be_used(kind, reason):
    """Dates, the key's strength and the authority's hash are looked at before anybody is asked to sign."""
    holder = signer(kind)
    user = "0990000001" if kind == "agency" else "099000000001"
    misfit = misfit_of(holder.der, user=user, name="", at=NOW)

    assert ("", "certificate_not_usable")[bool(reason)] == ("" if misfit is None else misfit.code)
    assert reason == ("" if misfit is None else misfit.reason)


def test_what_is_no_certificate():
    """Bytes that cannot be read are used for nothing."""
    assert "certificate_not_usable" == misfit_of(b"\x30\x03abc", user="x", name="", at=NOW).code


@pytest.mark.parametrize("user", ["099000000001", "CMT_099000000001", "CCCD:099000000001", " cccd-099000000001"])
def test_the_person_by_number(user):
    """The number in the subject is the signer's, whatever word a service writes in front of it."""
    assert misfit_of(signer().der, user=user, name="", at=NOW) is None
    assert "099000000001" == number_in(user)


@pytest.mark.parametrize("user", ["099000000002", "", "99000000001", "CMT_", "nguyen"])
def test_another_person(user):
    """A number that is not the signer's ends it, also one that is nearly his."""
    assert "wrong_person" == misfit_of(signer().der, user=user, name="", at=NOW).code


@pytest.mark.parametrize(
    ("name", "code"),
    [("Nguyễn Thị Thử", ""), (" NGUYỄN  THỊ THỬ", ""), ("Nguye\u0302\u0303n Thị Thử", ""),
     ("Trần Văn Mẫu", "wrong_person"), ("", "wrong_person")],
)  # fmt: skip
def test_a_subject_without_a_number_is_known_by_its_name(name, code):
    """Some authorities put no number there: then it must have the signer's name, or a stranger would sign for him."""
    misfit = misfit_of(pki().public.issue("Nguyễn Thị Thử").der, user="anybody", name=name, at=NOW)

    assert code == ("" if misfit is None else misfit.code)


def test_the_kind_of_key():
    """RSA and ECDSA sign documents."""
    holder = pki().person(key=known_key("a signer on P-256"))

    assert ("rsa", "ecdsa") == (algorithm_of(signer().der), algorithm_of(holder.der))
    assert misfit_of(holder.der, user="099000000001", name="", at=NOW) is None


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (b'{"sp_password":"a\\"b","x":1}', b'{"sp_password":"***","x":1}'),
        (b'{"SAD" : "s", "PIN":1234,"pin":null}', b'{"SAD" : "***", "PIN":"***","pin":"***"}'),
        (b'{"client_secret":"cut of', b'{"client_secret":"***"'),
        (b"grant_type=x&client_secret=a%26b&code=1", b"grant_type=x&client_secret=***&code=1"),
        (b"password=secret", b"password=***"),
        (b"<a:PIN xmlns:a='u'>1234</a:PIN><OTP>1</OTP>", b"<a:PIN xmlns:a='u'>***</a:PIN><OTP>***</OTP>"),
        (b'{"spinner":"x","otp_wanted":"y","password_hint":1}', b'{"spinner":"x","otp_wanted":"y","password_hint":1}'),
        (b"\xff\x00", b"\xff\x00"),
        (b"", b""),
    ],
)
def test_secrets_are_masked_where_they_stand(told, left):
    """In JSON, forms and XML, whole or broken off, in any case of letters; every other byte stays as it was."""
    assert left == without_secrets(told)


def test_nothing_kept_of_an_attempt_has_a_secret():
    """Requests, replies and the evidence of what was told are cleaned alike; a call without an answer stays one."""
    told = kept(Attempt(outcome=Delivered(), exchanges=(CALL, replace(CALL, reply_body=None)), facts={"told": TOLD}))

    assert (b'{"PIN": "***"}', b'{"access_token":"***","more":1}') == (
        told.exchanges[0].request_body,
        told.exchanges[0].reply_body,
    )
    assert told.exchanges[1].reply_body is None
    assert b'{"otp":"***"}' == told.facts["told"].evidence
    assert {} == kept(Attempt(outcome=Delivered())).facts


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [("signed", Awaiting), ("waiting", Awaiting), ("declined", Refused), ("expired", Refused), ("failed", Refused),
     ("not_there", Unreachable), ("unclear", InDoubt)],
)  # fmt: skip
def test_every_verdict_has_an_outcome(verdict, kind):
    """What is signed is awaited too, for a document is there only once it is put together; not there may go again."""
    outcome = outcome_of(replace(TOLD, verdict=SignatureVerdict(verdict)), NOW)

    assert isinstance(outcome, kind)
    assert not isinstance(outcome, Awaiting) or outcome.lane_goes_on
    assert not isinstance(outcome, Unreachable) or (timedelta(0), False) == (outcome.retry_after, outcome.is_down)


def test_facts_of_an_attempt():
    """Handle and deadline are told only where the service said them."""
    bare = attempt_of(TOLD, exchanges=(), now=NOW)
    full = attempt_of(TOLD, exchanges=(), now=NOW, handle="h", until=NOW)

    assert {"told": TOLD} == bare.facts
    assert {"told": TOLD, "handle": "h", "until": NOW} == full.facts
