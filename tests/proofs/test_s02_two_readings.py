"""S2 within: the one match that reads a plain Security header takes nothing that reading each element would not."""

from __future__ import annotations

from functools import cache
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from signing import wsse, wsse_verify, xml
from signing.canonical import Template, exclusive
from signing.envelope import SOAP_12, frame_of, pieces_of
from signing.errors import NotVerified, VerifierFailed
from signing.security_header import Said, any_form, certificate_of, times_of, usual
from tests.contract import wss_attacks
from tests.message_pki import NOW, pki
from tests.proofs.test_s02_differential import CHANGES, NUMBER
from tests.soap_clients import Wss4j
from tests.wss_kit import CONTENT, WSU, Forge, elliptic, identity, partner_trust


@cache
def plain() -> tuple[bytes, ...]:
    """Messages in the usual form: ours in both ways, with both kinds of key, and a plain one of another stack."""
    template = Template(b'<h:a xmlns:h="urn:h"><h:b>{b}</h:b></h:a>')
    return (
        wsse.sign_canonical(template.fill({"b": "Nguyễn"}), identity(pki().leaf), now=NOW, addressing={"To": "urn:to"}),
        wsse.sign(
            f'<s:Envelope xmlns:s="{SOAP_12}"><s:Body>{CONTENT}</s:Body></s:Envelope>'.encode(),
            identity(elliptic()),
            now=NOW,
        ),
        Wss4j(prefixes=(None, None, None)).message(),
    )


def verdict(data: bytes) -> object:
    """The refusal's code, or all that was verified."""
    try:
        found = wsse.verify(data, trust=partner_trust(), now=NOW)
    except VerifierFailed:
        raise
    except NotVerified as refusal:
        return refusal.code
    parts = (found.created, found.expires, found.certificate_der, found.signed_parts, found.base, found.signature)
    return parts, found.replay_key, found.replay_until, dict(found.addressing), exclusive(found.envelope)


def read_both_ways(data: bytes) -> tuple[Said, Said] | None:
    """By one match and by element; None where the one match says nothing, or the message is refused before it."""
    try:
        security = frame_of(xml.read(data)).security
    except NotVerified:
        return None
    quick = usual(data, security)
    if quick is None:
        return None
    pieces = pieces_of(security)
    slow = any_form(pieces, allow_prefix_list=False)
    told = Said(
        claim=slow.claim,
        token_id=slow.token_id,
        timestamp_id=slow.timestamp_id,
        certificate=certificate_of(slow),
        times=times_of(slow),
        timestamp=exclusive(pieces.timestamp),
    )
    return quick._replace(ids=(), rest=b""), told


def judge(data: bytes) -> bool:
    """Both readings say the same, and the message has one verdict; whether the quick one said anything."""
    both = read_both_ways(data)
    if both is None:
        return False
    assert both[0] == both[1]
    with mock.patch.object(wsse_verify, "usual", return_value=None):
        by_element = verdict(data)
    assert by_element == verdict(data)
    return True


def test_plain_messages_are_read_by_one_match():
    """Else the tests of this file would prove nothing: the messages of ours, and the plainest of others, are usual."""
    assert [True] * 3 == [judge(each) for each in plain()]


def test_whole_corpus():
    """No message of the attack corpus is read in two ways: what one match reads, the elements say too."""
    judged = [judge(case.data) for case in wss_attacks.cases()]

    assert len(judged) > 800


TAGS = [b"<a>", b"</a>", b"<a/>", b"?", b"<?b?>", b"&amp;", b"<!-- -->", b"XInclude", b"</a><a>", b"x"]
INCLUSION = b'<i:a xmlns:i="http://www.w3.org/2001/XInclude"/>'


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(1, 70), st.lists(st.sampled_from([*TAGS, INCLUSION]), max_size=8))
def test_parser_asks_the_bytes_first(deep, inside):
    """Where the bytes say that no tree of them can be refused, the tree says so too."""
    data = b"<a>" * deep + b"".join(inside) + b"</a>" * deep
    try:
        root = etree.fromstring(data, etree.XMLParser(remove_comments=False))
    except etree.XMLSyntaxError:
        return

    if xml._is_plain(data, xml.LIMITS):
        xml._check_tree(root, xml.LIMITS)


@pytest.mark.parametrize("which", [0, 1, 2])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_changed_trees(which, changes):
    """Elements moved, doubled, wrapped, renamed, taken away."""
    root = etree.fromstring(plain()[which])
    for change in changes:
        change(root)

    judge(etree.tostring(root))


WRITTEN = [
    (b"<", b"<x"),
    (b">", b" >"),
    (b">", b"/>"),
    (b">", b">\n"),
    (b">", b"><!-- -->"),
    (b'"', b"'"),
    (b"/>", b"></ds:Transform>"),
    (b"wsse", b"ds"),
    (b"wsu", b"wsse"),
    (b"ds:", b"wsse:"),
    (b"xmlns:wsse=", b"xmlns:w="),
    (b"xmlns:ds=", b"xmlns:wsu="),
    (b" xmlns:wsse=", b' x=" xmlns:wsse=" xmlns:wsse='),
    (b"xmlns:wsu=", b'xmlns:wsu="urn:x" xmlns:w='),
    (b"#", b"&#35;"),
    (b"Id=", b"id="),
    (b"Id=", b'Id="x" xml:id='),
    (b"Z<", b"<"),
    (b"Z<", b"+07:00<"),
    (b"=</", b"</"),
    (b"=</", b"==</"),
    (b"A", b"\n"),
    (b"A", b"\r\n"),
    (b"A", b"&#65;"),
    (b"A", b"B"),
    (b"<ds:Reference ", b"<ds:Reference Id='r' "),
    (b"sha256", b"sha1"),
    (b"X509v3", b"X509v1"),
    (b"<soap:Header>", b"<soap:Header><wsse:Security xmlns:wsse='urn:x'/>"),
    (b"<wsse:Security ", b"<wsse:Security soap:actor='x' "),
    (b"</wsse:Security>", b"</wsse:Security><wsse:Security xmlns:wsse='urn:x'></wsse:Security>"),
]


@pytest.mark.parametrize("which", [0, 1, 2])
@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(WRITTEN), NUMBER), min_size=1, max_size=3))
def test_written_otherwise(which, changes):
    """Other quotes, blanks, prefixes, references, declarations, empty tags: the same message or another, but one."""
    data = plain()[which]
    for (old, new), number in changes:
        places = data.split(old)
        cut = number % (len(places) - 1) + 1 if len(places) > 1 else 1
        data = old.join(places[:cut]) + (new if len(places) > 1 else b"") + old.join(places[cut:])

    judge(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b' xmlns:wsse="http', b' x=" xmlns:wsse=" xmlns:wsse="htt&#112;'),  # a declaration that is a value
        (b'ValueType="', b'xmlns:x="urn:x" ValueType="'),
        (b'<wsse:Reference URI="#', b'<wsse:Reference URI="#x'),
        (b"<wsse:BinarySecurityToken", b"<!-- --><wsse:BinarySecurityToken"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>="),
        (b'URI="#body', b'URI="#token'),
    ],
)
def test_left_to_the_elements(old, new):
    """What the one match cannot be sure of, it does not read."""
    data = plain()[0].replace(old, new, 1)

    assert old in plain()[0]
    assert usual(data, frame_of(xml.read(data)).security) is None


def test_declarations_may_stand_around():
    """`wsu` may be declared at the Envelope; declared there as something else, nothing is read by one match."""
    data = plain()[0].replace(f' xmlns:wsu="{WSU}" xmlns:soap'.encode(), b" xmlns:soap", 1)
    around = data.replace(b"<soap:Envelope ", f'<soap:Envelope xmlns:wsu="{WSU}" '.encode())

    assert judge(around)
    assert isinstance(verdict(around), tuple)
    other = data.replace(b"<soap:Envelope ", b'<soap:Envelope xmlns:wsu="urn:x" ')
    assert usual(other, frame_of(xml.read(other)).security) is None


def test_long_certificate_is_told_by_the_elements():
    """A token longer than any certificate has its own refusal, whichever way it is read."""
    data = Forge(token=pki().leaf.der + bytes(16 * 1024)).message()
    long = plain()[0].replace(b">MII", b">" + b"AAAA" * 6000 + b"MII", 1)

    assert "untrusted" == verdict(data)
    assert b"AAAAMII" in long
    assert usual(long, frame_of(xml.read(long)).security) is None
