"""Each move that a one-stop system is to hear of is told it once, in order, as it was; every lie about it is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.demo.books import Effect
from config.demo.faults import ONE_STOP_PLAN, PORTAL_PLAN, plan_faults
from config.demo.told import OUTCOME, Owed, Told, judge_told, owed_of
from contracts.mock_faults import FaultOrder
from contracts.one_stop.mock import OneStop

SOURCE = "one-stop/h99-wards"
OWED = {
    7: Owed(source=SOURCE, event="e-1", dossier="d-1", state="held"),
    9: Owed(source=SOURCE, event="e-1", dossier="d-1", state="delivered"),
    12: Owed(source=SOURCE, event="e-2", dossier="d-2", state="delivered"),
}
KINDS = ("lost", "doubled", "out_of_order", "unexpected", "altered")


def effect(n: int, move: int, **changed: Any) -> Effect:
    """The mock's row of one message."""
    one = OWED.get(move, OWED[12])
    body = {"id": f"outcome.{move}.0123456789abcdef", "at": "2026-07-03T09:15:00.000Z", "partner": "national_portal"}
    body |= {"source": one.source, "event": one.event, "dossier": one.dossier, "state": one.state} | changed
    return Effect(n=n, operation=OUTCOME, dossier=one.dossier, digest="", repeat=False, body=body)


HONEST = [effect(1, 7), effect(2, 12), effect(3, 9)]


def findings(told: Told) -> dict[str, list[str]]:
    return {kind: [found.what for found in getattr(told, kind)] for kind in KINDS if getattr(told, kind)}


def test_honest_telling() -> None:
    """Each owed move has its message: nothing is found, and they are counted by source and state."""
    told = judge_told(OWED, HONEST)

    assert {} == findings(told)
    assert {(SOURCE, "held"): 1, (SOURCE, "delivered"): 2} == told.counts


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (lambda rows: rows[1:], {"lost": ["not_told"]}),
        (lambda rows: [*rows, effect(4, 9)], {"doubled": ["told_twice"]}),
        (lambda rows: [rows[2], rows[1], replace(rows[0], n=4)], {"out_of_order": ["told_before"]}),
        (lambda rows: [*rows, effect(4, 99)], {"unexpected": ["told_of_nothing"]}),
        (lambda rows: [*rows, effect(4, 12, id="something")], {"unexpected": ["told_of_nothing"]}),
        (lambda rows: [rows[0], effect(2, 12, state="refused"), rows[2]], {"altered": ["told_otherwise"]}),
        (lambda rows: [rows[0], effect(2, 12, event="e-9"), rows[2]], {"altered": ["told_otherwise"]}),
    ],
)
def test_every_lie_is_found(lie: Callable[[list[Effect]], list[Effect]], found: dict[str, list[str]]) -> None:
    """A message left out, told twice, out of order, of nothing, or otherwise: each under its own name."""
    assert found == findings(judge_told(OWED, lie(HONEST)))


def test_other_messages_are_no_outcomes() -> None:
    """A filed dossier in the same list is judged elsewhere."""
    assert {} == findings(judge_told(OWED, [*HONEST, replace(HONEST[0], n=9, operation="ReceiveDossier")]))


def test_owed_is_what_is_wanted() -> None:
    """Of the ledger's list only the states that the system wants to hear of."""
    names = ("n", "id", "dossier", "state")
    rows = [dict(zip(names, row, strict=True)) for row in ((7, "e-1", "d-1", "held"), (8, "e-1", "d-1", "in_doubt"))]

    assert {7: OWED[7]} == owed_of(rows, SOURCE, {"held", "refused"})
    assert {} == owed_of(rows, SOURCE, {"refused"})


def test_faults_of_the_one_stop_system_can_be_armed() -> None:
    """The plan is in its mock's own terms; the same seed gives the same faults, and each mock has its own."""
    orders = [FaultOrder(**fault) for fault in plan_faults(3, ONE_STOP_PLAN)]

    assert {order.fault for order in orders} <= OneStop.faults_here
    assert plan_faults(3, ONE_STOP_PLAN) == plan_faults(3, ONE_STOP_PLAN)
    assert plan_faults(3) == plan_faults(3, PORTAL_PLAN)
    for order in orders:
        OneStop().faults.arm(order)
