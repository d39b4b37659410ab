"""Hostile answers: whatever bytes a partner or something in front of it sends, reading them gives a verdict.

An exception after the sending would make our own trouble of the partner's, and park what may have been taken.
"""

from __future__ import annotations

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.channels.http import header
from adapters.partners.national_portal import lookups
from adapters.partners.national_portal.codes import Operation, Verdict
from adapters.partners.national_portal.named import record_answers
from adapters.partners.national_portal.replies import read
from adapters.partners.national_portal.speaking import Heard
from adapters.partners.national_portal.wire import step_of
from tests.builders import make_standing, make_step
from tests.portal_kit import facade_settings, h99_tables, make_settings, replied

STEP = step_of(make_step(), make_standing(), h99_tables(), make_settings())
SCALARS = st.none() | st.booleans() | st.integers(-10, 10) | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=4), SCALARS, max_size=2)
NAMES = st.sampled_from(["error_code", "message", "result", "session", "MAHOSO", "TIENDO", "TRANGTHAI", "data"])
ELEMENTS = st.dictionaries(NAMES, VALUES, max_size=4)
REPLIES = st.dictionaries(NAMES, VALUES | ELEMENTS | st.lists(ELEMENTS, max_size=2), max_size=4)
HEADERS = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)


@given(
    raw=st.binary(max_size=200) | REPLIES.map(msgspec.json.encode),
    kind=st.sampled_from(["application/json", "text/html", "text/plain", ""]) | HEADERS,
    wait=HEADERS | st.sampled_from(["Fri, 03 Jul 2026 05:00:10 +9999", "Fri, 31 Feb 2026 05:00:10 GMT", "9" * 50]),
    status=st.sampled_from([200, 201, 204, 400, 401, 404, 422, 429, 500, 503]),
    operation=st.sampled_from(Operation),
    is_facade=st.booleans(),
)
@example(raw=b"[" * 50_000, kind="application/json", wait="", status=200, operation=Operation.STEP, is_facade=True)
@settings(max_examples=150, deadline=None)
def test_reading_always_gives_a_verdict(raw, kind, wait, status, operation, is_facade):
    """No answer makes the reading fail, and none but a readable zero is a yes."""
    ours = facade_settings() if is_facade else make_settings()
    exchange = replied(raw=raw, kind=kind, status=status, head={"retry-after": wait})

    answer = read(exchange, operation, ours)
    heard = Heard(exchanges=(exchange,), answer=answer)

    assert answer.verdict is not Verdict.YES or (answer.body.code == "0" and status in (200, 201))
    assert lookups.existence(heard, "H99.09-260703-0123") in (True, False, None)
    lookups.find_step(heard, STEP, ours)
    lookups.compare(heard, "H99.09-260703-0123", STEP)
    record_answers(answer, operation, ours)


@given(inner=REPLIES.map(msgspec.json.encode), outer=st.sampled_from([0, "00", -1, None]))
@settings(max_examples=50, deadline=None)
def test_no_wrapping_makes_a_yes(inner, outer):
    """Through a façade a yes needs both codes to be zero."""
    exchange = replied({"error_code": outer, "message": inner.decode()})

    answer = read(exchange, Operation.STEP, facade_settings())

    assert answer.verdict is not Verdict.YES or outer in (0, "00")


@given(name=st.sampled_from(["content-type", "retry-after"]), value=HEADERS, others=st.binary(max_size=60))
@settings(max_examples=50, deadline=None)
def test_header_is_found_among_others(name, value, others):
    """Header lines are searched as bytes; what stands before and after does not matter."""
    head = b"x-a: 1\r\n" + f"{name.title()}: {value}\r\n".encode() + b"x-b: " + others

    assert value.strip() == header(head, name)
