"""The dossier's pages over real doors and a real ledger: what they show, to whom, and what is recorded of it."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx2
import pytest

from bus.audit import Act
from bus.errors import LedgerUnavailable
from tests.console_world import (
    BIDI,
    HOSTILE_DOSSIER,
    LONG_DOSSIER,
    MAIN_DOSSIER,
    NUL_DOSSIER,
    REFUSED_DOSSIER,
    SCRIPT,
    ConsoleWorld,
)

APPLICANT = "Nguyễn Thị Ví Dụ"
UNIT_OF_OTHERS = "unit"
"""An account that sees one unit only."""


@pytest.fixture
def world(console_world: ConsoleWorld) -> ConsoleWorld:
    return console_world


def text_of(answer: httpx2.Response) -> str:
    """The page's words, without markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def csrf(world: ConsoleWorld, account: str = "everything") -> str:
    """The proof that this account's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', world.ask("GET", "/console/account", account).text)
    assert found
    return unescape(found[1])


def post(world: ConsoleWorld, path: str, account: str = "everything", **fields: str) -> httpx2.Response:
    """A form, as this account's browser sends it."""
    return world.ask("POST", f"/console{path}", account, data={"csrf": csrf(world, account), **fields})


def noted(world: ConsoleWorld, **wanted: Any) -> list[Any]:
    """The newest audit rows of a kind."""
    from bus.audit import Audit

    return list(Audit(world.installation.ledger).find(**wanted).entries)


def deliveries_of(world: ConsoleWorld, dossier: str) -> list[dict[str, Any]]:
    found = world.installation.reads.deliveries(limit=500)
    return [row for row in found if row["dossier"] == dossier]


def a_call(world: ConsoleWorld, dossier: str) -> tuple[int, int]:
    """A delivery of this dossier to the portal, and its last call."""
    for row in deliveries_of(world, dossier):
        if row["partner"] == "national_portal":
            attempts = world.installation.reads.delivery(row["id"])["attempts"]
            if attempts:
                return row["id"], attempts[-1]["exchanges"][-1]["id"]
    raise AssertionError(f"nothing was sent of {dossier}")


def by_unit(world: ConsoleWorld) -> tuple[str, str]:
    """A dossier of the limited account's unit of which something was sent to the portal, and one of another."""
    reads = world.installation.reads
    own = other = ""
    for row in reads.deliveries(limit=500):
        if reads.dossier_head(row["dossier"])[0]["unit"] == "000.00.09.H99":
            own = row["dossier"] if row["partner"] == "national_portal" and row["tries"] else own
        else:
            other = row["dossier"]
    return own, other


# -- a dossier's page --------------------------------------------------------------------------------------------------


def test_page_tells_where_the_dossier_is(world: ConsoleWorld) -> None:
    """Status, what the portal shows, each move with its reason, and a picture that a screen reader can read."""
    answer = world.ask("GET", f"/console/dossiers/{MAIN_DOSSIER}")
    page = text_of(answer)
    moves = world.installation.reads.dossier(MAIN_DOSSIER)["timeline"]

    assert 200 == answer.status_code
    assert "no-store" in answer.headers["cache-control"]
    assert MAIN_DOSSIER in page
    assert '<svg class="tl-svg" role="img" aria-labelledby="tl-title tl-desc"' in answer.text
    assert answer.text.count('class="tl-item') == len(moves) + len(
        world.installation.reads.dossier(MAIN_DOSSIER)["events"]
    )
    assert "chưa rõ" in page


def test_looking_is_recorded_or_nothing_is_shown(world: ConsoleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each view leaves a row with who, what and from where; where that cannot be written, nothing is shown."""
    delivery, call = a_call(world, MAIN_DOSSIER)
    places = {
        f"/dossiers/{MAIN_DOSSIER}": Act.DOSSIER_SEEN,
        f"/journey/{MAIN_DOSSIER}": Act.JOURNEY_SEEN,
        f"/deliveries/{delivery}": Act.DELIVERY_SEEN,
        f"/deliveries/{delivery}/exchanges/{call}": Act.EXCHANGE_SEEN,
    }
    for path, act in places.items():
        before = len(noted(world, act=act, dossier=MAIN_DOSSIER, limit=200))
        assert 200 == world.ask("GET", f"/console{path}", "operator").status_code
        rows = noted(world, act=act, dossier=MAIN_DOSSIER, limit=200)
        assert before + 1 == len(rows)
        assert ("person:operator", "127.0.0.1") == (rows[0].actor, rows[0].address)

    def refuse(*_: Any) -> None:
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(world.installation.ledger.engine, "write", refuse)
    for path in places:
        answer = world.ask("GET", f"/console{path}", "operator")
        assert 503 == answer.status_code
        assert MAIN_DOSSIER not in text_of(answer)


def test_other_units_dossiers_are_not_there(world: ConsoleWorld) -> None:
    """Who is limited to a unit gets the same answer for another unit's dossier as for one that does not exist."""
    own, other = by_unit(world)
    delivery, call = a_call(world, own)
    foreign = next(row["id"] for row in deliveries_of(world, other))

    assert 200 == world.ask("GET", f"/console/dossiers/{own}", UNIT_OF_OTHERS).status_code
    assert 200 == world.ask("GET", f"/console/deliveries/{delivery}", UNIT_OF_OTHERS).status_code
    assert 200 == world.ask("GET", f"/console/deliveries/{delivery}/exchanges/{call}", UNIT_OF_OTHERS).status_code
    for path in (
        f"/dossiers/{other}",
        f"/journey/{other}",
        f"/deliveries/{foreign}",
        f"/exports/timeline.csv?number={other}",
    ):
        there = world.ask("GET", f"/console{path}", UNIT_OF_OTHERS)
        nowhere = world.ask(
            "GET", "/console" + path.replace(other, "X9").replace(str(foreign), "999999"), UNIT_OF_OTHERS
        )
        assert (404, 404) == (there.status_code, nowhere.status_code)
        assert text_of(nowhere).replace("X9", "N").replace("999999", "N") == text_of(there).replace(other, "N").replace(
            str(foreign), "N"
        )


def test_past_is_shown_as_it_was(world: ConsoleWorld) -> None:
    """At an instant the page shows what was known then, says that it is the past, and offers no repair."""
    timeline = world.installation.reads.dossier(MAIN_DOSSIER)["timeline"]
    middle = datetime.fromisoformat(timeline[len(timeline) // 2]["at"])

    then = world.ask("GET", f"/console/dossiers/{MAIN_DOSSIER}", params={"at": middle.isoformat()})
    local = middle.astimezone(datetime.fromisoformat("2026-07-03T00:00:00+07:00").tzinfo) + timedelta(seconds=1)
    by_form = world.ask(
        "GET", f"/console/dossiers/{MAIN_DOSSIER}", params={"day": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M:%S}"}
    )
    known = world.installation.reads.dossier_at(MAIN_DOSSIER, middle)

    assert "Đang xem quá khứ" in text_of(then)
    assert "Đang xem quá khứ" in text_of(by_form)
    assert len(known["timeline"]) + len(known["events"]) == then.text.count('class="tl-item')
    assert then.text.count('class="tl-item') < world.ask("GET", f"/console/dossiers/{MAIN_DOSSIER}").text.count(
        'class="tl-item'
    )
    assert "/console/reveal" not in then.text
    assert "Đang xem quá khứ" not in text_of(
        world.ask("GET", f"/console/dossiers/{MAIN_DOSSIER}", params={"at": "2099-01-01T00:00:00+07:00"})
    )


@pytest.mark.parametrize(
    "query",
    [
        {"at": "yesterday"},
        {"at": "0001-01-01"},
        {"day": "2026-13-01"},
        {"day": "2026-07-03", "time": "25:00"},
        {"day": "x", "time": "y"},
        {"before": "-1"},
        {"before": "1; DROP TABLE moves"},
    ],
)
def test_unreadable_time_or_place_is_told(world: ConsoleWorld, query: dict[str, str]) -> None:
    """What cannot be read is told in a page that says how to go on."""
    answer = world.ask("GET", f"/console/dossiers/{MAIN_DOSSIER}", params=query)

    assert 422 == answer.status_code
    assert "Chưa thực hiện được" in text_of(answer)


def test_national_number_leads_to_the_dossier(world: ConsoleWorld) -> None:
    """A dossier that was filed on the portal is found by either number."""
    reads = world.installation.reads
    rows = [reads.dossier_head(row["dossier"])[0] for row in reads.deliveries(limit=500)]
    born = next((head for head in rows if head["national_number"] not in (None, head["number"])), None)
    if born is None:
        world_number, national = MAIN_DOSSIER, "G99.99-000000-0000"
        assert 404 == world.ask("GET", f"/console/dossiers/{national}").status_code
        assert 200 == world.ask("GET", f"/console/dossiers/{world_number}").status_code
        return
    answer = world.ask("GET", f"/console/dossiers/{born['national_number']}")
    assert (303, f"/console/dossiers/{born['number']}") == (answer.status_code, answer.headers["location"])


# -- personal data -----------------------------------------------------------------------------------------------------


def personal_values(world: ConsoleWorld, dossier: str) -> set[str]:
    """What of a dossier's events nobody may see unmasked."""
    from adapters.doors.console.masking import known_of
    from bus.close_reads import CloseReads

    close = CloseReads(world.installation.ledger)
    events = close.dossier(dossier)["events"]
    contents = close.contents(event["number"] for event in events).values()
    return {value for value in known_of(data for data in contents if data).personal if len(value) > 5}


def test_p12_pages_mask_what_is_personal(world: ConsoleWorld) -> None:
    """Neither the dossier's pages nor its deliveries' nor their bytes show a personal value of its events."""
    secret = personal_values(world, MAIN_DOSSIER)
    pages = [f"/dossiers/{MAIN_DOSSIER}", f"/journey/{MAIN_DOSSIER}", f"/journey/{MAIN_DOSSIER}?for=citizen"]
    for row in deliveries_of(world, MAIN_DOSSIER):
        pages.append(f"/deliveries/{row['id']}")
        for attempt in world.installation.reads.delivery(row["id"])["attempts"]:
            for call in attempt["exchanges"]:
                place = f"/deliveries/{row['id']}/exchanges/{call['id']}"
                pages += [
                    f"{place}?part={part}&form={form}" for part in ("request", "reply") for form in ("raw", "formatted")
                ]

    assert len(secret) >= 3
    for path in pages:
        page = unescape(world.ask("GET", f"/console{path}").text)
        assert [] == [value for value in secret if value in page], path


def test_p12_reveal_needs_a_reason_and_is_recorded(world: ConsoleWorld) -> None:
    """With a reason the personal fields are shown once, in the answer to the form; without one, nothing is."""
    name = next(iter(sorted(personal_values(world, MAIN_DOSSIER))))

    shown = post(world, "/reveal", "operator", number=MAIN_DOSSIER, reason="Người dân hỏi qua điện thoại 0900000001")
    rows = noted(world, act=Act.REVEALED, dossier=MAIN_DOSSIER, limit=1)

    assert (200, True) == (shown.status_code, "no-store" in shown.headers["cache-control"])
    assert name in unescape(shown.text)
    assert name not in unescape(world.ask("GET", f"/console/dossiers/{MAIN_DOSSIER}", "operator").text)
    assert ("person:operator", "Người dân hỏi qua điện thoại 090***01") == (rows[0].actor, rows[0].reason)
    for reason in ("", "  ", "x" * 501, "a\u202eb"):
        refused = post(world, "/reveal", "operator", number=MAIN_DOSSIER, reason=reason)
        assert 422 == refused.status_code
        assert name not in unescape(refused.text)
    assert rows[0].id == noted(world, act=Act.REVEALED, dossier=MAIN_DOSSIER, limit=1)[0].id
    assert 403 == post(world, "/reveal", "viewer", number=MAIN_DOSSIER, reason="tò mò").status_code
    assert 404 == post(world, "/reveal", UNIT_OF_OTHERS, number=by_unit(world)[1], reason="xem thử").status_code


# -- what did we say ---------------------------------------------------------------------------------------------------


def test_bytes_are_opened_for_a_reason(world: ConsoleWorld) -> None:
    """Opened with a reason the page shows the very body but for its session; as a file it says so in its name."""
    delivery, call = a_call(world, MAIN_DOSSIER)
    place = f"/deliveries/{delivery}/exchanges/{call}"
    sent = world.installation.reads.delivery(delivery, with_bodies=True)["attempts"][-1]["exchanges"][-1][
        "request_body"
    ]
    session = re.search(r'"session":\s*"([^"]+)"', sent)
    assert session

    shown = post(world, place, part="request", form="raw", reason="đối chiếu với Cổng")
    file = post(world, place, part="request", reason="đối chiếu với Cổng", **{"as": "file"})
    row = noted(world, act=Act.REVEALED, dossier=MAIN_DOSSIER, limit=1)[0]

    hidden = sent.replace(session[1], "***")
    assert hidden in unescape(shown.text)
    assert hidden == file.text
    assert "attachment" in file.headers["content-disposition"]
    assert "without-secrets" in file.headers["content-disposition"]
    assert (delivery, f"exchange {call} request file") == (row.delivery, row.subject)
    assert hashlib.sha256(sent.encode()).hexdigest() in text_of(world.ask("GET", f"/console{place}"))
    assert session[1] not in world.ask("GET", f"/console{place}").text + shown.text


def test_bytes_ask_for_their_rights(world: ConsoleWorld) -> None:
    """Lists are not bodies, bodies are not personal data; another delivery's call is not there."""
    delivery, call = a_call(world, MAIN_DOSSIER)
    place = f"/deliveries/{delivery}/exchanges/{call}"

    assert 403 == world.ask("GET", f"/console{place}", "viewer").status_code
    assert 200 == world.ask("GET", f"/console{place}", "configurer").status_code
    assert 403 == post(world, place, "configurer", reason="xem thử").status_code
    assert 404 == world.ask("GET", f"/console/deliveries/{delivery}/exchanges/999999").status_code
    assert 404 == world.ask("GET", f"/console/deliveries/{delivery}/exchanges/x").status_code
    assert 404 == world.ask("GET", f"/console{place}?part=both").status_code
    assert 404 == world.ask("GET", "/console/deliveries/abc").status_code
    assert f"/exchanges/{call}" not in world.ask("GET", f"/console/deliveries/{delivery}", "viewer").text


@pytest.mark.parametrize("dossier", [HOSTILE_DOSSIER, REFUSED_DOSSIER, LONG_DOSSIER, NUL_DOSSIER])
def test_hostile_words_are_words(world: ConsoleWorld, dossier: str) -> None:
    """Markup, marks of direction and bytes that are no text stand on every page as text that can be seen."""
    pages = [f"/dossiers/{dossier}", f"/journey/{dossier}"]
    for row in deliveries_of(world, dossier):
        pages.append(f"/deliveries/{row['id']}")
        for attempt in world.installation.reads.delivery(row["id"])["attempts"]:
            for call in attempt["exchanges"]:
                pages.append(f"/deliveries/{row['id']}/exchanges/{call['id']}?part=reply&form=raw")

    for path in pages:
        answer = world.ask("GET", f"/console{path}")
        assert 200 == answer.status_code, path
        assert SCRIPT not in answer.text
        assert not [char for char in BIDI + "\x00" if not char.isprintable() and char in answer.text]
        assert len(answer.text) < 600_000


# -- the journey sheet -------------------------------------------------------------------------------------------------


def test_citizens_sheet_tells_no_inside_story(world: ConsoleWorld) -> None:
    """What is given to a citizen has no officer, no cause, no reason and no name but initials; the office's has."""
    person = next(row for row in world.installation.reads.deliveries(limit=500) if row["state"] == "cancelled")
    office = text_of(world.ask("GET", f"/console/journey/{person['dossier']}"))
    citizen = text_of(world.ask("GET", f"/console/journey/{person['dossier']}?for=citizen"))

    assert "Cán bộ lan" in office
    assert person["reason"] in office
    for inside in ("Cán bộ lan", person["reason"], "bị giữ", "đã hủy", "Vì sao"):
        assert inside not in citizen
    digests = [event["digest"] for event in world.installation.reads.dossier(person["dossier"])["events"]]
    assert digests[0] in citizen


# -- refused at the door -----------------------------------------------------------------------------------------------


def test_reference_is_found_however_it_is_typed(world: ConsoleWorld) -> None:
    """A reference read out on the telephone is found in any case, with any dashes; its page tells both languages."""
    row = next(each for each in world.installation.reads.refusals(limit=50) if each["rules"])
    reference = row["reference"]

    for typed in (reference.lower(), reference.replace("-", ""), reference.replace("-", "–"), f" {reference} "):
        answer = world.ask(
            "GET", f"/console/refused/{httpx2.URL('http://x/').copy_with(path='/' + typed).raw_path.decode()[1:]}"
        )
        assert (303, f"/console/refused/{reference}") == (answer.status_code, answer.headers["location"])
    page = text_of(world.ask("GET", f"/console/refused/{reference}"))
    assert row["code"] in page
    assert row["rules"][0]["rule"] in page
    assert 'lang="en"' in world.ask("GET", f"/console/refused/{reference}").text
    assert reference in [entry.subject for entry in noted(world, act=Act.REFUSAL_SEEN)]


def test_refusals_are_filtered(world: ConsoleWorld) -> None:
    """By caller, problem and day; what cannot be is told, and an empty list says what being empty means."""
    rows = world.installation.reads.refusals(limit=100)
    code = rows[0]["code"]

    page = world.ask("GET", "/console/refused", params={"code": code})
    assert len([row for row in rows if row["code"] == code]) == page.text.count('<a href="/console/refused/LT-')
    assert "Không có lần từ chối nào như vậy" in text_of(world.ask("GET", "/console/refused?caller=nobody-here"))
    assert 422 == world.ask("GET", "/console/refused?since=2026-07-04&until=2026-07-02").status_code
    assert 422 == world.ask("GET", "/console/refused?since=soon").status_code
    found = world.ask("GET", "/console/refused", params={"reference": rows[0]["reference"].lower()})
    assert 303 == found.status_code
    assert 404 == world.ask("GET", "/console/refused/LT-0000-0").status_code
    assert 404 == world.ask("GET", "/console/refused/nonsense").status_code
    assert 403 == world.ask("GET", "/console/refused", UNIT_OF_OTHERS).status_code
