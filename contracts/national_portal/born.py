"""Dossiers that were filed on the portal itself, and the one write that tells how they fare (`NOTES.md#r300`)."""

from __future__ import annotations

from typing import Any, Final

from contracts.mock_faults import Faults
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switches
from contracts.mocking import Call, Response
from contracts.national_portal.books import TELL, Books
from contracts.national_portal.checks import Inspection, refused
from contracts.national_portal.fields import RULES_OF_STATUS, look_at_status
from contracts.national_portal.replies import Replies

IN_ENVELOPE: Final = frozenset(("session", "madonvi", "service", "type", "data"))


class Statuses:
    """Takes `DongBoTrangThaiHoSo`: one status of one dossier in one call."""

    def __init__(self, switches: Switches, replies: Replies, faults: Faults) -> None:
        self._switches = switches
        self._replies = replies
        self._faults = faults

    def take(self, books: Books, call: Call, visit: Visit) -> Response:
        """Judge it, store it, answer."""
        visit.checked += ("r300", "r307", *RULES_OF_STATUS)
        if broken := self._envelope(call) or self._content(call.payload["data"], visit):
            return self._replies.no(visit, broken if broken in visit.broken else visit.break_rule(broken))
        row = call.payload["data"]
        if not books.is_born(row["MaHoSo"]):
            says = f"Hồ sơ {row['MaHoSo']} không phải hồ sơ nộp trên Cổng"
            return self._replies.no(visit, visit.break_rule(_wrong("r307", "data.MaHoSo", "filed here", "not", says)))
        if broken := self._refuse(row):
            return self._replies.no(visit, broken)
        if not self._strikes("skip_record_say_yes", row):
            books.tell(row, at=visit.clock)
            visit.effects += 1
        return self._replies.stored(visit, "Đồng bộ trạng thái hồ sơ thành công", None)

    def _envelope(self, call: Call) -> Broken | None:
        payload = call.payload
        if call.place != "facade" and (type(payload.get("type")) is not str or payload["type"] != "2"):
            return _wrong("r300", "type", 'the text "2"', repr(payload.get("type"))[:40], 'type phải là "2"')
        if type(payload.get("data")) is not dict:
            rule = "r309" if call.place == "facade" else "r300"
            found = type(payload.get("data")).__name__
            return _wrong(rule, "data", "one object", found, "data phải là một đối tượng")
        return None

    def _content(self, row: dict[str, Any], visit: Visit) -> Broken | None:
        seen = Inspection(in_bytes=self._switches["length_unit"] == "bytes", procedures=None)
        look_at_status(seen, self._switches["born_statuses"], row)
        visit.broken += seen.found
        return refused(seen.found)

    def _refuse(self, row: dict[str, Any]) -> Broken | None:
        if not self._strikes("refuse_record", row):
            return None
        says = f"Hồ sơ {row['MaHoSo']} không hợp lệ: trường TrangThai bị từ chối"
        return Broken(rule="r41", field="TrangThai", expected="", found="refuse_record", message=says)

    def _strikes(self, name: str, row: dict[str, Any]) -> bool:
        return bool(self._faults.active) and self._faults.strike(name, TELL, (row["MaHoSo"],)) is not None


def _wrong(rule: str, field: str, expected: str, found: str, says: str) -> Broken:
    return Broken(rule=rule, field=field, expected=expected, found=found, message=says)
