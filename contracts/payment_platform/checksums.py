"""The platform's own checksums, written from the notes alone: SHA-256 of values joined by `|`, the secret last (r6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

INIT: Final = (
    "LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan", "MaKenhThanhToan",
    "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich", "ThoiGianGD", "Ip",
)  # fmt: skip
"""r11."""
CONFIRM: Final = (
    "LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich", "MaNganHang", "ThoiGianGD",
    "ThongTinGiaoDich",
)  # fmt: skip
"""r42."""
QUERY: Final = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
"""r51; of a receipt too (r70)."""


def checksum(fields: Mapping[str, Any], order: Sequence[str], secret: str) -> str:
    """64 hexadecimal digits."""
    text = "|".join([*(str(fields.get(name, "")) for name in order), secret])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
