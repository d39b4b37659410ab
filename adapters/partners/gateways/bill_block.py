"""Pure. What a fee is for, who pays it and to which account: what the Payment Platform names `ThongTinBienLai`.

KeyPay takes the same under another name. No checksum covers it, so nothing in it is ever believed when it comes back.
Rules: contracts/payment_platform/NOTES.md#r30 and on; contracts/keypay/NOTES.md#r24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from adapters.partners.gateways.plain import without_marks
from bus.calendar import VIETNAM
from bus.errors import Unmappable
from bus.messages import Delivery

SERVICE: Final = "2"
"""A fee of a procedure; 1 is a fine."""
NO_IDENTITY: Final = "000000000"
"""What the field's code sends for a payer without a number."""
LONGEST_NAME: Final = 250
SHORTENED: Final = 200
WORDS: Final = {"fee": "Phí", "charge": "Lệ phí"}
OF_FINES: Final = (
    "MaLoaiHinhThuPhat", "TenLoaiHinhThuPhat", "KhoBac", "NgayQD", "SoQD", "ThoiGianViPham", "DiaDiemViPham",
    "TenNguoiViPham", "TaiKhoanThuNSNN",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A code as the gateway knows it, with its name."""

    code: str
    name: str


Names = Callable[[str, date], Name | None]
"""Of the province's tables: our code and a day → theirs."""


def unnamed(code: str, day: date) -> Name | None:
    """Where there are no tables."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockForm:
    """Where gateways differ, and what the province's tables say."""

    service_suffix: str = ".01"
    """`MaDVC` is the procedure's code and this (#r31)."""
    fee_kinds: Mapping[str, str] = field(default_factory=lambda: {"fee": "1", "charge": "2"})
    """`LoaiPhiLePhi` of phí and of lệ phí (#r33)."""
    fee_code: str = "2"
    """`MaPhiLePhi` of every row; empty: the fee's own code (#r33)."""
    both_kinds: bool = True
    """A row for phí and one for lệ phí, also with 0 (#r33)."""
    province: str = ""
    """`TinhNguoiNop` (#r36)."""
    units: Names = unnamed
    procedures: Names = unnamed


USUAL: Final = BlockForm()


def block_of(delivery: Delivery, form: BlockForm = USUAL) -> dict[str, Any]:
    """Of a `payment.requested`. Raises Unmappable where nobody is named to be paid."""
    data, standing = delivery.event.data, delivery.payment
    if standing is None or standing.beneficiary is None:
        raise Unmappable(field="TKThuHuong", rule="missing", instead="a beneficiary account for this unit and fee")
    account, payer, dossier = standing.beneficiary, data["payer"], delivery.event.dossier
    day = standing.made_at.astimezone(VIETNAM).date()
    unit = form.units(data["unit"], day) or Name(code=data["unit"], name=account.name)
    procedure = form.procedures(data["procedure"], day) or _as_told(data)
    return {
        "MaDichVu": SERVICE,
        "MaDVC": procedure.code + form.service_suffix,
        "TenDVC": shortened(procedure.name),
        "MaTTHC": procedure.code,
        "TenTTHC": shortened(procedure.name),
        "MaDonVi": unit.code,
        "TenDonVi": unit.name,
        "MaHoSo": dossier,
        "TKThuHuong": account.account,
        "MaNHThuHuong": account.bank,
        "TenTKThuHuong": account.name,
        "PhiLePhi": fee_rows(data["fees"], form),
        "NoiDungThanhToan": without_marks(f"Thanh toan phi, le phi ho so {dossier}"),
        "HoTenNguoiNop": payer["name"],
        "SoCMNDNguoiNop": payer.get("identity_number") or NO_IDENTITY,
        "DiaChiNguoiNop": payer.get("address") or "",
        "HuyenNguoiNop": "",
        "TinhNguoiNop": form.province,
        "MaCoQuanQD": unit.code,
        "TenCoQuanQD": unit.name,
        "DSKhoanNop": [{"NoiDung": shortened(fee["name"]), "SoTien": str(fee["amount"])} for fee in data["fees"]],
        **dict.fromkeys(OF_FINES, ""),
    }


def fee_rows(fees: Sequence[Mapping[str, Any]], form: BlockForm = USUAL) -> list[dict[str, str]]:
    """PhiLePhi (#r33): each fee, phí first, and a row with 0 for the kind that there is none of."""
    missing = [kind for kind in WORDS if form.both_kinds and all(fee["kind"] != kind for fee in fees)]
    nothing = [{"kind": kind, "code": "2", "name": WORDS[kind], "amount": 0} for kind in missing]
    rows = sorted([*nothing, *fees], key=lambda fee: list(WORDS).index(fee["kind"]))
    return [
        {
            "LoaiPhiLePhi": form.fee_kinds[fee["kind"]],
            "MaPhiLePhi": form.fee_code or fee["code"],
            "TenPhiLePhi": shortened(fee["name"]),
            "SoTien": str(fee["amount"]),
        }
        for fee in rows
    ]


def shortened(name: str) -> str:
    """#r32."""
    return name if len(name) <= LONGEST_NAME else f"{name[:SHORTENED]}..."


def _as_told(data: Mapping[str, Any]) -> Name:
    return Name(code=data["procedure"], name=data.get("procedure_name") or data["procedure"])
