"""Where proofs keep their ledgers: in memory when the machine has such a folder, and without a log.

In these proofs processes die, not machines: what was handed to the operating system is there afterwards, and waiting
for a disk would prove nothing more. What durability on a disk asks for is proven beside the doors and the engine.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

MEMORY = Path("/dev/shm")


@contextmanager
def own_folder(otherwise: Path) -> Iterator[Path]:
    """An empty folder of the test's own."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        yield otherwise
        return
    made = Path(tempfile.mkdtemp(prefix="lienthong-", dir=MEMORY))
    yield made
    shutil.rmtree(made)


@contextmanager
def quietly() -> Iterator[None]:
    """Thousands of deliveries are settled in a proof; what is logged of them is proven elsewhere."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()
