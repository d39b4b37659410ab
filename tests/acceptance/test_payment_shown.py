"""What was paid through us, as the portal and the one-stop system see it: on real ports, with everybody's strict mock.

The source never says in its own records that anything was paid. The portal shows it all the same, from the payment on
until the money is paid back, and the one-stop system is told each step once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from adapters.doors.auth import Visitor
from adapters.doors.dossiers import dossier_for
from bus.messages import Event, State
from bus.reads import Reads
from bus.refunds import Refunds
from tests.builders import DOSSIER, make_event, make_payment
from tests.payment_town import Town, payment_town

FEES = [
    {"code": code, "name": name, "kind": "charge", "amount": amount, "currency": "VND", "state": "unpaid"}
    for code, name, amount in (("XD01", "Lệ phí cấp phép", 75_000), ("XD02", "Bản đồ", 12_000), ("XD03", "Mẫu đơn", 0))
]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with payment_town(tmp_path / "h99", is_told=True) as made:
        yield made


def record(town: Town, minutes: float, **overrides: Any) -> Event:
    """The dossier's record as its source knows it: nothing is paid."""
    at = datetime.now(UTC) - timedelta(hours=1) + timedelta(minutes=minutes)
    event = make_event(at=at, fees=FEES, paid_online="none", **overrides)
    town.here.intake.accept(event)
    town.carry(*town.here.partners())
    return event


def effects(town: Town, partner: str) -> list[Mapping[str, Any]]:
    """What a partner has in its books, oldest first."""
    with urlopen(f"{town.mocks}/_control/{partner}/effects?body=1") as answer:
        found: list[Mapping[str, Any]] = json.load(answer)
    return found


def shown(town: Town) -> tuple[list[str], str]:
    """Prices of the fees that the portal shows now, and whether it shows them as paid online."""
    last = [row["body"] for row in effects(town, "national_portal") if row["operation"] == "DongBoHoSoMC"][-1]
    return [fee["Gia"] for fee in last["DanhSachLePhi"]], last["DuocThanhToanTrucTuyen"]


def told(town: Town) -> list[str]:
    """What the one-stop system was told of payments."""
    rows = effects(town, "one_stop")
    return [row["entry"]["state"] for row in rows if row["operation"] == "ReceivePaymentResult"]


def test_portal_shows_what_was_paid_until_it_is_paid_back(town: Town) -> None:
    """Paid: shown at once, and in the source's next record that still says unpaid; paid back: shown no more."""
    record(town, 1)
    assert ([], "0") == shown(town)

    town.pay(town.opened("P1"))
    town.carry(*town.here.partners())
    assert (["75000"], "1") == shown(town)
    record(town, 2, status="processing")
    assert (["75000"], "1") == shown(town)

    town.here.intake.accept(make_payment("payment.refund_requested", payment="P1", at=datetime.now(UTC)))
    town.carry(*town.here.partners())
    _pay_back(town)
    town.carry(*town.here.partners())
    assert ([], "0") == shown(town)
    record(town, 3, status="completed")
    assert ([], "0") == shown(town)
    assert ["opened", "settled", "refunded"] == told(town)
    assert [] == _stuck(town)


def _pay_back(town: Town) -> None:
    """Accounting pays it back: the platform has no message for that."""
    refunds, (number,) = Refunds(town.here.ledger), town.rows("SELECT max(id) FROM refunds")[0]
    note = {"account": "lan", "reason": "rút hồ sơ"}
    state = town.rows("SELECT state FROM refunds")[0][0]
    if state == "requested":
        town.here.ledger.engine.write(lambda tx: refunds.approve(tx, number, account="minh", reason="đồng ý"))
        town.carry(*town.here.partners())
    town.here.ledger.engine.write(lambda tx: refunds.record_offline(tx, number, document="HT-2026-0045", **note))


def _stuck(town: Town) -> list[tuple[str, str, str]]:
    """Deliveries that a person would have to look at."""
    states = f"('{State.HELD}', '{State.REFUSED}', '{State.IN_DOUBT}')"
    return town.rows(f"SELECT partner, state, cause FROM deliveries WHERE state IN {states}")  # type: ignore[return-value]


def test_payment_before_the_record(town: Town) -> None:
    """Paid before the portal knows the dossier: nothing is sent of it, and its first record shows it paid."""
    town.pay(town.opened("P1"))
    town.carry(*town.here.partners())
    assert [] == effects(town, "national_portal")

    record(town, 1, local_step="THU_LY")

    assert (["75000"], "1") == shown(town)
    assert ["opened", "settled"] == told(town)


def test_records_in_local_steps(town: Town) -> None:
    """A record in its source's own step is told again by the ledger, and is read as its source's."""
    record(town, 1, local_step="THU_LY")
    town.pay(town.opened("P1"))
    town.carry(*town.here.partners())

    assert (["75000"], "1") == shown(town)
    assert [] == _stuck(town)


def test_source_sees_its_dossier_after_a_payment(town: Town) -> None:
    """The newest record is the ledger's own then; whoever told the dossier still sees all of it."""
    record(town, 1)
    town.pay(town.opened("P1"))
    town.carry(*town.here.partners())
    visitor = Visitor(name="h99", sources=frozenset({"one-stop/h99"}), nonce=None)

    seen = dossier_for(Reads(town.here.ledger), visitor, DOSSIER)

    assert ("accepted", "1.013225") == (seen["status"], seen["procedure"])
    assert {"dossier.recorded", "payment.requested"} == {event["kind"] for event in seen["events"]}
