"""The mock's own reading: strict JSON, canonical bytes, and tokens that end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from contracts.national_portal.checks import is_time
from contracts.national_portal.reading import NotReadable, canonical, is_exact, read_json
from contracts.national_portal.sessions import MOST_ALIVE, Tokens

NOW = datetime(2026, 7, 1, tzinfo=UTC)

names = st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=127), max_size=8)
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(names, values, max_size=6))
def test_canonical_is_rfc_8785(record):
    """For ASCII names and whole numbers the mock's canonical bytes are those of RFC 8785."""
    assert is_exact(record)
    assert rfc8785.dumps(record) == canonical(record)


@given(st.dictionaries(names, values, max_size=6))
def test_what_was_written_is_read(record):
    """A value without repeated members is read as it is, whatever its texts hold."""
    assert record == read_json(canonical(record))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":1,"a":1}',
        b'{"a" :1,"a"\n:2}',
        b'[{"x":{"a":1,"b":2,"a":3}}]',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b"NaN",
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 33 + b"]" * 33,
    ],
)
def test_not_readable(body):
    """Broken JSON, a member twice, bytes that are no UTF-8, and endless nesting are refused."""
    with pytest.raises(NotReadable):
        read_json(body)


@pytest.mark.parametrize("value", [1.5, 1.0, 2**53, {"tên": 1}, [{"a": [0.1]}]])
def test_not_exact(value):
    """What has no one canonical form here is not exact."""
    assert not is_exact(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20240229235959", True),
        ("20230229000000", False),
        ("20240315240000", False),
        ("20240315083060", False),
        ("00000101000000", False),
        ("2024031508300", False),
        ("20240315 83000", False),
        ("+2024031508300", False),
    ],
)
def test_time(value, expected):
    """Fourteen ASCII digits of a moment that exists."""
    assert expected is is_time(value)


def test_token_ends_by_time_and_by_calls():
    """A token is good until its time and for its number of calls."""
    tokens = Tokens(1)
    name = tokens.issue(NOW, 60)

    assert [True, True, False] == [tokens.admits(name, NOW, most_calls=2) for _ in range(3)]
    other = tokens.issue(NOW, 60)
    assert tokens.admits(other, NOW + timedelta(seconds=59))
    assert not tokens.admits(other, NOW + timedelta(seconds=60))
    assert not tokens.admits(None, NOW)


def test_same_seed_same_tokens():
    """Tokens are invented from the seed; clearing begins anew."""
    tokens = Tokens(1)
    first = tokens.issue(NOW, 60)
    tokens.clear()

    assert first == tokens.issue(NOW, 60)
    assert first != Tokens(2).issue(NOW, 60)


def test_oldest_token_goes_first():
    """Endless logins do not fill the memory."""
    tokens = Tokens(1)
    first = tokens.issue(NOW, 60)
    for _ in range(MOST_ALIVE):
        tokens.issue(NOW, 60)

    assert not tokens.admits(first, NOW)
