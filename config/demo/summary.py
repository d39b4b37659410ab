"""The last page of a demo, for a person: what came, what became of it, what waits for a decision, and the proof.

Pure: a report in, sections out; `print_summary` draws them as tables on a terminal and as plain lines elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from bus.messages import State
from config.demo.approving import NOTHING_SIGNED, Signed
from config.demo.books import Entry, Finding
from config.demo.born import NOBODY, Filed
from config.demo.console_page import Looking, console, counted
from config.demo.day import Day
from config.demo.dirt import KINDS
from config.demo.judge import GATES, HEADS, Verdict
from config.demo.page import Section, draw
from config.demo.paying import NOTHING, Paid
from config.demo.summary_systems import filed, paid, side_by_side, signed, told_back
from config.demo.systems import Share

_SHOWN_FINDINGS: Final = 20
_TABLE: Final = re.compile(r"\(table (\w+), row '([^']*)'\)")

STATE_WORDS: Final = {
    "delivered": ("đã đến Cổng", "delivered"),
    "superseded": ("bị bản mới hơn thay thế", "superseded by a newer record"),
    "held": ("giữ lại, Cổng không nhận được như vậy", "held: the portal could not take it so"),
    "blocked": ("chờ sau một việc cần người quyết", "blocked behind something a person decides"),
    "refused": ("Cổng từ chối", "refused by the portal"),
    "in_doubt": ("chưa rõ, mất thư trả lời", "in doubt: the reply was lost"),
    "cancelled": ("người dùng đã bỏ", "cancelled by a person"),
    "not_ours": ("hệ thống khác quản lý, không gửi", "another system owns it, never sent"),
    "unsettled": ("chưa xong", "still under way"),
}
FAULT_WORDS: Final = {
    "lose_reply_after_effect": ("đã ghi nhưng mất trả lời", "stored, reply lost"),
    "lose_request": ("mất yêu cầu", "request lost"),
    "reset": ("ngắt kết nối", "connection reset"),
    "html_200": ("trang bảo trì, mã 200", "maintenance page with status 200"),
    "http_500": ("lỗi máy chủ 500", "server error 500"),
    "half_body": ("trả lời bị cắt", "answer cut short"),
    "expired_session": ("phiên hết hạn", "session expired"),
    "rate_limited": ("quá nhiều yêu cầu (429)", "too many requests (429)"),
    "slow": ("trả lời chậm", "slow answer"),
    "unsigned_fault": ("Fault không ký", "unsigned Fault"),
    "bad_signature": ("chữ ký sai", "wrong signature"),
    "late_effect": ("ghi muộn", "stored late"),
}
FINDING_WORDS: Final = {
    "lost": ("mất", "lost"),
    "doubled": ("lặp", "doubled"),
    "out_of_order": ("sai thứ tự", "out of order"),
    "unexpected": ("không có trong sổ", "unexpected"),
    "altered": ("sai nội dung", "altered"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the last page is made of."""

    verdict: Verdict
    entries: Sequence[Entry]
    seconds: float
    day: Day | None = None
    """None when the events came from a file."""
    faults: Sequence[Mapping[str, Any]] = ()
    """Rows of `GET /_control/national_portal/faults`: `fault`, `operation`, `struck`."""
    resolved: Mapping[str, int] = field(default_factory=dict)
    """Steps in doubt that were settled by the documented action, by what was found."""
    unmet: Sequence[str] = ()
    """Planted troubles that ended otherwise than they should (`day.unmet`)."""
    console: Sequence[str] = ()
    """What the console shows otherwise than the ledger has it (`console_judge`)."""
    shares: Sequence[Share] = ()
    """What came of each one-stop system's day; empty when the events came from a file."""
    told: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Moves of which the one-stop systems were told, by source and state (`told.Told.counts`)."""
    filed: Filed = NOBODY
    """Dossiers that citizens filed on the portal."""
    paid: Paid = NOTHING
    """Fees that were paid at the gateways."""
    signed: Signed = NOTHING_SIGNED
    """Results that were signed at the signing services."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where to look: bus, mocks, state folder."""
    looking: Looking | None = None
    """The console, while it can still be looked at."""


def sections(report: Report) -> list[Section]:
    """The page, from top to bottom."""
    found = [
        _came(report),
        side_by_side(report.shares),
        _dirt(report),
        _became(report),
        told_back(report.shares, report.told),
        filed(report.filed),
        paid(report.paid),
        signed(report.signed),
        _decisions(report),
        _misbehaved(report),
        _proof(report),
    ]
    if report.looking is not None:
        count = counted(report.entries, report.resolved.get("arrived", 0), report.verdict.came.refused)
        found.append(console(report.looking, count))
    if report.places:
        found.append(Section(vi="Xem ở đâu", en="Where to look", header=("", ""), rows=tuple(report.places.items())))
    return [section for section in found if section]


def closing(report: Report) -> str:
    """The last sentence."""
    verdict = report.verdict
    if verdict.agrees and not report.unmet and not report.console:
        vi, en = (" của cả ba hệ thống một cửa", " of all three one-stop systems") if report.shares else ("", "")
        return (
            f"Sổ cái và Cổng khớp nhau từng sự kiện{vi}: {verdict.effects} lần ghi, 0 mất, 0 lặp, 0 sai thứ tự "
            f"(ledger and portal agree, event by event{en}; {report.seconds:.1f} s)."
        )
    return "Sổ cái và Cổng KHÔNG khớp, xem bảng kiểm chứng (ledger and portal do NOT agree, see the check above)."


def print_summary(report: Report, out: TextIO, *, is_terminal: bool) -> None:
    """Draw the page."""
    draw(sections(report), out, is_terminal=is_terminal)
    out.write(closing(report) + "\n")


# -- the sections -----------------------------------------------------------------------------------------------------


def _came(report: Report) -> Section:
    came, day = report.verdict.came, report.day
    rows = [
        ("sự kiện mới (new events)", str(came.recorded)),
        ("gửi lặp, trả lời như lần đầu (repeated)", str(came.repeated)),
        ("trùng mã khác nội dung, không ghi (contradicted)", str(came.contradicted)),
        ("bị từ chối ở cửa (refused at the door)", str(came.refused)),
    ]
    if day:
        rows = [
            ("hồ sơ (dossiers)", str(day.dossiers)),
            ("bước xử lý (steps)", str(day.steps)),
            ("hạt giống (seed)", str(day.seed)),
            *rows,
        ]
    return Section(vi="Đã nhận", en="What came in", header=("", "số (count)"), rows=tuple(rows))


def _dirt(report: Report) -> Section | None:
    if report.day is None:
        return None
    count = report.day.dirt
    rows = tuple((f"{kind.vi} ({kind.en})", str(count[kind.name])) for kind in KINDS if count[kind.name])
    return Section(vi="Lỗi thường gặp đã cài", en="Troubles planted", header=("", "hồ sơ (dossiers)"), rows=rows)


def _became(report: Report) -> Section:
    states = report.verdict.states
    rows = tuple((f"{vi} ({en})", str(states[name])) for name, (vi, en) in STATE_WORDS.items() if states.get(name))
    return Section(vi="Kết quả gửi", en="What became of it", header=("", "lượt (deliveries)"), rows=rows)


def _decisions(report: Report) -> Section:
    waiting = [entry for entry in report.entries if needs_a_person(entry)]
    count = Counter(_group(entry) for entry in waiting)
    first = {_group(entry): entry for entry in reversed(waiting)}
    rows = tuple(
        (what_is_it(entry), str(count[group]), entry.dossier, command_for(entry))
        for group, entry in sorted(first.items(), key=lambda both: both[0])
    )
    return Section(
        vi="Cần người quyết định",
        en="What a person must decide",
        header=("việc (what)", "số (count)", "ví dụ (example)", "lệnh (command)"),
        rows=rows,
        empty="không có việc nào chờ (nothing waits for a person)",
    )


def _misbehaved(report: Report) -> Section:
    struck: Counter[tuple[str, str]] = Counter()
    for row in report.faults:
        struck[(row["fault"], row.get("operation") or "*")] += row.get("struck") or 0
    rows = [
        (" / ".join(FAULT_WORDS.get(fault, (fault, fault))), operation, str(count))
        for (fault, operation), count in struck.items()
        if count
    ]
    rows += [
        (f"bước chưa rõ, đã xử lý: {how} (in doubt, settled)", "CapNhatTienDoHoSoMC", str(count))
        for how, count in sorted(report.resolved.items())
        if count
    ]
    return Section(
        vi="Bản mô phỏng đã gây sự cố",
        en="How the mocks misbehaved",
        header=("", "dịch vụ (operation)", "lần (times)"),
        rows=tuple(rows),
    )


def _proof(report: Report) -> Section:
    verdict = report.verdict
    rows = [
        (
            f"{vi} ({en})",
            str(len(getattr(verdict, name))),
            "; ".join(map(_told, getattr(verdict, name)[:_SHOWN_FINDINGS])),
        )
        for name, (vi, en) in FINDING_WORDS.items()
    ]
    shown = "trang điều hành nói khác sổ cái (shown otherwise at the console)"
    rows.append((shown, str(len(report.console)), "; ".join(report.console[:_SHOWN_FINDINGS])))
    rows += [("khác dự kiến (not as planted)", "1", told) for told in list(report.unmet)[:_SHOWN_FINDINGS]]
    return Section(
        vi="Kiểm chứng: sổ cái đối chiếu Cổng và trang điều hành",
        en="The check: ledger against portal, and console",
        header=("", "số (count)", "chi tiết (details)"),
        rows=tuple(rows),
    )


# -- a decision, in words ---------------------------------------------------------------------------------------------


def needs_a_person(entry: Entry) -> bool:
    """Whether this delivery is itself what somebody must decide, not one that waits behind it."""
    return entry.state in HEADS or (entry.state == State.WAITING and entry.cause in GATES)


def what_is_it(entry: Entry) -> str:
    """What stands in the way, in words."""
    if entry.cause == "gap":
        return "thiếu số thứ tự của nguồn (a number of the source is missing)"
    if entry.cause == "no_record":
        return "có bước nhưng chưa có hồ sơ (steps without their record)"
    if entry.cause == "late_step":
        return "bước đến sau bước kế tiếp (a step came after its successor)"
    vi, en = STATE_WORDS[entry.state]
    return f"{vi} ({en})" + (f": {entry.reason}" if entry.reason else "")


def command_for(entry: Entry) -> str:
    """What to type."""
    number = entry.delivery
    if entry.state == State.IN_DOUBT:
        return f"lienthong deliveries resolve {number}"
    if missing := _TABLE.search(entry.reason):
        return f"lienthong tables import {missing[1]}.csv"
    if entry.cause == "late_step":
        return f"lienthong deliveries replay {number}"
    if entry.cause in GATES:
        return f"lienthong dossier show {entry.dossier}"
    return f"lienthong deliveries show {number}"


def _group(entry: Entry) -> tuple[str, str, str]:
    return (str(entry.state), entry.cause, entry.reason)


def _told(finding: Finding) -> str:
    where = f"{finding.dossier} {finding.event or ''}".strip()
    effect = f" #{finding.effect}" if finding.effect else ""
    fields = f" [{', '.join(finding.fields)}]" if finding.fields else ""
    return f"{where}{effect} {finding.what}{fields}"
