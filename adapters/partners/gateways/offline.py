"""A gateway without a message for refunds: accounting pays back, and a person records it with its document."""

from __future__ import annotations

from adapters.partners.gateways.adapter import Send
from bus.errors import Unmappable
from bus.messages import Attempt, Delivery


class OfflineRefund:
    """Never sends: there is nothing that this gateway would understand."""

    def check(self, delivery: Delivery) -> None:
        """Raises `Unmappable` with the rule `offline_refund`."""
        raise Unmappable(field="/data/refund", rule="offline_refund", instead="an offline refund, with its document")

    def run(self, delivery: Delivery, send: Send) -> Attempt:
        """Raises `Unmappable`, as `check` does."""
        self.check(delivery)
        raise AssertionError("check always raises")
