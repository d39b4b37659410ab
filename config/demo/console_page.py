"""Where to look at the console after a demo: the link, who to sign in as, and what is worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bus.messages import State
from config.demo.books import Entry
from config.demo.page import Section

SIGHTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "refused": ("Cổng từ chối", "refused by the portal", "log?state=refused"),
    "held": ("bị giữ, chưa gửi gì đi", "held, nothing left the house", "log?state=held"),
    "no_row": ("mã chưa có trong bảng: ánh xạ rồi cho đi", "codes without a row: map and release", "mapping"),
    "in_doubt": ("chưa rõ, đã được xác định", "were in doubt, and settled", "log?cause=resolved_arrived"),
    "gap": ("chờ một số thứ tự còn thiếu", "waits for a missing number", "log?cause=gap"),
    "late_step": ("bước đến muộn", "steps that came late", "log?cause=late_step"),
    "door": ("bị từ chối ở cửa, tra theo mã tham chiếu", "refused at the door, by reference", "refused"),
}
"""What there is to see: its words in both languages, and the page below `/console/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """What the demo's last page needs to know of its console."""

    url: str
    """Ends with a slash."""
    token: str
    first: str
    second: str


def counted(entries: Iterable[Entry], resolved: int, turned_away: int) -> dict[str, int]:
    """How many there are of each sight; the same that the linked page shows."""
    found = dict.fromkeys(SIGHTS, 0)
    for entry in entries:
        if entry.state in (State.REFUSED, State.HELD):
            found[str(entry.state)] += 1
        for cause in ("no_row", "gap", "late_step"):
            found[cause] += entry.cause == cause and entry.state.is_open
    return found | {"in_doubt": resolved, "door": turned_away}


def console(looking: Looking, count: Mapping[str, int]) -> Section:
    """The section: address, accounts, and only what there is to see."""
    rows = [
        ("địa chỉ (address)", "", looking.url),
        ("đăng nhập (sign in)", "", f"{looking.first} / {looking.token}"),
        (
            "người thứ hai, để phê duyệt (a second person, to approve)",
            "",
            f"{looking.second} / {looking.token}",
        ),
    ]
    rows += [
        (f"{vi} ({en})", str(count[name]), f"{looking.url}{page}")
        for name, (vi, en, page) in SIGHTS.items()
        if count.get(name)
    ]
    return Section(
        vi="Trang điều hành: xem gì", en="The console: what to look at", header=("", "số (count)", ""), rows=tuple(rows)
    )
