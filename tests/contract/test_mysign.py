"""MySign's adapter against its strict mock on a real port; the judge is the mock's count of keys that were used."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.channels.http import HttpChannel
from adapters.partners.mysign import session
from adapters.partners.mysign.adapter import MysignService
from adapters.partners.mysign.codes import STATUS
from adapters.partners.signers.adapter import Credential
from bus.messages import Awaiting, InDoubt, Refused, Unreachable
from bus.signatures import SignatureState, SignatureVerdict
from contracts.mysign.mock import ERRORS
from tests.signer_services import PERSON, make_sign, mysign_settings, mysign_world, prepared, proved, signing_delivery

LOST = ("lose_reply_after_effect", "half_body", "html_200", "http_500", "wrong_content_type", "reset", "lose_request")


@pytest.fixture
def world():
    with mysign_world() as made:
        yield made


@pytest.fixture
def logs():
    """What was logged."""
    with capture_logs() as lines:
        yield lines


def test_whole_walk(world):
    """Logged in, a certificate read, two digests sent in one question; both values verify; no rule was broken."""
    waiting = world.waiting()
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict
    world.approve()
    told = world.ask(waiting).facts["told"]

    assert [1, 2] == proved(told, waiting)
    assert ["login", "certificates/info", "signHash", "requests/status", "requests/status"] == world.operations()
    assert [] == world.broken()
    assert (1, 2) == (world.count("ask"), world.count("sign"))
    shown = world.mock.transactions.newest()
    assert "Ky ho so H99 09-260703-0123 dot 1" == shown.description
    assert ["Giay phep so 1", "Giay phep so 2"] == [each.name for each in shown.documents]


@pytest.mark.parametrize("callbacks", [True, False])
def test_called_back_only_where_agreed(callbacks):
    """Results are asked to be called back only where MySign was given an id; its answer is awaited beside the lane."""
    with mysign_world(**({} if callbacks else {"their_id": "", "their_secrets": ()})) as world:
        attempt = world.deliver()

    assert callbacks == world.mock.transactions.newest().more["is_called_back"]
    assert isinstance(attempt.outcome, Awaiting)
    assert attempt.outcome.lane_goes_on


@pytest.mark.parametrize("fault", LOST)
def test_p15_lost_order_is_never_sent_again(world, fault):
    """An order whose answer was lost waits for a person: asking calls nobody, and at most one prompt was shown."""
    world.arm(fault, operation="signHash")
    attempt = world.deliver()
    unknown = replace(world.desk.prepared[-1], state=SignatureState.UNKNOWN)
    asked = world.ask(unknown)
    again = world.deliver(unknown)

    assert [("hold", InDoubt)] * 3 == [(each.outcome.then, type(each.outcome)) for each in (attempt, asked, again)]
    assert () == asked.exchanges == again.exchanges
    assert 1 >= world.count("ask")
    assert 1 == world.operations().count("signHash")


@pytest.mark.parametrize("row", STATUS, ids=lambda row: row.status)
def test_every_status(world, row):
    """Each status of a transaction is told as the table says; what nobody knows proves nothing."""
    waiting = world.waiting()
    world.approve()
    world.turn(status=77777 if row.status == "*" else int(row.status))
    attempt = world.ask(waiting)
    told = attempt.facts["told"]

    assert (row.verdict, row.code, waiting.handle) == (told.verdict, told.code, told.handle)
    assert bool(told.values) == (row.verdict is SignatureVerdict.SIGNED)
    assert isinstance(
        attempt.outcome,
        {
            SignatureVerdict.SIGNED: Awaiting,
            SignatureVerdict.WAITING: Awaiting,
            SignatureVerdict.UNCLEAR: InDoubt,
        }.get(row.verdict, Refused),
    )


ORDERS = {
    "58007": (Unreachable, None), "58008": (Refused, "no_certificate"), "59033": (Unreachable, None),
    "86024": (Unreachable, None), "86002": (Unreachable, None), "4005": (Refused, "quota_exhausted"),
    "13004": (Refused, "certificate_not_usable"), "50000": (InDoubt, None), "77777": (InDoubt, None),
}  # fmt: skip


@pytest.mark.parametrize("on", ["login", "certificates/info", "signHash"])
@pytest.mark.parametrize("code", ERRORS)
def test_every_error(world, code, on):
    """Before anybody was asked, an error waits or ends; of the order itself, what is unclear is held for a person."""
    world.turn(error=code, error_on=on)
    outcome = world.deliver().outcome
    wanted, ending = ORDERS[code]
    if wanted is InDoubt and on != "signHash":
        wanted = Unreachable

    assert wanted is type(outcome)
    assert ending is None or ending == outcome.code
    assert 0 == world.count("ask")
    assert not isinstance(outcome, InDoubt) or outcome.then == "hold"
    down = {"58007", "86024", "86002", "50000", "77777"}
    assert not isinstance(outcome, Unreachable) or (code in down) == outcome.is_down


def test_error_after_the_order_was_taken(world):
    """An internal error says nothing: the prompt may be on the phone, and nothing goes out a second time."""
    world.turn(error="50000", error_after_effect=True)

    assert "hold" == world.deliver().outcome.then
    assert 1 == world.count("ask")


@pytest.mark.parametrize(("code", "event"), [("4005", "signing_quota_exhausted"), ("86024", "login_refused")])
def test_alarms(world, code, event, logs):
    """A used-up quota and a secret that is not taken are errors in the log; neither is tried in a loop."""
    world.turn(error=code)
    world.deliver()

    assert [("error", "mysign")] == [(line["log_level"], line["partner"]) for line in logs if line["event"] == event]


def test_quota_that_ends_a_transaction(world, logs):
    """Where the quota ends a transaction that somebody agreed to, it fails with that code, and an operator is told."""
    waiting = world.waiting()
    world.approve(result="fail", code="4005")

    assert "quota_exhausted" == world.ask(waiting).outcome.code
    assert ["signing_quota_exhausted"] == [line["event"] for line in logs if line["log_level"] == "error"]


@pytest.mark.parametrize(
    ("result", "outcome", "code"),
    [("decline", Refused, "declined_by_signer"), ("expire", Refused, "expired"), ("fail", Refused, "service_refused")],
)
def test_endings(world, result, outcome, code):
    """What the person or MySign decided is told as it is."""
    waiting = world.waiting()
    world.approve(result=result)

    assert (outcome, code) == (type(found := world.ask(waiting).outcome), found.code)


@pytest.mark.parametrize("form", ["texts", "objects"])
@pytest.mark.parametrize(("wrong", "found"), [("reordered", [1, 2]), ("partial", [1]), ("cms", [1, 2])])
def test_values_in_any_order(world, wrong, found, form):
    """No order is promised: a value belongs to the document that it verifies for; a CMS and a partial answer too."""
    world.turn(values=form)
    waiting = world.waiting()
    world.approve(wrong=wrong)

    assert found == proved(world.ask(waiting).facts["told"], waiting)


@pytest.mark.parametrize("wrong", ["digest", "certificate", "certificate_cms"])
def test_wrong_values(world, wrong):
    """A value over another digest or by another key proves nothing, whoever gives it."""
    waiting = world.waiting()
    world.approve(wrong=wrong)

    assert [] == proved(world.ask(waiting).facts["told"], waiting)


@pytest.mark.parametrize("fault", [*LOST[1:], "rate_limited"])
def test_unanswered_question_proves_nothing(world, fault):
    """A question that was not answered leaves everything open, and is asked again."""
    waiting = world.waiting()
    world.arm(fault, operation="requests/status")
    attempt = world.ask(waiting)

    assert (InDoubt, "ask") == (type(attempt.outcome), attempt.outcome.then)
    assert "told" not in attempt.facts


def test_unknown_transaction_proves_nothing(world):
    """That MySign does not know a transaction which it gave itself never lets an order go out again."""
    waiting = world.waiting()
    world.mock.transactions.clear()

    assert "ask" == world.ask(waiting).outcome.then


def test_token_that_ends(world):
    """A token that is refused is replaced and the question goes again, once; an order goes again by itself."""
    waiting = world.waiting()
    world.arm("expired_session", operation="requests/status")
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict
    world.arm("expired_session", operation="signHash")
    refused = world.deliver(make_sign(name="KQ2"))

    assert (Unreachable, False) == (type(refused.outcome), refused.outcome.is_down)
    assert isinstance(world.deliver(make_sign(name="KQ2")).outcome, Awaiting)
    assert (2, 3) == (world.count("ask"), world.operations().count("login"))


def test_token_is_one_signers(world):
    """Each signer has a token of his own, used until shortly before its end, which MySign tells as a text."""
    world.deliver()
    world.deliver(make_sign(name="KQ2"))
    world.deliver(make_sign(name="KQ3", user="099000000003"))

    assert 2 == world.operations().count("login")
    assert [] == world.broken()


@pytest.mark.parametrize("fault", ["reset", "http_500", "half_body", "rate_limited"])
@pytest.mark.parametrize("on", ["login", "certificates/info"])
def test_trouble_before_anybody_is_asked(world, fault, on):
    """Until the order is sent nothing is in doubt: it goes again."""
    world.arm(fault, operation=on)

    assert isinstance(world.deliver().outcome, Unreachable)
    assert 0 == world.count("ask")
    assert isinstance(world.deliver().outcome, Awaiting)


@pytest.mark.parametrize(
    ("kinds", "switches", "code"),
    [
        ([], {}, "no_certificate"),
        (["expired"], {}, "certificate_not_usable"),
        (["weak"], {}, "certificate_not_usable"),
        (["person"], {"key_status": "disabled"}, "certificate_not_usable"),
        (["agency"], {}, None),
        (["person", "expired"], {}, None),
        (["expired", "person", "person"], {}, None),
        (["person"], {"multisign": 1}, "service_refused"),
    ],
)
def test_certificates(world, kinds, switches, code):
    """A signer without a good certificate is not asked; of several the good one that lasts longest is used."""
    world.mock.signers.give(PERSON, kinds)
    world.turn(**switches)
    outcome = world.deliver(make_sign(role="agency", user=f"MST_{PERSON}") if kinds == ["agency"] else None).outcome

    assert code is None or (Refused(code=code, reason=outcome.reason) == outcome)
    assert (1 if code is None else 0) == world.count("ask")


def test_the_certificate_that_was_wished_for(world):
    """A serial number or a credential id chooses; one that the signer has not, and another person's, choose nothing."""
    first, second = world.mock.signers.give(PERSON, ["person", "person"])
    for n, (wish, holder) in enumerate(((first.serial.upper(), first), (f"cred-{second.serial}", second))):
        world.deliver(make_sign(name=f"KQ{n}", credential=wish))
        assert holder.der == world.desk.prepared[-1].certificate

    assert "no_certificate" == world.deliver(make_sign(credential="ffff")).outcome.code
    assert 2 == world.count("ask")


def test_the_certificate_that_was_prepared_for(world):
    """Documents that are prepared for a certificate are signed with it or not at all."""
    kept, _ = world.mock.signers.give(PERSON, ["person", "person"])
    standing = make_sign(state=SignatureState.PREPARED, certificate=kept.der)
    assert isinstance(world.deliver(standing).outcome, Awaiting)
    world.mock.signers.give(PERSON, ["person"])

    assert "certificate_not_usable" == world.deliver(standing).outcome.code
    assert 1 == world.count("ask")


def test_wrong_person(world):
    """A certificate in which another person's number stands is not signed with."""
    world.mock.signers.put(PERSON, world.mock.pki.person(number="099000000077"))

    assert "wrong_person" == world.deliver().outcome.code
    assert 0 == world.count("ask")


def test_no_secret_is_kept(world):
    """Neither our secret nor a token stands in any exchange or fact."""
    waiting = world.waiting()
    world.approve()
    attempts = [world.deliver(make_sign(name="KQ2")), world.ask(waiting)]
    world.turn(error="86024", error_on="certificates/info")
    attempts.append(world.deliver(make_sign(name="KQ3", user="099000000003")))

    kept = repr([attempts, [each.facts for each in attempts]])
    assert world.mock.account.secret not in kept
    assert "mysign-token-" not in kept
    assert any(b'"client_secret":"***"' in one.request_body for each in attempts for one in each.exchanges)


def test_shadow_and_short_leases(world):
    """A shadow, and one whose lease would end before an answer, send nothing."""
    assert "shadow" == world.deliver(is_shadow=True).outcome.reason
    assert "no_time" in world.deliver(leased_until=world.clock.now() + timedelta(seconds=1)).outcome.reason
    assert [] == world.operations()


def test_question_for_which_the_lease_is_too_short(world):
    """A question that could not be put is no *not there*: nothing is sent again because of it."""
    soon = world.clock.now() + timedelta(seconds=1)
    attempt = world.service.ask(signing_delivery(world.waiting(), leased_until=soon))

    assert (InDoubt, ()) == (type(attempt.outcome), attempt.exchanges)


def test_login_that_fails_before_a_question(world):
    """A token that is over, and no new one to be had: the question stays open."""
    waiting = world.waiting()
    world.turn(error="50000", error_on="login")
    world.arm("expired_session", operation="requests/status")

    assert (InDoubt, "ask") == (type(outcome := world.ask(waiting).outcome), outcome.then)


def test_login_that_fails_before_an_order(world):
    """A token that ended between certificate and order, and no new one to be had: nothing was sent."""
    settings = mysign_settings(world.url)
    channel = HttpChannel(settings.http)
    service = MysignService(settings, channel, clock=world.clock)
    world.turn(error="86024", error_on="login")
    standing = prepared(make_sign(), b"certificate")
    attempt = service.submit(standing, Credential(id="cred-1", certificate=b"certificate"))
    channel.close()

    assert (Unreachable, ["login"]) == (type(attempt.outcome), world.operations())


def test_users_beyond_the_limit_log_in_anew(world, monkeypatch):
    """Only so many signers' tokens are remembered: the one that was asked for longest ago logs in again."""
    monkeypatch.setattr(session, "MOST_USERS", 1)
    for user in (PERSON, "099000000003", PERSON):
        world.deliver(make_sign(name=user, user=user))

    assert 3 == world.operations().count("login")


def test_nobody_there():
    """Where nobody listens nothing was sent, and the same goes again."""
    with mysign_world() as world:
        pass

    assert isinstance(world.deliver().outcome, Unreachable)
