"""Whose turn it is in one worker process: everybody's, or that of one suspect alone.

    everybody ──a suspect is due──▶ draining ──nothing is in flight──▶ alone ──settled──▶ everybody, for as long again

So a suspect waits for the calls in flight only, however much else is due; and the rest has at least half of the time,
however many suspects there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bus.messages import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solo:
    flight: tuple[int, int]
    alone_until: float
    lost_at: float


class Turns:
    """Kept by the thread that claims; the threads that call say when they begin and end."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._flights: dict[tuple[int, int], float] = {}
        """Of each call: when its lease is over. It may hang for ever, and is waited for no longer than that."""
        self._solo: _Solo | None = None
        self._drains = self._owes = False
        self._began = self._next_at = tick()

    # -- flights ------------------------------------------------------------------------------------------------

    def flies(self, first: Delivery, lease: timedelta) -> None:
        """A call has begun, or goes on with its lane's next delivery; `first` is what it began with."""
        now, seconds, flight = self._tick(), lease.total_seconds(), (first.id, first.fence)
        with self._lock:
            self._flights[flight] = now + seconds
            if first.is_suspect:
                self._solo = _Solo(flight=flight, alone_until=now + seconds / 2, lost_at=now + seconds)

    def landed(self, first: Delivery) -> None:
        """It has ended."""
        flight = (first.id, first.fence)
        with self._lock:
            del self._flights[flight]
            if self._solo is not None and self._solo.flight == flight:
                self._end()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in flight but what has hung past its lease."""
        now = self._tick()
        with self._lock:
            return all(until <= now for until in self._flights.values())

    # -- the suspect's turn -------------------------------------------------------------------------------------

    @property
    def is_alone(self) -> bool:
        """Whether a suspect flies, and nothing else may begin. One that hangs has its solitude for half its lease."""
        with self._lock:
            solo = self._solo
            if solo is not None and self._tick() >= solo.lost_at:
                self._end()
                return False
            return solo is not None and self._tick() < solo.alone_until

    @property
    def may_come(self) -> bool:
        """Whether a suspect may have the next turn: no other one flies, and the rest had theirs."""
        with self._lock:
            return self._solo is None and not self._owes and self._tick() >= self._next_at

    @property
    def is_draining(self) -> bool:
        """Whether calls in flight should end with the delivery that they carry."""
        return self._drains

    def drain(self) -> None:
        """A suspect waits for the calls in flight."""
        if not self._drains:
            self._drains, self._began = True, self._tick()

    def everybody(self) -> None:
        """The rest may begin: no suspect waits, the last one had its turn, or the one that flies its time alone."""
        self._drains = self._owes = False

    def give_up(self) -> None:
        """There was none to be had after all: another process took it, or the partner may not be called now."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        now = self._tick()
        self._next_at = now + (now - self._began)
        self._solo, self._drains, self._owes = None, False, True
