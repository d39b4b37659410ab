"""How fast a caller may send: so many requests a second, with a second's worth at once."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final


class Pace:
    """One caller's. A number and a look at the clock; two threads at once may let one request too many pass."""

    def __init__(self, rate: float, tick: Callable[[], float]) -> None:
        """`rate`: requests a second; 0 is no limit."""
        self._gap = 1.0 / rate if rate else 0.0
        self._burst = max(1.0, self._gap)
        self._tick = tick
        self._free_at = tick()
        """When all that was taken would have been taken at the agreed rate."""

    def wait(self) -> float:
        """Seconds to wait before another request is taken; 0 takes this one."""
        now = self._tick()
        late = self._free_at - now + self._gap - self._burst
        if late > 1e-9:
            return late
        self._free_at = max(self._free_at, now) + self._gap
        return 0.0


class Paces:
    """One for each address that calls: who forges calls uses up his own, not that of who calls truly."""

    MOST: Final = 4096
    """Addresses that are remembered; who has been silent longest is forgotten, and begins anew."""

    def __init__(self, rate: float, tick: Callable[[], float]) -> None:
        """`rate`: requests a second of one address; 0 is no limit."""
        self._rate = rate
        self._tick = tick
        self._known: OrderedDict[str, Pace] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds to wait before another request from there is taken; 0 takes this one."""
        caller = caller_of(address)
        pace = self._known.setdefault(caller, Pace(self._rate, self._tick))
        self._known.move_to_end(caller)
        if len(self._known) > self.MOST:
            self._known.popitem(last=False)
        return pace.wait()


def caller_of(address: str) -> str:
    """Who is counted together: an IPv6 network of 64 bits is one line's own, all its addresses are one caller's."""
    try:
        found = ipaddress.ip_address(address)
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else found
        return str(mapped or ipaddress.ip_network((int(found).to_bytes(16, "big"), 64), strict=False).network_address)
    except ValueError:
        return address
