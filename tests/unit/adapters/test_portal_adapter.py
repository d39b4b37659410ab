"""What the adapter makes of each answer, with a channel that follows a script: records, sessions, settings."""

from __future__ import annotations

import pytest

from adapters.channels.http import Request
from adapters.channels.outer_auth import KeyHeader
from adapters.partners.national_portal.adapter import NationalPortal
from adapters.partners.national_portal.settings import SessionError
from bus.errors import NotOurs, Unmappable
from bus.messages import Delivered, InDoubt, Refused, Unreachable
from tests.builders import DOSSIER, make_delivery, make_event, make_standing, make_step
from tests.portal_kit import (
    CLOSED,
    ENDED,
    EXISTS,
    LOST,
    NO,
    NOT_THERE,
    THERE,
    YES,
    ScriptedChannel,
    facade_settings,
    h99_tables,
    make_settings,
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

# -- create or update, from durable facts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exists", "script", "services"),
    [
        (True, [YES], ["update"]),
        (False, [YES], ["create"]),
        (None, [NOT_THERE, YES], ["lookup", "create"]),
        (None, [THERE, YES], ["lookup", "update"]),
        (False, [EXISTS, YES], ["create", "update"]),
    ],
)
def test_create_or_update_follows_from_durable_facts(exists, script, services):
    """What we know decides; what nobody knows is asked; "already exists" turns into an update once."""
    adapter, channel = portal(*script)

    attempt = adapter.deliver([record(exists)])[0]

    assert services == channel.services
    assert isinstance(attempt.outcome, Delivered)
    assert attempt.facts["exists"] is True
    assert len(attempt.exchanges) == len(script)


def test_lookup_before_create_can_be_switched_off():
    """Where the setting says so, a dossier that nobody asked about is created without asking."""
    adapter, channel = portal(YES, lookup_before_create=False)

    adapter.deliver([record(None)])

    assert ["create"] == channel.services


@pytest.mark.parametrize(
    "answer", [LOST, CLOSED, NO, said(0, "no result member"), said(0, "", result="?"), replied(status=500, raw=b"x")]
)
def test_unclear_lookup_never_falls_through_to_a_create(answer):
    """When the look-up does not say, nothing is written and the delivery comes again later."""
    adapter, channel = portal(answer)

    attempt = adapter.deliver([record(None)])[0]

    assert ["lookup"] == channel.services
    assert isinstance(attempt.outcome, Unreachable)
    assert "exists" not in attempt.facts


@pytest.mark.parametrize(
    ("answer", "service"),
    [
        (said(0, "", result=["H99.09-260703-0123"]), "update"),
        (said(0, "", result={"MAHOSO": DOSSIER}), "update"),
        (said(-1, "Không tìm thấy hồ sơ"), "create"),
    ],
)
def test_lookup_is_read_in_every_form(answer, service):
    """Only emptiness is evidenced: any element means that the dossier is there; so do words that it is not."""
    adapter, channel = portal(answer, YES)

    adapter.deliver([record(None)])

    assert ["lookup", service] == channel.services


def test_lookup_of_another_dossier_proves_nothing():
    """An answer that names another number says nothing about this one."""
    adapter, channel = portal(said(0, "", result=[{"MAHOSO": "H99.01-260101-0001"}]))

    assert isinstance(adapter.deliver([record(None)])[0].outcome, Unreachable)
    assert ["lookup"] == channel.services


def test_update_that_follows_exists_keeps_the_fact_when_its_reply_is_lost():
    """The portal said that it has the dossier; that stays true whatever becomes of the update."""
    adapter, _ = portal(EXISTS, LOST)

    attempt = adapter.deliver([record(False)])[0]

    assert isinstance(attempt.outcome, InDoubt)
    assert attempt.facts["exists"] is True


def test_update_of_what_the_portal_has_not_is_refused_and_remembered():
    """The portal's own word that it has no such dossier replaces what we thought we knew."""
    adapter, _ = portal(said(-1, f"Hồ sơ {DOSSIER} không tồn tại"))

    attempt = adapter.deliver([record(True)])[0]

    assert isinstance(attempt.outcome, Refused)
    assert attempt.facts["exists"] is False


# -- outcomes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "is_down"),
    [
        (YES, Delivered, None),
        (said("00", "Đồng bộ hồ sơ thành công"), Delivered, None),
        (NO, Refused, None),
        (said(77, "?"), Refused, None),
        (LOST, InDoubt, True),
        (CLOSED, Unreachable, True),
        (replied(raw=b"<html>", kind="text/html"), InDoubt, True),
        (replied(raw=b'{"error_code": 0, "mess'), InDoubt, True),
        (replied(raw=b""), InDoubt, True),
        (replied(raw=b'{"error_code": 0}', kind="text/plain"), InDoubt, True),
        (said(None), InDoubt, True),
        (replied(status=500, raw=b"oops"), InDoubt, True),
        (replied(status=404, raw=b"no route"), Unreachable, True),
        (replied(status=401, raw=b""), Unreachable, True),
        (replied(status=429, raw=b"", head={"retry-after": "7"}), Unreachable, False),
        (replied(status=503, raw=b"", head={"retry-after": "7"}), Unreachable, True),
        (replied(status=503, raw=b""), InDoubt, True),
        (replied(status=302, raw=b"", head={"location": "/x"}), InDoubt, True),
    ],
)
def test_answer_decides_the_outcome(answer, outcome, is_down):
    """Only a whole, readable yes is a yes; only a definite "not taken" may be tried again without asking."""
    adapter, _ = portal(answer)

    found = adapter.deliver([record(True)])[0].outcome

    assert isinstance(found, outcome)
    assert is_down == getattr(found, "is_down", None)


def test_retry_after_is_handed_on():
    """A time that the portal names is honoured by whoever decides the next try."""
    adapter, _ = portal(replied(status=429, raw=b"", head={"retry-after": "7"}))

    assert 7 == adapter.deliver([record(True)])[0].outcome.retry_after.total_seconds()


def test_wrong_destination_is_named():
    """HTTP 404 of the adapter means that it forwarded nothing: the reason names the settings to look at."""
    adapter, _ = portal(replied(status=404, raw=b""))

    assert "dstcode" in adapter.deliver([record(True)])[0].outcome.reason


def test_yes_without_the_words_is_in_doubt_where_the_setting_asks_for_them():
    """With `code_and_text` a zero without "thành công" is not taken for a yes."""
    adapter, _ = portal(said(0, ""), write_success="code_and_text")

    found = adapter.deliver([record(True)])[0].outcome

    assert isinstance(found, InDoubt)
    assert found.is_down is False


def test_attempt_names_the_version_of_the_tables():
    """Each attempt says by which tables it was shaped."""
    adapter, _ = portal(YES)

    assert h99_tables().version == adapter.deliver([record(True)])[0].facts["mapping"]


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_ended_session_is_renewed_once_in_the_same_attempt():
    """A session error is a definite "not taken": log in again and send once more, with both exchanges kept."""
    adapter, channel = portal(ENDED, YES)

    attempt = adapter.deliver([record(True)])[0]

    assert isinstance(attempt.outcome, Delivered)
    assert (2, 2) == (channel.logins, len(attempt.exchanges))
    assert ["session-1", "session-2"] == [channel.body(n)["session"] for n in (0, 1)]


def test_session_is_renewed_at_most_once():
    """A portal that refuses every session is down for us, not a reason to log in for ever."""
    adapter, channel = portal(ENDED, ENDED)

    found = adapter.deliver([record(True)])[0].outcome

    assert isinstance(found, Unreachable)
    assert (2, 2) == (channel.logins, len(channel.sent))


@pytest.mark.parametrize("delivery", [record(True), step()])
def test_write_is_never_sent_again_after_a_lost_reply(delivery):
    """After a read time-out nothing goes out a second time in the same attempt."""
    adapter, channel = portal(LOST, YES)

    assert isinstance(adapter.deliver([delivery])[0].outcome, InDoubt)
    assert 1 == len(channel.sent)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_papers_are_renewed_for_the_next_try(status):
    """Nobody says whether the exchange or the portal refused; the next try logs in again."""
    adapter, channel = portal(replied(status=status, raw=b""), YES)

    assert isinstance(adapter.deliver([record(True)])[0].outcome, Unreachable)
    assert isinstance(adapter.deliver([record(True)])[0].outcome, Delivered)
    assert 2 == channel.logins


def test_session_error_of_the_settings_is_known():
    """An installation can name its portal's own words for an ended session."""
    adapter, _ = portal(said(902, "Mã truy cập?"), YES, session_errors=(SessionError(code="902"),))

    assert isinstance(adapter.deliver([record(True)])[0].outcome, Delivered)


def test_refused_login_is_unreachable_with_its_reason():
    """A wrong password parks nothing: the circuit opens, and the reason says what is wrong."""
    channel = ScriptedChannel(login=said(1, "Sai tên đăng nhập hoặc mật khẩu"))
    adapter = NationalPortal(make_settings(), channel, h99_tables())

    attempt = adapter.deliver([record(True)])[0]

    assert isinstance(attempt.outcome, Unreachable)
    assert attempt.outcome.is_down
    assert attempt.outcome.reason.startswith("login_refused")
    assert channel.sent == []
    assert adapter.login_check().reason == attempt.outcome.reason


def test_refused_login_is_not_tried_again_at_once():
    """Probes with a wrong password would lock the account: for half a minute nobody is called, then one try."""
    now = [0.0]
    channel = ScriptedChannel(YES, login=said(1, "Sai mật khẩu"))
    adapter = NationalPortal(make_settings(), channel, h99_tables(), tick=lambda: now[0])

    attempts = [adapter.deliver([record(True)])[0] for _ in range(3)]
    now[0] = 31.0
    channel._login = None
    last = adapter.deliver([record(True)])[0]

    assert [1, 0, 0] == [len(attempt.exchanges) for attempt in attempts]
    assert all(attempt.outcome.reason.startswith("login_refused") for attempt in attempts)
    assert (2, Delivered) == (channel.logins, type(last.outcome))


@pytest.mark.parametrize(("answer", "is_well"), [(NOT_THERE, True), (NO, True), (CLOSED, False), (LOST, False)])
def test_login_check_of_a_facade_asks(answer, is_well):
    """A façade has no login of its own, so the check asks about a dossier that nobody has."""
    adapter, _ = portal(answer, settings=facade_settings())

    assert is_well == adapter.login_check().is_well


def test_login_check_says_well():
    """`check --online` logs in and nothing else."""
    adapter, channel = portal()

    assert adapter.login_check().is_well
    assert channel.sent == []


@pytest.mark.parametrize("login", [LOST, CLOSED, replied(status=500, raw=b"x"), said(0, "Thành công")])
def test_login_without_a_session_is_never_silent(login):
    """Whatever a login lacks, the attempt says so and nothing is sent."""
    channel = ScriptedChannel(login=login)
    adapter = NationalPortal(make_settings(), channel, h99_tables())

    attempt = adapter.deliver([record(True)])[0]

    assert isinstance(attempt.outcome, Unreachable)
    assert "login" in attempt.outcome.reason
    assert len(attempt.exchanges) == 1


def test_password_and_session_stay_out_of_the_login_exchange():
    """Neither the password nor a session that a login gave is kept."""
    login = replied(raw=b'{"error_code": 5, "session": "s-1"}')
    adapter = NationalPortal(make_settings(), ScriptedChannel(login=login), h99_tables())

    exchange = adapter.deliver([record(True)])[0].exchanges[0]

    assert b"s-1" not in (exchange.reply_body or b"")


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_check_shapes_and_sends_nothing():
    """The bus asks beforehand which of a batch would spoil it."""
    adapter, channel = portal()

    with pytest.raises(Unmappable):
        adapter.check(make_delivery(make_event(procedure="1.990099")))
    with pytest.raises(NotOurs):
        adapter.check(make_delivery(make_event(procedure="1.014389")))
    adapter.check(record(True))
    assert channel.sent == []


@pytest.mark.parametrize(("teller", "is_known"), [("one-stop/h99", True), ("one-stop/other", False), (None, False)])
def test_ledgers_own_record_speaks_in_its_sources_codes(teller, is_known):
    """A record that the ledger tells of a payment has the local step of the dossier's source, and is read as that."""
    event = make_event(source="lienthong", local_step="THU_LY")
    delivery = make_delivery(event, standing=make_standing(source=teller))

    adapter, _ = portal()
    if is_known:
        adapter.check(delivery)
    else:
        with pytest.raises(Unmappable, match="local_steps"):
            adapter.check(delivery)


def test_shadow_looks_and_sends_nothing():
    """In shadow mode the attempt says what would be sent, beside what the portal shows."""
    adapter, channel = portal(said(0, "", result=[{"MAHOSO": DOSSIER, "TRANGTHAI": "4"}]))

    attempt = adapter.deliver([record(None, is_shadow=True)])[0]

    assert ["lookup"] == channel.services
    wanted = {"would": "update", "exists": True, "status": "2", "shown_status": "4", "differs": True}
    assert wanted == attempt.facts["shadow"]
    assert attempt.outcome == Unreachable(reason="shadow", is_down=False)


def test_shadow_without_a_lookup_sends_nothing_at_all():
    """A façade that cannot be asked is not called in shadow mode."""
    adapter, channel = portal(settings=facade_settings(facade_lookup_url=""))

    attempt = adapter.deliver([make_delivery(make_step(), is_shadow=True)])[0]

    assert channel.sent == []
    assert "step" == attempt.facts["shadow"]["would"]


def test_new_tables_come_into_use_without_a_restart():
    """A released mapping works for the next attempt."""
    adapter, _ = portal(YES)
    delivery = make_delivery(make_event(procedure="1.990099"))
    with pytest.raises(Unmappable):
        adapter.check(delivery)

    adapter.use_tables(tables_with("procedures", "1.990099,1.990099,Thủ tục mới,G99-LV01,Mới,,,province,invented"))

    assert isinstance(adapter.deliver([delivery])[0].outcome, Delivered)


@pytest.mark.parametrize("override", [{"html": "yes"}, {"nothing": "refused"}, {"html": "perhaps"}])
def test_no_setting_can_turn_an_answer_into_a_yes(override):
    """Overrides may make the table stricter or more exact; none makes a yes of what is not one."""
    with pytest.raises(ValueError, match="reply_overrides"):
        portal(reply_overrides=override)


def test_facade_needs_an_address_for_updates():
    """Without one, an update would go to the address for adding, and be a create."""
    with pytest.raises(ValueError, match="facade_update_url"):
        portal(settings=facade_settings(facade_update_url=""))


def test_override_changes_a_row():
    """A province that learned that a 400 is never forwarded can say so."""
    adapter, _ = portal(replied(status=400, raw=b"bad"), reply_overrides={"http_other": "refused"})

    assert isinstance(adapter.deliver([record(True)])[0].outcome, Refused)


def test_trace_context_and_key_travel_in_headers():
    """The event's trace goes on to the partner; the exchange's key is sent and marked as secret."""
    adapter, channel = portal(YES, outer_auth=KeyHeader(name="X-Lgsp-Key", value="k"))
    traced = make_event(envelope={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})

    adapter.deliver([make_delivery(traced)])

    request: Request = channel.sent[0]
    assert traced.traceparent == request.headers["traceparent"]
    assert "k" == request.headers["X-Lgsp-Key"]
    assert "x-lgsp-key" in request.secret_headers
