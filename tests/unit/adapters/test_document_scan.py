"""Looking documents through: clamd's own protocol against one that speaks it, and every way in which it may fail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.documents.errors import DocumentNotNow
from adapters.documents.scan import CHUNK, Clamd, NoScanner
from signing.errors import DocumentRefused
from tests.fake_clamd import EICAR, fake_clamd
from tests.raw_sockets import closed_port

PDF = b"%PDF-1.7 " + bytes(range(256)) * 1_000


@pytest.mark.parametrize("content", [PDF, b"%PDF-" + b"x" * (CHUNK - 5), b"x"], ids=["chunks", "one chunk", "byte"])
@pytest.mark.parametrize("is_local", [True, False], ids=["unix", "tcp"])
def test_a_clean_document(tmp_path, content, is_local):
    """The scanner gets the whole document, byte for byte, and its OK makes it clean."""
    with fake_clamd(tmp_path if is_local else None) as clamd:
        assert Clamd(address=clamd.address).scan(content)
    assert ([content], []) == (clamd.scanned, clamd.broken_rules)


def test_an_infected_document():
    """What the scanner finds is refused for good, under a code that the source understands."""
    with fake_clamd() as clamd, pytest.raises(DocumentRefused) as refused:
        Clamd(address=clamd.address).scan(b"%PDF-1.7 " + EICAR)
    assert "document_infected" == refused.value.code


@pytest.mark.parametrize(
    ("mood", "code"),
    [
        ("error", "scanner_unclear"),
        ("odd", "scanner_unclear"),
        ("endless", "scanner_unclear"),
        ("dead", "scanner_unclear | scanner_unreachable"),  # the end of the line, or its reset: who is faster
        ("slow", "scanner_unreachable"),
    ],
)
def test_a_scanner_that_does_not_say_clean(mood, code):
    """Everything but a clear word fails closed: not taken now, tried again."""
    with fake_clamd(mood=mood) as clamd, pytest.raises(DocumentNotNow) as trouble:
        Clamd(address=clamd.address, timeout=timedelta(seconds=1)).scan(PDF)
    assert trouble.value.code in code.split(" | ")


@pytest.mark.parametrize("content", [PDF, b"x" * 8_000_000], ids=["short", "hangs up while we send"])
def test_a_scanner_whose_limit_is_lower(content):
    """A document beyond the scanner's own limit is not taken, and the operator reads which limit it was."""
    with fake_clamd(most=1_000) as clamd, pytest.raises(DocumentNotNow) as trouble:
        Clamd(address=clamd.address, timeout=timedelta(seconds=20)).scan(content)
    assert trouble.value.code in {"scanner_limit", "scanner_unreachable"}


@pytest.mark.parametrize("address", ["unix:{tmp}/nobody.ctl", "127.0.0.1:{port}"])
def test_a_dead_scanner(tmp_path, address):
    """Nobody at the socket: not taken now."""
    where = address.format(tmp=tmp_path, port=closed_port())
    with pytest.raises(DocumentNotNow) as trouble:
        Clamd(address=where, timeout=timedelta(seconds=2)).scan(PDF)
    assert "scanner_unreachable" == trouble.value.code


def test_no_time_is_left():
    """A scan that has no time left does not begin another step."""
    with fake_clamd() as clamd, pytest.raises(DocumentNotNow):
        Clamd(address=clamd.address, timeout=timedelta(0)).scan(PDF)


def test_without_a_scanner_nobody_looked():
    """Where no scanner is configured a document counts as not looked through, and never as clean."""
    assert not NoScanner().scan(PDF)
