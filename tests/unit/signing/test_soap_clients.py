"""What other SOAP stacks write by default: taken where that costs no strictness, refused with a code where it would."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from lxml import etree

from signing import wsse
from signing.canonical import DEFAULT, exclusive
from signing.errors import AlgorithmWeak, NotVerified
from signing.wsse_policy import WssPolicy
from tests.house.tree import ROOT
from tests.message_pki import NOW, pki
from tests.proofs import wss_oracles
from tests.soap_clients import WSSE11, Wss4j, wcf
from tests.wss_kit import DS, OASIS, XENC, Forge, partner_trust

STR_TRANSFORM = (
    '<ds:Reference URI="#STR-1"><ds:Transforms>'
    f'<ds:Transform Algorithm="{OASIS}soap-message-security-1.0#STR-Transform"/></ds:Transforms>'
    f'<ds:DigestMethod Algorithm="{XENC}sha256"/><ds:DigestValue>AA==</ds:DigestValue></ds:Reference>'
)
TAKEN = {
    "WSS4J, DirectReference, with its PrefixLists": Wss4j().message,
    "WSS4J, no PrefixList": Wss4j(prefixes=(None, None, None)).message,
    "WSS4J, a default namespace around": Wss4j(
        prefixes=("#default soap", "#default wsse soap", "#default"), envelope='xmlns="urn:d"'
    ).message,
    "WSS4J, xsi:type of a prefix of the envelope": Wss4j(
        prefixes=("soap t", "wsse soap t", "t"),
        envelope='xmlns:t="urn:t"',
        content='<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:Kind">1</a>',
    ).message,
    "WCF, X.509 direct, WS-Addressing signed": wcf,
}


def code(data: bytes, **policy: bool) -> str:
    """The code of the refusal, or nothing."""
    try:
        wsse.verify(data, policy=WssPolicy(**policy), trust=partner_trust(), now=NOW)
    except NotVerified as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name):
    """A message in the manner of the stacks that vendors use is taken, and libxmlsec1 agrees."""
    data = TAKEN[name]()

    wss_oracles.python_xmlsec(data, pki().leaf.der)
    assert "" == code(data)


def test_signxml_agrees():
    """A third verifier takes PrefixLists of the parts too; in CanonicalizationMethod its schema knows none."""
    data = Wss4j(prefixes=(None, "wsse soap", "")).message()

    assert len(wss_oracles.signxml(data, pki().leaf.der)) == 2
    assert "" == code(data)


def refused() -> dict[str, bytes]:
    """What those stacks do by default, by its name in the how-to."""
    confirmation = f'<wsse11:SignatureConfirmation xmlns:wsse11="{WSSE11}" wsu:Id="SC-1"/>'
    return {
        "issuer and serial": Wss4j(sends_token=False).message(),
        "Body only": Wss4j(signs_timestamp=False).message(),
        "SHA-1 digests": Wss4j(digest=f"{DS}sha1").message(),
        "longer than 10 minutes": Wss4j(minutes=11).message(),
        "SignatureConfirmation": Wss4j(extra=confirmation).message(),
        "STR-Transform": _with_reference(STR_TRANSFORM),
        "RSA-SHA1": Forge(method=f"{DS}rsa-sha1").message(),
        "a path of certificates": Forge(token_type=f"{OASIS}x509-token-profile-1.0#X509PKIPathv1").message(),
        "UsernameToken": Wss4j(extra="<wsse:UsernameToken/>").message(),
    }


def _with_reference(more: str) -> bytes:
    return Wss4j().message().replace(b"</ds:SignedInfo>", more.encode() + b"</ds:SignedInfo>")


def test_refused_as_the_how_to_says():
    """Each default that a client must change is refused with the very code that the how-to's table has."""
    page = (ROOT / "docs/how-to/soap-clients.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| ([^|]+?) \|.*\| `(\w+)` \|$", page, re.MULTILINE))

    assert told == {name: code(data) for name, data in refused().items()}


def test_prefix_list_may_be_forbidden():
    """With a partner who writes none, the policy refuses a PrefixList; its other messages are taken as before."""
    assert "weak_algorithm" == code(Wss4j().message(), allow_prefix_list=False)
    assert "" == code(wcf(), allow_prefix_list=False)
    with pytest.raises(AlgorithmWeak):
        wsse.verify(
            Forge(prefixes="").message(), policy=WssPolicy(allow_prefix_list=False), trust=partner_trust(), now=NOW
        )


CONTEXTS = [
    '<e xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:a Id="part" x="p:t"><b/><q:c xmlns="urn:e"><d xmlns=""/></q:c>'
    "</p:a></e>",
    '<p:e xmlns:p="urn:p" xmlns="urn:d"><q:a Id="part" xmlns:q="urn:q" xmlns="urn:z"><q:b xmlns="urn:y"/></q:a></p:e>',
    '<e xmlns:p="urn:p"><p:a Id="part"><p:b xmlns:p="urn:2"/></p:a></e>',
]


@pytest.mark.parametrize("prefixes", [(), (DEFAULT,), ("p",), ("q", DEFAULT), ("nowhere", "p", "q"), ("xsi",)])
@pytest.mark.parametrize("context", CONTEXTS)
def test_canonical_form_with_a_prefix_list(context, prefixes):
    """A PrefixList means what the standard says, `#default` too: the digest is that of libxmlsec1."""
    part = etree.fromstring(context)[0]

    ours = hashlib.sha256(exclusive(part, prefixes=prefixes)).digest()

    assert wss_oracles.digest_of_part(context.encode(), prefixes) == base64.b64encode(ours).decode()
