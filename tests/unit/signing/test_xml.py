"""The one hardened parser: what it takes, and what it refuses with which code."""

from __future__ import annotations

import threading

import pytest

from signing import xml
from signing.errors import XmlRefused
from signing.xml import Limits, read


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        b"\xef\xbb\xbf<a/>",
        b'<?xml version="1.0"?><a/>',
        b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n<a/>\n",
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><a/>',
        b"<!-- <!DOCTYPE x> --><a/><!-- -->",
        b"<a><![CDATA[<!DOCTYPE x [<!ENTITY y 'z'>]>]]></a>",
        b"<a>" * 64 + b"</a>" * 64,
        b"<a>" + b"<b/>" * 200 + b"?" * 3 + b"&amp;</a>",
        b'<?xml version="1.0"?><a>?</a>',
    ],
)
def test_taken(data):
    """UTF-8 with or without its mark and its declaration; the words of a DTD inside a text are only words."""
    assert read(data).tag == "a"


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("xml_dtd", b"<!DOCTYPE a><a/>"),
        ("xml_dtd", b' <!-- --> <?x y?> <!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        ("xml_encoding", '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16")),
        ("xml_encoding", b'<?xml version="1.0" encoding="utf-7"?><a/>'),
        ("xml_encoding", b"<a>\xff</a>"),
        ("xml_encoding", b"<a>\0</a>"),
        ("malformed_xml", b'<?xml version="1.1"?><a/>'),
        ("malformed_xml", b'<?xml encoding="utf-8"?><a/>'),
        ("malformed_xml", b"<a>"),
        ("malformed_xml", b""),
        ("xml_instruction", b"<a><?b c?></a>"),
        ("xml_instruction", b"<?b c?><a/>"),
        ("xml_instruction", b"<?xml-stylesheet href='x'?><a/>"),
        ("xml_instruction", b'<?xml version="1.0"?><a/><?b?>'),
        ("xml_inclusion", b'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="x"/></a>'),
        ("xml_inclusion", b'<a xmlns:i="http://www.w3.org/2001/X&#73;nclude"><i:include href="x"/></a>'),
        ("xml_too_large", b"<a>" * 65 + b"</a>" * 65),
        ("xml_too_large", b"<a>" * 64 + b"<b/>" + b"</a>" * 64),
        ("xml_too_large", b"<a>" + b"<a><b/>" * 64 + b"</a>" * 65),
    ],
)
def test_refused(code, data):
    """Everything that is more than a bounded UTF-8 tree is refused with the code that says what it is."""
    with pytest.raises(XmlRefused) as refused:
        read(data)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "data", [b"<a>" + b"x" * 100 + b"</a>", b"<a>" + b"<b/>" * 15 + b"</a>", b"<a>" + b"=" * 7 + b"</a>"]
)
def test_limits(data):
    """Size, tags and attributes are bounded before anything is parsed."""
    with pytest.raises(XmlRefused, match=r"larger than|more elements"):
        read(data, limits=Limits(size=100, tags=7, attributes=6))


def test_comments_stay():
    """Comments are in the tree: a verifier has to see what a signature does not cover."""
    assert len(read(b"<a>x<!-- -->y</a>")) == 1


def test_default_code():
    """A refusal without a code of its own is a message that is not well-formed."""
    assert XmlRefused("x").code == "malformed_xml"
    assert str(XmlRefused()) == (XmlRefused.__doc__ or "").strip()


def test_each_thread_has_its_parser():
    """Threads do not wait for each other's parser."""
    seen = [xml._parsers.strict]
    thread = threading.Thread(target=lambda: seen.append(xml._parsers.strict))
    thread.start()
    thread.join()

    assert seen[0] is not seen[1]
