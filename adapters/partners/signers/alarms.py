"""What a service's codes tell an operator, under one name each, whichever service said it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import structlog

log = structlog.get_logger("signers")

Alarm: TypeAlias = Literal["", "quota", "credentials", "clock"]
"""Used up what was bought; our own name, secret or certificate is not taken; one of both clocks is wrong."""


def tell(alarm: Alarm, *, partner: str, code: str) -> None:
    """A line for who watches, or none. `code` is the service's code with its words."""
    match alarm:
        case "quota":
            log.error("signing_quota_exhausted", partner=partner, code=code[:100])
        case "credentials":
            log.error("login_refused", partner=partner, code=code[:100])
        case "clock":
            log.error("clock_refused", partner=partner, code=code[:100])
        case "":
            pass
