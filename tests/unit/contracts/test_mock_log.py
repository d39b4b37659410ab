"""Effect list and request log: numbered from one, paged, and bounded in what they keep."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.mock_log import Broken, EffectList, RequestLog, Visit

AT = datetime(2026, 7, 1, tzinfo=UTC)


def filled(count, keep=100):
    effects = EffectList(keep=keep)
    for number in range(1, count + 1):
        effects.add(at=AT, operation="o", dossier="d", digest="x", repeat=False, entry={}, body=str(number).encode())
    return effects


def visited(count, keep=100):
    log = RequestLog(keep=keep)
    for _ in range(count):
        log.add(a_visit(log.next_number))
    return log


def a_visit(n, **more):
    return Visit(n=n, at=AT, operation="o", dossiers=(), method="POST", path="/", caller="c", **more)


@pytest.mark.parametrize(("after", "limit", "numbers"), [(0, 2, [1, 2]), (3, 10, [4, 5]), (5, 10, []), (9, 1, [])])
def test_pages(after, limit, numbers):
    """A page begins after the number given, in the list and in the log."""
    assert numbers == [row.n for row in filled(5).page(after=after, limit=limit)]
    assert numbers == [row.n for row in visited(5).page(after=after, limit=limit)]


def test_old_bodies_go_rows_stay():
    """Only the newest bodies are kept; every row of the effect list stays."""
    effects = filled(5, keep=2)

    assert 5 == len(effects)
    assert [None, b"4", b"5"] == [effects.body(number) for number in (3, 4, 5)]


def test_old_requests_go_numbers_stay():
    """The log forgets old requests and keeps their numbers and counts."""
    log = visited(5, keep=2)

    assert [4, 5] == [row.n for row in log.page()]
    assert [5, 4] == [row.n for row in log.newest(10)]
    assert {"c": 5} == dict(log.callers)


def test_broken_rules_are_counted_by_field():
    """The index of a row does not split the count of its field."""
    log = RequestLog(keep=10)
    broken = [Broken(rule="r1", field=f"data[{index}].A", expected="x") for index in range(3)]
    log.add(a_visit(1, broken=broken))

    assert {("c", "r1", "data[].A", True): 3} == dict(log.broken)


def test_kept_is_checked_without_broken():
    """A rule counts as kept only when it was looked at and not broken."""
    visit = a_visit(1, checked=("r1", "r2"))
    visit.break_rule(Broken(rule="r2", field="f", expected="x"))

    assert ["r1"] == visit.kept()
