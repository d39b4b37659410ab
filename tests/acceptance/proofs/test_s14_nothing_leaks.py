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
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
import structlog

from adapters.doors.console.page import Page
from bus.upkeep import backup
from config import logging
from tests.acceptance.proofs.story import effects_of
from tests.browser.places import READABLE, places
from tests.builders import LOCAL, from_json
from tests.console_world import PASSWORD, ConsoleWorld, console_world
from tests.seeded import Needles, marked

DOSSIER = "H99.09-260703-9101"
REFUSED = "H99.09-260703-9102"


@dataclass(slots=True)
class Day:
    """What happened, and what is to be found nowhere."""

    world: ConsoleWorld
    log: io.StringIO
    needles: Needles = field(default_factory=lambda: Needles(are_marked=True))
    secrets: Needles = field(default_factory=Needles)
    pages: dict[str, bytes] = field(default_factory=dict)


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
    worker = world.dispatcher("w-s14")
    while worker.run_once():
        pass


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


def browse(world: ConsoleWorld, day: Day) -> None:
    """Every page and file, by somebody who may see everything; searches for the marked people; a sign-in that fails."""
    one = Browser(world, day.secrets.add("session", world.token_of("everything")))
    for page in READABLE:
        for path in addresses(page, world):
            status, _, day.pages[path] = one.ask(path)
            assert status in (200, 303), f"{path}: {status}"
    for text in list(day.needles.texts.values())[:12]:
        status, _, _ = one.ask(f"/search?{urlencode({'q': text})}")
        assert status in (200, 303, 404)
    stranger = Browser(world)
    _, _, form = stranger.ask("/login")
    csrf = re.search(rb'name="csrf" value="([^"]+)"', form)
    assert csrf is not None
    wrong = day.secrets.add("wrong password", "mật khẩu sai bí mật")
    status, _, _ = stranger.ask("/login", {"csrf": csrf[1].decode(), "name": "operator", "password": wrong})
    assert status == 403


def addresses(page: Page, world: ConsoleWorld) -> list[str]:
    """The page's usual places, and those of the marked dossiers."""
    from adapters.doors.console.links import PREFIX, url_for

    found = places(page, world)[:1]
    if page.name in ("dossier", "journey"):
        found += [url_for(page.name, number=number).removeprefix(PREFIX) for number in (DOSSIER, REFUSED)]
    if page.name == "delivery":
        found += [f"/deliveries/{delivery}" for delivery in deliveries(world)]
    return found


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
    with console_world(tmp_path / "world") as world:
        day = Day(world, log_of_everything)
        for file in sorted((tmp_path / "world").glob("*.secret")):
            day.secrets.add(file.name, file.read_text().strip())
        day.secrets.add("everybody's password", PASSWORD)
        live(world, day)
        browse(world, day)
        metrics = httpx2.get(f"{world.url}/metrics", timeout=30).content
        kept = dumps(world, tmp_path)
        log = log_of_everything.getvalue()
        hits = [hit for path, body in day.pages.items() for hit in day.needles.found_in(path, body)]
        for where, body in {"log": log.encode(), "metrics": metrics, **kept}.items():
            hits += day.needles.found_in(where, body) + day.secrets.found_in(where, body)

        told = json.dumps([effect.body for effect in effects_of(world.portal) if effect.dossier == DOSSIER])
        assert len(day.needles.texts) >= 40
        assert day.needles.found_in("the portal", told), "nothing marked ever went anywhere"
        assert [] == hits


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
