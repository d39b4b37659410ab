"""The demo's fees: what is asked for is what the door takes, and the judge finds each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from adapters.doors.reading import read_event
from config.demo.books import Effect
from config.demo.paying import CASES, RESULT, Bill, a_bill_for_you, bills, events_of, judge_paid

MONEY = bills(1)
ENDS = {bill.name: bill.case.ends for bill in MONEY}


def reference_of(bill: Bill) -> str:
    return f"TT{bill.number[-4:]}"


def orders() -> list[dict[str, Any]]:
    """As the gateways have them when all went well."""
    return [
        {"reference": reference_of(bill), "transactions": ["GD1"] if "settled" in bill.case.told else []}
        for bill in MONEY
    ]


def heard(told: Mapping[str, tuple[str, ...]] = {}, *, again: bool = False) -> Iterator[Effect]:
    """What the one-stop system was told, by case where it differs from what the case says."""
    n = 0
    for bill in MONEY:
        for step in told.get(bill.case.name, bill.case.told):
            n += 1
            body = {"payment": bill.name, step: {"reference": reference_of(bill)}}
            yield Effect(n=n, operation=RESULT, dossier=bill.number, digest="", repeat=again, body=body)


@pytest.mark.parametrize("bill", [*MONEY, a_bill_for_you(1)], ids=lambda bill: bill.case.name)
def test_the_door_takes_them(bill: Bill) -> None:
    """Record, request, and what comes after are whole events of our contract."""
    for wire in (bill.record, bill.request, bill.after):
        if wire is not None:
            assert wire["subject"] == read_event(json.dumps(wire).encode()).dossier


def test_the_same_seed_tells_the_same() -> None:
    """Another seed asks for other amounts; the count of events is what is fed."""
    assert MONEY == bills(1)
    assert [bill.amount for bill in MONEY] != [bill.amount for bill in bills(2)]
    assert len(CASES) * 2 + 2 == events_of(1)


def test_all_well() -> None:
    """Nothing to find: what was settled is the gateways' money, to the đồng."""
    paid = judge_paid(MONEY, ENDS, orders(), [{"taken": True}, {"taken": False}], heard())
    assert ((), (), (), (), ()) == (paid.lost, paid.doubled, paid.out_of_order, paid.unexpected, paid.unmet)
    assert sum(bill.amount for bill in MONEY if "settled" in bill.case.told) == paid.dong
    assert (2, 1, len(CASES)) == (paid.calls, paid.refused, paid.count)


def test_each_wrong_is_found() -> None:
    """Money without a settlement, a settlement without money, twice, out of order, and another end."""
    gone = judge_paid(MONEY, ENDS, orders(), [], heard({"once": ("opened",)}))
    assert ["not_settled"] == [found.what for found in gone.lost]
    twice = judge_paid(MONEY, ENDS, orders(), [], heard({"once": ("opened", "settled", "settled")}))
    assert ["settled_twice"] == [found.what for found in twice.doubled]
    free = [row | {"transactions": []} if n == 0 else row for n, row in enumerate(orders())]
    assert ["settled_without_money"] == [found.what for found in judge_paid(MONEY, ENDS, free, [], heard()).unexpected]
    turned = judge_paid(MONEY, ENDS, orders(), [], heard({"turned": ("opened", "settled", "failed")}))
    assert ["told_out_of_order"] == [found.what for found in turned.out_of_order]
    other = judge_paid(MONEY, ENDS | {MONEY[0].name: "open"}, orders(), [], heard())
    assert 1 == len(other.unmet)


def test_what_is_told_again_is_not_told_twice() -> None:
    """A repeat that the one-stop system knew as one counts for nothing."""
    paid = judge_paid(MONEY, ENDS, orders(), [], [*heard(), *heard(again=True)])
    assert () == paid.doubled
