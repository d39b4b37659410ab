"""S6: what we sign verifies in four independent verifiers; whatever is changed in it is refused by ours."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from lxml import etree

from signing import wsse
from signing.canonical import Template
from signing.envelope import SOAP_11, SOAP_12
from signing.errors import NotVerified
from tests.message_pki import NOW, pki
from tests.proofs import wss_oracles
from tests.wss_kit import CONTENT, WSA, elliptic, identity, partner_trust

NAME = "Nguyễn Thị Hoà, Đắk Lắk"
HEADER = (
    f'<s:Header xmlns:a="{WSA}"><a:To>urn:to</a:To><a:Action>urn:do</a:Action><a:MessageID>urn:uuid:1</a:MessageID>'
    "</s:Header>"
)
CONTENTS = {
    "usual": CONTENT,
    "composed": f"<a>{unicodedata.normalize('NFC', NAME)}</a>",
    "decomposed": f"<a>{unicodedata.normalize('NFD', NAME)}</a>",
    "empty": "",
    "empty element": "<a/>",
    "cdata": "<a><![CDATA[<b>&amp; ]]]]><![CDATA[>]]></a>",
    "a megabyte": f"<a>{'Đơn đề nghị ' * 60_000}</a>",
    "default namespaces": '<a xmlns="urn:a"><b xmlns="urn:b"><c xmlns=""><d e="&#10;&quot;"/></c></b></a>',
    "default namespace of the envelope": "<s:a/><b/>",
    "white space": "\r\n <a>\t&#13;</a> \n",
    "comment": "<a>1<!-- 2 -->3</a>",
    "entities": "<a b='&lt;&amp;&#9;'>&lt;&gt;&amp;&quot;&apos;</a>",
    "beyond the basic plane": "<a>\U00020bb7\U0001f600</a>",
    "other prefixes of ours": '<wsu:a xmlns:wsu="urn:x" xmlns:soap="urn:y"><soap:b ds="1" xmlns:ds="urn:z"/></wsu:a>',
}


def unsigned(content: str, soap: str, *, default: bool = False) -> bytes:
    """A message before it is signed."""
    more = 'xmlns="urn:default"' if default else ""
    return f'<s:Envelope xmlns:s="{soap}" {more}>{HEADER}<s:Body>{content}</s:Body></s:Envelope>'.encode()


def messages(soap: str, kind: str) -> list[bytes]:
    """One of each content, by both of our ways."""
    holder = elliptic() if kind == "ec" else pki().leaf
    signer = identity(holder)
    made = [
        wsse.sign(unsigned(content, soap, default="default" in name), signer, now=NOW)
        for name, content in CONTENTS.items()
    ]
    template = Template(b'<h:a xmlns:h="urn:h"><h:b>{b}</h:b></h:a>')
    texts = (NAME, unicodedata.normalize("NFD", NAME), "", "<&>\r\n\t\"'")
    addressing = {"To": "urn:to", "MessageID": "urn:uuid:2"}
    return made + [
        wsse.sign_canonical(template.fill({"b": text}), signer, now=NOW, soap=soap, addressing=addressing)
        for text in texts
    ]


@pytest.mark.needs("xmlsec1")
@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_four_verifiers(soap, kind, tmp_path: Path):
    """Vietnamese in both forms, empty, CDATA, a megabyte, default namespaces: every message, every verifier."""
    certificate = (elliptic() if kind == "ec" else pki().leaf).der
    for data in messages(soap, kind):
        wss_oracles.signxml(data, certificate)
        wss_oracles.python_xmlsec(data, certificate)
        wss_oracles.command_line(data, certificate, tmp_path)
        wss_oracles.zeep_plugin(data, certificate)
        assert wsse.verify(data, trust=partner_trust(), now=NOW).signed_parts[0] == "Body"
        assert b"sha1" not in data


@pytest.mark.parametrize("soap", [SOAP_11, SOAP_12])
def test_every_flipped_element_is_refused(soap):
    """Each text, attribute and element of what is signed, changed one at a time: always refused."""
    data = wsse.sign(unsigned(CONTENT, soap), identity(pki().leaf), now=NOW, nonce="n")
    flips = list(flipped(data))

    assert len(flips) >= 60
    assert [] == [name for name, changed in flips if is_taken(changed)]


def is_taken(data: bytes) -> bool:
    """Whether our verifier says yes."""
    try:
        wsse.verify(data, trust=partner_trust(), now=NOW)
    except NotVerified:
        return False
    return True


def flipped(data: bytes):
    """The message with one thing changed, again and again."""
    count = len(list(etree.fromstring(data).iter(etree.Element)))
    for number in range(count):
        for change in (_text, _name, _gone, _attribute):
            root = etree.fromstring(data)
            element = list(root.iter(etree.Element))[number]
            if change(element):
                yield f"{etree.QName(element).localname}: {change.__name__}", etree.tostring(root)


def _text(element: etree._Element) -> bool:
    if not element.text:
        return False
    element.text = element.text[:-1] + ("A" if element.text[-1] != "A" else "B")
    return True


def _name(element: etree._Element) -> bool:
    element.tag = f"{element.tag}x"
    return True


def _gone(element: etree._Element) -> bool:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
    return parent is not None


def _attribute(element: etree._Element) -> bool:
    """An attribute of an element that is not signed by itself (Envelope, Header, Security, KeyInfo) proves nothing."""
    inside = {"Body", "Timestamp", "To", "Action", "MessageID", "SignedInfo"}
    if not inside & {etree.QName(each).localname for each in (element, *element.iterancestors())}:
        return False
    element.set("x", "1")
    return True
