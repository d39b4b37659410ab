"""Where these proofs live: see `tests/memory.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memory import own_folder, quietly


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of the test's own."""
    with own_folder(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log."""
    with quietly():
        yield
