"""A valid noun for every test, overridden by keyword: a test shows only what matters to it.

The same arguments give the same noun, and so the same event id (a repeat); other contents give another id. A test about
contradiction names the `id` itself.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from bus.messages import (
    KIND_PREFIX,
    PAID_AT_COUNTER,
    PAYMENT_REQUESTED,
    REFUND_REQUESTED,
    Attempt,
    Delivered,
    Delivery,
    Event,
    Exchange,
    Outcome,
    Standing,
    State,
    canonical_bytes,
    digest_of,
)

LOCAL: Final = timezone(timedelta(hours=7))
"""Asia/Ho_Chi_Minh, which has no summer time."""
NOON: Final = datetime(2026, 7, 3, 12, 0, tzinfo=LOCAL)
DOSSIER: Final = "H99.09-260703-0123"
SOURCE: Final = "one-stop/h99"
RECORDED: Final = "dossier.recorded"
PROGRESSED: Final = "dossier.progressed"


def event_json(
    kind: str = RECORDED,
    *,
    dossier: str = DOSSIER,
    id: str | None = None,
    source: str = SOURCE,
    status: str | None = "accepted",
    at: datetime = NOON,
    sequence: int | None = None,
    envelope: dict[str, Any] | None = None,
    **data: Any,
) -> dict[str, Any]:
    """The wire form of a valid event. `data` members by keyword; `envelope` adds or replaces members outside `data`.

    With `local_step=…` the status becomes null, because exactly one of the two may be set.
    """
    body = (_record_data if kind == RECORDED else _step_data)(at)
    body |= {"status": None if data.get("local_step") is not None else status} | data
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": id or _id_for(kind, dossier, at, sequence, body),
        "source": source,
        "type": f"{KIND_PREFIX}{kind}.v1",
        "subject": dossier,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": body,
    }
    if sequence is not None:
        event["sequence"] = str(sequence)
    return event | (envelope or {})


def step_json(**overrides: Any) -> dict[str, Any]:
    """The wire form of a valid processing step."""
    members: dict[str, Any] = {"status": "processing"}
    return event_json(PROGRESSED, **(members | overrides))


def payment_json(
    kind: str = PAYMENT_REQUESTED,
    *,
    dossier: str = DOSSIER,
    id: str | None = None,
    source: str = SOURCE,
    at: datetime = NOON,
    sequence: int | None = None,
    payment: str = "P1",
    amount: int = 75_000,
    envelope: dict[str, Any] | None = None,
    **data: Any,
) -> dict[str, Any]:
    """The wire form of a valid event about a payment; of what is asked for, the one fee is the whole amount."""
    body = {"payment": payment, "amount": amount, "currency": "VND"} | _PAYMENT_DATA[kind](at, amount) | data
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": id or _id_for(kind, dossier, at, sequence, body),
        "source": source,
        "type": f"{KIND_PREFIX}{kind}.v1",
        "subject": dossier,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": body,
    }
    if sequence is not None:
        event["sequence"] = str(sequence)
    return event | (envelope or {})


def make_payment(kind: str = PAYMENT_REQUESTED, **overrides: Any) -> Event:
    """A valid event about a payment as the bus holds it, from the arguments of `payment_json`."""
    return from_json(payment_json(kind, **overrides))


def make_event(kind: str = RECORDED, **overrides: Any) -> Event:
    """A valid event as the bus holds it, from the arguments of `event_json`."""
    return from_json(event_json(kind, **overrides))


def make_step(**overrides: Any) -> Event:
    """A valid processing step as the bus holds it."""
    return from_json(step_json(**overrides))


def from_json(wire: dict[str, Any]) -> Event:
    """The bus's noun for a wire form that is already valid and in NFC."""
    body = canonical_bytes(wire)
    return Event(
        source=wire["source"],
        id=wire["id"],
        kind=wire["type"].removeprefix(KIND_PREFIX).rpartition(".v")[0],
        dossier=wire["subject"],
        occurred_at=datetime.fromisoformat(wire["time"]),
        sequence=int(wire["sequence"]) if "sequence" in wire else None,
        body=body,
        digest=digest_of(body),
        data=wire["data"],
        traceparent=wire.get("traceparent"),
    )


def make_standing(**overrides: Any) -> Standing:
    """What we know of a dossier that is in the partner's books."""
    members: dict[str, Any] = {
        "exists": True,
        "procedure": "1.013225",
        "unit": "000.00.09.H99",
        "national_number": None,
        "received_at": datetime(2026, 7, 3, 7, 30, tzinfo=LOCAL),
        "shown_status": "accepted",
        "origin": "one_stop",
        "own_number": None,
    }
    return Standing(**(members | overrides))


def make_delivery(event: Event | None = None, *, standing: Standing | None = None, **overrides: Any) -> Delivery:
    """A delivery as a worker claims it: first try, held by fence 1."""
    event = event or make_event()
    members: dict[str, Any] = {
        "id": 1,
        "partner": "national_portal",
        "lane": 1,
        "event": event,
        "state": State.SENDING,
        "tries": 0,
        "crashes": 0,
        "fence": 1,
        "is_unanswered": False,
        "standing": standing or make_standing(),
        "batch_kind": event.kind,
    }
    return Delivery(**(members | overrides))


def make_exchange(**overrides: Any) -> Exchange:
    """One call that was answered with a plain yes."""
    members: dict[str, Any] = {
        "operation": "DongBoHoSoMC",
        "method": "POST",
        "url": "http://127.0.0.1:9100/national_portal/VXPAdapter/RestService/forward/mapi/integration",
        "request_head": b"content-type: application/json\r\n",
        "request_body": b"{}",
        "sent_at": NOON.astimezone(UTC),
        "took": timedelta(milliseconds=5),
        "status": 200,
        "reply_head": b"content-type: application/json\r\n",
        "reply_body": b'{"error_code": 0, "message": ""}',
    }
    return Exchange(**(members | overrides))


def make_attempt(outcome: Outcome | None = None, **overrides: Any) -> Attempt:
    """One try that the partner took."""
    members: dict[str, Any] = {"exchanges": (make_exchange(),)}
    return Attempt(outcome=outcome or Delivered(), **(members | overrides))


def _id_for(kind: str, dossier: str, at: datetime, sequence: int | None, body: dict[str, Any]) -> str:
    content = digest_of(canonical_bytes([kind, dossier, at.isoformat(), sequence, body])).hex()[:12]
    name = {RECORDED: "record", PROGRESSED: "step"}.get(kind, "payment")
    return f"{name}-{content}"


def _requested(at: datetime, amount: int) -> dict[str, Any]:
    return {
        "unit": "000.00.09.H99",
        "procedure": "1.013225",
        "fees": [{"kind": "charge", "code": "XD01", "name": "Lệ phí cấp phép", "amount": amount}],
        "payer": {
            "name": "Nguyễn Thị Ví Dụ",
            "identity_number": "099000000001",
            "address": "Thôn Mẫu, xã Thử Nghiệm",
            "phone": "0900000001",
            "email": "vi.du@example.invalid",
        },
    }


def _refund(at: datetime, amount: int) -> dict[str, Any]:
    return {"refund": "R1", "reason": "Thu thừa lệ phí cấp phép", "requested_by": "Trần Văn Mẫu"}


def _at_counter(at: datetime, amount: int) -> dict[str, Any]:
    return {"paid_at": at.isoformat()}


_PAYMENT_DATA: Final = {PAYMENT_REQUESTED: _requested, REFUND_REQUESTED: _refund, PAID_AT_COUNTER: _at_counter}


def _record_data(at: datetime) -> dict[str, Any]:
    return {
        "origin": "one_stop",
        "national_number": None,
        "unit": "000.00.09.H99",
        "procedure": "1.013225",
        "status": "accepted",
        "channel": "online",
        "summary": "Đề nghị cấp giấy phép xây dựng nhà ở riêng lẻ",
        "note": "",
        "applicant": {
            "kind": "citizen",
            "name": "Nguyễn Thị Ví Dụ",
            "identity": {"kind": "cccd", "number": "099000000001"},
            "phone": "0900000001",
            "email": "vi.du@example.invalid",
            "address": "Thôn Mẫu, xã Thử Nghiệm",
            "verified_by_vneid": True,
        },
        "filed_at": (at - timedelta(hours=12)).isoformat(),
        "received_at": at.isoformat(),
        "due_at": (at + timedelta(days=21)).isoformat(),
        "finished_at": None,
        "returned_at": None,
        "return_by": "post",
        "submitted": [
            {
                "component": "000.00.00.G17-KQ000123",
                "name": "Đơn đề nghị.pdf",
                "url": "https://files.h99.example.invalid/d/1",
                "digitised": True,
                "reused": False,
            }
        ],
        "fees": [
            {
                "code": "XD01",
                "name": "Lệ phí cấp phép",
                "kind": "charge",
                "amount": 75000,
                "currency": "VND",
                "state": "unpaid",
            }
        ],
        "results": [],
        "supplements": [],
    }


def _step_data(at: datetime) -> dict[str, Any]:
    return {
        "unit": "000.00.09.H99",
        "status": "processing",
        "officer": {"name": "Trần Văn Mẫu", "position": "Chuyên viên", "department": "Phòng Quản lý xây dựng"},
        "content": "Thẩm định hồ sơ",
        "started_at": at.isoformat(),
        "due_at": (at + timedelta(days=7)).isoformat(),
    }
