"""Faults: when they strike, how often, and always the same for the same seed."""

from __future__ import annotations

import pytest

from contracts.mock_faults import AFTER, BEFORE, REST, Armed, FaultOrder, FaultRefused, Faults


def armed(**order):
    return Armed(FaultOrder(**{"fault": "http_500"} | order), 1)


def strikes(fault, calls):
    return [fault.strikes("look", ("A",)) for _ in range(calls)]


def test_count():
    """A count is the first calls that match, and no others."""
    assert [True, True, False, False] == strikes(armed(count=2), 4)


def test_once_by_default():
    """Without count and rate a fault strikes once."""
    assert [True, False] == strikes(armed(), 2)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 0), (1.0, 200)])
def test_edges_of_rate(rate, expected):
    """Rate nought is never, rate one is always."""
    assert expected == sum(strikes(armed(rate=rate), 200))


def test_rate_is_a_share():
    """A rate strikes about that share of the calls."""
    assert 60 < sum(strikes(armed(rate=0.1, seed=3), 1000)) < 140


def test_rate_with_count_has_an_end():
    """Rate and count together: the rate decides when, the count how often at most."""
    assert 3 == sum(strikes(armed(rate=0.5, count=3), 100))


def test_same_seed_same_draws():
    """Two faults of one seed strike at the same calls; another seed at others."""
    assert strikes(armed(rate=0.3, seed=7), 50) == strikes(armed(rate=0.3, seed=7), 50)
    assert strikes(armed(rate=0.3, seed=7), 50) != strikes(armed(rate=0.3, seed=8), 50)


def test_calls_that_do_not_match_draw_nothing():
    """A filter keeps other calls from changing what happens to those that match."""
    alone, among = armed(rate=0.3, operation="look"), armed(rate=0.3, operation="look")
    expected = strikes(alone, 20)

    found = []
    for _ in range(20):
        among.strikes("other", ("A",))
        found.append(among.strikes("look", ("A",)))

    assert expected == found


def test_dossier_filter():
    """A fault for one dossier strikes calls that hold it among others."""
    fault = armed(dossier="B", count=1)

    assert not fault.strikes("look", ("A",))
    assert fault.strikes("look", ("A", "B"))


def test_stage():
    """A fault instead of an answer comes before the effect unless told otherwise."""
    assert BEFORE == armed().stage
    assert AFTER == armed(after_effect=True).stage


def test_spent_faults_leave():
    """A fault that has struck as often as it should is not asked again."""
    faults = Faults(REST, partner="p")
    faults.arm(FaultOrder(fault="http_500", count=1))
    next(faults.in_stage(BEFORE, "look", ()))

    assert [] == faults.active
    assert 1 == faults.total


def test_impossible_fault_is_refused():
    """A fault that a partner cannot have is refused with the reason."""
    with pytest.raises(FaultRefused, match="p: it speaks no SOAP"):
        Faults(REST, partner="p").arm(FaultOrder(fault="soap_fault"))
