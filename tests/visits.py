"""A visit, overridden by keyword."""

from __future__ import annotations

from typing import Any

from adapters.doors.console.visit import Visit
from bus.rights import Right
from tests.builders import NOON


def visit(**more: Any) -> Visit:
    """Somebody who may do everything, at noon, in Vietnamese."""
    told: dict[str, Any] = {
        "account": "an",
        "person": "An",
        "rights": frozenset(Right),
        "units": None,
        "language": "vi",
        "now": NOON,
        "address": "127.0.0.1",
        "session": 1,
        "csrf": "x",
    }
    return Visit(**(told | more))
