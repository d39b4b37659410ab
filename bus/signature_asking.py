"""What `asking.py` asks of signing services: whether a person signed by now."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bus.ledger import Ledger
from bus.messages import Attempt, Delivery


class SignatureQuestions:
    """Signatures of one ledger that somebody may sign, or whose time ended without a word of their service."""

    name: Final = "signature"

    def __init__(self, ledger: Ledger) -> None:
        self._book = ledger.signatures

    def load(self, number: int) -> Delivery | None:
        """The delivery that carried it there; None where there is nothing left to ask with."""
        return self._book.load(number)

    def answered(self, delivery: Delivery, attempt: Attempt, *, worker: str, started_at: datetime) -> str | None:
        """Write down what the service says of it."""
        return self._book.answered(delivery, attempt, worker=worker, started_at=started_at)

    def end(self, now: datetime) -> int:
        """Signatures whose time is over; how many."""
        return self._book.expire_due(now)
