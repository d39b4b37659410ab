"""The mapping page over the real tables: a row is tried, shown as a difference, put into force, and frees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bus.audit import Act
from bus.dispatch import Dispatcher, PartnerWork
from bus.errors import Unmappable
from bus.messages import Delivery
from bus.routing import Route
from config.console_tables import ConsoleTables
from config.partner_tables import in_force
from tests.builders import NOON, make_event, make_step
from tests.console_door import CHEAP, PASSWORD, Bench, bench
from tests.repair_kit import number_of
from tests.world import PARTNER, World

PORTAL = "national_portal"
ROUTES = (
    Route(kind="dossier.recorded", partner=PORTAL, rule="latest_wins"),
    Route(kind="dossier.progressed", partner=PORTAL, rule="every_step", needs_record=True),
)
REASON = "Theo quyết định công bố thủ tục"
ROW = {
    "cell-code": "9.990099",
    "cell-national_code": "9.990099",
    "cell-name": "Thủ tục thử nghiệm",
    "cell-sector_code": "G99-LV99",
    "cell-sector_name": "Thử nghiệm",
    "cell-source_kind": "province",
    "cell-sector_source": "catalogue",
}


class Shaper:
    """Holds what has no row in the tables in force, as the portal's adapter does; the rest goes into the books."""

    def __init__(self, world: World) -> None:
        self.world = world

    def check(self, delivery: Delivery) -> None:
        """Every delivery can be shaped, or is held when it is tried."""

    def deliver(self, batch: list[Delivery]) -> Any:
        code = batch[0].event.data.get("procedure")
        if code is not None and not in_force(self.world.reads, PORTAL)["procedures"].has(code):
            raise Unmappable(field="MaTTHC", rule="no_row", value=code, table="procedures")
        return self.world.adapter.deliver(batch)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Bench]:
    """Two who map: one of them may not repair, one is limited to a unit."""
    world = World(tmp_path, routes=ROUTES)
    world.partners[PORTAL] = PartnerWork(adapter=Shaper(world), patience=world.partners[PARTNER].patience)  # type: ignore[arg-type]
    world.dispatcher = Dispatcher(
        world.ledger, world.partners, name="w1", clock=world.clock, randomness=world.randomness
    )
    with bench(tmp_path, world=world, four_eyes_above=3) as made:
        kept = CHEAP.kept(PASSWORD)
        people = (
            ("lan", ("configurer", "operator"), None),
            ("mai", ("configurer",), None),
            ("nga", ("configurer", "operator"), ("H99.11",)),
        )
        for name, roles, units in people:
            made.console.people.add(
                name, shown=name, password=kept, roles=roles, units=units, actor="person:root", reason="for the tests"
            )
        made.sign_in("lan")
        yield made


def held(made: Bench, count: int, unit: str = "H99.11", begin: int = 0) -> list[int]:
    """Records that wait for the row."""
    events = [
        make_event(dossier=f"H99.09-260703-{n:04d}", id=f"r{n}", procedure="9.990099", unit=unit)
        for n in range(begin, begin + count)
    ]
    made.world.accept(*events)
    made.world.settle_down(hours=1)
    return [number_of(made.world, event) for event in events]


def link(made: Bench) -> str:
    """The way to the row's form."""
    found = re.search(r'href="/console(/mapping/row[^"]+)"', made.get("/mapping").text)
    assert found
    return unescape(found[1])


def hidden(page: str) -> dict[str, str]:
    """What the page's form carries."""
    form = page.split('class="repair', 1)[1].split("</form>", 1)[0]
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    }


def words(page: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", page.split("<main", 1)[1])).split())


def checked(made: Bench, **cells: str) -> str:
    """The page that shows the difference."""
    answer = made.post("/mapping/row", hidden(made.get(link(made)).text) | ROW | cells)
    assert 200 == answer.status_code, words(answer.text)
    return str(answer.text)


def states(made: Bench, ids: list[int]) -> set[str]:
    return {made.world.reads.delivery(one)["state"] for one in ids}


def test_row_is_tried_then_put_into_force_once(here: Bench) -> None:
    """The dry run changes nothing; the press makes one version, frees what waited, and a reload shows its result."""
    ids = held(here, 2)
    page = checked(here)
    assert ({"held"}, 0) == (states(here, ids), here.world.reads.tables_version())
    form = hidden(page) | {"reason": REASON}
    first, second = (here.post("/mapping/row", form) for _ in range(2))
    told = words(here.told(first).text)
    here.world.pass_time(3)
    here.world.settle_down()

    assert "Thủ tục thử nghiệm" in words(page)
    assert "2 lượt" in words(page)
    assert ([303, 303], 1) == ([first.status_code, second.status_code], here.world.reads.tables_version())
    assert "2 lượt được đi tiếp" in told
    assert {"delivered"} == states(here, ids)
    assert in_force(here.world.reads, PORTAL)["procedures"].has("9.990099")
    assert [REASON] == [entry.reason for entry in here.console.audit.find(act=Act.CONFIGURED).entries]
    assert "Không có lượt nào bị giữ" in words(here.get("/mapping").text)


def test_row_that_is_no_row_is_refused_at_its_cell(here: Bench) -> None:
    """The checks of `tables import`: each mistake stands at its cell, and what was typed is kept."""
    held(here, 1)
    form = hidden(here.get(link(here)).text) | ROW
    no_name = here.post("/mapping/row", form | {"cell-name": "", "cell-valid_from": "2026-01-01"})
    no_day = here.post("/mapping/row", form | {"cell-valid_from": "hôm qua"})
    too_long = here.post("/mapping/row", form | {"cell-name": "x" * 2_001})

    assert [422] * 3 == [answer.status_code for answer in (no_name, no_day, too_long)]
    assert "phải có giá trị" in words(no_name.text)
    assert "không phải là ngày: hôm qua" in words(no_day.text)
    assert "quá dài" in words(too_long.text)
    assert "9.990099" in no_name.text
    assert 0 == here.world.reads.tables_version()


def test_reason_and_key_are_asked_for(here: Bench) -> None:
    """Without a reason, or with a made-up key, nothing is put into force."""
    held(here, 1)
    form = hidden(checked(here))
    bare = here.post("/mapping/row", form | {"reason": ""})
    forged = here.post("/mapping/row", form | {"reason": REASON, "press": "A" * 60})

    assert (422, 409, 0) == (bare.status_code, forged.status_code, here.world.reads.tables_version())
    assert "Chưa có lý do" in words(bare.text)


def test_table_that_somebody_changed_meanwhile(here: Bench) -> None:
    """A row that was shown against an older table is not put over somebody else's change; it is shown again."""
    held(here, 1)
    page = checked(here)
    tables = ConsoleTables(here.world.reads)
    shape = tables.shape(PORTAL, "procedures")
    assert shape is not None
    other = {name.removeprefix("cell-"): value for name, value in ROW.items()} | {"code": "9.1", "national_code": "9.1"}
    proposal = tables.with_row(shape, other)
    here.world.repairs.import_tables([(proposal.name, proposal.text)], actor="person:mai", reason="mine")
    answer = here.post("/mapping/row", hidden(page) | {"reason": REASON})
    again = here.post("/mapping/row", hidden(answer.text) | {"reason": REASON})

    assert (409, 303) == (answer.status_code, again.status_code)
    assert {True} == {in_force(here.world.reads, PORTAL)["procedures"].has(code) for code in ("9.1", "9.990099")}


def test_many_are_released_by_a_run_with_a_second_person(here: Bench) -> None:
    """More than the threshold are frozen into a list with the table's change; nothing goes before another says yes."""
    ids = held(here, 4)
    answer = here.post("/mapping/row", hidden(checked(here)) | {"reason": REASON})
    page = here.told(answer).text

    assert "/selections/1" in answer.headers["location"]
    assert "Danh sách 1" in words(page)
    assert "phải đồng ý" in words(page)
    assert ({"held"}, 1) == (states(here, ids), here.world.reads.tables_version())
    assert "release" == here.console.selections.get(1).act


def test_who_may_not_repair_only_maps(here: Bench) -> None:
    """Without the right to repair the table changes and what waits stays held."""
    ids = held(here, 1)
    here.sign_in("mai")
    page = checked(here)
    here.post("/mapping/row", hidden(page) | {"reason": REASON})

    assert "vẫn bị giữ đến khi" in words(page)
    assert ({"held"}, 1) == (states(here, ids), here.world.reads.tables_version())


def test_table_of_every_unit_is_not_changed_for_one(here: Bench) -> None:
    """Who is limited to units sees what waits there, and neither opens the row's form nor presses somebody else's."""
    ids, way = held(here, 1), link(here)
    form = hidden(checked(here)) | {"reason": REASON}
    here.sign_in("nga")
    page = here.get("/mapping").text
    answers = [here.get(way), here.post("/mapping/row", form | {"csrf": here.csrf()})]

    assert "9.990099" in page
    assert "/mapping/row" not in page
    assert "nhờ tài khoản xem mọi đơn vị" in words(page)
    assert [403, 403] == [answer.status_code for answer in answers]
    assert "Bảng mã là của cả tỉnh" in words(answers[1].text)
    assert ({"held"}, 0) == (states(here, ids), here.world.reads.tables_version())


def test_row_that_nobody_waits_for(here: Bench) -> None:
    """A link of yesterday leads nowhere any more, and says so."""
    assert 404 == here.get("/mapping/row?partner=national_portal&table=procedures&row=1").status_code


def test_unclear_step_in_the_tables_words(here: Bench) -> None:
    """For a step in doubt the page tells what doubling or losing it means, by the partner's own table."""
    here.world.adapter.fate = lambda delivery: "lost_after" if delivery.event.id == "s" else "ok"
    step = make_step(at=NOON, id="s", status="completed")
    here.world.accept(make_event(at=NOON, procedure=None, id="r"), step)
    here.world.settle_down(hours=1)
    page = words(here.get(f"/deliveries/{number_of(here.world, step)}/repair").text)
    tables = ConsoleTables(here.world.reads)

    assert 3 == page.count("Bảng của đối tác về bước này")
    assert tables.unclear(PORTAL, "completed", "vi") in page
    assert tables.unclear(PORTAL, "completed", "en")
    assert ("", "") == (tables.unclear(PARTNER, "completed", "vi"), tables.unclear(PORTAL, "none", "vi"))
    assert None is tables.shape(PARTNER, "procedures")


def test_table_without_a_last_line_end(here: Bench) -> None:
    """A row is added on a line of its own, whether or not the table's text ends with one."""
    tables = ConsoleTables(here.world.reads)
    shape = tables.shape(PORTAL, "procedures")
    assert shape is not None
    row = {name.removeprefix("cell-"): value for name, value in ROW.items()}
    text = in_force(here.world.reads, PORTAL).texts["procedures"].rstrip("\n")
    here.world.repairs.import_tables([(f"{PORTAL}.procedures", text)], actor="person:mai", reason="mine")
    proposal = tables.with_row(shape, row)

    assert (1, ()) == (len(proposal.changes), proposal.mistakes)
    assert ["added"] == [change.kind for change in proposal.changes]
