"""The one-stop system's answer table, cell by cell: protocol × HTTP × answer × signature × code × side → verdict."""

from __future__ import annotations

import itertools

import pytest

from adapters.partners.one_stop.codes import (
    BUSY,
    CONTRACTS,
    OF_THE_WAY,
    PROVEN,
    REPLIES,
    Proof,
    Shape,
    Verdict,
)
from adapters.partners.one_stop.replies import OTHER, Answer, Body, acknowledged, find_row, judge, table, told
from adapters.partners.one_stop.wire import outcome_of
from bus.messages import Delivered, InDoubt, Refused, Unreachable
from contracts.one_stop.envelopes import TITLES
from contracts.one_stop.mock import OneStop
from contracts.one_stop.shapes import THEIRS

GOOD = Proof.GOOD
PROBLEMS = {
    "refused": "sender",
    BUSY: "receiver",
    "stale_signature": "sender",
    "crashed": "receiver",
    "new_code": "sender",
}


def problem(code: str, side: str) -> Body:
    return Body(shape=Shape.PROBLEM, proof=GOOD, code=code, side=side)  # type: ignore[arg-type]


UNPROVEN = [Body(shape=Shape.UNPROVEN, proof=proof) for proof in (Proof.NONE, Proof.WRONG, Proof.OTHER_REQUEST)]
UNREAD = [Body(shape=shape) for shape in (Shape.HTML, Shape.EMPTY, Shape.BROKEN, Shape.OTHER_TYPE)]
YES, UNNUMBERED = Body(shape=Shape.ACKNOWLEDGED, proof=GOOD), Body(shape=Shape.UNNUMBERED, proof=GOOD)
FAULTS = [Body(shape=Shape.FAULT, proof=GOOD, side=side) for side in ("sender", "receiver", "")]
CELLS: list[tuple[str, str, int, Body, str, Verdict]] = [
    ("soap", "plain yes", 200, YES, "yes_soap", Verdict.YES),
    ("rest", "plain yes", 201, YES, "yes_rest", Verdict.YES),
    ("soap", "yes under another status", 201, YES, "http_other", Verdict.UNCLEAR),
    ("soap", "yes under an error", 500, YES, "http_other", Verdict.UNCLEAR),
    ("rest", "yes under another status", 200, YES, "http_other", Verdict.UNCLEAR),
    ("rest", "yes under an error", 422, YES, "http_other", Verdict.UNCLEAR),
    ("soap", "no number", 200, UNNUMBERED, "no_number", Verdict.HOLD),
    ("rest", "no number", 201, UNNUMBERED, "no_number", Verdict.HOLD),
    ("soap", "fault 1.1", 500, problem("refused", "sender"), "refused", Verdict.REFUSED),
    ("soap", "fault 1.2", 400, problem("refused", "sender"), "refused", Verdict.REFUSED),
    ("rest", "problem", 422, problem("refused", "sender"), "refused", Verdict.REFUSED),
    ("soap", "a code that nobody knows", 500, problem("new_code", "sender"), "refused", Verdict.REFUSED),
    ("rest", "a code that nobody knows", 409, problem("new_code", "sender"), "refused", Verdict.REFUSED),
    ("soap", "busy", 500, problem(BUSY, "receiver"), "busy", Verdict.DOWN),
    ("rest", "busy with another status", 500, problem(BUSY, "receiver"), "busy", Verdict.DOWN),
    ("soap", "their trouble", 500, problem("crashed", "receiver"), "their_trouble", Verdict.UNCLEAR),
    ("rest", "their trouble", 500, problem("crashed", "receiver"), "their_trouble", Verdict.UNCLEAR),
    ("soap", "a side that nobody knows", 500, problem("refused", ""), "their_trouble", Verdict.UNCLEAR),
    ("soap", "a no with status 200", 200, problem("refused", "sender"), "http_other", Verdict.UNCLEAR),
    ("soap", "signed, no answer", 200, OTHER, "other_answer", Verdict.UNCLEAR),
    ("rest", "signed, no answer", 201, OTHER, "other_answer", Verdict.UNCLEAR),
    *(("soap", "fault without problem", 500, each, "no_problem", Verdict.UNCLEAR) for each in FAULTS),
    *(("soap", "of the way", 500, problem(code, "sender"), "way", Verdict.DOWN) for code in sorted(OF_THE_WAY)),
    *(("rest", "of the way", 401, problem(code, "sender"), "way", Verdict.DOWN) for code in sorted(OF_THE_WAY)),
    *(
        (protocol, "not proven", status, each, row, Verdict.UNCLEAR)
        for protocol, status in itertools.product(("soap", "rest"), (200, 201, 401, 422, 500))
        for each, row in zip(UNPROVEN, ("unsigned", "wrong_signature", "other_request"), strict=True)
    ),
    *(
        (protocol, "not read", status, each, str(each.shape), Verdict.UNCLEAR)
        for protocol, status in itertools.product(("soap", "rest"), (200, 201, 404, 500, 502))
        for each in UNREAD
    ),
    *(
        (protocol, "later", status, each, row, verdict)
        for protocol in ("soap", "rest")
        for each in (*UNPROVEN, *UNREAD, YES)
        for status, row, verdict in ((429, "http_429", Verdict.LATER), (503, "http_503", Verdict.DOWN))
    ),
]


@pytest.mark.parametrize(("protocol", "what", "status", "body", "row", "verdict"), CELLS)
def test_p06_cell(protocol, what, status, body, row, verdict):
    """Each cell of the table says what the rules say."""
    answer = judge(protocol, status, body)

    assert (row, verdict) == (answer.row, answer.verdict)


def test_every_row_has_a_cell():
    """No row stands there without a case that it decides."""
    assert {row.id for row in REPLIES} == {row for *_, row, _ in CELLS}


SHOWN = [(shape, GOOD) for shape in PROVEN] + [(each.shape, each.proof) for each in (*UNPROVEN, *UNREAD)]
STATUSES = (100, 200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 415, 422, 429, 500, 502, 503, 599)
GRID = [
    (protocol, status, Body(shape=shape, proof=proof, code=code, side=side))  # type: ignore[arg-type]
    for protocol, status, (shape, proof), (code, side) in itertools.product(
        ("soap", "rest"), STATUSES, SHOWN, [("", ""), *PROBLEMS.items()]
    )
]


def test_p06_yes_is_proven_and_nothing_else_is():
    """In the whole grid a yes comes only from a proven acknowledgement under the one status that the contract names."""
    for protocol, status, body in GRID:
        if find_row(protocol, status, body).verdict is Verdict.YES:  # type: ignore[arg-type]
            assert (Shape.ACKNOWLEDGED, GOOD) == (body.shape, body.proof)
            assert {"soap": 200, "rest": 201}[protocol] == status


def test_no_is_proven_too():
    """In the whole grid a refusal comes only from a proven problem: nobody else can end a delivery."""
    for protocol, status, body in GRID:
        if find_row(protocol, status, body).verdict is Verdict.REFUSED:  # type: ignore[arg-type]
            assert (Shape.PROBLEM, GOOD, "sender") == (body.shape, body.proof, body.side)
            assert 400 <= status


def test_p05_what_is_not_proven_is_in_doubt_or_goes_again():
    """In the whole grid everything without proof is in doubt, but 429 and 503, which end in sending again (r111)."""
    for protocol, status, body in GRID:
        verdict = find_row(protocol, status, body).verdict  # type: ignore[arg-type]
        if body.proof is not GOOD:
            assert (verdict is Verdict.UNCLEAR) == (status not in (429, 503))


def test_every_cell_has_a_row():
    """Whatever comes, a row decides; the last one fits all."""
    assert all(find_row(protocol, status, body) in REPLIES for protocol, status, body in GRID)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.YES, Delivered(receipt="2026-07-03T03:02:31Z")),
        (Verdict.REFUSED, Refused(code="refused", reason="Không có thủ tục này")),
        (Verdict.LATER, Unreachable(reason="row: refused: Không có thủ tục này", is_down=False)),
        (Verdict.DOWN, Unreachable(reason="row: refused: Không có thủ tục này")),
        (Verdict.UNCLEAR, InDoubt(reason="row: refused: Không có thủ tục này")),
        (Verdict.HOLD, InDoubt(reason="row: refused: Không có thủ tục này", then="hold", is_down=False)),
    ],
)
def test_verdict_to_outcome(verdict, outcome):
    """Each verdict is one outcome of the bus; a reason is the row, their code and their words."""
    body = Body(shape=Shape.PROBLEM, code="refused", text="Không có thủ tục này", accepted_at="2026-07-03T03:02:31Z")

    assert outcome == outcome_of(Answer(verdict=verdict, row="row", status=200, body=body))


def test_status_is_told_where_it_decides():
    """When status and body contradict each other, the reason says the status."""
    assert "http_other 418" == judge("rest", 418, YES).reason


def test_acknowledgement_of_another_message_is_no_answer():
    """A yes counts for the id that it repeats (r46), and for a filed dossier when it names the number (r44)."""
    filed, settled = CONTRACTS["dossier.filed"], CONTRACTS["delivery.settled"]
    said = {"id": "m.1", "accepted_at": "2026-07-03T03:02:31Z", "number": None}

    assert OTHER == acknowledged(said, settled, "m.2")
    assert Shape.ACKNOWLEDGED is acknowledged(said, settled, "m.1").shape
    assert Shape.UNNUMBERED is acknowledged(said, filed, "m.1").shape
    assert "H-1" == acknowledged(said | {"number": "H-1"}, filed, "m.1").number


def test_reasons_hold_no_numbers_of_persons():
    """A one-stop system that repeats an identity number in its words does not get it into the ledger unsealed."""
    words = told({"title": "Số CCCD 099000000001 sai", "detail": None, "reference": "MC-1", "errors": [], "code": "x"})

    assert "099000000001" not in words
    assert "MC-1" in words


def test_notes_and_reference_restate_the_table():
    """The table stands in the notes, row for row."""
    names = ("protocol", "http", "answer", "signature", "code", "side", "verdict")
    rows = [" | ".join((f"`{row['id']}`", *(row[name] for name in names))) for row in table()]
    text = OneStop.notes.read_text(encoding="utf-8")
    stated = [line[2:-2] for line in text.partition('id="r126"')[2].splitlines() if line.startswith("| `")]

    assert rows == stated


def test_codes_are_the_contracts():
    """Every code of the way is one that the mock can say, and every operation of theirs has a row."""
    assert OF_THE_WAY | {BUSY} <= TITLES.keys()
    assert set(THEIRS) == {contract.operation for contract in CONTRACTS.values()}
