"""WS-Security: what is signed here is verified here, and what `verify` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from signing import wsse, xmldsig
from signing.canonical import Template, exclusive
from signing.envelope import SOAP_11, SOAP_12, WSU_ID
from signing.errors import ForeignSubject, NotVerified, SignatureBroken, SignatureStale
from tests.message_pki import NOW, pki
from tests.unit.signing import wss_vectors as vectors
from tests.wss_kit import CONTENT, WSA, Forge, edited, elliptic, identity, partner_trust

OURS = identity(pki().leaf)


@dataclass(frozen=True)
class Somebody:
    """Whoever it is."""

    subject: str = "CN=somebody"


def envelope(content: str = CONTENT, *, soap: str = SOAP_11, header: str = "", attributes: str = "") -> bytes:
    """An unsigned message."""
    return (f'<s:Envelope xmlns:s="{soap}" {attributes}>{header}<s:Body>{content}</s:Body></s:Envelope>').encode()


def verified(data: bytes) -> wsse.VerifiedMessage:
    """By the partner's trust, at the time of the tests."""
    return wsse.verify(data, trust=partner_trust(), now=NOW)


def test_vector_message():
    """The assembled message of the vectors verifies, with the signature in front of the Timestamp."""
    pointer = '<wsse:SecurityTokenReference><wsse:Reference URI="#t"/></wsse:SecurityTokenReference>'
    signature = xmldsig.signature(vectors.SIGNED_INFO, vectors.octets(vectors.SIGNATURE_VALUE), pointer).decode()
    # The certificate of the vectors names a person, if an invented one: another certificate over the same key will do.
    certificate = xmldsig.base64(vectors.demo_certificate())
    token = f'<wsse:BinarySecurityToken ValueType="{wsse.X509V3}" wsu:Id="t">{certificate}</wsse:BinarySecurityToken>'
    data = vectors.DOCUMENT.replace("<wsu:Timestamp", f"{token}{signature}<wsu:Timestamp", 1).encode()

    message = wsse.verify(data, trust=lambda *_: Somebody(), now=datetime(2026, 1, 15, 7, 31, tzinfo=UTC))

    assert message.signed_parts == ("Body", "Timestamp")
    assert message.base == vectors.SIGNED_INFO
    assert message.created == datetime(2026, 1, 15, 7, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha512", "ecdsa-p256-sha256"])
def test_signed_here_verified_here(soap, algorithm):
    """Body, Timestamp and the WS-Addressing headers are signed, and all that is told afterwards was signed."""
    header = (
        f'<s:Header><a:To xmlns:a="{WSA}">urn:to</a:To><a:MessageID xmlns:a="{WSA}"> urn:1 </a:MessageID></s:Header>'
    )
    signer = identity(elliptic() if algorithm.startswith("ec") else pki().leaf)

    message = verified(wsse.sign(envelope(soap=soap, header=header), signer, now=NOW, algorithm=algorithm))

    assert message.version == soap
    assert message.signed_parts == ("Body", "To", "MessageID", "Timestamp")
    assert message.addressing == {"To": "urn:to", "MessageID": "urn:1"}
    assert message.message_id == "urn:1"
    assert message.subject == pki().leaf.subject
    assert message.certificate_der == signer.certificate_der
    assert (message.created, message.expires) == (NOW, NOW + timedelta(minutes=5))
    assert message.replay_until == NOW + timedelta(minutes=10)
    assert etree.tostring(message.body[0], method="c14n", exclusive=True).decode() == CONTENT


def test_element_is_left_alone():
    """An element that is given to be signed is not changed, so that it can be signed again for the next try."""
    root = etree.fromstring(envelope("<a>1<!-- x --></a>", header="<s:Header/>"))
    before = etree.tostring(root)

    first, second = (wsse.sign(root, OURS, now=NOW) for _ in range(2))

    assert before == etree.tostring(root)
    assert first != second
    assert verified(first).replay_key != verified(second).replay_key
    assert verified(first).body[0].text == "1"


def test_same_nonce_same_bytes():
    """Time and nonce are arguments: with the same ones the same bytes come out."""
    one, two = (wsse.sign(envelope(), OURS, now=NOW, nonce="n") for _ in range(2))

    assert one == two
    assert verified(one).body.get(WSU_ID) == "body-n"


def test_addressing_may_be_left_unsigned():
    """Where a partner cannot take signed addressing, it is left out of the signature; our own door refuses such."""
    header = f'<s:Header><a:To xmlns:a="{WSA}">urn:to</a:To></s:Header>'

    data = wsse.sign(envelope(header=header), OURS, now=NOW, sign_addressing=False)

    assert data.count(b"<ds:Reference ") == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Forge().message(), "Security header already"),
        (f'<s:Envelope xmlns:s="{SOAP_11}"/>'.encode(), "no Body"),
    ],
)
def test_not_to_be_signed(data, said):
    """A message that is signed already, or has no Body, is our own mistake."""
    with pytest.raises(ValueError, match=said):
        wsse.sign(data, OURS, now=NOW)


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_canonical_content(soap):
    """From a template, without a tree: the same profile, verified the same way."""
    template = Template(b'<h:a xmlns:h="urn:h"><h:b>{b}</h:b></h:a>')
    addressing = {"To": "urn:to", "Action": "urn:a?x=1&y=2"}

    data = wsse.sign_canonical(template.fill({"b": "Nguyễn & <con>"}), OURS, now=NOW, soap=soap, addressing=addressing)

    message = verified(data)
    assert message.body[0][0].text == "Nguyễn & <con>"
    assert message.addressing == addressing
    assert message.signed_parts == ("Body", "To", "Action", "Timestamp")


def test_canonical_content_alone():
    """Without addressing there is a header with Security only; an empty Body is a message too."""
    assert len(verified(wsse.sign_canonical(b"", OURS, now=NOW, nonce="n")).body) == 0


@pytest.mark.parametrize("prefix", ["soap", "wsu"])
def test_content_with_our_prefix(prefix):
    """Content that declares a prefix of the envelope would have another canonical form within it."""
    with pytest.raises(ValueError, match="prefix"):
        wsse.sign_canonical(f'<x xmlns:{prefix}="urn:x"></x>'.encode(), OURS, now=NOW)


def test_ecdsa_twin_is_the_same_message():
    """ECDSA has a second valid signature for each: a message sent again with that one is known to be the same."""
    data = Forge(holder=elliptic(), method="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256").message()
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def twin(root: etree._Element) -> None:
        (found,) = root.iter("{*}SignatureValue")
        value = vectors.octets(found.text or "")
        other = order - int.from_bytes(value[32:], "big")
        found.text = xmldsig.base64(value[:32] + other.to_bytes(32, "big"))

    one, two = verified(data), verified(edited(data, twin))

    assert one.signature != two.signature
    assert one.replay_key == two.replay_key


def test_refusal_carries_what_the_telephone_asks():
    """A refused signature comes with SignedInfo as built here, and every digest as it came beside ours."""
    data = Forge().message().replace(b"150000", b"150001")

    with pytest.raises(SignatureBroken) as refused:
        verified(data)

    told = {each.part: each for each in refused.value.compared}
    assert (refused.value.base or b"").startswith(b"<ds:SignedInfo")
    assert ["Body", "Timestamp", "To", "Action", "MessageID"] == list(told)
    assert ["Body"] == [name for name, each in told.items() if each.sent != each.ours]
    assert b"150001" in told["Body"].octets
    assert told["Body"].sent.encode() in (refused.value.base or b"")
    assert "150001" not in repr(refused.value.compared) + str(refused.value) + (refused.value.base or b"").decode()


def test_part_without_a_canonical_form_has_no_digest():
    """Where the standard gives a part no canonical form, the other parts' digests are told all the same."""
    data = Forge().message().replace(b"<h:LePhi>", b'<h:LePhi xmlns:u="relative" u:a="1">')

    with pytest.raises(NotVerified) as refused:
        verified(data)

    assert "malformed_xml" == refused.value.code
    assert "Body" not in [each.part for each in refused.value.compared]
    assert "Timestamp" in [each.part for each in refused.value.compared]


@pytest.mark.parametrize(
    ("old", "new", "is_told"),
    [
        (b"150000", b"150001", True),
        (b"<wsu:Created>2026", b"<wsu:Created>2025", True),
        (b'URI="#', b'URI="#x', False),
        (b"<wsa:To ", b"<wsa:From>urn:x</wsa:From><wsa:To ", True),
    ],
)
def test_refusal_carries_the_certificate_that_came(old, new, is_told):
    """Whoever is refused, the certificate of the message is told, where its signature points to one."""
    data = Forge().message()
    assert old in data

    with pytest.raises(NotVerified) as refused:
        verified(data.replace(old, new))

    assert (pki().leaf.der if is_told else None) == refused.value.certificate


def test_policy():
    """Skew and life are a partner's; a shorter one refuses what the usual one takes."""
    data = Forge().message()

    with pytest.raises(SignatureStale):
        wsse.verify(data, policy=wsse.WssPolicy(max_life=timedelta(minutes=4)), trust=partner_trust(), now=NOW)


def test_trust_is_asked_last():
    """Trust sees the certificate and the time, and its refusal goes on to the caller."""
    asked = []

    def trust(*arguments: object) -> Somebody:
        asked.append(arguments)
        raise ForeignSubject

    with pytest.raises(ForeignSubject):
        wsse.verify(Forge().message(), trust=trust, now=NOW)
    assert asked == [(pki().leaf.der, (), NOW)]
    with pytest.raises(SignatureBroken):
        wsse.verify(Forge().message().replace(b"150000", b"1"), trust=trust, now=NOW)
    assert len(asked) == 1


def test_repr_is_short():
    """What is verified does not spill into logs."""
    assert "Nguy" not in repr(verified(Forge().message()))
    assert len(repr(verified(Forge().message()))) < 1000


def test_canonical_of_what_is_left():
    """The Body that is given back has the canonical form that was signed."""
    data = Forge().message()

    message = verified(data)

    assert exclusive(message.body) == exclusive(etree.fromstring(data)[1])
