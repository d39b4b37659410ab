"""Marks tell where two messages begin to differ, and nothing of what is in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.marks import MOST, first_difference, marks_of

KEY, OTHER = b"k" * 32, b"o" * 32
LONG = bytes(range(256)) * 400


@given(ours=st.binary(max_size=9_000), theirs=st.binary(max_size=9_000))
def test_the_range_holds_the_first_difference(ours: bytes, theirs: bytes) -> None:
    """Equal bytes have no difference; of others the first one lies in the range that is told."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    first = next((n for n, (a, b) in pairs if a != b), min(len(ours), len(theirs)))

    found = first_difference(marks_of(ours, KEY), len(ours), theirs, KEY)

    if ours == theirs:
        assert found is None
    else:
        assert found is not None
        assert found[0] <= first < found[1]


@pytest.mark.parametrize("octets", [b"", b"a", LONG, LONG * 50])
def test_marks_are_bounded(octets: bytes) -> None:
    """However long the bytes: at most sixty-four marks of four bytes."""
    size, _, marks = marks_of(octets, KEY).partition(":")

    assert len(marks) <= MOST * 8
    assert int(size) * MOST >= len(octets)


def test_marks_are_of_the_key() -> None:
    """Without the installation's key nobody can find out what was marked by guessing it."""
    assert marks_of(b"0900000001", KEY) != marks_of(b"0900000001", OTHER)
    assert first_difference(marks_of(b"0900000001", KEY), 10, b"0900000001", OTHER) == (0, 64)


def test_equal_blocks_do_not_look_equal() -> None:
    """Two blocks of the same bytes have other marks: what repeats cannot be seen."""
    _, _, marks = marks_of(b"a" * 128, KEY).partition(":")

    assert marks[:8] != marks[8:]
