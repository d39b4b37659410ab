"""How fast a caller may send: so many requests a second, with a second's worth at once."""

from __future__ import annotations

from collections.abc import Callable


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
