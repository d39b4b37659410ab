"""The files that the gateways' mocks give out, good and wrong in one way each, settled as their contract says."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.settlement.envelope import opened
from adapters.settlement.files import PlatformFile
from adapters.settlement.layouts import PLATFORM
from bus.settlement import Run
from contracts.gateway_orders import Booking, Order
from contracts.gateway_settlement import KINDS, envelope, file_of
from tests.settlement_kit import BOOK, DAY, MERCHANT, WHO, Pay, Till, at

FOUND: dict[str, tuple[str, set[str]]] = {
    "good": ("done", set()),
    "bad_trailer": ("refused", {"hash"}),
    "extra_row": ("done", {"orphan"}),
    "missing_row": ("done", {"missing_there"}),
    "double_row": ("refused", {"duplicated"}),
    "other_amount": ("done", {"amount_difference"}),
    "cut": ("refused", {"cut_off"}),
    "other_merchant": ("refused", {"other_merchant"}),
}


@pytest.fixture
def till(tmp_path):
    made = Till(tmp_path)
    yield made
    made.close()


def order(of: Pay, when: datetime) -> Order:
    """What the gateway has of a payment that was paid there."""
    booking = Booking(transaction=f"GD-{of.name}", amount=of.amount, currency="VND", bank="VCB", at=when)
    return Order(
        reference=of.reference,
        amount=of.amount,
        currency="VND",
        description="",
        created_at=when,
        state="paid",
        bookings=[booking],
    )


def settled(till: Till, name: str, content: bytes) -> tuple[Run, set[str]]:
    """The run, and its classes of difference or rules that the file broke."""
    path: Path = till.folder / name
    path.write_bytes(content)
    file = PlatformFile(opened(path), PLATFORM, day=DAY, merchant=MERCHANT)
    run = till.settlements.compare(BOOK, DAY, file, actor=WHO).run
    classes = {one.kind.value for one in till.settlements.differences(run.id)}
    return run, classes | {one.rule for one in till.settlements.findings(run.id)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_is_settled_or_refused(till, kind):
    """Bare and in the envelope alike: who wrote the mock did not write the reader."""
    orders = [order(till.paid(n, when=at(9 + n)), at(9 + n)) for n in (1, 2, 3)]
    how: dict[str, Any] = {"merchant": MERCHANT, "day": f"{DAY:%Y%m%d}", "kind": kind}
    state, found = FOUND[kind]
    name, content = file_of(orders, **how)
    run, bare = settled(till, name, content)
    wrapped = settled(till, "envelope.json", json.dumps(envelope(orders, **how)).encode())[1]

    assert (state, True) == (run.state, found <= bare)
    assert state == "refused" or found == bare
    assert bare <= wrapped
