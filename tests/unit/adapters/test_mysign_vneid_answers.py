"""What MySign and the VNeID gateway answer: lists, tokens, orders, statuses, as their contracts show them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from adapters.partners.mysign import codes as mysign_codes
from adapters.partners.mysign import replies as mysign_replies
from adapters.partners.mysign import wire as mysign_wire
from adapters.partners.mysign.callbacks import MysignCallbacks
from adapters.partners.mysign.replies import Answer, token_of
from adapters.partners.signers.choosing import Offered, choose
from adapters.partners.vneid_gateway import codes as vneid_codes
from adapters.partners.vneid_gateway import replies as vneid_replies
from adapters.partners.vneid_gateway import wire as vneid_wire
from bus.messages import Refused
from bus.signatures import SignatureEffect, SignatureHeard, SignatureVerdict
from tests.builders import make_exchange
from tests.signer_services import (
    MYSIGN,
    make_sign,
    mysign_settings,
    raw_call,
    sample,
    vneid_settings,
)
from tests.signing_kit import NOW, signer

MYSIGNS = MysignCallbacks(mysign_settings())


@pytest.mark.parametrize(
    ("told", "most"),
    [(True, None), (False, 1), ("false", 1), (5, 5), ("5", 5), (0, None), (None, None), ("many", None), ([], None)],
)
def test_multisign(told, most):
    """A number is a limit, false is one, true and what cannot be read say nothing."""
    certificate = b64encode(signer().der).decode()
    row = {"credential_id": "c", "cert": {"certificates": [certificate]}, "multisign": told}
    found = mysign_replies.listed(Answer(said=mysign_codes.Said.YES, value=[row]))

    assert [most] == [each.most for each in found]


@pytest.mark.parametrize(
    "row",
    [
        5,
        {},
        {"credential_id": "c"},
        {"credential_id": "c", "cert": {"certificates": []}},
        {"credential_id": "c", "cert": {"certificates": ["!"]}},
        {"credential_id": "c", "cert": {"certificates": [7]}},
        {"cert": {"certificates": ["AA=="]}},
    ],
)
def test_entries_without_a_certificate(row):
    """An entry of a list that has no id or no certificate is none."""
    theirs = {**row, "credentialID": row.get("credential_id", "")} if isinstance(row, dict) else row
    answer = vneid_replies.Answer(said=vneid_codes.Said.YES, data={"credentialInfos": [theirs]})

    assert [] == mysign_replies.listed(Answer(said=mysign_codes.Said.YES, value=[row]))
    assert [] == vneid_replies.listed(answer)


@pytest.mark.parametrize("value", [{}, {"access_token": ""}, {"access_token": "a\nb"}, {"access_token": "é"}, []])
def test_logins_without_a_token(value):
    """An answer that brings no token that a header could carry is none."""
    assert token_of(Answer(said=mysign_codes.Said.YES, value=value)) is None


@pytest.mark.parametrize("wish", ["not hexadecimal", "", "0"])
def test_wishes_that_name_nothing(wish):
    """A wish chooses by id or serial number; what cannot be read as a certificate is chosen by its id alone."""
    broken = Offered(id="cred-1", certificate=b"no certificate")

    assert isinstance(choose([broken], make_sign(credential=wish), now=NOW), Refused)
    assert broken == choose([broken], make_sign(credential="cred-1"), now=NOW)


# -- samples ----------------------------------------------------------------------------------------------------------


def answered(partner: str, name: str) -> Any:
    """An answer as the contract shows it."""
    return make_exchange(reply_head=b"content-type: application/json\r\n", reply_body=sample(partner, name))


MYSIGN_ANSWERS = {
    "status-waiting.json": SignatureVerdict.WAITING,
    "status-signed.json": SignatureVerdict.SIGNED,
    "status-declined.json": SignatureVerdict.DECLINED,
}
VNEID_ANSWERS = {
    "poll-processing.json": SignatureVerdict.WAITING,
    "poll-signed.json": SignatureVerdict.SIGNED,
    "poll-declined.json": SignatureVerdict.DECLINED,
    "poll-expired.json": SignatureVerdict.EXPIRED,
}


@pytest.mark.parametrize("name", MYSIGN_ANSWERS)
def test_statuses_of_mysigns_samples(name):
    """Each answer to a question that the contract shows is told as what it is."""
    fields = mysign_replies.read(answered("mysign", name), "status").value
    told = mysign_replies.told_of(fields, partner="mysign", via="query", handle="h", evidence=b"")

    assert MYSIGN_ANSWERS[name] is told.verdict


@pytest.mark.parametrize("name", VNEID_ANSWERS)
def test_statuses_of_vneids_samples(name):
    """Each answer to polling that the contract shows is told as what it is."""
    data = vneid_replies.read(answered("vneid_gateway", name), "r").data
    told = vneid_replies.told_as(data, status_in="statusCode", partner="p", via="query", handle="h", evidence=b"")

    assert VNEID_ANSWERS[name] is told.verdict


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        ({"transactionId": "MS1"}, "yes", ""),
        ({"transactionId": "MS1", "code": "00", "message": "Success"}, "yes", ""),
        ({"transactionId": "MS1", "error": "4005"}, "yes", ""),
        ({"status": 4005}, "no", "quota_exhausted"),
        ({"code": 13004, "message": "x"}, "no", "certificate_not_usable"),
        ({"error_code": "58008"}, "no", "no_certificate"),
        ({"signatures": ["AA=="]}, "unclear", ""),
        ({}, "unclear", ""),
        ([], "unclear", ""),
    ],
)
def test_an_order_that_names_its_transaction_was_taken(body, said, code):
    """Whatever stands beside a transaction's id, it was taken, and is asked about; without one the code decides."""
    told = make_exchange(reply_body=json.dumps(body).encode())
    answer = mysign_replies.read(told, mysign_replies.HANDLE)

    assert (said, code) == (answer.said, answer.code)


def test_other_samples():
    """Tokens, orders, errors and acknowledgements that the contracts show are read, or made, in that very form."""
    order = mysign_replies.read(answered("mysign", "sign-answer.json"), "transactionId")
    error = mysign_replies.read(answered("mysign", "error.json"), "status")
    login = token_of(mysign_replies.read(answered("mysign", "login-answer.json"), "access_token"))
    assert ("MS2601150000000001", "down", ("***", 3570.0)) == (mysign_replies.handle_of(order), error.said, login)
    acknowledged = SignatureHeard(effect=SignatureEffect.RECORDED, signature=1, state=None)
    ours = json.loads(MYSIGNS.reply(raw_call("result", b""), acknowledged).body)
    assert json.loads(sample("mysign", "result-answer.json")) == ours
    pair = json.dumps({"client_id": MYSIGN.their_id, "client_secret": MYSIGN.their_secret}).encode()
    given = json.loads(MYSIGNS.reply(raw_call("token", b""), MYSIGNS.read(raw_call("token", pair))).body)
    assert json.loads(sample("mysign", "token-answer.json")).keys() == given.keys()
    assert json.loads(sample("mysign", "token-answer.json"))["data"].keys() == given["data"].keys()

    taken = vneid_replies.read(answered("vneid_gateway", "sign-answer.json"), "r")
    tokens = vneid_replies.tokens_of(vneid_replies.read(answered("vneid_gateway", "token-answer.json"), "r"))
    clock = vneid_replies.read(answered("vneid_gateway", "error.json"), "r")
    assert ("h-1001", 300, "clock") == (vneid_replies.handle_of(taken), vneid_replies.lives_of(taken), clock.alarm)
    assert tokens is not None
    assert (1770.0, 604_770.0) == (tokens.lives, tokens.refresh_lives)
    settings = mysign_settings(client_id="demo", client_secret="***")
    assert json.loads(sample("mysign", "login.json")) == mysign_wire.login(settings, "CMT_099000000001")
    assert json.loads(sample("vneid_gateway", "list.json")) == vneid_wire.certificates("099000000001")
    assert json.loads(sample("vneid_gateway", "poll.json")) == vneid_wire.poll("h-1001")
    assert json.loads(sample("vneid_gateway", "token.json")).keys() == vneid_wire.token(vneid_settings()).keys()
    assert json.loads(sample("mysign", "token-call.json")).keys() == {"client_id", "client_secret"}
