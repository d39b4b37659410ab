"""CSC against its mock: which credential is signed with, how many hashes go at once, what comes back, time stamps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.channels.timestamps import NoStamp
from adapters.partners.csc.codes import AUTHORIZE, EXTEND, INFO, SEND_OTP, SIGN_HASH
from adapters.partners.csc.stamps import CscStamps
from bus.messages import Refused
from bus.ports import SystemClock, SystemRandomness
from contracts.csc.books import OTP
from contracts.mock_faults import FaultOrder
from tests.csc_kit import csc_town
from tests.services_kit import Walk, digest_of, standing

VERSIONS = ("v1", "v2")


# -- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], "no_certificate"),
        (["expired"], "certificate_not_usable"),
        (["weak"], "certificate_not_usable"),
        (["not_yet"], "certificate_not_usable"),
    ],
)
def test_credentials_that_nothing_is_signed_with(kinds, code):
    """Said before a document is frozen or a person is asked."""
    with csc_town() as town:
        town.mock.signers.give(standing().user, kinds)
        walk = Walk()
        ended = walk.until(town.service(walk))

        assert isinstance(ended.outcome, Refused)
        assert (code, 0, 0) == (ended.outcome.code, walk.prepared, town.called(SEND_OTP))


def test_named_credential_over_several_pages():
    """The one that the request names, whatever page it stands on."""
    with csc_town() as town:
        town.turn(page=1)
        wanted = town.mock.signers.give(standing().user, ["person", "person", "person"])[2]
        walk = Walk(standing(credential=wanted.serial))
        service = town.service(walk)
        walk.until(service)

        assert wanted.der == walk.now.certificate
        assert 3 == town.called("credentials/list")


def test_disabled_credential():
    """By the service's own word."""
    with csc_town() as town:
        town.turn(key_status="disabled")
        walk = Walk()
        ended = walk.until(town.service(walk))

        assert isinstance(ended.outcome, Refused)
        assert "certificate_not_usable" == ended.outcome.code


@pytest.mark.parametrize(("most", "is_signed"), [(2, True), (1, False), (True, True), (False, False)])
def test_multisign_is_a_number_or_a_boolean(most, is_signed):
    """Two documents: a service that takes one at a time is not asked at all."""
    with csc_town() as town:
        town.turn(multisign=most)
        walk = Walk(standing(documents=2))
        service = town.service(walk)
        walk.until(service)
        if walk.code == "otp_wanted":
            walk.step(service, OTP)

        assert is_signed == (town.signs == 2)
        assert is_signed or isinstance(walk.attempts[-1].outcome, Refused)


def test_many_hashes_go_in_several_calls_of_one_authorisation():
    """After the first signHash the SAD is extended: one password, each key used once a document."""
    with csc_town(most_hashes=2) as town:
        walk = Walk(standing(documents=5))
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)

        assert walk.is_proved
        assert (5, 3, 2, 1) == (
            town.signs,
            town.called(SIGN_HASH),
            town.called(EXTEND),
            town.called(AUTHORIZE),
        )


@pytest.mark.parametrize("returns", ["digest", "certificate", "partial"])
def test_values_that_prove_nothing_are_handed_on_as_they_came(returns):
    """The ledger judges each, keeps what is missing missing, and raises the alarm."""
    with csc_town() as town:
        town.turn(returns=returns)
        walk = Walk(standing(documents=2))
        service = town.service(walk)
        walk.until(service)
        walk.step(service, OTP)

        assert not walk.is_proved
        assert (1 if returns == "partial" else 2) == len(walk.values)


@pytest.mark.parametrize("without", [SEND_OTP, "credentials/list"])
def test_service_that_lacks_a_method(without):
    """What `info` does not list is never called: without sendOTP he has his own; without a list nobody signs."""
    with csc_town() as town:
        town.turn(without=without)
        walk = Walk()
        walk.until(town.service(walk))

        assert 0 == town.called(without)
        assert (without == SEND_OTP) == ("otp_wanted" == walk.code)


def test_what_it_says_of_itself_is_read_once():
    """`info` costs a call an hour."""
    with csc_town() as town:
        for _ in range(3):
            walk = Walk()
            walk.until(town.service(walk))

        assert 1 == town.called(INFO)


# -- time stamps ------------------------------------------------------------------------------------------------------


def stamps_of(town) -> CscStamps:
    """The service as a time-stamp authority."""
    return CscStamps(town.settings, town.csc._line._channel, clock=SystemClock(), randomness=SystemRandomness())


@pytest.mark.parametrize("version", VERSIONS)
def test_time_stamp(version):
    """A token over just this digest and question, of about now, by a unit made for stamping."""
    with csc_town(version) as town:
        found = stamps_of(town).stamped(digest_of(1))

        assert digest_of(1) in found.token
        assert abs(found.at - SystemClock().now()) < timedelta(minutes=1)


@pytest.mark.parametrize("trouble", ["without", "http_500", "skew"])
def test_no_time_stamp(trouble):
    """A service that gives none, says nothing, or tells another time: the document waits for its stamp."""
    with csc_town() as town:
        if trouble == "without":
            town.turn(without="signatures/timestamp")
        elif trouble == "http_500":
            town.mock.faults.arm(FaultOrder(fault="http_500", operation="signatures/timestamp"))
        else:
            town.mock._clock = lambda: SystemClock().now() + timedelta(hours=1)

        with pytest.raises(NoStamp, match="csc"):
            stamps_of(town)(digest_of(1))
