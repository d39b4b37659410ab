"""F16: eight callers tell one success at once, fifty times each: how long each waits, and that it counts once.

The doors run in a process of their own over a real ledger; the callers here keep their connections, as a gateway does.
Each call carries the gateway's checksum, is heard in a transaction of its own, and kept as evidence.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.doors.reading import read_event
from benchmarks.events import SOURCE, START, number
from benchmarks.installations import folder, fresh, opened
from benchmarks.plan import Plan
from benchmarks.processes import end, start
from benchmarks.spread import percentile
from bus.messages import Event
from config import mocked_gateways
from contracts.payment_platform.checksums import CONFIRM, checksum
from contracts.payment_platform.mock import MERCHANT, SECRET

CALLERS: Final = 8
TIMES: Final = 50
AMOUNT: Final = 75_000
PATH: Final = "/callbacks/payment_platform/confirm"
UNIT: Final = "000.00.09.H99"


def measure(plan: Plan) -> dict[str, Any]:
    """`plan.rounds` orders, one after the other."""
    times = plan.size(TIMES, 3)
    with folder() as place:
        fresh(place)
        mocked_gateways.join(place, "http://127.0.0.1:9")
        ledger = _asked_for(place, plan.rounds)
        references = [row[0] for row in _rows(ledger, "SELECT reference FROM payment_attempts ORDER BY id")]
        process = start("benchmarks.door", {"folder": str(place), "level": "error"})
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            took = [seconds for reference in references for seconds in _told(url, reference, times)]
        finally:
            end(process)
        ((settled,),) = _rows(ledger, "SELECT count(*) FROM payment_news")
        ((heard,),) = _rows(ledger, "SELECT count(*) FROM payment_hearings")
    return {
        "orders": len(references),
        "callers": CALLERS,
        "times": times,
        "calls": len(took),
        "heard": heard,
        "effects": settled,
        "wrong": abs(settled - len(references))
        + abs(len(references) * CALLERS * times - heard)
        + abs(heard - len(took)),
        "p50_ms": round(percentile(took, 0.5) * 1000, 1),
        "p99_ms": round(percentile(took, 0.99) * 1000, 1),
    }


def _asked_for(place: Path, orders: int) -> Path:
    """Payments whose attempts are written down; the ledger's file."""
    with opened(place) as here:
        here.intake.accept_many([_payment(n) for n in range(1, orders + 1)])
        return here.settings.ledger.path


def _payment(n: int) -> Event:
    data = {
        "payment": f"P{n}",
        "amount": AMOUNT,
        "currency": "VND",
        "unit": UNIT,
        "procedure": "1.013225",
        "fees": [{"kind": "charge", "code": "XD01", "name": "Lệ phí cấp phép", "amount": AMOUNT}],
        "payer": {"name": "Nguyễn Thị Ví Dụ"},
    }
    wire = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": "vn.lienthong.payment.requested.v1",
        "subject": number(n, "16"),
        "time": START.isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }
    return read_event(json.dumps(wire, ensure_ascii=False).encode())


def _told(url: str, reference: str, times: int) -> list[float]:
    """One success, told by all callers at once; how long each call took."""
    body, took, ready = _confirm(reference), list[float](), threading.Barrier(CALLERS)

    def caller() -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        ready.wait()
        for _ in range(times):
            begun = time.perf_counter()
            connection.request("POST", PATH, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            is_yes = json.loads(reply.read())["MaLoi"] == "00"
            if is_yes:  # what is not heard is missing from the evidence, and so counts as wrong
                took.append(time.perf_counter() - begun)
        connection.close()

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def _confirm(reference: str) -> bytes:
    fields: dict[str, Any] = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00",
        "MaDoiTac": MERCHANT,
        "MaThamChieu": reference,
        "SoTien": AMOUNT,
        "MaTienTe": "VND",
        "MaGiaoDich": f"GD{hashlib.sha256(reference.encode()).hexdigest()[:12]}",
        "MaNganHang": "VCB",
        "ThoiGianGD": "20260703143212",
        "ThongTinGiaoDich": "THANH TOAN HO SO",
    }
    return json.dumps({**fields, "MaXacThuc": checksum(fields, CONFIRM, SECRET)}).encode()


def _rows(ledger: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()
