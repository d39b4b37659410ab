"""The attack corpus: signed SOAP messages that must be refused, each with its code, and good ones that must pass.

Made, not collected: every attack is a change to what a sender signs (`Forge`) or to a good message on its way (a
function on the tree or on the bytes), and is made for SOAP 1.1 and 1.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests import message_pki
from tests.contract.wss_bytes import REWRITTEN
from tests.contract.wss_on_the_way import CHANGED
from tests.contract.wss_signed_wrong import ALL, SIGNED_WRONG
from tests.message_pki import pki
from tests.wss_kit import (
    DS,
    MORE,
    SOAP_11,
    SOAP_12,
    XENC,
    Forge,
    at,
    edited,
    elliptic,
    revoked,
)

XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True)
class Case:
    """One message, and what must become of it."""

    name: str
    code: str
    """Empty for a good message."""
    data: bytes


@cache
def corpus() -> tuple[Case, ...]:
    """Made once in a run: it holds some hundred signatures."""
    return tuple(cases())


def cases() -> Iterator[Case]:
    """All of it, as requests of both versions."""
    for version, soap in (("1.1", SOAP_11), ("1.2", SOAP_12)):
        yield from around(version, Forge(soap=soap))


def around(version: str, forge: Forge) -> Iterator[Case]:
    """Every attack on this message, and every good message like it. What it signs beside the usual stays signed."""
    message, more = forge.message(), tuple(each for each in forge.signed if each not in ALL)
    for name, code, changes in SIGNED_WRONG:
        yield Case(f"{version} {name}", code, forge.but(**_with(changes, more)).message())
    for name, code, change in CHANGED:
        yield Case(f"{version} {name}", code, edited(message, change))
    for name, code, rewrite in REWRITTEN:
        yield Case(f"{version} {name}", code, rewrite(message))
    for name, code, holder in HOLDERS:
        yield Case(f"{version} {name}", code, forge.but(holder=holder(), method=_method(holder())).message())
    for name, changes in GOOD:
        yield Case(f"{version} {name}", "", forge.but(**_with(changes, more)).message())
    listed = forge.but(prefixes="soap wsa unused").message()
    for name, code, change in CHANGED:
        yield Case(f"{version} with a PrefixList, {name}", code, edited(listed, change))
    for name, code, rewrite in REBOUND:
        yield Case(f"{version} PrefixList: {name}", code, rewrite(listed))


def _with(changes: dict, more: tuple[str, ...]) -> dict:
    signed = changes.get("signed")
    return changes if signed is None or "addressing" in changes else changes | {"signed": (*signed, *more)}


# -- a PrefixList ------------------------------------------------------------------------------------------------------

_UNUSED = b'xmlns:unused="urn:unused"'
REBOUND: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    (
        "a prefix of it gets another meaning",
        "bad_signature",
        lambda data: data.replace(_UNUSED, b'xmlns:unused="urn:x"'),
    ),
    ("a prefix of it goes away", "bad_signature", lambda data: data.replace(_UNUSED, b"")),
    ("a prefix of it is declared nearer", "", lambda data: data.replace(b"<soap:Body", b"<soap:Body " + _UNUSED)),
    ("another prefix comes", "", lambda data: data.replace(_UNUSED, _UNUSED + b' xmlns:more="urn:more"')),
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
    ("good: the token signed too", {"signed": (*ALL, "token")}),
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
    ("good: a PrefixList", {"prefixes": "soap wsa unused"}),
    ("good: an empty PrefixList", {"prefixes": ""}),
    ("good: a PrefixList of what is not there", {"prefixes": "nowhere  soap\tsoap"}),
    (
        "good: a type of a prefix of the PrefixList",
        {
            "prefixes": "t",
            "envelope_attributes": 'xmlns:t="urn:t"',
            "content": f'<a xmlns:xsi="{XSI}" xsi:type="t:Kind">1</a>',
        },
    ),
    ("good: a foreign Id", {"content": '<a Id="1" ID="2" xml:id="n3"/>'}),
]
