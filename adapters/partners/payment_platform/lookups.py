"""Pure. What the portal asks of a dossier, and how it is told what is due (NOTES.md#r80 to #r82)."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from adapters.channels.strict_json import NotStrictJson, read
from adapters.partners.gateways.bill_block import block_of
from adapters.partners.gateways.stamps import stamp_of
from adapters.partners.payment_platform.settings import PlatformSettings
from adapters.partners.payment_platform.wire import standing_of
from bus.messages import Delivery

MOST_BYTES: Final = 4_096
DUE: Final = 1
NOTHING: Final = 0
UNKNOWN: Final = -1
"""No such dossier, or trouble here; also what is told to who may not ask."""
_NUMBER: Final = re.compile(r"[\w.\-/]{1,64}")


def number_in(body: bytes) -> str | None:
    """The dossier that is asked about; None where the question cannot be read."""
    try:
        told = read(body, max_bytes=MOST_BYTES, max_depth=2)
    except NotStrictJson:
        return None
    number = told.get("MaHoSo") if isinstance(told, dict) else None
    return number if isinstance(number, str) and _NUMBER.fullmatch(number) else None


def due(delivery: Delivery, settings: PlatformSettings) -> dict[str, Any]:
    """What is due, flat. Raises `Unmappable`."""
    standing = standing_of(delivery)
    return {
        "transaction_id": standing.reference,
        "client_id": settings.merchant_of(delivery.event.data["unit"]),
        "MaTraCuuTT": delivery.event.dossier + stamp_of(standing.made_at),
        "SoTien": str(standing.amount),
        "MaTienTe": standing.currency,
        **block_of(delivery, settings.block),
    }


def answer(code: int, message: Any = ()) -> bytes:
    """The body, whatever it comes to."""
    return json.dumps({"error_code": code, "message": message or []}, ensure_ascii=False).encode()
