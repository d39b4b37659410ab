"""Pure. What we have of a payment as the platform's messages; raises `Unmappable` and names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.channels.http import Request
from adapters.partners.gateways.amounts import CURRENCY
from adapters.partners.gateways.bill_block import block_of
from adapters.partners.gateways.plain import without_marks
from adapters.partners.gateways.stamps import stamp_of
from adapters.partners.payment_platform.checksum import INIT, QUERY, with_checksum
from adapters.partners.payment_platform.settings import PlatformSettings
from bus.errors import Unmappable
from bus.messages import Delivery, canonical_bytes
from bus.payments import PaymentStanding

VERSION: Final = "1.0.6"


def standing_of(delivery: Delivery) -> PaymentStanding:
    """Raises `Unmappable` where the ledger has no payment for it."""
    if delivery.payment is None:
        raise Unmappable(field="/data/payment", rule="missing")
    return delivery.payment


def opening(delivery: Delivery, settings: PlatformSettings) -> dict[str, Any]:
    """INIT (NOTES.md#r10)."""
    standing, data = standing_of(delivery), delivery.event.data
    if standing.currency != CURRENCY:
        raise Unmappable(field="MaTienTe", rule="bad_format", value=standing.currency)
    texts = {
        "LoaiBanTin": "INIT",
        "PhienBan": VERSION,
        "MaDoiTac": settings.merchant_of(data["unit"]),
        "MaThamChieu": standing.reference,
        "SoTien": str(standing.amount),
        "LoaiHinhThanhToan": "PAY",
        "MaKenhThanhToan": "1",
        "MaThietBi": "1",
        "NgonNgu": "vi-VN",
        "MaTienTe": standing.currency,
        "MaNganHang": "PAYMENT",
        "ThongTinGiaoDich": without_marks(f"THANH TOAN HO SO {delivery.event.dossier}"),
        "ThoiGianGD": stamp_of(standing.made_at),
        "Ip": settings.ip,
    }
    signed = with_checksum(texts, INIT, settings.signing.value)
    return {**texts, "ThongTinBienLai": block_of(delivery, settings.block), "MaXacThuc": signed["MaXacThuc"]}


def question(delivery: Delivery, settings: PlatformSettings, kind: str = "QUERY") -> dict[str, str]:
    """QUERY, and GET_BILL in the same form: `ThoiGianGD` is that of the opening (NOTES.md#r50, #r71)."""
    standing = standing_of(delivery)
    told = standing.paid_time_told if kind == "GET_BILL" and settings.bill_time == "payment" else None
    texts = {
        "LoaiBanTin": kind,
        "PhienBan": VERSION,
        "MaDoiTac": settings.merchant_of(_unit(delivery)),
        "MaThamChieu": standing.reference,
        "ThoiGianGD": told or stamp_of(standing.made_at),
    }
    return with_checksum(texts, QUERY, settings.signing.value)


def request(operation: str, url: str, message: Mapping[str, Any], settings: PlatformSettings) -> Request:
    """The call, ready to go out."""
    headers = {"content-type": "application/json; charset=utf-8", "accept": "application/json, application/pdf"}
    if settings.access_token:
        headers["authorization"] = f"Bearer {settings.access_token}"
    return Request(operation=operation, method="POST", url=url, headers=headers, body=canonical_bytes(dict(message)))


def _unit(delivery: Delivery) -> str:
    """A receipt is asked for by an event of the ledger's own: the unit is the payment's then, or the dossier's."""
    asked = {} if delivery.payment is None else delivery.payment.asked
    return str(delivery.event.data.get("unit") or asked.get("unit") or delivery.standing.unit or "")
