"""What goes wrong at the console is a page that says what is wrong and how to go on; never a stack trace."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.doors.console import door
from adapters.doors.console.answers import Answer, Bytes, Gone, Live, Stream, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.dressing import CSP
from adapters.doors.console.frame import Console
from adapters.doors.console.page import Page
from adapters.doors.console.signatures import show
from adapters.doors.console.threads import Threads
from adapters.doors.console.visit import Visit
from adapters.doors.problems import is_reference
from bus.audit import Act
from bus.errors import LedgerUnavailable, NotFound
from tests.console_door import Bench, bench, later

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def plain(console: Console, visit: Visit, asked: Asked) -> Answer:
    return show(console, visit, asked)


def failing(trouble: Exception):
    def page(console: Console, visit: Visit, asked: Asked) -> Answer:
        raise trouble

    return page


def endless(console: Console, visit: Visit, asked: Asked) -> Answer:
    console.ledger.engine.read().one("endless")
    return plain(console, visit, asked)


def told(console: Console, visit: Visit, asked: Asked) -> Answer:
    return Gone("/console/plain?a=1#here", "common.first_run_done", {"name": asked.form["name"]})


def opened(path: str, endpoint) -> Page:
    return Page("GET", path, path.strip("/"), endpoint, None, is_open=True)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    pages = (
        opened("/plain", plain),
        opened("/away", failing(LedgerUnavailable("disk I/O error at /var/lib/x"))),
        opened("/bug", failing(ZeroDivisionError("0900000001 of Nguyễn Văn A"))),
        opened("/gone", failing(NotFound("no dossier X"))),
        opened("/wrong", failing(Wrong("common.wrong_length", n="<b>31/02</b>", most=9))),
        opened("/endless", endless),
        Page("POST", "/taken", "taken", plain, None, is_open=True),
        Page("POST", "/told", "told", told, None, is_open=True),
        Page("GET", "/thing/{name:path}", "thing", plain, None, is_open=True),
    )
    # A second's patience: on a busy machine a page that asks for little must not be cut.
    folder = tmp_path_factory.mktemp("console")
    with capture_logs(), bench(folder, pages=pages, query_limit_s=1) as made:
        made.console.ledger.engine._queries["endless"] = ENDLESS
        yield made


@pytest.fixture
def here(house: Bench) -> Bench:
    """A browser that comes for the first time."""
    house.client.cookies.clear()
    return house


@pytest.mark.parametrize(
    ("path", "status", "vi", "en"),
    [
        ("/away", 503, "chưa đọc hoặc ghi được sổ cái", "cannot be read or written now"),
        ("/bug", 500, "lỗi của chương trình", "program failed"),
        ("/gone", 404, "Không tìm thấy", "cannot be found"),
        ("/nowhere", 404, "Không có trang này", "no such page"),
        ("/taken", 405, "không mở theo cách đó", "not opened that way"),
        ("/wrong", 422, "nhiều nhất là 9", "at most 9"),
        ("/plain?q=" + "a" * 10_000, 400, "dài 10000 ký tự", "10000 characters"),
        ("/plain?" + "a=1&" * 101, 400, "quá nhiều mục", "too many fields"),
        ("/plain?q=%ff", 400, "không phải là chữ", "no text"),
        ("/thing/a%00b", 400, "không phải là chữ", "no text"),
        ("/thing/a%1b%5b31m", 400, "không phải là chữ", "no text"),
        ("/thing/" + "a" * 2_001, 400, "nhiều nhất là 2000", "at most 2000"),
        ("/plain?q=%00", 400, "không phải là chữ", "no text"),
        ("/plain?" + "q=" + "%61" * 12_000, 400, "nhiều nhất là 2000", "at most 2000"),
    ],
)
def test_trouble_is_told_in_words(here: Bench, path: str, status: int, vi: str, en: str) -> None:
    """Every trouble has its page in both languages: what is wrong, how to go on, with the status that machines read."""
    in_vi, in_en = here.get(path), here.get(path, headers={"accept-language": "en"})

    assert (status, status) == (in_vi.status_code, in_en.status_code)
    assert vi in unescape(in_vi.text)
    assert en.lower() in unescape(in_en.text).lower()
    for answer in (in_vi, in_en):
        assert "<main" in answer.text
        assert "Traceback" not in answer.text
        assert CSP == answer.headers["content-security-policy"]


def test_way_back(here: Bench) -> None:
    """A page that was asked with something wrong offers itself without it."""
    assert 'href="/console/plain"' in here.get("/plain?q=%00").text


def test_what_was_wrong_is_shown_as_text(here: Bench) -> None:
    """What somebody typed is repeated as text, never as markup."""
    assert "&lt;b&gt;31/02&lt;/b&gt;" in here.get("/wrong").text


def test_our_own_bug(here: Bench) -> None:
    """A bug of ours shows a reference that the log has too, and nothing of what it was about."""
    with capture_logs() as lines:
        answer = here.get("/bug")
    shown = re.search(r"LT-\w+-\w", answer.text)
    logged = [line for line in lines if line["event"] == "uncaught_exception"]

    assert shown
    assert is_reference(shown[0])
    assert [shown[0]] == [line["reference"] for line in logged]
    assert "0900000001" not in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_ledger_that_cannot_be_read(here: Bench) -> None:
    """While the ledger cannot be read the console says so with 503 and when to try again, and leaks no path."""
    answer = here.get("/away")

    assert answer.headers["retry-after"].isdigit()
    assert "/var/lib" not in answer.text


def test_ledger_lost_while_signed_in(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a page that only asks who is there says in words that the ledger is away."""
    here.sign_in()
    monkeypatch.setattr(here.console.ledger.engine, "patience", failing_patience)

    assert 503 == here.get("/account").status_code


def failing_patience(limit, *, writes):
    raise LedgerUnavailable("gone")


def writing(console: Console, visit: Visit, asked: Asked) -> Answer:
    console.audit.note(actor=visit.actor, act=Act.DOSSIER_SEEN, dossier="X")
    return plain(console, visit, asked)


def test_while_somebody_else_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the ledger, a page that records who looks gives up in words and holds its thread for
    a moment only: with more of them than there are threads, the pages that write nothing are answered meanwhile, also
    where the session's own use is due to be written."""
    assert timedelta(seconds=2) >= door.WRITES
    monkeypatch.setattr(door, "WRITES", timedelta(milliseconds=500))
    monkeypatch.setattr("bus.engines.sqlite.BUSY_MS", 60_000)  # the doors' patience: whoever had it would be cut below
    pages = (opened("/writing", writing),)
    with capture_logs() as lines, bench(tmp_path, pages=pages, threads=Threads(2)) as here:
        here.sign_in()
        later(here, minutes=2)
        other = sqlite3.connect(here.world.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(6) as people:
            asked = [people.submit(here.get, "/writing") for _ in range(6)]
            looked = [here.get(path).status_code for path in ("/", "/log", "/account")]
            answers = [each.result(30) for each in asked]
        other.execute("ROLLBACK")
        other.close()

        assert [200, 200, 200] == looked
        assert {503} == {each.status_code for each in answers}
        assert all(each.headers["retry-after"].isdigit() for each in answers)
        assert all("tiến trình khác đang ghi" in unescape(each.text) for each in answers)
        assert 200 == here.get("/writing").status_code
        assert 1 == len(here.console.audit.find(act=Act.DOSSIER_SEEN).entries)
    assert ["writing"] * 6 == [line["route"] for line in lines if line["event"] == "console_write_given_up"]


def test_slow_question_is_cut(here: Bench) -> None:
    """A question to the ledger that takes too long is stopped; the page says how to narrow it."""
    with capture_logs() as lines:
        answer = here.get("/endless?state=held")

    assert 503 == answer.status_code
    assert "thu hẹp" in answer.text
    assert 'href="/console/endless"' in answer.text
    assert ["endless"] == [line["route"] for line in lines if line["event"] == "console_query_cut"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
        (b"a=" + b"b" * 1_000_001, "application/x-www-form-urlencoded", 413),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        ("a=ế".encode(), "application/x-www-form-urlencoded", 400),
        (b"a=%1b[31m", "application/x-www-form-urlencoded", 400),
        (b"a&" * 101, "application/x-www-form-urlencoded", 400),
    ],
    ids=["json", "multipart", "large", "not utf-8", "not encoded", "control", "many"],
)
def test_form_that_cannot_be_read(here: Bench, body: bytes, kind: str, status: int) -> None:
    """A form in another shape, too large, or with what is no text is refused in words."""
    answer = here.client.post("/console/taken", content=body, headers={"content-type": kind})

    assert status == answer.status_code
    assert "<main" in answer.text


def test_sentence_that_is_told_once(here: Bench) -> None:
    """What a form came to is told on the next page, by us alone: a made-up sentence in the address is not shown."""
    csrf = here.csrf("/login")
    gone = here.post("/told", {"csrf": csrf, "name": "<b>hoa"})
    long = here.post("/told", {"csrf": csrf, "name": "hoa" * 700})

    assert gone.headers["location"].endswith("#here")
    assert "Đã tạo tài khoản &lt;b&gt;hoa" in here.client.get(gone.headers["location"]).text
    assert "/console/plain?a=1#here" == long.headers["location"]
    assert "Đã tạo" not in here.get("/plain?said=common.first_run_done").text
    here.world.clock.sleep(300)
    assert "Đã tạo" not in here.client.get(gone.headers["location"]).text


# -- the console's own threads -----------------------------------------------------------------------------------------


def test_full_house(tmp_path: Path) -> None:
    """When all threads work and none may wait any more, the next visitor hears "busy" at once."""
    inside, leave = threading.Event(), threading.Event()

    def slow(console: Console, visit: Visit, asked: Asked) -> Answer:
        inside.set()
        leave.wait(30)
        return plain(console, visit, asked)

    pages = (opened("/slow", slow), opened("/plain", plain))
    with bench(tmp_path, pages=pages, threads=Threads(1, most_waiting=0)) as here:
        other = threading.Thread(target=lambda: here.get("/slow"))
        other.start()
        assert inside.wait(30)
        refused = here.get("/plain")
        leave.set()
        other.join()
        served = here.get("/plain")

    assert (503, 200) == (refused.status_code, served.status_code)
    assert "quá nhiều yêu cầu" in unescape(refused.text)


# -- what is no document -----------------------------------------------------------------------------------------------


def body(console: Console, visit: Visit, asked: Asked) -> Answer:
    return Bytes(b"<script>alert(1)</script>", "text/plain; charset=utf-8")


def file(console: Console, visit: Visit, asked: Asked) -> Answer:
    return Stream(iter((b"a;", b"b\n")), "text/csv; charset=utf-8", "hồ sơ.csv")


def broken_file(console: Console, visit: Visit, asked: Asked) -> Answer:
    def rows() -> Iterator[bytes]:
        yield b"a;b\n"
        raise LedgerUnavailable("away")

    return Stream(rows(), "text/csv; charset=utf-8", "x.csv")


def live(console: Console, visit: Visit, asked: Asked) -> Answer:
    async def events() -> AsyncIterator[tuple[str, str]]:
        yield "row", "<tr>\r\n<td>one\revent: evil</td></tr>"
        yield "row", "two"

    return Live(events())


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Bench]:
    pages = (opened("/body", body), opened("/file", file), opened("/broken", broken_file), opened("/live", live))
    with bench(tmp_path, pages=pages) as made:
        yield made


def test_bytes_are_never_run(files: Bench) -> None:
    """Bytes of partners are shown as text in a sandbox: a browser neither guesses nor runs what they are."""
    answer = files.get("/body")

    assert "sandbox" in answer.headers["content-security-policy"]
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert answer.headers["content-type"].startswith("text/plain")


def test_file_is_streamed(files: Bench) -> None:
    """A file has its Vietnamese name and arrives whole, made chunk by chunk."""
    answer = files.get("/file")

    assert b"a;b\n" == answer.content
    assert "attachment; filename*=UTF-8''h%E1%BB%93%20s%C6%A1.csv" == answer.headers["content-disposition"]


def test_live_page(files: Bench) -> None:
    """Events keep their form whatever stands in their text: no line end in it begins an event of its own."""
    answer = files.get("/live")

    assert (
        "event: row\ndata: <tr>\ndata: <td>one\ndata: event: evil</td></tr>\n\nevent: row\ndata: two\n\n" == answer.text
    )
    assert "no" == answer.headers["x-accel-buffering"]


def test_too_many_live_pages(tmp_path: Path) -> None:
    """Beyond the settings' number a live page is refused in words; the page itself still stands there."""
    with bench(tmp_path, pages=(opened("/live", live),), most_live=0) as here:
        assert 503 == here.get("/live").status_code


# -- what every response wears -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/plain", "/login", "/bug", "/nowhere", "/account", "/taken"])
def test_headers_of_every_page(here: Bench, path: str) -> None:
    """Every answer keeps the browser to our own files, out of frames and out of caches."""
    headers = here.get(path).headers

    assert CSP == headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "no-store" == headers["cache-control"]
    assert "nosniff" == headers["x-content-type-options"]
    assert "same-origin" == headers["referrer-policy"]
    assert "same-origin" == headers["cross-origin-opener-policy"]
    assert "same-origin" == headers["cross-origin-resource-policy"]
    assert "camera=()" in headers["permissions-policy"]


def test_no_page_has_inline_script_or_style(here: Bench) -> None:
    """Scripts and styles come from files with digests; none stands in a page, nor does any handler."""
    here.sign_in()
    for path in ("/plain", "/account", "/nowhere", "/wrong"):
        html = here.get(path).text
        assert [] == re.findall(r"<style|style=|\son[a-z]+=|<script(?![^>]* src=)|javascript:", html)
        loaded = re.findall(r"<(?:script|link)[^>]*(?:src|stylesheet)[^>]*>", html)
        assert loaded
        assert all("integrity=" in each for each in loaded)


def test_static_files(here: Bench) -> None:
    """A file under the address with its digest is kept for ever; without it, asked for again; what is not served is not
    there, and nothing outside the folder is."""
    html = here.get("/plain").text
    address = re.search(r'href="(/console/static/console\.css\?v=\w+)"', html)
    assert address
    named, plain_one = here.client.get(address[1]), here.get("/static/console.css")

    assert "immutable" in named.headers["cache-control"]
    assert "no-cache" == plain_one.headers["cache-control"]
    assert "text/css; charset=utf-8" == named.headers["content-type"]
    for path in ("/static/vendor/DIGESTS", "/static/../words/common.vi.toml", "/static/%2e%2e/frame.py", "/static/"):
        assert 404 == here.get(path).status_code


def test_csp_reports(here: Bench) -> None:
    """A report is logged by the rule that was broken, none of its foreign words is, and a flood is only counted."""
    report = b'{"csp-report": {"effective-directive": "script-src-elem", "blocked-uri": "http://evil/0900000001"}}'
    kind = {"content-type": "application/csp-report"}
    with capture_logs() as lines:
        answers = [here.client.post("/console/csp-report", content=report, headers=kind) for _ in range(40)]
        odd = here.client.post("/console/csp-report", content=b"[1]", headers=kind)
        large = here.client.post("/console/csp-report", content=b"x" * 20_000, headers=kind)

    assert 41 <= here.counted.count("csp_report")
    assert {204} == {answer.status_code for answer in answers}
    assert (204, 413) == (odd.status_code, large.status_code)
    assert 20 == len(lines)
    assert {"script-src-elem"} == {line["rule"] for line in lines}


def test_head_of_a_page(here: Bench) -> None:
    """HEAD is answered as GET, without the page."""
    answer = here.client.head("/console/plain")

    assert (200, b"") == (answer.status_code, answer.content)


def test_console_without_slash(here: Bench) -> None:
    """Who types the address without its last slash is led on."""
    assert "/console/" == here.client.get("/console").headers["location"]
