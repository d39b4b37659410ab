"""The parts of the last page that tell of the three one-stop systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.demo.approving import CASES as SIGNED
from config.demo.approving import Signed
from config.demo.born import Filed
from config.demo.page import Section
from config.demo.paying import CASES, Paid
from config.demo.systems import Share


def side_by_side(told: Sequence[Share]) -> Section | None:
    """A column for each system."""
    if not told:
        return None
    counts = {
        "hồ sơ (dossiers)": [share.dossiers for share in told],
        "sự kiện mới (new events)": [share.events for share in told],
        "gửi lặp (repeated)": [share.repeated for share in told],
        "trùng mã khác nội dung (contradicted)": [share.contradicted for share in told],
        "bị từ chối ở cửa (refused at the door)": [share.refused for share in told],
        "đã đến Cổng (delivered)": [share.delivered for share in told],
    }
    return Section(
        vi="Ba hệ thống một cửa",
        en="Three one-stop systems side by side",
        header=("", *(f"{share.system.vi} ({share.system.en})" for share in told)),
        rows=(
            ("nói bằng (speaks)", *(share.system.protocol for share in told)),
            *((name, *map(str, row)) for name, row in counts.items()),
        ),
    )


def told_back(shares: Sequence[Share], told: Mapping[tuple[str, str], int]) -> Section | None:
    """What became of their events, as the one-stop systems that want to know were told."""
    if not shares:
        return None
    rows = []
    for share in shares:
        mine = {state: n for (source, state), n in told.items() if source in share.system.sources}
        rows.append(
            (
                f"{share.system.vi} ({share.system.en})",
                share.system.told_by,
                str(sum(mine.values())) if mine else "",
                ", ".join(f"{state} {n}" for state, n in sorted(mine.items())),
            )
        )
    return Section(
        vi="Báo kết quả lại cho hệ thống một cửa",
        en="What the one-stop systems were told",
        header=("hệ thống (system)", "bằng (by)", "số (count)", "kết quả (outcomes)"),
        rows=tuple(rows),
    )


def filed(told: Filed) -> Section | None:
    """Dossiers that came from the portal, and what it was told of them."""
    if not told.count:
        return None
    counts = {
        "hồ sơ người dân nộp trên Cổng (filed there by citizens)": told.count,
        "lần Cổng gửi, đến khi nghe nhận (calls of the portal, until it heard a yes)": told.calls,
        "đã giao hệ thống một cửa (handed over to the one-stop system)": told.handed_over,
        "trạng thái báo lên Cổng (statuses told to the portal)": told.statuses,
        "bị tạo lại trên Cổng (created there again)": told.created,
    }
    rows = tuple((name, str(count)) for name, count in counts.items())
    return Section(vi="Hồ sơ từ Cổng về", en="Dossiers from the portal", header=("", "số (count)"), rows=rows)


def paid(told: Paid) -> Section | None:
    """Fees, each with the trouble that was planted, and how it ended."""
    if not told.count:
        return None
    rows = [(f"{case.vi} ({case.en})", case.gateway, told.ends.get(case.name, "")) for case in CASES]
    total = f"{told.dong:,}".replace(",", ".")
    counts = (
        ("đã thu, đồng (settled, VND)", "", total),
        ("cuộc gọi báo kết quả (calls back)", "", str(told.calls)),
        ("trong đó bị từ chối ở cửa (turned away)", "", str(told.refused)),
    )
    return Section(
        vi="Phí, lệ phí trả trực tuyến",
        en="Fees paid online",
        header=("", "cổng (gateway)", "kết cục (end)"),
        rows=(*rows, *counts),
    )


def signed(told: Signed) -> Section | None:
    """Results, each with the trouble that was planted, and how it ended."""
    if not told.count:
        return None
    rows = [(f"{case.vi} ({case.en})", case.signer.service, told.ends.get(case.name, "")) for case in SIGNED]
    another = str(told.independent) if told.independent else "không có pdfsig (not installed)"
    counts = (
        ("văn bản đã ký (signed documents)", "", str(told.made)),
        ("lời mời trên điện thoại (prompts in phones)", "", str(told.prompts)),
        ("lần dùng khóa ký (uses of keys)", "", str(told.signs)),
        ("kiểm tra hợp lệ tại đây (verified here)", "", str(told.verified)),
        ("pdfsig nói hợp lệ (valid by pdfsig)", "", another),
    )
    return Section(
        vi="Kết quả ký số",
        en="Results signed digitally",
        header=("", "dịch vụ (service)", "kết cục (end)"),
        rows=(*rows, *counts),
    )
