"""RFC 9421 for answers: bound to the request that they answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver
from hypothesis import given
from hypothesis import strategies as st

from signing import http_answers, http_base
from signing.asymmetric import public_key, signing_key
from signing.errors import KeyUnknown, NotVerified, SignatureBroken, SignatureMissing, SignatureStale, VerifierFailed
from signing.http import sign_request
from tests.key_pairs import KINDS, private_pem, public_pem
from tests.unit.signing.test_http_keys import ORACLES

NOW = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
BODY = b'{"number":"TN-0001"}'
SECRET = b"demo-secret-of-thirty-two-bytes!"
TARGET = ("POST", "/one_stop/rest/outcomes", "v=1")


def request_headers(nonce="r-1", created=NOW):
    return sign_request(
        *TARGET,
        "application/json",
        b"{}",
        key_id="us",
        secret=SECRET,
        created=created,
        expires=created + timedelta(seconds=300),
        nonce=nonce,
    )


def asked(nonce="r-1", created=NOW):
    method, path, query = TARGET
    return http_answers.Asked(
        method=method, path=path, query=query, signature=request_headers(nonce, created)["signature"]
    )


ASKED = asked()


def signed(key=SECRET, *, status=200, body=BODY, answered=ASKED, created=NOW):
    return http_answers.sign_answer(
        status,
        "application/json",
        body,
        asked=answered,
        key_id="one-stop-h99",
        secret=key,
        created=created,
        expires=created + timedelta(seconds=300),
        nonce="a-1",
    )


def verified(headers, key=SECRET, *, status=200, body=BODY, answered=ASKED, now=NOW):
    return http_answers.verify_answer(status, headers, body, asked=answered, keys={"one-stop-h99": key}, now=now)


@pytest.mark.parametrize("kind", [*KINDS, "secret"])
def test_an_answer_is_verified(kind):
    """A signed answer proves its status, its body and which request it answers, under every kind of key."""
    key, known = (
        (SECRET, SECRET) if kind == "secret" else (signing_key(private_pem(kind)), public_key(public_pem(kind)))
    )

    proof = verified(signed(key), known)

    assert b'"@status": 200\n' in proof.base
    assert f'"signature";req: {ASKED.signature}\n'.encode() in proof.base
    assert KINDS.get(kind, "hmac-sha256") == proof.algorithm


def test_an_answer_without_a_body():
    """An answer without a body covers its status and the request; a body put under it is refused."""
    headers = signed(status=204, body=b"")

    assert "content-digest" not in headers
    assert "a-1" == verified(headers, status=204, body=b"").nonce
    with pytest.raises(SignatureBroken, match="must cover"):
        verified(headers, status=204)


@pytest.mark.parametrize("kind", KINDS)
def test_the_oracle_accepts_ours(kind):
    """An independent implementation verifies the answers that we sign, with their bond to the request."""
    now = datetime.now(UTC)
    sent = request_headers(created=now)
    headers = signed(signing_key(private_pem(kind)), answered=asked(created=now), created=now)
    oracle = HTTPMessageVerifier(
        signature_algorithm=ORACLES[kind],
        key_resolver=MappingKeyResolver(public_keys={"one-stop-h99": public_pem(kind)}, private_keys={}),
    )
    request = SimpleNamespace(method=TARGET[0], url=f"https://x.example.invalid{TARGET[1]}?{TARGET[2]}", headers=sent)
    answer = SimpleNamespace(status_code=200, url=request.url, headers=headers, request=request)

    results = oracle.verify(answer, body=BODY)

    assert ["sig1"] == [result.label for result in results]


CHANGED = {
    "status": {"status": 202},
    "body": {"body": BODY + b" "},
    "no body": {"body": b""},
    "another request": {"answered": asked("r-2")},
    "another method": {"answered": replace(ASKED, method="PUT")},
    "another path": {"answered": replace(ASKED, path="/")},
    "no path": {"answered": replace(ASKED, path="")},
    "another query": {"answered": replace(ASKED, query="")},
    "a line more": {"answered": replace(ASKED, query='v=1\n"signature";req: x')},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_a_changed_answer_is_refused(change):
    """Another status, another body, or the good answer to another request is refused."""
    with pytest.raises(SignatureBroken):
        verified(signed(), **change)


def test_a_body_of_another_digest_is_refused():
    """The digest is compared with the body that came, not only covered."""
    with pytest.raises(SignatureBroken, match="Content-Digest"):
        verified(signed(), body=b"{}")


@pytest.mark.parametrize("name", ["@status", "content-digest", "@method;req", "signature;req"])
def test_less_coverage_is_refused(name):
    """An answer that leaves out any of it is refused, although its signature is right."""
    covered = tuple(each for each in http_answers._required(BODY) if each != name)
    headers = signed()
    text = http_base.parameters(covered, NOW, NOW + timedelta(seconds=9), "a-1", "one-stop-h99", "hmac-sha256")
    base = http_base.base_of(covered, text, http_answers._values(200, ASKED, headers))
    weak = headers | {"signature-input": f"sig1={text}", "signature": http_base.mac(SECRET, base)}

    with pytest.raises(SignatureBroken, match="must cover"):
        verified(weak)


def test_refusals_of_other_kinds():
    """Unsigned, stale, of an unknown name, or met by a verifier in trouble: each is a refusal of its kind."""
    with pytest.raises(SignatureMissing):
        verified({})
    with pytest.raises(SignatureStale):
        verified(signed(), now=NOW + timedelta(hours=1))
    with pytest.raises(KeyUnknown) as refusal:
        http_answers.verify_answer(200, signed(), BODY, asked=ASKED, keys={}, now=NOW)
    with pytest.raises(VerifierFailed):
        verified(signed(), "not a key")

    assert "one-stop-h99" == refusal.value.key_id


@given(data=st.data())
def test_any_changed_bit_is_refused(data):
    """One changed bit in a header or the body is refused."""
    headers = signed()
    parts = {"body": BODY.decode(), **headers}
    name = data.draw(st.sampled_from(sorted(parts)))
    raw = bytearray(parts[name].encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = parts | {name: raw.decode("latin-1")}

    with pytest.raises(NotVerified):
        verified({each: changed[each] for each in headers}, body=changed["body"].encode("latin-1"))
