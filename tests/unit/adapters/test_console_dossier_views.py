"""The views of dossier, delivery, journey and refusal: what the ledger's rows become, before any template sees them."""

from __future__ import annotations

import unicodedata
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.doors.console.delivery_view import delivery_view, outcome_name, reply_row
from adapters.doors.console.dossier_view import dossier_view, members_of, who_of
from adapters.doors.console.journey_view import journey_view
from adapters.doors.console.refused_view import Told, reference_of, refusal_page
from bus.calendar import Left
from tests.builders import NOON, event_json

NUMBER = "H99.09-260703-0123"
HOSTILE = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("\u202e\u200b\x00\x1b<>&\"'{}=\ufeff")), max_size=60
)


def at(minutes: float) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


def event(n: int, minutes: float, kind: str = "dossier.recorded", **more: Any) -> dict[str, Any]:
    return {
        "number": n,
        "source": "one-stop/h99",
        "id": f"e{n}",
        "kind": kind,
        "sequence": None,
        "occurred_at": at(minutes - 5),
        "accepted_at": at(minutes),
        "digest": f"{n:064x}",
        "is_adopted": False,
        "place": n,
    } | more


def move(n: int, minutes: float, to: str, **more: Any) -> dict[str, Any]:
    return {
        "id": n,
        "at": at(minutes),
        "delivery": 1,
        "from_state": None,
        "to_state": to,
        "cause": "accepted",
        "reason": "",
        "actor": "w1",
        "partner": "national_portal",
        "event": "e1",
        "kind": "dossier.recorded",
        "source": "one-stop/h99",
        "status": "accepted",
    } | more


def dossier(**more: Any) -> dict[str, Any]:
    return {
        "number": NUMBER,
        "source": "one-stop/h99",
        "origin": "one_stop",
        "national_number": None,
        "procedure": "1.013228",
        "unit": "H99.11",
        "received_at": at(0),
        "due_at": at(9_000),
        "status": "processing",
        "first_seen_at": at(0),
        "partners": [lane("national_portal", "accepted"), lane("one_stop-province", None)],
        "events": [event(1, 0)],
        "timeline": [move(1, 0, "waiting"), move(2, 1, "sending"), move(3, 2, "delivered")],
    } | more


def lane(partner: str, shown: str | None) -> dict[str, Any]:
    return {"partner": partner, "exists_there": True, "record": "shown", "shown_status": shown, "is_on_its_way": False}


CONTENT = event_json()["data"]


# -- a dossier ---------------------------------------------------------------------------------------------------------


def test_page_tells_events_and_moves_in_one_line_of_time() -> None:
    """What sources told and what became of it stand together, the newest first; what happened earlier says when."""
    view = dossier_view(dossier(), {1: CONTENT}, now=NOON)

    assert ["delivered", "sending", "waiting", "event"] == [line.key for line in view.lines]
    assert at(-5) == view.lines[-1].occurred_at
    assert [("source", "one-stop/h99"), ("system", "w1")] == [(line.who, line.name) for line in view.lines[::-1][:2]]
    assert ((), (1,)) == (view.open_deliveries, view.deliveries)
    assert view.picture is not None


def test_page_masks_content_until_it_is_opened() -> None:
    """Members of an event are listed by their place; what is personal is masked, and shown only when opened."""
    masked = dossier_view(dossier(), {1: CONTENT}, now=NOON).events[0].members
    opened = dossier_view(dossier(), {1: CONTENT}, now=NOON, is_opened=True).events[0].members
    name = CONTENT["applicant"]["name"]

    assert masked is not None
    assert opened is not None
    assert name not in [member.text for member in masked]
    assert name in [member.text for member in opened]
    assert [member.place for member in masked] == [member.place for member in opened]


def test_event_whose_body_is_gone_says_so() -> None:
    """Destroyed content, and content that is not on the page, are two things."""
    view = dossier_view(dossier(events=[event(1, 0), event(2, 1)]), {2: None}, now=NOON)

    assert [(True, None), (False, None)] == [(each.is_destroyed, each.members) for each in view.events]


def test_one_stop_system_that_only_hears_is_not_listed() -> None:
    """Who hears outcomes shows nothing of the dossier; who was sent something is listed."""
    assert ["national_portal"] == [one.partner for one in dossier_view(dossier(), {}, now=NOON).partners]
    heard = dossier(partners=[lane("one_stop", "accepted")])
    assert ["one_stop"] == [one.partner for one in dossier_view(heard, {}, now=NOON).partners]


@pytest.mark.parametrize(
    ("more", "left", "told"),
    [
        ({"due_at": None}, None, (None, None, False)),
        ({"status": "returned"}, Left(is_over=True, working=None, days=9), (None, None, True)),
        ({}, Left(is_over=True, working=None, days=3), (3, None, False)),
        ({}, Left(is_over=False, working=None, days=None, unknown_year=2031), (None, 2031, False)),
        ({}, None, (None, None, False)),
    ],
)
def test_deadline_is_told_as_far_as_it_is_known(more: dict[str, Any], left: Left | None, told: tuple[Any, ...]) -> None:
    """Days where the calendar reaches, the year where it does not, and nothing more where the dossier has ended."""
    deadline = dossier_view(dossier(**more), {}, now=NOON, left=left).deadline

    assert told == (deadline.days, deadline.unknown_year, deadline.has_ended)


def test_actors_are_told_apart() -> None:
    """A person, a source with its slash, and what runs by itself."""
    assert [("person", "lan"), ("source", "one-stop/h99"), ("system", "w1")] == [
        who_of(actor) for actor in ("person:lan", "one-stop/h99", "w1")
    ]


def test_members_are_listed_by_their_place() -> None:
    """Lists count from one, nulls are left out, booleans are words."""
    assert [("a.b", "1"), ("c[1]", "x"), ("c[2].d", "true")] == [
        (member.place, member.text) for member in members_of({"a": {"b": 1}, "c": ["x", {"d": True}, None], "e": None})
    ]


def strings_in(view: Any) -> list[str]:
    """Every text of a view, as far down as it goes."""
    if isinstance(view, str):
        return [view]
    if is_dataclass(view) and not isinstance(view, type):
        return [text for field in fields(view) for text in strings_in(getattr(view, field.name))]
    if isinstance(view, tuple | list):
        return [text for each in view for text in strings_in(each)]
    return []


@settings(deadline=None, max_examples=60)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_hidden_character_reaches_a_template(reason: str, actor: str, value: str) -> None:
    """Reasons, names and values from outside have nothing hidden in them once they are in a view."""
    rows = dossier(timeline=[move(1, 0, "held", reason=reason, actor=f"person:{actor}")])
    views: list[Any] = [
        dossier_view(rows, {1: CONTENT | {"note": value, value: value}}, now=NOON, is_opened=True),
        journey_view(rows, {1: {"applicant": {"name": value}, "local_step": value}}, now=NOON, made_by=actor,
                     is_for_citizen=True),
        delivery_view(delivery(reason=reason, attempts=[attempt(reason, value)], moves=[])),
        refusal_page(refusal(value), [Told(language="vi", title="", detail="")]),
    ]  # fmt: skip

    own = {rows["timeline"][0]["actor"]}
    for text in (text for view in views for text in strings_in(view) if text not in own):
        hidden = [
            char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in "\n\t"
        ]
        assert [] == hidden, repr(text)


# -- a delivery --------------------------------------------------------------------------------------------------------


def delivery(**more: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "dossier": NUMBER,
        "partner": "national_portal",
        "kind": "dossier.recorded",
        "status": None,
        "source": "one-stop/h99",
        "event": "e1",
        "state": "held",
        "cause": "no_row",
        "reason": "",
        "due_at": None,
        "tries": 1,
        "accepted_at": at(0),
        "changed_at": at(1),
        "rule": "latest_wins",
        "mapping": None,
        "attempts": [],
        "moves": [],
    } | more


def attempt(reason: str, trouble: str | None = None, **more: Any) -> dict[str, Any]:
    call = {
        "id": 3,
        "operation": "DongBoHoSoMC",
        "method": "POST",
        "url": "http://127.0.0.1/x",
        "status": None if trouble else 200,
        "sent_at": at(0),
        "took_us": 1_500,
        "trouble": trouble,
        "key_id": None,
        "algorithm": None,
    } | more
    row = {"id": 2, "n": 1, "worker": "w1", "started_at": at(0), "outcome": "InDoubt", "code": None, "reason": reason}
    return row | {"exchanges": [call]}


@pytest.mark.parametrize(
    ("reason", "status", "answer"),
    [
        ("unsigned: no signature", 200, "missing"),
        ("wrong_signature", 200, "broken"),
        ("html: busy", 200, "not_recorded"),
        ("", 200, "not_recorded"),
        ("unsigned", None, "none"),
    ],
)
def test_signature_is_told_as_far_as_it_is_recorded(reason: str, status: int | None, answer: str) -> None:
    """What the ledger does not keep of the answer's signature is not told."""
    view = delivery_view(delivery(attempts=[attempt(reason, status=status)]))

    assert answer == view.attempts[0].calls[0].signed.answer


def test_attempt_names_its_outcome_and_the_row_that_decided() -> None:
    """As the glossary and the partner's reply table have them."""
    shown = delivery_view(delivery(attempts=[attempt("http_503_later: x"), attempt("the line broke")])).attempts

    assert [("in_doubt", ""), ("in_doubt", "http_503_later")] == [(each.outcome, each.row) for each in shown]
    assert ["delivered", "in_doubt", "unreachable"] == [
        outcome_name(name) for name in ("Delivered", "InDoubt", "Unreachable")
    ]
    assert ["", "refused", ""] == [reply_row(reason) for reason in ("", "refused", "No: nothing")]
    assert 1.5 == shown[0].calls[0].took_ms


# -- the journey -------------------------------------------------------------------------------------------------------


def sheet(is_for_citizen: bool, **more: Any) -> Any:
    contents = {1: {"applicant": {"name": "Nguyễn Thị Ví Dụ"}, "status": "accepted"}, 2: {"local_step": "THU_LY"}}
    return journey_view(dossier(**more), contents, now=NOON, made_by="Trần Văn Trực", is_for_citizen=is_for_citizen)


def test_citizens_sheet_has_steps_and_no_lines() -> None:
    """What the office said and what the portal shows, in order; the applicant in initials; nobody else's name."""
    rows = [
        event(1, 0),
        event(2, 3, "dossier.progressed"),
        event(3, 4, "delivery.settled"),
        event(4, 5, "dossier.filed"),
    ]
    view = sheet(True, events=rows)

    assert [("told", "accepted"), ("step", None), ("filed", None), ("shown", "accepted")] == [
        (step.key, step.status) for step in view.steps
    ]
    assert ("N.T.V.D.", "", (), "THU_LY") == (view.applicant, view.made_by, view.lines, view.steps[1].step)
    assert ["e1", "e2", "e4"] == [proof.event for proof in view.proofs]


OURS = "lienthong"


def paid_dossier() -> dict[str, Any]:
    """A fee that was asked for, opened, paid, shown in a record of our own, and paid back in part."""
    rows = [
        event(1, 0),
        event(2, 1, "payment.requested"),
        event(3, 2, "payment.opened", source=OURS),
        event(4, 3, "payment.settled", source=OURS),
        event(5, 3, "dossier.recorded", source=OURS),
        event(6, 9, "payment.refunded", source=OURS),
    ]
    moves = [
        move(1, 1, "waiting", kind="payment.requested", partner="payment_platform", event="e2", status=None),
        move(2, 3, "delivered", kind="payment.requested", partner="payment_platform", event="e2", status=None),
        move(3, 3, "delivered", kind="payment.settled", partner="one_stop", event="e4", status=None, source=OURS),
    ]
    lanes = [lane("national_portal", "accepted"), lane("payment_platform", None), lane("one_stop", None)]
    return dossier(events=rows, timeline=moves, partners=lanes)


AMOUNTS = {2: {"amount": 225_000}, 3: {}, 4: {"amount": 225_000}, 5: CONTENT, 6: {"amount": 75_000}}


def test_citizens_sheet_tells_what_became_of_a_payment() -> None:
    """The citizen reads what was asked for, paid and paid back, in đồng; not what the offices told each other."""
    view = journey_view(paid_dossier(), AMOUNTS, now=NOON, made_by="", is_for_citizen=True)

    assert [("told", None), ("asked_to_pay", 225_000), ("paid", 225_000), ("refunded", 75_000)] == [
        (step.key, step.amount) for step in view.steps
    ]
    assert ["national_portal"] == [one.partner for one in view.partners]


def test_page_tells_whose_word_a_payments_event_is() -> None:
    """What the bus says of a payment is told back to the source, or written here; a gateway shows no dossiers."""
    view = dossier_view(paid_dossier(), {}, now=NOON)
    office = journey_view(paid_dossier(), {}, now=NOON, made_by="", is_for_citizen=False)

    told = {line.event: (line.key, line.who) for line in view.lines if line.state is None}
    assert {"e1": ("event", "source"), "e2": ("event", "source"), "e3": ("outcome", "system")} == {
        name: told[name] for name in ("e1", "e2", "e3")
    }
    assert ("own", "system") == told["e5"]
    assert ["national_portal"] == [one.partner for one in view.partners]
    assert "payment.settled" not in {line.kind for line in office.lines if line.state is not None}


def test_offices_sheet_leaves_out_what_nobody_asks_about() -> None:
    """Neither that a worker took something up nor what was told back to sources is printed."""
    told = event(2, 3, "delivery.settled")
    view = sheet(False, events=[event(1, 0), told])

    assert ["event", "waiting", "delivered"] == [line.key for line in view.lines]
    assert ((), "Trần Văn Trực") == (view.steps, view.made_by)


@pytest.mark.parametrize(
    ("status", "holder"),
    [("returned", "nobody"), ("supplement_requested", "applicant"), ("processing", "unit"), (None, "unit")],
)
def test_sheet_says_who_has_the_dossier(status: str | None, holder: str) -> None:
    """The applicant where something is asked of them, nobody at the end, else the office."""
    assert holder == sheet(True, status=status).holder


def test_sheet_tells_since_when_a_status_is_shown() -> None:
    """With the time of the delivery that brought it, and whether something newer is on its way."""
    newer = move(4, 6, "waiting", delivery=2, status="processing")
    view = sheet(True, timeline=[*dossier()["timeline"], newer])

    assert [("national_portal", "accepted", at(2), True)] == [
        (one.partner, one.status, one.since, one.is_newer_coming) for one in view.partners
    ]


# -- refusals ----------------------------------------------------------------------------------------------------------


def refusal(text: str) -> dict[str, Any]:
    return {
        "reference": "LT-7F3K-2",
        "at": at(0),
        "route": text,
        "caller": text,
        "code": "enum",
        "status": 422,
        "rules": [{"field": text, "rule": "enum", "line": 3}],
        "digests": [{"part": text, "sent": text, "ours": "x", "length": 4, "marks": ""}],
        "why": text,
        "base": text,
    }


@pytest.mark.parametrize(
    "typed", ["LT-7F3K-2", "lt-7f3k-2", "LT7F3K2", "lt 7f3k 2", "LT–7F3K–2", " LT-7F3K-2\n", "7f3k2", "lt.7f3k.2"]
)
def test_reference_is_read_however_it_is_typed(typed: str) -> None:
    """In any case, with any dashes or none, with or without its first two letters."""
    assert "LT-7F3K-2" == reference_of(typed)


@pytest.mark.parametrize("typed", ["", "LT", "LT-7F3K", "LT-7F3K-22", "Đ7F3K2", "../../etc", "LT-7F3K-2'--"])
def test_what_is_no_reference_is_none(typed: str) -> None:
    """Nothing else is one."""
    assert reference_of(typed) is None


def test_refusal_tells_claims_as_claims() -> None:
    """Where a signature was refused, the caller is the one that the request claims to be of."""
    claimed = refusal_page(refusal("x") | {"status": 401}, [])
    known = refusal_page(refusal("x") | {"why": ""}, [])

    assert (True, False) == (claimed.line.is_claimed, known.line.is_claimed)
    assert (True, 3) == (claimed.digests[0].is_same, claimed.rules[0].line)
    assert datetime.fromisoformat(claimed.line.at) == NOON
