"""What the mock portal files: the same for the same seed, byte for byte; and how it takes an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from contracts.mock_control import control
from contracts.mocking import Request
from contracts.national_portal.filing import FileOrder, letters
from contracts.national_portal.mock import Portal
from contracts.national_portal.sending import Post, read_order
from tests.acceptance.portal_town import until

HERE = "http://127.0.0.1:9"


def order(**more: Any) -> FileOrder:
    return FileOrder(**({"to": HERE, "count": 3, "seed": 4} | more))


@pytest.mark.parametrize("kind", ["promotion", "amendment", "land_tax"])
def test_same_seed_same_bytes(kind):
    """The same seed makes the same messages; another seed, or another dossier, makes others."""
    first, again, other = (
        letters(order(kind=kind)),
        letters(order(kind=kind, count=5)),
        letters(order(kind=kind, seed=5)),
    )

    assert first == again[:3]
    assert len({letter.body for letter in (*again, *other)}) == 8
    assert {letter.number for letter in first} == {letter.number for letter in letters(order())}


@pytest.mark.parametrize("to", ["http://10.0.0.5:80", "https://127.0.0.1:1", "http://127.0.0.1:1/x", "http://portal"])
def test_mock_calls_nobody_else(to):
    """A mock sends to this machine only."""
    answer = control(Portal(), "file", Request(path="", body=json.dumps({"to": to}).encode()))

    assert 422 == answer.status


@contextmanager
def a_door(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A province's door that says these things, one after another, and the last one from then on."""
    left, came = list(answers), list[bytes]()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(self.rfile.read(int(self.headers["content-length"])))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sent(**more: Any) -> list[dict[str, Any]]:
    post = Post()
    made, batch = read_order(json.dumps({"count": 1, "pause_s": 0, **more}).encode())
    post.send(made, batch)
    return until(post.shown, lambda found: not found["open"])["rows"]


@pytest.mark.parametrize(
    "silence", [(200, b"{}"), (200, b"<html>"), (500, b'{"error_code": 0}'), (200, b"[]"), (200, b'{"error_code": 7}')]
)
def test_what_is_no_answer_is_sent_again(silence):
    """Only 0, 1 and -1 with status 200 are answers; after anything else the very same bytes come again."""
    with a_door(silence, silence, (200, b'{"error_code": "0", "message": "x"}')) as (url, came):
        (row,) = sent(to=url)

    assert ("taken", 3) == (row["end"], row["tries"])
    assert 3 == len(came)
    assert 1 == len(set(came))


@pytest.mark.parametrize(("code", "end"), [("0", "taken"), ("1", "there"), ("-1", "refused"), ("7", "gave_up")])
def test_ends(code, end):
    """0 and 1 are a yes, -1 the end; without an answer the portal gives up after its tries."""
    with a_door((200, b'{"error_code": ' + code.encode() + b"}")) as (url, _):
        (row,) = sent(to=url, tries=4)

    assert (end, 4 if end == "gave_up" else 1) == (row["end"], row["tries"])


def test_nobody_is_there():
    """A door that is not there is no answer either."""
    (row,) = sent(to=HERE, tries=3, lose=0.3, cut=0.4, twice=0.3)

    assert ("gave_up", 3) == (row["end"], row["tries"])


@pytest.mark.parametrize(("fate", "calls"), [("lose", 5), ("cut", 0), ("twice", 2)])
def test_mishaps(fate, calls):
    """A lost answer was an answer to us, a broken call never reached anybody, a doubled one came twice."""
    with a_door((200, b'{"error_code": 0}')) as (url, came):
        (row,) = sent(to=url, tries=5, **{fate: 1.0})

    whole = [body for body in came if body == letters(FileOrder(to=url))[0].body]
    assert calls == len(whole)
    assert ("taken" if fate == "twice" else "gave_up") == row["end"]


def test_end_of_filing():
    """What is under way can be ended, and is not sent any more; a reset does so too."""
    mock = Portal()
    control(mock, "file", Request(path="", body=json.dumps({"to": HERE, "tries": 10_000, "pause_s": 9}).encode()))
    told = control(mock, "filed", Request(method="DELETE", path=""))

    assert {"open": 0, "rows": []} == json.loads(told.body)
    mock.reset()
    assert {"open": 0, "rows": []} == json.loads(control(mock, "filed", Request(method="GET", path="")).body)
