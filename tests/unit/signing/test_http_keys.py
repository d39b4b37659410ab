"""RFC 9421 under every kind of key: the key decides the algorithm, and nothing in the message changes that."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver, algorithms
from hypothesis import given
from hypothesis import strategies as st

from signing import http, http_base
from signing.asymmetric import certificate_key, public_key, signing_key
from signing.errors import ExpiredCertificate, KeyUnknown, NotVerified, SignatureBroken, VerifierFailed
from tests.key_pairs import KINDS, certificate_pem, private_pem, public_pem
from tests.unit.signing import published

NOW = datetime(2026, 7, 3, 3, 2, 11, tzinfo=UTC)
SECRET = b"demo-secret-of-thirty-two-bytes!"
NEXT = b"the next secret of another value"
POST = ("POST", "/v1/events", "a=%C3%A0&b=1")
BODY = '{"tên":"Nguyễn Thị Ví Dụ"}'.encode()
ORACLES = {
    "ed25519": algorithms.ED25519,
    "p256": algorithms.ECDSA_P256_SHA256,
    "rsa": algorithms.RSA_PSS_SHA512,
}


@cache
def signer(kind, which=0):
    return signing_key(private_pem(kind, which))


@cache
def checker(kind, which=0):
    return public_key(public_pem(kind, which))


def signed(key, target=POST, body=BODY, *, created=NOW, nonce="n-0001"):
    """The headers of a request signed with this key, named `one-stop-h99` whatever it is."""
    kind = None if target[0] == "GET" else "application/json"
    told = {"key_id": "one-stop-h99", "nonce": nonce, "created": created, "expires": created + timedelta(seconds=300)}
    return http.sign_request(*target, kind, body, secret=key, **told)


def verified(headers, *keys, target=POST, body=BODY, now=NOW):
    """What the verifier says when these are the caller's keys."""
    known = {"one-stop-h99": keys[0] if len(keys) == 1 else keys}
    return http.verify_request(*target, headers, body, keys=known, now=now)


@pytest.mark.parametrize("vector", published.HTTP["vectors"], ids=lambda vector: vector["id"])
def test_published_vectors(vector):
    """Each printed base is built byte for byte, and its printed signature holds under the printed key."""
    base = http_base.base_of(tuple(vector["covered"]), vector["parameters"], vector["values"])
    lines = [f'"{name}": {vector["values"][name]}' for name in vector["covered"]]
    signature = base64.b64decode(vector["signature"])
    key = published.key_of(vector, published.HTTP["keys"])

    assert "\n".join([*lines, f'"@signature-params": {vector["parameters"]}']).encode() == base

    if isinstance(key, bytes):
        assert hmac.digest(key, base, "sha256") == signature
        assert f"sig1=:{vector['signature']}:" == http_base.mac(key, base)
    else:
        key.check(base, signature)
        with pytest.raises(SignatureBroken):
            key.check(base + b" ", signature)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_under_a_key_pair(kind):
    """A request signed with a private key is verified with its public half; the proof names the algorithm."""
    proof = verified(signed(signer(kind)), checker(kind))

    assert ("one-stop-h99", "n-0001", KINDS[kind]) == (proof.key_id, proof.nonce, proof.algorithm)
    checker(kind).check(proof.base, proof.signature)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", [POST, ("GET", "/v1/deliveries", "state=held")])
def test_the_oracle_accepts_ours(kind, target):
    """An independent implementation verifies what we sign, with every kind of key."""
    body = BODY if target[0] == "POST" else b""
    headers = signed(signer(kind), target, body, created=datetime.now(UTC))
    oracle = HTTPMessageVerifier(
        signature_algorithm=ORACLES[kind],
        key_resolver=MappingKeyResolver(public_keys={"one-stop-h99": public_pem(kind)}, private_keys={}),
    )
    url = f"https://bus.example.invalid{target[1]}?{target[2]}"
    request = SimpleNamespace(method=target[0], url=url, headers=headers)

    results = oracle.verify(request, body=body or None)

    assert ["sig1"] == [result.label for result in results]


@pytest.mark.parametrize("kind", KINDS)
def test_we_accept_the_oracles(kind):
    """We verify what an independent implementation signs, with every kind of key."""
    headers = {"content-type": "application/json", "content-digest": http.content_digest(BODY)}
    request = SimpleNamespace(method="POST", url=f"https://x.example.invalid{POST[1]}?{POST[2]}", headers=headers)
    oracle = HTTPMessageSigner(
        signature_algorithm=ORACLES[kind],
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={"one-stop-h99": private_pem(kind)}),
    )
    oracle.sign(
        request,
        key_id="one-stop-h99",
        created=NOW,
        expires=NOW + timedelta(seconds=60),
        nonce="from-the-oracle",
        label="sig1",
        covered_component_ids=("@method", "@path", "@query", *headers),
        use_existing_digest=True,
    )

    assert "from-the-oracle" == verified(request.headers, checker(kind)).nonce


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_is_no_secret(kind):
    """Whoever knows the public key cannot sign with it as if it were a shared secret."""
    for secret in (public_pem(kind), public_pem(kind).strip()):
        with pytest.raises(SignatureBroken, match=KINDS[kind]):
            verified(signed(secret), checker(kind))
        headers = signed(secret)
        headers["signature-input"] = headers["signature-input"].replace(';alg="hmac-sha256"', "")
        with pytest.raises(SignatureBroken):
            verified(headers, checker(kind))


@pytest.mark.parametrize("told", ["hmac-sha256", "rsa-v1_5-sha256", "none", "ED25519", "ed25519 "])
@pytest.mark.parametrize("kind", ["ed25519", "secret"])
def test_the_message_does_not_choose(kind, told):
    """Another algorithm in the message is refused, whatever it is; what it repeats must be the key's own."""
    key, known = (SECRET, SECRET) if kind == "secret" else (signer(kind), checker(kind))
    headers = signed(key)
    own = http_base.algorithm_of(key)
    headers["signature-input"] = headers["signature-input"].replace(f'alg="{own}"', f'alg="{told}"')

    if told == own:
        assert verified(headers, known)
    else:
        with pytest.raises(SignatureBroken):
            verified(headers, known)


@pytest.mark.parametrize("kind", KINDS)
def test_without_alg_it_is_the_keys(kind):
    """Without `alg` the algorithm is the key's; in another order the parameters say the same."""
    key = signer(kind)
    bare = _resigned(signed(key), key, lambda text: text.replace(f';alg="{KINDS[kind]}"', ""))
    turned = _resigned(signed(key), key, lambda text: ")".join([text.split(")")[0], _turned(text.split(")")[1])]))

    assert {KINDS[kind]} == {verified(headers, checker(kind)).algorithm for headers in (bare, turned)}


def _turned(parameters):
    return "".join(f";{each}" for each in reversed(parameters.split(";")[1:]))


def _resigned(headers, key, change):
    """The same request with other parameters, under a right signature."""
    text = change(headers["signature-input"])
    values = {"@method": POST[0], "@path": POST[1], "@query": "?" + POST[2], **headers}
    covered = tuple(name.strip('"') for name in text.partition("(")[2].partition(")")[0].split())
    base = http_base.base_of(covered, text.removeprefix("sig1="), values)
    return headers | {"signature-input": text, "signature": http_base.signature_of(key, base)}


def test_a_number_for_alg_is_refused():
    """`alg` is a text; a number in its place is refused like any other change of form."""
    key = signer("ed25519")

    with pytest.raises(SignatureBroken, match="wrong type"):
        verified(_resigned(signed(key), key, lambda text: text.replace('alg="ed25519"', "alg=1")), checker("ed25519"))


def test_any_of_a_callers_keys_is_good():
    """While a caller changes its key, old and new are both good, whatever their kinds; a third is not."""
    keys = (SECRET, NEXT, checker("ed25519"), checker("p256"))

    proofs = [verified(signed(key), *keys).algorithm for key in (SECRET, NEXT, signer("ed25519"), signer("p256"))]

    assert ["hmac-sha256", "hmac-sha256", "ed25519", "ecdsa-p256-sha256"] == proofs
    for stranger in (b"a third secret that nobody knows", signer("rsa"), signer("ed25519", 1)):
        with pytest.raises(SignatureBroken):
            verified(signed(stranger), *keys)


def test_a_caller_without_a_key_is_unknown():
    """A name without any key proves nothing."""
    with pytest.raises(KeyUnknown):
        http.verify_request(*POST, signed(SECRET), BODY, keys={"one-stop-h99": ()}, now=NOW)


def test_a_certificate_counts_within_its_days():
    """Under a certificate a signature holds until its last day; then the caller's next one does."""
    old = certificate_key(certificate_pem("p256", begins=NOW - timedelta(days=365), days=365))
    new = certificate_key(certificate_pem("p256", 1, begins=NOW - timedelta(days=1)))
    later = NOW + timedelta(seconds=1)

    assert "n-0001" == verified(signed(signer("p256")), old, new).nonce
    assert "n-0001" == verified(signed(signer("p256", 1)), old, new, now=later).nonce
    with pytest.raises(ExpiredCertificate) as refusal:
        verified(signed(signer("p256")), old, new, now=later)
    assert "one-stop-h99" == refusal.value.key_id


FORMS = [
    "sig1=:{0}:, sig2=:{0}:",
    "sig2=:{0}:",
    "sig1=:{0}",
    "sig1={0}",
    "sig1=:{0}:;x=1",
    "sig1=: {0}:",
    "sig1=::",
    "sig1=:{0}AAAA:",
    "sig1=:A{0}:",
    "sig1=:{0}=:",
    "",
    "ạ",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [*KINDS, "secret"])
def test_one_value_in_one_form(kind, form):
    """Two labels, another label, a longer or a garbled value are refused, and none of them raises an alarm."""
    key, known = (SECRET, SECRET) if kind == "secret" else (signer(kind), checker(kind))
    headers = signed(key)
    value = headers["signature"].removeprefix("sig1=:").removesuffix(":")

    with pytest.raises(SignatureBroken) as refusal:
        verified(headers | {"signature": form.format(value)}, known)

    assert SignatureBroken is type(refusal.value)


def test_one_spelling_of_a_value():
    """Bits that Base64 leaves over must be zero: another spelling of the same value is refused."""
    headers = signed(signer("ed25519"))
    spelled = headers["signature"]
    at = len(spelled) - 4
    other = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = spelled[:at] + other[other.index(spelled[at]) + 1] + spelled[at + 1 :]

    assert base64.b64decode(spelled[6:-1]) == base64.b64decode(changed[6:-1])
    with pytest.raises(SignatureBroken, match="one value"):
        verified(headers | {"signature": changed}, checker("ed25519"))


@pytest.mark.parametrize(
    "text",
    [
        'sig1=("@method");created=1, sig2=("@method");created=1',
        "sig1=()",
        'sig1=("@method");x',
        'sig1=("@method";req=1)',
        'sig1=("@method";sf)',
        "",
    ],
)
def test_one_claim_in_one_form(text):
    """Two claims, no component, or a parameter of a component that we do not know are refused before any key."""
    with pytest.raises(SignatureBroken):
        verified(signed(signer("ed25519")) | {"signature-input": text}, checker("ed25519"))


OTHERS = {
    "method": {"target": ("PUT", *POST[1:])},
    "path": {"target": ("POST", "/v1/events/batch", POST[2])},
    "query": {"target": (*POST[:2], "b=1&a=%C3%A0")},
    "spelling": {"target": (*POST[:2], "a=%c3%a0&b=1")},
    "body": {"body": BODY + b"\n"},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_is_of_one_request(kind, other):
    """A good signature put under another request is refused."""
    with pytest.raises(SignatureBroken):
        verified(signed(signer(kind)), checker(kind), **other)


def test_unknown_trouble_is_a_refusal():
    """Bar rule 7: what a key throws is a refusal and an alarm, never a yes and never a crash."""

    class Strange:
        algorithm = "ed25519"

        def check(self, *told):
            raise ZeroDivisionError

    with pytest.raises(VerifierFailed) as refusal:
        verified(signed(signer("ed25519")), Strange())
    assert isinstance(refusal.value.__cause__, ZeroDivisionError)


@cache
def headers_of(kind):
    return signed(signer(kind))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_changed_bit_is_refused(kind, data):
    """One changed bit in the body, the path, the query or a header is refused."""
    headers = headers_of(kind)
    parts = {"path": POST[1], "query": POST[2], "body": BODY.decode("latin-1"), **headers}
    name = data.draw(st.sampled_from(sorted(parts)))
    raw = bytearray(parts[name].encode("latin-1"))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = parts | {name: raw.decode("latin-1")}

    with pytest.raises(NotVerified):
        http.verify_request(
            *("POST", changed["path"], changed["query"]),
            {each: changed[each] for each in headers},
            changed["body"].encode("latin-1"),
            keys={"one-stop-h99": checker(kind)},
            now=NOW,
        )
