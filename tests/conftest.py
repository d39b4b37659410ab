"""Fixtures that two or more rooms use; nothing else. What no test may do stands in `manners.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import structlog

from tests.console_kit import SCREENSHOTS, chromium, seat, the_console_world

__all__ = ["chromium", "seat", "the_console_world"]  # the console's world and a browser: three rooms of tests use them


@pytest.fixture(scope="session")
def root(pytestconfig: pytest.Config) -> Path:
    """The folder of the project."""
    return pytestconfig.rootpath


@pytest.fixture(autouse=True)
def _own_log() -> None:
    """Each test begins with a log of its own, on standard error: a command that ran here before left another behind."""
    structlog.reset_defaults()
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the console's pictures of this run are, for whoever wants to see what the browser showed."""
    folder = config.rootpath / SCREENSHOTS
    if any(folder.glob("*.png")):
        terminalreporter.write_line(f"pictures of the console: {SCREENSHOTS}")
