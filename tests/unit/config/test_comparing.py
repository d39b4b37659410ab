"""Where a caller's bytes begin to differ from ours, and what it probably is."""

from __future__ import annotations

from typing import Any

import pytest

from bus.marks import marks_of
from bus.refusals import masked_base
from config.comparing import compare, hint_of, part_of, visible

KEY = b"k" * 32
BASE = b'"@method": POST\n"@path": /v1/events\n"@query": ?a=1\n"content-type": application/json'
INFO = b'<ds:SignedInfo xmlns:ds="urn:ds"><ds:Reference URI="#body"></ds:Reference></ds:SignedInfo>'
BODY = "<soap:Body><a>Nguyễn Thị Ví Dụ, 0900000001</a></soap:Body>".encode()


def refusal(**octets: bytes) -> dict[str, Any]:
    """What is kept of a refusal whose parts had these bytes."""
    digests = [{"part": part, "length": len(each), "marks": marks_of(each, KEY)} for part, each in octets.items()]
    base = octets.get("base")
    return {"digests": digests, "base": None if base is None else masked_base(base.decode())}


def test_the_same() -> None:
    """Equal bytes are the same; the line end of a file is nobody's."""
    for octets in (BASE, BASE + b"\n", BASE + b"\r\n"):
        found = compare(refusal(base=BASE), octets, KEY)
        assert found is not None
        assert {"part": "base", "same": True} == found.as_dict()


def test_first_differing_byte_of_a_base() -> None:
    """Offset, line and column of the first byte that differs, with both sides' bytes around it."""
    found = compare(refusal(base=BASE), BASE.replace(b"/v1/events", b"/bus/v1/events"), KEY)

    assert found is not None
    told = found.as_dict()
    assert (BASE.index(b"v1"), 2, 11, None) == (told["offset"], told["line"], told["column"], told["hint"])
    assert b"/v1/events" in bytes.fromhex(told["ours"])
    assert b"/bus/v1/" in bytes.fromhex(told["theirs"])


@pytest.mark.parametrize(
    ("theirs", "hint"),
    [
        (BASE.replace(b"\n", b"\r\n"), "line_ends"),
        (BASE.replace(b": ", b":"), "spaces"),
        (b"\n".join(reversed(BASE.split(b"\n"))), "order"),
        (BASE[:-1], ""),
        (BASE + b"x", ""),
    ],
)
def test_what_it_probably_is(theirs: bytes, hint: str) -> None:
    """Line ends, blanks and the order of lines are told by their names."""
    found = compare(refusal(base=BASE), theirs, KEY)

    assert found is not None
    assert hint == found.hint


def test_unicode_forms() -> None:
    """Letters in two parts against letters in one are told as such, and can be seen."""
    assert "nfc" == hint_of("Nguyễn".encode(), "Nguye\u0302\u0303n".encode())
    assert "Nguye[U+0302][U+0303]n" == visible("Nguye\u0302\u0303n".encode())
    assert "a·→␍␊[U+FEFF][U+200B]" == visible("a \t\r\n\ufeff\u200b".encode())
    assert r"a\xff" == visible(b"a\xff")


def test_of_a_body_only_the_place_is_told() -> None:
    """Of a Body only marks are kept: the block with the first difference, and the caller's own bytes in it."""
    theirs = BODY.replace("ễ".encode(), "e\u0302\u0303".encode())

    found = compare(refusal(base=INFO, Body=BODY), theirs, KEY)

    assert found is not None
    assert ("Body", 0, 64, b"", "nfc") == (found.part, found.offset, found.until, found.ours, found.hint)
    assert compare(refusal(base=INFO, Body=BODY), BODY, KEY).is_same  # type: ignore[union-attr]


def test_what_was_masked_is_compared_by_its_marks() -> None:
    """A difference inside what was masked is found by the block: nothing of it can be shown."""
    ours, theirs = (b'"@method": GET\n"@path": /v1/dossiers/0900' + end for end in (b"000001", b"990001"))

    found = compare(refusal(base=ours), theirs, KEY)

    assert found is not None
    assert (False, b"", 64) == (found.is_same, found.ours, found.until)


@pytest.mark.parametrize(
    ("theirs", "part"),
    [
        (BASE, "base"),
        (b"\xef\xbb\xbf" + BASE, "base"),
        (INFO, "base"),
        (BODY, "Body"),
        (b"<wsu:Timestamp/>", "Timestamp"),
        (b'{"id": "1"}', "content-digest"),
        (b"", "content-digest"),
    ],
)
def test_bytes_are_known_by_their_beginning(theirs: bytes, part: str) -> None:
    """A base begins with a component, a part with its element; anything else is a body that was digested."""
    assert part == part_of(theirs, frozenset({"base"}))


def test_nothing_to_compare_with() -> None:
    """Where the refusal keeps nothing of the kind, nothing is said."""
    assert compare(refusal(base=BASE), BODY, KEY) is None
    assert compare(refusal(), BASE, KEY) is None
    assert "content-digest" == part_of(b"<a/>", frozenset({"content-digest"}))
