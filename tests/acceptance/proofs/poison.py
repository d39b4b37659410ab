"""What a bad message can do to the worker that shapes it: put, in a forked process, into the adapter and nowhere else."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from typing import Any

from adapters.partners.national_portal.adapter import NationalPortal

MOST_MEMORY = 4 * 1024**3
"""What this process may have at all; one message that asks for more is told no by the operating system."""


def _raise() -> None:
    raise RuntimeError("a bug of ours")


def _hang() -> None:
    while True:
        time.sleep(3600)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _eat() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    eaten = []
    while True:
        eaten.append(bytearray(64 * 1024**2))


HARMS: dict[str, Callable[[], None]] = {"raise": _raise, "hang": _hang, "kill": _kill, "eat": _eat}


def put_into(kind: str, mark: str) -> None:
    """From now on the adapter of this process meets its end over the event of this id."""
    shape = NationalPortal._shape

    def poisoned(self: NationalPortal, delivery: Any) -> dict[str, Any]:
        if delivery.event.id == mark:
            HARMS[kind]()
        return shape(self, delivery)

    NationalPortal._shape = poisoned  # type: ignore[method-assign]
