"""S14: marked people and secrets go through a whole day, and are found nowhere but under seal.

The day has its errors at every level: refused at the doors, held, refused by the portal in words that repeat a number.
Then somebody looks at every page, searches, signs in wrongly, exports. What is looked through: pages and files of the
console, the log down to `debug`, metrics, the database, and its backup.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
import sqlite3
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
import structlog

from adapters.doors.console.export_files import FORMS
from adapters.doors.console.links import PREFIX, url_for
from adapters.doors.console.page import Page
from bus.audit import Act, Audit
from bus.messages import PAID_AT_COUNTER, PAYMENT_REQUESTED, REFUND_REQUESTED, State
from bus.payments import Effect, Told, Verdict
from bus.upkeep import backup
from config import logging
from tests.acceptance.proofs.story import effects_of
from tests.browser.places import EXAMPLES, READABLE, places
from tests.builders import LOCAL, from_json
from tests.console_world import PASSWORD, REFUSED_DOSSIER, ConsoleWorld
from tests.console_world import console_world as console_world_of
from tests.seeded import Needles, marked

OWN_UNIT = "000.00.09.H99"
"""Of the account `unit`."""
DOSSIER = "H99.09-260703-9101"
REFUSED = "H99.09-260703-9102"
OPENED = "H99.09-260703-9103"
REPEATED = "H99.09-260703-9104"
CODED = "H99.09-260703-9105"
PAYMENT = "S14.P1"


@dataclass(slots=True)
class Day:
    """What happened, and what is to be found nowhere."""

    world: ConsoleWorld
    log: io.StringIO
    needles: Needles = field(default_factory=lambda: Needles(are_marked=True))
    secrets: Needles = field(default_factory=Needles)
    pages: dict[str, bytes] = field(default_factory=dict)
    hits: list[str] = field(default_factory=list)


@pytest.fixture
def log_of_everything() -> Iterator[io.StringIO]:
    """The log as production has it, down to the smallest talk."""
    stream = io.StringIO()
    logging.configure(level="debug", stream=stream, hooks=False)
    yield stream
    logging.configure(level="critical", stream=io.StringIO(), hooks=False)
    structlog.reset_defaults()


def live(world: ConsoleWorld, day: Day) -> None:
    """Marked dossiers come in, are delivered, refused, held; a defect of ours has one in its hands; strangers knock."""
    at = world.clock.now().astimezone(LOCAL)
    for n, dossier in enumerate((DOSSIER, REFUSED), start=1):
        record = marked("dossier.recorded.full.json", day.needles, 2 * n, at=at, dossier=dossier)
        step = marked("dossier.progressed.full.json", day.needles, 2 * n + 1, at=at, dossier=dossier)
        if dossier == REFUSED:
            who = record["data"]["applicant"]
            said = f"Số {who['identity']['number']} đã có, gọi {who['phone']}"
            answer = json.dumps({"error_code": -1, "message": said}, ensure_ascii=False).encode()
            world.portal.answers = {**world.portal.answers, dossier: answer}  # type: ignore[misc]
        world.accept(from_json(record), from_json(step))
        knock(world, record)
    _work(world)
    pay(world, day, at)
    _work(world)


def _work(world: ConsoleWorld) -> None:
    worker = world.dispatcher("w-s14")
    while worker.run_once():
        pass


def pay(world: ConsoleWorld, day: Day, at: datetime) -> None:
    """A marked payer pays, and the gateway repeats the name in what it tells; some is asked back, one pays in cash."""
    ledger = world.installation.ledger
    for n, kind in enumerate((PAYMENT_REQUESTED, REFUND_REQUESTED, PAID_AT_COUNTER), start=11):
        wire = marked(f"{kind}.full.json", day.needles, n, at=at, dossier=DOSSIER)
        wire["data"] |= {"payment": PAYMENT, "amount": 225_000}
        wire["data"] |= {"expires_at": None} if kind == PAYMENT_REQUESTED else {}
        if kind == REFUND_REQUESTED:
            _in_the_offices_words(wire["data"], day.needles)
        world.accept(from_json(wire))
        _work(world)
        if kind == PAYMENT_REQUESTED:
            said = json.dumps({"nguoi_nop": wire["data"]["payer"]}, ensure_ascii=False).encode()
            partner, reference = _opened(world)
            told = Told(partner=partner, reference=reference, verdict=Verdict.PAID, via="callback", amount=225_000,
                        transaction="GD0900000001", currency="VND", evidence=said)  # fmt: skip
            assert ledger.payments.hear(told).effect is Effect.RECORDED


def _in_the_offices_words(data: dict, needles: Needles) -> None:
    """Why an office pays back, and who asked, is its own act and stays readable; a person's number in it does not."""
    for member in ("reason", "requested_by"):
        needles.texts = {what: text for what, text in needles.texts.items() if text != data[member]}
    number = next(text for what, text in needles.texts.items() if what.startswith("/payer/identity_number"))
    data |= {"reason": f"Thu thừa, số định danh {number}", "requested_by": "Phòng Kế toán"}


def payment_of(world: ConsoleWorld) -> int:
    """The marked payer's, by its number in the ledger."""
    row = world.installation.ledger.engine.read().one("find_payment", "one-stop/h99", PAYMENT)
    assert row is not None
    return int(row[0])


def _opened(world: ConsoleWorld) -> tuple[str, str]:
    row = world.installation.ledger.engine.read().all("paid_attempts", payment_of(world), 1)[0]
    return str(row[2]), str(row[3])


def knock(world: ConsoleWorld, record: dict) -> None:
    """The same people in requests that the doors refuse: unsigned, cut short, with a member too many."""
    wire = json.dumps(record, ensure_ascii=False)
    for body in (wire, wire[: len(wire) // 2], wire.replace('"note"', '"no_te"')):
        answer = httpx2.post(
            f"{world.url}/v1/events", content=body.encode(), headers={"Content-Type": "application/json"}, timeout=30
        )
        assert answer.status_code in (400, 401, 422)


class Browser:
    """Asks as a browser does. No library of ours: what the tests' own client writes down is not what is judged."""

    def __init__(self, world: ConsoleWorld, token: str = "") -> None:
        self._host = world.url.removeprefix("http://")
        self._cookies = {"lienthong": token} if token else {}

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Status, media type, body; a stream of events is left at once."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        with closing(HTTPConnection(self._host, timeout=60)) as connection:
            connection.request("GET" if form is None else "POST", f"/console{path}", body, headers)
            answer = connection.getresponse()
            for name, value in answer.getheaders():
                if name == "set-cookie":
                    key, _, rest = value.partition("=")
                    self._cookies[key] = rest.partition(";")[0]
            kind = answer.getheader("content-type", "")
            return answer.status, kind, b"" if kind.startswith("text/event-stream") else answer.read()

    def csrf(self, path: str) -> str:
        """The token in a page's forms."""
        found = re.search(rb'name="csrf" value="([^"]+)"', self.ask(path)[2])
        assert found is not None
        return found[1].decode()


def browse(world: ConsoleWorld, day: Day) -> None:
    """Every page and file, by somebody who may see everything; searches for the marked people; a sign-in that fails."""
    one = Browser(world, day.secrets.add("session", world.token_of("everything")))
    for page in READABLE:
        for path in addresses(page, world):
            status, _, body = one.ask(path)
            assert status < 500, f"{path}: {status}"
            day.pages[path] = unpacked(body)
    for text in list(day.needles.texts.values())[:12]:
        status, _, body = one.ask(f"/search?{urlencode({'q': text})}")
        assert status == 200
        others = Needles({what: each for what, each in day.needles.texts.items() if each != text}, are_marked=True)
        day.hits += others.found_in("what a search shows", body)  # but what was typed: that stands in its field
    fail_to_sign_in(world, day.secrets.add("wrong password", "mật khẩu sai bí mật"))


def fail_to_sign_in(world: ConsoleWorld, password: str) -> None:
    """With a password that is nobody's."""
    stranger = Browser(world)
    status, _, _ = stranger.ask("/login", {"csrf": stranger.csrf("/login"), "name": "operator", "password": password})
    assert status == 403


def unpacked(body: bytes) -> bytes:
    """What stands in a file: a workbook is an archive."""
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def addresses(page: Page, world: ConsoleWorld) -> list[str]:
    """The page's usual places, those of the marked dossiers, and each form of an export."""
    if page.path.endswith(".{form}"):
        found = [f"{page.path.removesuffix('.{form}')}.{form}" for form in FORMS]
        return [f"{path}?{urlencode({'number': DOSSIER})}" if "timeline" in path else path for path in found]
    is_of_a_delivery = page.path.startswith("/deliveries/{id}")
    has_place = page.name in EXAMPLES or "{" not in page.path  # that each has one is the browser tests' business
    found = places(page, world)[:1] if has_place and not is_of_a_delivery else []
    if page.path.startswith("/payments/{id}") and page.path.count("{") == 1:
        found.append(page.path.replace("{id}", str(payment_of(world))))
    if page.name in ("dossier", "journey"):
        found += [url_for(page.name, number=number).removeprefix(PREFIX) for number in (DOSSIER, REFUSED)]
    if is_of_a_delivery:
        found += [page.path.replace("{id}", str(each)) for each in deliveries(world) if "{n}" not in page.path]
        found += calls(world) if "{n}" in page.path else []
    return found


def calls(world: ConsoleWorld) -> list[str]:
    """Every call about the marked dossiers, both ways, formatted and raw."""
    reads = world.installation.reads
    return [
        f"/deliveries/{delivery}/exchanges/{call['id']}?part={part}&form={form}"
        for delivery in deliveries(world)
        for attempt in reads.delivery(delivery)["attempts"]
        for call in attempt["exchanges"]
        for part in ("request", "reply")
        for form in ("raw", "formatted")
    ]


def deliveries(world: ConsoleWorld) -> list[int]:
    """Of the marked dossiers."""
    found = set()
    for number in (DOSSIER, REFUSED):
        found |= {move["delivery"] for move in world.installation.reads.dossier(number)["timeline"] if move["delivery"]}
    return sorted(found)


def dumps(world: ConsoleWorld, folder: Path) -> dict[str, bytes]:
    """The database as rows and as bytes, its backup, and everything else beside it that is no key."""
    ledger = world.installation.ledger
    copy = backup(ledger, folder / "copy.db")
    with closing(sqlite3.connect(copy)) as reading:
        rows = "\n".join(reading.iterdump())
    found = {"dump": rows.encode(), "backup": copy.read_bytes()}
    for file in sorted(world.folder.glob("ledger.db*")):
        found[file.name] = file.read_bytes()
    return found


def test_p12_marked_people_and_secrets_are_found_nowhere(tmp_path: Path, log_of_everything: io.StringIO) -> None:
    """After a day with errors at every level and a look at every page, nothing marked is anywhere in the clear."""
    (tmp_path / "world").mkdir()
    with console_world_of(tmp_path / "world") as world:
        day = Day(world, log_of_everything)
        for file in sorted((tmp_path / "world").glob("*.secret")):
            day.secrets.add(file.name, file.read_text().strip())
        day.secrets.add("everybody's password", PASSWORD)
        live(world, day)
        browse(world, day)
        metrics = httpx2.get(f"{world.url}/metrics", timeout=30).content
        kept = dumps(world, tmp_path)
        log = log_of_everything.getvalue()
        hits = day.hits + [hit for path, body in day.pages.items() for hit in day.needles.found_in(path, body)]
        for where, body in {"log": log.encode(), "metrics": metrics, **kept}.items():
            hits += day.needles.found_in(where, body) + day.secrets.found_in(where, body)

        told = json.dumps([effect.body for effect in effects_of(world.portal) if effect.dossier == DOSSIER])
        assert len(day.needles.texts) >= 40
        assert day.needles.found_in("the portal", told), "nothing marked ever went anywhere"
        assert [] == hits


def test_p12_a_name_that_a_partner_repeats_is_on_no_page(console_world: ConsoleWorld) -> None:
    """A no that repeats the applicant's name, however spelt, or gives it as its code: no list has it, pages mask it."""
    world, needles, names = console_world, Needles(), set[str]()
    at = world.clock.now().astimezone(LOCAL)
    for n, dossier in enumerate((REPEATED, CODED), start=21):
        record = marked("dossier.recorded.full.json", needles, n, at=at, dossier=dossier)
        name = record["data"]["applicant"]["name"]
        plain = "".join(each for each in unicodedata.normalize("NFD", name) if not unicodedata.combining(each))
        wide = name.replace(" ", "  ")
        spellings = [name, name.upper(), plain, plain.upper(), unicodedata.normalize("NFD", name.upper()), wide]
        names |= set(spellings)
        words = {"error_code": -1, "message": f"Công dân {' / '.join(spellings)} đã có"}
        if dossier == CODED:
            words = {"error_code": name, "message": unicodedata.normalize("NFD", name)}
        answer = json.dumps(words, ensure_ascii=False).encode()
        world.portal.answers = {**world.portal.answers, dossier: answer}  # type: ignore[misc]
        world.accept(from_json(record))
    worker = world.dispatcher("w-s14-names")
    while worker.run_once():
        pass
    refused = {each["dossier"]: each["id"] for each in world.deliveries(State.REFUSED)}
    lists = ["/", "/log", "/log?state=refused", "/partners/national_portal", "/incidents", "/mapping", "/runs"]
    lists += [f"/selections/new?state=refused&act={act}" for act in ("replay", "cancel")]
    lists += [f"/exports/deliveries.{form}" for form in FORMS]
    own = [
        path
        for dossier in (REPEATED, CODED)
        for path in (
            f"/dossiers/{dossier}",
            f"/journey/{dossier}",
            f"/exports/timeline.csv?number={dossier}",
            f"/deliveries/{refused[dossier]}",
            f"/deliveries/{refused[dossier]}/repair",
            f"/deliveries/{refused[dossier]}/correct",
            *(
                f"/deliveries/{refused[dossier]}/exchanges/{call}?part=reply"
                for call in calls_of(world, refused[dossier])
            ),
        )
    ]
    one = Browser(world, world.token_of("everything"))
    for path in (*lists, *own):
        status, _, body = one.ask(path)
        text = html.unescape(unpacked(body).decode())
        assert status == 200, path
        assert [] == [name for name in names if name in text], path
    assert "Công dân ***" in one.ask(f"/deliveries/{refused[REPEATED]}")[2].decode(), "what can be told is told"
    log = one.ask("/log?state=refused")[2].decode()
    assert f'data-id="{refused[REPEATED]}"' in log
    assert "Công dân" not in log


def calls_of(world: ConsoleWorld, delivery: int) -> list[int]:
    """Of one delivery."""
    attempts = world.installation.reads.delivery(delivery)["attempts"]
    return [call["id"] for attempt in attempts for call in attempt["exchanges"]]


LOOKS: tuple[tuple[str, Act, bool], ...] = (
    ("/dossiers/{dossier}", Act.DOSSIER_SEEN, False),
    ("/dossiers/{dossier}?at=2026-07-03T10:00:00%2B07:00", Act.DOSSIER_SEEN, False),
    ("/journey/{dossier}", Act.JOURNEY_SEEN, False),
    ("/journey/{dossier}?for=citizen", Act.JOURNEY_SEEN, False),
    ("/deliveries/{delivery}", Act.DELIVERY_SEEN, True),
    ("/deliveries/{delivery}/repair", Act.DELIVERY_SEEN, True),
    ("/repair?number={dossier}", Act.DOSSIER_SEEN, False),
    ("/deliveries/{delivery}/exchanges/{call}?part=request", Act.EXCHANGE_SEEN, True),
    ("/deliveries/{delivery}/exchanges/{call}?part=reply&form=raw", Act.EXCHANGE_SEEN, True),
)
"""Ways to look at a dossier, a delivery or a body, and what each is in the audit; whether the delivery is named."""


def test_p12_every_look_is_recorded(console_world: ConsoleWorld) -> None:
    """Looks at dossiers, deliveries and bodies, in order, are the audit's rows of that account, one for one."""
    world = console_world
    dossier = REFUSED_DOSSIER
    delivery = next(
        move["delivery"] for move in world.installation.reads.dossier(dossier)["timeline"] if move["delivery"]
    )
    call = next(
        call["id"] for each in world.installation.reads.delivery(delivery)["attempts"] for call in each["exchanges"]
    )
    facts = {"dossier": dossier, "delivery": delivery, "call": call}
    one, told = Browser(world, world.token_of("supervisor")), []
    before = recorded(world, "supervisor")
    for _ in range(2):
        for path, act, names_delivery in LOOKS:
            assert one.ask(path.format(**facts))[0] == 200, path
            told.append((str(act), dossier, delivery if names_delivery else None))
    for path in ("/dossiers/H99.09-260703-7777", f"/deliveries/{10**9}", "/log", "/"):
        one.ask(path)  # nothing of anybody's is shown there

    assert told == recorded(world, "supervisor")[len(before) :]


def test_p12_who_may_not_look_is_shown_nothing_and_leaves_no_look(console_world: ConsoleWorld) -> None:
    """Another unit's dossier, and a body without the right, are answered with a no; nothing is recorded as seen."""
    world = console_world
    strangers = Browser(world, world.token_of("unit"))
    viewer = Browser(world, world.token_of("viewer"))
    before = {name: recorded(world, name) for name in ("unit", "viewer")}
    delivery, dossier = next(
        (each["id"], each["dossier"])
        for each in world.deliveries(State.DELIVERED)
        if not str(world.installation.reads.dossier(each["dossier"])["unit"]).startswith(OWN_UNIT)
    )

    assert strangers.ask(f"/dossiers/{dossier}")[0] == 404
    assert strangers.ask(f"/deliveries/{delivery}")[0] == 404
    assert viewer.ask(f"/deliveries/{delivery}/exchanges/1")[0] == 403
    assert before == {name: recorded(world, name) for name in before}


def test_p12_personal_data_is_opened_with_a_recorded_reason_only(console_world: ConsoleWorld) -> None:
    """Without a reason nothing is opened and nothing recorded; with one the people are shown, and who asked and why."""
    world, needles = console_world, Needles(are_marked=True)
    at = world.clock.now().astimezone(LOCAL)
    world.accept(from_json(marked("dossier.recorded.full.json", needles, 9, at=at, dossier=OPENED)))
    one = Browser(world, world.token_of("operator"))
    form = {"csrf": one.csrf(f"/dossiers/{OPENED}"), "number": OPENED}
    before = recorded(world, "operator")
    status, _, refused = one.ask("/reveal", form | {"reason": " "})

    assert status == 422
    assert [] == needles.found_in("without a reason", refused)
    assert before == recorded(world, "operator")

    status, _, opened = one.ask("/reveal", form | {"reason": "người dân hỏi tại quầy"})

    assert status == 200
    assert needles.found_in("with a reason", opened)
    assert [(str(Act.REVEALED), OPENED, None)] == recorded(world, "operator")[len(before) :]


def recorded(world: ConsoleWorld, account: str) -> list[tuple[str, str | None, int | None]]:
    """The audit's rows of an account, the oldest first: act, dossier, delivery; signing in left out."""
    found = Audit(world.installation.ledger).find(actor=f"person:{account}", limit=200)
    rows = [(entry.act, entry.dossier, entry.delivery) for entry in reversed(found.entries)]
    return [row for row in rows if row[0] != Act.SIGNED_IN]


@pytest.mark.parametrize("spelt", ["plain", "json", "html", "address", "utf-16", "base64", "apart"])
def test_a_marked_text_is_found_in_any_spelling(spelt: str) -> None:
    """The judge itself: a name is found as JSON, HTML, an address, base64 and UTF-16 write it, composed and apart."""
    needles = Needles(are_marked=True)
    name = needles.add("name", "Khuấtqzxwa <Quýnhqzxwb>")
    bodies = {
        "plain": name.encode(),
        "json": json.dumps({"name": name}).encode(),
        "html": html.escape(f"<b>{name}</b>").encode(),
        "address": urlencode({"q": name}).encode(),
        "utf-16": f"xx{name}".encode("utf-16-le"),
        "base64": base64.b64encode(b"." + name.encode() + b".."),
        "apart": unicodedata.normalize("NFD", name).encode(),
    }

    assert needles.found_in("here", bodies[spelt])
    assert [] == needles.found_in("here", b"nothing of the kind")
