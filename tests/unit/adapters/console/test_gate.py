"""The gate of the console: addresses of callers, names of this machine, where a form came from."""

from __future__ import annotations

import ipaddress

import pytest
from starlette.requests import Request

from adapters.doors.console.gate import Gate, Manners
from adapters.doors.console.sealing import Sealing
from tests.world import SeededRandomness, SimClock

PROXY = (ipaddress.ip_network("10.0.0.0/24"),)


class Nobody:
    """No session holds."""

    def session(self, token_hash, now, *, is_used=True):
        return None


def gate(**manners: object) -> Gate:
    return Gate(Nobody(), Sealing(b"k" * 32, SeededRandomness()), SimClock(), Manners(**manners))


def request(method: str = "GET", peer: str = "10.0.0.9", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/console/x",
            "raw_path": b"/console/x",
            "query_string": b"",
            "headers": raw,
            "client": (peer, 5) if peer else None,
        }
    )


@pytest.mark.parametrize(
    ("proxies", "peer", "told", "address"),
    [
        ((), "10.0.0.9", "192.0.2.7", "10.0.0.9"),
        (PROXY, "192.0.2.1", "192.0.2.7", "192.0.2.1"),
        (PROXY, "10.0.0.9", "192.0.2.7", "192.0.2.7"),
        (PROXY, "10.0.0.9", "203.0.113.1, 192.0.2.7, 10.0.0.8", "192.0.2.7"),
        (PROXY, "10.0.0.9", "not an address", "10.0.0.9"),
        (PROXY, "10.0.0.9", "", "10.0.0.9"),
        (PROXY, "", "192.0.2.7", ""),
    ],
    ids=["no proxy known", "not by it", "by it", "by two, and a lie before", "nonsense", "silent", "no peer"],
)
def test_address_of_the_caller(proxies: tuple, peer: str, told: str, address: str) -> None:
    """A header tells the caller's address only where a known proxy added it; what stands further left may be a lie."""
    assert address == gate(proxies=proxies).address(request(peer=peer, x_forwarded_for=told))


def test_proxy_with_a_line_of_its_own() -> None:
    """Some proxies put their line below the caller's: the last one counts, not the one that the caller wrote."""
    came = request()
    came.scope["headers"] = [(b"x-forwarded-for", told) for told in (b"203.0.113.1", b"192.0.2.7")]

    assert "192.0.2.7" == gate(proxies=PROXY).address(came)


@pytest.mark.parametrize(
    ("host", "is_known"),
    [("127.0.0.1:8400", True), ("localhost", True), ("[::1]:8400", True), ("10.0.0.7", True), ("evil.invalid", False),
     ("", False), ("localhost.evil.invalid", False)],
)  # fmt: skip
def test_names_of_this_machine(host: str, is_known: bool) -> None:
    """Without a public address an IP address and localhost are ours, and no other name."""
    assert is_known == gate().is_known_host(request(host=host))
    assert gate(public_url="https://x.example.invalid").is_known_host(request(host=host))


@pytest.mark.parametrize(
    ("public", "headers", "is_foreign"),
    [
        ("", {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1"}, False),
        ("", {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:2"}, True),
        ("https://a.example.invalid", {"host": "inner:1", "origin": "https://a.example.invalid"}, False),
        ("https://a.example.invalid/", {"host": "inner:1", "origin": "https://a.example.invalid"}, False),
        ("https://a.example.invalid", {"host": "inner:1", "origin": "http://inner:1"}, True),
        ("", {"host": "127.0.0.1:1"}, False),
        ("", {"host": "127.0.0.1:1", "sec_fetch_site": "none"}, False),
        ("", {"host": "127.0.0.1:1", "sec_fetch_site": "same-origin"}, False),
        ("", {"host": "127.0.0.1:1", "sec_fetch_site": "same-site"}, True),
    ],
)
def test_where_a_form_came_from(public: str, headers: dict[str, str], is_foreign: bool) -> None:
    """A form is foreign when the browser says so; behind a proxy it is the public address that counts, not the Host."""
    assert is_foreign == gate(public_url=public).is_from_elsewhere(request("POST", **headers))


def test_stranger() -> None:
    """Nobody has no right, no unit and no name."""
    visit = gate().visit(request(cookie="lienthong=old"))

    assert visit.is_stranger
    assert (frozenset(), (), 0) == (visit.rights, visit.units, visit.session)
    assert "" == gate().visit(request("POST")).here


def test_cookie_names() -> None:
    """Behind https a cookie is bound to its host by its name."""
    assert "__Host-lienthong" == gate(public_url="https://x.example.invalid").manners.cookie("lienthong")
    assert "lienthong" == gate(public_url="http://10.0.0.7").manners.cookie("lienthong")


def test_whose_session_it_was() -> None:
    """Whose session a browser had last is believed only where we wrote it."""
    here = gate()
    sealed = here._sealing.sealed("lienthong_who", "an", SimClock().now())

    assert "an" == here.who(request(cookie=f"lienthong_who={sealed}"))
    assert "" == here.who(request(cookie="lienthong_who=an"))
    assert "" == here.who(request())
