"""Exclusive C14N: the vectors, and templates that make the same bytes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from signing import canonical, xml
from signing.errors import XmlRefused
from tests.unit.signing import wss_vectors as vectors


def test_vectors():
    """The Body's and the Timestamp's canonical bytes and digests are those that were computed independently."""
    root = xml.read(vectors.DOCUMENT.encode())

    assert vectors.BODY == canonical.exclusive(root[1])
    assert vectors.TIMESTAMP == canonical.exclusive(root[0][0][0])
    assert vectors.octets(vectors.BODY_DIGEST) == hashlib.sha256(vectors.BODY).digest()
    assert vectors.octets(vectors.TIMESTAMP_DIGEST) == hashlib.sha256(vectors.TIMESTAMP).digest()


def test_inclusive_trap():
    """Inclusive C14N pulls in a namespace that nobody uses, and so gives another digest."""
    root = xml.read(vectors.DOCUMENT.encode())

    inclusive = etree.tostring(root[1], method="c14n")

    assert vectors.octets(vectors.BODY_INCLUSIVE_DIGEST) == hashlib.sha256(inclusive).digest()
    assert inclusive != canonical.exclusive(root[1])


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        # W3C xml-exc-c14n, section 2.2: namespaces are written where they are used, and no others.
        (
            b'<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" '
            b'xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>',
            b'<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff>'
            b"</n1:elem2>",
        ),
        (
            b'<n2:pdu xmlns:n1="http://example.com" xmlns:n2="http://foo.example" xml:lang="fr" xml:space="retain">'
            b'<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2>'
            b"</n2:pdu>",
            b'<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff>'
            b"</n1:elem2>",
        ),
    ],
)
def test_published_example(given_, expected):
    """The standard's own example: the same element out of two contexts has the same canonical form."""
    assert expected == canonical.exclusive(xml.read(given_)[0])


def test_comments():
    """Comments are left out, unless they are asked for; what follows an element is no part of it."""
    root = xml.read(b"<a><b>1<!-- c -->2</b>tail</a>")

    assert canonical.exclusive(root[0]) == b"<b>12</b>"
    assert canonical.exclusive(root[0], with_comments=True) == b"<b>1<!-- c -->2</b>"


def test_no_canonical_form():
    """A namespace that is a relative address has no canonical form: a refusal."""
    with pytest.raises(XmlRefused):
        canonical.exclusive(xml.read(b'<a xmlns="relative"/>'))


XML_TEXT = st.text(
    st.one_of(
        st.sampled_from("\t\n\r&<>\"'{}%"),
        st.characters(min_codepoint=0x20, max_codepoint=0xD7FF),
        st.characters(min_codepoint=0xE000, max_codepoint=0xFFFD),
        st.characters(min_codepoint=0x10000),
    )
)


@given(XML_TEXT)
def test_template_is_canonical(value):
    """Whatever stands in the place, the bytes are those that a parser and a canonicaliser would make."""
    template = canonical.Template(b'<a xmlns="urn:a" b="%"><c>{x.y}</c>100%<d>{z}</d></a>')

    filled = template.fill({"x.y": value, "z": "1"})

    root = xml.read(filled)
    assert canonical.exclusive(root) == filled
    assert (root[0].text or "") == value


@pytest.mark.parametrize("value", ["\0", "\x0b", "\ud800", "\uffff"])
def test_no_such_character(value):
    """A character that XML does not have is our own mistake, and found before anything is signed."""
    with pytest.raises(ValueError, match="character"):
        canonical.text(value)


def test_place_in_an_attribute():
    """Attributes are escaped otherwise: a template with a place in one is refused when it is made."""
    with pytest.raises(ValueError, match="attribute"):
        canonical.Template(b'<a b="{c}"/>')


def test_template_without_places():
    """A shape without places is its own canonical form."""
    assert canonical.Template(b"<a b='1'/>").fill({}) == b'<a b="1"></a>'
