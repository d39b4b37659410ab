"""What the façade says: the portal's own envelope, and never more than is known (contracts/facade/NOTES.md#r40)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import msgspec

from adapters.partners.national_portal.tables import Tables
from adapters.partners.national_portal.told import Trouble
from bus.errors import NotFound
from bus.messages import State
from bus.reads import Reads

PORTAL: Final = "national_portal"
ACCEPTED: Final = {
    "DongBoHoSoMC": "Đồng bộ hồ sơ thành công (trục liên thông đã tiếp nhận, đang chuyển lên Cổng DVCQG)",
    "CapNhatTienDoHoSoMC": "Cập nhật tiến độ thành công (trục liên thông đã tiếp nhận, đang chuyển lên Cổng DVCQG)",
}
"""Clients look for "thành công"; the rest says who speaks."""
SESSION: Final = "Phiên làm việc không hợp lệ hoặc đã hết hạn, hãy đăng nhập lại"
LOGIN: Final = "Sai tên đăng nhập hoặc mật khẩu"
RULES: Final = {
    "missing_field": "bắt buộc, không được để trống",
    "wrong_type": "sai kiểu dữ liệu",
    "enum": "giá trị không có trong danh mục",
    "out_of_range": "sai định dạng hoặc vượt giới hạn, không thể chuyển nguyên vẹn",
    "unknown_field": "trường chưa biết, không thể chuyển nguyên vẹn",
    "not_nfc": "mã phải ở dạng Unicode dựng sẵn (NFC)",
    "contradicted": "mâu thuẫn với trường khác",
    "forbidden_source": "hồ sơ thuộc hệ thống khác",
    "malformed_json": "nội dung không phải JSON",
    "duplicate_member": "trường xuất hiện hai lần",
    "too_deep": "lồng quá sâu",
    "too_large": "quá lớn",
    "not_utf8": "nội dung không phải UTF-8",
    "media_type": "kiểu nội dung không được nhận, hoặc đã nén",
    "portal_silent": "Cổng DVCQG chưa trả lời, hãy hỏi lại sau",
}
TROUBLES: Final = {
    "rate_limited": "Gửi quá nhanh, hãy thử lại sau",
    "unavailable": "Hệ thống tạm thời chưa ghi nhận được, hãy gửi lại",
    "too_large": "Nội dung quá lớn",
}
ELSEWHERE: Final = "trục liên thông không nhận dịch vụ này, hãy giữ địa chỉ cũ cho dịch vụ đó"
"""Of a service that the façade does not have: the caller keeps its old address for it."""
WRONG: Final = "Yêu cầu không hợp lệ"
MOST_TOLD: Final = 10

Codes = Literal["number", "text"]
SETTLED: Final = frozenset(
    {State.DELIVERED, State.REFUSED, State.HELD, State.SUPERSEDED, State.CANCELLED, State.NOT_OURS}
)
"""States after which waiting on learns nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer of the portal's kind."""

    code: int | str = 0
    message: str = ""
    more: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside the envelope, for whoever wants to know more than it can say."""

    def as_bytes(self, codes: Codes, *, is_double: bool = False) -> bytes:
        """The envelope. Double: as a text within another envelope, as provincial exchanges give it."""
        code = str(self.code) if codes == "text" else self.code
        body: dict[str, Any] = {"error_code": code, "message": self.message, **(self.more or {})}
        if is_double:
            outer = "0" if codes == "text" else 0
            body = {"error_code": outer, "message": msgspec.json.encode(body).decode()}
        return msgspec.json.encode(body)


def refused(code: str, troubles: Sequence[Trouble], reference: str) -> Said:
    """Every member named as the caller knows it, and the reference for the telephone."""
    told = [placed(each.field, _words(each)) for each in troubles[:MOST_TOLD] if each.rule in RULES]
    rest = len(troubles) - MOST_TOLD
    words = "; ".join(told) or TROUBLES.get(code, WRONG)
    if rest > 0:
        words += f"; và {rest} lỗi khác"
    return Said(code=-1, message=f"{words}. Mã tra cứu: {reference}")


def placed(field: str, words: str) -> str:
    """What is wrong and where; the message as a whole has no name."""
    return f"{field}: {words}" if field else words


def _words(trouble: Trouble) -> str:
    return ELSEWHERE if (trouble.field, trouble.rule) == ("service", "enum") else RULES[trouble.rule]


class Answers:
    """Answers from the ledger."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def of_portal(self, source: str, ids: Sequence[str]) -> Said | None:
        """What the portal said to all of these, or to the first that it refused; None while it is not known.

        What is held, superseded or not ours never got an answer: that it was accepted here is all that is true.
        """
        said: Said | None = None
        is_open = is_silent = False
        for id in ids:
            for delivery in self._reads.event(source, id)["deliveries"]:
                if delivery["partner"] != PORTAL:
                    continue
                if delivery["state"] == State.REFUSED:
                    return self._reply(delivery["id"])
                is_open |= delivery["state"] not in SETTLED
                is_silent |= delivery["state"] != State.DELIVERED
                if delivery["state"] == State.DELIVERED:
                    said = self._reply(delivery["id"])
        return None if is_open or is_silent else said

    def is_settled(self, source: str, ids: Sequence[str]) -> bool:
        """Whether waiting on would learn nothing."""
        deliveries = [each for id in ids for each in self._reads.event(source, id)["deliveries"]]
        return all(each["state"] in SETTLED for each in deliveries if each["partner"] == PORTAL)

    def _reply(self, delivery: int) -> Said | None:
        """The portal's last words about it."""
        for attempt in reversed(self._reads.delivery(delivery, with_bodies=True)["attempts"]):
            for exchange in reversed(attempt["exchanges"]):
                if exchange["operation"] in ACCEPTED and (said := _said(exchange.get("reply_body"))) is not None:
                    return said
        return None

    def lookup(self, source: str, number: str) -> Said:
        """`TraCuuHoSo`: there only when the portal itself has acknowledged or shown it (#r42)."""
        try:
            view = self._reads.dossier(number)
        except NotFound:
            return Said(more={"result": []})
        is_there = view["source"] == source and any(
            each["partner"] == PORTAL and each["exists_there"] for each in view["partners"]
        )
        return Said(more={"result": [{"MAHOSO": number}] if is_there else []})


def catalogue(service: str, parameter: str, tables: Tables, on: date) -> Said | None:
    """The catalogue of a day as far as the province's tables go (#r55); None when the service is none of it."""
    rows = [row.values for row in tables["procedures"].rows if row.first <= on <= row.last]
    match service:
        case "LayDanhSachTTHC":
            found = {row["national_code"]: {"MATTHC": row["national_code"], "TENTTHC": row["name"]} for row in rows}
        case "LayThuTuc":
            found = {row["national_code"]: _procedure(row) for row in rows if row["national_code"] == parameter}
        case "LayDanhMucLinhVuc":
            found = {row["sector_code"]: _sector(row) for row in rows}
        case _:
            return None
    return Said(more={"result": list(found.values())}, headers={"x-lienthong-answer": "tables"})


def _procedure(row: Mapping[str, str]) -> dict[str, Any]:
    return {
        "MATTHC": row["national_code"],
        "TENTTHC": row["name"],
        "TRANGTHAI": "1",
        "LINHVUCTHUCHIEN": [_sector(row)],
    }


def _sector(row: Mapping[str, str]) -> dict[str, Any]:
    return {"MALINHVUC": row["sector_code"], "TENLINHVUC": row["sector_name"]}


def _said(body: str | None) -> Said | None:
    """Code and words of a reply as it was kept; of a double one, the inner; of one over X-Road, its members."""
    if body and body.startswith("<"):
        from adapters.partners.national_portal.xroad_answers import words_of  # with lxml, which JSON does not need

        words = words_of(body.encode())
        return Said(code=words[0], message=words[1]) if words else None
    try:
        told = msgspec.json.decode(body or "")
        if isinstance(told["message"], str) and told["message"].startswith("{"):
            told = msgspec.json.decode(told["message"])
        code, message = told["error_code"], told["message"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
    return Said(code=code, message=message) if isinstance(code, int | str) and isinstance(message, str) else None
