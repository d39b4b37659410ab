"""Questions about what a partner owes an answer to, beside the lanes: payments that are open, refunds under way.

    due ──▶ leased, in a small page, as the partner's hold, circuit and rate allow ──▶ asked ──▶ answered

What waits for weeks must not hold its lane, so the dispatcher never sees it. An index tells who is due; a claim takes a
few and moves their time on by a lease, so that two workers do not ask the same, and what a worker that died had taken
is due again by itself. A question left without an answer counts against the partner's health as any other call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bus.claiming import FARTHEST_DUE
from bus.dispatch import PartnerWork, tell_circuit
from bus.engines.sqlite import Tx
from bus.errors import LedgerUnavailable
from bus.ledger import Ledger
from bus.messages import Attempt, Delivery
from bus.ports import Clock, CrashPoint, no_crash
from bus.times import from_ms, ms, to_ms

log = structlog.get_logger("asking")

PAGE: Final = 8
"""Questions of one claim: they are asked one after another, and a lease must outlast them."""
OUR_PAUSE: Final = timedelta(minutes=10)
"""How long a question that we could not put waits for its next turn: whatever fails here has to be mended first."""


class Book(Protocol):
    """One kind of question: which are due, what they are about, and what an answer comes to."""

    @property
    def name(self) -> str:
        """Stands in the names of its queries: `due_<name>_questions` and the like."""
        ...

    def load(self, number: int) -> Delivery | None:
        """What to ask about; None where nothing can be asked any more."""
        ...

    def answered(self, delivery: Delivery, attempt: Attempt, *, worker: str, started_at: datetime) -> str | None:
        """Write down what came, when to ask again, and how the partner is: how its circuit changed, if it did."""
        ...

    def end(self, now: datetime) -> int:
        """Give up what nobody will answer; how many. After the questions that were due."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Questions that this worker alone may put, until a time."""

    numbers: tuple[int, ...]
    until: datetime
    is_probe: bool


class Asker:
    """Asks partners what became of things. Threads may share one, each with partners of its own."""

    def __init__(
        self,
        ledger: Ledger,
        partners: Mapping[str, PartnerWork],
        books: Sequence[Book],
        *,
        name: str,
        clock: Clock,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        """`name` is the worker's, as moves will show it."""
        self._ledger = ledger
        self._partners = partners
        self._books = books
        self._name = name
        self._clock = clock
        self._point = crash_point
        self._is_stopped = False

    @property
    def partners(self) -> tuple[str, ...]:
        """Who is asked."""
        return tuple(self._partners)

    def stop(self) -> None:
        """Put no further question: the one under way is the last."""
        self._is_stopped = True

    def run_once(self, now: datetime | None = None) -> int:
        """Ask every partner all that is due by now, and end what is over; how many questions."""
        count = sum(self.ask(partner, now) for partner in self._partners)
        self.end(now)
        return count

    def end(self, now: datetime | None = None) -> None:
        """Give up what is over."""
        for book in self._books:
            book.end(now or self._clock.now())

    def ask(self, partner: str, now: datetime | None = None) -> int:
        """Ask one partner all that is due by now, as far as it may be asked; how many questions."""
        return sum(self._ask_all(partner, book, now or self._clock.now()) for book in self._books)

    def _ask_all(self, partner: str, book: Book, now: datetime) -> int:
        count = 0
        while self.is_due(partner, book, now):
            page = self._ledger.engine.write(lambda tx: self._claim(tx, partner, book, now))
            self._point("asking.leased")
            asked = self._ask_page(book, page)
            count += asked
            if asked == 0 or asked < len(page.numbers):
                break
        return count

    def is_due(self, partner: str, book: Book, now: datetime) -> bool:
        """Whether there is anything to ask: a cheap read, for nearly always there is nothing."""
        at, tx = to_ms(now), self._ledger.engine.read()
        found = tx.one(f"due_{book.name}_questions", partner, at, 1)
        return found is not None or tx.one(f"far_{book.name}_questions", partner, at + FARTHEST_DUE) is not None

    def _claim(self, tx: Tx, partner: str, book: Book, now: datetime) -> Page:
        at, manners = to_ms(now), self._ledger.manners(partner)
        tx.run(f"heal_{book.name}_questions", at, partner, at + FARTHEST_DUE)
        due = tx.all(f"due_{book.name}_questions", partner, at, PAGE)
        allowed, is_probe = self._ledger.claimer.take_turns(tx, partner, len(due), manners, at)
        until = at + ms(manners.lease)
        numbers = tuple(row[0] for row in due[:allowed])
        for number in numbers:
            tx.run(f"lease_{book.name}_question", until, number)
        return Page(numbers=numbers, until=from_ms(until), is_probe=is_probe)

    def _ask_page(self, book: Book, page: Page) -> int:
        """One after another, while the lease holds and the partner is there; how many."""
        for count, number in enumerate(page.numbers):
            if self._is_stopped or (count and self._clock.now() >= page.until):
                return count  # it stops, or it slept: the rest is anybody's when the lease is over
            if not self._ask_one(book, number, is_probe=page.is_probe):
                return count + 1
        return len(page.numbers)

    def _ask_one(self, book: Book, number: int, *, is_probe: bool) -> bool:
        """Whether the partner may be asked the next one."""
        self._point("asking.before")
        started_at = self._clock.now()
        try:
            delivery = book.load(number)
            if delivery is None:
                self._put_off(book, number, None)
                return True
            attempt = self._partners[delivery.partner].adapter.ask(delivery)
        except LedgerUnavailable:
            raise
        except Exception:
            # Ours, not the partner's: one question that cannot be put keeps no other waiting.
            log.exception("question_failed_here", book=book.name, number=number)
            self._put_off(book, number, to_ms(started_at + OUR_PAUSE))
            return True
        self._point("asking.after")
        asked = replace(delivery, is_probe=is_probe)
        change = book.answered(asked, attempt, worker=self._name, started_at=started_at)
        tell_circuit(delivery.partner, change)
        self._point("asking.answered")
        return change == "closed" if is_probe else change != "opened"

    def _put_off(self, book: Book, number: int, until: int | None) -> None:
        self._ledger.engine.write(lambda tx: tx.run(f"lease_{book.name}_question", until, number))
