"""RFC 9421 and RFC 9530 in our profile: what is accepted, and every way to be refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver, algorithms
from hypothesis import given
from hypothesis import strategies as st

from signing import http, http_base
from signing.errors import (
    KeyUnknown,
    NotVerified,
    SecretTooShort,
    SignatureBroken,
    SignatureMissing,
    SignatureStale,
    VerifierFailed,
)
from tests.unit.signing import vectors

NOW = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
SECRET = b"demo-secret-of-thirty-two-bytes!"
KEYS = {"one-stop-h99": SECRET}
BODY = '{"tên":"Nguyễn Thị Ví Dụ"}'.encode()
POST = ("POST", "/v1/events", "")
GET = ("GET", "/v1/deliveries", "state=held&after=12")


def signed(target=POST, body=BODY, *, created=NOW, life=300, **changes):
    """The headers of a well signed request, some of its arguments changed."""
    told = {"key_id": "one-stop-h99", "secret": SECRET, "nonce": "n-0001", "idempotency_key": None} | changes
    is_get = target[0] in {"GET", "HEAD"}
    return http.sign_request(
        *target,
        None if is_get else "application/json",
        b"" if is_get else body,
        created=created,
        expires=created + timedelta(seconds=life),
        **told,
    )


def verified(headers, target=POST, body=BODY, *, now=NOW, keys=KEYS):
    """What the verifier says of it."""
    return http.verify_request(*target, headers, body, keys=keys, now=now)


def resigned(headers, old, new, *, target=POST, body=BODY):
    """The same request with another Signature-Input, under a right MAC: only the profile can refuse it."""
    text = headers["signature-input"].replace(old, new)
    assert text != headers["signature-input"]
    covered = tuple(name.strip('"') for name in text.partition("(")[2].partition(")")[0].split())
    values = {"@method": target[0], "@path": target[1], "@query": "?" + target[2], "date": "today", **headers}
    lines = [f'"{name}": {values.get(name)}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {text.partition("=")[2]}'])
    mac = base64.b64encode(hmac.digest(SECRET, base.encode(), "sha256")).decode()
    return headers | {"signature-input": text, "signature": f"sig1=:{mac}:"}


def test_post_is_verified():
    """A signed POST proves key, nonce, times and exactly the covered components."""
    proof = verified(signed(idempotency_key="H99.09-260703-0123:record-1"))

    assert ("one-stop-h99", "n-0001") == (proof.key_id, proof.nonce)
    assert (NOW, NOW + timedelta(seconds=300)) == (proof.created, proof.expires)
    assert ("@method", "@path", "@query", "content-type", "content-digest", "idempotency-key") == proof.covered


def test_get_covers_its_target_alone():
    """A GET is signed over method, path and query; no query is covered as `?`."""
    assert ("@method", "@path", "@query") == verified(signed(GET), GET, b"").covered
    assert b'"@query": ?\n' in verified(signed(("GET", "", "")), ("GET", "", ""), b"").base


def test_evidence_is_complete():
    """Base and signature together prove it again later, without us."""
    proof = verified(signed())

    assert hmac.digest(SECRET, proof.base, "sha256") == proof.signature


@pytest.mark.parametrize(
    ("key", "base", "mac"),
    [
        (vectors.RFC9421_B25_KEY, vectors.RFC9421_B25_BASE, vectors.RFC9421_B25_MAC),
        (vectors.CALLBACK_KEY, vectors.CALLBACK_BASE, vectors.CALLBACK_MAC),
    ],
)
def test_published_vectors(key, base, mac):
    """The MAC of RFC 9421 B.2.5 and of the callback vector come out as printed."""
    assert f"sig1=:{mac}:" == http_base.mac(key, base)


def test_callback_base_is_built_as_printed():
    """The signature base of the callback vector is built byte for byte."""
    parameters = vectors.CALLBACK_BASE.decode().rpartition('"@signature-params": ')[2]
    sent = {"content-type": "application/json", "content-digest": f"sha-256=:{vectors.CALLBACK_DIGEST}:"}
    covered = ("@method", "@path", "content-type", "content-digest")

    target = {"@method": "POST", "@path": "/tich-hop/thanh-toan/ket-qua"}

    base = http_base.base_of(covered, parameters, target | sent)

    assert vectors.CALLBACK_BASE == base


@pytest.mark.parametrize(("body", "digest"), vectors.CONTENT_DIGESTS)
def test_content_digest(body, digest):
    """Content-Digest is that of RFC 9530."""
    assert f"sha-256=:{digest}:" == http.content_digest(body)


@given(secret=st.binary(min_size=16, max_size=200), message=st.binary(max_size=300))
def test_mac_is_hmac(secret, message):
    """Our prepared halves give the library's HMAC for every length of key and message."""
    expected = base64.b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()

    assert f"sig1=:{expected}:" == http_base.mac(secret, message)


def request_for_oracle(target, headers):
    method, path, query = target
    url = f"https://bus.example.invalid{path}" + (f"?{query}" if query else "")
    return SimpleNamespace(method=method, url=url, headers=dict(headers))


@pytest.mark.parametrize("target", [POST, GET, ("POST", "/v1/events", "a=%C3%A0&b=1")])
def test_oracle_accepts_ours(target):
    """An independent implementation verifies what we sign."""
    headers = signed(target, created=datetime.now(UTC))
    oracle = HTTPMessageVerifier(
        signature_algorithm=algorithms.HMAC_SHA256, key_resolver=MappingKeyResolver(public_keys=KEYS, private_keys={})
    )

    results = oracle.verify(request_for_oracle(target, headers), body=BODY if target[0] == "POST" else None)

    assert ["sig1"] == [result.label for result in results]


@pytest.mark.parametrize("target", [POST, GET, ("POST", "/v1/events", "a=%C3%A0&b=1")])
def test_we_accept_the_oracles(target):
    """We verify what an independent implementation signs, in its own order of parameters."""
    body = BODY if target[0] == "POST" else b""
    headers = {"content-type": "application/json", "content-digest": http.content_digest(body)} if body else {}
    request = request_for_oracle(target, headers)
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.HMAC_SHA256, key_resolver=MappingKeyResolver(public_keys={}, private_keys=KEYS)
    )
    signer.sign(
        request,
        key_id="one-stop-h99",
        created=NOW,
        expires=NOW + timedelta(seconds=60),
        nonce="from-the-oracle",
        label="sig1",
        covered_component_ids=("@method", "@path", "@query", *headers),
        use_existing_digest=bool(body),
    )

    assert "from-the-oracle" == verified(request.headers, target, body).nonce


def test_header_forms():
    """Headers come as a mapping or as pairs, of text or of bytes, named in any case."""
    headers = signed()
    as_bytes = [(name.upper().encode(), value.encode()) for name, value in headers.items()]

    assert verified(headers) == verified(list(headers.items())) == verified([(b"Host", b"x"), *as_bytes])


def test_keys_by_question():
    """Keys may be asked for by name."""
    assert "one-stop-h99" == verified(signed(), keys=KEYS.get).key_id


@pytest.mark.parametrize("life", [1, 300])
def test_any_order_of_parameters(life):
    """Parameters in another order, and without `alg`, are the same signature: the received text is what is checked."""
    headers = signed(life=life)
    text = headers["signature-input"]
    listed, _, parameters = text.partition(")")
    parts = parameters.split(";")[1:]
    other = f"{listed});" + ";".join(reversed(parts[:4]))

    assert "n-0001" == verified(resigned(headers, text, other)).nonce


def test_any_order_of_components():
    """The covered components are a set; their order is the signer's."""
    other = resigned(signed(), '"@method" "@path"', '"@path" "@method"')

    assert ("@path", "@method") == verified(other).covered[:2]


ALL = '("@method" "@path" "@query" "content-type" "content-digest")'

OUT_OF_PROFILE = [
    (ALL, '("@method" "@path" "content-type" "content-digest")'),
    (ALL, '("@method" "@path" "@query" "content-type")'),
    (ALL, '("@method" "@path" "@query" "content-type" "content-digest" "date")'),
    (ALL, '("@method" "@path" "@query" "content-type" "content-digest" "@method")'),
    (";created=", ";tag=1;created="),
    (';nonce="n-0001"', ""),
    (';keyid="one-stop-h99"', ""),
    (';alg="hmac-sha256"', ';alg="hmac-sha512"'),
    (';alg="hmac-sha256"', ';alg="hmac-sha256";alg="hmac-sha256"'),
    (';alg="hmac-sha256"', ';nonce="n-0002"'),
    (';nonce="n-0001"', ";nonce=1"),
    (";created=1783047731", ';created="1783047731"'),
    (";expires=1783048031", ""),
    (";expires=1783048031", ";expires=1783048032"),
    (";expires=1783048031", ";expires=1783047731"),
    (";created=1783047731", ";created=-1783047731"),
    (";created=", "; created="),
    ("sig1=", "sig2="),
    ('"@method" ', '"@method";req '),
    ('"@method" ', '"@method"  '),
]


@pytest.mark.parametrize(("old", "new"), OUT_OF_PROFILE)
def test_out_of_profile_is_refused(old, new):
    """A right MAC over anything but the profile is refused: coverage, parameters, label, life."""
    with pytest.raises(SignatureBroken):
        verified(resigned(signed(), old, new))


CHANGED = {
    "method": {"target": ("PUT", "/v1/events", "")},
    "path": {"target": ("POST", "/v1/events/batch", "")},
    "query": {"target": ("POST", "/v1/events", "dry=1")},
    "body": {"body": BODY + b" "},
    "no body": {"body": b""},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_changed_request_is_refused(change):
    """Whatever a middleman changes, the signature no longer fits."""
    with pytest.raises(SignatureBroken):
        verified(signed(), **change)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-type", "text/plain"),
        ("content-digest", "sha-256=:AAAA:"),
        ("content-digest", "sha-512=:AAAA:"),
        ("signature", "sig1=:AAAA:"),
        ("signature", "sig1=:ạ:"),
        ("signature-input", "sig1=("),
        ("content-type", "application/json\n"),
        ("content-type", "ứng dụng"),
    ],
)
def test_changed_header_is_refused(name, value):
    """A changed, cut or garbled header is refused."""
    with pytest.raises(SignatureBroken):
        verified(signed() | {name: value})


@pytest.mark.parametrize("name", ["content-type", "content-digest", "signature-input", "signature", "idempotency-key"])
def test_header_twice_is_refused(name):
    """A header that came twice could be read in two ways."""
    headers = signed(idempotency_key="k")

    with pytest.raises(SignatureBroken):
        verified([*headers.items(), (name.title(), headers[name])])


def test_digest_of_another_body_is_refused():
    """A right MAC over the digest of another body is refused: the digest is compared, not only signed."""
    with pytest.raises(SignatureBroken, match="Content-Digest"):
        verified(signed(), body=b"{}")


def test_covered_header_must_come():
    """A covered header that did not come is refused."""
    headers = signed()
    del headers["content-type"]

    with pytest.raises(SignatureBroken, match="content-type"):
        verified(headers)


@pytest.mark.parametrize("key", ["sent, not covered", "covered, not sent"])
def test_idempotency_key_is_covered_when_sent(key):
    """`Idempotency-Key` is covered exactly when it is sent."""
    headers = signed() | {"idempotency-key": "k"} if key.startswith("sent") else signed(idempotency_key="k")
    if key.startswith("covered"):
        del headers["idempotency-key"]

    with pytest.raises(SignatureBroken):
        verified(headers)


def test_get_with_body_is_refused():
    """A GET covers no body, so it may not have one."""
    with pytest.raises(SignatureBroken):
        verified(signed(GET), GET, b"{}")


def test_line_end_in_a_value_is_refused():
    """A path with a line end could make one base of two requests."""
    target = ("POST", '/v1/events\n"@query": ?', "")

    with pytest.raises(SignatureBroken):
        verified(signed(), target)


@pytest.mark.parametrize("name", ["signature", "signature-input"])
def test_unsigned(name):
    """Without its two headers a request is unsigned."""
    headers = signed()
    del headers[name]

    with pytest.raises(SignatureMissing):
        verified(headers)


@pytest.mark.parametrize("seconds", [-301, 301, 3600, 86400 * 3650])
def test_stale(seconds):
    """Out of its time by more than 300 s, in the past or the future, a request is stale."""
    with pytest.raises(SignatureStale):
        verified(signed(), now=NOW + timedelta(seconds=seconds))


def test_expired_before_its_skew():
    """`expires` is the signer's own word: past it the request is stale, however young."""
    with pytest.raises(SignatureStale):
        verified(signed(life=10), now=NOW + timedelta(seconds=11))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_in_time(seconds):
    """Up to 300 s of skew either way are taken."""
    assert "n-0001" == verified(signed(), now=NOW + timedelta(seconds=seconds)).nonce


def test_stale_is_told_only_to_who_can_sign():
    """A stale request with a wrong MAC is broken: nobody learns about clocks without the secret."""
    with pytest.raises(SignatureBroken):
        verified(signed(secret=b"another secret of 32 bytes......"), now=NOW + timedelta(hours=1))


@pytest.mark.parametrize("seconds", [0, 4000])
def test_key_unknown(seconds):
    """A name that nobody gave out is refused, and the refusal says the name."""
    with pytest.raises(KeyUnknown) as refusal:
        verified(signed(key_id="stranger"), now=NOW + timedelta(seconds=seconds))

    assert "stranger" == refusal.value.key_id


def test_short_secret_is_never_used():
    """A secret that could be guessed signs nothing and verifies nothing."""
    with pytest.raises(SecretTooShort):
        signed(secret=b"short")
    with pytest.raises(VerifierFailed):
        verified(signed(), keys={"one-stop-h99": b""})


@pytest.mark.parametrize("changes", [{"nonce": 'x";alg="none'}, {"nonce": ""}, {"key_id": ""}, {"key_id": "tỉnh"}])
def test_signer_refuses_what_it_could_not_read_back(changes):
    """A name or nonce that would break out of its quotes is our own mistake, found before sending."""
    with pytest.raises(ValueError, match="nonce"):
        signed(**changes)


def test_unknown_trouble_is_a_refusal():
    """Bar rule 7: an unknown exception in the verifier is a refusal, never a yes and never a crash."""

    def broken(key_id):
        raise ZeroDivisionError(key_id)

    with pytest.raises(VerifierFailed) as refusal:
        verified(signed(), keys=broken)
    with pytest.raises(VerifierFailed):
        verified([("x",)])

    assert isinstance(refusal.value.__cause__, ZeroDivisionError)
    assert b'"@method": POST' in refusal.value.base


def test_refusal_carries_the_base_and_no_secret():
    """The base as we built it answers a vendor on the telephone; the secret is nowhere in it."""
    with pytest.raises(NotVerified) as refusal:
        verified(signed(secret=b"another secret of 32 bytes......"))

    assert refusal.value.base.startswith(b'"@method": POST\n"@path": /v1/events\n')
    assert "one-stop-h99" == refusal.value.key_id
    assert SECRET not in refusal.value.base + str(refusal.value).encode()


def test_refusals_say_what_to_do():
    """A refusal without its own words says its docstring."""
    assert "sign it" in str(SignatureMissing())


@given(data=st.data())
def test_flipped_bytes_are_refused(data):
    """One changed character anywhere in the headers or the body is refused."""
    headers = signed(idempotency_key="H99.09-260703-0123:record-1")
    name = data.draw(st.sampled_from(sorted(headers)))
    at = data.draw(st.integers(0, len(headers[name]) - 1))
    character = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != headers[name][at]))
    changed = headers[name][:at] + character + headers[name][at + 1 :]

    with pytest.raises(NotVerified):
        verified(headers | {name: changed})
