"""What the one-stop system's mock holds of each payment: success is sticky, refunds add up (`NOTES.md#r58`, `#r59`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from contracts.national_portal.reading import canonical, digest
from contracts.one_stop.envelopes import Trouble

RESULTS: Final = ("opened", "settled", "failed", "expired", "refunded")
"""What a message can tell of a payment: exactly one of them (`NOTES.md#r57`)."""


@dataclass(slots=True)
class Payment:
    """One payment, as it was told."""

    settled: str = ""
    """The digest of what was told of its success."""
    refunds: dict[str, str] = field(default_factory=dict)
    """Name of each refund → the digest of what was told of it."""
    refunded: int = 0


class Results:
    """Judges each result of a payment by those that came before it."""

    def __init__(self) -> None:
        self._payments: dict[tuple[str, str], Payment] = {}

    def take(self, message: Mapping[str, Any]) -> bool:
        """Whether it says something new. Raises Trouble for what contradicts what was told."""
        payment = self._payments.setdefault((message["dossier"], message["payment"]), Payment())
        kind = next(each for each in RESULTS if each in message)
        told = digest(canonical(dict(message[kind])))
        if kind == "refunded":
            return self._refunded(payment, message[kind], told)
        if payment.settled and (kind != "settled" or told != payment.settled):
            raise _trouble("r58", f"/{kind}", "nothing else: the payment is settled")
        is_new = not payment.settled
        payment.settled = told if kind == "settled" else ""
        return is_new

    def _refunded(self, payment: Payment, refund: Mapping[str, Any], told: str) -> bool:
        if known := payment.refunds.get(refund["refund"]):
            if known != told:
                raise _trouble("r59", "/refunded/refund", "a refund that is told once")
            return False
        if refund["total_refunded"] != payment.refunded + refund["amount"]:
            raise _trouble("r59", "/refunded/total_refunded", str(payment.refunded + refund["amount"]))
        payment.refunds[refund["refund"]] = told
        payment.refunded = refund["total_refunded"]
        return True

    def clear(self) -> None:
        """Nothing was ever told."""
        self._payments.clear()


def _trouble(rule: str, field: str, expected: str) -> Trouble:
    return Trouble(code="contradicted", rule=rule, field=field, expected=expected)
