"""Fixtures that two or more rooms use; nothing else. What no test may do stands in `manners.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog


@pytest.fixture(scope="session")
def root(pytestconfig: pytest.Config) -> Path:
    """The folder of the project."""
    return pytestconfig.rootpath


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """A command that ran in this process leaves its own log behind; the next test must not inherit it."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
