"""Where these proofs live: in memory when the machine has such a folder, for here processes die, not machines."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

MEMORY = Path("/dev/shm")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of the test's own."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        yield tmp_path
        return
    made = Path(tempfile.mkdtemp(prefix="lienthong-", dir=MEMORY))
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is logged of thousands of deliveries is proven elsewhere."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()
