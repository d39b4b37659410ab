"""F2: the verifying half of `signed_soap`, under its own name."""

from __future__ import annotations

from typing import Any

from benchmarks.plan import Plan
from benchmarks.signed_soap import measure_verifying


def measure(plan: Plan) -> dict[str, Any]:
    """Verifying, beside those who verify less."""
    return measure_verifying(plan)
