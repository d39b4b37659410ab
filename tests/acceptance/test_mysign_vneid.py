"""MySign and the VNeID gateway end to end: a real ledger, worker, door, finisher; a person agrees at the mock."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from contracts.mock_faults import FaultOrder
from contracts.mysign.places import Account as MysignAccount
from contracts.signing_mock import ApproveOrder, SigningMock
from contracts.signing_transactions import Transaction
from contracts.vneid_gateway.places import Account as VneidAccount
from contracts.vneid_gateway.places import webhook_signature
from tests.signing_town import CITIZEN, SigningTown, signing_town

BOTH = pytest.mark.parametrize("service", ["mysign", "vneid_gateway"])
ORDER = {"mysign": "signHash", "vneid_gateway": "signings/hash"}
SOON = timedelta(seconds=31)
"""Past the first question about a signature whose service calls back."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One installation for all tests here: each has a dossier and a signature of its own."""
    with signing_town(tmp_path_factory.mktemp("town"), is_told=True) as made:
        yield made


@pytest.fixture
def town(house):
    """Where nothing misbehaves yet."""
    for mock in house.services.values():
        mock.switches.turn({"on_asking": "", "before_answer": False})
        mock.faults.clear()
    return house


NUMBERS = count(1)


def asked(town: SigningTown, service: str, documents: int = 1, level: str = "B-B") -> str:
    """A citizen is asked to sign by this service; the signature's name."""
    number = next(NUMBERS)
    name, dossier = f"S{number}", f"H99.09-260703-{number:04d}"
    before = [len(mock.transactions) for mock in town.services.values() if isinstance(mock, SigningMock)]
    town.ask_for(name, dossier=dossier, user=CITIZEN, role="citizen", service=service, count=documents, level=level)
    town.carry()
    after = [len(mock.transactions) for mock in town.services.values() if isinstance(mock, SigningMock)]
    assert sum(after) <= sum(before) + 1
    return name


def newest(town: SigningTown, service: str) -> Transaction:
    """What a person has in his phone."""
    found = town.services[service].transactions.newest()
    assert found is not None
    return found


def signs(town: SigningTown, service: str) -> list[int]:
    """How often the key was used for each document of the newest."""
    return [each.signs for each in newest(town, service).documents]


def prompts(town: SigningTown, service: str) -> int:
    """How often a person was asked, of all signatures."""
    return town.prompts(service)


def effects(town: SigningTown, name: str) -> list[str]:
    return [effect for _, _, effect in town.heard(name)]


def arm(town: SigningTown, service: str, fault: str, **more: Any) -> None:
    town.services[service].faults.arm(FaultOrder(fault=fault, count=1, **more))


@BOTH
@pytest.mark.parametrize("way", ["webhook", "question", "before_answer"])
def test_signed_documents(town, service, way):
    """However a value comes, before the answer even, two documents are made with one prompt and two uses of the key."""
    before = prompts(town, service)
    if way == "before_answer":
        town.services[service].switches.turn({"on_asking": "approve", "before_answer": True})
    level = "B-LT" if way == "webhook" else "B-B"
    name = asked(town, service, documents=2, level=level)
    if way != "before_answer":
        town.approve(service=service, callbacks=1 if way == "webhook" else 0)
    if way == "question":
        assert town.ask(after=SOON)
    town.finish()

    assert ("made", "delivered") == (town.state(name), town.delivery(name)), town.trouble(name)
    assert (before + 1, [1, 1]) == (prompts(town, service), signs(town, service))
    assert [("passed", level, "")] * 2 == town.documents(name)
    assert ["signature.made"] == town.news(name)
    assert all(b"/ByteRange" in town.signed(name, n=n) for n in (1, 2))


@BOTH
def test_called_back_often_and_at_once(town, service):
    """Three calls at the same time, and one more later, have one effect and one piece of news."""
    name = asked(town, service)
    answers = town.approve(service=service, callbacks=3, concurrent=True)
    town.finish()
    again = town.approve(service=service, callbacks=1)

    assert [200] * 2 == [status for status, _ in (answers[0], *again)]
    assert ["recorded", "repeated"] == sorted(effects(town, name))[:: len(effects(town, name)) - 1]
    assert (["signature.made"], [1]) == (town.news(name), signs(town, service))


@BOTH
def test_p15_lost_answer_is_proved_by_a_call_back(town, service):
    """An order whose answer was lost is held and never sent again; a value that is called back later proves it."""
    before = prompts(town, service)
    arm(town, service, "half_body", operation=ORDER[service])
    name = asked(town, service, documents=2)
    assert ("unknown", "in_doubt") == (town.state(name), town.delivery(name))
    for _ in range(3):
        town.clock.pass_time(seconds=20)
        town.carry()
        town.ask()
    town.approve(service=service)
    town.finish()

    assert ("made", "delivered") == (town.state(name), town.delivery(name)), town.trouble(name)
    assert (before + 1, [1, 1]) == (prompts(town, service), signs(town, service))


@BOTH
def test_lost_answer_that_nothing_proves(town, service):
    """Where nothing is called back a lost order ends with its time; nobody is asked twice, a late value is taken."""
    before = prompts(town, service)
    arm(town, service, "lose_reply_after_effect", operation=ORDER[service])
    name = asked(town, service)
    town.approve(service=service, callbacks=0)
    town.clock.pass_time(hours=2)
    town.here.ledger.signatures.expire_due(town.clock.now())
    town.carry()
    assert ("expired", ["signature.expired"]) == (town.state(name), town.news(name))
    town.approve(service=service)
    town.finish()

    assert ("made", ["late"]) == (town.state(name), effects(town, name)), town.trouble(name)
    assert (before + 1, [1]) == (prompts(town, service), signs(town, service))


@BOTH
@pytest.mark.parametrize(
    ("result", "state", "code"),
    [("decline", "declined", "declined_by_signer"), ("fail", "failed", "service_refused"), ("expire", "expired", "")],
)
def test_a_no_that_is_called_back_only_makes_us_ask(town, service, result, state, code):
    """Without a value a call back ends nothing: the question that follows at once does."""
    name = asked(town, service)
    town.approve(service=service, result=result)
    assert ("waiting_user", ["hint"]) == (town.state(name), effects(town, name)[-1:])
    assert town.ask(after=timedelta(0))

    assert (state, [0]) == (town.state(name), signs(town, service))
    assert code in ("", town.code(name))


@BOTH
@pytest.mark.parametrize("wrong", ["digest", "certificate"])
def test_p15_wrong_value(town, service, wrong):
    """A value over something else is refused where it is called back, and ends the signature where it is the answer."""
    name = asked(town, service)
    answers = town.approve(service=service, wrong=wrong)
    assert ("waiting_user", ["wrong_value"]) == (town.state(name), effects(town, name)[-1:])
    assert [400 if service == "vneid_gateway" else 200] == [status for status, _ in answers]
    assert "00" not in answers[0][1]
    town.ask(after=timedelta(0))

    assert ("failed", ["signature.declined"]) == (town.state(name), town.news(name))
    assert town.code(name) in ("wrong_signature", "other_certificate")


def test_mysign_is_believed_under_our_token_alone(town):
    """Without a token of ours, under a changed one, or with a wrong secret for one: 401, an alarm, no row changed."""
    name = asked(town, "mysign")
    account, path = MysignAccount(), "/callbacks/mysign/"
    about = {"transaction_id": newest(town, "mysign").handle, "status": 4002}
    told = {"meta_data": about, "data": {"results": []}}
    before = town.picture()
    _, given = town.call({"client_id": account.their_id, "client_secret": account.their_secret}, path=f"{path}token")
    token = given["data"]["access_token"]
    wrong = {"client_id": account.their_id, "client_secret": "guessed secret of somebody"}
    refused = [
        town.call(told, path=f"{path}result"),
        town.call(told, path=f"{path}result", Authorization=f"Bearer {token[:-1]}"),
        town.call(wrong, path=f"{path}token"),
    ]

    assert [(401, "01")] * 3 == [(status, answer["status_code"]) for status, answer in refused]
    assert before == town.picture()
    assert ["client", "token", "token"] == sorted(rules[0]["rule"] for _, _, rules in town.refused()[-3:])
    assert "guessed" not in json.dumps(town.refused())
    assert token not in json.dumps(town.refused())
    status, answer = town.call(told, path=f"{path}result", method="GET", Authorization=f"Bearer {token}")
    assert (200, "00", ["hint"]) == (status, answer["status_code"], effects(town, name))


def test_vneid_is_believed_under_its_hmac_alone(town):
    """Without a right HMAC over the very bytes: 400, an alarm, no row changed; a replayed id changes nothing."""
    name = asked(town, "vneid_gateway")
    town.approve(service="vneid_gateway", callbacks=0)
    mock: Any = town.services["vneid_gateway"]
    body = json.dumps(mock.notice(mock.transactions.newest(), ApproveOrder())).encode()
    right, path = webhook_signature(body, VneidAccount().webhook_secret), "/callbacks/vneid_gateway/result"
    before = town.picture()
    refused = [
        town.call(body, path=path),
        town.call(body + b" ", path=path, **{"X-Webhook-Signature": right}),
        town.call(body, path=path, **{"X-Webhook-Signature": webhook_signature(body, "guessed")}),
    ]
    assert [(400, "bad_signature")] * 3 == [(status, answer["error"]) for status, answer in refused]
    assert before == town.picture()
    assert ["hmac"] * 3 == [rules[0]["rule"] for _, _, rules in town.refused()[-3:]]
    for _ in range(2):
        assert 200 == town.call(body, path=path, **{"X-Webhook-Signature": right})[0]
    town.finish()

    assert ["recorded", "repeated"] == effects(town, name)
    assert (["signature.made"], [1]) == (town.news(name), signs(town, "vneid_gateway"))


@BOTH
def test_values_of_no_signature_of_ours(town, service):
    """A right call about what we never asked for is answered no in the service's own form, and changes no signature."""
    name = asked(town, service)
    found = newest(town, service)
    mine, found.handle = found.handle, "somebody-elses"
    answers = town.approve(mine, service=service, result="decline")
    found.handle = mine

    assert "waiting_user" == town.state(name)
    assert [400 if service == "vneid_gateway" else 200] == [status for status, _ in answers]
    assert "unknown" in answers[0][1]


def test_quota_is_used_up(town):
    """A service that has nothing left for us ends the signature with that code: nothing is tried again by itself."""
    town.services["mysign"].switches.turn({"error": "4005"})
    name = asked(town, "mysign")
    town.clock.pass_time(minutes=1)
    town.carry()
    town.services["mysign"].switches.turn({"error": ""})

    assert ("failed", "quota_exhausted", ["signature.declined"]) == (town.state(name), town.code(name), town.news(name))


def test_registration_is_acknowledged(town):
    """What the gateway tells of a citizen's certificate is answered with 200, and changes nothing."""
    before = town.picture()
    body = b'{"id":"e","type":"CERT_REGISTER_WEBHOOK_RESULT","attempt":1,"data":{"transactionCode":"t","status":0}}'
    right = webhook_signature(body, VneidAccount().webhook_secret)
    told = town.call(body, path="/callbacks/vneid_gateway/result", **{"X-Webhook-Signature": right})

    assert (200, {"message": "OK"}) == told
    assert before == town.picture()
