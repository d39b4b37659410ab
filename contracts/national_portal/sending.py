"""The portal at work: it sends what was filed until the province has it, through every mishap (`NOTES.md#r329`)."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from contracts.national_portal.filing import FileOrder, Letter, fates, letters

PATIENCE_S: Final = 10.0
ENDS: Final = {0: "taken", 1: "there", -1: "refused"}
"""What an `error_code` means for who sends (r320, r329); any other is no answer."""


class Post:
    """Sends one order after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._open = 0

    def send(self, order: FileOrder, batch: Sequence[Letter]) -> None:
        """Begin; `shown` says how it goes."""
        stopped = self._stopped
        with self._lock:
            self._open += 1
        threading.Thread(target=self._send_all, args=(order, batch, stopped), name="portal-post", daemon=True).start()

    def clear(self) -> None:
        """Forget all, and end what is under way."""
        self._stopped.set()
        with self._lock:
            self._stopped, self._rows, self._open = threading.Event(), [], 0

    def shown(self) -> dict[str, Any]:
        """Every message that was sent, in order, with what was answered; whether more is to come."""
        with self._lock:
            return {"open": self._open, "rows": [dict(row) for row in self._rows]}

    def _send_all(self, order: FileOrder, batch: Sequence[Letter], stopped: threading.Event) -> None:
        for n, letter in enumerate(batch, 1):
            row = self._send_one(order, letter, n, stopped)
            with self._lock:
                if stopped.is_set():
                    return
                self._rows.append(row)
        with self._lock:
            if not stopped.is_set():
                self._open -= 1

    def _send_one(self, order: FileOrder, letter: Letter, n: int, stopped: threading.Event) -> dict[str, Any]:
        chance, answers, end = fates(order, n), list[Any](), "gave_up"
        for _ in range(order.tries):
            if stopped.is_set():
                break
            fate = _fate(order, chance.random())
            said = _call(order, letter, fate)
            answers.append(said if said is not None else fate)
            if said is not None and said["error_code"] in ENDS:
                end = ENDS[said["error_code"]]
                break
            stopped.wait(order.pause_s)
        row = {"number": letter.number, "kind": order.kind, "service": letter.service, "tries": len(answers)}
        return row | {"end": end, "answers": answers}


def _fate(order: FileOrder, drawn: float) -> str:
    for name in ("lose", "cut", "twice"):
        drawn -= getattr(order, name)
        if drawn < 0:
            return name
    return "plain"


def _call(order: FileOrder, letter: Letter, fate: str) -> dict[str, Any] | None:
    """The answer that reached the portal; None when none did."""
    if fate == "cut":
        _cut(order, letter)
        return None
    if fate == "twice":
        with ThreadPoolExecutor(2) as pool:
            both = [said for said in pool.map(lambda _: _post(order, letter), range(2)) if said is not None]
        return both[0] if both else None
    said = _post(order, letter)
    return None if fate == "lose" else said


def _post(order: FileOrder, letter: Letter) -> dict[str, Any] | None:
    line = _line(order)
    try:
        line.request("POST", order.path + letter.service, letter.body, _headers(order))
        reply = line.getresponse()
        said = msgspec.json.decode(reply.read())
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return None
    finally:
        line.close()
    if reply.status != 200 or not isinstance(said, dict) or "error_code" not in said:
        return None
    code = said["error_code"]
    return said | {"error_code": int(code) if str(code) in ("0", "1", "-1") else code}


def _cut(order: FileOrder, letter: Letter) -> None:
    line = _line(order)
    try:
        line.putrequest("POST", order.path + letter.service)
        for name, value in (_headers(order) | {"Content-Length": str(len(letter.body))}).items():
            line.putheader(name, value)
        line.endheaders(letter.body[: len(letter.body) // 2])
    except (OSError, http.client.HTTPException):
        return
    finally:
        line.close()


def _line(order: FileOrder) -> http.client.HTTPConnection:
    where = urlsplit(order.to)
    return http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_S)


def _headers(order: FileOrder) -> dict[str, str]:
    key = {order.key_header: order.key} if order.key else {}
    return {"Accept": "application/json", "Content-Type": "application/json", "Charset": "utf-8"} | key


def read_order(body: bytes) -> tuple[FileOrder, list[Letter]]:
    """An order and its messages. Raises msgspec.DecodeError for one that makes no sense."""
    order = msgspec.json.decode(body, type=FileOrder)
    return order, letters(order)
