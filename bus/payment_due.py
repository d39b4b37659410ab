"""What is due for a dossier, for a gateway that asks: the newest payment that may still be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.errors import NotFound
from bus.messages import Delivery

if TYPE_CHECKING:
    from bus.ledger import Ledger


class PaymentDue:
    """Reads only. Threads may share it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, dossier: str, partner: str) -> Delivery | None:
        """The payment as this gateway is told of it; None where nothing is due there. Raises NotFound.

        What is being paid at another gateway is not due here: it would be paid twice.
        """
        tx = self._ledger.engine.read()
        known = tx.one("find_dossier", dossier)
        if known is None:
            raise NotFound(f"no dossier {dossier}")
        found = tx.one("due_attempt", known[0], partner)
        return None if found is None else self._ledger.payments.load(found[0])
