"""The threads that ask gateways: each looks again after trouble, and ends when it is told to."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from bus.errors import LedgerUnavailable
from config.asking import Asking

PATIENCE = 60


class Double:
    """Stands for the bus's asker: two gateways, of which one may be in trouble."""

    partners = ("payment_platform", "vnpay")

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.asked: list[str] = []
        self.ended = 0
        self.is_stopped = False
        self.enough = threading.Event()

    def ask(self, partner: str) -> int:
        self.asked.append(partner)
        if set(self.partners) <= set(self.asked):
            self.enough.set()
        if self.trouble is not None and partner == "vnpay":
            raise self.trouble
        return 3

    def end(self) -> None:
        self.ended += 1

    def stop(self) -> None:
        self.is_stopped = True


def asking(double: Double) -> Asking:
    installation: Any = SimpleNamespace(asker=lambda name: double)
    return Asking(installation, "w1", every=0.01)


def test_each_gateway_has_a_thread() -> None:
    """Every gateway is asked without anybody's doing; stopped, nothing more is."""
    double = Double()
    threads = asking(double)
    threads.start()
    assert double.enough.wait(PATIENCE)
    threads.stop()
    count = len(double.asked)

    assert double.is_stopped
    assert double.ended
    assert count == len(double.asked)


@pytest.mark.parametrize(
    ("trouble", "event"), [(LedgerUnavailable("locked"), "ledger_unavailable"), (ValueError("ours"), "asking_failed")]
)
def test_trouble_is_logged(trouble: Exception, event: str) -> None:
    """What goes wrong with one gateway is said, and the next look tries again."""
    with structlog.testing.capture_logs() as logs:
        counts = [asking(Double(trouble)).look(partner) for partner in Double.partners]

    assert ([3, 0], [event]) == (counts, [entry["event"] for entry in logs])
