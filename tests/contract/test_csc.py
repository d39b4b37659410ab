"""The adapter of CSC against its mock, v1 and v2: who is asked, how often a key is used, what is never sent twice."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from adapters.partners.csc.codes import AUTHORIZE, SEND_OTP, SIGN_HASH, TOKEN
from adapters.partners.csc.replies import Info
from bus.messages import Awaiting, InDoubt, Refused, Unreachable
from bus.signatures import SignatureState, SignatureVerdict
from contracts.csc.books import OTP, PIN
from contracts.mock_faults import FaultOrder
from contracts.mocking import Response
from contracts.signing_mock import ApproveOrder
from tests.csc_kit import csc_town
from tests.services_kit import AGENCY, REQUEST, Crashed, Walk, crash_at, kept_bytes, standing

VERSIONS = ("v1", "v2")
WRONG = "000000"


@pytest.mark.parametrize("version", VERSIONS)
def test_one_time_password_is_waited_for_and_signs_once(version):
    """Explicit mode: the signature waits with `otp_wanted`; the password authorises just these digests, and the key is
    used once for each."""
    with csc_town(version) as town:
        walk = Walk(standing(documents=2))
        service = town.service(walk)
        waits = walk.until(service)
        said = (walk.code, town.called(SEND_OTP), town.called(AUTHORIZE), walk.now.state)
        walk.step(service, OTP)

        assert isinstance(waits.outcome, Awaiting)
        assert ("otp_wanted", 1, 0, SignatureState.WAITING_USER) == said
        assert walk.is_proved
        assert (2, 1) == (town.signs, town.called(SIGN_HASH))
        assert [REQUEST] == [each.request for each in town.mock.transactions]


def test_nobody_is_asked_again_while_the_password_is_waited_for():
    """A question without a password sends nothing and goes on waiting."""
    with csc_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        visits = len(town.mock.log.page())
        walk.step(service)

        assert "otp_wanted" == walk.code
        assert visits == len(town.mock.log.page())


@pytest.mark.parametrize("words", ["en", "vi"])
def test_wrong_password_is_asked_for_twice_more(words):
    """Read by `error`, whatever the language: two more times, then the signature is over and nothing was signed."""
    with csc_town() as town:
        town.turn(words=words, otp_tries=5)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        codes = []
        for _ in range(3):
            walk.step(service, WRONG)
            codes.append(walk.code)

        assert ["otp_wrong", "otp_wrong", "otp_locked"] == codes
        assert 3 == town.called(SEND_OTP)  # each code that was typed is spent; the last one has no successor
        assert walk.attempts[-1].outcome == Refused(code="otp_locked", reason="wrong 3 times")
        assert 0 == town.signs


def test_right_password_after_a_wrong_one():
    """A wrong one leaves nothing behind."""
    with csc_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, WRONG)
        walk.step(service, OTP)

        assert walk.is_proved
        assert 1 == town.signs


def test_locked_password_ends_it():
    """`OTP locked` is never tried again."""
    with csc_town() as town:
        town.turn(otp_tries=1)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, WRONG)

        assert walk.told is not None
        assert (SignatureVerdict.FAILED, "otp_locked") == (walk.told.verdict, walk.code)


@pytest.mark.parametrize("version", VERSIONS)
def test_p15_lost_reply_of_signing_is_held_and_never_sent_again(version):
    """Nothing at the service names our request: the state is unknown, one key was used, a person decides."""
    with csc_town(version) as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        town.mock.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=SIGN_HASH))
        lost = walk.step(service, OTP)
        again = [walk.step(service) for _ in range(3)]

        assert isinstance(lost.outcome, InDoubt)
        assert ["hold"] * 4 == [getattr(each.outcome, "then", "") for each in (lost, *again)]
        assert (1, 1) == (town.signs, town.called(SIGN_HASH))


@pytest.mark.parametrize("place", ["csc.authorized", "csc.sign.before", "csc.sign.after", "sign.answered"])
def test_a_worker_that_dies_with_the_password_in_hand_is_followed_by_a_person(place):
    """Wherever it dies, the key is used at most once: what comes after it holds, and nobody is asked anew by itself."""
    with csc_town(crash_point=crash_at(place)) as town:
        walk = Walk()
        service = town.service(walk, crash_at(place) if place.startswith("sign.") else lambda name: None)
        sound = town.service(walk)
        walk.until(sound)
        with pytest.raises(Crashed):
            walk.step(service, OTP)
        held = walk.step(sound)

        assert isinstance(held.outcome, InDoubt)
        assert "hold" == held.outcome.then
        assert town.signs <= 1


@pytest.mark.parametrize("place", ["sign.credential", "sign.prepared", "sign.sent"])
def test_a_worker_that_dies_before_any_password_was_given_signs_nothing(place):
    """Before a person typed anything nothing can be signed, so the signer is asked anew."""
    with csc_town() as town:
        walk = Walk()
        with pytest.raises(Crashed):
            walk.step(town.service(walk, crash_at(place)))
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)

        assert walk.is_proved
        assert (1, 1) == (town.signs, walk.prepared)


@pytest.mark.parametrize("fault", ["lose_request", "reset", "http_500", "html_200", "half_body"])
def test_authorisation_without_an_answer_has_signed_nothing(fault):
    """Explicit: a person is asked for another password, and signing goes on with it."""
    with csc_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        town.mock.faults.arm(FaultOrder(fault=fault, operation=AUTHORIZE))
        walk.step(service, OTP)
        code = walk.code
        walk.step(service, OTP)

        assert "otp_wanted" == code
        assert walk.is_proved
        assert 1 == town.signs


def test_authorisation_that_is_over_is_asked_for_anew():
    """`SAD expired`: nothing was signed, and the signer gives the next password."""
    with csc_town() as town:
        town.turn(sad_s=0.0)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)
        code = walk.code
        town.turn(sad_s=300.0)
        walk.step(service, OTP)

        assert "otp_wanted" == code
        assert walk.is_proved
        assert 1 == town.signs


def test_seal_with_a_pin_signs_by_itself():
    """An agency's credential without OTP: the PIN of the settings, at once."""
    with csc_town(pin=PIN) as town:
        town.turn(otp="none", pin=True)
        walk = Walk(standing(user=AGENCY))
        walk.until(town.service(walk))

        assert walk.is_proved
        assert (1, 0) == (town.signs, town.called(SEND_OTP))


def test_wrong_pin_is_tried_once():
    """Three wrong ones would lock the seal of an agency."""
    with csc_town(pin="1111") as town:
        town.turn(otp="none", pin=True)
        walk = Walk(standing(user=AGENCY))
        ended = walk.until(town.service(walk))

        assert isinstance(ended.outcome, Refused)
        assert (1, 0) == (town.called(AUTHORIZE), town.signs)


def test_missing_pin_is_said_before_anything_is_prepared():
    """What an installation lacks is no reason to freeze a document."""
    with csc_town() as town:
        town.turn(otp="none", pin=True)
        walk = Walk()
        ended = walk.until(town.service(walk))

        assert isinstance(ended.outcome, Refused)
        assert "pin_file" in ended.outcome.reason
        assert 0 == walk.prepared


def test_lost_reply_of_a_seal_is_held():
    """A PIN's signHash that was lost is a person's too: nobody may sign twice because no person is asked."""
    with csc_town(pin=PIN) as town:
        town.turn(otp="none", pin=True)
        town.mock.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=SIGN_HASH))
        walk = Walk(standing(user=AGENCY))
        service = town.service(walk)
        walk.until(service)
        held = walk.step(service)

        assert isinstance(held.outcome, InDoubt)
        assert ("hold", 1) == (held.outcome.then, town.signs)


def test_implicit_mode_is_the_signers_phone():
    """Authorize waits for him; his no ends it."""
    with csc_town() as town:
        town.turn(auth_mode="implicit", otp="none")
        walk = Walk()
        walk.until(town.service(walk))
        town.turn(on_asking="decline")
        other = Walk()
        ended = other.until(town.service(other))

        assert walk.is_proved
        assert ended.outcome == Refused(code="declined_by_signer", reason="access_denied: The signer said no")


def test_implicit_authorisation_without_an_answer_is_held():
    """He would be asked twice."""
    with csc_town() as town:
        town.turn(auth_mode="implicit", otp="none")
        town.mock.faults.arm(FaultOrder(fault="lose_request", operation=AUTHORIZE))
        walk = Walk()
        held = walk.until(town.service(walk))

        assert isinstance(held.outcome, InDoubt)
        assert ("hold", 1) == (held.outcome.then, town.called(AUTHORIZE))


# -- mode A -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("waiting_as", ["202", "200"])
def test_asynchronous_signing_is_asked_about(waiting_as):
    """The answer is a handle; it is polled until the signer agreed."""
    with csc_town("v2", is_asynchronous=True) as town:
        town.turn(waiting_as=waiting_as)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)
        handle = walk.now.handle
        walk.step(service)
        still = walk.told
        town.mock.approve(ApproveOrder())
        walk.step(service)

        assert still is not None
        assert (True, SignatureVerdict.WAITING) == (bool(handle), still.verdict)
        assert walk.is_proved
        assert 1 == town.signs


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("decline", Refused(code="declined_by_signer", reason="access_denied: The signer said no")),
        ("expire", Refused(code="expired", reason="expired_request: The request is expired")),
    ],
)
def test_asynchronous_noes(result, outcome):
    """What a question hears ends it."""
    with csc_town("v2", is_asynchronous=True) as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)
        town.mock.approve(ApproveOrder(result=result))

        assert outcome == walk.step(service).outcome
        assert 0 == town.signs


def test_poll_without_an_answer_leaves_it_open():
    """Neither trouble on the way nor a wrong token says anything of the signature."""
    with csc_town("v2", is_asynchronous=True) as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)
        town.mock.faults.arm(FaultOrder(fault="http_500", operation="signatures/signPolling"))
        lost = walk.step(service)
        town.mock.faults.arm(FaultOrder(fault="expired_session", operation="signatures/signPolling"))
        town.mock.approve(ApproveOrder())
        walk.step(service)

        assert isinstance(lost.outcome, InDoubt)
        assert "ask" == lost.outcome.then
        assert walk.is_proved


def test_lost_handle_is_held():
    """A responseID that was lost names nothing: a person decides."""
    with csc_town("v2", is_asynchronous=True) as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        town.mock.faults.arm(FaultOrder(fault="lose_reply_after_effect", operation=SIGN_HASH))
        walk.step(service, OTP)
        held = walk.step(service)

        assert isinstance(held.outcome, InDoubt)
        assert ("hold", 1) == (held.outcome.then, town.called(SIGN_HASH))


def test_service_without_mode_a_signs_at_once():
    """The settings wish for it, and `info` decides."""
    with csc_town("v2", is_asynchronous=True) as town:
        town.turn(asynchronous=False)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)

        assert walk.is_proved


# -- access -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["table", "example"])
def test_both_spellings_are_read(spelling):
    """`expires_in` and `expiresIn`, `refresh_token` and `refreshToken`, numbers and their digits."""
    with csc_town() as town:
        town.turn(spelling=spelling)
        for _ in range(2):
            walk = Walk()
            service = town.service(walk)
            walk.until(service)
            walk.step(service, OTP)
            assert walk.is_proved

        assert 1 == town.called(TOKEN)


def test_token_that_ends_in_the_middle_is_replaced():
    """401 says that nothing was done: the same call once more, under a new token, and one signature."""
    with csc_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        town.mock.faults.arm(FaultOrder(fault="expired_session", operation=SIGN_HASH))
        walk.step(service, OTP)

        assert walk.is_proved
        assert (1, 2) == (town.signs, town.called(TOKEN))


def test_wrong_client_is_unreachable_and_not_tried_at_once_again():
    """It would be so for every signature: nothing is sent, and the service is not knocked at."""
    with csc_town(client_secret="another-secret-of-nobody") as town:
        walk = Walk()
        service = town.service(walk)
        found = [walk.step(service).outcome for _ in range(3)]

        assert all(isinstance(each, Unreachable) for each in found)
        assert 1 == town.called(TOKEN)


def test_nothing_secret_is_kept():
    """Secrets, tokens, passwords, PINs and SADs are in no exchange and in no evidence."""
    with csc_town(pin=PIN) as town:
        town.turn(pin=True)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)
        kept = kept_bytes(walk)

        assert walk.is_proved
        assert not [
            each
            for each in (town.settings.client_secret, "mock-access", "mock-refresh", "mock-sad", f'"{OTP}"', f'"{PIN}"')
            if each.encode() in kept
        ]
        assert b'"OTP":{"' in kept  # what a credential says of itself is kept whole


def test_answer_that_repeats_a_password():
    """What was typed is kept nowhere, not in a reason either, whatever an answer says."""
    with csc_town() as town:
        town.turn(words="echo", otp_tries=9)
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        walk.step(service, "908172")

        assert walk.told is not None
        assert ("otp_wrong", "invalid_otp: The OTP is invalid (***)") == (walk.code, walk.told.reason)
        assert b"908172" not in kept_bytes(walk)


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_of_the_service_while_it_signs_is_held(status):
    """Past 499 nobody knows whether the key was used, whatever the error says."""
    with csc_town() as town:
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        fault = "http_500" if status == 500 else "rate_limited"
        town.mock.faults.arm(FaultOrder(fault=fault, operation=SIGN_HASH))
        if status == 503:
            town.mock.change = lambda response, *told: Response(status=503, body=b"{}")
            town.mock.faults.clear()
            town.mock.faults.arm(FaultOrder(fault="slow", operation=SIGN_HASH, seconds=0.0))
        walk.step(service, OTP)
        held = walk.step(service)

        assert isinstance(held.outcome, InDoubt)
        assert ("hold", 1) == (held.outcome.then, town.called(SIGN_HASH))


def test_service_that_sends_us_elsewhere_is_not_followed():
    """Tokens are asked for on hosts of the settings alone, over a line no worse than theirs."""
    with csc_town() as town:
        line = town.csc._line
        line._info = (float("inf"), Info(methods=frozenset(), oauth2="ftp://elsewhere.example.invalid"))
        near = line.oauth2_url
        line._info = (float("inf"), Info(methods=frozenset(), oauth2="http://elsewhere.example.invalid"))
        found = Walk().step(town.service(Walk()))

        assert f"{town.url}/csc" == near
        assert isinstance(found.outcome, Unreachable)
        assert "address_refused" in found.outcome.reason
        assert 0 == town.called(TOKEN)


def test_browser_agrees_and_the_code_is_typed():
    """oauth2code: the address names just these digests, with PKCE; its code brings the SAD, and signs once."""
    with csc_town("v2", issuer="lienthong.h99") as town:
        town.turn(auth_mode="oauth2code")
        walk = Walk()
        service = town.service(walk)
        walk.until(service)
        assert walk.told is not None
        address = walk.told.reason
        code = _opened(address)
        walk.step(service, "mock-code-of-nobody")
        wrong = walk.code
        walk.step(service, f"{town.settings.redirect_uri}?code={code}&state=x")

        assert "S256" == parse_qs(urlsplit(address).query)["code_challenge_method"][0]
        assert "otp_wrong" == wrong
        assert walk.is_proved
        assert (1, 0) == (town.signs, town.called(AUTHORIZE))


class _Stays(HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


def _opened(address: str) -> str:
    """The code that the signer's browser ends with."""
    try:
        build_opener(_Stays).open(address)  # the mock's own address
    except Exception as redirected:
        where = redirected.headers["Location"]  # type: ignore[attr-defined]
    return parse_qs(urlsplit(where).query)["code"][0]
