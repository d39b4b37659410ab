"""One call, ready to go out, with what its answer must refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapters.channels.http import Request
from adapters.partners.one_stop.replies import Body
from adapters.partners.one_stop.wire import Message
from bus.messages import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that is used once: the next try has a fresh one."""

    message: Message
    request: Request
    key_id: str
    algorithm: str
    known_by: str
    """What only an answer to this very request repeats under its signature: MessageID, or our own signature."""


class Side(Protocol):
    """One protocol of a one-stop system."""

    def call(self, message: Message, extra: Mapping[str, str], now: datetime) -> Call:
        """A fresh, signed request with these further headers."""
        ...

    def open(self, exchange: Exchange, call: Call, now: datetime) -> Body:
        """What a whole answer (an exchange without trouble) is, and who says so."""
        ...
