"""The page beside a worker: bounded in what it serves, and quick to end."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from adapters.doors.watched import watched


def test_pages_by_path():
    """Each path has its answer, with its status and type; nothing is kept by anybody."""
    with (
        watched("127.0.0.1", 0, {"/a": lambda: (200, b"x", "text/plain")}) as url,
        urllib.request.urlopen(f"{url}/a?q=1") as reply,
    ):
        told = (reply.status, reply.read(), reply.headers["content-type"], reply.headers["cache-control"])

    assert (200, b"x", "text/plain", "no-store") == told


def test_caller_that_hangs_keeps_nobody():
    """Somebody who connects and says nothing keeps neither the next caller nor the end waiting."""
    with watched("127.0.0.1", 0, {"/a": lambda: (200, b"x", "text/plain")}) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port))), urllib.request.urlopen(f"{url}/a") as reply:
            assert b"x" == reply.read()


def test_on_ipv6():
    """An address of the new kind is shown in brackets."""
    try:
        with watched("::1", 0, {}) as url:
            assert url.startswith("http://[::1]:")
    except OSError as trouble:
        pytest.skip(f"this machine has no IPv6 loopback: {trouble}")
