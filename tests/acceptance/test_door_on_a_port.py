"""The door on a real port: durability, twins, slow callers, and what is not HTTP."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from adapters.doors import server
from adapters.doors.body import READ_S
from adapters.doors.protocol import Limits
from adapters.doors.server import serve
from bus.ports import SystemClock
from signing.keys import generate
from tests.builders import event_json
from tests.doors import JSON, NDJSON, door_app, signed_headers, wire
from tests.world import World

CLOCK = SystemClock()
SHORT = Limits(head_s=0.6, body_s=1.0, idle_s=1, write_s=1.0)


class Port:
    """A door on a port, and signed requests to it."""

    def __init__(self, url: str, world: World | None = None) -> None:
        self.url = url
        self.world = world
        parts = urlsplit(url)
        self.address = (parts.hostname or "", parts.port or 0)

    def post(self, body: bytes, path: str = "/v1/events", *, content_type: str = JSON) -> httpx2.Response:
        headers = signed_headers("POST", path, body, clock=CLOCK, content_type=content_type, nonce=os.urandom(8).hex())
        return httpx2.post(self.url + path, content=body, headers=headers, timeout=20)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    """A door with usual limits."""
    with opened(tmp_path) as made:
        yield made


@contextlib.contextmanager
def opened(folder: Path, limits: Limits = server.USUAL, **how: Any) -> Iterator[Port]:
    world = World(folder, clock=CLOCK)  # type: ignore[arg-type]
    app = door_app(world, generate(folder / "signing.key", name="h99"), **how)
    try:
        with serve(app, limits=limits) as serving:
            yield Port(serving.url, world)
    finally:
        world.close()


def count(world: World | None) -> int:
    assert world is not None
    row = world.ledger.engine.read().one("count_events")
    assert row is not None
    return int(row[0])


# -- durable, and once ------------------------------------------------------------------------------------------


def _serve_until_killed(folder: str, pipe: Any) -> None:
    world = World(Path(folder), clock=CLOCK)  # type: ignore[arg-type]
    app = door_app(world, generate(Path(folder) / f"{os.getpid()}.key", name="h99"))
    with serve(app) as serving:
        pipe.send(serving.url)
        threading.Event().wait()


def test_p01_accepted_means_durable_over_kills(tmp_path: Path):
    """Every event that was answered 201 before its process was killed -9 is in the ledger after."""
    context = multiprocessing.get_context("spawn")
    answered: list[str] = []
    for life in range(2):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve_until_killed, args=(str(tmp_path), theirs))
        process.start()
        assert ours.poll(30)
        answered += _post_until_killed(Port(ours.recv()), life, process.pid or 0)
        process.join(10)
        assert process.exitcode == -signal.SIGKILL
    world = World(tmp_path, clock=CLOCK)  # type: ignore[arg-type]
    kept = {id for id in answered if world.reads.sources_with(id)}
    world.close()

    assert len(answered) > 20
    assert set(answered) == kept


def _post_until_killed(port: Port, life: int, pid: int) -> list[str]:
    """Eight callers post while the process is killed; the ids that were answered 201."""
    answered: list[str] = []
    enough = threading.Event()

    def call(caller: int) -> None:
        for n in range(1000):
            id = f"life-{life}-{caller}-{n}"
            try:
                if port.post(wire(id=id, dossier=f"H99-{life}-{caller}")).status_code == 201:
                    answered.append(id)
            except httpx2.HTTPError:
                return
            if len(answered) > 15:
                enough.set()

    with ThreadPoolExecutor(8) as callers:
        for caller in range(8):
            callers.submit(call, caller)
        assert enough.wait(30)
        os.kill(pid, signal.SIGKILL)
    return answered


def test_p04_fifty_twins_at_once(port: Port):
    """Fifty callers send the same event at once: one is recorded, forty-nine get the very same bytes."""
    gate = threading.Barrier(50)

    def twin(_: int) -> httpx2.Response:
        gate.wait()
        return port.post(wire())

    with ThreadPoolExecutor(50) as callers:
        answers = list(callers.map(twin, range(50)))

    assert [200] * 49 + [201] == sorted(answer.status_code for answer in answers)
    assert 1 == len({answer.content for answer in answers})
    assert 49 == sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers)
    assert 1 == count(port.world)


def test_p04_same_bytes_after_a_restart(tmp_path: Path):
    """The first answer is the answer for ever: another process gives the same bytes."""
    identity = generate(tmp_path / "signing.key", name="h99")
    answers = []
    for _ in range(2):
        world = World(tmp_path, clock=CLOCK)  # type: ignore[arg-type]
        with serve(door_app(world, identity)) as serving:
            answers.append(Port(serving.url).post(wire()))
        world.close()

    assert [201, 200] == [answer.status_code for answer in answers]
    assert answers[0].content == answers[1].content


def test_door_closes_after_its_answers(tmp_path: Path):
    """A door that is told to close answers what is inside first."""
    inside, go_on = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "door.received":
            inside.set()
            go_on.wait(5)

    with opened(tmp_path, crash_point=wait) as port, ThreadPoolExecutor(1) as caller:
        answer = caller.submit(port.post, wire(), "/v1/events/batch", content_type=NDJSON)
        assert inside.wait(10)
        go_on.set()

    assert 200 == answer.result(10).status_code


# -- large, slow and not HTTP -----------------------------------------------------------------------------------


def test_ten_megabytes_hear_why(port: Port):
    """A caller that sends far too much is heard out and told 413; memory and ledger stay as they were."""
    response = port.post(wire(note="x" * 10_000_000))

    assert (413, "too_large") == (response.status_code, response.json()["code"])
    assert 0 == count(port.world)


def test_expecting_caller_is_told_before_it_sends(port: Port):
    """A caller that asks first (Expect: 100-continue) is refused before it has sent its body."""
    with port.connect() as caller:
        caller.sendall(
            b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert b"HTTP/1.1 413 " in caller.recv(4096)


def test_ten_megabyte_batch(port: Port):
    """A batch of nearly ten megabytes is taken."""
    line = wire(note="x" * 19_000)
    body = b"\n".join([wire(id=f"e{n}", note="x" * 19_000) for n in range(9_500_000 // len(line))])
    response = port.post(body, "/v1/events/batch", content_type=NDJSON)
    results = {json.loads(each)["result"] for each in response.content.splitlines()}

    assert (200, {"recorded"}) == (response.status_code, results)


def closed_after(caller: socket.socket, feed: bytes, every: float, limit: float) -> float:
    """Seconds until the door closes on a caller that sends a byte now and then."""
    begun = time.monotonic()
    caller.settimeout(every)
    while time.monotonic() - begun < limit:
        try:
            caller.sendall(feed)
            if caller.recv(4096) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begun


SLOW = {
    "silent": (b"", b""),
    "head": (b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"x"),
    "second head": (b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\n", b"x"),
    "body": (b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "unread body": (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
}


def test_s8_slow_callers_are_closed(tmp_path: Path):
    """Slow heads, slow bodies, silence: each is closed within its time, while health answers within a second."""
    with opened(tmp_path, SHORT, read_s=0.9) as port, ThreadPoolExecutor(64) as callers:

        def slow(kind: str) -> float:
            start, feed = SLOW[kind]
            with port.connect() as caller:
                caller.sendall(start)
                return closed_after(caller, feed, 0.05, 8)

        waits = [(kind, callers.submit(slow, kind)) for kind in SLOW for _ in range(8)]
        health = []
        while not all(done.done() for _, done in waits):
            begun = time.monotonic()
            assert 200 == httpx2.get(f"{port.url}/livez", timeout=5).status_code
            health.append(time.monotonic() - begun)
            time.sleep(0.02)
        took = {kind: max(done.result() for name, done in waits if name == kind) for kind in SLOW}

        assert all(seconds < 5 for seconds in took.values()), took
        assert statistics.quantiles(health, n=100)[-1] < 1.0
        assert 0 == count(port.world)


def test_s8_usual_limits_close_within_thirty_seconds():
    """The limits that are in force by default add up to less than thirty seconds."""
    usual = Limits()

    assert usual.head_s + usual.body_s < 30
    assert READ_S < usual.body_s
    assert usual.write_s < 30


def test_s8_slow_body_hears_why(tmp_path: Path):
    """A body that comes too slowly is answered 408 with a problem, then closed."""
    with opened(tmp_path, SHORT, read_s=0.3) as port, port.connect() as caller:
        caller.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        answer = caller.recv(8192)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"unavailable"' in answer


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET\r\n\r\n",
        b"BREW /pot HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"A: x\r\n" * 200_000,
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_s8_malformed_http(port: Port, junk: bytes):
    """What is not HTTP is answered with a problem or closed; the next caller is served."""
    with port.connect() as caller:
        caller.settimeout(8)
        with contextlib.suppress(ConnectionError):
            caller.sendall(junk)
            answer = b"".join(iter(lambda: caller.recv(65536), b""))

            assert answer == b"" or b"application/problem+json" in answer
            assert b" 5" not in answer[:12]
    assert 200 == httpx2.get(f"{port.url}/livez", timeout=5).status_code


def test_connection_limit(tmp_path: Path):
    """Past the limit of connections the next one is closed at once; when one leaves there is room again."""
    limits = Limits(connections=5)
    with opened(tmp_path, limits) as port:
        held = [port.connect() for _ in range(5)]
        time.sleep(0.2)
        with port.connect() as sixth, contextlib.suppress(ConnectionError):
            assert b"" == sixth.recv(100)
        for each in held:
            each.close()
        time.sleep(0.2)

        assert 200 == httpx2.get(f"{port.url}/livez", timeout=5).status_code


def test_too_many_at_once(tmp_path: Path):
    """Past the number of requests served at once a caller hears "later" at once; health still answers."""
    hold = threading.Event()

    def wait(name: str) -> None:
        if name == "door.verified":
            hold.wait(10)

    with opened(tmp_path, most_at_once=1, crash_point=wait) as port, ThreadPoolExecutor(1) as caller:
        first = caller.submit(port.post, wire(), "/v1/events/batch", content_type=NDJSON)
        time.sleep(0.5)
        second = port.post(wire(event_json(id="second")))
        health = httpx2.get(f"{port.url}/livez", timeout=5)
        hold.set()

        assert (503, "unavailable") == (second.status_code, second.json()["code"])
        assert 200 == health.status_code
        assert 200 == first.result(10).status_code


def test_taken_port_is_an_error_here(port: Port, tmp_path: Path):
    """A port that somebody has is an error for who opens the door, not a thread that died."""
    assert port.world is not None
    app = door_app(port.world, generate(tmp_path / "second.key", name="h99"))
    with pytest.raises(OSError, match="in use"), serve(app, port=port.address[1]):
        pass


def test_started_is_said_once_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Who reads `door_started` may knock at once; a signal then ends `run`."""
    knocked: list[bool] = []

    def told(serving: server.Serving) -> None:
        with contextlib.suppress(OSError), socket.create_connection((serving.host, serving.port), timeout=5):
            knocked.append(True)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()

    monkeypatch.setattr(server, "_tell", told)
    world = World(tmp_path, clock=CLOCK)  # type: ignore[arg-type]
    try:
        server.run(door_app(world, generate(tmp_path / "signing.key", name="h99")), "127.0.0.1", 0)
    finally:
        world.close()

    assert [True] == knocked
