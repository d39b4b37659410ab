"""`lienthong worker`: from exec to the first delivery with nothing loaded that delivering does not need."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from config.signing_key import InstallationKey
    from config.wiring import Installation, Watch

OPTIONS: Final = ("--config", "--name", "--lang", "--with-parent")


def understands(argv: Sequence[str]) -> bool:
    """Whether these are plain options; `--help` and mistakes go to the full parser, which explains them."""
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, has_value, _ = word.partition("=")
        if name not in OPTIONS or not (has_value or rest):
            return False
        if not has_value:
            rest.pop(0)
    return True


def main(argv: Sequence[str]) -> int:
    """Read the options, and work."""
    if "rich" not in sys.modules:
        # structlog draws tracebacks with rich where it finds it, and loading rich takes longer than all else here.
        # We print JSON: to this process, which never needs it, rich is not installed.
        sys.modules["rich"] = None  # type: ignore[assignment]
    found: dict[str, str] = {}
    rest = list(argv)
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        found[name] = value if has_value else rest.pop(0)
    config = Path(found["--config"]) if "--config" in found else None
    parent = int(found["--with-parent"]) if "--with-parent" in found else None
    return work(config, found.get("--name"), parent=parent, lang=found.get("--lang"))


def work(config: Path | None, name: str | None, *, parent: int | None = None, lang: str | None = None) -> int:
    """Deliver until a signal says stop; calls in flight are finished and settled, as far as the grace allows."""
    from config.trouble import told

    try:
        _work(config, name, parent=parent)
    except Exception as trouble:
        return told(trouble, as_json=False, lang=lang)
    return 0


def _work(config: Path | None, name: str | None, *, parent: int | None) -> None:
    from config import logging
    from config.settings_file import find, load
    from config.signing_key import InstallationKey
    from config.wiring import build

    settings = load(find(config)).settings
    logging.configure(level=settings.log.level)
    key = InstallationKey.from_file(settings.ledger.signing_key_file)
    installation = build(settings)
    try:
        deliver(installation, key, name or worker_name(), parent=parent)
    finally:
        installation.close()


def deliver(installation: Installation, key: InstallationKey, name: str, *, parent: int | None = None) -> None:
    """A worker in this thread, with what it minds beside it."""
    import structlog

    from config.asking import Asking
    from config.finishing import Finishing
    from config.minding import Minding

    log = structlog.get_logger("worker")
    with watched_or_not(installation, key) as watch:
        worker = installation.worker(name, watch=watch, on_start=lambda: tell_start(installation))
        cause = on_signals(worker.stop)
        if parent is not None:
            follow_parent(parent, worker.stop)
        beside = (Minding(installation, key), Asking(installation, name), Finishing(installation, name))
        for each in beside:
            each.start()
        try:
            worker.run()
        finally:
            for each in reversed(beside):
                each.stop()
    log.info("worker_stopped", cause=cause())


@contextmanager
def watched_or_not(installation: Installation, key: InstallationKey) -> Iterator[Watch | None]:
    """The numbers on a port, where the settings name one; nothing of it is loaded elsewhere. Raises OSError."""
    place = installation.settings.worker.metrics_at
    if place is None:
        yield None
        return
    import structlog

    from adapters.doors.watched import watched
    from config.watching import make_metrics, pages, watch_with

    log = structlog.get_logger("worker")
    metrics = make_metrics(installation)
    with watched(*place, pages(installation, key, metrics)) as url:
        log.info("worker_watched", url=url)
        yield watch_with(metrics)


def tell_start(installation: Installation) -> None:
    """The worker's first log line."""
    from importlib.metadata import version

    import structlog

    log = structlog.get_logger("worker")
    partners = installation.settings.partner_table()
    threads = sum(partner.threads for partner in partners.values())
    log.info("worker_started", partners=sorted(partners), threads=threads, version=version("lienthong"))


def worker_name() -> str:
    """Machine and process: as moves will show it."""
    return f"{socket.gethostname()}-{os.getpid()}"


def on_signals(stop: Callable[[], None]) -> Callable[[], str]:
    """Stop gracefully on SIGINT and SIGTERM; gives a question for what stopped it."""
    seen: list[str] = []

    def handle(number: int, frame: object) -> None:
        seen.append(signal.Signals(number).name)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return lambda: seen[0] if seen else "asked"


def follow_parent(parent: int, stop: Callable[[], None]) -> None:
    """Stop when the process that started this one is gone: a demo that was killed leaves nothing running."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
