"""The national portal as a callable: strict where its notes say so, stateful, and able to misbehave.

Written from the partner's document alone. It judges no order: whoever reads its effect list does (`NOTES.md#r97`).

    call → `places` (what is this?) → `gate` (may it pass?) → here (is it right? store it, answer)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from contracts.mock_faults import REST, Armed
from contracts.mock_http import http_date
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch
from contracts.mocking import JSON, Call, Mock, Request, Response, utc_now
from contracts.national_portal import catalogue, places, xroad_messages
from contracts.national_portal.books import STEP, SYNC, TELL, Books
from contracts.national_portal.born import IN_ENVELOPE as BESIDE_TYPE
from contracts.national_portal.born import Statuses
from contracts.national_portal.checks import Inspection, refused
from contracts.national_portal.choices import SWITCHES
from contracts.national_portal.fields import RULES_OF_RECORD, RULES_OF_STEP, look_at_record, look_at_step
from contracts.national_portal.gate import Account, Gate
from contracts.national_portal.replies import Replies
from contracts.national_portal.sending import Post, read_order
from contracts.national_portal.xroad_gate import Parties, XRoadGate

Row = Mapping[str, Any]
Judge = Callable[[int, Any, Visit], Broken | None]
Store = Callable[[Row], None]

IN_ENVELOPE: Final = frozenset(("session", "madonvi", "service", "data"))
ACCOUNT: Final = Account()


SOAP_FAULTS: Final[Mapping[str, Callable[[Request], Response]]] = {
    "soap_fault": lambda request: xroad_messages.fault("soap:Server", "Internal error", status=500, request=request),
    "unsigned_fault": lambda request: xroad_messages.fault("Server.ServerProxy.ServiceFailed.HttpError", "HTTP 502"),
}
"""The provider's, with the message's header, and a security server's, without it (r212): neither says what happened."""


def _file(mock: Portal, request: Request) -> Response:
    """Citizens file dossiers, and the portal sends them to the province (r329)."""
    order, batch = read_order(request.body)
    if order.kind == "promotion":
        for letter in batch:
            mock.books.file(letter.content)
    mock.post.send(order, batch)
    return Response(status=202, body=msgspec.json.encode({"numbers": [letter.number for letter in batch]}))


def _filed(mock: Portal, request: Request) -> Response:
    return Response(body=msgspec.json.encode(mock.post.shown()))


def _end_filing(mock: Portal, request: Request) -> Response:
    """What is under way is not sent any more; what was filed stays filed."""
    mock.post.clear()
    return Response(body=msgspec.json.encode(mock.post.shown()))


class Portal(Mock):
    """The national portal behind its exchange adapter, behind a provincial façade, and over X-Road."""

    partner: ClassVar[str] = "national_portal"
    faults_here: ClassVar[frozenset[str]] = REST | SOAP_FAULTS.keys()
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")
    controls_here: ClassVar = {("POST", "file"): _file, ("GET", "filed"): _filed, ("DELETE", "filed"): _end_filing}

    def __init__(
        self,
        *,
        account: Account = ACCOUNT,
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        super().__init__(clock=clock, keep=keep, seed=seed)
        self.account = account
        self.books = Books(self.effects)
        self.post = Post()
        self._replies = Replies(self.switches)
        self._gate = Gate(account=account, switches=self.switches, replies=self._replies, seed=seed)
        self._xroad = XRoadGate(Parties())
        self._statuses = Statuses(self.switches, self._replies, self.faults)
        self._services: dict[str, Callable[[Call, Visit], Response]] = {
            "login": self._gate.login,
            "token": self._gate.token,
            SYNC: self._records,
            STEP: self._steps,
            TELL: self._status,
            "TraCuuHoSo": self._look_up,
            "LayThuTuc": self._procedure,
            "LayDanhSachTTHC": lambda call, visit: self._list(visit, catalogue.procedures()),
            "LayDanhMucCoQuan": lambda call, visit: self._list(visit, catalogue.agencies()),
            "LayDanhMucLinhVuc": lambda call, visit: self._list(visit, catalogue.sectors()),
            "LayDVC": lambda call, visit: self._replies.yes(visit, "", result=catalogue.services()),
            "TraCuuTechID": self._tech_id,
        }

    def forget(self) -> None:
        self.books.clear()
        self.post.clear()
        self._replies.clear()
        self._gate.clear()
        self._xroad.clear()

    def recognise(self, request: Request) -> Call:
        return xroad_messages.recognise(request) if request.path == xroad_messages.PATH else places.recognise(request)

    def admit(self, call: Call, visit: Visit) -> Response | None:
        self._expire(call, visit)
        refusal = self._admit_xroad(call, visit) if call.place == "xroad" else self._gate.admit(call, visit)
        return self._dress(refusal, call, visit) if refusal else None

    def _admit_xroad(self, call: Call, visit: Visit) -> Response | None:
        """Both security servers and the schema; no session (r208)."""
        outer = self._gate.outer_auth(call.request, visit)
        return outer or self._xroad.admit(call, visit) or self._gate.unit(call, visit)

    def change(self, response: Response, fault: Armed, call: Call, visit: Visit) -> Response:
        """Faults of SOAP: an exchange that is built on X-Road may send one to a caller of REST as well."""
        if fault.name in SOAP_FAULTS:
            return SOAP_FAULTS[fault.name](call.request)
        return super().change(response, fault, call, visit)

    def answer(self, call: Call, visit: Visit) -> Response:
        service = self._services.get(call.operation, self._not_here)
        if call.place == "facade" and call.operation == "TraCuuHoSo" and not self.switches["facade_lookup"]:
            return Response(status=404, body=b'{"message":"Not Found"}')
        return self._dress(service(call, visit), call, visit)

    def _expire(self, call: Call, visit: Visit) -> None:
        """The fault `expired_session` ends the very session that is being shown."""
        if not self.faults.active or call.place not in ("share", "integration") or not isinstance(call.payload, dict):
            return
        if fault := self.faults.strike("expired_session", call.operation, call.dossiers):
            visit.fault = fault.name
            self._gate.sessions.drop(str(call.payload.get("session")))

    # Writes: judge every row, then store all, or the good ones, as the switch says (r110).

    def _records(self, call: Call, visit: Visit) -> Response:
        updating = call.payload.get("isUpdating")
        visit.checked += ("r33", "r34", "r53", "r54", *RULES_OF_RECORD)
        self._note_unknown(call, visit, IN_ENVELOPE | {"isUpdating"})
        if type(updating) is not str or updating not in ("True", "False"):
            found = "absent" if updating is None else f"{updating!r} ({type(updating).__name__})"
            expected = 'the text "True" or "False"'
            return self._refuse(visit, "r33", "isUpdating", expected, found, 'isUpdating phải là "True" hoặc "False"')
        if refusal := self._no_array(call, visit, self.switches["max_records"], "r112"):
            return refusal
        taken: set[str] = set()
        is_update = updating == "True"

        def judge(index: int, row: Any, visit: Visit) -> Broken | None:
            trouble = self._judge(index, row, visit, look_at_record) or self._standing(row, is_update, taken, visit)
            if trouble is None:
                taken.add(row["MaHoSo"])
            return trouble

        def store(row: Row) -> None:
            self.books.put(row, at=visit.clock, is_update=is_update)

        return self._take(call, visit, judge, store, "Đồng bộ hồ sơ thành công")

    def _steps(self, call: Call, visit: Visit) -> Response:
        visit.checked += ("r34", "r90", "r95", "r96", *RULES_OF_STEP)
        self._note_unknown(call, visit, IN_ENVELOPE)
        most = self.switches["max_steps"] if self.switches["over_max_steps"] == "refused" else 0
        if refusal := self._no_array(call, visit, most, "r95"):
            return refusal

        def judge(index: int, row: Any, visit: Visit) -> Broken | None:
            trouble = self._judge(index, row, visit, look_at_step)
            if trouble or row["MaHoSo"] in self.books:
                return trouble
            if self.books.is_born(row["MaHoSo"]):
                return visit.break_rule(_born_here(row["MaHoSo"]))
            says = f"Hồ sơ {row['MaHoSo']} chưa có trên hệ thống"
            return visit.break_rule(
                Broken(rule="r96", field="MaHoSo", expected="a dossier in the books", found="unknown", message=says)
            )

        def store(row: Row) -> None:
            self.books.append(row, at=visit.clock)

        return self._take(call, visit, judge, store, "Cập nhật tiến độ thành công")

    def _status(self, call: Call, visit: Visit) -> Response:
        self._note_unknown(call, visit, BESIDE_TYPE)
        return self._statuses.take(self.books, call, visit)

    def _no_array(self, call: Call, visit: Visit, most: int, rule: str) -> Response | None:
        data = call.payload.get("data")
        if type(data) is not list or not data:
            wrong = "r132" if call.place == "facade" else "r34"
            return self._refuse(visit, wrong, "data", "an array of records", type(data).__name__, "data phải là mảng")
        if most and len(data) > most:
            says = f"data vượt quá {most} bản ghi"
            return self._refuse(visit, rule, "data", f"at most {most}", str(len(data)), says)
        return None

    def _judge(self, index: int, row: Any, visit: Visit, look: Callable[[Inspection, str, Row], None]) -> Broken | None:
        if type(row) is not dict:
            says = f"data[{index}] phải là đối tượng"
            return visit.break_rule(Broken(rule="r34", field=f"data[{index}]", expected="an object", message=says))
        in_bytes = self.switches["length_unit"] == "bytes"
        seen = Inspection(in_bytes=in_bytes, procedures=self.switches["known_procedures"])
        look(seen, f"data[{index}].", row)
        visit.broken += seen.found
        return refused(seen.found) or self._refuse_record(row, visit)

    def _refuse_record(self, row: Row, visit: Visit) -> Broken | None:
        if self.faults.active and (fault := self._strike("refuse_record", row, visit)):
            says = f"Hồ sơ {row['MaHoSo']} không hợp lệ: trường MaTTHC bị từ chối"
            return Broken(rule="r41", field="MaTTHC", expected="", found=fault, message=says)
        return None

    def _strike(self, name: str, row: Row, visit: Visit) -> str | None:
        operation = STEP if "TrangThai" in row else SYNC
        fault = self.faults.strike(name, operation, (row["MaHoSo"],))
        if fault:
            visit.fault = fault.name
        return fault.name if fault else None

    def _standing(self, row: Row, is_update: bool, taken: set[str], visit: Visit) -> Broken | None:
        """Create or update, against what is there (r53, r54)."""
        number = row["MaHoSo"]
        if self.books.is_born(number) and is_update:
            return visit.break_rule(_born_here(number))
        is_there = number in self.books or self.books.is_born(number) or (not is_update and number in taken)
        if is_there == is_update:
            return None
        if is_there:
            code, says = self.switches["exists_code"], f"Hồ sơ {number} đã tồn tại"
            broken = Broken(rule="r53", field="MaHoSo", expected="a new number", found="there", code=code, message=says)
        else:
            says = f"Hồ sơ {number} chưa có trên hệ thống"
            broken = Broken(rule="r54", field="MaHoSo", expected="a known number", found="unknown", message=says)
        return visit.break_rule(broken)

    def _take(self, call: Call, visit: Visit, judge: Judge, store: Store, says: str) -> Response:
        rows = call.payload["data"]
        verdicts = [judge(index, row, visit) for index, row in enumerate(rows)]
        bad = [verdict for verdict in verdicts if verdict]
        results = self._results(rows, verdicts)
        if bad and (len(bad) == len(rows) or self.switches["bad_record"] == "whole_call_rejected"):
            return self._replies.no(visit, bad[0], **({} if results is None else {"result": results}))
        for row, verdict in zip(rows, verdicts, strict=True):
            if not verdict and not (self.faults.active and self._strike("skip_record_say_yes", row, visit)):
                store(row)
                visit.effects += 1
        return self._replies.stored(visit, says, results)

    def _results(self, rows: list[Any], verdicts: list[Broken | None]) -> list[dict[str, Any]] | None:
        """A result for each record, where the switch says that the portal gives one (r111)."""
        if not self.switches["record_results"]:
            return None
        return [
            {
                "MaHoSo": row.get("MaHoSo") if isinstance(row, dict) else None,
                "error_code": self._replies.code(verdict.code if verdict else 0),
                "message": verdict.message if verdict else "Thành công",
            }
            for row, verdict in zip(rows, verdicts, strict=True)
        ]

    # Reads.

    def _look_up(self, call: Call, visit: Visit) -> Response:
        visit.checked += ("r120",)
        self._note_unknown(call, visit, IN_ENVELOPE | {"mahoso"})
        number = call.payload.get("mahoso")
        if type(number) is not str or not number:
            says = "Thiếu tham số mahoso"
            return self._refuse(visit, "r120", "mahoso", "a number, the name in lower case", "none", says)
        return self._replies.yes(visit, "", result=self._shown(number))

    def _shown(self, number: str) -> list[dict[str, Any]]:
        """What the portal tells of a dossier (r121)."""
        dossier = self.books.dossier(number)
        if dossier is None:
            return []
        shows = self.switches["lookup_shows"]
        row: dict[str, Any] = {"MAHOSO": number}
        if shows != "existence":
            row["TRANGTHAI"] = dossier.status
        if shows == "entries":
            row["TIENDO"] = [{"TRANGTHAI": step["status"], "THOIDIEMXULY": step["at_step"]} for step in dossier.steps]
        return [row]

    def _procedure(self, call: Call, visit: Visit) -> Response:
        visit.checked += ("r123",)
        code = call.payload.get("maTTHC")
        if type(code) is not str or not code:
            return self._refuse(visit, "r123", "maTTHC", "a procedure's code", "none", "Thiếu tham số maTTHC")
        return self._list(visit, catalogue.procedure(code))

    def _tech_id(self, call: Call, visit: Visit) -> Response:
        visit.checked += ("r128",)
        number = call.payload.get("mstorcmnd")
        if call.payload.get("provider") != "wso2is" or type(number) is not str or not number:
            says = "Thiếu tham số provider hoặc mstorcmnd"
            return self._refuse(visit, "r128", "mstorcmnd", "provider wso2is and a number", "none", says)
        return self._list(visit, catalogue.tech_id(number))

    def _list(self, visit: Visit, rows: list[dict[str, Any]]) -> Response:
        return self._replies.yes(visit, "", result=rows)

    def _not_here(self, call: Call, visit: Visit) -> Response:
        says = f"Dịch vụ {call.operation} chưa có trong bản giả lập"
        return self._refuse(visit, "r126", "service", "a service of this walk", call.operation, says)

    # What both have.

    def _refuse(self, visit: Visit, rule: str, field: str, expected: str, found: str, says: str) -> Response:
        broken = Broken(rule=rule, field=field, expected=expected, found=found, message=says)
        return self._gate.refuse(visit, broken)

    def _note_unknown(self, call: Call, visit: Visit, known: frozenset[str]) -> None:
        if call.place in ("facade", "xroad"):  # on X-Road the schema has judged (r207)
            return
        for name in call.payload.keys() - known:
            rule = "r90" if name == "isUpdating" else "r35"
            visit.break_rule(
                Broken(rule=rule, field=name, expected="a member of the contract", found="unknown", refused=False)
            )

    def _dress(self, response: Response, call: Call, visit: Visit) -> Response:
        """The façade's wrapping (r134, r135), X-Road's envelope (r210), and the date of a clock that is out."""
        if call.place == "xroad" and response.status == 200 and response.content_type == JSON:
            response = xroad_messages.answer(call.request, response.body)
        if call.place == "facade" and response.status == 200 and self.switches["facade_double"]:
            is_own = self.switches["facade_outer_code"] == "own"
            code = self._replies.code(0) if is_own else visit.error_code
            response = replace(response, body=_double(code, response.body))
        if visit.skew:
            response = replace(response, headers={**response.headers, "Date": http_date(int(visit.clock.timestamp()))})
        return response


def _born_here(number: str) -> Broken:
    says = f"Hồ sơ {number} được nộp trên Cổng, dùng {TELL}"
    return Broken(rule="r308", field="MaHoSo", expected="a dossier of the province", found="filed here", message=says)


def _double(code: object, body: bytes) -> bytes:
    return msgspec.json.encode({"error_code": code, "message": body.decode()})
