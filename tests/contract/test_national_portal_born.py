"""The mock of the portal, strict about dossiers that were filed there; and our adapter against it on a real port."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from bus.errors import NothingNew
from bus.messages import InDoubt, Refused, Standing
from contracts.mock_faults import FaultOrder
from contracts.mocking import Request
from tests.builders import make_event, make_standing, make_step
from tests.contract.conformance import Carrier
from tests.contract.national_portal_calls import NATIONAL, Caller, a_record, a_status, a_step
from tests.contract.test_national_portal import portal_with

TELL = "DongBoTrangThaiHoSo"
FILED = {"MaHoSo": NATIONAL, "MaTTHC": "2.999033", "MaSoThue": "0000000000"}


@pytest.fixture
def caller() -> Caller:
    made = Caller()
    made.portal.books.file(FILED)
    return made


def tell(caller: Caller, data: Any, type: Any = "2") -> dict[str, Any]:
    return caller.ask(TELL, type=type, data=data)


PAPER = {
    "TepDinhKemId": "1",
    "TenTepDinhKem": "ket-qua.pdf",
    "IsDeleted": "False",
    "MaThanhPhanHoSo": "",
    "DuongDanTaiTepTin": "https://tep.h99.example.invalid/1",
}


def test_a_status_is_a_row(caller):
    """Each status that is taken is one row, an equal one too: nothing lets the portal know a repeat."""
    for _ in range(2):
        assert 0 == tell(caller, a_status(TaiLieuXuLy=[PAPER]))["error_code"]

    assert [(TELL, NATIONAL, False)] * 2 == [
        (row["operation"], row["dossier"], row["repeat"]) for row in caller.effects()
    ]
    assert [] == caller.requests()[-1]["broke"]


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("r301", {"MaHoSo": None}),
        ("r301", {"TaiLieuXuLy": "absent"}),
        ("r301", {"NoiDung": "absent"}),
        ("r50", {"MaDoiTuong": None}),
        ("r302", {"NgayXuLy": ""}),
        ("r51", {"NgayXuLy": "2024-04-01"}),
        ("r303", {"TrangThai": "4"}),
        ("r303", {"TrangThai": "11"}),
        ("r303", {"TrangThai": ""}),
        ("r305", {"MaHoSoDonVi": ""}),
        ("r305", {"MaHoSo": " "}),
        ("r304", {"TaiLieuXuLy": ["x"]}),
        ("r74", {"TaiLieuXuLy": [PAPER | {"IsDeleted": "no"}]}),
        ("r307", {"MaHoSo": "G99.99-240401-000778"}),
    ],
)
def test_what_is_refused(caller, rule, changed):
    """Each broken rule is a no that names its field, and nothing is stored."""
    absent = [name for name, value in changed.items() if value == "absent"]
    row = {name: value for name, value in a_status(**changed).items() if name not in absent}
    if changed.get("MaHoSo", "") is None:
        del row["MaHoSo"]

    assert -1 == tell(caller, row)["error_code"]
    assert rule in {broken for broken, _ in caller.broke()}
    assert [] == caller.effects()


@pytest.mark.parametrize(
    ("type", "data"), [(2, a_status()), ("1", a_status()), (None, a_status()), ("2", [a_status()])]
)
def test_envelope_of_a_status(caller, type, data):
    """`type` is the text "2", and `data` is one object."""
    assert -1 == tell(caller, data, type)["error_code"]
    assert "r300" in {rule for rule, _ in caller.broke()}


def test_other_reading_of_the_codes(caller):
    """Where the province's portal takes own codes, 11 stands for 3, and 3 is refused."""
    caller.turn(born_statuses="own")

    assert [0, 0, -1] == [tell(caller, a_status(TrangThai=code))["error_code"] for code in ("4", "11", "3")]


def test_words_are_wanted_only(caller):
    """An empty text is noted, and the status taken."""
    assert 0 == tell(caller, a_status(NoiDung=""))["error_code"]
    assert {("r301", "data.NoiDung")} == caller.broke()


def test_born_here_is_never_created(caller):
    """A create of such a number is "already exists"; an update and a step are refused as none of the province's."""
    assert "đã tồn tại" in caller.sync(a_record(MaHoSo=NATIONAL))["message"]
    assert {("r53", "MaHoSo")} <= caller.broke()
    caller.sync(a_record(MaHoSo=NATIONAL), updating="True")
    assert {("r308", "MaHoSo")} <= caller.broke()
    caller.progress(a_step(MaHoSo=NATIONAL))
    assert {("r308", "MaHoSo")} <= caller.broke()
    assert [] == caller.effects()


def test_look_up_finds_it(caller):
    """`TraCuuHoSo` finds a dossier born here, with its last status where the province's portal shows it."""
    assert [{"MAHOSO": NATIONAL}] == caller.look_up(NATIONAL)
    tell(caller, a_status(TrangThai="5"))
    caller.turn(lookup_shows="entries")
    shown = [{"TRANGTHAI": "5", "THOIDIEMXULY": "20240401140000"}]
    assert [{"MAHOSO": NATIONAL, "TRANGTHAI": "5", "TIENDO": shown}] == caller.look_up(NATIONAL)


def test_faults_apply(caller):
    """It may be refused for no reason, or answered with a yes that stored nothing."""
    caller.arm("refuse_record", operation=TELL)
    assert -1 == tell(caller, a_status())["error_code"]
    caller.arm("skip_record_say_yes", operation=TELL)
    assert 0 == tell(caller, a_status())["error_code"]
    assert [] == caller.effects()


def test_reset_forgets_what_was_filed(caller):
    """After a reset nothing was ever filed."""
    caller.control("POST", "reset")
    caller.session = caller.login()["session"]

    assert [] == caller.look_up(NATIONAL)


# -- our adapter against it ----------------------------------------------------------------------------------------


BORN = make_standing(origin="portal", national_number=NATIONAL, own_number="H99.09-260703-0123", shown_status=None)


class BornConformance:
    """The rules that hold for statuses of such a dossier, whatever way they go."""

    overrides: ClassVar[dict[str, Any]] = {}
    switches: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _run(self) -> Iterator[None]:
        with self.running():
            yield

    @contextmanager
    def running(self) -> Iterator[None]:
        with portal_with(self.overrides, self.switches) as (self.mock, self.adapter):
            self.mock.books.file(FILED)
            yield

    def carry(self, event: Any, standing: Standing = BORN) -> Any:
        self.carrier = Carrier(self.adapter, standing)
        return self.carrier.carry(event)

    def rows(self) -> list[tuple[str, str]]:
        return [(row.operation, row.entry["status"]) for row in self.mock.effects]

    def test_statuses_in_their_order(self):
        """Record and steps are one row each, nothing is created, and no rule is broken or even noted."""
        applicant = make_event().data["applicant"] | {"tech_id": "techid-0000-vidu-0099"}
        result = {"name": "kq.pdf", "url": "https://files.h99.example.invalid/1", "id": "1"}
        self.carry(make_event(origin="portal", national_number=NATIONAL, applicant=applicant))
        self.carry(make_step(status="processing"))
        self.carry(make_step(status="supplement_requested", content="Đề nghị bổ sung"))
        self.carry(make_event(origin="portal", national_number=NATIONAL, status="returned", results=[result]))

        assert [(TELL, "2"), (TELL, "2"), (TELL, "5"), (TELL, "2")] == self.rows()
        assert [] == [broken for visit in self.mock.log.page() for broken in visit.broken]

    def test_record_beside_its_step_is_no_second_row(self):
        """A record whose status was acknowledged with its step adds nothing, however often it is sent."""
        self.carry(make_step(status="processing"))
        shown = replace(BORN, shown_status="processing")
        again = make_event(origin="portal", national_number=NATIONAL, status="processing")

        for _ in range(3):
            with pytest.raises(NothingNew):
                self.carry(again, shown)
        assert [(TELL, "2")] == self.rows()

    @pytest.mark.parametrize("kind", ["record", "step"])
    @pytest.mark.parametrize(
        "fault",
        ["lose_reply_after_effect", "lose_request", "reset", "half_body", "html_200", "http_500", "wrong_content_type"],
    )
    def test_p02_status_with_a_lost_answer_is_never_sent_again(self, fault, kind):
        """A status whose answer is lost is left visible for a person; it is never doubled, and nothing is created."""
        self.mock.faults.arm(FaultOrder(fault=fault, operation=TELL, count=1))
        event = make_step() if kind == "step" else make_event(origin="portal", national_number=NATIONAL)

        outcome = self.carry(event)

        assert isinstance(outcome, InDoubt)
        assert "hold" == outcome.then
        assert len(self.rows()) <= 1
        assert [TELL] == [visit.operation for visit in self.mock.log.page() if visit.operation != "login"]

    def test_unknown_number_is_refused(self):
        """A number that the portal never gave is its no, and no reason to create anything."""
        standing = replace(BORN, national_number="G99.99-240401-000999")

        assert isinstance(self.carry(make_step(), standing), Refused)
        assert [] == self.rows()


class TestAdapter(BornConformance):
    """Through the exchange adapter."""


class TestFacade(BornConformance):
    """Through a provincial façade, under its own name."""

    overrides: ClassVar = {
        "variant": "facade",
        "facade_add_url": "{url}/national_portal/facade/ThemHoSo",
        "facade_update_url": "{url}/national_portal/facade/CapNhatHoSo",
        "facade_progress_url": "{url}/national_portal/facade/CapNhatTienDoHoSoMC",
        "facade_lookup_url": "{url}/national_portal/facade/TraCuuHoSo",
        "facade_status_url": "{url}/national_portal/facade/DongBoTrangThaiHoSoKM",
    }

    def test_body_is_the_bare_object(self):
        """What goes out is the object alone, at the address of that name."""
        self.carry(make_step())
        exchange = self.carrier.attempts[-1].exchanges[-1]

        assert NATIONAL == json.loads(exchange.request_body)["MaHoSo"]
        assert exchange.url.endswith("/DongBoTrangThaiHoSoKM")

    def test_an_array_is_refused(self):
        """The mock takes no array at that address."""
        path = "/national_portal/facade/DongBoTrangThaiHoSoKM"
        self.mock(Request(path=path, headers={"content-type": "application/json"}, body=b"[]"))

        assert ["r309"] == [broken.rule for broken in self.mock.log.page()[-1].broken]
