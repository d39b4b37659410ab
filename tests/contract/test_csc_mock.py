"""The CSC mock itself, rule by rule: what it refuses, in which words, and that a refusal signs nothing."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.partners.csc import oauth
from contracts.csc.books import OTP, RSA, SHA256
from contracts.csc.mock import CLIENT, Csc
from contracts.mocking import Request, Response
from tests.csc_kit import settings_for
from tests.services_kit import OFFICIAL, digest_of

ONE = [base64.b64encode(digest_of(1)).decode()]
TWO = [*ONE, base64.b64encode(digest_of(2)).decode()]


class Caller:
    """Somebody who says whatever a test wants."""

    def __init__(self, **switches: Any) -> None:
        self.mock = Csc()
        self.mock.switches.turn(switches)
        self.token = self.value(self.form("oauth2/token", grant_type="client_credentials"))["access_token"]
        self.credential = self.said("credentials/list", userID=OFFICIAL)["credentialIDs"][0]

    def form(self, place: str, **told: str) -> Response:
        known = {"client_id": CLIENT.id, "client_secret": CLIENT.secret}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.mock(Request(path=f"/csc/{place}", headers=headers, body=urlencode(known | told).encode()))

    def ask(self, method: str, version: str = "v1", *, token: str | None = None, **told: Any) -> Response:
        bearer = self.token if token is None else token
        headers = {"content-type": "application/json", "authorization": f"Bearer {bearer}"}
        return self.mock(Request(path=f"/csc/{version}/{method}", headers=headers, body=json.dumps(told).encode()))

    def said(self, method: str, version: str = "v1", **told: Any) -> dict[str, Any]:
        return self.value(self.ask(method, version, **told))

    @staticmethod
    def value(response: Response) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(response.body)
        return found

    def sad(self, hashes: list[str] = ONE, **more: Any) -> str:
        known = {"credentialID": self.credential, "numSignatures": len(hashes), "hash": hashes, "OTP": OTP}
        found: str = self.said("credentials/authorize", **(known | more))["SAD"]
        return found

    @property
    def broke(self) -> set[str]:
        """Rules that the last call broke."""
        return {each.rule for each in self.mock.log.newest(1)[0].broken}


AUTHORIZE = {"numSignatures": 1, "hash": ONE, "OTP": OTP}
SIGN = {"hash": ONE, "hashAlgo": SHA256, "signAlgo": RSA}


@pytest.mark.parametrize(
    ("method", "told", "error", "rule"),
    [
        ("credentials/list", {}, "invalid_request", "r20"),
        ("credentials/info", {"credentialID": "nobody's"}, "invalid_request", "r21"),
        ("credentials/info", {"certificates": "some"}, "invalid_request", "r21"),
        ("credentials/authorize", AUTHORIZE | {"hash": []}, "invalid_request", "r30"),
        ("credentials/authorize", AUTHORIZE | {"hash": TWO}, "invalid_request", "r30"),
        ("credentials/authorize", AUTHORIZE | {"numSignatures": 11, "hash": ONE * 11}, "invalid_request", "r30"),
        ("credentials/authorize", AUTHORIZE | {"OTP": "0"}, "invalid_otp", "r32"),
        ("credentials/extendTransaction", {"hash": ONE, "SAD": "nobody's"}, "invalid_request", "r40"),
        ("signatures/signHash", SIGN | {"hash": ["%"]}, "invalid_request", "r43"),
        ("signatures/signHash", SIGN | {"hash": ["AAAA"]}, "invalid_request", "r43"),
        ("signatures/signHash", SIGN | {"hashAlgo": None}, "invalid_request", "r40"),
        ("signatures/signHash", SIGN | {"signAlgo": "1.2.3"}, "invalid_request", "r40"),
        ("signatures/signHash", SIGN | {"operationMode": "A"}, "invalid_request", "r45"),
        ("signatures/signHash", SIGN, "invalid_request", "r40"),
        ("signatures/timestamp", {"hash": ONE[0]}, "invalid_request", "r60"),
        ("signatures/timestamp", {"hash": ONE[0], "hashAlgo": SHA256, "nonce": "xyz"}, "invalid_request", "r60"),
        ("signatures/signPolling", {}, "invalid_request", "r2"),
    ],
)
def test_what_is_refused(method, told, error, rule):
    """Each with its error, under its rule; no key is used by it."""
    caller = Caller()
    found = caller.ask(method, **({"credentialID": caller.credential} if method != "credentials/list" else {}) | told)

    assert (error, {rule}) == (caller.value(found)["error"], caller.broke)
    assert 0 == len(caller.mock.effects)


def test_who_may_call():
    """No token, a wrong one, a wrong client, a wrong grant, a wrong place, a wrong method."""
    caller = Caller()
    statuses = [
        caller.ask("credentials/list", token="").status,
        caller.ask("credentials/list", token="x").status,
        caller.form("oauth2/token", grant_type="client_credentials", client_secret="x").status,
        caller.form("oauth2/token", grant_type="password").status,
        caller.form("oauth2/token", grant_type="refresh_token", refresh_token="x").status,
        caller.ask("nothing").status,
        caller.mock(Request(method="GET", path="/csc/v1/info")).status,
    ]

    assert [401, 401, 401, 400, 400, 404, 400] == statuses


def test_an_authorisation_is_for_its_own_hashes_and_once():
    """Other hashes, a second time without extending, another credential's: all refused; extended, it goes on."""
    caller = Caller()
    sad = caller.sad(TWO)
    told = {"credentialID": caller.credential, "hashAlgo": SHA256, "signAlgo": RSA}
    other = [base64.b64encode(digest_of(9)).decode()]
    first = caller.ask("signatures/signHash", SAD=sad, hash=other, **told).status
    caller.ask("signatures/signHash", SAD=sad, hash=TWO[:1], **told)
    again = caller.ask("signatures/signHash", SAD=sad, hash=TWO[1:], **told)
    extended = caller.said("credentials/extendTransaction", credentialID=caller.credential, SAD=sad, hash=TWO[1:])
    last = caller.ask("signatures/signHash", SAD=extended["SAD"], hash=TWO[1:], **told)

    assert [400, 400, 200] == [first, again.status, last.status]
    assert "Hash is not authorized by the SAD." == caller.value(again)["error_description"]
    assert 2 == sum(each.operation == "sign" for each in caller.mock.effects)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 302),
        ({"code_challenge": "c", "code_challenge_method": "plain"}, 400),
        ({"state": "x" * 256}, 400),
        ({"client_id": "x"}, 400),
        ({"account_token": "a.b.c"}, 400),
    ],
)
def test_address_of_a_browser(change, status):
    """PKCE, a client that is known, a state that is short enough, an account token under the client's secret."""
    mine, caller = settings_for("http://mock", issuer="lienthong.h99"), Caller()
    told = {
        "response_type": "code",
        "client_id": CLIENT.id,
        "redirect_uri": CLIENT.redirect_uri,
        "scope": "service",
        "state": "s",
        "account_token": oauth.account_token(mine, account="a", number="n", at=caller.mock.settle_late()),
    }
    found = caller.mock(Request(method="GET", path="/csc/oauth2/authorize", query=told | change))

    assert status == found.status


def test_sign_doc_makes_attributes_of_its_own():
    """What it signs is not what it was given: a `SignatureObject` proves nothing of ours (why it is not used)."""
    from signing.raw_values import judge

    caller = Caller()
    holder = caller.mock.signers.of(OFFICIAL)[0]
    asked = {"documentDigests": [{"hashes": ONE, "hashAlgorithmOID": SHA256, "signature_format": "P"}]}
    said = caller.said("signatures/signDoc", "v2", credentialID=caller.credential, SAD=caller.sad(), **asked)
    made = base64.b64decode(said["SignatureObject"][0])
    whole = caller.ask("signatures/signDoc", "v2", credentialID=caller.credential, documents=[{"document": "JVBERg=="}])

    assert "wrong_signature" == judge(digest_of(1), holder.der, made)
    assert 400 == whole.status
