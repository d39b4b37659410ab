"""Dossiers filed on the portal: handed over once, told of by statuses, never created again; every lie is found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.doors.reading import read_event
from adapters.partners.national_portal.born import status_of
from bus.messages import State, canonical_bytes, digest_of
from config.demo.account import entries_of
from config.demo.books import Effect, Entry
from config.demo.born import COUNT, EVENTS, FILED, as_steps, as_told, judge_filed, life, order
from config.demo.judge import Came, Verdict, judge
from config.demo.portal_view import RECORD, REDUCED, TELL, differences, expected_status
from contracts.national_portal.filing import FileOrder
from tests.builders import make_standing
from tests.portal_kit import h99_tables, make_settings

OWN, NATIONAL = "000.00.14.H99-240401-0001", "G99.99-240401-0000001"
BORN = {OWN: NATIONAL}
HANDED = {
    "id": "filed.1",
    "national_number": NATIONAL,
    "filed_at": "2024-04-01T09:15:00+07:00",
    "unit": "000.13.20.H99",
    "procedure": "2.000181",
    "summary": "Khuyến mại ví dụ",
    "note": "",
    "applicant": {
        "kind": "enterprise",
        "name": "Công ty TNHH Ví Dụ",
        "identity": None,
        "phone": "0900000001",
        "email": None,
        "address": None,
        "verified_by_vneid": False,
    },
    "return_by": "counter",
}
WIRES = life(HANDED, OWN)


def entries() -> list[Entry]:
    """The ledger's account of a dossier's life, all delivered."""
    rows = [
        {
            "source": wire["source"],
            "id": wire["id"],
            "kind": wire["type"].removeprefix("vn.lienthong.").removesuffix(".v1"),
            "dossier": OWN,
            "number": n,
            "event_place": n,
            "place": n,
            "state": State.DELIVERED,
            "delivery": n,
            "cause": "",
            "reason": "",
            "tries": 1,
            "blocks": True,
            "partner": "national_portal",
            "is_adopted": False,
        }
        for n, wire in enumerate(WIRES, 1)
    ]
    wanted = {wire["id"]: expected_status(wire, NATIONAL) for wire in WIRES}
    return as_told(entries_of(rows, "national_portal", lambda _, id: wanted[id]), BORN)


def effect(n: int, operation: str, dossier: str, body: dict[str, Any]) -> Effect:
    digest = digest_of(canonical_bytes(body)).hex()
    return Effect(n=n, operation=operation, dossier=dossier, digest=digest, repeat=False, body=body)


STATUSES = [effect(n, TELL, NATIONAL, expected_status(wire, NATIONAL)) for n, wire in enumerate(WIRES, 1)]


def verdict(effects: list[Effect]) -> Verdict:
    return judge(entries(), as_steps(effects), Came(recorded=len(WIRES)), known=frozenset(BORN))


def test_life_is_read_by_the_door() -> None:
    """A record and three steps, in our own form; the applicant is who filed, and the same life is told again."""
    events = [read_event(json.dumps(wire).encode()) for wire in WIRES]

    assert EVENTS == len(events)
    assert ["dossier.recorded", *["dossier.progressed"] * 3] == [event.kind for event in events]
    assert (HANDED["applicant"], None) == (events[0].data["applicant"], events[0].data["national_number"])
    assert sorted(event.occurred_at for event in events) == [event.occurred_at for event in events]
    assert life(HANDED, OWN) == WIRES


def test_order_is_one_that_the_mock_takes() -> None:
    """What is posted to the mock of the portal files as many dossiers as are waited for."""
    told = FileOrder(**order(207, "http://127.0.0.1:8400"))

    assert (COUNT, 7) == (told.count, told.seed)


def test_statuses_told_agree() -> None:
    """Each event of such a dossier is one status, in order: nothing is found."""
    assert verdict(STATUSES).agrees


@pytest.mark.parametrize(
    ("effects", "kind", "what"),
    [
        (STATUSES[:-1], "lost", "no_effect"),
        ([*STATUSES, replace(STATUSES[-1], n=9)], "doubled", "stored_twice"),
        ([replace(STATUSES[1], n=1), replace(STATUSES[0], n=2), *STATUSES[2:]], "out_of_order", "overtaken"),
        ([*STATUSES, effect(9, RECORD, OWN, {"MaHoSo": OWN})], "unexpected", "no_such_event"),
        ([*STATUSES, effect(9, RECORD, NATIONAL, {"MaHoSo": NATIONAL})], "unexpected", "no_such_event"),
    ],
)
def test_every_lie_is_found(effects: list[Effect], kind: str, what: str) -> None:
    """A status left out, told twice or too early, and a dossier that was created again."""
    found = verdict(effects)

    assert not found.agrees
    assert what in [finding.what for finding in getattr(found, kind)]


@pytest.mark.parametrize("status", sorted(REDUCED))
def test_view_agrees_with_the_adapter(status: str) -> None:
    """Written apart, both readings of every status come to the same fields, by the shipped tables."""
    for wire in WIRES[:2]:
        told = wire | {"data": wire["data"] | {"status": status}}
        standing = make_standing(national_number=NATIONAL, own_number=OWN, procedure=HANDED["procedure"])
        sent = status_of(read_event(json.dumps(told).encode()), standing, h99_tables(), make_settings())

        assert [] == differences(expected_status(told, NATIONAL), sent)


def posted(**changed: Any) -> list[dict[str, Any]]:
    return [{"number": NATIONAL if n == 0 else f"G{n}", "tries": 2, "end": "taken"} | changed for n in range(COUNT)]


def handed(*numbers: str) -> list[Effect]:
    return [effect(n, FILED, number, {"national_number": number}) for n, number in enumerate(numbers, 1)]


def test_each_is_handed_over_once() -> None:
    """Filed, handed over, told of: counted, with the portal's calls."""
    numbers = [row["number"] for row in posted()]
    told = judge_filed(posted(), BORN, as_steps(STATUSES), handed(*numbers))

    assert (COUNT, 2 * COUNT, COUNT, EVENTS, 0) == (
        told.count,
        told.calls,
        told.handed_over,
        told.statuses,
        told.created,
    )
    assert ((), (), ()) == (told.lost, told.doubled, told.unmet)


def test_not_once_is_found() -> None:
    """One that never arrived, one that arrived twice, one that the portal heard no yes for, and one too few."""
    numbers = [row["number"] for row in posted()]
    told = judge_filed(posted(), BORN, [], handed(*numbers[1:], numbers[2]))

    assert [("not_handed_over", NATIONAL)] == [(found.what, found.dossier) for found in told.lost]
    assert [("handed_over_twice", numbers[2])] == [(found.what, found.dossier) for found in told.doubled]
    assert COUNT == len(judge_filed(posted(end="gave_up"), BORN, [], []).unmet)
    assert 1 == len(judge_filed(posted()[1:], BORN, [], []).unmet)
