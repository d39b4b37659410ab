"""CSC, the pure parts: vectors, both versions' names, both spellings, the table of errors, the samples."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapters.channels.http import head_bytes
from adapters.partners.csc import codes, oauth, wire
from adapters.partners.csc.codes import ALGORITHMS, CONTRACTS, ERRORS, SHA256, Said, error_row
from adapters.partners.csc.replies import (
    Auth,
    answer_of,
    auth_of,
    granted,
    held_of,
    ids_of,
    info_of,
    sad_in,
    signatures_of,
    token_of,
)
from adapters.partners.csc.settings import CscSettings
from bus.messages import Exchange
from contracts.csc.mock import Csc as CscMock
from contracts.csc.oauth import is_account_token, s256
from contracts.mock_notes import rules_of
from signing.raw_values import judge
from tests.builders import make_exchange
from tests.services_kit import standing

SAMPLES = Path(CscMock.notes).with_name("samples")
VECTORS: dict[str, dict[str, Any]] = {
    each["id"]: each for each in json.loads((SAMPLES / "vectors.json").read_text(encoding="utf-8"))
}
HELLO = bytes.fromhex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
AT = datetime.fromtimestamp(1_768_462_205, UTC)


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def settings(**changes: Any) -> CscSettings:
    known: dict[str, Any] = {
        "url": "https://ky-so.example.invalid/csc/v1",
        "client_id": "client-demo",
        "client_secret": "demo-csc-client-secret",
        "redirect_uri": "https://lienthong.example.invalid/csc",
        "issuer": "tinh.demo",
    }
    return CscSettings(**(known | changes))


def answered(status: int, value: object) -> Exchange:
    head = head_bytes({"content-type": "application/json"})
    return make_exchange(status=status, reply_head=head, reply_body=json.dumps(value).encode())


# -- vectors ----------------------------------------------------------------------------------------------------------


def test_pkce_and_the_address_of_a_browser():
    """S256 as RFC 7636 prints it; the address names just the digests that are asked for, under the request's own
    verifier, which nobody stores."""
    vector, mine = VECTORS["pkce-s256"], settings()
    told = standing(request="KY-1")
    address = oauth.browser_address(
        mine, "https://ky-so.example.invalid", credential="GX", request="KY-1", user="acc-001",
        digests=[HELLO, HELLO], description="Hồ sơ", at=AT,
    )  # fmt: skip
    query = dict(parse_qsl(urlsplit(address).query))

    assert vector["expected"] == oauth.challenge(vector["input"]) == s256(vector["input"])
    assert ",".join([VECTORS["hash-base64url"]["expected"]] * 2) == query["hash"]
    assert query["code_challenge"] == s256(oauth.code_form(mine, "c", told.request)["code_verifier"])
    assert oauth.verifier_of(mine, "KY-1") != oauth.verifier_of(mine, "KY-2")
    assert is_account_token(query["account_token"], mine.client_secret)


def test_account_token():
    """HS256 under SHA-256 of the client secret, byte for byte the published token; another secret's is not taken."""
    vector = VECTORS["csc-account-token-signature"]
    made = oauth.account_token(settings(), account="acc-001", number="jti-0001", at=AT)

    assert f"{vector['input']}.{vector['expected']}" == made
    assert is_account_token(made, vector["key"])
    assert not is_account_token(made, "another")


def test_hashes_are_of_raw_digests():
    """Standard Base64 of the bytes; never of their hexadecimal text."""
    assert [VECTORS["hash-base64"]["expected"]] == wire.hashes_of([HELLO])
    assert VECTORS["hash-of-hex-trap"]["expected"] not in wire.hashes_of([HELLO])


def test_sample_of_an_answer_proves_itself():
    """The value of the sample verifies over the sample's digest under the sample's certificate."""
    held = held_of("GX-DEMO-1", sample("credential-v1"))
    values = signatures_of(sample("sign-answer"))

    assert values is not None
    assert isinstance(judge(HELLO, held.certificate, values[0]), bytes)


# -- what is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_bodies_are_the_samples(version):
    """hash and hashAlgo, or hashes and hashAlgorithmOID; mode A with how long it is worth."""
    mine = settings(url=f"https://ky-so.example.invalid/csc/{version}")
    one = standing()
    asked = replace(
        one,
        request="TX-260115-000001",
        description="Ho so 0007",
        documents=(replace(one.documents[0], digest=HELLO),),
    )
    signed = wire.sign_body(
        asked, mine, "GX-DEMO-1", sad="demo-sad-0001", algorithm=ALGORITHMS[0], digests=[HELLO],
        validity_ms=300_000 if version == "v2" else 0,
    )  # fmt: skip
    authorized = wire.authorize_body(asked, mine, "GX-DEMO-1", otp="123456", pin="")

    assert sample(f"sign-{version}") == signed
    assert version == "v2" or sample("authorize-v1") == authorized
    assert version == "v1" or (SHA256, 1) == (authorized["hashAlgorithmOID"], len(authorized["hashes"]))


@pytest.mark.parametrize("url", ["https://a.example.invalid/csc", "https://a.example.invalid/csc/v3", ""])
def test_address_says_the_version(url):
    """One that says none is refused when the settings are read."""
    with pytest.raises(ValueError, match="csc/v1 or /csc/v2"):
        settings(url=url)


# -- what comes back --------------------------------------------------------------------------------------------------


def test_both_spellings():
    """The table's and the example's: numbers, their digits, and what names no time lives an hour."""
    first, other = granted(sample("token")), granted(sample("token-example-spelling"))

    assert first is not None
    assert other is not None
    assert ("demo-access-0001", "Bearer", 3600.0, "demo-refresh-0001") == _all(first)
    assert ("demo-sad-0002", "SAD", 300.0, "demo-refresh-0002") == _all(other)
    assert ("t", "Bearer", 3600.0, "") == _all(granted({"access_token": "t", "expires_in": "soon"}))
    assert granted({"token_type": "Bearer"}) is None
    assert ("demo-sad-0001", "") == (sad_in(sample("authorize-answer")), sad_in({}))


def _all(found: Any) -> tuple[Any, ...]:
    return found.value, found.kind, found.life, found.refresh


def test_credentials_of_either_version():
    """presence as text or boolean, multisign as number or boolean, SCAL 1 where it is left out, v2's objects."""
    v1 = Auth(mode="explicit", needs_otp=True, sends_otp=True, scal="2", most=10)

    assert v1 == auth_of(sample("credential-v1"))
    assert Auth(mode="explicit", needs_pin=True, scal="1", most=None) == auth_of(sample("credential-booleans"))
    assert replace(v1, needs_pin=True) == auth_of(sample("credential-v2"))
    assert (1, 1, 7, 1) == tuple(auth_of({"multisign": told}).most for told in (False, None, "7", -3))
    assert "" == auth_of({"authMode": "by pigeon"}).mode


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({}, ""),
        ({"key": {"status": "disabled", "algo": list(ALGORITHMS)}}, "disabled/valid"),
        ({"key": {"algo": ["1.2.3"]}}, "no_known_algorithm"),
        ({"cert": {"certificates": ["%%%", 7]}}, "no_certificate_told"),
        ({"cert": "odd"}, "no_certificate_told"),
    ],
)
def test_what_is_the_matter_with_a_credential(change, trouble):
    """By the service's own word, or by what it leaves out."""
    assert trouble == held_of("GX", sample("credential-v1") | change).trouble


def test_odd_answers_are_no_answers():
    """What is no Base64, or no list, is nothing; never an exception."""
    assert all(signatures_of({"signatures": told}) is None for told in (None, [], ["%"], "AAAA", ["AA==", 7], {}))
    assert token_of({"timestamp": "!"}) is None
    assert (["a"], "") == ids_of({"credentialIDs": ["a", 7, None]})
    assert not info_of({"methods": "all"}).methods
    assert info_of(sample("info-v2")).is_asynchronous
    assert not info_of(sample("info-v1")).has("signatures/signPolling")


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words", "said"),
    [
        ("invalid_otp", "The OTP is invalid", Said.WRONG),
        ("invalid_otp", "Mã OTP không đúng", Said.WRONG),
        ("invalid_otp", "OTP locked", Said.LOCKED),
        ("invalid_pin", "PIN locked", Said.LOCKED),
        ("invalid_request", "The PIN is invalid", Said.WRONG),
        ("invalid_request", "SAD expired", Said.AUTHORISE),
        ("invalid_request", "Signing certificate 'abc' is expired.", Said.NO),
        ("invalid_request", "Hash is not authorized by the SAD.", Said.NO),
        ("invalid_request", "Empty hash array", Said.NO),
        ("access_denied", "", Said.DECLINED),
        ("server_error", "", Said.UNCLEAR),
        ("temporarily_unavailable", "", Said.LATER),
        ("what_nobody_knows", "", Said.NO),
    ],
)
def test_errors_by_name_first(error, words, said):
    """The words are a second key: another language changes nothing where the name says it."""
    assert said is error_row(error, words).said


@pytest.mark.parametrize(
    ("status", "value", "said"),
    [
        (200, {}, Said.YES),
        (400, sample("error-otp"), Said.WRONG),
        (401, {"error": "invalid_token"}, Said.TOKEN),
        (429, {"error": "server_error"}, Said.LATER),
        (500, {"error": "invalid_otp"}, Said.UNCLEAR),
        (501, {"error": "invalid_request"}, Said.DOWN),
        (503, {"error": "server_error"}, Said.LATER),
        (500, {}, Said.UNCLEAR),
        (403, [], Said.DOWN),
        (302, {}, Said.UNCLEAR),
    ],
)
def test_status_before_the_error(status, value, said):
    """Past 499 no error of theirs says that nothing was done; what stands in front speaks in HTTP."""
    assert said is answer_of(answered(status, value)).said


def test_tables_cite_rules_that_are_there():
    """Every row of every table names its rules, and what it leaves open comes to an end."""
    known = set(rules_of(CscMock.notes))
    cited = {rule for row in (*ERRORS, *CONTRACTS) for rule in re.findall(r"r\d+", row.source)}

    assert cited <= known
    assert "*" == ERRORS[-1].error
    assert {codes.SIGN_HASH} == {row.message for row in CONTRACTS if row.repeat == "blind"}
