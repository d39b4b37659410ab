"""JWS: published vectors, the other implementation, and every trick that a token can try."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from types import SimpleNamespace

import joserfc.jws
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from signing import asymmetric, jws
from signing.errors import KeyUnknown, NotVerified, SecretTooShort, SignatureBroken, VerifierFailed
from signing.keys import KeyInMemory
from tests.key_pairs import key, private_pem, public_pem
from tests.unit.signing import published

SECRET = b"demo-jws-shared-secret-0123456789"
PAYLOAD = '{"MaLoi":"00","Tên":"Nguyễn Thị Ví Dụ"}'.encode()
ALGORITHMS = {
    "EdDSA": "ed25519",
    "Ed25519": "ed25519",
    "ES256": "p256",
    "ES512": "p521",
    "RS256": "rsa",
    "PS256": "rsa",
}
EVERY = ["HS256", *ALGORITHMS]
JOSE = {"EdDSA": OKPKey, "Ed25519": OKPKey, "ES256": ECKey, "ES512": ECKey, "RS256": RSAKey, "PS256": RSAKey}

OLD_NAME = "ignore:EdDSA is deprecated"  # RFC 9864 has a name for each curve; partners still write the old one


@cache
def pair(algorithm):
    """What signs, and what checks it."""
    if algorithm == "HS256":
        return SECRET, SECRET
    kind = ALGORITHMS[algorithm]
    return asymmetric.signing_key(private_pem(kind), algorithm), asymmetric.public_key(public_pem(kind), algorithm)


def encoded(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(header, payload=PAYLOAD, secret=SECRET):
    """A token with any header at all, under a right HMAC."""
    first = f"{encoded(header)}.{encoded(payload)}"
    return f"{first}.{encoded(hmac.digest(secret, first.encode(), 'sha256'))}"


def made_detached(header, payload=PAYLOAD):
    """A detached token with any header at all, under a right HMAC over the raw payload."""
    first = encoded(header)
    return f"{first}..{encoded(hmac.digest(SECRET, first.encode() + b'.' + payload, 'sha256'))}"


@pytest.mark.parametrize("vector", published.JWS["vectors"], ids=lambda vector: vector["id"])
def test_published_vectors(vector):
    """Every printed token holds under its printed key; with one bit of its signature changed it does not."""
    known = published.key_of(vector, published.JWS["keys"])

    def judged(token):
        if "payload" in vector:
            return jws.verify_detached(token, vector["payload"].encode(), known)
        return jws.verify(token, known)

    assert vector["algorithm"] == judged(vector["token"]).header["alg"]

    first, last = vector["token"].rsplit(".", 1)
    raw = urlsafe_b64decode(last + "==")
    with pytest.raises(SignatureBroken):
        judged(f"{first}.{encoded(bytes([raw[0] ^ 1]) + raw[1:])}")


@pytest.mark.parametrize("vector", ["RFC 7797 4.2", "jws-detached-b64false", "jws-detached-encoded"])
def test_detached_vectors_are_made_again(vector):
    """What is printed of a detached token comes out when we sign it."""
    found = next(each for each in published.JWS["vectors"] if each["id"] == vector)
    known = published.key_of(found, published.JWS["keys"])
    header = json.loads(urlsafe_b64decode(found["token"].split(".")[0] + "=="))

    again = jws.sign_detached(found["payload"].encode(), known, kid=header.get("kid"), is_encoded="b64" not in header)

    assert found["token"].rsplit(".")[2] in (again.rsplit(".")[2], _of_header(found, known))


def _of_header(vector, secret):
    """The signature over the printed header, whose members may stand in another order than ours."""
    first = vector["token"].split(".")[0]
    return encoded(hmac.digest(secret, f"{first}.{vector['payload']}".encode(), "sha256"))


@pytest.mark.parametrize("algorithm", EVERY)
def test_what_is_signed_is_verified(algorithm):
    """Compact, detached raw and detached encoded: each proves its payload and its header."""
    mine, known = pair(algorithm)
    compact = jws.sign(PAYLOAD, mine, kid="k-1", typ="JOSE")

    proof = jws.verify(compact, known)

    assert {"alg": algorithm, "kid": "k-1", "typ": "JOSE"} == proof.header
    assert PAYLOAD == proof.payload
    assert compact.rpartition(".")[0].encode() == proof.signed
    for is_encoded in (False, True):
        detached = jws.sign_detached(PAYLOAD, mine, is_encoded=is_encoded)
        assert PAYLOAD == jws.verify_detached(detached, PAYLOAD, known).payload
        with pytest.raises(SignatureBroken):
            jws.verify_detached(detached, PAYLOAD + b" ", known)


def jose_key(algorithm, pem):
    return OctKey.import_key(SECRET) if algorithm == "HS256" else JOSE[algorithm].import_key(pem)


@pytest.mark.filterwarnings(OLD_NAME)
@pytest.mark.parametrize("algorithm", EVERY)
def test_the_other_implementation_accepts_ours(algorithm):
    """joserfc verifies what we sign, compact and detached over raw bytes."""
    mine, _ = pair(algorithm)
    known = jose_key(algorithm, public_pem(ALGORITHMS.get(algorithm, "p256")))

    compact = joserfc.jws.deserialize_compact(jws.sign(PAYLOAD, mine), known, algorithms=[algorithm])
    detached = joserfc.jws.deserialize_compact(
        jws.sign_detached(PAYLOAD, mine), known, algorithms=[algorithm], payload=PAYLOAD
    )

    assert [PAYLOAD, PAYLOAD] == [compact.payload, detached.payload]


@pytest.mark.filterwarnings(OLD_NAME)
@pytest.mark.parametrize("algorithm", EVERY)
def test_we_accept_the_other_implementations(algorithm):
    """We verify what joserfc signs."""
    mine = jose_key(algorithm, private_pem(ALGORITHMS.get(algorithm, "p256")))
    token = joserfc.jws.serialize_compact({"alg": algorithm}, PAYLOAD, mine, algorithms=[algorithm])

    assert PAYLOAD == jws.verify(token, pair(algorithm)[1]).payload


def test_a_key_that_stays_in_its_token_signs():
    """A token's key signs by `held_key`; what it signs is verified like any other."""
    mine = KeyInMemory(key("rsa"))
    held = asymmetric.held_key(SimpleNamespace(algorithms=("rsa-sha256",), sign=mine.sign), "RS256")

    assert PAYLOAD == jws.verify(jws.sign(PAYLOAD, held), pair("RS256")[1]).payload


# -- attacks -----------------------------------------------------------------------------------------------------------

HEADERS = {
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "no algorithm": {},
    "algorithm is a list": {"alg": ["HS256"]},
    "another algorithm": {"alg": "HS512"},
    "lower case": {"alg": "hs256"},
    "embedded key": {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}},
    "key by address": {"alg": "HS256", "jku": "https://evil.example.invalid/keys"},
    "embedded certificate": {"alg": "HS256", "x5c": ["MIIB"]},
    "certificate by address": {"alg": "HS256", "x5u": "https://evil.example.invalid/cert"},
    "kid is a number": {"alg": "HS256", "kid": 1},
    "crit is empty": {"alg": "HS256", "crit": []},
    "crit is a text": {"alg": "HS256", "crit": "b64"},
    "crit of the unknown": {"alg": "HS256", "crit": ["exp"], "exp": 1},
    "crit of the absent": {"alg": "HS256", "crit": ["b64"]},
    "crit twice": {"alg": "HS256", "crit": ["b64", "b64"], "b64": True},
    "crit of the standard's own": {"alg": "HS256", "crit": ["alg"]},
    "b64 without crit": {"alg": "HS256", "b64": True},
    "b64 without crit, raw": {"alg": "HS256", "b64": False},
    "b64 is a number": {"alg": "HS256", "b64": 0, "crit": ["b64"]},
    "b64 is a text": {"alg": "HS256", "b64": "false", "crit": ["b64"]},
    "a list": ["HS256"],
    "a text": "HS256",
    "null": None,
    "not JSON": b'{"alg":"HS256",}',
    "not UTF-8": b'{"alg":"HS256","kid":"\xff"}',
    "not a number": b'{"alg":"HS256","x":NaN}',
    "twice": b'{"alg":"HS256","alg":"HS256"}',
    "none, then ours": b'{"alg":"none","alg":"HS256"}',
    "kid twice": b'{"alg":"HS256","kid":"a","kid":"b"}',
    "twice inside": b'{"alg":"HS256","x":{"a":1,"a":2}}',
    "deep": b'{"alg":"HS256","x":' + b"[" * 3500 + b"]" * 3500 + b"}",
    "long": b'{"alg":"HS256","x":"' + b"a" * 9000 + b'"}',
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_tries_something_is_refused(header):
    """A right MAC over such a header is refused, and raises no alarm: only the header's form can refuse it."""
    with pytest.raises(SignatureBroken) as inside:
        jws.verify(made(header), SECRET)
    with pytest.raises(SignatureBroken) as beside:
        jws.verify_detached(made_detached(header), PAYLOAD, SECRET)

    assert {SignatureBroken} == {type(inside.value), type(beside.value)}


def test_raw_bytes_travel_beside_the_token():
    """With `b64` false a payload inside the token is refused; beside it, it is verified."""
    header = {"alg": "HS256", "b64": False, "crit": ["b64"]}
    first = encoded(header)
    inside = f"{first}.{encoded(PAYLOAD)}.{encoded(hmac.digest(SECRET, first.encode() + b'.' + PAYLOAD, 'sha256'))}"

    assert PAYLOAD == jws.verify_detached(made_detached(header), PAYLOAD, SECRET).payload
    for token in (inside, made(header)):
        with pytest.raises(SignatureBroken, match="beside the token"):
            jws.verify(token, SECRET)


def test_crit_may_say_that_the_payload_is_encoded():
    """`b64` true, said to be understood, is the usual form."""
    assert PAYLOAD == jws.verify(made({"alg": "HS256", "b64": True, "crit": ["b64"]}), SECRET).payload


def test_other_members_are_ignored():
    """A member that nobody marked as critical changes nothing (RFC 7515, section 4)."""
    assert {"alg": "HS256", "x-own": [1]} == jws.verify(made({"alg": "HS256", "x-own": [1]}), SECRET).header


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
@pytest.mark.parametrize("told", ["HS256", "none", "own"])
def test_a_public_key_is_no_secret(algorithm, told):
    """HS256 under the public key, in PEM or bare, is refused, whatever algorithm the header names."""
    known = pair(algorithm)[1]
    header = {"alg": algorithm if told == "own" else told}
    pem = public_pem(ALGORITHMS[algorithm])

    for secret in (pem, pem.strip(), known.fingerprint.encode()):
        with pytest.raises(SignatureBroken):
            jws.verify(made(header, secret=secret), known)


@pytest.mark.parametrize(("ours", "other"), [("RS256", "PS256"), ("PS256", "RS256"), ("ES256", "HS256")])
def test_an_algorithm_is_not_swapped(ours, other):
    """A good signature by another algorithm, even under the same key, is refused."""
    with pytest.raises(SignatureBroken, match=ours):
        jws.verify(jws.sign(PAYLOAD, pair(other)[0]), pair(ours)[1])


@pytest.mark.parametrize("kid", ["k-2", "../k-1", "k-1\0", "K-1", "k-1 ", "' OR 1=1 --", "/dev/null", ""])
def test_a_name_is_a_name(kid):
    """A key is found by its exact name among those agreed; anything else is unknown."""
    with pytest.raises(KeyUnknown) as refusal:
        jws.verify(jws.sign(PAYLOAD, SECRET, kid=kid), {"k-1": SECRET})

    assert kid == refusal.value.key_id


def test_keys_by_name():
    """Several keys are told apart by their names; a token without one is refused."""
    keys = {"k-1": SECRET, "k-2": pair("ES256")[1]}

    assert PAYLOAD == jws.verify(jws.sign(PAYLOAD, SECRET, kid="k-1"), keys).payload
    assert PAYLOAD == jws.verify(jws.sign(PAYLOAD, pair("ES256")[0], kid="k-2"), keys.get).payload
    with pytest.raises(SignatureBroken):
        jws.verify(jws.sign(PAYLOAD, SECRET, kid="k-2"), keys)
    with pytest.raises(KeyUnknown):
        jws.verify(jws.sign(PAYLOAD, SECRET), keys)


def tokens():
    good = jws.sign(PAYLOAD, SECRET)
    first, middle, last = good.split(".")
    return {
        "two parts": f"{first}.{middle}",
        "four parts": f"{good}.{last}",
        "five parts": f"{good}.{last}.{last}",
        "padded": f"{first}.{middle}.{last}=",
        "the other alphabet": f"{first}.{middle}.{last[:-1]}+",
        "a line end": f"{first}.{middle}.{last}\n",
        "a space": f" {good}",
        "no signature": f"{first}.{middle}.",
        "signature cut": f"{first}.{middle}.{last[:-2]}",
        "one letter over": f"{first}.{middle}.{last}AA",
        "one letter": "A.A.A",
        "not ASCII": f"{first}.{middle}ạ.{last}",
        "empty": "",
        "dots": "..",
        "detached": f"{first}..{last}",
        "JSON form": json.dumps({"payload": middle, "protected": first, "signature": last}),
    }


@pytest.mark.parametrize("token", tokens().values(), ids=tokens().keys())
def test_a_token_has_one_form(token):
    """Whatever is not three parts in base64url, in its one spelling, is refused and raises no alarm."""
    with pytest.raises(SignatureBroken) as refusal:
        jws.verify(token, SECRET)

    assert SignatureBroken is type(refusal.value)


def test_one_spelling_of_a_signature():
    """Bits that base64url leaves over must be zero."""
    token = jws.sign(PAYLOAD, SECRET)  # 32 bytes: 43 letters, of which the last holds four bits and two zeros
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]

    with pytest.raises(SignatureBroken, match="one spelling"):
        jws.verify(other, SECRET)


def test_a_payload_stands_in_one_place():
    """Inside the token and beside it at once is refused: nobody could say which was signed."""
    with pytest.raises(SignatureBroken, match="not both"):
        jws.verify_detached(jws.sign(PAYLOAD, SECRET), PAYLOAD, SECRET)


def test_a_payload_is_not_taken_for_another_form():
    """The signature over the encoded payload does not hold for the raw one that looks like it."""
    token = jws.sign_detached(PAYLOAD, SECRET, is_encoded=True)

    with pytest.raises(SignatureBroken):
        jws.verify_detached(token, encoded(PAYLOAD).encode(), SECRET)


def test_a_short_secret_is_never_used():
    """A shared key shorter than the hash signs nothing and verifies nothing."""
    with pytest.raises(SecretTooShort):
        jws.sign(PAYLOAD, b"a" * 31)
    with pytest.raises(VerifierFailed):
        jws.verify(jws.sign(PAYLOAD, SECRET), b"a" * 31)


def test_unknown_trouble_is_a_refusal():
    """Bar rule 7: an unknown exception in the verifier is a refusal and an alarm."""
    with pytest.raises(VerifierFailed) as refusal:
        jws.verify(jws.sign(PAYLOAD, SECRET, kid="k-1"), lambda kid: 1 // 0)

    assert "k-1" == refusal.value.key_id
    assert isinstance(refusal.value.__cause__, ZeroDivisionError)


@cache
def token_of(algorithm):
    return jws.sign(PAYLOAD, pair(algorithm)[0])


@pytest.mark.parametrize("algorithm", EVERY)
@given(data=st.data())
def test_any_changed_bit_is_refused(algorithm, data):
    """One changed bit anywhere in a token is refused."""
    raw = bytearray(token_of(algorithm).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(NotVerified):
        jws.verify(raw.decode("latin-1"), pair(algorithm)[1])


@given(header=st.binary(max_size=200), payload=st.binary(max_size=50))
def test_no_header_makes_trouble(header, payload):
    """Whatever stands where the header should, the answer is a plain refusal."""
    with pytest.raises(SignatureBroken) as refusal:
        jws.verify(made(header, payload or b"x"), SECRET)

    assert SignatureBroken is type(refusal.value)
