"""Money that does not fit is told to somebody: an incident by gateway and kind, with its notice, until decided."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bus.findings import SERIES, look
from bus.incidents import FORGED, MONEY_AMOUNT, MONEY_TWICE, MONEY_UNCLEAR, Alarms, Finding, Incidents
from bus.payment_tasks import PaymentTasks
from bus.refusals import Refusal, Refusals
from tests.payment_scene import Scene, scene

MONEY = (MONEY_AMOUNT, MONEY_TWICE, MONEY_UNCLEAR, FORGED)


def findings(made: Scene) -> dict[str, Finding]:
    """What of money is wrong now."""
    world = made.world
    found = look(world.ledger, Alarms(), now=world.clock.now(), keys={}, calendar=None, gap_alarm=timedelta(minutes=15))
    return {one.cause: one for one in found if one.cause in MONEY}


def test_money_that_does_not_fit_is_told_until_it_is_decided(tmp_path: Path) -> None:
    """Wrong amounts, money that came twice, words that do not fit: incidents with notices; a decision ends them."""
    made = scene(tmp_path)
    world, incidents = made.world, Incidents(made.world.ledger, Alarms(), channels=("email",))
    before = findings(made)
    opened = incidents.note(before.values(), world.clock.now()).opened
    told = {row[0] for row in world.rows("SELECT cause FROM notices")}
    tasks = PaymentTasks(world.ledger)
    for number, kind in world.rows("SELECT id, kind FROM payment_tasks WHERE closed_at IS NULL"):
        if kind in ("wrong_amount", "double_payment", "contradiction", "unknown_reference"):
            world.write(lambda tx, number=number: tasks.close(tx, number, account="an", reason="decided"))
    world.clock.sleep(3_600)
    ended = incidents.note(findings(made).values(), world.clock.now()).ended

    assert {MONEY_AMOUNT: 1, MONEY_TWICE: 1, MONEY_UNCLEAR: 2} == {cause: one.count for cause, one in before.items()}
    assert {MONEY_AMOUNT, MONEY_TWICE, MONEY_UNCLEAR} == told == {one.cause for one in opened}
    assert {"till"} == {one.subject for one in opened}
    assert {MONEY_AMOUNT, MONEY_TWICE, MONEY_UNCLEAR} == {one.cause for one in ended}
    world.close()


def test_series_of_wrong_checksums_is_an_incident(tmp_path: Path) -> None:
    """One callback with a wrong checksum is a slip, a series of one gateway is an incident; other refusals are none."""
    made = scene(tmp_path)
    refusals = Refusals(made.world.ledger)

    def refuse(n: int, code: str = "bad_signature", route: str = "/callbacks/vnpay/ipn") -> None:
        refusals.note(Refusal(reference=f"LT-{n}", route=route, caller="vnpay", code=code, status=200))
        made.world.write(lambda tx: None)

    for n in range(SERIES - 1):
        refuse(n)
    refuse(10, code="not_found")
    refuse(11, route="/v1/events")
    slip = findings(made)
    refuse(12, code="unsigned")
    series = findings(made)

    assert FORGED not in slip
    assert ("vnpay", SERIES) == (series[FORGED].subject, series[FORGED].count)
    made.world.close()
