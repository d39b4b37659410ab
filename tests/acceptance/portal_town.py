"""An installation whose doors the portal calls, with the mock of the portal that calls them: for tests of both ways."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bus.errors import NotFound
from config.wiring import Installation
from contracts.mock_control import control
from contracts.mocking import Request
from contracts.national_portal.mock import Portal
from tests.acceptance.desk import Place, opened, place

KEY = "a-key-of-the-exchange"
UNIT = "000.00.04.H99"
SOURCE = "national_portal"
NATIONAL = "G99.99-240401-000777"
PROCEDURE = "2.000181"
PATIENCE = 180
PAPER = b"%PDF-1.4\n% a paper"
DOOR = f"""
[portal_door]
enabled = true
unit = "{UNIT}"
key_file = "portal.key"
networks = ["127.0.0.0/8"]
files_url = "http://files.invalid"
"""


def a_notice(**overrides: Any) -> dict[str, Any]:
    """The example of NOTES.md, with a procedure that the shipped table has; overridden by keyword."""
    return {
        "MaHoSo": NATIONAL,
        "MaTTHC": PROCEDURE,
        "SoVanBan": "01/TB-VIDU",
        "NgayNopHoSo": "20240401091500",
        "TenThuongNhan": "Công ty TNHH Ví Dụ Không Có Thật",
        "DiaChiDoanhNghiep": {"MaTinh": "99", "MaHuyen": "999", "MaXa": "99999", "DiaChiChiTiet": "Số 0 đường Ví Dụ"},
        "DienThoai": "0900000001",
        "Fax": "",
        "Email": "vidu@example.invalid",
        "MaSoThue": "0000000000",
        "NguoiLienHe": "Phạm Thị Liên Hệ",
        "SoDienThoaiNguoiLienHe": "0900000002",
        "TenChuongTrinhKhuyenMai": "Khuyến mại ví dụ",
        "HinhThucKhuyenMai": "Giảm giá",
        "ThoiGianKhuyenMaiTu": "20240410000000",
        "ThoiGianKhuyenMaiDen": "20240420235959",
        "HangHoaDichVuKhuyenMai": "Hàng hóa ví dụ",
        "SoLuongHangHoaDichVu": "100",
        "KhachHang": "Người tiêu dùng",
        "CoCauGiaiThuong": "",
        "TongGiaTriHangHoa": "10000000",
        "NoiDungChiTiet": "Nội dung ví dụ",
        "TenCacThuongNhanCungThucHien": "",
        "TenTepDonDangKy": "thong-bao.pdf",
        "TepDonDangKy": base64.b64encode(PAPER).decode(),
        "TaiLieuNop": [{"TenTepDinhKem": "danh-sach.PDF", "Base64": base64.b64encode(PAPER[::-1]).decode()}],
    } | overrides


def a_change(updating: Any = True, service: str = "NhanHoSoSuaDoi", **overrides: Any) -> dict[str, Any]:
    """An amended notice; overridden by keyword within its data."""
    data = {
        "MaHoSoQG": NATIONAL,
        "MaTTHC": PROCEDURE,
        "SoVanBan": "02/TB-VIDU",
        "NgayNopHoSo": "20240405091500",
        "TenThuongNhan": "Công ty TNHH Ví Dụ Không Có Thật",
        "MaSoThue": "0000000000",
        "ThongTinDaNop": {"MaHoSoQGDNP": NATIONAL, "SoVanBanDaNopDNP": "01/TB-VIDU"},
        "ThongTinSuaDoi": {"ThoiGianKhuyenMaiDen": "20240425235959"},
        "LyDoDieuChinh": "Kéo dài thời gian",
        "TenTepDangKy": "sua-doi.pdf",
        "URLTepDangKy": "https://portal.example.invalid/tep/1",
    } | overrides
    return {"service": service, "isUpdating": updating, "data": data}


def until(look: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + PATIENCE
    while not is_there(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


@dataclass(slots=True, kw_only=True)
class Town:
    """The portal's door on a port."""

    here: Place
    installation: Installation
    url: str

    def post(self, body: Any, name: str = "addtthcKhuyenMai", base: str = "", **headers: str) -> httpx2.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json", "apikey": KEY} | headers
        return httpx2.post(f"{self.url}{base}/{name}", content=raw, headers=sent, timeout=30)

    def file(self, body: Any | None = None, **headers: str) -> dict[str, Any]:
        """What a notice is answered."""
        return self.post(a_notice() if body is None else body, **headers).json()

    def amend(self, body: Any | None = None) -> dict[str, Any]:
        """What a change is answered."""
        return self.post(a_change() if body is None else body, "nhanhsdvcqg").json()

    def events(self, kind: str = "dossier.filed") -> list[Any]:
        """The events of this kind, opened, in the order in which they were taken."""
        rows = self.installation.ledger.engine.read()
        count = rows.one("count_events")
        assert count is not None
        loaded = [self.installation.ledger.bodies.load_event(rows, n) for n in range(1, int(count[0]) + 1)]
        return [event for event in loaded if event.kind == kind]

    def refusal(self, message: str) -> dict[str, Any]:
        """What the operator finds under the reference that the portal was told: written after the answer has gone."""
        for _ in range(100):
            self.installation.ledger.engine.write(lambda tx: None)
            try:
                return self.installation.reads.refusal(message.rpartition(" ")[2])
            except NotFound:
                time.sleep(0.1)
        return self.installation.reads.refusal(message.rpartition(" ")[2])

    def here_at(self, url: str) -> str:
        """A file's address at this port."""
        return url.replace("http://files.invalid", self.url)


def furnish(here: Place, settings: str = DOOR) -> None:
    """The door's settings and its key."""
    (here.folder / "portal.key").write_text(KEY)
    (here.folder / "portal.key").chmod(0o600)
    here.set(r"\n\[partners", f"{settings}\n[partners")


@contextmanager
def a_town(folder: Path, capsys: pytest.CaptureFixture[str], settings: str = DOOR) -> Iterator[Town]:
    with place(folder, capsys) as here:
        furnish(here, settings)
        with opened(here.folder) as (installation, url):
            yield Town(here=here, installation=installation, url=url)


def tell_portal(portal: Portal, method: str, what: str, order: object = None) -> Any:
    """A control route of the mock, without its port."""
    body = b"" if order is None else json.dumps(order).encode()
    return json.loads(control(portal, what, Request(method=method, path="", body=body)).body)


def sent_by(portal: Portal) -> list[dict[str, Any]]:
    """What the portal sent, once it is through."""
    return until(lambda: tell_portal(portal, "GET", "filed"), lambda found: found["open"] == 0)["rows"]
