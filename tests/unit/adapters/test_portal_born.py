"""Dossiers born on the portal: their statuses go up one by one, blind, and nothing ever creates them again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.partners.national_portal import born
from adapters.partners.national_portal.calls import Calls
from adapters.partners.national_portal.codes import OPERATIONS, Operation
from bus.errors import NothingNew, NotOurs, Unmappable
from bus.messages import Delivered, Delivery, InDoubt, Refused, Unreachable
from bus.signatures import ResultDocument
from config.mappings import STATUSES, holes
from tests.builders import NOON, make_delivery, make_event, make_standing, make_step
from tests.portal_kit import (
    LOST,
    NO,
    THERE,
    YES,
    facade_settings,
    h99_tables,
    make_settings,
    scripted_portal,
    tables_with,
    with_policy,
)

NATIONAL = "G99.99-240401-000777"
BORN = make_standing(origin="portal", national_number=NATIONAL, own_number="H99.09-260703-0123", shown_status=None)
RESULT = {"name": "Giấy phép.pdf", "url": "https://files.h99.example.invalid/r/1", "id": "kq-1", "code": "KQ.1"}


def a_record(standing: Any = BORN, *, unanswered: bool = False, shadow: bool = False, **data: Any) -> Delivery:
    event = make_event(**({"origin": "portal", "national_number": NATIONAL} | data))
    return make_delivery(event, standing=standing, is_unanswered=unanswered, is_shadow=shadow)


def a_step(standing: Any = BORN, *, unanswered: bool = False, **data: Any) -> Delivery:
    return make_delivery(make_step(**data), standing=standing, is_unanswered=unanswered)


def told(delivery: Delivery, tables: Any = None, **settings: Any) -> dict[str, Any]:
    return born.status_of(delivery.event, delivery.standing, tables or h99_tables(), make_settings(**settings))


def test_whole_call():
    """One status is one call: type "2", one object, the two numbers, the reduced code, and never a create."""
    portal, channel = scripted_portal(YES)
    (attempt,) = portal.deliver([a_step(content="Đã tiếp nhận thông báo", status="accepted")])

    assert isinstance(attempt.outcome, Delivered)
    assert {
        "session": "session-1",
        "madonvi": "000.00.00.H99",
        "service": "DongBoTrangThaiHoSo",
        "type": "2",
        "data": {
            "MaHoSo": NATIONAL,
            "MaHoSoDonVi": "H99.09-260703-0123",
            "MaDoiTuong": "",
            "NoiDung": "Đã tiếp nhận thông báo",
            "NgayXuLy": NOON.strftime("%Y%m%d%H%M%S"),
            "TrangThai": "2",
            "TaiLieuXuLy": [],
        },
    } == channel.body()
    assert ["DongBoTrangThaiHoSo"] == [request.operation for request in channel.sent]


def test_record_tells_its_status_in_words_and_its_results():
    """A record says its status by the table's words, who applies by TechID, and what the procedure ended in."""
    applicant = make_event().data["applicant"] | {"tech_id": "techid-0000-vidu-0099"}
    body = told(a_record(status="returned", results=[RESULT], applicant=applicant))

    assert ("Đã trả kết quả", "2", "techid-0000-vidu-0099") == (body["NoiDung"], body["TrangThai"], body["MaDoiTuong"])
    assert [
        {
            "TepDinhKemId": "kq-1",
            "TenTepDinhKem": "Giấy phép.pdf",
            "IsDeleted": "False",
            "MaThanhPhanHoSo": "",
            "DuongDanTaiTepTin": "https://files.h99.example.invalid/r/1",
        }
    ] == body["TaiLieuXuLy"]


@pytest.mark.parametrize(
    ("status", "code"),
    list(zip(STATUSES, ["1", "2", "5", "2", "5", "2", "5", "5", "2", "2"], strict=True)),
)
def test_reduced_codes(status, code):
    """The shipped table folds as the older client does: 4, 6, 9, 10 into 2, and 3, 7, 8 into 5."""
    assert code == told(a_step(status=status))["TrangThai"]


def test_own_number_beside_the_national_one():
    """A source that speaks under the number that its one-stop system gave is told of under both."""
    assert (NATIONAL, "H99.09-260703-0123") == tuple(told(a_step(BORN))[name] for name in ("MaHoSo", "MaHoSoDonVi"))


def test_portals_number_as_the_own_one():
    """Until its own number is known, or where that is the portal's, a filed dossier is spoken of under the portal's."""
    for own in (None, NATIONAL):
        body = told(a_step(replace(BORN, own_number=own), dossier=NATIONAL))
        assert (NATIONAL, NATIONAL) == (body["MaHoSo"], body["MaHoSoDonVi"])


def test_p03_one_dossier_is_one_line():
    """Under the portal's number, once its own one is known: held, and the reason says which number to use."""
    with pytest.raises(Unmappable) as held:
        told(a_step(dossier=NATIONAL))

    assert ("subject", "contradicted") == (held.value.field, held.value.rule)
    assert "subject: contradicted (use H99.09-260703-0123)" == str(held.value)


@pytest.mark.parametrize("make", [a_record, a_step])
def test_number_that_another_dossier_has(make):
    """A dossier that claims the number of another's is held with its steps: they would reach another citizen."""
    with pytest.raises(Unmappable) as held:
        told(make(replace(BORN, own_number="H99.05-240401-0003")))

    assert ("national_number", "contradicted") == (held.value.field, held.value.rule)


def test_p07_table_of_born_dossiers_is_total():
    """A status without a row is held with the row named, and `check` says beforehand that the row is missing."""
    tables = tables_with("portal_born_statuses", "accepted,2,Được tiếp nhận,a,,,province", instead=True)
    with pytest.raises(Unmappable, match="portal_born_statuses") as held:
        told(a_step(status="processing"), tables)

    assert "no_row" == held.value.rule
    assert "portal_born_statuses.csv has no row for processing" in list(holes(tables, []))
    assert [] == list(holes(h99_tables(), []))


def test_p07_number_that_nobody_told():
    """A record that says it was born on the portal, under no known number, is held with the field named."""
    nameless = make_standing(origin="portal", shown_status=None)
    with pytest.raises(Unmappable) as held:
        told(a_record(nameless, national_number=None))

    assert ("national_number", "no_number") == (held.value.field, held.value.rule)


def test_two_numbers():
    """An event that names another national number than the dossier has is held: one of them is somebody else's."""
    with pytest.raises(Unmappable) as held:
        told(a_record(national_number="G99.99-240401-000778"))

    assert ("national_number", "contradicted") == (held.value.field, held.value.rule)


@pytest.mark.parametrize(
    ("standing", "data", "how", "expected"),
    [
        ({"origin": "one_stop"}, {"origin": "one_stop"}, "hold", False),
        ({"origin": "one_stop"}, {"origin": "portal", "national_number": NATIONAL}, "hold", True),
        ({"origin": "portal", "national_number": NATIONAL}, {"origin": "one_stop"}, "hold", False),
        ({"origin": "portal", "own_number": "x", "national_number": NATIONAL}, {"origin": "one_stop"}, "hold", True),
        ({"origin": "one_stop", "is_filed": True}, {"origin": "one_stop"}, "hold", True),
        ({"origin": None}, {"origin": "portal", "national_number": None}, "hold", True),
        ({"origin": None}, {"origin": "portal", "national_number": None}, "sync", False),
        ({"origin": None}, {"origin": "portal", "national_number": NATIONAL}, "sync", True),
    ],
)
def test_what_is_born_on_the_portal(standing, data, how, expected):
    """By its newest record, or for good by the portal's own hand-over; without a number as the settings say."""
    delivery = make_delivery(make_event(**data), standing=make_standing(**standing))

    assert expected is born.is_born(delivery, make_settings(portal_born_unnumbered=how))


def test_step_follows_its_dossier():
    """A step has no origin of its own: what is known of its dossier decides."""
    assert born.is_born(a_step(make_standing(origin="portal", national_number=NATIONAL)), make_settings())
    assert not born.is_born(a_step(make_standing()), make_settings())


def test_record_that_tells_nothing_new():
    """A record whose status the portal acknowledged last is there already: nothing is sent, no row is doubled."""
    portal, channel = scripted_portal()
    for work in (portal.check, lambda delivery: portal.deliver([delivery])):
        with pytest.raises(NothingNew):
            work(a_record(replace(BORN, shown_status="accepted")))

    assert [] == channel.sent


def test_local_step_is_the_same_status():
    """What was acknowledged as a source's own step counts as the status that the table makes of it."""
    tables = tables_with("local_steps", "one-stop/h99,,TN-01,accepted,,,province")
    event = a_record().event

    assert born.tells_nothing_new(event, replace(BORN, shown_status="TN-01"), tables)
    assert not born.tells_nothing_new(event, replace(BORN, shown_status="TN-99"), tables)


@pytest.mark.parametrize(
    ("shown", "data"),
    [("processing", {}), (None, {}), ("accepted", {"results": [RESULT]})],
    ids=["another status", "nothing was shown", "a result"],
)
def test_record_that_tells_something(shown, data):
    """Another status, a first one, or a result document goes up."""
    portal, channel = scripted_portal(YES)
    (attempt,) = portal.deliver([a_record(replace(BORN, shown_status=shown), **data)])

    assert isinstance(attempt.outcome, Delivered)
    assert 1 == len(channel.sent)


def test_signed_results_go_up_with_records():
    """What was signed through us is a paper of every later record, and a reason to tell one; a step has none."""
    signed = ResultDocument(id="kq-1", name="Giấy phép.pdf", url="https://lienthong.h99.example.invalid/documents/7")
    shown = replace(BORN, shown_status="accepted", results=(signed,))
    record = a_record(shown, status="accepted", results=[RESULT])

    assert not born.tells_nothing_new(a_record(shown, status="accepted").event, shown, h99_tables())
    assert [("kq-1", signed.url)] == [
        (paper["TepDinhKemId"], paper["DuongDanTaiTepTin"]) for paper in told(record)["TaiLieuXuLy"]
    ]
    assert [] == told(a_step(shown))["TaiLieuXuLy"]


def test_step_is_always_told():
    """A step is a row of its own, whatever was told before it."""
    assert not born.tells_nothing_new(a_step().event, replace(BORN, shown_status="processing"), h99_tables())


@pytest.mark.parametrize("make", [a_record, a_step])
@pytest.mark.parametrize("lookup_proves", ["existence", "entries"])
def test_p02_lost_answer_is_never_sent_again(make, lookup_proves):
    """A status whose answer was lost waits for a person; asked about, it is neither sent nor looked up."""
    portal, channel = scripted_portal(LOST, lookup_proves=lookup_proves)
    (first,) = portal.deliver([make()])
    again = portal.ask(make(unanswered=True))

    assert isinstance(first.outcome, InDoubt)
    assert "hold" == first.outcome.then
    assert InDoubt(reason="blind: policy hold", then="hold", is_down=False) == again.outcome
    assert first.facts["exists"] is again.facts["exists"] is True  # so that its steps wait for nothing else
    assert 1 == len(channel.sent)


@pytest.mark.parametrize(("policy", "then"), [("go_on", "go_on"), ("send_again", "ask")])
def test_policy_of_the_province(policy, then):
    """A province that decided otherwise for a status gets its way, as with steps."""
    portal, _ = scripted_portal(LOST, tables=with_policy(policy))
    (first,) = portal.deliver([a_record(status="processing")])
    asked = portal.ask(a_record(status="processing", unanswered=True)).outcome

    assert isinstance(first.outcome, InDoubt)
    assert then == first.outcome.then
    assert isinstance(asked, Unreachable if policy == "send_again" else InDoubt)


def test_asking_never_leads_to_a_create():
    """Even where the portal says that it has no such dossier, what follows an unclear status is no create."""
    portal, channel = scripted_portal(YES)
    standing = replace(BORN, exists=False)
    portal.ask(a_record(standing, unanswered=True))
    portal.deliver([a_record(standing)])

    assert ["DongBoTrangThaiHoSo"] == [request.operation for request in channel.sent]


def test_no_is_a_no():
    """The portal's refusal is final, as for any write; what it teaches about books is nothing."""
    portal, _ = scripted_portal(NO)
    (attempt,) = portal.deliver([a_step()])

    assert isinstance(attempt.outcome, Refused)
    assert "exists" not in attempt.facts


def test_many_go_one_by_one():
    """A call takes one status: whatever the settings say of arrays, each goes alone and in its order."""
    portal, channel = scripted_portal(YES, YES, YES, batch={"step": 10}, batch_answer={"step": "atomic"})
    portal.deliver([a_step(content="một"), a_step(content="hai"), a_step(content="ba")])

    assert ["một", "hai", "ba"] == [channel.body(n)["data"]["NoiDung"] for n in range(3)]


def test_shadow_says_what_would_go():
    """In shadow mode the portal is asked about its own number, and nothing is told."""
    portal, channel = scripted_portal(THERE)
    (attempt,) = portal.deliver([a_record(shadow=True)])

    assert "status" == attempt.facts["shadow"]["would"]
    assert NATIONAL == channel.body()["mahoso"]
    assert ["lookup"] == channel.services


def test_facade_has_an_address_of_its_own():
    """Through a façade the one object goes to its own address; without one it is held with the setting named."""
    url = "http://127.0.0.1:9/f/DongBoTrangThaiHoSoKM"
    request = Calls(facade_settings(facade_status_url=url)).write(Operation.STATUS, [{"MaHoSo": NATIONAL}], "")
    portal, _ = scripted_portal(settings=facade_settings())
    with pytest.raises(Unmappable, match="facade_status_url"):
        portal.check(a_step())

    assert (url, b'{"MaHoSo":"' + NATIONAL.encode() + b'"}') == (request.url, request.body)


def test_owner_decides():
    """A procedure that another system owns is not ours here either."""
    tables = tables_with("owners", "1.013225,G99,hệ thống của Bộ,,,province")
    for delivery in (a_step(), a_record()):
        with pytest.raises(NotOurs):
            told(delivery, tables)


def test_blank_and_long():
    """An empty content, and a name of a paper beyond the limit, are held and never cut."""
    with pytest.raises(Unmappable, match="NoiDung: missing"):
        told(a_step(content=" "))
    for unit in ("characters", "bytes"):
        with pytest.raises(Unmappable, match=r"TaiLieuXuLy\[0\]\.TenTepDinhKem: too_long"):
            told(a_record(results=[RESULT | {"name": "ờ" * 4001}]), limit_unit=unit)


def test_contract_table_says_blind():
    """The table of operations says what the adapter does."""
    row = OPERATIONS[Operation.STATUS]

    assert ("DongBoTrangThaiHoSo", "blind", "none") == (row.service, row.kind, row.batch)
