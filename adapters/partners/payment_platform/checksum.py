"""Pure. `MaXacThuc`: SHA-256 over values joined by `|` with the secret as the last (NOTES.md#r6).

Hashed is what is sent, and what was received: no value is normalised, trimmed or read as a number on the way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

INIT: Final = (
    "LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan", "MaKenhThanhToan",
    "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich", "ThoiGianGD", "Ip",
)  # fmt: skip
"""NOTES.md#r11."""
CONFIRM: Final = (
    "LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich", "MaNganHang", "ThoiGianGD",
    "ThongTinGiaoDich",
)  # fmt: skip
"""NOTES.md#r42: `ThoiGianGD` stands before `ThongTinGiaoDich`, the reverse of INIT."""
QUERY: Final = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
"""NOTES.md#r51; of GET_BILL too (#r70)."""
ALGORITHM: Final = "sha256-secret-last"


def checksum(values: Mapping[str, str], order: Sequence[str], secret: bytes) -> str:
    """64 hexadecimal digits in small letters. Raises KeyError where a value is missing."""
    text = "|".join(values[name] for name in order)
    return hashlib.sha256(text.encode("utf-8") + b"|" + secret).hexdigest()


def with_checksum(values: Mapping[str, str], order: Sequence[str], secret: bytes) -> dict[str, str]:
    """The message's texts with their checksum as the last."""
    return {**values, "MaXacThuc": checksum(values, order, secret)}
