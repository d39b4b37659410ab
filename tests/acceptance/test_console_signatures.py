"""What operators see of signatures and do about them: masked, within their units, recorded, one press, one effect."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.doors.console.signature import AGENT
from bus.reads import Reads
from bus.repairs import Repairs
from bus.rights import ROLES, Right
from bus.signatures import FinishedDocument, FinishOutcome
from signing.verification import verify_pdf
from tests.console_door import CHEAP, PASSWORD, Bench, bench
from tests.desk_kit import OFFICIAL, DeskWorld, desk_world
from tests.signature_kit import PEN, UNIT
from tests.signed_documents import trust

PEOPLE: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...] | None]] = {
    "so": ("Bùi Thị Sở", ("operator",), (UNIT,)),
    "khac": ("Đỗ Văn Khác", ("supervisor",), ("000.00.10.H99",)),
    "xem": ("Vũ Thị Xem", ("viewer",), None),
}
TOLD = '{"ma":"%s","nguoi_ky":"Trần Văn Mẫu","ket_qua":"tu choi"}'
NAMES = ("S-made", "S-desk", "S-waiting", "S-declined", "S-code")


class Counter:
    """A console over a signing desk, and who sits at it."""

    def __init__(self, made: DeskWorld, at: Bench) -> None:
        self.made = made
        self.world = made.world
        self.at = at

    def id(self, name: str) -> int:
        return self.world.number(name)

    def text(self, path: str, status: int = 200) -> str:
        answer = self.at.get(path)
        assert status == answer.status_code, answer.text[-1_500:]
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))

    def form(self, page: str, action: str) -> dict[str, str]:
        """What the form of a page that goes to this address has in it."""
        found = re.search(
            rf'<form[^>]*action="/console{re.escape(action)}".*?</form>', self.at.get(page).text, re.DOTALL
        )
        assert found, f"{page} has no form for {action}"
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))
        return {name: html.unescape(value) for name, value in hidden.items()} | {"reason": "đã gọi điện"}

    def press(self, page: str, action: str, **fields: str) -> Any:
        return self.at.post(action, self.form(page, action) | fields)

    def act(self, name: str, verb: str, **fields: str) -> Any:
        """Press a button of a signature's page."""
        page = f"/signatures/{self.id(name)}"
        return self.press(page, f"{page}/{verb}", **fields)

    def offers(self, name: str) -> set[str]:
        """Verbs that the page of a signature offers."""
        page = f"/signatures/{self.id(name)}"
        return set(re.findall(rf'action="/console{page}/([a-z]+)"', self.at.get(page).text))

    def audited(self, act: str, subject: str) -> list[tuple[str, str]]:
        """Who, and why."""
        sql = "SELECT actor, reason FROM audit WHERE act = ? AND subject = ? ORDER BY id"
        return [(row[0], row[1]) for row in self.world.rows(sql, act, subject)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """One scene for all; what a test changes in it is a signature of its own."""
    folder = tmp_path_factory.mktemp("counter")
    with desk_world(folder) as made:
        world: Any = made.world
        world.intake, world.reads, world.repairs = None, Reads(world.ledger), Repairs(world.ledger)
        world.pen.life = timedelta(days=1)
        _scene(made)
        joined = lambda console: replace(  # noqa: E731
            console, signed_content=made.room.content, open_desk=lambda: made.opening
        )
        with bench(folder, world=world, joined=joined) as at:
            kept = CHEAP.kept(PASSWORD)
            for name, (shown, roles, units) in PEOPLE.items():
                at.console.people.add(
                    name, shown=shown, password=kept, roles=roles, units=units, actor="person:chi", reason="tests"
                )
            yield Counter(made, at)


def _scene(made: DeskWorld) -> None:
    world = made.world
    made.asked("S-made")
    made.sign(offer=made.open(signature=world.number("S-made")))
    (job,) = world.ledger.signatures.finishing(world.clock.now(), 1)
    (one,) = job.documents
    assert one.signed is not None
    report = verify_pdf(made.room.content(one.signed), trust(), world.clock.now())
    done = FinishedDocument(
        n=1, signed=one.signed, verdict="passed", reached="B-B", report=json.dumps(report.to_json()).encode()
    )
    world.ledger.signatures.finished(job, FinishOutcome(to="made", documents=(done,)))
    made.asked("S-desk")
    world.send("S-waiting", service=PEN, signer=OFFICIAL)
    request = world.send("S-declined", service=PEN, signer=OFFICIAL)
    world.call_back(request, evidence=(TOLD % request).encode())
    world.pen.decline(request)
    world.pass_time(seconds=10)
    with_code(made, "S-code")


def with_code(made: DeskWorld, name: str) -> None:
    """One whose service wants a code."""
    made.world.pen.fate = lambda delivery: "otp"
    made.world.send(name, service=PEN, signer=OFFICIAL)
    made.world.pen.fate = lambda delivery: "ok"


@pytest.fixture
def counter(whole: Counter) -> Counter:
    """An operator sits there."""
    whole.at.sign_in("an")
    return whole


# -- seen -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=made", {"S-made"}),
        ("state=declined", {"S-declined"}),
        ("state=group-without", {"S-declined"}),
        ("q=S-desk", {"S-desk"}),
        ("service=desk", {"S-made", "S-desk"}),
        ("unit=H98", set()),
        (f"unit={UNIT}&q=S-made", {"S-made"}),
    ],
)
def test_filters_stand_in_the_address(counter, query, found):
    """A filtered list can be sent to a colleague: state, group of states, service, unit, and a signature's own name."""
    rows = set(re.findall(r"S-[a-z]+", counter.text(f"/signatures?{query}").partition("Trang lập lúc")[2]))

    assert found == rows & set(NAMES)


@pytest.mark.parametrize("query", ["state=nothing", "state=group-nothing", f"q={'x' * 300}", "before=1.x"])
def test_unreadable_filter_is_said(counter, query):
    """What cannot be read is left out and told above the list, never taken for something else."""
    assert 'class="note warn"' in counter.at.get(f"/signatures?{query}").text


def test_page_tells_its_life_and_masks_the_signer(counter):
    """Digests, the verdict of each signature in the document, and what happened; nobody's name or number."""
    page = f"/signatures/{counter.id('S-made')}"
    shown = counter.at.get(page).text

    assert counter.world.request("S-made") in shown
    signed = counter.world.rows(
        "SELECT d.sha256 FROM documents d JOIN signature_documents s ON s.signed = d.id WHERE s.signature = ?",
        counter.id("S-made"),
    )
    assert signed[0][0] in shown
    assert "hợp lệ" in counter.text(page)
    assert "<svg" in shown
    for personal in ("Trần Văn Mẫu", OFFICIAL["user"]):
        assert personal not in html.unescape(shown)
    assert ("person:an", "") in counter.audited("signature_seen", f"signature {counter.id('S-made')}")


def test_bytes_of_a_hearing_are_masked_until_a_reason_opens_them(counter):
    """A service's bytes are shown masked; opened with a reason they are whole, and both are recorded."""
    number = counter.id("S-declined")
    heard = next(
        one.id for one in counter.at.console.signature_close.signature(number).hearings if one.via == "callback"
    )
    path = f"/signatures/{number}/hearings/{heard}"
    masked, opened, file = counter.text(path), counter.press(path, path), counter.press(path, path, **{"as": "file"})

    assert "ket_qua" in masked
    assert "Trần Văn Mẫu" not in masked
    assert "Trần Văn Mẫu" in html.unescape(opened.text)
    assert (TOLD % counter.world.request("S-declined")).encode() == file.content
    assert ("person:an", "đã gọi điện") in counter.audited("revealed", f"signature {number} hearing {heard}")
    assert [("person:an", "đã gọi điện")] == counter.audited("revealed", f"signature {number} hearing {heard} file")
    for elsewhere in (f"/signatures/{counter.id('S-made')}/hearings/{heard}", f"/signatures/{number}/hearings/x"):
        assert 404 == counter.at.get(elsewhere).status_code


def test_signed_document_is_taken_for_a_reason(counter):
    """The very bytes of the store, as a file that no browser runs, for a reason that is recorded; else nothing."""
    number = counter.id("S-made")
    path = f"/signatures/{number}/documents/1"
    answer = counter.press(f"/signatures/{number}", path)
    unsaid = counter.press(f"/signatures/{number}", path, reason=" ")
    elsewhere = {"csrf": counter.at.csrf(), "reason": "xem"}
    signed = counter.world.rows("SELECT signed FROM signature_documents WHERE signature = ?", number)[0][0]

    assert counter.made.room.content(signed) == answer.content
    assert "S-made-1.pdf" in answer.headers["content-disposition"]
    assert "attachment" in answer.headers["content-disposition"]
    assert 422 == unsaid.status_code
    assert [("person:an", "đã gọi điện")] == counter.audited("revealed", f"signature {number} document 1")
    for other in (f"/signatures/{number}/documents/2", f"/signatures/{counter.id('S-desk')}/documents/1"):
        assert 404 == counter.at.post(other, elsewhere).status_code


def test_units_limit_every_page(counter):
    """Of another unit's signatures nothing is listed, shown, or done: answered as if nothing were there."""
    counter.at.sign_in("khac")
    form = {"csrf": counter.at.csrf(), "reason": "xem", "press": "x", "code": "123456"}
    before = counter.world.rows("SELECT * FROM signatures ORDER BY id")

    assert "S-made" not in counter.text("/signatures")
    for name in ("S-made", "S-desk", "S-code"):
        page = f"/signatures/{counter.id(name)}"
        assert 404 == counter.at.get(page).status_code
        for verb in ("ask", "cancel", "again", "code", "documents/1", "documents/1/desk"):
            assert 404 == counter.at.post(f"{page}/{verb}", form).status_code, verb
    assert before == counter.world.rows("SELECT * FROM signatures ORDER BY id")
    for nothing in ("/signatures/999", "/signatures/x", "/signatures/0"):
        assert 404 == counter.at.get(nothing).status_code
    counter.at.sign_in("so")
    assert "S-made" in counter.text("/signatures")


def test_who_may_only_look_does_nothing(counter):
    """A viewer sees the list and is offered no act; pressed all the same, it is forbidden."""
    assert Right.REPLAY not in ROLES["viewer"]
    counter.at.sign_in("xem")
    form = {"csrf": counter.at.csrf(), "reason": "xem", "press": "x", "code": "123456"}
    page = f"/signatures/{counter.id('S-waiting')}"

    assert set() == counter.offers("S-waiting")
    for verb in ("ask", "cancel", "again", "code", "documents/1", "documents/1/desk"):
        assert 403 == counter.at.post(f"{page}/{verb}", form).status_code, verb


# -- done -------------------------------------------------------------------------------------------------------------


def test_service_is_asked_once_however_often_it_is_pressed(counter):
    """Asking has the question due now; the same press again is the first one, and a press without a reason is none."""
    number, page = counter.id("S-waiting"), f"/signatures/{counter.id('S-waiting')}"
    form = counter.form(page, f"{page}/ask")
    unsaid = counter.at.post(f"{page}/ask", form | {"reason": " "})
    first, second = (counter.at.post(f"{page}/ask", form) for _ in range(2))

    assert [422, 303, 303] == [each.status_code for each in (unsaid, first, second)]
    assert counter.world.time_of("ask_at", "S-waiting") <= counter.world.clock.now()
    assert [("person:an", "đã gọi điện")] == counter.audited("repaired", f"signature {number} ask")


def test_what_is_given_up_may_be_asked_for_anew(counter):
    """Cancelled once, asked for again once: under a fresh request, and only what the page offers is taken."""
    counter.world.send("S-up", service=PEN, signer=OFFICIAL)
    page, request = f"/signatures/{counter.id('S-up')}", counter.world.request("S-up")
    early = counter.at.post(f"{page}/again", counter.form(page, f"{page}/cancel"))
    gone = counter.form(page, f"{page}/cancel")
    done, state = counter.at.post(f"{page}/cancel", gone), counter.world.state("S-up")
    offered = counter.offers("S-up")
    form = counter.form(page, f"{page}/again")
    anew = [counter.at.post(f"{page}/again", form).status_code for _ in range(2)]

    assert (303, "cancelled", {"again"}) == (done.status_code, state, offered)
    assert early.status_code in (409, 422)
    assert ([303, 303], 2) == (anew, counter.world.column("n", "S-up"))
    assert request != counter.world.request("S-up")
    assert [("person:an", "đã gọi điện")] == counter.audited("repaired", f"signature {counter.id('S-up')} again")


def test_a_code_is_typed_once_and_shown_nowhere(counter):
    """What is no code is refused and not shown again; a code is taken for the next question, and stands in no page."""
    assert "code" in counter.offers("S-code")
    wrong = counter.act("S-code", "code", code="mã 12 34")
    taken = counter.act("S-code", "code", code="731942")
    beside = counter.at.post(
        f"/signatures/{counter.id('S-waiting')}/code",
        counter.form(f"/signatures/{counter.id('S-code')}", f"/signatures/{counter.id('S-code')}/code")
        | {"code": "731942"},
    )

    assert [422, 303] == [wrong.status_code, taken.status_code]
    assert "mã 12 34" not in html.unescape(wrong.text)
    assert beside.status_code != 303
    assert "731942" not in counter.text(f"/signatures/{counter.id('S-code')}")
    assert [] == counter.world.rows("SELECT 1 FROM audit WHERE subject || reason LIKE '%731942%'")
    counter.world.pass_time(seconds=1)
    assert "731942" in counter.world.pen.secrets


def test_what_is_made_is_offered_nothing(counter):
    """A signature that is made is neither cancelled nor asked for again, whoever forges the button."""
    page = f"/signatures/{counter.id('S-made')}"
    stolen = counter.form(f"/signatures/{counter.id('S-waiting')}", f"/signatures/{counter.id('S-waiting')}/cancel")

    assert set() == counter.offers("S-made") - {"documents"}
    assert {409} <= {counter.at.post(f"{page}/{verb}", stolen).status_code for verb in ("cancel", "again", "ask")}
    assert "made" == counter.world.state("S-made")


# -- at the desk ------------------------------------------------------------------------------------------------------


def test_desk_page_may_speak_to_the_agent_alone(counter):
    """The page has the ticket's address, once, and its own policy: scripts of ours, and one agent on this computer."""
    number = counter.id("S-desk")
    page = f"/signatures/{number}"
    answer = counter.press(page, f"{page}/documents/1/desk")
    again = counter.press(page, f"{page}/documents/1/desk")
    place = re.search(r'data-place="(/documents/desk/[^"]+)"', answer.text)

    assert 200 == answer.status_code
    assert place
    assert place[1] not in again.text
    assert f"connect-src 'self' {AGENT};" in f"{answer.headers['content-security-policy']};"
    assert AGENT not in counter.at.get(page).headers["content-security-policy"]
    assert "no-store" in answer.headers["cache-control"]


def test_desk_hands_out_only_what_waits_there(counter):
    """Without a reason, of another document, of what is signed or with a service: nothing is handed out, in words."""
    waits, page = counter.id("S-desk"), f"/signatures/{counter.id('S-desk')}"
    form = counter.form(page, f"{page}/documents/1/desk")
    answers = [
        counter.at.post(f"{page}/documents/1/desk", form | {"reason": " "}),
        counter.at.post(f"{page}/documents/7/desk", form),
        counter.at.post(f"{page}/documents/x/desk", form),
        counter.at.post(f"/signatures/{counter.id('S-made')}/documents/1/desk", form),
        counter.at.post(f"/signatures/{counter.id('S-waiting')}/documents/1/desk", form),
    ]

    assert [422, 404, 404, 409, 409] == [each.status_code for each in answers]
    assert not any("/documents/desk/" in each.text for each in answers)
    assert "at_desk" == counter.world.state("S-desk")
    assert waits == counter.id("S-desk")
