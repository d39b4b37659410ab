"""What follows from what was told of a signature: every state, every verdict, every way that it came."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any, get_args

import pytest

from bus.signature_rule import Known, Step, ask_next, declined_by, hear, judge_values, next_question
from bus.signatures import (
    ASKED_SIGNATURES,
    DESK,
    ENDED_WITHOUT,
    FINISHING_SIGNATURES,
    NO_SIGNATURES,
    NOT_JUDGED,
    OPEN_SIGNATURES,
    DocumentValue,
    Judged,
    ResultDocument,
    SignatureEffect,
    SignatureState,
    SignatureTold,
    SignatureVerdict,
    SignDocument,
    Via,
    request_of,
    with_results,
)
from tests.builders import NOON

E, S, V = SignatureEffect, SignatureState, SignatureVerdict
ALL = Judged(values={1: b"a", 2: b"b"})
PART = Judged(values={1: b"a"})
WRONG = Judged(wrong={2: "other_certificate", 1: "wrong_signature"})
AT_SERVICE = sorted(ASKED_SIGNATURES - {S.AT_DESK})
CLOSED = FINISHING_SIGNATURES | {S.MADE, S.BLOCKED, S.DECLINED, S.FAILED, S.CANCELLED}
VIAS: tuple[Via, ...] = get_args(Via)
ASKED: tuple[Via, ...] = ("answer", "query")
CASES = list(product(SignatureState, SignatureVerdict, VIAS, ("none", "all", "part", "wrong"), (True, False)))


def known(state: SignatureState, *, is_current: bool = True, code: str = "") -> Known:
    return Known(state=state, missing=frozenset({1, 2}), is_current=is_current, code=code)


def told(verdict: SignatureVerdict, via: Via = "query", **more: Any) -> SignatureTold:
    return SignatureTold(partner="pen", request="KY1", verdict=verdict, via=via, **more)


def test_only_proof_and_answers_end_anything() -> None:
    """Whatever is told in whatever state: a call from outside ends nothing but by proof, and proof is never undone."""
    judged = {"none": NOT_JUDGED, "all": ALL, "part": PART, "wrong": WRONG}
    for state, verdict, via, what, is_current in CASES:
        step = hear(known(state, is_current=is_current), told(verdict, via), judged[what])
        story = (state, verdict, via, what, is_current)
        is_proof = verdict is V.SIGNED and what == "all" and is_current
        if step.state is not state and via not in ASKED:
            assert (True, S.SIGNED_RAW) == (is_proof, step.state), story
        if state in CLOSED or not is_current:
            assert (state, False) == (step.state, step.is_taken), story
        if step.is_taken:
            assert (verdict, what) in ((V.SIGNED, "all"), (V.SIGNED, "part")), story
        if what == "wrong" and verdict is V.SIGNED and is_current:
            assert (E.WRONG_VALUE, True) == (step.effect, step.is_alarm), story
        if step.asks_now:
            assert (True, False, True) == (state in AT_SERVICE, via in ASKED, is_current), story
        if step.state in ENDED_WITHOUT and step.state is not state:
            assert step.code, story


@pytest.mark.parametrize("state", AT_SERVICE)
@pytest.mark.parametrize("via", ASKED)
def test_answers_decide(state: SignatureState, via: Via) -> None:
    """What we asked for may end a signature that is at its service, with the service's code or the usual one."""
    for verdict, to, code in (
        (V.DECLINED, S.DECLINED, "declined_by_signer"),
        (V.EXPIRED, S.EXPIRED, "expired"),
        (V.FAILED, S.FAILED, "service_refused"),
    ):
        assert Step(effect=E.RECORDED, state=to, code=code) == hear(known(state), told(verdict, via), NOT_JUDGED)
        assert "otp_locked" == hear(known(state), told(verdict, via, code="otp_locked"), NOT_JUDGED).code


@pytest.mark.parametrize("via", VIAS)
def test_proof_is_proof_whoever_brings_it(via: Via) -> None:
    """Values of every document make it signed, from every state in which somebody may sign, whatever way they came."""
    for state in ASKED_SIGNATURES:
        step = hear(known(state), told(V.SIGNED, via), ALL)
        assert Step(effect=E.RECORDED, state=S.SIGNED_RAW, is_taken=True) == step


def test_a_part_of_the_values() -> None:
    """In an answer a part is all that will come; told from outside it is kept, and the service asked."""
    waiting, desk = known(S.WAITING_USER), known(S.AT_DESK)

    assert S.SIGNED_RAW is hear(waiting, told(V.SIGNED, "query"), PART).state
    kept = hear(waiting, told(V.SIGNED, "callback"), PART)
    assert Step(effect=E.RECORDED, state=S.WAITING_USER, is_taken=True, asks_now=True) == kept
    assert Step(effect=E.RECORDED, state=S.AT_DESK, is_taken=True) == hear(desk, told(V.SIGNED, "upload"), PART)


def test_wrong_values() -> None:
    """A wrong value from outside is an alarm and a question; in an answer it is the end; afterwards an alarm alone."""
    waiting = known(S.WAITING_USER)
    ended = hear(waiting, told(V.SIGNED, "query"), WRONG)
    assert Step(effect=E.WRONG_VALUE, state=S.FAILED, code="wrong_signature", is_alarm=True) == ended
    hint = hear(waiting, told(V.SIGNED, "callback"), WRONG)
    assert Step(effect=E.WRONG_VALUE, state=S.WAITING_USER, asks_now=True, is_alarm=True) == hint
    assert not hear(known(S.AT_DESK), told(V.SIGNED, "upload"), WRONG).asks_now
    assert Step(effect=E.WRONG_VALUE, state=S.MADE, is_alarm=True) == hear(
        known(S.MADE), told(V.SIGNED, "query"), WRONG
    )


def test_late_values() -> None:
    """After its time proof is taken; after another end, or of an earlier try, it is an alarm and changes nothing."""
    late = Step(effect=E.LATE, state=S.SIGNED_RAW, is_taken=True)
    assert late == hear(known(S.EXPIRED), told(V.SIGNED, "callback"), ALL)
    for state in (S.DECLINED, S.FAILED, S.CANCELLED):
        assert Step(effect=E.LATE, state=state, is_alarm=True) == hear(known(state), told(V.SIGNED), ALL)
    assert Step(effect=E.LATE, state=S.EXPIRED, is_alarm=True) == hear(known(S.EXPIRED), told(V.SIGNED), PART)
    older = hear(known(S.WAITING_USER, is_current=False), told(V.SIGNED), NOT_JUDGED)
    assert Step(effect=E.LATE, state=S.WAITING_USER, is_alarm=True) == older


def test_repeats_and_nothing() -> None:
    """What is known already says nothing; neither does a value of what nobody was asked to sign."""
    assert E.REPEATED is hear(known(S.MADE), told(V.SIGNED), ALL).effect
    assert E.NOTHING is hear(known(S.MADE), told(V.SIGNED), NOT_JUDGED).effect
    assert E.NOTHING is hear(known(S.DECLINED), told(V.SIGNED), NOT_JUDGED).effect
    assert E.NOTHING is hear(known(S.WAITING_USER), told(V.SIGNED), NOT_JUDGED).effect
    assert E.REPEATED is hear(known(S.DECLINED), told(V.DECLINED), NOT_JUDGED).effect
    assert E.NOTHING is hear(known(S.MADE), told(V.DECLINED), NOT_JUDGED).effect
    assert E.NOTHING is hear(known(S.AT_DESK), told(V.DECLINED), NOT_JUDGED).effect
    assert E.NOTHING is hear(known(S.WAITING_USER), told(V.UNCLEAR), NOT_JUDGED).effect
    hint = hear(known(S.WAITING_USER), told(V.SIGNED, "callback"), NOT_JUDGED)
    assert Step(effect=E.HINT, state=S.WAITING_USER, asks_now=True) == hint


def test_waiting_and_what_for() -> None:
    """A service that waits has it; what it waits for (a one-time code) is kept, and told again is no news."""
    assert Step(effect=E.RECORDED, state=S.WAITING_USER) == hear(known(S.UNKNOWN), told(V.WAITING), NOT_JUDGED)
    assert E.REPEATED is hear(known(S.WAITING_USER), told(V.WAITING), NOT_JUDGED).effect
    wanted = hear(known(S.WAITING_USER), told(V.WAITING, code="otp_wanted"), NOT_JUDGED)
    assert Step(effect=E.RECORDED, state=S.WAITING_USER, code="otp_wanted") == wanted
    again = hear(known(S.WAITING_USER, code="otp_wanted"), told(V.WAITING, code="otp_wanted"), NOT_JUDGED)
    assert Step(effect=E.REPEATED, state=S.WAITING_USER, code="otp_wanted") == again


# -- values ---------------------------------------------------------------------------------------------------------

DOCUMENTS = [SignDocument(n=n, id=f"d{n}", name="", form="pdf", digest=bytes([n]) * 32) for n in (1, 2)]


def proves(digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
    return b"raw " + value if value == digest[:1] else "wrong_signature"


def judged(*values: DocumentValue, certificate: bytes | None = b"cert") -> Judged:
    return judge_values(told(V.SIGNED, values=values), DOCUMENTS, certificate, proves)


def test_values_in_any_order() -> None:
    """A value is the document's whose digest it signs, in whatever order and under whatever name it was given."""
    right = {1: b"raw \x01", 2: b"raw \x02"}
    assert right == judged(DocumentValue(n=1, value=b"\x02"), DocumentValue(n=2, value=b"\x01")).values
    assert right == judged(*(DocumentValue(document_id=f"d{n}", value=bytes([n])) for n in (1, 2))).values
    assert right == judged(DocumentValue(value=b"\x01"), DocumentValue(document_id="?", value=b"\x02")).values
    assert frozenset({1, 2}) == judged(DocumentValue(value=b"\x01"), DocumentValue(value=b"\x02")).proved


def test_values_that_prove_nothing() -> None:
    """Another digest, another certificate, a second value for one document, or nothing prepared: each has its code."""
    assert {1: "wrong_signature"} == judged(DocumentValue(n=1, value=b"x")).wrong
    assert {0: "wrong_signature"} == judged(DocumentValue(value=b"x")).wrong
    other = judged(DocumentValue(n=1, value=b"\x01", certificate=b"theirs"))
    assert ({1: "other_certificate"}, frozenset()) == (other.wrong, other.proved)
    assert {1: b"raw \x01"} == judged(DocumentValue(n=1, value=b"\x01", certificate=b"cert")).values
    assert {1: "wrong_signature"} == judged(DocumentValue(n=1, value=b"\x01"), DocumentValue(n=1, value=b"\x01")).wrong
    assert {1: "wrong_signature"} == judged(DocumentValue(n=1, value=b"\x01"), certificate=None).wrong
    bare = [SignDocument(n=1, id="d1", name="", form="pdf")]
    values = (DocumentValue(n=1, value=b"\x01"),)
    assert {1: "wrong_signature"} == judge_values(told(V.SIGNED, values=values), bare, b"cert", proves).wrong


def test_a_value_that_breaks_its_judge() -> None:
    """What raises in whoever judges it is a wrong value as any other, and an alarm."""

    def breaks(digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
        raise ArithmeticError

    values = (DocumentValue(n=1, value=b"\x01"),)
    assert {1: "wrong_signature"} == judge_values(told(V.SIGNED, values=values), DOCUMENTS, b"cert", breaks).wrong


def test_uploads_stand_for_values() -> None:
    """A document that was signed on a desk is its own proof: the door that took it verified it."""
    values = (DocumentValue(n=2, document=77),)
    found = judge_values(told(V.SIGNED, "upload", values=values), DOCUMENTS, None, proves)
    assert ({2: 77}, frozenset({2}), {}) == (found.uploads, found.proved, found.wrong)
    assert NOT_JUDGED == judge_values(told(V.SIGNED, "callback", values=values), DOCUMENTS, None, proves)


# -- questions ------------------------------------------------------------------------------------------------------


def seconds(**more: Any) -> list[float]:
    """When it is asked from now on, each question put when it is due."""
    now, asked, found = NOON, 0, list[float]()
    while (due := ask_next(NOON, NOON + timedelta(**more), asked, now, has_webhook=False)) is not None:
        found.append((due - NOON).total_seconds())
        now, asked = due, asked + 1
    return found


def test_questions_and_the_last() -> None:
    """After 5 and 10 seconds, every 10 to five minutes, then each minute; and 30 seconds behind the deadline once."""
    five = seconds(minutes=5)
    assert [5, 10, 20, 30] == five[:4]
    assert [290, 300, 330] == five[-3:]
    assert [300, 360, 420, 450] == seconds(minutes=7)[-4:]


def test_questions_beside_calls() -> None:
    """A service that calls back is asked every 30 seconds; who stood still asks once, not for each missed question."""
    assert NOON + timedelta(seconds=30) == next_question(NOON, 0, NOON, has_webhook=True)
    assert NOON + timedelta(seconds=130) == next_question(NOON, 1, NOON + timedelta(seconds=125), has_webhook=False)
    assert next_question(NOON, 0, NOON + timedelta(minutes=5), has_webhook=False) is None


# -- names ----------------------------------------------------------------------------------------------------------


def test_request_ids() -> None:
    """An id is of its signature and try alone: the same after a restore, another for each try, and 32 characters."""
    ids = {request_of(source, name, n) for source in ("a", "b") for name in ("1", "2") for n in (1, 2)}
    assert 8 == len(ids)
    assert {32} == {len(one) for one in ids}
    assert all(one.isalnum() for one in ids)
    assert request_of("a", "1", 1) == request_of("a", "1", 1)


@pytest.mark.parametrize(
    ("code", "by"),
    [
        ("declined_by_signer", "signer"), ("cancelled", "person"), ("no_service", "us"), ("document_broken", "us"),
        ("quota_exhausted", "service"),
    ],
)  # fmt: skip
def test_who_did_not_let_it(code: str, by: str) -> None:
    """Each code says whose it is: the signer's, the service's, ours, or a person's who cancelled it."""
    assert by == declined_by(code)


def test_states_and_the_installation_that_signs_nothing() -> None:
    """Open is what may still be made; where nothing is configured nothing is signed, proved, told or shown."""
    assert OPEN_SIGNATURES == {state for state in SignatureState if state.is_open}
    assert set(SignatureState) - OPEN_SIGNATURES == ENDED_WITHOUT | {S.MADE}
    assert FINISHING_SIGNATURES == {state for state in SignatureState if state.is_finishing}
    none = NO_SIGNATURES
    assert none.service_for(None, None, "citizen", NOON, DESK) is None
    assert (none.taker("x"), none.portal, none.has_webhook("pen")) == (None, None, False)
    assert "wrong_signature" == none.judge(b"", b"", b"")
    assert "urn:lienthong:document:7" == none.document_url(7, NOON)


def test_results_in_a_record() -> None:
    """A signed result is shown once, in the place of its draft; of what was signed further the last counts."""
    made = ResultDocument(id="d1", name="Giấy phép", url="https://docs.example.invalid/1", code="KQ.01")
    sealed = ResultDocument(id="d1", name="Giấy phép", url="https://docs.example.invalid/2", code="KQ.01")
    mine = {"id": "d1", "code": "KQ.01", "name": "Giấy phép", "url": "https://docs.example.invalid/1"}
    draft = {"id": "d1", "name": "Bản thảo", "url": "https://elsewhere.example.invalid/1", "component": "TP1"}
    other = {"id": None, "name": "Khác", "url": "https://elsewhere.example.invalid/2"}

    assert {"a": 1} == with_results({"a": 1}, ())
    assert [mine] == with_results({"results": None}, (made,))["results"]
    shown = with_results({"results": [other, draft, draft]}, (made, sealed))["results"]
    assert [other, mine | {"component": "TP1", "url": "https://docs.example.invalid/2"}] == shown
