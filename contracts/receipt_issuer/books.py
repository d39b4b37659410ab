"""The receipt issuer's books: every receipt once, under its key and with a number of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from contracts.mock_log import EffectList
from contracts.national_portal.reading import canonical, digest
from contracts.receipt_issuer.judging import DOWN, Receipt
from contracts.receipt_issuer.places import ADJUST, CANCEL, PUBLISH, UNMARK, trouble


class Standing(StrEnum):
    """Where a receipt stands."""

    PAID = "paid"
    UNMARKED = "unmarked"
    CANCELLED = "cancelled"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A receipt that was issued."""

    receipt: Receipt
    number: str
    standing: Standing
    adjusts: str = ""
    """The key of the receipt that this one adjusts."""


LAST_NUMBER: Final = 9_999_999


class Books:
    """Every change goes through here, and leaves a row in the effect list."""

    def __init__(self, effects: EffectList) -> None:
        self._effects = effects
        self.receipts: dict[str, Kept] = {}

    def publish(self, receipt: Receipt, at: datetime, *, last_number: int) -> Kept:
        """Issue it. Raises Trouble."""
        if receipt.key in self.receipts:
            raise trouble("r29", "key", "a key that is new", receipt.key, code="ERR:13")
        return self._issue(PUBLISH, receipt, at, last_number=last_number)

    def adjust(self, fkey: str, receipt: Receipt, kind: str, at: datetime, *, last_number: int) -> Kept:
        """Issue the adjustment of another receipt. Raises Trouble."""
        known = self._known(fkey, "r54", "ERR:2")
        if receipt.key in self.receipts:
            raise trouble("r54", "key", "a key that is new", receipt.key, code="ERR:13")
        if known.standing is Standing.CANCELLED:
            raise trouble("r54", "fkey", "a receipt that is not cancelled", fkey, code="ERR:8")
        if kind == DOWN and receipt.amount > self.left(fkey):
            raise trouble("r54", "Amount", f"at most {self.left(fkey)}", str(receipt.amount), code="ERR:9")
        self._put(fkey, Standing.ADJUSTED)
        return self._issue(ADJUST, receipt, at, last_number=last_number, adjusts=fkey)

    def left(self, fkey: str) -> int:
        """What a receipt says after its adjustments."""
        down = sum(each.receipt.amount for each in self.receipts.values() if each.adjusts == fkey)
        return self.receipts[fkey].receipt.amount - down

    def unmark(self, fkey: str, at: datetime) -> None:
        """Take the mark *paid* away. Raises Trouble."""
        known = self._known(fkey, "r51", "ERR:6")
        if known.standing is not Standing.PAID:
            raise trouble("r51", "lstFkey", "a receipt that is marked as paid", known.standing, code="ERR:7")
        self._put(fkey, Standing.UNMARKED)
        self._write(UNMARK, known, at)

    def cancel(self, fkey: str, at: datetime, *, takes_paid: bool) -> None:
        """Cancel it. Raises Trouble."""
        known = self._known(fkey, "r52", "ERR:2")
        if known.standing is Standing.CANCELLED:
            raise trouble("r52", "fkey", "a receipt that is not cancelled", fkey, code="ERR:8")
        if known.standing is Standing.ADJUSTED:
            raise trouble("r57", "fkey", "a receipt that was not adjusted", fkey, code="ERR:9")
        if known.standing is Standing.PAID and not takes_paid:
            raise trouble("r50", "fkey", "a receipt that is not marked as paid", fkey, code="ERR:9")
        self._put(fkey, Standing.CANCELLED)
        self._write(CANCEL, known, at)

    def view(self, fkey: str) -> Kept:
        """For its page. Raises Trouble."""
        known = self._known(fkey, "r41", "ERR:6")
        if known.standing is Standing.UNMARKED:
            raise trouble("r41", "fkey", "a receipt that is marked as paid", fkey, code="ERR:11")
        return known

    def clear(self) -> None:
        """Nothing was ever issued."""
        self.receipts.clear()

    def _known(self, fkey: str, rule: str, code: str) -> Kept:
        if fkey not in self.receipts:
            raise trouble(rule, "fkey", "a key that is known", fkey, code=code)
        return self.receipts[fkey]

    def _issue(self, operation: str, receipt: Receipt, at: datetime, *, last_number: int, adjusts: str = "") -> Kept:
        number = len(self.receipts) + 1
        if number > last_number:
            raise trouble("r31", "serial", "a number that is left", str(number), code="ERR:6")
        kept = Kept(receipt=receipt, number=f"{number:07d}", standing=Standing.PAID, adjusts=adjusts)
        self.receipts[receipt.key] = kept
        self._write(operation, kept, at)
        return kept

    def _put(self, fkey: str, standing: Standing) -> None:
        self.receipts[fkey] = replace(self.receipts[fkey], standing=standing)

    def _write(self, operation: str, kept: Kept, at: datetime) -> None:
        receipt = kept.receipt
        entry = {"key": receipt.key, "number": kept.number, "amount": str(receipt.amount), "adjusts": kept.adjusts}
        told = entry | {"payer": receipt.payer, "words": receipt.words, "dated": receipt.dated}
        body = canonical({**told, "products": [list(each) for each in receipt.products]})
        self._effects.add(
            at=at,
            operation=operation,
            dossier=receipt.dossier,
            digest=digest(body),
            repeat=False,
            entry=entry,
            body=body,
        )
