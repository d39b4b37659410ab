"""The log's filters: from an address and back, and what is said of those that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.doors.console.log_view import GROUPS, LONGEST, Choices, address, typed
from bus.looks import Filter
from bus.messages import State


def test_all_filters():
    """Every field of the address becomes a part of the filter, times in this country's time."""
    query = {
        "partner": "national_portal",
        "state": "refused",
        "cause": "refused",
        "kind": "dossier.recorded",
        "source": "one-stop/h99",
        "unit": "H99.11",
        "dossier": " H99.11-1 ",
        "since": "2026-07-01T07:00",
        "until": "2026-07-02T00:00:00Z",
        "page": "7",
    }
    found = typed(query)

    assert () == found.troubles
    assert (
        Filter(
            partner="national_portal",
            states=(State.REFUSED,),
            cause="refused",
            kind="dossier.recorded",
            source="one-stop/h99",
            unit="H99.11",
            dossier="H99.11-1",
            since=datetime(2026, 7, 1, tzinfo=UTC),
            until=datetime(2026, 7, 2, tzinfo=UTC),
        )
        == found.wanted
    )
    assert typed(dict(found.values)).wanted == found.wanted
    assert "page" not in address(found)


@pytest.mark.parametrize("name", GROUPS)
def test_groups_of_states(name):
    """A word stands for several states, and stays a word in the address."""
    found = typed({"state": name})

    assert (GROUPS[name], {"state": name}) == (found.wanted.states, found.values)


def test_nothing_filtered():
    """An address without filters wants everything."""
    assert typed({}).is_all
    assert typed({"state": "", "since": " "}).is_all
    assert not typed({"kind": "dossier.filed"}).is_all


@pytest.mark.parametrize(
    ("query", "trouble"),
    [
        ({"state": "xyz"}, "log.no_state"),
        ({"since": "yesterday"}, "log.no_time"),
        ({"until": "0001-01-01T00:00"}, "log.no_time"),
        ({"since": "9999-12-31T23:59:59-14:00"}, "log.no_time"),
        ({"dossier": "x" * (LONGEST + 1)}, "log.too_long"),
    ],
)
def test_what_cannot_be_used_is_said(query, trouble):
    """A filter that means nothing is left out, and the page says so; it never empties the list in silence."""
    found = typed(query)

    assert [trouble] == [key for key, _ in found.troubles]
    assert found.is_all
    assert {} == found.values


def test_reversed_times():
    """Times the wrong way round are exchanged, and it is said; the form shows them as they were used."""
    found = typed({"since": "2026-07-02", "until": "2026-07-01"})

    assert ["log.reversed"] == [key for key, _ in found.troubles]
    assert found.wanted.since < found.wanted.until
    assert ("2026-07-01", "2026-07-02") == (found.values["since"], found.values["until"])


def test_what_stands_in_the_address_can_be_chosen():
    """A partner that is gone since stays among the choices, so that the form shows what the list was made by."""
    choices = Choices(partner=("a",), source=(), unit=(), cause=())

    assert ["a", "gone"] == choices.of("partner", "gone")
    assert ["a"] == choices.of("partner", "a") == choices.of("partner", "")
