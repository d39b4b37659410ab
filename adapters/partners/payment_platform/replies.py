"""Pure. The platform's answers, bytes in and a verdict out, by the tables of `codes.py` and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.channels.retry_after import retry_after
from adapters.partners.gateways.amounts import amount_of
from adapters.partners.gateways.reading import (
    Opening,
    Row,
    Shape,
    find_row,
    shape_of,
    shape_of_json,
    text_in,
    words,
)
from adapters.partners.gateways.secrets import matched
from adapters.partners.gateways.stamps import time_of
from adapters.partners.payment_platform.checksum import CONFIRM, checksum
from adapters.partners.payment_platform.codes import CONTRACTS, OPENINGS, STATES, TAKEN, Said, Stand
from adapters.partners.payment_platform.settings import PlatformSettings
from bus.messages import Exchange
from bus.payments import Told, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the table says of one answer to an opening."""

    verdict: Opening
    row: str
    code: str
    text: str
    pay_url: str = ""

    @property
    def reason(self) -> str:
        """For the ledger and the console: the row, then their code and words."""
        return ": ".join(part for part in (self.row, self.code, self.text) if part)


# -- INIT --------------------------------------------------------------------------------------------------------------


def opened(exchange: Exchange, reference: str, settings: PlatformSettings) -> Answer:
    """The verdict on the answer to an opening (an exchange without trouble)."""
    shape, value = shape_of(exchange)
    told, is_contradicted = unwrapped(value) if shape is Shape.OBJECT else ({}, False)
    said = Said.CONTRADICTED if is_contradicted else _said(told, reference, settings)
    status = exchange.status or 0
    row = find_row(OPENINGS, status, shape, said, has_retry_after=retry_after(exchange) is not None)
    return Answer(
        verdict=row.verdict,
        row=row.id,
        code=text_in(told, "MaLoi") or f"http_{status}",
        text=words(text_in(told, "MoTaLoi")),
        pay_url=text_in(told, "UrlThanhToan"),
    )


def unwrapped(value: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The answer itself, out of the exchange's wrapping where there is one (NOTES.md#r21); whether the two codes fight.

    A wrapping that says no around something that says yes is neither.
    """
    if "MaLoi" in value or "error_code" not in value:
        return value, False
    inner = value.get("message")
    if isinstance(inner, str):
        _, inner = shape_of_json(inner)
    if not isinstance(inner, dict):
        return {}, False
    is_yes = text_in(value, "error_code") in ("0", "00")
    return inner, not is_yes and text_in(inner, "MaLoi") == TAKEN


def _said(told: Mapping[str, Any], reference: str, settings: PlatformSettings) -> Said:
    code, url = text_in(told, "MaLoi"), text_in(told, "UrlThanhToan")
    if not code:
        return Said.NOTHING
    if text_in(told, "MaThamChieu") not in ("", reference):
        return Said.OTHER_ORDER
    if code != TAKEN:
        return Said.NO
    if not url:
        return Said.NO_ADDRESS
    return Said.YES if settings.may_show(url) else Said.BAD_ADDRESS


# -- QUERY -------------------------------------------------------------------------------------------------------------


def told_of(exchange: Exchange, reference: str, merchant: str, settings: PlatformSettings, partner: str) -> Told:
    """What the platform says of an attempt (an exchange without trouble)."""
    shape, value = shape_of(exchange)
    answer, is_contradicted = unwrapped(value) if shape is Shape.OBJECT else ({}, False)
    stand = Stand.OTHER_ORDER if is_contradicted else _stand(answer, reference, merchant, settings)
    row = find_row(STATES, exchange.status or 0, shape, stand)
    code = text_in(answer, "TrangThaiGD") or text_in(answer, "MaLoi") or f"http_{exchange.status}"
    reason = ": ".join(part for part in (row.id, code, words(text_in(answer, "MoTaLoi"))) if part)
    is_paid = row.verdict is Verdict.PAID
    return Told(
        partner=partner,
        reference=reference,
        verdict=row.verdict,
        via="query",
        transaction=text_in(answer, "MaGiaoDich") or None if is_paid else None,
        amount=amount_of(answer.get("SoTien")) if is_paid else None,
        currency=text_in(answer, "MaTienTe") or None if is_paid else None,
        bank=text_in(answer, "MaNganHang") or None if is_paid else None,
        paid_at=time_of(answer.get("ThoiGianGD")) if is_paid else None,
        paid_time_told=text_in(answer, "ThoiGianGD") or None if is_paid else None,
        code=code,
        reason=reason,
        evidence=exchange.reply_body or b"",
        key_id=_matched(answer, settings),
    )


def _stand(answer: Mapping[str, Any], reference: str, merchant: str, settings: PlatformSettings) -> Stand:
    code, state = text_in(answer, "MaLoi"), text_in(answer, "TrangThaiGD")
    if code in settings.not_there_codes:
        return Stand.NOT_THERE
    if code != TAKEN:
        return Stand.NO_ANSWER
    if (text_in(answer, "MaThamChieu"), text_in(answer, "MaDoiTac")) != (reference, merchant):
        return Stand.OTHER_ORDER
    if settings.query_checksum == "confirm" and _matched(answer, settings) is None:
        return Stand.BAD_CHECKSUM
    if state == Stand.PAID and amount_of(answer.get("SoTien")) is None:
        return Stand.NO_AMOUNT
    return Stand(state) if state in (Stand.PAID, Stand.PENDING, Stand.FAILED) else Stand.OTHER


def _matched(answer: Mapping[str, Any], settings: PlatformSettings) -> str | None:
    """Under which of our secrets the answer is hashed, where it is checked at all (NOTES.md#r54)."""
    if settings.query_checksum == "unchecked":
        return None
    values = {name: text_in(answer, name) for name in CONFIRM}
    sent = text_in(answer, "MaXacThuc")
    return matched(settings.secrets, sent, lambda secret: checksum(values, CONFIRM, secret))


# -- for the documents -------------------------------------------------------------------------------------------------


def table(rows: tuple[Row, ...] = OPENINGS) -> list[Mapping[str, str]]:
    """A table of answers as rows of words."""
    return [
        {
            "id": row.id,
            "http": str(row.http[0]) if row.http[0] == row.http[1] else f"{row.http[0]}–{row.http[1]}",
            "body": row.shape or "any",
            "says": "any" if row.code == "*" else str(row.code),
            "retry_after": {None: "", True: "present", False: "absent"}[row.retry_after],
            "verdict": str(row.verdict),
            "source": row.source,
        }
        for row in rows
    ]


def contracts() -> list[Mapping[str, str]]:
    """The contract table as rows of words."""
    return [
        {
            "operation": row.operation,
            "kind": row.kind,
            "nature": row.nature,
            "unclear": row.unclear,
            "source": row.source,
        }
        for row in CONTRACTS
    ]
