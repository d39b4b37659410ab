"""What a reply to an array says of each record: by the same table and settings, and never two things at once."""

from __future__ import annotations

import pytest

from adapters.partners.national_portal.codes import Operation, Verdict
from adapters.partners.national_portal.named import record_answers
from adapters.partners.national_portal.replies import read
from adapters.partners.national_portal.speaking import outcome_of
from bus.messages import Delivered, InDoubt, Refused
from tests.portal_kit import make_settings, record_delivery, replied, said, scripted_portal, step_delivery

YES = {"error_code": "00", "message": "Thành công"}
NO = {"error_code": -1, "message": "không"}


def verdicts(*items: object, operation: Operation = Operation.CREATE, code: object = 0, **settings: object):
    """What is read of each record when the reply's `result` holds these items."""
    ours = make_settings(**settings)
    answer = read(said(code, "Thành công", result=list(items)), operation, ours)
    return {number: one.verdict for number, one in record_answers(answer, operation, ours).items()}


def test_each_named_record_has_its_answer():
    """Each record that the reply names gets an answer of its own, by the same table; the rest is passed over."""
    exists = {"MaHoSo": "b", "error_code": "-3", "message": "đã tồn tại"}

    found = verdicts({"MAHOSO": "a"} | YES, exists, {"MaHoSo": "c"}, {"error_code": 0}, "d")

    assert {"a": Verdict.YES, "b": Verdict.EXISTS} == found
    assert {} == verdicts()


def test_overrides_count_for_a_record_too():
    """What a province knows better of a row holds for a record of an array as for a whole reply."""
    items = ({"MaHoSo": "a"} | YES, {"MaHoSo": "b"} | NO)

    assert {"a": Verdict.YES, "b": Verdict.UNCLEAR} == verdicts(*items, reply_overrides={"refused": "unclear"})
    assert Verdict.UNCLEAR is verdicts(*items, reply_overrides={"yes": "unclear"})["a"]


def test_a_record_may_need_the_words_too():
    """With `code_and_text` each record's yes must say "thành công" itself."""
    items = ({"MaHoSo": "a"} | YES, {"MaHoSo": "b", "error_code": 0, "message": "ok"}, {"MaHoSo": "c", "error_code": 0})

    found = verdicts(*items, operation=Operation.UPDATE, write_success="code_and_text")

    assert {"a": Verdict.YES, "b": Verdict.UNCLEAR, "c": Verdict.UNCLEAR} == found


@pytest.mark.parametrize("items", [(YES, NO), (NO, YES), (YES, NO, YES), (NO, YES, NO)])
def test_two_answers_for_one_record_are_none(items):
    """A record of which the reply says yes and no is in doubt, whatever comes last; the other not (r151)."""
    found = verdicts({"MaHoSo": "b"} | YES, *({"MaHoSo": "a"} | item for item in items))

    assert {"a": Verdict.UNCLEAR, "b": Verdict.YES} == found


def test_the_same_answer_twice_is_one():
    """Saying a thing again contradicts nothing (r151)."""
    assert {"a": Verdict.YES} == verdicts({"MaHoSo": "a"} | YES, {"MaHoSo": "a"} | YES)


@pytest.mark.parametrize("twin", [{"Error_Code": -1}, {"MAHOSO": "b"}, {"MESSAGE": "không"}])
def test_members_that_differ_in_case_only_are_no_answer(twin):
    """Names are read without case, so two of them in one element leave all that it names in doubt (r151)."""
    assert {Verdict.UNCLEAR} == set(verdicts({"MaHoSo": "a"} | YES | twin).values())


@pytest.mark.parametrize(
    "exchange",
    [
        replied({"error_code": None, "result": [{"MaHoSo": "a"} | YES]}),
        replied({"error_code": 0, "result": [{"MaHoSo": "a"} | YES]}, status=500),
        replied({"error_code": 0, "result": [{"MaHoSo": "a"} | YES]}, status=429),
        said(-1, "không", result=[{"MaHoSo": "a"} | YES]),
    ],
)
def test_no_record_is_delivered_by_a_call_that_was_not(exchange):
    """A yes beside one record's name counts only under a yes of the whole (r152)."""
    answer = read(exchange, Operation.STEP, make_settings())

    assert Verdict.UNCLEAR is record_answers(answer, Operation.STEP, make_settings())["a"].verdict


def test_contradiction_does_not_speak_against_the_portals_health():
    """The portal works and answers; what it says of one record closes nothing."""
    answer = read(said(0, "", result=[{"MaHoSo": "a"} | YES, {"MaHoSo": "a"} | NO]), Operation.STEP, make_settings())
    outcome = outcome_of(record_answers(answer, Operation.STEP, make_settings())["a"], "hold")

    assert ("hold", False, "contradictory") == (outcome.then, outcome.is_down, outcome.reason.partition(":")[0])


DENIED = said(0, "Thành công", result=[{"MaHoSo": "H99.09-260703-0123"} | NO])


@pytest.mark.parametrize("delivery", [record_delivery(exists=False), record_delivery(), step_delivery()])
def test_yes_that_denies_our_record_is_in_doubt(delivery):
    """A yes of the whole over a row that says no of the one record that was sent is never `delivered` (r152)."""
    portal, _ = scripted_portal(DENIED)

    outcome = portal.deliver([delivery])[0].outcome

    assert isinstance(outcome, InDoubt)
    assert "contradictory" == outcome.reason.partition(":")[0]


def test_row_counts_where_rows_are_known_to_speak():
    """With `batch_answer` named, the row that denies a record decides, also when it travelled alone (r152)."""
    portal, _ = scripted_portal(DENIED, batch_answer={"update": "named"})

    assert isinstance(portal.deliver([record_delivery()])[0].outcome, Refused)


@pytest.mark.parametrize("rows", [[{"MaHoSo": "H99.09-260703-0123"} | YES], [{"MaHoSo": "b"} | NO], [], "x", None])
def test_row_that_denies_nothing_of_ours_changes_nothing(rows):
    """A row that agrees, or speaks of another dossier, leaves the yes a yes (r152)."""
    portal, _ = scripted_portal(said(0, "Thành công", result=rows))

    assert isinstance(portal.deliver([record_delivery()])[0].outcome, Delivered)
