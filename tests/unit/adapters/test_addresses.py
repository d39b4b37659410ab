"""Which addresses are called at all: one reading of each, the hosts of the settings, and no way into the machine."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from adapters.channels.addresses import (
    PIN_FOR,
    AddressRefused,
    NameUnknown,
    Origin,
    PinnedHost,
    check_address,
    host_of,
    look_up,
    networks_of,
    origin_of,
)

PORTAL = Origin(host="portal.h99.example.invalid", port=443)
SOON = timedelta(seconds=5)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Names:
    """A name server that gives one answer after another, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def pinned(*answers: list[str], networks: tuple[str, ...] = (), **more) -> tuple[PinnedHost, Names]:
    names = Names(*answers)
    return PinnedHost(PORTAL, networks_of(networks), patience=SOON, look_up=names, **more), names


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://Adapter.H99.example.invalid/a?b=c", "adapter.h99.example.invalid", 443),
        ("http://10.0.0.5:8080/x", "10.0.0.5", 8080),
        ("https://[2001:DB8::1]:9/x", "2001:db8::1", 9),
        ("http://h99.invalid", "h99.invalid", 80),
    ],
)
def test_reading_of_an_address(url, host, port):
    """An address names one host and one port, whoever reads it."""
    assert Origin(host=host, port=port) == origin_of(url)
    assert f"{host}:{port}" == host_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://good.invalid@evil.invalid/",
        "https://good.invalid\\@evil.invalid/",
        "https://good.invalid\\.evil.invalid/",
        "https://good.invalid#@evil.invalid/",
        "https://good.invalid\t.evil.invalid/",
        "https://good.invalid/\r\nhost: evil.invalid",
        " https://good.invalid/",
        "https:/good.invalid/",
        "https:good.invalid/",
        "//good.invalid/",
        "HTTPS://good.invalid/",
        "ftp://good.invalid/",
        "file:///etc/passwd",
        "https://good.invalid:99999999/",
        "https://ｇood.invalid/",
        "https://[::1/",
        "https://[::ffff:127.0.0.1%25lo]/",
        "https:///x",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "",
    ],
)
def test_address_with_two_readings_is_refused(url):
    """What two parsers could read as two hosts is no address, and neither is a number in disguise."""
    with pytest.raises(AddressRefused):
        origin_of(url)


def test_list_of_hosts_names_a_port_or_any():
    """A host is listed with its port, so that no other service of that machine is called; tests list any port."""
    origin = Origin(host="h99.invalid", port=443)

    assert origin.is_in(frozenset({"h99.invalid:443"}))
    assert origin.is_in(frozenset({"h99.invalid"}))
    assert not origin.is_in(frozenset({"h99.invalid:8443", "x.h99.invalid", "invalid"}))
    assert not origin.is_in(frozenset())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.5",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_address_that_is_not_public_needs_leave(address):
    """The machine, its neighbours and a cloud's metadata service are never called, in no way of writing them."""
    with pytest.raises(AddressRefused):
        check_address(address, ())


@pytest.mark.parametrize("address", ["198.41.0.4", "2001:500:200::b", "::ffff:198.41.0.4", "64:ff9b::c629:4"])
def test_public_address_needs_no_leave(address):
    """A partner on the public network is reached without naming its network."""
    check_address(address, ())


def test_leave_is_for_the_networks_of_the_settings_only():
    """The government network is private: its part where the adapter stands is named, and nothing beside it opens."""
    networks = networks_of(["10.0.0.0/24", "fd00:1::/64"])

    check_address("10.0.0.5", networks)
    check_address("fd00:1::5", networks)
    for other in ("10.0.1.5", "127.0.0.1", "fd00:2::5", "169.254.169.254"):
        with pytest.raises(AddressRefused, match="private_networks"):
            check_address(other, networks)


def test_name_is_looked_up_once_and_again_after_a_while():
    """The address that was judged is the one that is used, for a minute; then the name is judged anew."""
    time = Time()
    host, names = pinned(["198.41.0.4"], ["127.0.0.1"], tick=time)

    assert ["198.41.0.4"] * 3 == [host.address() for _ in range(3)]
    assert 1 == names.asked
    time.now = PIN_FOR
    with pytest.raises(AddressRefused):
        host.address()


def test_answer_with_one_address_of_ours_is_refused_whole():
    """A name that has a public address and the machine's own is not the partner's doing."""
    host, _ = pinned(["198.41.0.4", "127.0.0.1"])

    with pytest.raises(AddressRefused):
        host.address()


def test_address_where_nobody_opens_is_left_for_another():
    """Of two addresses the other one is taken after a failure; a single one is tried again."""
    host, names = pinned(["198.41.0.4", "199.9.14.201"])
    first = host.address()
    host.failed(first)

    assert ("198.41.0.4", "199.9.14.201", 2) == (first, host.address(), names.asked)
    single, _ = pinned(["198.41.0.4"])
    single.failed(single.address())
    assert "198.41.0.4" == single.address()


def test_number_is_not_looked_up():
    """An address that is written as a number is judged as it stands."""
    names = Names(["198.41.0.4"])
    host = PinnedHost(Origin(host="10.0.0.5", port=80), networks_of(["10.0.0.5"]), patience=SOON, look_up=names)

    assert ("10.0.0.5", 0) == (host.address(), names.asked)


@pytest.mark.parametrize("answer", [OSError("no such name"), UnicodeError("label too long"), []])
def test_name_without_an_address(answer):
    """A name that nobody knows was never reached."""

    def nobody(host: str, port: int) -> list[str]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(NameUnknown, match="no address"):
        PinnedHost(PORTAL, (), patience=SOON, look_up=nobody).address()


def test_name_server_that_hangs_costs_no_more_than_a_connection_may():
    """The machine's resolver may wait for half a minute; a call's lease would run out meanwhile."""
    hanging = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        hanging.wait()
        return []

    with pytest.raises(NameUnknown, match="in time"):
        PinnedHost(PORTAL, (), patience=timedelta(milliseconds=20), look_up=hang).address()
    hanging.set()


def test_the_machines_own_resolver():
    """Without another look-up the machine is asked; each address comes once."""
    assert ["127.0.0.1"] == look_up("127.0.0.1", 80)
