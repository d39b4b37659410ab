"""Who calls: the other end of the connection, or whom a known proxy names; never whom a caller names himself."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from adapters.channels.addresses import networks_of
from adapters.doors.callback_lookup import Asker
from adapters.doors.peers import is_in, peer_of

PROXIES = networks_of(["10.0.0.0/24"])


def request(peer: str | None, told: str = "") -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in told.split("\n") if line]
    return Request({"type": "http", "headers": headers, "client": (peer, 1) if peer else None})


@pytest.mark.parametrize(
    ("peer", "told", "found"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.7", "203.0.113.5"),
        ("10.0.0.2", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.2", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.2", "198.51.100.7, 10.0.0.3", "198.51.100.7"),
        ("10.0.0.2", "203.0.113.9\n198.51.100.7", "198.51.100.7"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "unknown, _hidden", "10.0.0.2"),
        (None, "198.51.100.7", ""),
    ],
)
def test_peer(peer, told, found):
    """The nearest address that is no proxy of ours; what stands before it, a caller may have written himself."""
    assert found == peer_of(request(peer, told), PROXIES)


def test_without_proxies():
    """Where none is known, nobody's word is taken."""
    assert "10.0.0.2" == peer_of(request("10.0.0.2", "198.51.100.7"))
    assert [True, False, False] == [is_in(each, PROXIES) for each in ("10.0.0.9", "10.0.1.9", "not one")]


@pytest.mark.parametrize(("proxies", "is_it"), [(PROXIES, True), ((), False)])
def test_who_looks_up_what_is_due(proxies, is_it):
    """The portal's look-up holds its networks against whom the known proxy names, and not against the proxy."""
    asker = Asker(networks=networks_of(["198.51.100.0/24"]), key_header="x-key", key="right", proxies=proxies)
    came = request("10.0.0.2", "203.0.113.9, 198.51.100.7")
    came.scope["headers"].append((b"x-key", b"right"))
    lied = request("10.0.0.2", "198.51.100.7, 203.0.113.9")
    lied.scope["headers"].append((b"x-key", b"right"))

    assert [is_it, False] == [asker.is_it(came), asker.is_it(lied)]
