"""What a bad message can do to the worker that shapes it: put, in a forked process, into the adapter alone."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Sequence

from adapters.partners.national_portal.adapter import NationalPortal
from bus.messages import Attempt, Delivery

MOST_MEMORY = 16 * 1024**3
"""What this process may have at all; a message that asks for more is told no by the operating system."""


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
    bytearray(4 * MOST_MEMORY)


HARMS: dict[str, Callable[[], None]] = {"raise": _raise, "hang": _hang, "kill": _kill, "eat": _eat}


def put_into(kind: str, mark: str, verb: str = "deliver") -> None:
    """From now on the adapter of this process meets its end over the event of this id, when it sends it or asks."""
    if verb == "ask":
        ask = NationalPortal.ask

        def poisoned_question(self: NationalPortal, delivery: Delivery) -> Attempt:
            if delivery.event.id == mark:
                HARMS[kind]()
            return ask(self, delivery)

        NationalPortal.ask = poisoned_question  # type: ignore[method-assign]
        return
    deliver = NationalPortal.deliver

    def poisoned(self: NationalPortal, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        if any(delivery.event.id == mark for delivery in batch):
            HARMS[kind]()
        return deliver(self, batch)

    NationalPortal.deliver = poisoned  # type: ignore[method-assign]
