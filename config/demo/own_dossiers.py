"""Dossiers that the demo's players bring themselves: a record, and what is asked for beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bus.messages import KIND_PREFIX
from config.demo.lives import ONE_STOP
from config.demo.province import LOCAL, add_working_days

UNIT: Final = "000.00.09.H99"
PROCEDURE: Final = "1.013225"
SUMMARY: Final = "Cấp giấy phép xây dựng nhà ở riêng lẻ"
MORNING: Final = datetime(2026, 7, 3, 9, 0, tzinfo=LOCAL)


def event(number: str, name: str, kind: str, data: Mapping[str, Any], *, minutes: int = 0) -> dict[str, Any]:
    """One event of a dossier, so many minutes into its morning."""
    return {
        "specversion": "1.0",
        "id": f"{number}:{name}",
        "source": ONE_STOP,
        "type": f"{KIND_PREFIX}{kind}.v1",
        "subject": number,
        "time": (MORNING + timedelta(minutes=minutes)).isoformat(),
        "datacontenttype": "application/json",
        "data": dict(data),
    }


def record(
    applicant: Mapping[str, Any], *, status: str, fees: Sequence[Mapping[str, Any]] = (), is_finished: bool = False
) -> dict[str, Any]:
    """The data of its record."""
    return {
        "origin": "one_stop",
        "national_number": None,
        "unit": UNIT,
        "procedure": PROCEDURE,
        "status": status,
        "channel": "online",
        "summary": SUMMARY,
        "note": "",
        "applicant": dict(applicant),
        "filed_at": MORNING.isoformat(),
        "received_at": MORNING.isoformat(),
        "due_at": add_working_days(MORNING, 15).isoformat(),
        "finished_at": MORNING.isoformat() if is_finished else None,
        "returned_at": None,
        "return_by": "counter",
        "submitted": [],
        "fees": [dict(fee) for fee in fees],
        "results": [],
        "supplements": [],
    }
