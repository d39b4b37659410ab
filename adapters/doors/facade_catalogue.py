"""What the portal only tells, passed on to a caller of the façade: its catalogue, and who has an account there.

A call goes out under our own session and organisation code; of the caller's call nothing goes along but the parameters
of the table below. An answer is given again for a while; while the portal is silent an older one is given, and says how
old it is (contracts/facade/NOTES.md#r50 to #r55).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec
import structlog

from adapters.doors.facade_answers import Said
from adapters.doors.malformed import FieldError
from adapters.doors.refusals import TurnedAway
from adapters.partners.national_portal.codes import Verdict
from adapters.partners.national_portal.speaking import Heard
from adapters.partners.national_portal.wire import LOCAL
from bus.ports import Clock

log = structlog.get_logger("doors")

Endpoint = Literal["share", "integration"]
Ask = Callable[[str, Endpoint, Mapping[str, str]], Heard]

MOST_CALLS: Final = 4
"""Under way to the portal at once, for each process of the doors: callers of a catalogue must not become its load."""
WAIT_S: Final = 15.0
"""How long a caller waits for a question that another one has asked already."""
PAUSE_S: Final = 5.0
"""After a silence nobody asks again for so long: callers hear so at once."""
LONGEST_PAUSE_S: Final = 60.0
MOST_BYTES: Final = 32 * 1024 * 1024
"""Of answers that are kept: some thousand procedures. What was asked for longest ago goes first."""
NO: Final = frozenset({Verdict.REFUSED, Verdict.MISSING, Verdict.EXISTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service that only reads."""

    name: str
    endpoint: Endpoint
    """Where the portal has it (contracts/national_portal/NOTES.md#r11)."""
    parameters: tuple[str, ...] = ()
    """All of them are needed, and no others go along."""
    is_kept: bool = True
    """Whether an answer is given again; one about a person never is."""
    source: str = ""


CATEGORIES: Final = (
    "CoQuan", "LinhVuc", "GioiTinh", "DanToc", "TonGiao", "QuocGia", "TinhTrangHonNhan", "TinhThanh", "QuanHuyen",
    "PhuongXa", "DoiTuong", "CapThucHien", "CanCuPhapLy", "LePhi", "LoaiThuTuc", "NhomThuTuc", "ThuTucThuocLoai",
)  # fmt: skip
PASSED: Final = {
    row.name: row
    for row in (
        *(Service(name=f"LayDanhMuc{each}", endpoint="share", source="portal r125") for each in CATEGORIES),
        Service(name="LayDanhSachTTHC", endpoint="share", source="portal r122"),
        Service(name="LayThuTuc", endpoint="integration", parameters=("maTTHC",), source="portal r123"),
        Service(name="LayQDCB", endpoint="integration", parameters=("idQDCB",), source="C#-A, endpoint DECISION"),
        Service(name="LayDVC", endpoint="integration", source="portal r127"),
        Service(
            name="TraCuuTechID",
            endpoint="share",
            parameters=("provider", "mstorcmnd"),
            is_kept=False,
            source="portal r128",
        ),
    )
}
"""Every service that is passed through. A test holds it against the façade's notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One answer of the portal."""

    message: str
    result: bytes
    at: datetime
    tick: float

    def said(self, age: float, *, is_stale: bool) -> Said:
        """As a caller hears it, its age visible."""
        message = self.message
        if is_stale:
            at = self.at.astimezone(LOCAL).isoformat(timespec="seconds")
            message = f"Cổng DVCQG chưa trả lời; đây là dữ liệu lấy lúc {at}"
        headers = {"age": str(int(age)), "x-lienthong-answer": "kept" if is_stale else "portal"}
        return Said(message=message, more={"result": msgspec.Raw(self.result)}, headers=headers)


class Catalogue:
    """Asks the portal for many callers, seldom."""

    def __init__(
        self,
        ask: Ask,
        *,
        fresh_s: float,
        kept_s: float,
        clock: Clock,
        tick: Callable[[], float] = time.monotonic,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._kept_s = kept_s
        self._clock = clock
        self._tick = tick
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[str, ...], Kept] = OrderedDict()
        self._bytes = 0
        self._asking: set[tuple[str, ...]] = set()
        self._changed = threading.Condition()
        self._silent_until = tick()

    def tell(self, service: Service, parameters: Mapping[str, str], caller: str) -> Said:
        """The portal's answer, or one that is kept. Raises TurnedAway when there is neither."""
        key = (service.name, *(parameters[name] for name in service.parameters))
        if not service.is_kept:
            # Who asked about a person is known afterwards; about whom stays with the portal.
            log.info("person_asked_about", caller=caller, service=service.name)
        with self._changed:
            kept = self._find(key)
            if kept is None:
                self._changed.wait_for(lambda: self._has_room(key), WAIT_S)
                kept = self._find(key)
            if kept is not None and self._age(kept) < self._fresh_s:
                return kept.said(self._age(kept), is_stale=False)
            if not self._has_room(key) or self._tick() < self._silent_until:
                return self._instead(kept)
            self._asking.add(key)
        try:
            said = self._asked(service, key, parameters)
        finally:
            with self._changed:
                self._asking.discard(key)
                self._changed.notify_all()
        return said or self._instead(kept)

    def _has_room(self, key: tuple[str, ...]) -> bool:
        return key not in self._asking and len(self._asking) < MOST_CALLS

    def _asked(self, service: Service, key: tuple[str, ...], parameters: Mapping[str, str]) -> Said | None:
        """What the portal says; None when it says nothing that can be read."""
        heard = self._ask(service.name, service.endpoint, parameters)
        answer = heard.answer
        if answer is not None and answer.verdict is Verdict.YES:
            result = msgspec.json.encode(answer.body.result)
            kept = Kept(message=answer.body.text, result=result, at=self._clock.now(), tick=self._tick())
            if service.is_kept:
                self._keep(key, kept)
            return kept.said(0, is_stale=False)
        if answer is not None and answer.verdict in NO:
            code = int(answer.code) if answer.code.removeprefix("-").isdecimal() else answer.code
            return Said(code=code, message=answer.body.text, headers={"x-lienthong-answer": "portal"})
        self._rest(service, heard)
        return None

    def _rest(self, service: Service, heard: Heard) -> None:
        cause = heard.answer.row if heard.answer is not None else heard.trouble.reason if heard.trouble else ""
        wait = heard.answer.retry_after if heard.answer is not None else None
        pause = max(PAUSE_S, min(wait.total_seconds(), LONGEST_PAUSE_S) if wait else 0.0)
        with self._changed:
            self._silent_until = self._tick() + pause
        log.warning("catalogue_not_told", service=service.name, cause=cause)

    def _instead(self, kept: Kept | None) -> Said:
        """What is known from before. Raises TurnedAway."""
        if kept is None:
            silent = FieldError(field="service", rule="portal_silent", detail="the portal does not answer")
            raise TurnedAway("unavailable", errors=[silent])
        return kept.said(self._age(kept), is_stale=True)

    # -- what is kept -------------------------------------------------------------------------------------------------

    def _age(self, kept: Kept) -> float:
        return self._tick() - kept.tick

    def _find(self, key: tuple[str, ...]) -> Kept | None:
        kept = self._kept.get(key)
        if kept is None or self._age(kept) >= max(self._kept_s, self._fresh_s):
            return None
        self._kept.move_to_end(key)
        return kept

    def _keep(self, key: tuple[str, ...], kept: Kept) -> None:
        with self._changed:
            old = self._kept.pop(key, None)
            self._bytes += len(kept.result) - (len(old.result) if old else 0)
            self._kept[key] = kept
            while self._bytes > self._most_bytes:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= len(gone.result)
