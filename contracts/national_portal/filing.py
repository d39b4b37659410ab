"""What citizens file on the portal, by seed: what it then sends to the province (`NOTES.md#r321`, `#r325`, `#r326`).

The same seed files the same dossiers, byte for byte, and meets the same mishaps in the same order.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

FILED: Final = "addtthcKhuyenMai"
CHANGED: Final = "nhanhsdvcqg"
LOOPBACK: Final = r"^http://127\.0\.0\.1:[0-9]{1,5}$"
"""A mock calls nobody but this machine."""
Share = Annotated[float, Meta(ge=0, le=1)]
Kind = Literal["promotion", "amendment", "land_tax"]


class FileOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to file, as posted to the control route."""

    to: Annotated[str, Meta(pattern=LOOPBACK)]
    """The province's door: `http://127.0.0.1:8400`."""
    path: Annotated[str, Meta(pattern=r"^/[A-Za-z0-9/]*$")] = "/VXPAdapter/RestService/forward/"
    """What stands before the service's name there."""
    kind: Kind = "promotion"
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1
    seed: Annotated[int, Meta(ge=0, le=99)] = 0
    procedure: str = "2.999033"
    updating: bool | str = True
    """Of an amendment; a boolean or a text, as both are seen (r324)."""
    file_bytes: Annotated[int, Meta(ge=0, le=8_000_000)] = 24
    """How large the one file inside each notice is."""
    lose: Share = 0.0
    """The share of calls whose answer is lost on the way."""
    cut: Share = 0.0
    """The share of calls that break off in the middle."""
    twice: Share = 0.0
    """The share of calls that are sent twice at once."""
    tries: Annotated[int, Meta(ge=1, le=10_000)] = 300
    pause_s: Annotated[float, Meta(ge=0, le=10)] = 0.02
    """Before a call is sent again."""
    key_header: str = "apikey"
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message, as it goes out however often."""

    number: str
    service: str
    body: bytes
    content: dict[str, Any]


def letters(order: FileOrder) -> list[Letter]:
    """All messages of one order."""
    make = {"promotion": _notice, "amendment": _amendment, "land_tax": _receipt}[order.kind]
    return [make(order, number_of(order.seed, n), _chance(order, n)) for n in range(1, order.count + 1)]


def number_of(seed: int, n: int) -> str:
    """The national number of the nth dossier of a seed."""
    return f"G99.99-240401-{seed:02d}{n:05d}"


def fates(order: FileOrder, n: int) -> random.Random:
    """The mishaps of one message, apart from those of others: one that is retried more often shifts nobody else's."""
    return random.Random(f"fate {order.kind} {order.seed} {n}")  # noqa: S311  # a repeatable transcript is the point


def _chance(order: FileOrder, n: int) -> random.Random:
    return random.Random(f"content {order.seed} {n}")  # noqa: S311  # a repeatable transcript is the point


def _letter(number: str, service: str, content: dict[str, Any]) -> Letter:
    return Letter(number=number, service=service, body=msgspec.json.encode(content), content=content)


def _notice(order: FileOrder, number: str, chance: random.Random) -> Letter:
    paper = b"%PDF-1.4\n" + chance.randbytes(order.file_bytes)
    content = {
        "MaHoSo": number,
        "MaTTHC": order.procedure,
        "SoVanBan": f"{chance.randrange(1, 99):02d}/TB-VIDU",
        "NgayNopHoSo": f"202404{chance.randrange(1, 28):02d}{chance.randrange(8, 17):02d}1500",
        **_merchant(chance),
        "TenChuongTrinhKhuyenMai": f"Khuyến mại ví dụ {chance.randrange(1000)}",
        "HinhThucKhuyenMai": "Giảm giá",
        "ThoiGianKhuyenMaiTu": "20240510000000",
        "ThoiGianKhuyenMaiDen": "20240520235959",
        "HangHoaDichVuKhuyenMai": "Hàng hóa ví dụ",
        "SoLuongHangHoaDichVu": str(chance.randrange(10, 1000)),
        "KhachHang": "Người tiêu dùng",
        "CoCauGiaiThuong": "",
        "TongGiaTriHangHoa": str(chance.randrange(1, 100) * 1_000_000),
        "NoiDungChiTiet": "Nội dung ví dụ",
        "TenCacThuongNhanCungThucHien": "",
        "TenTepDonDangKy": "thong-bao.pdf",
        "TepDonDangKy": base64.b64encode(paper).decode(),
        "TaiLieuNop": [{"TenTepDinhKem": "danh-sach.pdf", "Base64": base64.b64encode(paper[::-1]).decode()}],
    }
    return _letter(number, FILED, content)


def _merchant(chance: random.Random) -> dict[str, Any]:
    return {
        "TenThuongNhan": f"Công ty TNHH Ví Dụ {chance.randrange(1000)}",
        "DiaChiDoanhNghiep": {"MaTinh": "99", "MaHuyen": "", "MaXa": "99999", "DiaChiChiTiet": "Số 0 đường Ví Dụ"},
        "DienThoai": "0900000001",
        "Fax": "",
        "Email": "vidu@example.invalid",
        "MaSoThue": "0000000000",
        "NguoiLienHe": "Phạm Thị Liên Hệ",
        "SoDienThoaiNguoiLienHe": "0900000002",
    }


def _amendment(order: FileOrder, number: str, chance: random.Random) -> Letter:
    data = {
        "MaHoSoQG": number,
        "MaTTHC": order.procedure,
        "SoVanBan": "02/TB-VIDU",
        "NgayNopHoSo": f"202405{chance.randrange(1, 28):02d}091500",
        **_merchant(chance),
        "ThongTinDaNop": {"MaHoSoQGDNP": number, "SoVanBanDaNopDNP": "01/TB-VIDU"},
        "ThongTinSuaDoi": {"ThoiGianKhuyenMaiDen": "20240525235959"},
        "LyDoDieuChinh": f"Kéo dài thời gian {chance.randrange(1000)}",
        "NoiDungCamKetKhac": "",
        "TenTepDangKy": "thong-bao-sua-doi.pdf",
        "URLTepDangKy": f"https://portal.example.invalid/tep/{chance.randrange(10**9)}",
    }
    return _letter(number, CHANGED, {"service": "NhanHoSoSuaDoi", "isUpdating": order.updating, "data": data})


def _receipt(order: FileOrder, number: str, chance: random.Random) -> Letter:
    data = {
        "MaHoSo": number,
        "MaSoThue": "0000000000",
        "HoTenNguoiNopTien": "Hoàng Văn Giả Định",
        "UrlFileChungTu": "https://portal.example.invalid/chungtu/1",
        "ThongTinThanhToan": {
            "MaThongBaoThue": f"TBT-0000-{chance.randrange(10_000):04d}",
            "ThoiGianThanhToan": "20240410101010",
            "SoTien": "1500000",
            "NoiDungThanhToan": "Nộp thuế đất ví dụ",
            "TrangThaiThanhToan": 1,
        },
    }
    return _letter(number, CHANGED, {"service": "NhanChungTuThueDat", "isUpdating": False, "data": data})
