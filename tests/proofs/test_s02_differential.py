"""S2: mutated signed messages and two other verifiers. What ours takes they take, and the value is the signed one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from signing import wsse
from signing.canonical import exclusive
from signing.errors import NotVerified, VerifierFailed
from tests.message_pki import NOW, pki
from tests.proofs import wss_oracles
from tests.soap_clients import Wss4j
from tests.wss_kit import CONTENT, SOAP_12, WSU_ID, Forge, identity, partner_trust

NUMBER = st.integers(0, 10_000)
Change = Callable[[etree._Element], None]


@cache
def messages() -> tuple[bytes, ...]:
    """Good ones of both versions: forged, as we sign them ourselves, and with PrefixLists as WSS4J writes them."""
    return (
        Forge().message(),
        Forge(soap=SOAP_12, order=("timestamp", "signature", "token")).message(),
        wsse.sign_canonical(exclusive(etree.fromstring(CONTENT)), identity(pki().leaf), now=NOW, nonce="n"),
        Wss4j().message(),
    )


@cache
def meaning(data: bytes) -> tuple[bytes, ...]:
    """The canonical bytes of all that was signed."""
    message = wsse.verify(data, trust=partner_trust(), now=NOW)
    return tuple(exclusive(each) for each in (*message.envelope[0], message.body))


def _at(root: etree._Element, number: int) -> etree._Element:
    found = list(root.iter(etree.Element))
    return found[number % len(found)]


def move(what: int, where: int, index: int, twin: bool) -> Change:
    """An element, or its twin, to another place."""

    def change(root: etree._Element) -> None:
        element, parent = _at(root, what), _at(root, where)
        if element is root or element in (parent, *parent.iterancestors()):
            return
        parent.insert(index % (len(parent) + 1), copy.deepcopy(element) if twin else element)

    return change


def rename_id(what: int, name: str, whose: int) -> Change:
    """Somebody else's Id, under one of the names that an Id may have."""

    def change(root: etree._Element) -> None:
        ids = [each.get(WSU_ID) for each in root.iter(etree.Element) if each.get(WSU_ID)]
        _at(root, what).set(name, ids[whose % len(ids)])

    return change


def write(what: int, text: str) -> Change:
    """Another text."""
    return lambda root: setattr(_at(root, what), "text", text)


def after(what: int, text: str) -> Change:
    """Text behind an element: where nobody looks, perhaps."""
    return lambda root: setattr(_at(root, what), "tail", text) if what % 997 else None


def comment(what: int, index: int) -> Change:
    """A comment somewhere."""
    return lambda root: _at(root, what).insert(index % 3, etree.Comment(" x "))


def wrap(what: int) -> Change:
    """An element around another."""

    def change(root: etree._Element) -> None:
        element = _at(root, what)
        parent = element.getparent()
        if parent is not None:
            wrapper = etree.Element("{urn:x}Wrapper")
            parent.replace(element, wrapper)
            wrapper.append(element)

    return change


def remove(what: int) -> Change:
    """An element less."""

    def change(root: etree._Element) -> None:
        element = _at(root, what)
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)

    return change


TEXT = st.sampled_from(["", " ", "\n", "x", "H99.24-260703-0008", "#body", "#ts"])
CHANGES = st.one_of(
    st.builds(move, NUMBER, NUMBER, NUMBER, st.booleans()),
    st.builds(rename_id, NUMBER, st.sampled_from([WSU_ID, "Id", "ID", "id"]), NUMBER),
    st.builds(write, NUMBER, TEXT),
    st.builds(after, NUMBER, TEXT),
    st.builds(comment, NUMBER, NUMBER),
    st.builds(wrap, NUMBER),
    st.builds(remove, NUMBER),
)
LISTED = 3
"""The message whose PrefixLists signxml does not read: its schema knows none in CanonicalizationMethod."""
taken: list[bytes] = []


def taken_by_ours(data: bytes) -> wsse.VerifiedMessage | None:
    """What ours gives back; None for a refusal. That the verifier stumbles is no refusal here: it is an error."""
    try:
        return wsse.verify(data, trust=partner_trust(), now=NOW)
    except VerifierFailed:
        raise
    except NotVerified:
        return None


def judge(changed: bytes, original: bytes, *, by_signxml: bool = True) -> None:
    """Where ours says yes, the others must too, and nothing may have another value.

    signxml reads bytes as text first and so stumbles over a U+FEFF in a name or a CDATA behind the Signature, which
    mean nothing: of bytes changed at random only libxmlsec1 is asked.
    """
    message = taken_by_ours(changed)
    if message is None:
        return
    wss_oracles.python_xmlsec(changed, pki().leaf.der)
    if by_signxml:
        wss_oracles.signxml(changed, pki().leaf.der)
    assert meaning(original) == tuple(exclusive(each) for each in (*message.envelope[0], message.body))
    if changed != original:
        taken.append(changed)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from([0, 1, 2, 3]), st.lists(CHANGES, min_size=1, max_size=4))
def test_trees(which, changes):
    """Elements moved, doubled, wrapped, renamed, taken away: accepted is a part of what the oracles accept."""
    original = messages()[which]
    root = etree.fromstring(original)
    for change in changes:
        change(root)

    judge(etree.tostring(root), original, by_signxml=which != LISTED)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.sampled_from([0, 1, 2, 3]),
    NUMBER,
    st.integers(0, 40),
    st.binary(max_size=6) | st.sampled_from([b"<!-- -->", b"&#x20;", b" ", b"<a/>", b"&amp;", b"&x;", b"\r\n"]),
)
def test_bytes(which, place, length, instead):
    """Bytes cut, changed and put in anywhere: accepted is a part of what the oracles accept."""
    original = messages()[which]
    place = place % len(original)

    judge(original[:place] + instead + original[place + length :], original, by_signxml=False)


def test_harmless_changes_are_taken():
    """The differential test would be empty if nothing changed were taken: what means nothing is taken by all three."""
    original = messages()[0]
    for old, new in [
        (b"<wsa:To", b"\n<wsa:To"),
        (b"<soap:Body", b"<!-- x --><soap:Body"),
        (b"<h:LePhi>150000", b"<h:LePhi>1&#53;0<![CDATA[000]]>"),
        (b' ma="099000000001"', b"  ma='099000000001'\n"),
        (b"<wsse:Security ", b'<wsse:Security extra="1" '),
    ]:
        assert old in original
        before = len(taken)
        judge(original.replace(old, new, 1), original)
        assert before + 1 == len(taken)
