"""Pure. What a gateway told, as it may be kept: what nobody could be told again, and no calendar would hold, is not."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bus.payments import Told

LONGEST_TRANSACTION: Final = 128
LONGEST_BANK: Final = 64
"""As the one-stop contract takes them."""
SLACK: Final = timedelta(days=1)
"""Clocks differ, and some systems write a day where a time is wanted."""
MARK: Final = 16


def kept_words(told: Told, made_at: datetime, now: datetime) -> Told:
    """A paid time outside the attempt's life is none: our own clock counts. Names are made fit to be told on."""
    paid_at = told.paid_at
    if paid_at is not None and not made_at - SLACK <= paid_at <= now + SLACK:
        paid_at = None
    transaction, bank = _fit(told.transaction, LONGEST_TRANSACTION), _fit(told.bank, LONGEST_BANK)
    return replace(told, transaction=transaction, bank=bank, paid_at=paid_at)


def _fit(text: str | None, longest: int) -> str | None:
    """An empty text names nothing: kept as one, it would be the transaction of every payment.

    What no screen shows and no XML carries is written out, so two names stay two; a long one ends in its own mark.
    """
    if not text:
        return None
    plain = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
    plain = unicodedata.normalize("NFC", plain)
    if len(plain) <= longest:
        return plain
    mark = hashlib.sha256(plain.encode()).hexdigest()[:MARK]
    return f"{plain[: longest - MARK - 1]}…{mark}"
