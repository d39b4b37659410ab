"""The VNeID gateway's adapter against its strict mock on a real port; the judge is the mock's count of keys used."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.channels.http import HttpChannel
from adapters.partners.gateways.secrets import Secret
from adapters.partners.signers.adapter import Credential
from adapters.partners.vneid_gateway.adapter import VneidService
from adapters.partners.vneid_gateway.codes import CODES
from adapters.partners.vneid_gateway.settings import check_settings
from bus.messages import Awaiting, InDoubt, Refused, Unreachable
from bus.ports import SystemRandomness
from bus.signatures import SignatureState, SignatureVerdict
from tests.signer_services import PERSON, make_sign, prepared, proved, vneid_settings, vneid_world

LOST = ("lose_reply_after_effect", "half_body", "html_200", "http_500", "wrong_content_type", "reset", "lose_request")
NAMED = {row.status: row for row in CODES if row.status not in ("*", "01")} | {"77": CODES[-1]}


@pytest.fixture
def world():
    with vneid_world() as made:
        yield made


@pytest.fixture
def logs():
    """What was logged."""
    with capture_logs() as lines:
        yield lines


def test_whole_walk(world):
    """One token, a certificate read, two digests sent in one question, under an HMAC and a new nonce each time."""
    attempt = world.deliver()
    waiting = replace(world.desk.prepared[-1], state=SignatureState.WAITING_USER, handle=attempt.facts["handle"])
    assert world.clock.now() + timedelta(seconds=300) == attempt.facts["until"]
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict
    world.approve()
    told = world.ask(waiting).facts["told"]

    assert [1, 2] == proved(told, waiting)
    assert [1, 2] == [each.n for each in told.values]
    polls = ["signings/polling"] * 2
    assert ["auth/token", "certificates/list", "signings/hash", *polls] == world.operations()
    assert [] == world.broken()
    assert (1, 2) == (world.count("ask"), world.count("sign"))
    assert "Giấy phép số 1.pdf" == world.mock.transactions.newest().documents[0].name


@pytest.mark.parametrize("fault", LOST)
def test_p15_lost_order_is_never_sent_again(world, fault):
    """An order whose answer was lost waits for a person: asking calls nobody, and at most one prompt was shown."""
    world.arm(fault, operation="signings/hash")
    attempt = world.deliver()
    unknown = replace(world.desk.prepared[-1], state=SignatureState.UNKNOWN)
    asked, again = world.ask(unknown), world.deliver(unknown)

    assert [("hold", InDoubt)] * 3 == [(each.outcome.then, type(each.outcome)) for each in (attempt, asked, again)]
    assert () == asked.exchanges == again.exchanges
    assert 1 >= world.count("ask")
    assert 1 == world.operations().count("signings/hash")


ORDERED = {
    "00": Unreachable, "02": Refused, "03": Refused, "20": Unreachable, "21": Unreachable, "22": Unreachable,
    "23": Unreachable, "24": InDoubt, "25": Unreachable, "26": Unreachable, "27": Unreachable, "99": InDoubt,
    "77": InDoubt,
}  # fmt: skip
DOWN = ("20", "22", "23", "25", "26", "27")


@pytest.mark.parametrize("code", NAMED)
@pytest.mark.parametrize("name", ["code", "statusCode", "status"])
def test_every_code_of_an_order(world, code, name):
    """00 is an error and 01 alone is success; a code that says nothing of what was done is held for a person."""
    world.turn(code=code, code_name=name)
    outcome = world.deliver().outcome

    assert ORDERED[code] is type(outcome)
    assert not isinstance(outcome, InDoubt) or outcome.then == "hold"
    assert not isinstance(outcome, Refused) or outcome.code == "service_refused"
    assert not isinstance(outcome, Unreachable) or (code in DOWN) == outcome.is_down
    assert 0 == world.count("ask")
    world.turn(code="")
    world.deliver(make_sign(name="KQ2"))
    assert [] == world.broken()


@pytest.mark.parametrize("code", NAMED)
def test_every_code_before_and_after(world, code):
    """Of the list nothing is in doubt, because nobody was asked yet; of polling nothing is decided by an error."""
    world.turn(code=code, code_on="certificates/list")
    before = world.deliver().outcome
    assert (Refused if code in ("02", "03") else Unreachable) is type(before)
    assert code != "03" or before.code == "no_certificate"
    world.turn(code="")
    waiting = world.waiting()
    world.turn(code=code, code_on="signings/polling")
    asked = world.ask(waiting)

    assert (InDoubt, "ask", {}) == (type(asked.outcome), asked.outcome.then, dict(asked.facts))
    assert 1 == world.count("ask")


@pytest.mark.parametrize("code", ["24", "99", "77"])
def test_code_after_the_order_was_taken(world, code):
    """A repeated nonce says that another copy of this very order arrived: nothing goes out a second time."""
    world.turn(code=code, code_after_effect=True)
    assert "hold" == world.deliver().outcome.then
    assert "hold" == world.ask(replace(world.desk.prepared[-1], state=SignatureState.UNKNOWN)).outcome.then

    assert 1 == world.count("ask")


@pytest.mark.parametrize(
    ("code", "event"),
    [("22", "clock_refused"), ("23", "clock_refused"), ("26", "login_refused"), ("25", "login_refused")],
)
def test_alarms(world, code, event, logs):
    """A clock that is wrong, and an HMAC that is not taken, are errors in the log."""
    world.turn(code=code)
    world.deliver()

    assert [("error", "vneid_gateway")] == [(x["log_level"], x["partner"]) for x in logs if x["event"] == event]


@pytest.mark.parametrize(("skew", "code"), [(299, None), (-299, None), (302, "23"), (-302, "23")])
def test_clocks(world, skew, code, logs):
    """Our timestamp is seconds since the epoch: within five minutes it is taken, past that a clock is wrong."""
    world.arm("clock_skew", seconds=skew, count=9)
    outcome = world.deliver().outcome

    assert (Awaiting if code is None else Unreachable) is type(outcome)
    assert (code is not None) == any(line["event"] == "clock_refused" for line in logs)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"secret": Secret(key_id="x", value=b"another secret altogether")}, "r5"),
        ({"partner_code": "OTHER"}, "r5"),
        ({"partner_code": "", "secret": None}, "r5"),
        ({"string_to_sign": "{timestamp}\n{nonce}\n{body_sha256}"}, "r5"),
        ({"signature_encoding": "base64"}, "r5"),
    ],
)
def test_hmac_is_held_to(wrong, rule):
    """Another secret, partner, string or form is refused before anything is done, and everything waits."""
    with vneid_world(**wrong) as world:
        outcome = world.deliver().outcome

    assert rule in world.broken()
    assert (Unreachable, True) == (type(outcome), outcome.is_down)


STATUS = {
    ("0", ""): (Awaiting, SignatureVerdict.SIGNED, ""),
    ("1", ""): (Refused, SignatureVerdict.FAILED, "service_refused"),
    ("1", "errorcode9999"): (Refused, SignatureVerdict.FAILED, "service_refused"),
    ("1", "errorcode4005"): (Refused, SignatureVerdict.EXPIRED, ""),
    ("2", ""): (Awaiting, SignatureVerdict.WAITING, ""),
    ("3", ""): (Refused, SignatureVerdict.DECLINED, "declined_by_signer"),
    ("9", ""): (InDoubt, SignatureVerdict.UNCLEAR, ""),
}


@pytest.mark.parametrize(("status", "error"), STATUS)
def test_every_status_of_polling(world, status, error):
    """0 is signed, 1 failed or too late, 2 under way, 3 refused by the citizen; what nobody knows proves nothing."""
    waiting = world.waiting()
    world.approve()
    world.turn(status=status, error_code=error)
    attempt = world.ask(waiting)
    told = attempt.facts["told"]

    assert STATUS[status, error] == (type(attempt.outcome), told.verdict, told.code)
    assert bool(told.values) == (told.verdict is SignatureVerdict.SIGNED)


@pytest.mark.parametrize(
    ("result", "code"), [("decline", "declined_by_signer"), ("expire", "expired"), ("fail", "service_refused")]
)
def test_endings(world, result, code):
    """What the citizen or an authority decided is told as it is; errorcode4005 is the time, and no quota."""
    waiting = world.waiting()
    world.approve(result=result)

    assert code == world.ask(waiting).outcome.code


@pytest.mark.parametrize(
    ("wrong", "found"),
    [("partial", [1]), ("cms", [1, 2]), ("reordered", [1, 2]), ("digest", []), ("certificate", [])],
)
def test_values_by_their_place(world, wrong, found):
    """Values come in the order of the request, and each is verified all the same: a wrong order breaks nothing."""
    waiting = world.waiting()
    world.approve(wrong=wrong)

    assert found == proved(world.ask(waiting).facts["told"], waiting)


@pytest.mark.parametrize("fault", [*LOST[1:], "rate_limited"])
def test_unanswered_question_proves_nothing(world, fault):
    """A question that was not answered leaves everything open, and is asked again."""
    waiting = world.waiting()
    world.arm(fault, operation="signings/polling")
    attempt = world.ask(waiting)

    assert (InDoubt, "ask", {}) == (type(attempt.outcome), attempt.outcome.then, dict(attempt.facts))


def test_unknown_handle_proves_nothing(world):
    """That the gateway does not know a handle which it gave itself never lets an order go out again."""
    waiting = world.waiting()
    world.mock.transactions.clear()

    assert "ask" == world.ask(waiting).outcome.then


@pytest.mark.parametrize(("echo", "outcome"), [("own", Awaiting), ("none", Awaiting), ("other", InDoubt)])
def test_answer_to_another_call(world, echo, outcome):
    """An answer that echoes another request's id is not to ours: of an order nothing is known then."""
    waiting = world.waiting()
    world.turn(echo=echo)

    assert outcome is type(world.ask(waiting).outcome)


def test_token_is_renewed(world):
    """A refused token is renewed by the refresh token, once; a refresh token that is not taken makes a login."""
    waiting = world.waiting()
    world.arm("expired_session", operation="signings/polling")
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict
    assert 1 == world.operations().count("auth/refresh")
    world.turn(code="02", code_on="auth/refresh")
    world.arm("expired_session", operation="signings/polling")
    assert SignatureVerdict.WAITING is world.ask(waiting).facts["told"].verdict

    assert (2, 2) == (world.operations().count("auth/refresh"), world.operations().count("auth/token"))


def test_order_under_a_refused_token(world):
    """An order that was refused for its token was not taken: it goes again by itself, and asks once."""
    world.deliver()
    world.arm("expired_session", operation="signings/hash")
    refused = world.deliver(make_sign(name="KQ2")).outcome

    assert (Unreachable, False) == (type(refused), refused.is_down)
    assert isinstance(world.deliver(make_sign(name="KQ2")).outcome, Awaiting)
    assert 2 == world.count("ask")


def test_wrong_password(world, logs):
    """A refused login is told once and not tried again at once: an account would be locked."""
    world.mock.account = replace(world.mock.account, password="another")
    first, second = world.deliver().outcome, world.deliver().outcome

    assert [True, True] == [each.is_down for each in (first, second)]
    assert ["auth/token"] == world.operations()
    assert ["login_refused"] == [line["event"] for line in logs if line["log_level"] == "error"]


@pytest.mark.parametrize("fault", ["reset", "http_500", "half_body", "rate_limited", "html_200"])
@pytest.mark.parametrize("on", ["auth/token", "certificates/list"])
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
        (["person"], {"key_status": 0}, "certificate_not_usable"),
        (["person", "person", "expired"], {}, None),
    ],
)
def test_certificates(world, kinds, switches, code):
    """A citizen without a good certificate is not asked; of several the good one that lasts longest is used."""
    world.mock.signers.give(PERSON, kinds)
    world.turn(**switches)
    outcome = world.deliver().outcome

    assert code is None or code == outcome.code
    assert (1 if code is None else 0) == world.count("ask")


def test_no_secret_is_kept(world):
    """Neither a password nor a token nor our HMAC stands in any exchange or fact."""
    waiting = world.waiting()
    attempts = [world.deliver(make_sign(name="KQ2")), world.ask(waiting)]
    world.mock.account = replace(world.mock.account, password="another")
    world.arm("expired_session", operation="certificates/list")
    world.turn(code="02", code_on="auth/refresh")
    attempts.append(world.deliver(make_sign(name="KQ3")))

    kept = repr([attempts, [each.facts for each in attempts]])
    assert "vneid-token-" not in kept
    assert "vneid-refresh-" not in kept
    assert "mock-vneid-password" not in kept
    assert b"x-signature: ***" in attempts[0].exchanges[0].request_head


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"string_to_sign": "{timestamp}{nonce}"}, "body"),
        ({"string_to_sign": "{method}{body_sha256}{timestamp}"}, "nonce"),
        ({"string_to_sign": "{timestamp}{nonce}{body}{password}"}, "may name"),
        ({"string_to_sign": "{timestamp!r}{nonce}{body}"}, "may name"),
        ({"string_to_sign": "{timestamp}{nonce}{body"}, "string_to_sign"),
        ({"partner_code": ""}, "both or none"),
        ({"secret": None}, "both or none"),
    ],
)
def test_settings_that_would_protect_nothing(wrong, says):
    """A string to sign without time, nonce or body, or with what nobody knows, stops the start."""
    with pytest.raises(ValueError, match=says):
        check_settings(vneid_settings(**wrong))
    check_settings(vneid_settings())


def test_login_that_fails_before_a_question(world):
    """A token that is over, and no new one to be had: the question stays open."""
    waiting = world.waiting()
    world.turn(code="99", code_on="auth/refresh")
    world.mock.account = replace(world.mock.account, password="another")
    world.arm("expired_session", operation="signings/polling")

    assert (InDoubt, "ask") == (type(outcome := world.ask(waiting).outcome), outcome.then)


def test_login_that_fails_before_an_order(world):
    """A token that ended between certificate and order, and no new one to be had: nothing was sent."""
    settings = vneid_settings(world.url, password="another")
    channel = HttpChannel(settings.http)
    service = VneidService(settings, channel, clock=world.clock, randomness=SystemRandomness())
    standing = prepared(make_sign(), b"certificate")
    attempt = service.submit(standing, Credential(id="cred-1", certificate=b"certificate"))
    channel.close()

    assert (Unreachable, ["auth/token"]) == (type(attempt.outcome), world.operations())


def test_nobody_there():
    """Where nobody listens nothing was sent, and the same goes again."""
    with vneid_world() as world:
        pass

    assert isinstance(world.deliver().outcome, Unreachable)
