"""What follows from a settled delivery: to whom it is told, and in which words."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.follow_ups import (
    CUT,
    LONGEST_REASON,
    TOLD,
    UNTOLD,
    FollowUps,
    Outcome,
    Taker,
    Wish,
    fitting,
    gathered,
    outcome_event,
)
from bus.messages import OPEN_STATES, SETTLED, State
from contracts.check import load_schema
from contracts.one_stop.gate import json_breaches
from contracts.one_stop.shapes import MESSAGES
from tests.builders import DOSSIER, NOON, SOURCE

OUTCOME = load_schema(MESSAGES)["$defs"]["outcome"]["properties"]
ROOT = Path(__file__).parents[3]


def an_outcome(**changes: Any) -> Outcome:
    told: dict[str, Any] = {
        "move": 7,
        "link": bytes(range(32)),
        "source": SOURCE,
        "event": "step-1",
        "kind": "dossier.progressed",
        "dossier": DOSSIER,
        "partner": "national_portal",
        "state": State.HELD,
        "cause": "no_row",
        "reason": "no row",
        "at": NOON,
    }
    return Outcome(**(told | changes))


def test_told_states_are_the_contracts() -> None:
    """Told is what the contract has a word for; kinds that it has no word for are told to nobody."""
    assert set(OUTCOME["state"]["enum"]) == {state.value for state in TOLD}
    assert not UNTOLD & set(OUTCOME["kind"]["enum"])
    assert set(State) == TOLD | OPEN_STATES


def test_the_event_is_the_message() -> None:
    """Its `data` under its id is the contract's message; the event itself is canonical, and says the move's time."""
    event = outcome_event(an_outcome())

    assert () == json_breaches({"id": event.id, **event.data}, "outcome")
    assert ("outcome.7.0001020304050607", SETTLED, DOSSIER, NOON) == (
        *(event.id, event.kind, event.dossier, event.occurred_at),
    )
    assert outcome_event(an_outcome()) == event
    assert event.digest != outcome_event(an_outcome(at=NOON + timedelta(milliseconds=1))).digest


@pytest.mark.parametrize(
    ("source", "kind", "state", "expected"),
    [
        (SOURCE, "dossier.recorded", State.HELD, "one_stop"),
        (SOURCE, "dossier.recorded", State.DELIVERED, None),
        ("one-stop/other", "dossier.recorded", State.HELD, None),
        *((SOURCE, kind, State.HELD, None) for kind in sorted(UNTOLD)),
    ],
)
def test_taker(source: str, kind: str, state: State, expected: str | None) -> None:
    """Told are the states that were asked for, of the sources that were asked for, of kinds that have outcomes."""
    asked = FollowUps(outcomes={SOURCE: Taker(partner="one_stop", states=frozenset({State.HELD}))})

    assert expected == asked.taker(source, kind, state)


def test_wishes_are_gathered() -> None:
    """Each source has one taker, filed dossiers have one, and only told states can be wished for."""
    one, two = Wish(partner="a", sources=["s"], states=["held"]), Wish(partner="b", sources=["t"], is_filed=True)
    outcomes = {"s": Taker(partner="a", states=frozenset({State.HELD})), "t": Taker(partner="b")}

    assert FollowUps(outcomes=outcomes, filed="b") == gathered([one, two])
    with pytest.raises(ValueError, match="a and b both take the outcomes of source s"):
        gathered([one, Wish(partner="b", sources=["s"])])
    with pytest.raises(ValueError, match="b and c both take filed dossiers"):
        gathered([two, Wish(partner="c", is_filed=True)])
    with pytest.raises(ValueError, match="a: in_doubt, lost is told to nobody"):
        gathered([Wish(partner="a", states=["lost", "in_doubt", "held"])])


def test_reason_at_its_limit() -> None:
    """A reason of just the contract's length is whole; one character more, and the end shows that it was cut."""
    assert OUTCOME["reason"]["maxLength"] == LONGEST_REASON
    assert "ă" * LONGEST_REASON == fitting("ă" * LONGEST_REASON)
    assert "ă" * (LONGEST_REASON - 1) + CUT == fitting("ă" * (LONGEST_REASON + 1))
    assert "ă" == fitting("a\u0306"), "composed, as every text of an event"


def test_every_cause_fits_the_contract() -> None:
    """Every cause and rule that stands in the code can be told: the contract's pattern takes it."""
    pattern = re.compile(OUTCOME["cause"]["pattern"])
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for room in ("bus", "adapters/partners")
        for file in sorted((ROOT / room).rglob("*.py"))
    )
    causes = set(re.findall(r'\b(?:cause|rule)="([^"]*)"', code))

    assert len(causes) > 20
    assert [] == [cause for cause in sorted(causes) if not pattern.match(cause) or len(cause) > 64]
