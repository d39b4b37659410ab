"""A channel is used by threads that come and go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import socket
from concurrent.futures import ThreadPoolExecutor
from adapters.channels.http import HttpChannel, Request
from tests.portal_kit import local_http
from tests.raw_sockets import answer, raw_server, read_request

def serve(server, connection):
    while True:
        read_request(server, connection)
        answer(connection)

with raw_server(serve) as server:
    channel = HttpChannel(local_http())
    request = Request(operation="x", method="POST", url=server.url, headers={}, body=b"x" * 2000)
    for _ in range(20):
        with ThreadPoolExecutor(1) as pool:
            assert [200] * 4 == [each.status for each in pool.map(channel.send, [request] * 4)]
    channel.close()
print("alive")
"""


def test_threads_that_end_take_nothing_along():
    """The first call comes from a thread that ends; the process lives, and its next threads call as well."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert (0, "alive\n") == (done.returncode, done.stdout), done.stderr
