"""MySign and the VNeID gateway without a network: vectors, words for phones, and what they call back."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.partners.gateways.calls import Wrong
from adapters.partners.gateways.secrets import Secret
from adapters.partners.mysign import codes as mysign_codes
from adapters.partners.mysign import issued
from adapters.partners.mysign import wire as mysign_wire
from adapters.partners.mysign.callbacks import MysignCallbacks
from adapters.partners.mysign.replies import Answer, token_of
from adapters.partners.signers.calls import Answered
from adapters.partners.vneid_gateway import checksum
from adapters.partners.vneid_gateway import codes as vneid_codes
from adapters.partners.vneid_gateway import wire as vneid_wire
from adapters.partners.vneid_gateway.callbacks import VneidCallbacks
from adapters.partners.vneid_gateway.settings import STRING_TO_SIGN
from bus.errors import LedgerUnavailable
from bus.signatures import SignatureEffect, SignatureHeard, SignatureTold, SignatureVerdict
from contracts.mock_notes import as_html, rules_of
from contracts.mysign.mock import MySign
from contracts.vneid_gateway.mock import VneidGateway
from contracts.vneid_gateway.places import webhook_signature
from signing.raw_values import judge
from tests.signer_services import (
    CONTRACTS,
    ISSUED,
    MYSIGN,
    VNEID,
    WEBHOOK,
    make_sign,
    mysign_settings,
    prepared,
    raw_call,
    sample,
    vectors,
    vneid_settings,
)
from tests.signing_kit import NOW, signer
from tests.unit.signing.wss_vectors import demo_certificate

MYSIGNS = MysignCallbacks(mysign_settings())
VNEIDS = VneidCallbacks(vneid_settings())
BEARER = f"Bearer {issued.token(ISSUED, 'mysign', NOW + timedelta(hours=1))}"
HELLO = hashlib.sha256(b"hello").digest()


def heard(effect: SignatureEffect) -> SignatureHeard:
    return SignatureHeard(effect=effect, signature=1, state=None)


# -- vectors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partner", ["mysign", "vneid_gateway"])
def test_digests_are_bytes_in_base64(partner):
    """What is sent is the digest's 32 bytes in standard Base64; its hex text is never hashed or sent."""
    rows = vectors(partner)
    standing = make_sign(documents=(replace(make_sign().documents[0], digest=HELLO),))
    if partner == "mysign":
        sent = mysign_wire.sign(mysign_settings(), standing, "cred-01")["hash"]
    else:
        sent = [each["digestValue"] for each in vneid_wire.sign(vneid_settings(), standing, "cred-01")["documents"]]

    assert [rows["hash-base64"]["expected"]] == sent
    assert rows["hash-of-hex-trap"]["expected"] not in sent


def test_order_of_mysign_is_the_contracts():
    """Our order has the members of the contract's example, in its form."""
    wanted = json.loads(sample("mysign", "sign.json"))
    document = replace(make_sign().documents[0], digest=HELLO, id="DOC-1", name="giay-phep.pdf")
    settings = mysign_settings(client_id="demo", their_id="", their_secrets=())
    made = mysign_wire.sign(settings, make_sign(description="Ký hồ sơ 0007", documents=(document,)), "cred-01")

    assert wanted == made | {"client_secret": "***"}
    assert b'"client_secret":"***"' in mysign_wire.as_kept(made)


def test_order_of_vneid_is_the_contracts():
    """Our order has the members of the contract's example, in its form."""
    document = replace(make_sign().documents[0], digest=HELLO, name="giay-phep.pdf")
    settings = vneid_settings(originator_code="TINHDEMO")
    made = vneid_wire.sign(settings, make_sign(documents=(document,)), "cred-01")

    assert json.loads(sample("vneid_gateway", "sign.json")) == made


def test_value_of_the_vector_is_what_a_service_returns():
    """The demo key's value in the sample is judged good over the digest that was sent, and over nothing else."""
    told = json.loads(sample("mysign", "status-signed.json"))
    value = b64decode(told["signatures"][0])
    of_hex = hashlib.sha256(HELLO.hex().encode()).digest()

    assert vectors("mysign")["rsa-hello"]["expected"] == b64encode(value).decode()
    assert value == judge(HELLO, demo_certificate(), value)
    assert ["wrong_signature"] * 2 == [judge(of_hex, demo_certificate(), value), judge(HELLO, signer().der, value)]


def test_partner_signature_of_the_vector():
    """The assumed string to sign gives the vector's HMAC; another form gives another one."""
    rows = vectors("vneid_gateway")
    row = rows["vneid-partner-signature-assumed"]
    method, path, stamp, nonce, digest = row["input"].split("\n")
    body = rows["vneid-body-sha256"]["input"].encode()
    parts = checksum.Parts(method=method, path=path, timestamp=stamp, nonce=nonce, body=body)
    key = row["key"].encode()

    assert digest == rows["vneid-body-sha256"]["expected"] == hashlib.sha256(body).hexdigest()
    assert row["expected"] == checksum.signature(STRING_TO_SIGN, parts, key, "hex")
    assert bytes.fromhex(row["expected"]) == b64decode(checksum.signature(STRING_TO_SIGN, parts, key, "base64"))
    other = "{partner_code}{request_id}{method}{path}{timestamp}{nonce}{body}"
    assert row["expected"] != checksum.signature(other, parts, key, "hex")


@pytest.mark.parametrize("name", ["vneid-webhook", "vneid-webhook-reserialised"])
def test_webhook_of_the_vector(name):
    """A call back's HMAC is over the raw bytes: the same JSON with blanks has another one."""
    rows = vectors("vneid_gateway")
    other = ({"vneid-webhook", "vneid-webhook-reserialised"} - {name}).pop()
    secrets = (Secret(key_id="a", value=b"another"), Secret(key_id="b", value=rows[name]["key"].encode()))
    body, told = rows[name]["input"].encode(), f"sha256={rows[name]['expected']}"

    assert "b" == checksum.good_under(secrets, told, body)
    assert "b" == checksum.good_under(secrets, told.replace("sha256=", "SHA256=").lower(), body)
    assert "b" == checksum.good_under(
        secrets, "sha256=" + b64encode(bytes.fromhex(rows[name]["expected"])).decode(), body
    )
    assert checksum.good_under(secrets, told, rows[other]["input"].encode()) is None
    assert sample("vneid_gateway", "webhook.json") == rows["vneid-webhook"]["input"].encode()


@pytest.mark.parametrize(
    "told", ["", "sha256=", "sha256=zz", "md5=00", "sha256=é", "sha256=" + "g" * 64, "sha256=AA=="]
)
def test_what_is_no_hmac(told):
    """What cannot be read as an HMAC is a wrong one."""
    assert checksum.good_under((WEBHOOK,), told, b"{}") is None


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ký hồ sơ 0007", "Ky ho so 0007"),
        ("Đường Đặng Thuỳ Trâm, số 5/3", "Duong Dang Thuy Tram so 5 3"),
        ("H99.09-260703-0123_a", "H99 09-260703-0123_a"),
        ("签字 🙂", "Ky so"),
        ("", "Ky so"),
        ("a" * 80, "a" * 72),
        ("ạ" * 71 + " b", "a" * 71),
    ],
)
def test_words_for_the_phone(text, shown):
    """Marks are taken off, what does not fit is a blank, and the Base64 is shorter than 100."""
    assert shown == b64decode(mysign_wire.shown(text, instead="Ky so")).decode()


@given(st.text(max_size=300))
def test_any_words_fit(text):
    """Whatever a source writes, what MySign is sent is of its alphabet and length."""
    told = mysign_wire.shown(text, instead="x")

    assert len(told) < 100
    assert re.fullmatch(rb"[A-Za-z0-9_\- ]+", b64decode(told, validate=True))
    assert 0 < len(vneid_wire.document_name(text)) <= 255
    assert vneid_wire.document_name(text).isprintable()


@pytest.mark.parametrize(
    ("role", "user", "named"),
    [
        ("citizen", "099000000001", "CMT_099000000001"),
        ("official", "099000000001", "CMT_099000000001"),
        ("agency", "0990000001", "MST_0990000001"),
        ("citizen", "0990000001-001", "MST_0990000001-001"),
        ("agency", "CMT_099000000001", "CMT_099000000001"),
    ],
)
def test_person_or_organisation(role, user, named):
    """A person is CMT_, an organisation MST_; an id that says so itself keeps it."""
    assert named == mysign_wire.user_id(role, user)


@pytest.mark.parametrize(
    ("told", "lives"),
    [("3600", 3570.0), (3600, 3570.0), ("40", 20.0), ("", 270.0), ("soon", 270.0), (None, 270.0), ("-5", 270.0)],
)
def test_life_of_a_token(told, lives):
    """`expires_in` is a text; a token is renewed before its end, and one of unknown life soon."""
    value = {"access_token": "t", "expires_in": told}

    assert ("t", lives) == token_of(Answer(said=mysign_codes.Said.YES, value=value))


# -- MySign's two calls ----------------------------------------------------------------------------------------------


def token_call(body: bytes = b"", **more: Any) -> Any:
    pair = json.dumps({"client_id": MYSIGN.their_id, "client_secret": MYSIGN.their_secret}).encode()
    return MYSIGNS.read(raw_call("token", body or pair, **more))


def result(status: Any = 1, handle: str | None = "MS1", method: str = "POST", **more: Any) -> Any:
    about = {"request_id": "R", "transaction_id": handle, "status": status}
    value = b64encode(b"value").decode()
    fields = {"meta_data": about, "data": {"results": [{"document_id": "DOC-1", "signature": value}]}, "x": 1} | more
    call = raw_call("result", json.dumps(fields).encode(), method=method, authorization=BEARER)
    return MYSIGNS.read(call)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("form", ["json", "form", "basic"])
def test_token_for_who_knows_the_secret(method, form):
    """MySign is given a token for the pair that we issued, in either method and in three forms."""
    told = f"{MYSIGN.their_id}:{MYSIGN.their_secret}".encode()
    pairs = f"grant_type=x&client_id={MYSIGN.their_id}&client_secret={MYSIGN.their_secret}".encode()
    more: dict[str, Any] = {
        "json": {},
        "form": {"body": pairs, "content_type": "application/x-www-form-urlencoded"},
        "basic": {"body": b"{}", "authorization": f"Basic {b64encode(told).decode()}"},
    }[form]
    came = token_call(method=method, **more)
    answer = json.loads(MYSIGNS.reply(raw_call("token", b""), came).body)

    assert ("token", "00", 3600) == (came.result, answer["status_code"], answer["data"]["expires_in"])
    assert issued.is_good((ISSUED,), "mysign", answer["data"]["access_token"], NOW)
    assert int(NOW.timestamp()) == answer["data"]["consented_on"]
    assert {(m, n) for m in ("GET", "POST") for n in ("token", "result")} == set(MYSIGNS.places)


@pytest.mark.parametrize(
    "more",
    [
        {"body": b"{}"},
        {"body": json.dumps({"client_id": MYSIGN.their_id, "client_secret": "no"}).encode()},
        {"body": json.dumps({"client_id": "no", "client_secret": MYSIGN.their_secret}).encode()},
        {"body": b"client_id=a&client_secret=%ff", "content_type": "application/x-www-form-urlencoded"},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + b64encode(b"\xff\xfe").decode()},
    ],
)
def test_no_token_for_others(more):
    """Who does not know the pair is told no with 401, and it is an alarm."""
    came = token_call(**more)
    reply = MYSIGNS.reply(raw_call("token", b""), came)

    assert (True, 401, "01") == (came.is_alarm, reply.status, json.loads(reply.body)["status_code"])


def test_former_secret_and_other_installation():
    """A token under a former secret holds while that is listed; another partner's, a changed and an old one do not."""
    good = BEARER.removeprefix("Bearer ")
    other = Secret(key_id="new", value=b"another secret altogether")
    later = NOW + timedelta(hours=1)

    assert issued.is_good((other, ISSUED), "mysign", good, NOW)
    assert not issued.is_good((other,), "mysign", good, NOW)
    assert not issued.is_good((ISSUED,), "mysign_2", good, NOW)
    assert not issued.is_good((ISSUED,), "mysign", good, later)
    assert not issued.is_good((), "mysign", good, NOW)
    for n in range(len(good)):
        letter = "1" if good[n] != "1" else "2"
        assert not issued.is_good((ISSUED,), "mysign", good[:n] + letter + good[n + 1 :], NOW), n


@pytest.mark.parametrize("bearer", ["", "Bearer ", "Bearer x.y", BEARER[:-1], BEARER.replace("Bearer", "Token")])
def test_result_without_a_token(bearer):
    """A result without a token of ours tells nothing, and is an alarm."""
    came = MYSIGNS.read(raw_call("result", sample("mysign", "result-call.json"), authorization=bearer))

    assert isinstance(came, Wrong)
    assert ("token", True, 401) == (came.rule, came.is_alarm, MYSIGNS.reply(raw_call("result", b""), came).status)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_result(method):
    """What stands under a token of ours is told: documents by their ids, never by their place."""
    told = result(method=method)

    assert (SignatureVerdict.SIGNED, "callback", "MS1", None) == (told.verdict, told.via, told.handle, told.request)
    assert [(None, "DOC-1", b"value")] == [(each.n, each.document_id, each.value) for each in told.values]
    assert result(handle=None).handle is None
    assert "value" not in result(status=4000).reason
    assert MYSIGNS.read(raw_call("result", sample("mysign", "result-call.json"), authorization=BEARER)).values


@pytest.mark.parametrize("row", mysign_codes.STATUS, ids=lambda row: row.status)
def test_every_status_called_back(row):
    """Each status is told as the table says, as a number and as a text; only signed brings values along."""
    for status in ("x",) if row.status == "*" else (int(row.status), row.status):
        told = result(status=status)

        assert (row.verdict, row.code) == (told.verdict, told.code)
        assert bool(told.values) == (row.verdict is SignatureVerdict.SIGNED)


@pytest.mark.parametrize(
    "fields", [{"meta_data": None}, {"meta_data": []}, {"data": []}, {"data": "x"}, {"meta_data": "x"}]
)
def test_result_that_cannot_be_read(fields):
    """What has not the contract's form is refused, and changes nothing."""
    assert isinstance(result(**fields), Wrong)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 50])
def test_bodies_that_are_none(body):
    """No body brings the door down: each is refused in the service's own form."""
    one = MYSIGNS.read(raw_call("result", body, authorization=BEARER))
    signed = webhook_signature(body, VNEID.webhook_secret)
    two = VNEIDS.read(raw_call("result", body, x_webhook_signature=signed))

    assert isinstance(one, Wrong)
    assert isinstance(two, Wrong)
    assert 400 == VNEIDS.reply(raw_call("result", body), two).status


def test_signed_without_a_value_is_no_news():
    """Signed, without one value that can be read, ends nothing and is asked about again."""
    assert SignatureVerdict.UNCLEAR is result(data={"results": [{"document_id": "DOC-1", "signature": "!"}]}).verdict
    assert SignatureVerdict.UNCLEAR is hook({"handle": "h", "status": 0, "signatures": ["!", 5, None]}).verdict
    assert SignatureVerdict.UNCLEAR is hook({"handle": "h", "status": 0, "signatures": "AA=="}).verdict


@pytest.mark.parametrize("effect", SignatureEffect)
def test_acknowledgements(effect):
    """What was heard is acknowledged; what is of nobody, or proves nothing, is answered no in each one's form."""
    is_no = effect in (SignatureEffect.UNKNOWN, SignatureEffect.WRONG_VALUE)
    one = MYSIGNS.reply(raw_call("result", b""), heard(effect))
    two = VNEIDS.reply(raw_call("result", b""), heard(effect))

    assert (200, "01" if is_no else "00") == (one.status, json.loads(one.body)["status_code"])
    assert (400 if is_no else 200) == two.status
    assert is_no == ("error" in json.loads(two.body))


def test_no_ledger():
    """Where nothing can be written both are told to come again."""
    trouble = LedgerUnavailable("full")

    assert 503 == MYSIGNS.reply(raw_call("result", b""), trouble).status
    assert 500 == VNEIDS.reply(raw_call("result", b""), trouble).status


# -- the gateway's calls ----------------------------------------------------------------------------------------------


def hook(data: Any, *, kind: str = "SIGNHASH_WEBHOOK_RESULT", encoding: str = "hex", **more: Any) -> Any:
    body = json.dumps({"id": "evt-1", "type": kind, "attempt": 2, "data": data, "unknown": {"a": 1}} | more).encode()
    told = webhook_signature(body, VNEID.webhook_secret, encoding=encoding)
    return VNEIDS.read(raw_call("result", body, x_webhook_signature=told, x_request_id="r"))


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_webhook(encoding):
    """What stands under a good HMAC is told, values by their place; unknown members are tolerated."""
    values = [b64encode(each).decode() for each in (b"one", b"two")]
    told = hook({"handle": "h-1", "status": 0, "signatures": [values[0], "", values[1]], "new": 1}, encoding=encoding)

    assert (SignatureVerdict.SIGNED, "callback", "h-1") == (told.verdict, told.via, told.handle)
    assert [(1, b"one"), (3, b"two")] == [(each.n, each.value) for each in told.values]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (0, SignatureVerdict.SIGNED),
        (1, SignatureVerdict.FAILED),
        (3, SignatureVerdict.DECLINED),
        (7, SignatureVerdict.UNCLEAR),
        ("0", SignatureVerdict.SIGNED),
        (None, SignatureVerdict.UNCLEAR),
    ],
)
def test_every_status_of_a_webhook(status, verdict):
    """Each status is told as the table says."""
    assert verdict is hook({"handle": "h", "status": status, "signatures": ["AA=="]}).verdict


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("SIGNHASH_WEBHOOK_TRANSCODE", "transcode"),
        ("CERT_REGISTER_WEBHOOK_TRANSCODE", "registration"),
        ("CERT_REGISTER_WEBHOOK_RESULT", "registration"),
        ("SOMETHING_NEW", "other"),
    ],
)
def test_kinds_that_change_nothing(kind, counted):
    """News of registrations and kinds that nobody knows are acknowledged with 200, and heard by nobody."""
    came = hook({"transactionCode": "t", "status": 0}, kind=kind)

    assert (Answered, counted) == (type(came), came.result)
    assert 200 == VNEIDS.reply(raw_call("result", b""), came).status


@pytest.mark.parametrize(
    "wrong", [{"id": None}, {"type": None}, {"type": 5.5}, {"data": None}, {"data": []}, {"id": True}]
)
def test_webhook_without_its_members(wrong):
    """A call back without id, type or data is refused with 400 and an error."""
    came = hook(**({"data": {}} | wrong))

    assert isinstance(came, Wrong)
    assert "error" in json.loads(VNEIDS.reply(raw_call("result", b""), came).body)


def test_webhook_with_a_wrong_hmac():
    """One letter changed, another secret, no header, no secret of ours: an alarm, and nothing is told."""
    body = sample("vneid_gateway", "webhook.json")
    right = webhook_signature(body, VNEID.webhook_secret)
    tries = [(body, ""), (body, right[7:]), (body + b" ", right), (body, webhook_signature(body, "other"))]
    deaf = VneidCallbacks(vneid_settings(webhook_secrets=()))

    assert isinstance(VNEIDS.read(raw_call("result", body, x_webhook_signature=right)), SignatureTold)
    for door, sent, told in [*((VNEIDS, *each) for each in tries), (deaf, body, right)]:
        came = door.read(raw_call("result", sent, x_webhook_signature=told))
        assert isinstance(came, Wrong)
        assert ("hmac", True, 400) == (came.rule, came.is_alarm, door.reply(raw_call("result", b""), came).status)


# -- tables and notes -------------------------------------------------------------------------------------------------


def test_classes_after_an_unclear_outcome():
    """A read goes again, an order is blind: as data, one row for each message."""
    for table in (mysign_codes.CONTRACTS, vneid_codes.CONTRACTS):
        assert ["blind"] == [row.repeat for row in table if row.message in ("signHash", "signings/hash")]
        assert 3 == len([row for row in table if row.repeat == "read"])


def test_success_is_01_and_00_is_an_error():
    """No other partner's check fits the gateway: 00 is a token that is over."""
    assert vneid_codes.Said.TOKEN is vneid_codes.code_row("00").said
    assert ["01"] == [row.status for row in vneid_codes.CODES if row.said is vneid_codes.Said.YES]


@pytest.mark.parametrize("mock", [MySign, VneidGateway])
def test_notes_and_code_say_the_same(mock):
    """Anchors agree, each rule names its kind of source, every cited rule stands, every refusal is played."""
    rules = rules_of(mock.notes)
    pairs = re.findall(r'<a id="(r\d+)"></a>\*\*(r\d+)\*\*', mock.notes.read_text(encoding="utf-8"))
    folders = [mock.notes.parent, CONTRACTS.parent / "adapters" / "partners" / mock.partner]
    played, text = (
        "\n".join(p.read_text("utf-8") for f in chosen for p in f.glob("*.py")) for chosen in (folders[:1], folders)
    )
    sources = {rule for row in re.findall(r'source="([^"]+)"', text) for rule in re.findall(r"r\d+", row)}
    cited = set(re.findall(r'"(r\d+)"', text)) | set(re.findall(r"#(r\d+)\b", text)) | sources
    refused = [rule for rule, says in rules.items() if "**refused" in says.lower() and f'"{rule}"' not in played]

    assert all(anchor == printed for anchor, printed in pairs)
    assert len(pairs) == len(dict(pairs)) == len(rules)
    assert [] == [rule for rule, says in rules.items() if not re.search(r"\[(A|D|GUESS|OURS)\]", says[:60])]
    assert (set(), []) == (cited - rules.keys(), refused)
    assert {switch.rule for switch in mock.switches_here} <= rules.keys()
    assert all(f'id="{rule}"' in as_html(mock.notes) for rule in rules)


def test_what_was_not_prepared_is_not_sent():
    """A document without a digest is our own trouble: nothing is sent."""
    standing = prepared(make_sign(), signer().der)
    bare = replace(standing, documents=(replace(standing.documents[0], digest=None),))
    for shape in (
        lambda: mysign_wire.sign(mysign_settings(), bare, "c"),
        lambda: vneid_wire.sign(vneid_settings(), bare, "c"),
    ):
        with pytest.raises(Exception, match="documents/0"):
            shape()
