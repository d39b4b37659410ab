"""Where calls may go: the hosts of the settings, at public addresses or in the networks that the settings name.

A name is looked up here, its address is judged, and the connection is made to that very address. So nobody can answer
the check with one address and the connection with another, and no name leads into the machine itself, its neighbours,
or a cloud's metadata service.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

from adapters.channels.tokens import SharedToken

Ip: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
LookUp: TypeAlias = Callable[[str, int], Sequence[str]]
"""Host and port → addresses, best first. Raises `OSError`."""

PIN_FOR: Final = 60.0
"""Seconds for which a name is not looked up again: a partner that moves is followed within a minute."""
PORTS: Final = {"http": 80, "https": 443}
# Two parsers that read one address differently are a way round every list, so only what cannot be read twice passes.
_URL: Final = re.compile(
    r"(https?)://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))(?::([0-9]{1,5}))?"
    r"(?=[/?]|\Z)[!-\[\]-~]*"
)
_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """Nothing goes there: the host is not one of the settings', or its address is in no network that they name."""


class NameUnknown(Exception):
    """The name has no address now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The host and the port that an address names."""

    host: str
    port: int

    def is_in(self, hosts: frozenset[str]) -> bool:
        """Whether it is listed, as `host` (any port) or as `host:port`."""
        return self.host in hosts or f"{self.host}:{self.port}" in hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """To this host the connection goes at this address, whatever a name server says meanwhile."""

    host: str
    address: str


def origin_of(url: str) -> Origin:
    """The one reading of an address. Raises AddressRefused."""
    found = _URL.fullmatch(url)
    if found is None:
        raise AddressRefused("the address can be read in more than one way")
    scheme, bracketed, name, port = found.groups()
    host = (bracketed or name).lower()
    if (bracketed or _NUMBER.fullmatch(host.rpartition(".")[2])) and not is_number(host):
        raise AddressRefused(f"{host} is no plain address")  # 127.1, 0x7f.1 and 2130706433 are all this machine
    return Origin(host=host, port=int(port) if port else PORTS[scheme])


def host_of(url: str) -> str:
    """`host:port`, as a list of hosts has it. Raises AddressRefused."""
    origin = origin_of(url)
    return f"{origin.host}:{origin.port}"


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks as the settings write them. Raises ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def check_address(address: str, networks: Sequence[Network]) -> None:
    """A public address, or one in these networks. Raises AddressRefused."""
    ip = _meant(ipaddress.ip_address(address.partition("%")[0]))
    if (ip.is_global and not ip.is_multicast) or any(ip in network for network in networks):
        return
    raise AddressRefused(f"{address} is not public, and in no network of private_networks")


def look_up(host: str, port: int) -> list[str]:
    """What the machine's own resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class PinnedHost:
    """One host's address, looked up and judged once for many threads, and again after a while or a failure."""

    def __init__(
        self,
        origin: Origin,
        networks: Sequence[Network],
        *,
        patience: timedelta,
        look_up: LookUp = look_up,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = origin
        self._networks = networks
        self._patience = patience.total_seconds()
        self._look_up = look_up
        self._failed = ""
        self._address = SharedToken(self._find, tick=tick)

    def address(self) -> str:
        """Where to connect now. Raises AddressRefused or NameUnknown."""
        return self._address.current()

    def failed(self, address: str) -> None:
        """Nobody opened there: the next call asks again, and takes another address if there is one."""
        self._failed = address
        self._address.forget(address)

    def _find(self) -> tuple[str, float]:
        found = [self._origin.host] if is_number(self._origin.host) else self._names()
        for address in found:
            # All of them: an answer that mixes in an address of ours is not the partner's answer.
            check_address(address, self._networks)
        return next((address for address in found if address != self._failed), found[0]), PIN_FOR

    def _names(self) -> Sequence[str]:
        """The resolver has no time-out of its own; a call has one, and a lease behind it."""
        answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()
        threading.Thread(target=self._ask, args=(answers,), name="name-look-up", daemon=True).start()
        try:
            found = answers.get(timeout=self._patience)
        except Empty:
            raise NameUnknown(f"{self._origin.host}: the name server did not answer in time") from None
        if isinstance(found, Exception) or not found:
            raise NameUnknown(f"{self._origin.host} has no address: {found}")
        return found

    def _ask(self, answers: SimpleQueue[Sequence[str] | Exception]) -> None:
        try:
            answers.put(self._look_up(self._origin.host, self._origin.port))
        except (OSError, UnicodeError) as failure:
            answers.put(failure)


def is_number(host: str) -> bool:
    """Whether a host is an address itself, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _meant(ip: Ip) -> Ip:
    """Where a packet ends up: some IPv6 addresses carry an IPv4 one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
