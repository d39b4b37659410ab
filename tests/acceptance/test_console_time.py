"""Partners, incidents, keys and who was late, over real doors: what is shown, to whom, and what a press does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from html import unescape
from typing import Any, cast

import pytest

from adapters.doors import server
from bus.audit import Act, Audit
from bus.incidents import Finding
from bus.lateness import month_of
from bus.ports import FileStorage, SystemClock
from bus.times import to_ms
from config.doors import make_app
from config.new_installation import make, prepare_ledger
from config.noticing import Noticing, incidents_of, late_books
from config.office_calendar import TABLE, FreshCalendar, shipped_text
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import build
from tests.builders import make_event
from tests.console_world import ConsoleWorld, add_people
from tests.memory import own_folder, quietly

PARTNER = "national_portal"
UNIT = "000.00.09.H99"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleWorld]:
    """Doors with nothing behind them but what is needed here: what is pressed must not be found by others."""
    with ExitStack() as stack:
        folder = stack.enter_context(own_folder(tmp_path_factory.mktemp("time")))
        stack.enter_context(quietly())
        make(folder, for_mocks="http://127.0.0.1:1")
        settings = load(folder / "lienthong.toml", {}).settings
        prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
        installation = build(settings)
        stack.callback(installation.close)
        key = InstallationKey.from_file(settings.ledger.signing_key_file)
        doors = stack.enter_context(server.serve(make_app(installation, key, make_metrics(installation))))
        people, nobody = add_people(installation), cast("Any", None)
        made = ConsoleWorld(
            folder=folder,
            installation=installation,
            people=people,
            clock=nobody,
            portal=nobody,
            one_stop=nobody,
            app=nobody,
            url=doors.url,
        )
        stack.callback(made._client.close)
        _fall_late(made)
        yield made


def _fall_late(world: ConsoleWorld) -> None:
    """Sixty dossiers of one unit that nobody was told of in time; half of them were done."""
    now = world.installation.ports.clock.now()
    late = {"due_at": (now - timedelta(days=3)).isoformat(), "unit": UNIT}
    world.accept(
        *[
            make_event(
                dossier=f"H99.09-260601-{n:04d}",
                id=f"late-{n}",
                status="completed" if n % 2 else "processing",
                at=now - timedelta(days=4),
                **late,
            )
            for n in range(60)
        ]
    )
    Noticing(world.installation).judge_the_late()


def page(
    world: ConsoleWorld, path: str, account: str = "everything", *, status: int = 200, language: str = "vi"
) -> str:
    answer = world.ask("GET", f"/console{path}", account, headers={"accept-language": language})
    assert status == answer.status_code, answer.text[:300]
    return answer.text


def text(html: str) -> str:
    """What a page says, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def form(html: str, act: str) -> dict[str, str]:
    """The hidden fields of one form."""
    found = re.search(rf'action="[^"]*/{act}".*?</form>', html, re.DOTALL)
    assert found, act
    return {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[0])
    }


def send(
    world: ConsoleWorld,
    act: str,
    account: str = "operator",
    *,
    given: dict[str, str] | None = None,
    reason="cổng báo bảo trì",
):
    fields = given or form(page(world, f"/partners/{PARTNER}", account), act)
    return world.ask(
        "POST",
        f"/console/partners/{PARTNER}/{act}",
        account,
        data=fields | {"reason": reason},
        headers={"origin": world.url},
    )


def row(world: ConsoleWorld) -> dict:
    return next(one for one in world.installation.reads.partners() if one["name"] == PARTNER)


# -- partners -------------------------------------------------------------------------------------------------------


def test_every_partner_is_listed(world):
    """Every partner of the settings stands in the list, met or not, with its health in a word."""
    shown = page(world, "/partners")

    for name in world.installation.settings.partner_table():
        assert f'href="/console/partners/{name}"' in shown
    assert "Dự kiến" in text(shown)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(
    "path", ["/partners", f"/partners/{PARTNER}", "/incidents", "/keys", "/lateness", "/lateness/dossiers"]
)
def test_pages_in_both_languages(world, path, language):
    """Every page is there in both languages, for whoever may see lists."""
    assert "<h1>" in page(world, path, "viewer", language=language)


def test_hold_and_release(world):
    """A press holds the partner with who and why, a second press of the same form changes nothing, release drains."""
    fields = form(page(world, f"/partners/{PARTNER}", "operator"), "hold")
    first, again = send(world, "hold", given=fields), send(world, "hold", given=fields)

    assert [303, 303] == [first.status_code, again.status_code]
    assert row(world)["is_held"]
    moves = [move for move in world.installation.ledger.engine.read().all("all_moves") if move[8] == "partner_held"]
    assert [("person:operator", f"{PARTNER}: cổng báo bảo trì")] == [(move[10], move[9]) for move in moves]
    held = text(page(world, f"/partners/{PARTNER}"))
    assert "Cán bộ đã tạm dừng" in held
    assert "cổng báo bảo trì" in held
    assert "không biết: đang tạm dừng" in held
    noted = Audit(world.installation.ledger).find(act=Act.REPAIRED, limit=5).entries
    assert [f"hold {PARTNER}"] == [entry.subject for entry in noted]

    assert 303 == send(world, "release").status_code
    assert (False, 1) == (row(world)["is_held"], row(world)["window"])


def test_open_and_close(world):
    """A person opens the circuit and closes it; a form that no longer fits is refused with its words kept."""
    stale = form(page(world, f"/partners/{PARTNER}", "operator"), "open")
    assert 303 == send(world, "open").status_code
    assert "open" == row(world)["circuit"]
    shown = text(page(world, f"/partners/{PARTNER}"))
    assert "Cán bộ operator đã ngắt mạch" in shown
    assert "Đối tác không trả lời nên mạch đã ngắt" not in shown

    refused = send(world, "open", given=stale, reason="gõ rồi không được mất")
    assert 409 == refused.status_code
    assert "gõ rồi không được mất" in refused.text

    assert 303 == send(world, "close").status_code
    assert ("closed", 1) == (row(world)["circuit"], row(world)["window"])


def test_press_without_a_reason(world):
    """Without a reason nothing happens, and the page says so beside the field."""
    answer = send(world, "hold", reason="  ")

    assert 422 == answer.status_code
    assert not row(world)["is_held"]
    assert "aria-invalid" in answer.text


@pytest.mark.parametrize("account", ["viewer", "auditor", "configurer", "administrator"])
def test_who_may_not_press(world, account):
    """Who may not repair sees no form, and a form of somebody else's does nothing."""
    fields = form(page(world, f"/partners/{PARTNER}", "operator"), "hold")

    assert "reason-hold" not in page(world, f"/partners/{PARTNER}", account)
    assert 403 == send(world, "hold", account, given=fields).status_code
    assert not row(world)["is_held"]


def test_who_sees_some_units(world):
    """Who is limited to some units sees a partner's health, none of everybody's counts, and stops nobody."""
    shown = page(world, f"/partners/{PARTNER}", "unit")
    assert "reason-hold" not in shown
    assert "Các lượt đang ở đâu" not in shown
    fields = form(page(world, f"/partners/{PARTNER}", "operator"), "hold")
    mine = re.search(r'name="csrf" value="([^"]+)"', page(world, "/account", "unit"))
    assert mine

    assert 403 == send(world, "hold", "unit", given=fields | {"csrf": mine[1]}).status_code
    assert not row(world)["is_held"]


def test_unknown_partner(world):
    """A partner that is none is said to be none, and how to go on."""
    shown = text(page(world, "/partners/nobody", status=404))

    assert "Không có đối tác “nobody”" in shown
    assert "Hãy chọn từ danh sách" in shown


# -- incidents ------------------------------------------------------------------------------------------------------


def test_incidents_are_listed(world):
    """What goes on stands first, what is over below; older ones on the next page."""
    incidents, now = incidents_of(world.installation), world.installation.ports.clock.now()
    for n in range(60):
        at = now - timedelta(days=70 - n)
        found = Finding(cause="gap_waiting", subject=f"one-stop/h{n}", first_at=at, last_at=at, count=n + 1)
        incidents.note([found], at)
        incidents.note([], at + timedelta(hours=1))
    incidents.note([Finding(cause="partner_down", subject="<b>books</b>", first_at=now, last_at=now, count=1)], now)
    shown = page(world, "/incidents")

    assert "đang diễn ra" in text(shown)
    assert "<b>books</b>" not in shown
    older = re.search(r'rel="next" href="([^"]+)"', shown)
    assert older
    answer = world.ask("GET", unescape(older[1]))
    assert 200 == answer.status_code
    assert "one-stop/h0" in answer.text
    assert "đang diễn ra" not in text(answer.text)
    assert 200 == world.ask("GET", "/console/incidents?before=%27").status_code


# -- keys -----------------------------------------------------------------------------------------------------------


def test_keys_are_listed(world):
    """Every key of the settings stands there, those without an end apart; no place, no secret."""
    shown = page(world, "/keys")

    for name in ("ledger.master_key_file", "ledger.signing_key_file", "callers.one-stop.secret_file"):
        assert name in shown
    assert str(world.folder) not in shown
    assert "không có ngày hết hạn" in text(shown)


def test_calendar_that_contradicts_itself(world):
    """A calendar that cannot be read is said to be that; nothing is guessed."""
    installation = world.installation
    calendar = FreshCalendar(installation.reads, installation.settings)
    assert calendar.now() is not None
    good = installation.reads.table(TABLE)
    bad = "date,weekday,kind,name_vi,name_en,swapped_with,source_kind,note\n2026-07-03,Mon,holiday,a,b,,province,\n"
    installation.repairs.import_tables([(TABLE, bad)], actor="person:test", reason="sai")
    try:
        assert calendar.now() is None
        assert "Không đọc được lịch ngày nghỉ" in text(page(world, "/keys"))
    finally:
        installation.repairs.import_tables([(TABLE, good or shipped_text())], actor="person:test", reason="đúng")


# -- who was late ---------------------------------------------------------------------------------------------------


def month(world: ConsoleWorld) -> str:
    n = month_of(to_ms(world.installation.ports.clock.now() - timedelta(days=3)))
    return f"{n // 12}-{n % 12 + 1:02d}"


def test_who_was_late(world):
    """The page sums what the book has, tells what only synchronisation made late, and draws it without a script."""
    book = late_books(world.installation)[PARTNER]
    rows = [one for one in book.months(0, 10**6) if one.unit == UNIT]
    shown = page(world, f"/lateness?unit={UNIT}&from={month(world)}&to={month(world)}")

    assert [(60, 30)] == [(one.dossiers, one.only_sync) for one in rows]
    assert "30 · 50,0 %" in text(shown)
    assert '<svg class="lt-bars"' in shown
    assert "lt-office" in shown


def test_figures_are_taken_away(world):
    """What the page shows can be taken away: the same months and unit, in hours."""
    link = re.search(r'href="(/console/exports/lateness\.csv[^"]*)"', page(world, f"/lateness?unit={UNIT}"))
    assert link
    lines = world.ask("GET", unescape(link[1])).text.splitlines()
    other = world.ask("GET", unescape(link[1]).replace(UNIT, "nobody")).text.splitlines()

    assert [1, 0] == [len(lines) - 1, len(other) - 1]
    assert UNIT in lines[1]


@pytest.mark.parametrize("sort", ["unit", "month", "dossiers", "only_sync", "whole", "office", "here", "nothing"])
def test_table_is_sorted(world, sort):
    """The table sorts by every column; an unknown one is the first."""
    assert 'aria-sort="' in page(world, f"/lateness?sort={sort}")


def test_down_to_the_dossier(world):
    """From a month to its dossiers, page by page, all of them or those that synchronisation made late."""
    first = page(world, f"/lateness/dossiers?month={month(world)}&unit={UNIT}")
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    rest = world.ask("GET", unescape(older[1])).text
    sync = page(world, f"/lateness/dossiers?month={month(world)}&unit={UNIT}&sync=yes")
    numbers = [set(re.findall(r"H99\.09-260601-\d{4}(?=</code>)", html)) for html in (first, rest, sync)]

    assert [50, 10, 30] == [len(found) for found in numbers]
    assert not numbers[0] & numbers[1]
    assert "chỉ trễ vì đồng bộ" in text(sync)


def test_cursor_of_somebody_else(world):
    """A cursor made for another account shows the first page and says so; a mended one too."""
    first = page(world, f"/lateness/dossiers?month={month(world)}&unit={UNIT}", "second")
    older = re.search(r'rel="next" href="/console([^"]+)"', first)
    assert older
    for address in (unescape(older[1]), re.sub("after=[0-9]", "after=9", unescape(older[1]))):
        assert "thuộc phiên của người khác" in text(page(world, address))


def test_units_of_who_was_late(world):
    """Who is limited to a unit sees its months and dossiers, and is told that others are not there."""
    assert "50,0 %" in text(page(world, "/lateness", "unit"))
    assert text(page(world, "/lateness", "unit")).count("Không ghi đơn vị") == 0
    assert 200 == world.ask("GET", f"/console/lateness/dossiers?month={month(world)}&unit={UNIT}", "unit").status_code
    page(world, f"/lateness/dossiers?month={month(world)}&unit=000.00.01.H99", "unit", status=404)
    page(world, f"/lateness/dossiers?month={month(world)}", "unit", status=404)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-13", "không phải là tháng hợp lệ"),
        ("from=x", "không phải là tháng hợp lệ"),
        ("from=2026-07&to=2026-01", "đứng sau tháng kết thúc"),
        ("from=2020-01&to=2026-07", "quá dài"),
    ],
)
def test_months_that_are_none(world, query, said):
    """A month that is none, or months the wrong way round, are said to be that, and how to go on."""
    shown = text(page(world, f"/lateness?{query}", status=422))

    assert said in shown
    assert "Hãy" in shown
