"""What the platform refuses in a message, rule by rule. Written from the notes; knows nothing of our adapter."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from contracts.gateway_orders import LOCAL
from contracts.mock_log import Broken
from contracts.payment_platform.checksums import INIT, checksum

SENT: Final = {"LoaiHinhThanhToan": "PAY", "MaKenhThanhToan": "1", "MaThietBi": "1", "NgonNgu": "vi-VN",
               "MaTienTe": "VND", "MaNganHang": "PAYMENT"}  # fmt: skip
"""Values that never differ (r10)."""
BLOCK: Final = (
    "MaDichVu", "MaDVC", "TenDVC", "MaTTHC", "TenTTHC", "MaDonVi", "TenDonVi", "MaHoSo", "TKThuHuong", "MaNHThuHuong",
    "TenTKThuHuong", "NoiDungThanhToan", "HoTenNguoiNop", "SoCMNDNguoiNop", "DiaChiNguoiNop", "MaCoQuanQD",
    "TenCoQuanQD",
)  # fmt: skip
"""r30: texts that say something."""
MAY_BE_EMPTY: Final = frozenset({"DiaChiNguoiNop"})
DIGITS: Final = re.compile(r"[1-9][0-9]{0,14}")
ROW_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,14}")
REFERENCE: Final = re.compile(r"[A-Za-z0-9]{1,255}")
IPV4: Final = re.compile(r"(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}")
LONGEST_NAME: Final = 250


def of_frame(message: Mapping[str, Any], operation: str, merchants: Sequence[str]) -> Iterator[Broken]:
    """What every message has: type, version, merchant."""
    if message.get("LoaiBanTin") != operation:
        yield _wrong("r10" if operation == "INIT" else "r50", "LoaiBanTin", operation)
    if message.get("PhienBan") != "1.0.6":
        yield _wrong("r10", "PhienBan", "1.0.6")
    if message.get("MaDoiTac") not in merchants:
        yield _wrong("r5", "MaDoiTac", "a registered partner")


def of_checksum(
    message: Mapping[str, Any], order: Sequence[str], secrets: Sequence[str], rule: str
) -> Iterator[Broken]:
    """r6, r7: under one of the secrets."""
    told = message.get("MaXacThuc")
    rights = [checksum(message, order, secret) for secret in secrets]
    if not (isinstance(told, str) and told.isascii() and any(hmac.compare_digest(told.lower(), one) for one in rights)):
        yield _wrong(rule, "MaXacThuc", "the checksum over this message")


def of_init(message: Mapping[str, Any], now: datetime) -> Iterator[Broken]:
    """r10 to r16, and the block."""
    for name in INIT:
        if not isinstance(message.get(name), str):
            yield _wrong("r10", name, "a text")
            return
    for name, value in SENT.items():
        if message[name] != value:
            yield _wrong("r10", name, value)
    if not REFERENCE.fullmatch(message["MaThamChieu"]):
        yield _wrong("r12", "MaThamChieu", "letters and digits")
    if not DIGITS.fullmatch(message["SoTien"]):
        yield _wrong("r13", "SoTien", "whole đồng, digits only")
    if not message["ThongTinGiaoDich"].isascii() or not message["ThongTinGiaoDich"]:
        yield _wrong("r14", "ThongTinGiaoDich", "a text without diacritics")
    if not IPV4.fullmatch(message["Ip"]):
        yield _wrong("r16", "Ip", "an IPv4 address")
    yield from of_time(message["ThoiGianGD"], now)
    block = message.get("ThongTinBienLai")
    if isinstance(block, dict):
        yield from _of_block(block, message["SoTien"])
    else:
        yield _wrong("r30", "ThongTinBienLai", "an object")


def of_time(told: str, now: datetime) -> Iterator[Broken]:
    """r9, r15."""
    try:
        at = datetime.strptime(told, "%Y%m%d%H%M%S").replace(tzinfo=LOCAL)
    except ValueError:
        at = None
    if at is None or len(told) != 14:
        yield _wrong("r15", "ThoiGianGD", "yyyyMMddHHmmss")
    elif abs(at - now) > timedelta(days=1):
        yield Broken(rule="r15", field="ThoiGianGD", expected="about now", found=told, refused=False)


def _of_block(block: Mapping[str, Any], total: str) -> Iterator[Broken]:
    for name in BLOCK:
        value = block.get(name)
        if not isinstance(value, str) or not (value or name in MAY_BE_EMPTY):
            yield _wrong("r30", f"ThongTinBienLai.{name}", "a text")
    if block.get("MaDichVu") != "2":
        yield _wrong("r30", "ThongTinBienLai.MaDichVu", "2")
    for name in ("TenDVC", "TenTTHC"):
        if len(str(block.get(name, ""))) > LONGEST_NAME:
            yield _wrong("r32", f"ThongTinBienLai.{name}", f"at most {LONGEST_NAME} characters")
    for name in ("PhiLePhi", "DSKhoanNop"):
        if _sum(block.get(name)) != total:
            yield _wrong("r34", f"ThongTinBienLai.{name}", "rows that sum up to SoTien")


def _sum(rows: object) -> str | None:
    if not isinstance(rows, list) or not rows:
        return None
    told = [row.get("SoTien") if isinstance(row, dict) else None for row in rows]
    if not all(isinstance(each, str) and ROW_DIGITS.fullmatch(each) for each in told):
        return None
    return str(sum(int(each) for each in told if isinstance(each, str)))


def _wrong(rule: str, field: str, expected: str) -> Broken:
    # What was found may name a person: the rule and the field are enough.
    return Broken(rule=rule, field=field, expected=expected)
