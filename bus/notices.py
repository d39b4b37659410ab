"""What people are told, once: written beside what gave rise to it, sent afterwards, by whichever worker comes first.

A notice is a row under a key that says what it tells; whoever thinks of it again writes nothing. Sending takes all that
waits into one message under a lease. A worker that dies between sending and noting leaves the lease to run out, and the
message goes again under the same id: told twice, which a mail program can see, and never not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from bus.engines.sqlite import Tx
from bus.ledger import Ledger
from bus.ports import Randomness
from bus.retry import SCHEDULE
from bus.times import from_ms, ms, to_ms

TOGETHER: Final = 50
"""Notices of one message; what is beyond waits for the next."""
LEASE: Final = timedelta(minutes=5)
"""How long a worker has a message in hand: longer than any server takes that will still take it."""
GIVEN_UP: Final = timedelta(hours=24)
"""A notice this old helps nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be told."""

    key: str
    cause: str
    facts: Mapping[str, str | int]
    """No personal data: what is told goes through mail servers."""
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What goes out at once by one way."""

    id: str
    """The same when it goes again: a mail's Message-ID, a webhook's key."""
    channel: str
    notices: Sequence[Notice]
    tries: int
    """Which try this is."""

    @property
    def is_merged(self) -> bool:
        """Whether it tells of more than one thing."""
        return len(self.notices) > 1


class NotSent(Exception):
    """The message did not leave; it goes again later."""


class Messenger(Protocol):
    """A way to people."""

    def send(self, message: Message) -> None:
        """Raises NotSent."""
        ...


def add(tx: Tx, notice: Notice, channels: Iterable[str], at: int) -> None:
    """Write a notice for each way, unless it is there."""
    for channel in channels:
        tx.run("add_notice", notice.key, channel, notice.cause, json.dumps(dict(notice.facts)), at, at)


class Outbox:
    """The notices that are to go out. Workers may have one each."""

    def __init__(self, ledger: Ledger, randomness: Randomness, *, per_hour: int) -> None:
        self._ledger = ledger
        self._randomness = randomness
        self._per_hour = per_hour

    def take(self, channel: str, now: datetime) -> Message | None:
        """All that waits for this way as one message, under a lease; None when nothing does, or enough was said."""
        fresh, at = self._randomness.token(12).hex(), to_ms(now)
        return self._ledger.engine.write(lambda tx: self._take(tx, channel, fresh, at))

    def _take(self, tx: Tx, channel: str, fresh: str, at: int) -> Message | None:
        rows = tx.all("due_notices", channel, at, TOGETHER)
        if not rows:
            return None
        told = tx.one("count_messages", channel, at - ms(timedelta(hours=1)))
        if told is not None and told[0] >= self._per_hour:
            return None
        # What failed goes again as it was, under its own id; what came meanwhile goes in the next message.
        name = rows[0][5]
        same = [row for row in rows if row[5] == name]
        name = name or fresh
        for row in same:
            tx.run("take_notice", at + ms(LEASE), name, row[0])
        notices = [Notice(key=row[1], cause=row[2], facts=json.loads(row[3]), made_at=from_ms(row[4])) for row in same]
        return Message(id=name, channel=channel, notices=notices, tries=rows[0][6] + 1)

    def told(self, message: Message, now: datetime) -> None:
        """It left."""
        self._end(message, now, is_told=True)

    def failed(self, message: Message, now: datetime) -> bool:
        """It did not leave, and goes again later; False when it is too old for that, and was given up."""
        made_at = min(notice.made_at for notice in message.notices if notice.made_at is not None)
        if now - made_at >= GIVEN_UP:
            self._end(message, now, is_told=False)
            return False
        wait = SCHEDULE[min(message.tries, len(SCHEDULE)) - 1]
        due_at = to_ms(now + max(wait, timedelta(minutes=1)))
        self._ledger.engine.write(lambda tx: tx.run("put_off_message", due_at, message.channel, message.id))
        return True

    def _end(self, message: Message, now: datetime, *, is_told: bool) -> None:
        values = (to_ms(now), int(is_told), message.channel, message.id)
        self._ledger.engine.write(lambda tx: tx.run("end_message", *values))
