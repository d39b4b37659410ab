"""Attacks by whoever signs: what a sender gets wrong, or an owner of a key wants. One change to `Forge` each."""

from __future__ import annotations

from tests.message_pki import pki
from tests.wss_kit import (
    ADDRESSING,
    BASE64,
    DS,
    EXCLUSIVE,
    INCLUSIVE,
    MORE,
    OASIS,
    SOAP_11,
    SOAP_12,
    at,
    revoked,
)

XSI = "http://www.w3.org/2001/XMLSchema-instance"

_C14N = "http://www.w3.org/2006/12/xml-c14n11"
_LIST = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="soap"/>'


def _listed(attributes: str, content: str = "") -> str:
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" {attributes}>{content}</ec:InclusiveNamespaces>'


ALL = ("body", "ts", *ADDRESSING)
_STR = f"{OASIS}soap-message-security-1.0#STR-Transform"


NOT_LISTS: list[tuple[str, str]] = [
    ("a name of two parts", _listed('PrefixList="a:b"')),
    ("a digit first", _listed('PrefixList="soap 1"')),
    ("a star", _listed('PrefixList="*"')),
    ("another default", _listed('PrefixList="#all"')),
    ("xml in it", _listed('PrefixList="xml"')),
    ("xmlns in it", _listed('PrefixList="xmlns"')),
    ("too much in it", _listed(f'PrefixList="{"p " * 251}"')),
    ("no list", _listed("")),
    ("two attributes", _listed('PrefixList="soap" x="1"')),
    ("another attribute", _listed('Prefixes="soap"')),
    ("a text", _listed('PrefixList="soap"', "x")),
    ("an element", _listed('PrefixList="soap"', "<x/>")),
    ("a twin", _listed('PrefixList="soap"') * 2),
    ("another namespace", '<ec:InclusiveNamespaces xmlns:ec="urn:x" PrefixList="soap"/>'),
    ("another name", f'<ec:Prefixes xmlns:ec="{EXCLUSIVE}" PrefixList="soap"/>'),
]


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
    ("coverage: body twice", "wrong_parts", {"signed": (*ALL, "body")}),
    ("coverage: a part that is not there", "wrong_parts", {"signed": (*ALL, "nowhere")}),
    ("coverage: seventeen parts", "wrong_parts", {"signed": ("body",) * 17}),
    (
        "coverage: a header of a stranger",
        "wrong_parts",
        {"headers": '<x:x xmlns:x="urn:x" wsu:Id="x">1</x:x>', "signed": (*ALL, "x")},
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
    _transform("a PrefixList that the digest was made without", EXCLUSIVE, inside=_LIST, code="bad_signature"),
    *(_transform(f"a PrefixList with {name}", EXCLUSIVE, inside=inside) for name, inside in NOT_LISTS),
    (
        "transform: PrefixLists of many in a large message",
        "xml_too_large",
        {"prefixes": " ".join(f"p{n}" for n in range(120)), "content": "<a/>" * 2_000},
    ),
    (
        "canonicalization: inclusive with a PrefixList",
        "weak_algorithm",
        {"canonicalization": INCLUSIVE, "prefixes": "soap"},
    ),
    ("transform: inclusive with a PrefixList", "weak_algorithm", {"transforms": (INCLUSIVE,), "prefixes": "soap"}),
    ("algorithm: with a PrefixList", "weak_algorithm", {"method_inside": _LIST}),
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
    ("token: longer than any certificate", "untrusted", {"token": pki().leaf.der + bytes(16 * 1024)}),
    (
        "token: a certificate of version 6",
        "untrusted",
        {"token": pki().leaf.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)},
    ),
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
    (
        "meaning: a type of a prefix outside the PrefixList",
        "wrong_parts",
        {
            "prefixes": "soap",
            "envelope_attributes": 'xmlns:t="urn:t"',
            "content": f'<a xmlns:xsi="{XSI}" xsi:type="t:Kind">1</a>',
        },
    ),
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
