"""Signatures that do not hold, or cannot be finished, are told to somebody: an incident by service, with its notice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bus.findings import look
from bus.incidents import SIGNATURE_WRONG, SIGNATURES_WAIT, Alarms, Finding
from tests.signing_town import SigningTown, signing_town

OF_SIGNATURES = (SIGNATURE_WRONG, SIGNATURES_WAIT)


def findings(town: SigningTown) -> dict[str, Finding]:
    """What of signatures is wrong now."""
    now = town.clock.now()
    found = look(town.here.ledger, Alarms(), now=now, keys={}, calendar=None, gap_alarm=timedelta(minutes=15))
    return {one.cause: one for one in found if one.cause in OF_SIGNATURES}


def test_p15_wrong_value_is_an_incident(tmp_path: Path) -> None:
    """One value over something else is one too many: an incident of its service, that ends when it stays alone."""
    with signing_town(tmp_path) as town:
        town.made("S1")
        before = findings(town)
        town.waits("S2")
        town.approve(wrong="digest")
        told = findings(town)
        town.clock.pass_time(hours=1)
        after = findings(town)

    assert ({}, {}) == (before, after)
    assert {SIGNATURE_WRONG: ("smartca", 1)} == {cause: (one.subject, one.count) for cause, one in told.items()}


def test_signed_and_not_finished_is_an_incident(tmp_path: Path) -> None:
    """A time-stamp authority that is away for longer than a partner may be is told; once it answers, it is over."""
    with signing_town(tmp_path) as town:
        town.stamps.switches.turn({"answer": "rejected"})
        town.waits("S1")
        town.approve()
        town.finish()
        at_once = findings(town)
        town.clock.pass_time(minutes=6)
        waits = findings(town)
        town.stamps.switches.turn({"answer": "granted"})
        town.finish()
        state, after = town.state("S1"), findings(town)

    assert "made" == state
    assert ({}, {}) == (at_once, after)
    assert {SIGNATURES_WAIT: ("smartca", 1)} == {cause: (one.subject, one.count) for cause, one in waits.items()}
