"""Plain HMAC in a header: each partner's profile, what it must cover, and every way to be refused."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import (
    KeyUnknown,
    NotVerified,
    SecretTooShort,
    SignatureBroken,
    SignatureMissing,
    SignatureStale,
    VerifierFailed,
)
from signing.hmac_profile import HmacProfile, sign, verify

NOW = datetime(2026, 1, 15, 7, 30, 5, tzinfo=UTC)
SECRET = b"demo-partner-secret"
BODY = (
    b'{"credentialID":"cred-01","originatorCode":"TINHDEMO","documents":[{"documentName":"giay-phep.pdf",'
    b'"digestValue":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}]}'
)
TARGET = ("POST", "/api/v1/signings/hash", "")
NONCE = "7f1d2c34-0a5b-4c6d-8e9f-001122334455"
USUAL = HmacProfile()
NAMED = HmacProfile(key_header="x-partner-code")
WEBHOOK = HmacProfile(
    signature_header="x-webhook-signature",
    timestamp_header="",
    nonce_header="",
    parts=("body",),
    separator="",
    prefix="sha256=",
    encodings=("hex", "base64"),
)
WHOLE = HmacProfile(
    key_header="x-key",
    parts=("key_id", "method", "target", "query", "timestamp", "nonce", "body"),
    encodings=("base64",),
)


def signed(profile=USUAL, target=TARGET, body=BODY, **changes):
    told = {"secret": SECRET, "now": NOW, "nonce": NONCE, "key_id": "TINHDEMO"} | changes
    return sign(profile, *target, body, **told)


def verified(headers, profile=USUAL, target=TARGET, body=BODY, *, secrets=None, now=NOW):
    known = secrets if secrets is not None else {"": SECRET, "TINHDEMO": SECRET}
    return verify(profile, *target, headers, body, secrets=known, now=now)


def test_the_assumed_vector_of_the_gateway():
    """The central gateway's string to sign, as this project assumes it, gives the vector's MAC."""
    assert {
        "x-timestamp": "1768462205",
        "x-nonce": NONCE,
        "x-signature": "0037ac5590e265d92a1ebdbb86a34a4b6f84af2aa5c6a0ec15e6eeb9d949c386",
    } == signed()


def test_the_vector_of_the_webhook():
    """A webhook signs its raw body: the vector holds, and the same JSON with spaces does not."""
    body = (
        b'{"id":"evt-0001","type":"SIGNHASH_WEBHOOK_RESULT","attempt":1,'
        b'"data":{"handle":"h-1001","status":0,"signatures":["AA=="],"description":"OK"}}'
    )
    header = {"X-Webhook-Signature": "sha256=e4f1ac7e40df3e22af6843c591327e18b305bdfe0dcb255a05763659b59dd667"}
    known = {"": b"demo-webhook-secret"}

    proof = verified(header, WEBHOOK, body=body, secrets=known)

    assert (None, None, body) == (proof.created, proof.expires, proof.base)
    with pytest.raises(SignatureBroken):
        verified(header, WEBHOOK, body=body.replace(b":", b": "), secrets=known)


@pytest.mark.parametrize("profile", [USUAL, NAMED, WEBHOOK, WHOLE])
@pytest.mark.parametrize("target", [TARGET, ("GET", "/v1/x", "a=1&b=%20")])
def test_what_is_signed_is_verified(profile, target):
    """What a profile signs it verifies, with header names in any case; the proof holds what must be remembered."""
    headers = {name.title(): f" {value}\t" for name, value in signed(profile, target).items()}

    proof = verified(headers, profile, target)

    assert hmac.digest(SECRET, proof.base, "sha256") == proof.signature
    assert proof == verified(list(headers.items()), profile, target, secrets=lambda name: SECRET)
    if profile.timestamp_header:
        assert (NONCE, NOW, NOW + timedelta(seconds=300)) == (proof.nonce, proof.created, proof.expires)


def test_the_whole_is_signed_as_agreed():
    """Each part stands in its place, the body as it travels at the end."""
    base = verified(signed(WHOLE, ("POST", "/p", "q=1")), WHOLE, ("POST", "/p", "q=1")).base

    assert b"TINHDEMO\nPOST\n/p?q=1\nq=1\n1768462205\n" + NONCE.encode() + b"\n" + BODY == base


@pytest.mark.parametrize("spell", [bytes.hex, lambda mac: mac.hex().upper()])
def test_hex_in_either_case(spell):
    """Hexadecimal digits are read in either case: the bytes are compared."""
    headers = signed()

    assert verified(headers | {"x-signature": spell(bytes.fromhex(headers["x-signature"]))})


def test_a_secret_may_change():
    """Of several secrets any is good, and no other."""
    both = {"": (b"the secret that comes next", SECRET)}

    assert verified(signed(), secrets=both)
    with pytest.raises(SignatureBroken):
        verified(signed(secret=b"a secret of nobody"), secrets=both)


@pytest.mark.parametrize("known", [{}, {"": ()}, {"": b""}])
def test_an_unknown_name(known):
    """A name without a secret proves nothing; an empty secret is none."""
    with pytest.raises(KeyUnknown):
        verified(signed(), secrets=known)


def test_a_refusal_names_who_claimed():
    """The refusal carries the claimed name and the base as built here."""
    with pytest.raises(SignatureBroken) as refusal:
        verified(signed(NAMED, secret=b"a secret of nobody"), NAMED)

    assert "TINHDEMO" == refusal.value.key_id
    assert refusal.value.base.startswith(b"POST\n/api/v1/signings/hash\n")


CHANGED = {
    "method": {"target": ("PUT", *TARGET[1:])},
    "path": {"target": ("POST", "/api/v1/signings/hash/", "")},
    "body": {"body": BODY + b" "},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_a_changed_request_is_refused(change):
    """A good MAC under another request is refused."""
    with pytest.raises(SignatureBroken):
        verified(signed(), **change)


@pytest.mark.parametrize("profile", [USUAL, WHOLE])
def test_each_header_comes_once(profile):
    """Every header of the profile is needed, and comes once."""
    headers = signed(profile)
    for name in headers:
        with pytest.raises(SignatureMissing, match=name):
            verified({each: value for each, value in headers.items() if each != name}, profile)
        with pytest.raises(SignatureBroken, match="twice"):
            verified([*headers.items(), (name.upper(), headers[name])], profile)
    assert verified([*headers.items(), ("accept", "a"), ("accept", "b")], profile)


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (USUAL, "{hex}00"),
        (USUAL, "{hex:.62}"),
        (USUAL, "0x{hex:.62}"),
        (USUAL, "{base64}"),
        (USUAL, "sha256={hex}"),
        (USUAL, ""),
        (WHOLE, "{hex}"),
        (WHOLE, "{base64}="),
        (WEBHOOK, "{hex}"),
        (WEBHOOK, "sha1={hex}"),
        (WEBHOOK, "sha256=sha256={hex}"),
    ],
)
def test_a_mac_has_its_agreed_form(profile, text):
    """A MAC in another form than agreed is refused, and raises no alarm."""
    headers = signed(profile)
    base = verified(headers, profile)
    forms = {"hex": base.signature.hex(), "base64": b64encode(base.signature).decode()}

    with pytest.raises(SignatureBroken) as refusal:
        verified(headers | {profile.signature_header: text.format(**forms)}, profile)

    assert SignatureBroken is type(refusal.value)


@pytest.mark.parametrize("form", ["hex", "base64"])
def test_a_webhook_may_be_spelled_in_two_ways(form):
    """Where both spellings were agreed, both are read."""
    mac = hmac.digest(SECRET, BODY, "sha256")
    text = mac.hex() if form == "hex" else b64encode(mac).decode()

    assert mac == verified({"x-webhook-signature": f"sha256={text}"}, WEBHOOK).signature


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_in_time(seconds):
    """Up to the agreed skew either way is taken."""
    assert verified(signed(), now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400 * 3650])
def test_out_of_time(seconds):
    """Past it a request is stale."""
    with pytest.raises(SignatureStale):
        verified(signed(), now=NOW + timedelta(seconds=seconds))


def test_stale_is_told_only_to_who_can_sign():
    """An old request with a wrong MAC is broken, not stale."""
    with pytest.raises(SignatureBroken):
        verified(signed(secret=b"a secret of nobody"), now=NOW + timedelta(hours=1))


@pytest.mark.parametrize("text", ["1768462205.0", "-1", "2026-01-15T07:30:05Z", "1768462205000000"])
def test_a_time_is_in_seconds(text):
    """A time stamp of another form is refused, even under a right MAC."""
    base = "\n".join(["POST", TARGET[1], text, NONCE, hashlib.sha256(BODY).hexdigest()])
    mac = hmac.new(SECRET, base.encode(), hashlib.sha256).hexdigest()

    with pytest.raises(SignatureBroken, match="seconds"):
        verified({"x-timestamp": text, "x-nonce": NONCE, "x-signature": mac})


def test_a_separator_inside_a_value_is_refused():
    """One base must not be that of two requests: a value that holds the separator is refused on both sides."""
    piped = HmacProfile(separator="|")
    headers = signed(piped)

    with pytest.raises(SignatureBroken, match="separator"):
        verified(headers, piped, ("POST", "/api|/v1", ""))
    with pytest.raises(SignatureBroken, match="separator"):
        signed(piped, nonce="a|b")


@pytest.mark.parametrize("changes", [{"nonce": ""}, {"nonce": "a b"}, {"nonce": "ạ"}])
def test_what_could_not_be_read_back_is_not_signed(changes):
    """A nonce that is empty or no plain text is our own mistake, found before sending."""
    with pytest.raises(ValueError, match="nonce"):
        signed(**changes)


def test_a_short_secret_is_never_used():
    """A secret that could be guessed signs nothing and verifies nothing."""
    with pytest.raises(SecretTooShort):
        signed(secret=b"short")
    with pytest.raises(VerifierFailed):
        verified(signed(), secrets={"": b"short"})


def test_unknown_trouble_is_a_refusal():
    """Bar rule 7: an unknown exception in the verifier is a refusal and an alarm."""
    with pytest.raises(VerifierFailed) as refusal:
        verified(signed(NAMED), NAMED, secrets=lambda name: 1 // 0)

    assert isinstance(refusal.value.__cause__, ZeroDivisionError)
    assert "TINHDEMO" == refusal.value.key_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": ("method", "path", "timestamp", "nonce")},
        {"parts": ("body", "method", "path", "timestamp", "nonce")},
        {"parts": ("method", "method", "timestamp", "nonce", "body")},
        {"parts": ("method", "host", "timestamp", "nonce", "body")},
        {"parts": ("method", "nonce", "body")},
        {"parts": ("method", "timestamp", "body")},
        {"parts": ("key_id", "timestamp", "nonce", "body")},
        {"timestamp_header": ""},
        {"nonce_header": ""},
        {"signature_header": ""},
        {"separator": ""},
        {"encodings": ()},
    ],
)
def test_a_profile_that_leaves_something_open_is_refused(wrong):
    """A profile whose time stamp, nonce or body is not signed, or whose parts could run together, is no profile."""
    with pytest.raises(ValueError, match="must"):
        HmacProfile(**wrong)


@given(data=st.data())
def test_any_changed_bit_is_refused(data):
    """One changed bit in a header or the body is refused."""
    headers = signed(WHOLE)
    parts = {"body": BODY.decode(), **headers}
    name = data.draw(st.sampled_from(sorted(parts)))
    raw = bytearray(parts[name].encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = parts | {name: raw.decode("latin-1")}

    with pytest.raises(NotVerified):
        verified({each: changed[each] for each in headers}, WHOLE, body=changed["body"].encode("latin-1"))
