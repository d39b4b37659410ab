"""The Payment Platform as a callable: it checks our checksums, keeps orders, lets a person pay, and calls back.

Written from `NOTES.md` alone; its checksums are its own (`checksums.py`).

    call → `places` (what is this?) → `checks` (is it right?) → here (keep it, answer)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from contracts.gateway_calls import Outgoing
from contracts.gateway_mock import GatewayMock
from contracts.gateway_orders import Booking, Order, stamp
from contracts.mock_log import Broken, Visit
from contracts.mock_switches import Switch
from contracts.mocking import Call, Request, Response, utc_now
from contracts.national_portal.reading import canonical, digest
from contracts.payment_platform import checks, places
from contracts.payment_platform.checksums import CONFIRM, INIT, QUERY, checksum
from contracts.payment_platform.choices import SWITCHES

MERCHANT: Final = "TINHDEMO"
SECRET: Final = "mock-payment-platform-0123456789"  # noqa: S105  # what the mock expects; everybody knows it
STATES: Final = {"open": "3", "pending": "3", "paid": "1", "failed": "4", "expired": "4"}
"""r53, r58."""
PDF: Final = b"%PDF-1.4\n%mock receipt of %s\n%%EOF\n"


class PaymentPlatform(GatewayMock):
    """The national switch, as a province calls it."""

    partner: ClassVar[str] = "payment_platform"
    name: ClassVar[str] = "Nền tảng thanh toán"
    switches_here: ClassVar[tuple[Switch, ...]] = SWITCHES
    notes: ClassVar[Path] = Path(__file__).with_name("NOTES.md")

    def __init__(
        self,
        *,
        merchants: Sequence[str] = (MERCHANT,),
        secrets: Sequence[str] = (SECRET,),
        callback_url: str = "",
        clock: Callable[[], datetime] = utc_now,
        keep: int = 50_000,
        seed: int = 0,
    ) -> None:
        """`secrets`: it signs with the first, and takes all of them (r8)."""
        super().__init__(callback_url=callback_url, clock=clock, keep=keep, seed=seed)
        self.merchants = tuple(merchants)
        self.secrets = tuple(secrets)

    @property
    def merchant(self) -> str:
        return self.merchants[0]

    # -- what comes in ------------------------------------------------------------------------------------------------

    def recognise_here(self, request: Request) -> Call:
        return places.recognise(request)

    def admit_here(self, call: Call, visit: Visit) -> Response | None:
        if call.place == "file":
            return None
        kind = call.request.headers.get("content-type", "").partition(";")[0].strip()
        if call.request.method != "POST" or kind != "application/json" or call.payload is None:
            return self._no(visit, [Broken(rule="r2", field="body", expected="POST with application/json")])
        visit.checked += ("r2", "r5", "r6", "r10" if call.operation == "INIT" else "r50")
        return self._no(visit, self._broken(call, visit))

    def _broken(self, call: Call, visit: Visit) -> Iterable[Broken]:
        message: dict[str, Any] = call.payload
        yield from checks.of_frame(message, call.operation, self.merchants)
        order, rule = (INIT, "r11") if call.operation == "INIT" else (QUERY, "r51")
        yield from checks.of_checksum(message, order, self.secrets, rule)
        if call.operation == "INIT":
            yield from checks.of_init(message, visit.clock)
            if self.orders.get(str(message.get("MaThamChieu"))) is not None:
                yield Broken(rule="r12", field="MaThamChieu", expected="a reference that is new")

    def _no(self, visit: Visit, broken: Iterable[Broken]) -> Response | None:
        """The first rule that refuses is told; all are written down."""
        rows = [visit.break_rule(row) for row in broken]
        first = next((row for row in rows if row.refused), None)
        return None if first is None else _json({"MaLoi": "01", "MoTaLoi": f"{first.rule} {first.field}"})

    # -- answers ------------------------------------------------------------------------------------------------------

    def answer_here(self, call: Call, visit: Visit) -> Response:
        match call.operation:
            case "INIT":
                return self._open(call, visit)
            case "QUERY":
                return self._tell_state(call.payload)
            case "GET_BILL":
                return self._bill(call)
            case _:
                return self._file(call)

    def _open(self, call: Call, visit: Visit) -> Response:
        message: dict[str, Any] = call.payload
        code = self.switches["init_code"]
        if code != "00":
            return _json({"MaLoi": code, "MoTaLoi": "Khong tao duoc giao dich", "MaThamChieu": message["MaThamChieu"]})
        order = Order(
            reference=message["MaThamChieu"],
            amount=int(message["SoTien"]),
            currency=message["MaTienTe"],
            description=message["ThongTinGiaoDich"],
            dossier=message["ThongTinBienLai"]["MaHoSo"],
            created_at=visit.clock,
            asked_with=message,
        )
        body = canonical(message)
        self.opened(order, visit, body, digest(body))
        return self._opened(order, call.request)

    def _opened(self, order: Order, request: Request) -> Response:
        told = {
            "MaLoi": "00",
            "MoTaLoi": "Thanh cong",
            "MaThamChieu": "TT000000000000000000" if self.switches["other_reference"] else order.reference,
            "UrlThanhToan": self._pay_url(order, request),
        }
        match self.switches["answer"]:
            case "wrapped":
                return _json({"error_code": "0", "message": json.dumps(told)})
            case "wrapped_object":
                return _json({"error_code": "0", "message": told})
            case "contradicted":
                return _json({"error_code": "99", "message": json.dumps(told)})
            case _:
                return _json(told)

    def _pay_url(self, order: Order, request: Request) -> str:
        page = f"payment_platform/pay/{order.reference}"
        match self.switches["pay_url"]:
            case "good":
                base = self.switches["public_url"] or f"http://{request.headers.get('host', '127.0.0.1')}"
                return f"{base}/{page}"
            case "plain_http":
                return f"http://thanhtoan.example.invalid/{page}"
            case "other_host":
                return f"https://khac.example.invalid/{page}"
            case _:
                return ""

    def _tell_state(self, message: Mapping[str, Any]) -> Response:
        if code := self.switches["query_code"]:
            return _json({"MaLoi": code, "MoTaLoi": "Khong truy van duoc", "LoaiBanTin": "QUERY"})
        order = self.orders.get(str(message["MaThamChieu"]))
        if order is None or order.asked_with["ThoiGianGD"] != message["ThoiGianGD"]:
            return _json({"MaLoi": self.switches["unknown_code"], "MoTaLoi": "Khong tim thay", "LoaiBanTin": "QUERY"})
        order.asked += 1
        then = self.switches["pending_then"]
        if then and order.state == "pending" and order.asked > self.switches["pending_questions"]:
            order.state = then
            if then == "paid":
                self.orders.book(order, at=self._clock())
        return _json(self._stands(order, message))

    def _stands(self, order: Order, message: Mapping[str, Any]) -> dict[str, Any]:
        booking = order.paid
        told = {
            "MaLoi": "00",
            "MoTaLoi": "Thanh cong",
            "LoaiBanTin": "QUERY",
            "MaDoiTac": message["MaDoiTac"],
            "MaThamChieu": order.reference,
            "SoTien": str(order.amount if booking is None else booking.amount),
            "MaTienTe": order.currency,
            "MaGiaoDich": "" if booking is None else booking.transaction,
            "MaNganHang": "" if booking is None else booking.bank,
            "ThoiGianGD": stamp(order.created_at if booking is None else booking.at),
            "ThongTinGiaoDich": order.description,
            "TrangThaiGD": self.switches["query_state"] or STATES[order.state],
        }
        match self.switches["query_hash"]:
            case "right":
                return {**told, "MaXacThuc": checksum(told, CONFIRM, self.secrets[0])}
            case "wrong":
                return {**told, "MaXacThuc": "0" * 64}
            case _:
                return {**told, "MaXacThuc": ""}

    def _bill(self, call: Call) -> Response:
        order = self.orders.get(str(call.payload["MaThamChieu"]))
        if order is None or order.paid is None:
            return _json({"MaLoi": "25", "MoTaLoi": "Khong co bien lai"}, status=404)
        order.fetched += 1
        if order.fetched <= self.switches["bill_late"] or self.switches["bill"] == "none":
            return _json({"MaLoi": "26", "MoTaLoi": "Bien lai chua san sang"}, status=404)
        if self.switches["bill"] == "json":
            base = self.switches["public_url"] or f"http://{call.request.headers.get('host', '127.0.0.1')}"
            return _json({"MaLoi": "00", "UrlBienLai": f"{base}{places.HOUSE}{places.FILE}{order.reference}"})
        return _pdf(order)

    def _file(self, call: Call) -> Response:
        order = self.orders.get(call.payload)
        return _json({"error": "nothing here"}, status=404) if order is None or order.paid is None else _pdf(order)

    # -- the call back ------------------------------------------------------------------------------------------------

    def notice(self, order: Order, result: str, booking: Booking | None, code: str, at: datetime) -> dict[str, Any]:
        return {
            "LoaiBanTin": "CONFIRM",
            "MaLoi": "00" if result == "paid" else (code or "24"),
            "MaDoiTac": order.asked_with["MaDoiTac"],
            "MaThamChieu": order.reference,
            "SoTien": order.amount if booking is None else booking.amount,
            "MaTienTe": order.currency,
            "MaGiaoDich": f"GD0{order.reference[-8:]}" if booking is None else booking.transaction,
            "MaNganHang": order.bank,
            "ThoiGianGD": stamp(at if booking is None else booking.at),
            "ThongTinGiaoDich": order.description,
        }

    def signed(self, fields: Mapping[str, Any], secret: str = "") -> dict[str, Any]:
        return {**fields, "MaXacThuc": checksum(fields, CONFIRM, secret or self.secrets[0])}

    def outgoing(self, reference: str, url: str, fields: Mapping[str, Any]) -> Outgoing:
        body = json.dumps(fields, ensure_ascii=False).encode()
        return Outgoing(reference=reference, url=url, headers={"Content-Type": "application/json"}, body=body)

    def is_taken(self, status: int, answer: bytes) -> bool:
        try:
            told = json.loads(answer)
        except ValueError:
            return False
        return status == 200 and isinstance(told, dict) and told.get("MaLoi") == "00"


def _pdf(order: Order) -> Response:
    return Response(body=PDF.replace(b"%s", order.reference.encode()), content_type="application/pdf")


def _json(value: Mapping[str, Any], *, status: int = 200) -> Response:
    return Response(status=status, body=json.dumps(value, ensure_ascii=False).encode())
