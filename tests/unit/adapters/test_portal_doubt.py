"""Unclear answers and arrays: what is asked, what is held, what goes again, and for which record a yes counts."""

from __future__ import annotations

import pytest

from bus.errors import Unmappable
from bus.messages import Delivered, Delivery, InDoubt, Refused, Unreachable
from tests.builders import DOSSIER, make_delivery, make_event, make_standing, make_step
from tests.portal_kit import (
    LOST,
    NO,
    NOT_THERE,
    THERE,
    YES,
    facade_settings,
    replied,
    said,
    tables_with,
)
from tests.portal_kit import (
    record_delivery as record,
)
from tests.portal_kit import (
    scripted_portal as portal,
)
from tests.portal_kit import (
    step_delivery as step,
)
from tests.portal_kit import (
    with_policy as policy,
)

# -- steps ------------------------------------------------------------------------------------------------------------


def test_step_is_sent_once():
    """A step goes out as one entry of its own."""
    adapter, channel = portal(YES)

    attempt = adapter.deliver([step()])[0]

    assert isinstance(attempt.outcome, Delivered)
    assert "exists" not in attempt.facts
    assert "isUpdating" not in channel.body()


@pytest.mark.parametrize(("name", "then"), [("hold", "hold"), ("go_on", "go_on"), ("send_again", "ask")])
def test_unclear_step_follows_the_table(name, then):
    """What follows a lost reply to a step is a row of the table, by status."""
    adapter, _ = portal(LOST, tables=policy(name))

    assert then == adapter.deliver([step()])[0].outcome.then


def test_unclear_step_whose_status_has_no_row_any_more_is_held():
    """A step that went out under an older table, and cannot be read by the newest, is held."""
    adapter, _ = portal()

    assert "hold" == adapter.ask(step(local_step="BUOC_CU")).outcome.then


def test_unclear_step_without_a_row_is_held():
    """A status that the table does not name is held for a person."""
    adapter, _ = portal(LOST, tables=tables_with("unclear_steps", instead=True))

    assert "hold" == adapter.deliver([step()])[0].outcome.then


# -- ask --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "facts"),
    [(THERE, Unreachable, {"exists": True}), (NOT_THERE, Unreachable, {"exists": False}), (LOST, InDoubt, {})],
)
def test_record_in_doubt_is_asked_about(answer, outcome, facts):
    """A create in doubt: there, it goes again as an update; not there, it is created; no answer, ask again."""
    adapter, channel = portal(answer)

    attempt = adapter.ask(record(None, is_unanswered=True))

    assert ["lookup"] == channel.services
    assert isinstance(attempt.outcome, outcome)
    assert facts == attempt.facts


def test_unanswered_question_is_asked_again():
    """An unclear look-up leaves the delivery in doubt, to be asked about later."""
    adapter, _ = portal(NO)

    found = adapter.ask(record(None)).outcome

    assert (InDoubt, "ask", False) == (type(found), found.then, found.is_down)


def test_update_in_doubt_goes_again_without_asking():
    """A whole-record replace is idempotent: the look-up could not tell old from new anyway."""
    adapter, channel = portal()

    found = adapter.ask(record(True)).outcome

    assert (Unreachable, False, 0) == (type(found), found.is_down, found.retry_after.total_seconds())
    assert channel.sent == []


@pytest.mark.parametrize(("name", "then"), [("hold", "hold"), ("go_on", "go_on")])
def test_step_in_doubt_is_not_asked_about(name, then):
    """The look-up proves existence only, so a step in doubt is a person's, or the table's, decision."""
    adapter, channel = portal(tables=policy(name))

    assert then == adapter.ask(step()).outcome.then
    assert channel.sent == []


def test_step_in_doubt_goes_again_where_the_table_says_so():
    """`send_again`: the province accepted that the step may stand twice."""
    adapter, _ = portal(tables=policy("send_again"))

    found = adapter.ask(step()).outcome

    assert (Unreachable, False) == (type(found), found.is_down)


def entries(*steps: dict) -> object:
    return said(0, "", result=[{"MAHOSO": DOSSIER, "TIENDO": list(steps)}])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("there", Delivered),
        ("others", Unreachable),
        ("alike", InDoubt),
        ("too little", InDoubt),
        (NOT_THERE, Unreachable),
        (said(-1, "Không tìm thấy hồ sơ"), InDoubt),
        (THERE, InDoubt),
        (LOST, InDoubt),
    ],
)
def test_step_is_asked_about_where_the_lookup_lists_steps(answer, outcome):
    """With `lookup_proves = "entries"` the portal's own list decides; one without a list decides nothing."""
    delivery = step()
    shown = {"ThoiDiemXuLy": "20260703120000", "TrangThai": "4", "NoiDungXuLy": "Thẩm định hồ sơ"}
    other = shown | {"NoiDungXuLy": "?"}
    lists = {
        "there": entries(other, shown),
        "others": entries(other),
        "alike": entries({"THOIDIEMXULY": "20260703120000", "TRANGTHAI": 4}),
        "too little": entries({"TRANGTHAI": "4"}),
    }
    reply = lists[answer] if isinstance(answer, str) else answer
    adapter, _ = portal(LOST, reply, lookup_proves="entries")

    assert "ask" == adapter.deliver([delivery])[0].outcome.then
    assert isinstance(adapter.ask(delivery).outcome, outcome)


def test_facade_without_a_lookup_leaves_a_create_to_a_person():
    """Where nobody can be asked, a create in doubt is held; it is never sent blind."""
    adapter, channel = portal(YES, settings=facade_settings(facade_lookup_url=""))

    assert "hold" == adapter.ask(record(None)).outcome.then
    adapter.deliver([record(None)])
    assert 1 == len(channel.sent)


# -- batches ----------------------------------------------------------------------------------------------------------


def many(*exists: bool | None) -> list[Delivery]:
    return [
        make_delivery(make_event(dossier=f"H99.09-260703-{n:04d}"), id=n, standing=make_standing(exists=one))
        for n, one in enumerate(exists, start=1)
    ]


ATOMIC = {"batch": {"create": 10, "update": 4, "step": 10}, "batch_answer": {"create": "atomic", "update": "atomic"}}
NAMED = ATOMIC | {"batch_answer": {"create": "named", "update": "named", "step": "named"}}


def named(*rows: tuple[int, object, str], code: object = 0) -> object:
    result = [{"MaHoSo": f"H99.09-260703-{n:04d}", "error_code": c, "message": text} for n, c, text in rows]
    return said(code, "Thành công", result=result)


def test_batch_is_one_by_one_unless_a_yes_counts_for_each():
    """The contract table calls no array atomic, so by default each record travels alone."""
    adapter, channel = portal(YES, YES, batch={"update": 10})

    attempts = adapter.deliver(many(True, True))

    assert (1, 2, 2) == (adapter.batch_size("dossier.recorded"), len(attempts), len(channel.sent))


def test_batch_is_grouped_by_operation_and_size():
    """Creates and updates travel apart, in calls no longer than the settings say, and come back in order."""
    adapter, channel = portal(YES, YES, YES, **ATOMIC)

    attempts = adapter.deliver(many(True, False, True, True, False, True, True))

    assert ["update", "update", "create"] == channel.services
    assert [4, 1, 2] == [len(channel.body(n)["data"]) for n in range(3)]
    assert 7 == len(attempts)
    assert attempts[0].exchanges == attempts[2].exchanges
    assert all(isinstance(attempt.outcome, Delivered) for attempt in attempts)


def test_refused_array_is_split_to_the_bad_record():
    """Halving an array that was refused whole finds the one bad record; the others are delivered."""
    adapter, _ = portal(NO, YES, NO, NO, YES, **ATOMIC)

    outcomes = [type(attempt.outcome) for attempt in adapter.deliver(many(True, True, True, True))]

    assert [Delivered, Delivered, Refused, Delivered] == outcomes


def test_unclear_array_leaves_each_record_in_doubt():
    """Nobody knows which of them were taken."""
    adapter, _ = portal(LOST, **ATOMIC)

    assert [InDoubt, InDoubt] == [type(attempt.outcome) for attempt in adapter.deliver(many(True, True))]


def test_named_answers_count_for_the_records_they_name():
    """Where the reply names records, each has its own outcome, and silence about one is doubt."""
    adapter, _ = portal(named((1, 0, ""), (2, -1, "TrichYeuHoSo")), **NAMED)

    outcomes = [type(attempt.outcome) for attempt in adapter.deliver(many(True, True, True))]

    assert [Delivered, Refused, InDoubt] == outcomes


def test_named_exists_is_sent_once_as_an_update():
    """ "Already exists" of one record of an array is handled like that of a single one."""
    adapter, channel = portal(named((1, 0, ""), (2, "-3", "đã tồn tại")), YES, **NAMED)

    outcomes = [type(attempt.outcome) for attempt in adapter.deliver(many(False, False))]

    assert [Delivered, Delivered] == outcomes
    assert ["create", "update"] == channel.services


def test_named_array_that_never_arrived_goes_again():
    """A definite "not taken" of the whole call is one for each record."""
    adapter, _ = portal(replied(status=429, raw=b""), **NAMED)

    assert [Unreachable, Unreachable] == [type(attempt.outcome) for attempt in adapter.deliver(many(True, True))]


def test_refused_array_of_steps_is_split_only_where_it_is_atomic():
    """Steps may go again only when the refusal is known to have stored none of them."""
    steps = [make_delivery(make_step(dossier=f"H99.09-260703-{n:04d}"), id=n) for n in (1, 2)]
    atomic, _ = portal(NO, YES, NO, batch={"step": 10}, batch_answer={"step": "atomic"})
    other, _ = portal(NO, batch={"step": 10}, batch_answer={"step": "named"})

    assert [Delivered, Refused] == [type(attempt.outcome) for attempt in atomic.deliver(steps)]
    assert ["hold", "hold"] == [attempt.outcome.then for attempt in other.deliver(steps)]


def test_named_yes_under_a_refused_call_is_no_yes():
    """When the whole call was refused, a yes beside one record's name is not believed; its no is."""
    steps = [make_delivery(make_step(dossier=f"H99.09-260703-{n:04d}"), id=n) for n in (1, 2)]
    adapter, _ = portal(named((1, 0, ""), (2, -1, "?"), code=-1), batch={"step": 10}, batch_answer={"step": "named"})

    assert [InDoubt, Refused] == [type(attempt.outcome) for attempt in adapter.deliver(steps)]


def test_batch_with_unmappable_sends_nothing():
    """Shaping comes before any sending: nothing leaves when one of the batch cannot be shaped."""
    bad = make_delivery(make_event(procedure="1.990099", dossier="H99.09-260703-0099"), id=9)
    adapter, channel = portal(**ATOMIC)

    with pytest.raises(Unmappable):
        adapter.deliver([*many(True), bad])
    assert channel.sent == []


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("dossier.recorded:True", 4),
        ("dossier.recorded:False", 10),
        ("dossier.recorded:None", 1),
        ("dossier.recorded", 10),
        ("dossier.progressed:True", 1),
    ],
)
def test_batch_size_follows_from_what_will_be_called(kind, size):
    """Each operation has its own size, and what must be looked up first travels alone."""
    adapter, _ = portal(**ATOMIC)

    assert size == adapter.batch_size(kind)


def test_unknown_dossiers_travel_together_where_nobody_looks_them_up():
    """Without a look-up before it, the unknown is created, and creates may share a call where the settings say so."""
    adapter, channel = portal(YES, lookup_before_create=False, **ATOMIC)

    outcomes = [type(attempt.outcome) for attempt in adapter.deliver(many(None, False, None))]

    assert 10 == adapter.batch_size("dossier.recorded:None")
    assert (["create"], 3) == (channel.services, len(channel.body(0)["data"]))
    assert [Delivered] * 3 == outcomes
    assert 1 == portal(lookup_before_create=False)[0].batch_size("dossier.recorded:None")
