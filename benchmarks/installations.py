"""Fresh installations in a folder of their own: made as `lienthong init` makes them, filled through the intake."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.processes import DISK
from bus.messages import Event, Recorded
from bus.ports import FileStorage, Storage, SystemClock
from config.new_installation import SETTINGS, make, prepare_ledger, settings_text
from config.settings import Settings
from config.settings_file import load
from config.wiring import Installation, build, real_ports

SECRET: Final = "benchmark-secret-of-32-bytes-long"
CHUNK: Final = 500
"""Events in one transaction, as `submit` takes them."""
SINK_ROUTES: Final = """
[[route]]
kind = "dossier.progressed"
partner = "sink"
rule = "every_step"
"""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on the machine's own disk, gone after the block."""
    found = Path(tempfile.mkdtemp(prefix="lienthong-bench-", dir=DISK))
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)


def fresh(place: Path, *, url: str = "http://127.0.0.1:9", more: str = "", to_sink: bool = False) -> Settings:
    """A new installation whose portal is at `url`; `to_sink` routes steps to the sink instead."""
    make(place, for_mocks=url)
    text = settings_text(url, more=more)
    if to_sink:
        (place / "routes.toml").write_text(SINK_ROUTES, encoding="utf-8")
        text = f'routes_file = "{place / "routes.toml"}"\n' + text
    (place / SETTINGS).write_text(text, encoding="utf-8")
    settings = load(place / SETTINGS, {}).settings
    prepare_ledger(settings, FileStorage(), SystemClock(), actor="benchmark")
    return settings


@contextmanager
def opened(place: Path, storage: Storage | None = None) -> Iterator[Installation]:
    """The installation in this process, until the block ends."""
    ports = real_ports()
    installation = build(load(place / SETTINGS, {}).settings, replace(ports, storage=storage or ports.storage))
    try:
        yield installation
    finally:
        installation.close()


def fill(installation: Installation, events: Iterable[Event], *, is_adopted: bool = False) -> int:
    """Take events in, a transaction for each few hundred; all of them must be new."""
    feed, taken = iter(events), 0
    while chunk := list(islice(feed, CHUNK)):
        done = installation.intake.accept_many(chunk, is_adopted=is_adopted)
        assert all(isinstance(each, Recorded) for each in done)
        taken += len(chunk)
    return taken
