"""The one strict JSON reader."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.strict_json import MAX_INTEGER, NotStrictJson, read

LIMIT = 1_000_000


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (b"", "malformed_json", ""),
        (b"{", "malformed_json", ""),
        (b'{"a":1,}', "malformed_json", ""),
        (b"{'a':1}", "malformed_json", ""),
        (b'{"a":1} x', "malformed_json", ""),
        (b'{"a":NaN}', "malformed_json", ""),
        (b'{"a":-Infinity}', "malformed_json", ""),
        (b'{"a":01}', "malformed_json", ""),
        (b'{"a":"x\ny"}', "malformed_json", ""),
        (b"\xef\xbb\xbf{}", "malformed_json", ""),
        (b'{"a":"\\ud800"}', "malformed_json", "/a"),
        (b'{"\\ud800":1}', "malformed_json", ""),
        (b'{"a":[{"\\ud800":1,"\\ud800":2}]}', "duplicate_member", "/a/0/?"),
        (b'{"a":"\xff"}', "not_utf8", ""),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8", ""),
        ('{"a":1}'.encode("utf-16"), "not_utf8", ""),
        (b'{"a":1,"a":1}', "duplicate_member", "/a"),
        (b'{"a":1,"\\u0061":2}', "duplicate_member", "/a"),
        (b'{"b":[{},{"x/y~":1,"x/y~":2}]}', "duplicate_member", "/b/1/x~1y~0"),
        (b'{"a":1.0}', "wrong_type", "/a"),
        (b'{"a":[1e2]}', "wrong_type", "/a/0"),
        (b'{"a":9007199254740993}', "out_of_range", "/a"),
        (b'{"a":-9007199254740993}', "out_of_range", "/a"),
        (b'{"a":' + b"9" * 5000 + b"}", "out_of_range", "/a"),
        (b"[" * 33 + b"]" * 33, "too_deep", ""),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep", ""),
        (b"[" * 400_000, "too_deep", ""),
        (b" " * (LIMIT + 1), "too_large", ""),
    ],
)
def test_refused(raw, code, place):
    """Every kind of loose JSON is refused, with a code and the place."""
    with pytest.raises(NotStrictJson) as trouble:
        read(raw, max_bytes=LIMIT)

    assert (code, place) == (trouble.value.code, trouble.value.faults[0].field)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' {"a": [1, -0, true, null]} \r\n', {"a": [1, 0, True, None]}),
        (b"9007199254740992", MAX_INTEGER),
        (b"[" * 32 + b"]" * 32, None),
        (b'"' + b"[" * 100 + b'"', "[" * 100),
        (b'"\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["', '"' + "[" * 37),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        ('{"tên":"Ví Dụ"}'.encode(), {"tên": "Ví Dụ"}),
    ],
)
def test_taken(raw, value):
    """Strict JSON is taken as it is; brackets inside texts are no depth."""
    got = read(raw, max_bytes=LIMIT)

    assert value in (got, None)


@pytest.mark.parametrize("raw", [b'"' * 900_000, b'\\"' * 400_000, b'"\\"[' * 250_000, b'{"a":' * 150_000])
def test_hostile_megabytes_are_read_once(raw):
    """No text makes the reader go over it again and again."""
    start = time.perf_counter()

    with pytest.raises(NotStrictJson):
        read(raw, max_bytes=LIMIT)

    assert time.perf_counter() - start < 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_same_value_as_the_library(value, is_ascii):
    """What is taken has the value that the standard library reads."""
    assert value == read(json.dumps(value, ensure_ascii=is_ascii).encode(), max_bytes=LIMIT)


def test_message_names_places():
    """The exception's own text says where and why, for logs."""
    with pytest.raises(NotStrictJson, match="/a: duplicate_member"):
        read(b'{"a":1,"a":2}', max_bytes=LIMIT)
