"""What a Security header says: the claim of its signature, whose certificate, and when. Nothing of it is believed yet.

Read in one of two ways. `usual` reads the header's bytes by one match: the plain form in which most senders write it.
`any_form` looks at each element, takes whatever the profile allows, and has the refusals. Where `usual` says something,
`any_form` says the same; the tests hold the two beside each other.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from functools import lru_cache
from typing import Final, NamedTuple

from lxml import etree

from signing import xmldsig
from signing.canonical import EXCLUSIVE
from signing.envelope import BASE64, WSSE, WSU, X509V3, Pieces, id_of
from signing.errors import EnvelopeWrong, Untrusted

LONGEST_CERTIFICATE: Final = 16 * 1024
"""Those that were read are kept: without a bound, strangers could fill our memory with them."""
TIMESTAMP: Final = (
    f'<wsu:Timestamp xmlns:wsu="{WSU}" wsu:Id="%s"><wsu:Created>%s</wsu:Created>'
    "<wsu:Expires>%s</wsu:Expires></wsu:Timestamp>"
)
"""In canonical form, of its Id and its two times."""


class Said(NamedTuple):
    """What a header says. From the usual form all was read at once, from any other only its claim."""

    claim: xmldsig.Claim
    token_id: str
    timestamp_id: str
    certificate: bytes = b""
    times: tuple[str, str] = ("", "")
    """Created and Expires."""
    timestamp: bytes = b""
    """The Timestamp in canonical form."""
    ids: tuple[bytes, ...] = ()
    """Every Id of the three pieces."""
    rest: bytes = b""
    """The message without its three pieces: what further Ids would have to stand in."""
    elements: tuple[Pieces, etree._Element] | None = None
    """The pieces and KeyInfo, where the rest is read from them when its turn comes: the first fault is the one told."""


# -- the usual form ----------------------------------------------------------------------------------------------------


def usual(data: bytes, security: etree._Element) -> Said | None:
    """What the one Security header of this message says, when it is in the usual form; None for any other.

    The message was parsed. Without a comment or CDATA, which start with `<!`, what looks like a tag in it is one.
    """
    if b"!" in data:
        return None
    written = _USUAL.search(data)
    # The pattern lets any three pieces pass: with one at least of each it is one of each.
    if not written or not (written["kind"] and written["created"] and written["value"]):
        return None
    if not _is_bound(written["security"], security):
        return None
    try:
        return _said(written)
    except ValueError:
        return None


def _is_bound(attributes: bytes, security: etree._Element) -> bool:
    """Whether the prefixes mean what they say.

    The tree has one Security of WSSE, so a tag that binds `wsse` so itself is that one. Nothing within the pattern
    binds `wsse` to anything else; `ds` is bound by it; and `wsu` by this tag, or by what stands around it.
    """
    return _BINDS_WSSE in attributes and (_BINDS_WSU in attributes or security.nsmap.get("wsu") == WSU)


def _said(written: re.Match[bytes]) -> Said:
    """Raises ValueError where only `any_form` can say what is wrong, or whether anything is."""
    parts = [(name.decode(), kind.decode(), digest) for name, kind, digest in _REFERENCE.findall(written["parts"])]
    token_id, pointer, timestamp_id, method, created, expires = [each.decode() for each in written.group(*_TEXTS)]
    certificate = _certificate(written["certificate"])
    if pointer != token_id or token_id in [name for name, _, _ in parts]:
        raise ValueError
    info, timestamp = written.group("info", "timestamp")
    if not _is_canonical(info, _SIGNED_INFO):
        info = xmldsig.written(method, [(name, kind, digest.decode()) for name, kind, digest in parts])
    if not _is_canonical(timestamp, _TIMESTAMP):
        timestamp = (TIMESTAMP % (timestamp_id, created, expires)).encode()
    references = tuple([xmldsig.Reference(name, kind, _octets(digest)) for name, kind, digest in parts])
    start, end = written.span("pieces")
    return Said(
        xmldsig.Claim(method, references, info, _octets(written["value"])),
        token_id,
        timestamp_id,
        certificate,
        (created, expires),
        timestamp,
        tuple([each for each in written.group(*_IDS) if each]),
        written.string[:start] + b" " + written.string[end:],
    )


def _is_canonical(piece: bytes, start: bytes) -> bool:
    """Whether a piece in the usual form is canonical as it stands: declared where it begins, and no tag cut short."""
    return piece.startswith(start) and b"/>" not in piece


@lru_cache(maxsize=64)
def _certificate(text: bytes) -> bytes:
    certificate = _octets(text)
    if len(certificate) > LONGEST_CERTIFICATE:
        raise ValueError
    return certificate


def _octets(text: bytes) -> bytes:
    return a2b_base64(text.translate(None, b"\r\n"), strict_mode=True)


# Addresses are escaped, for a dot in a pattern would let any letter pass.
_NAME: Final = "[A-Za-z0-9_.:-]+"
_OCTETS: Final = "[A-Za-z0-9+/=]+"
_LINES: Final = "[A-Za-z0-9+/=\r\n]+"
_EXCLUSIVE, _BASE64, _X509V3, _DS, _WSSE, _WSU = map(re.escape, (EXCLUSIVE, BASE64, X509V3, xmldsig.DS, WSSE, WSU))
_METHODS, _DIGESTS = ("|".join(map(re.escape, each)) for each in (xmldsig.METHODS.values(), xmldsig.DIGESTS))
_BOUND: Final = f' xmlns:wsse="{_WSSE}"| xmlns:wsu="{_WSU}"'


def _empty(name: str, algorithm: str) -> str:
    return rf'<ds:{name} Algorithm="{algorithm}"(?: ?/>|></ds:{name}>)'


def _one(opening: str) -> str:
    """A Reference; each of its three values after this opening of a group."""
    return (
        f'<ds:Reference URI="#{opening}{_NAME})"><ds:Transforms>{_empty("Transform", _EXCLUSIVE)}</ds:Transforms>'
        f"{_empty('DigestMethod', f'{opening}{_DIGESTS})')}<ds:DigestValue>{opening}{_OCTETS})</ds:DigestValue>"
        "</ds:Reference>"
    )


_TOKEN: Final = (
    f'<wsse:BinarySecurityToken(?:{_BOUND}| EncodingType="{_BASE64}"| ValueType="(?P<kind>{_X509V3})"'
    f'| wsu:Id="(?P<token>{_NAME})")+>(?P<certificate>{_LINES})</wsse:BinarySecurityToken>'
)
_STAMP: Final = (
    f'(?P<timestamp><wsu:Timestamp(?:{_BOUND}| wsu:Id="(?P<stamp>{_NAME})")+><wsu:Created>'
    "(?P<created>[0-9TZ:.+-]+)</wsu:Created><wsu:Expires>(?P<expires>[0-9TZ:.+-]+)</wsu:Expires></wsu:Timestamp>)"
)
_SIGNATURE: Final = (
    f'<ds:Signature xmlns:ds="{_DS}"(?: Id="(?P<id>{_NAME})")?>(?P<info><ds:SignedInfo(?: xmlns:ds="{_DS}")?>'
    f"{_empty('CanonicalizationMethod', _EXCLUSIVE)}{_empty('SignatureMethod', f'(?P<method>{_METHODS})')}"
    f"(?P<parts>(?:{_one('(?:')}){{1,{xmldsig.MAX_REFERENCES}}})</ds:SignedInfo>)"
    f"<ds:SignatureValue>(?P<value>{_LINES})</ds:SignatureValue>"
    f'<ds:KeyInfo(?: Id="(?P<key>{_NAME})")?>'
    f'<wsse:SecurityTokenReference(?:{_BOUND}| wsu:Id="(?P<reference>{_NAME})")*>'
    f'<wsse:Reference(?: URI="#(?P<pointer>{_NAME})"| ValueType="{_X509V3}")+(?: ?/>|></wsse:Reference>)'
    "</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>"
)
_REFERENCE: Final = re.compile(_one("(").encode())
_USUAL: Final = re.compile(
    rf'<wsse:Security(?P<security>(?: [A-Za-z0-9:_-]+="[^"&<]*")+)>(?P<pieces>(?:{_TOKEN}|{_STAMP}|{_SIGNATURE}){{3}})'
    "</wsse:Security>".encode()
)
_TEXTS: Final = ("token", "pointer", "stamp", "method", "created", "expires")
_IDS: Final = ("token", "stamp", "id", "key", "reference")
_SIGNED_INFO: Final = f'<ds:SignedInfo xmlns:ds="{xmldsig.DS}">'.encode()
_TIMESTAMP: Final = f'<wsu:Timestamp xmlns:wsu="{WSU}" wsu:Id='.encode()
_BINDS_WSSE: Final = f' xmlns:wsse="{WSSE}"'.encode()
_BINDS_WSU: Final = f' xmlns:wsu="{WSU}"'.encode()


# -- any form of the profile -------------------------------------------------------------------------------------------


def any_form(pieces: Pieces, *, allow_prefix_list: bool) -> Said:
    """What the header says, element by element: its signature now, the rest when it is asked for."""
    claim, key_info = xmldsig.read(pieces.signature, allow_prefix_list=allow_prefix_list)
    token_id, timestamp_id = id_of(pieces.token), id_of(pieces.timestamp)
    return Said(claim=claim, timestamp_id=timestamp_id, token_id=token_id, elements=(pieces, key_info))


def certificate_of(said: Said) -> bytes:
    """The one certificate that the signature points to: the token of its own header."""
    if said.elements is None:
        return said.certificate
    token, key_info = said.elements[0].token, said.elements[1]
    (reference,) = _only(key_info, "SecurityTokenReference")
    (pointer,) = _only(reference, "Reference")
    if pointer.get("URI") != f"#{said.token_id}" or pointer.get("ValueType", X509V3) != X509V3:
        raise EnvelopeWrong("KeyInfo must point to the BinarySecurityToken")
    if token.get("ValueType") != X509V3 or token.get("EncodingType", BASE64) != BASE64:
        raise EnvelopeWrong("the BinarySecurityToken must hold one X.509 certificate in Base64")
    certificate = xmldsig.octets(token)
    if len(certificate) > LONGEST_CERTIFICATE:
        raise Untrusted("the token is longer than any certificate")
    return certificate


def _only(parent: etree._Element, name: str) -> list[etree._Element]:
    found = list(parent)
    xmldsig.named(found, name, namespace=WSSE)
    return found


def times_of(said: Said) -> tuple[str, str]:
    """The texts of Created and Expires, when the Timestamp holds these and nothing else."""
    if said.elements is None:
        return said.times
    timestamp = said.elements[0].timestamp
    xmldsig.named(list(timestamp), "Created", "Expires", namespace=WSU)
    return timestamp[0].text or "", timestamp[1].text or ""
