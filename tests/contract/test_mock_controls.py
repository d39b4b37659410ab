"""What every mock shares, on a real port: faults by name, the control routes and the page."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from contracts.mock_faults import NEEDS, STAGES
from contracts.mock_http import LARGEST_BODY
from contracts.national_portal.books import STEP, SYNC
from contracts.national_portal.mock import Portal
from contracts.serve import serve
from tests.contract.national_portal_calls import (
    ADAPTER,
    HEADERS,
    NUMBER,
    Caller,
    Clock,
    a_record,
    a_step,
)


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def url(caller: Caller) -> Iterator[str]:
    with serve(caller.portal) as address:
        yield address


def _raw(url: str, data: bytes, *, wait: float = 5.0) -> bytes:
    """Everything that comes back until the mock closes the connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=wait) as line:
        line.sendall(data)
        return b"".join(iter(lambda: line.recv(65536), b""))


def _http(caller: Caller, service: str, **more: Any) -> bytes:
    """A data call as bytes on the wire, that asks to close afterwards."""
    body = {"session": caller.session, "madonvi": "000.00.00.H99", "service": service, **more}
    raw = json.dumps(body).encode()
    lines = [f"POST {ADAPTER}integration HTTP/1.1", "Host: mock", "Connection: close", f"Content-Length: {len(raw)}"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + raw


def _create(caller: Caller, number: str = NUMBER) -> bytes:
    return _http(caller, SYNC, isUpdating="False", data=[a_record(MaHoSo=number)])


def _get(url: str, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        line.request(method, path, body)
        reply = line.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        line.close()


# Faults, on the wire.


def test_lose_reply_after_effect(caller, url):
    """The effect is stored, and the connection closes without a byte."""
    caller.arm("lose_reply_after_effect", count=1)

    assert b"" == _raw(url, _create(caller))
    assert [NUMBER] == [row["dossier"] for row in caller.effects()]


def test_lose_request(caller, url):
    """Nothing is stored, and the connection closes without a byte."""
    caller.arm("lose_request", count=1)

    assert b"" == _raw(url, _create(caller))
    assert [] == caller.effects()


@pytest.mark.parametrize(("after", "stored"), [(False, 0), (True, 1)])
def test_reset(caller, url, after, stored):
    """The connection is reset, before the effect or, when asked, after it."""
    caller.arm("reset", count=1, after_effect=after)

    with pytest.raises(ConnectionResetError):
        _raw(url, _create(caller))
    assert stored == len(caller.effects())


def test_half_body(caller, url):
    """The head promises more than comes; the effect is stored."""
    caller.arm("half_body", operation=SYNC, count=1)

    head, _, body = _raw(url, _create(caller)).partition(b"\r\n\r\n")

    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) > len(body) > 0
    assert 1 == len(caller.effects())


@pytest.mark.parametrize(("after", "stored"), [(False, 0), (True, 1)])
@pytest.mark.parametrize(
    ("fault", "line", "says"),
    [
        ("http_500", b"HTTP/1.1 500", b"Internal"),
        ("html_200", b"HTTP/1.1 200", b"<!doctype html>"),
        ("rate_limited", b"HTTP/1.1 429", b"Retry-After: 9"),
    ],
)
def test_instead_of_an_answer(caller, url, fault, line, says, after, stored):
    """These come in place of the portal's reply; nothing is stored unless the fault comes after the effect."""
    caller.arm(fault, count=1, retry_after=9, after_effect=after)

    reply = _raw(url, _create(caller))

    assert reply.startswith(line)
    assert says in reply
    assert stored == len(caller.effects())


def test_wrong_content_type(caller, url):
    """The right reply under a wrong label."""
    caller.arm("wrong_content_type", operation=SYNC, count=1)

    assert b"Content-Type: text/html" in _raw(url, _create(caller))
    assert 1 == len(caller.effects())


def test_slow_does_not_hold_others(caller, url):
    """A slow answer keeps its own caller waiting and nobody else; its effect is stored at once."""
    caller.arm("slow", dossier=NUMBER, seconds=0.6)
    replies: list[bytes] = []
    slow = threading.Thread(target=lambda: replies.append(_raw(url, _create(caller))))
    began = time.monotonic()
    slow.start()
    _until(lambda: len(caller.effects()) == 1)

    other = _raw(url, _create(caller, "H99.14-240315-0002"))

    assert other.startswith(b"HTTP/1.1 200")
    assert slow.is_alive()
    slow.join()
    assert time.monotonic() - began >= 0.6
    assert replies[0].startswith(b"HTTP/1.1 200")


def _until(claim: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not claim():
        assert time.monotonic() < end, "this never came true"
        time.sleep(0.005)


def test_late_effect():
    """The reply is lost, the look-up says no, and only later is the record there."""
    clock = Clock()
    caller = Caller(clock=clock)
    caller.arm("late_effect", delay=30, count=1)

    reply = caller.call(SYNC, isUpdating="False", data=[a_record()])

    assert "nothing" == reply.ending
    assert [] == caller.look_up()
    clock.pass_(30)
    assert [{"MAHOSO": NUMBER}] == caller.look_up()
    assert "2026-07-01T01:00:30Z" == caller.effects()[0]["at"]


def test_late_effect_meets_the_books_of_its_time():
    """A late create that finds its number taken changes nothing: lateness never doubles a record by itself."""
    clock = Clock()
    caller = Caller(clock=clock)
    caller.arm("late_effect", delay=30, count=1)
    caller.call(SYNC, isUpdating="False", data=[a_record()])
    caller.sync(a_record(TrangThaiHoSo="4"))
    clock.pass_(31)

    assert ["4"] == [row["entry"]["status"] for row in caller.effects(body="1")]


def test_expired_session(caller):
    """The session that is shown ends there and then; a new login helps."""
    caller.arm("expired_session", operation=SYNC, count=1)

    assert "Phiên làm việc không hợp lệ" == caller.sync(a_record())["message"]
    assert -1 == caller.ask("TraCuuHoSo", mahoso=NUMBER)["error_code"]
    caller.session = caller.login()["session"]
    assert 0 == caller.sync(a_record())["error_code"]


def test_clock_skew(caller, url):
    """The portal's clock runs ahead: its date says so, and a session of ten minutes is over."""
    caller.arm("clock_skew", operation=SYNC, seconds=3600, count=1)

    reply = _raw(url, _create(caller))

    ours = time.gmtime(time.time() + 3600)
    assert time.strftime("%a, %d %b %Y %H:", ours).encode() in reply
    assert "Phiên làm việc".encode() in reply


def test_refuse_record(caller):
    """One record is refused by name, whatever it holds."""
    caller.arm("refuse_record", dossier=NUMBER, count=1)

    assert "MaTTHC" in caller.sync(a_record())["message"]
    assert 0 == caller.sync(a_record())["error_code"]


def test_skip_record_say_yes(caller):
    """A record is lost behind a yes."""
    caller.arm("skip_record_say_yes", count=1)

    assert 0 == caller.sync(a_record())["error_code"]
    assert [] == caller.effects()
    assert "skip_record_say_yes" == caller.requests()[-1]["fault"]


def test_every_named_fault_is_somewhere(caller):
    """Each fault of the list can be armed here, or the mock says plainly why not."""
    assert set(STAGES) == caller.portal.faults_here | set(NEEDS)
    for name in caller.portal.faults_here:
        assert 201 == caller.arm(name).status
    for name in NEEDS.keys() - caller.portal.faults_here:
        reply = caller.arm(name)
        assert (422, True) == (reply.status, NEEDS[name] in json.loads(reply.body)["error"])


@pytest.mark.parametrize(
    "order",
    [
        {"fault": "no_such"},
        {"fault": "slow", "count": 0},
        {"fault": "slow", "rate": 1.5},
        {"fault": "slow", "cuont": 3},
        {"fault": "slow", "after_effect": True},
        {"count": 3},
        {"fault": "slow", "count": "3"},
        [],
    ],
)
def test_fault_that_makes_no_sense(caller, order):
    """A fault that cannot be understood is refused, and none is armed."""
    assert 422 == caller.control("POST", "faults", order).status
    assert [] == json.loads(caller.control("GET", "faults").body)["faults"]


def test_count_and_filters(caller):
    """A fault strikes as often as it was told, at the operation and the dossier it was told."""
    caller.arm("http_500", operation="TraCuuHoSo", dossier=NUMBER, count=2)

    statuses = [caller.call("TraCuuHoSo", mahoso=number).status for number in ("x", NUMBER, NUMBER, NUMBER)]

    assert [200, 500, 500, 200] == statuses
    assert {"met": 2, "struck": 2, "left": 0, "active": False}.items() <= _faults(caller)[0].items()


def test_lost_reply_waits_for_an_effect(caller):
    """A lost reply after the effect spares calls that have no effect; they do not use up its count."""
    caller.arm("lose_reply_after_effect", count=1)

    assert [] == caller.look_up()
    assert -1 == caller.progress(a_step())["error_code"]
    assert "nothing" == caller.call(SYNC, isUpdating="False", data=[a_record()]).ending


def test_faults_are_disarmed(caller):
    """DELETE makes the mock behave again and keeps the history."""
    caller.arm("http_500", rate=1)
    caller.control("DELETE", "faults")

    assert [] == caller.look_up()
    assert [False] == [row["active"] for row in _faults(caller)]


def _faults(caller: Caller) -> list[dict[str, Any]]:
    return json.loads(caller.control("GET", "faults").body)["faults"]


# The same seed, the same transcript.


def _transcript(seed: int) -> tuple[bytes, bytes]:
    clock = Clock()
    caller = Caller(clock=clock)
    for fault in ("lose_reply_after_effect", "http_500", "refuse_record", "late_effect", "slow"):
        caller.arm(fault, rate=0.2, seed=seed)
    for number in range(60):
        name = f"H99.14-240315-{number:04d}"
        clock.pass_(1)
        caller.call(SYNC, isUpdating="False", data=[a_record(MaHoSo=name)])
        caller.call(STEP, data=[a_step(MaHoSo=name)])
    return caller.control("GET", "requests").body, caller.control("GET", "effects", body="1").body


def test_same_seed_same_transcript():
    """The same seed gives the same transcript, byte for byte; another seed gives another."""
    assert _transcript(7) == _transcript(7)
    assert _transcript(7) != _transcript(8)


# Control routes and pages, on the wire.


def test_effect_pages(caller, url):
    """Effects come in pages, after a number, with bodies when asked."""
    for number in range(5):
        caller.sync(a_record(MaHoSo=f"H99.14-240315-000{number}"))
    status, _, body = _get(url, "/_control/national_portal/effects?after=2&limit=2&body=1")
    rows = json.loads(body)

    assert (200, [3, 4]) == (status, [row["n"] for row in rows])
    assert {"n", "at", "operation", "dossier", "digest", "repeat", "entry", "body"} == set(rows[0])
    plain = json.loads(_get(url, "/_control/national_portal/effects?limit=1")[2])[0]
    assert {"n", "at", "operation", "dossier", "digest", "repeat"} == set(plain)


def test_effects_of_one_dossier(caller, url):
    """A person who looks for one dossier among thousands names it, and gets its rows under their own numbers."""
    for number, updating in ((1, "False"), (2, "False"), (1, "True"), (1, "True")):
        caller.sync(a_record(MaHoSo=f"H99.14-240315-000{number}"), updating=updating)
    path = "/_control/national_portal/effects?dossier=H99.14-240315-0001"

    assert [1, 3, 4] == [row["n"] for row in json.loads(_get(url, path)[2])]
    assert [3] == [row["n"] for row in json.loads(_get(url, f"{path}&after=1&limit=1")[2])]
    assert [] == json.loads(_get(url, f"{path}X")[2])


def test_requests_say_kept_and_broken(caller, url):
    """Every request is listed with the rules it kept and those it broke, and where each stands."""
    caller.sync(a_record(GhiChu="a" * 2001))
    row = json.loads(_get(url, "/_control/national_portal/requests?after=1")[2])[0]

    assert ("DongBoHoSoMC", [NUMBER], 0) == (row["operation"], row["dossiers"], row["effects"])
    assert "r51" in row["kept"]
    assert [
        {
            "rule": "r70",
            "where": "contracts/national_portal/NOTES.md#r70",
            "field": "data[0].GhiChu",
            "expected": "at most 2000 characters",
            "found": "2001 characters",
            "refused": True,
        }
    ] == row["broke"]


def test_requests_hold_no_secret(caller, url):
    """Neither password nor session stands in the log of requests."""
    caller.sync(a_record())
    body = _get(url, "/_control/national_portal/requests")[2].decode()

    assert "mock-password" not in body
    assert caller.session not in body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_control/national_portal/effects?after=x", 422),
        ("GET", "/_control/national_portal/effects?limit=-1", 422),
        ("GET", "/_control/national_portal/nothing", 404),
        ("GET", "/_control/nobody/effects", 404),
        ("PUT", "/_control/national_portal/faults", 404),
        ("POST", "/", 404),
        ("GET", "/elsewhere", 404),
        ("GET", "/notes/nobody", 404),
    ],
)
def test_nothing_here(url, method, path, status):
    """What is not there is said to be not there."""
    assert status == _get(url, path, method)[0]


def test_switches_are_shown(url):
    """Every switch is shown with its value, its default, its rule and what it does."""
    switches = json.loads(_get(url, "/_control/national_portal/switches")[2])

    assert {"value", "default", "rule", "says"} == set(switches["exists_code"])
    assert -3 == switches["exists_code"]["value"]


@pytest.mark.parametrize(
    "switches",
    [{"nothing": 1}, {"exists_code": 7}, {"exists_code": True}, {"record_results": 1}, {"session_ttl_s": -1}],
)
def test_switch_that_makes_no_sense(caller, switches):
    """An unknown switch or a wrong value is refused, and none of the order is done."""
    assert 422 == caller.turn(max_steps=3, **switches).status
    assert 10 == caller.portal.switches["max_steps"]


def test_page_for_people(caller, url):
    """The page names the caller, the broken rule and its sentence, and links to where it stands; no script."""
    _raw(url, _http(caller, SYNC, isUpdating="False", data=[a_record(GhiChu="<b>" * 1000)]))
    status, headers, body = _get(url, "/")
    page = body.decode()

    assert 200 == status
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "127.0.0.1" in page
    assert '<a href="/notes/national_portal#r70">' in page
    assert "Limits found by failure" in page
    assert "<script" not in page
    assert "<style" not in page
    assert 'lang="vi"' in page


def test_page_escapes_what_callers_say(url):
    """A caller's own words never become markup."""
    _raw(
        url,
        b"GET /national_portal/%3Cscript%3E HTTP/1.1\r\nUser-Agent: <script>x</script>\r\nConnection: close\r\n\r\n",
    )

    assert b"<script" not in _get(url, "/")[2]


def test_notes_have_an_anchor_for_each_rule(url):
    """Each rule of the notes can be linked to."""
    page = _get(url, "/notes/national_portal")[2].decode()
    rules = re.findall(r'<a id="(r\d+)">', Portal.notes.read_text(encoding="utf-8"))

    assert len(rules) > 80
    assert all(f'id="{rule}"' in page for rule in rules)
    assert 200 == _get(url, "/style.css")[0]


# HTTP as callers really speak it.


def test_keep_alive_and_pipelining(caller, url):
    """One connection serves many requests, also when they come at once; answers keep their order."""
    first = _create(caller).replace(b"Connection: close\r\n", b"")
    data = first + _http(caller, "TraCuuHoSo", mahoso=NUMBER)

    replies = _raw(url, data)

    assert 2 == replies.count(b"HTTP/1.1 200 OK")
    assert replies.index("hành công".encode()) < replies.index(b"MAHOSO")


def test_chunked_and_expectant(caller, url):
    """A chunked body and `Expect: 100-continue` are understood."""
    head, _, body = _create(caller).partition(b"\r\n\r\n")
    head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked\r\nExpect: 100-continue", head)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    reply = _raw(url, head + b"\r\n\r\n" + chunks)

    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert 1 == len(caller.effects())


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x00\xa5\x01", b"GET\r\n\r\n", b"NONSENSE / HTTP/1.1\r\n\r\n"])
def test_not_http(url, data):
    """What is no HTTP/1.1 is answered 400 and the connection closed."""
    assert _raw(url, data).startswith(b"HTTP/1.1 400")


def test_too_large(caller, url):
    """A body beyond what any partner would take is answered 413, and nothing of it is kept."""
    head = f"POST {ADAPTER}integration HTTP/1.1\r\nHost: mock\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()

    assert _raw(url, head + b" " * (LARGEST_BODY + 1)).startswith(b"HTTP/1.1 413")
    assert 1 == len(caller.requests())


def test_many_callers(caller, url):
    """Many connections at once: every record is stored once."""
    numbers = [f"H99.14-240315-{number:04d}" for number in range(80)]
    threads = [
        threading.Thread(target=lambda part=numbers[start::8]: [_raw(url, _create(caller, name)) for name in part])
        for start in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers == sorted(row["dossier"] for row in caller.effects())


def test_shutdown_with_callers_waiting():
    """Leaving the block ends open and slow connections, and leaves no thread behind."""
    caller = Caller()
    caller.arm("slow", seconds=60)
    before = threading.active_count()
    with serve(caller.portal) as url:
        parts = urlsplit(url)
        line = socket.create_connection((parts.hostname, parts.port), timeout=5)
        line.sendall(_create(caller))
        _until(lambda: len(caller.effects()) == 1)
    with line:
        pass

    assert before == threading.active_count()


def test_taken_port():
    """A port that is taken is said at once, and nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="ddress"), serve(Portal(), port=port):
            pass


def test_run_until_terminated(root: Path):
    """`run` serves in the foreground, tells its address, and ends cleanly on a termination signal."""
    code = "from contracts.serve import run; from contracts.national_portal.mock import Portal\n"
    code += "run([Portal()], port=0, ready=lambda url: print(url, flush=True))"
    command = [sys.executable, "-W", "error", "-c", code]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        status = _get(url, "/")[0]
        process.send_signal(signal.SIGTERM)
        _, trouble = process.communicate(timeout=10)

    assert (200, 0, "") == (status, process.returncode, trouble)
