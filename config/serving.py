"""What `run` and `web` put together: the doors, a worker beside them or not, and an orderly end of both."""

from __future__ import annotations

import os
import signal

import structlog

from adapters.doors import server
from bus.errors import LedgerUnavailable
from config import logging
from config.asking import Asking
from config.desk import Desk
from config.doors import make_app
from config.minding import DoorMinding, Minding
from config.running import Running
from config.signing_key import InstallationKey
from config.watching import make_metrics, watch_with
from config.wiring import Installation, build
from config.worker_process import follow_parent, on_signals, tell_start, worker_name

log = structlog.get_logger("worker")


def serve(desk: Desk, *, with_worker: bool, parent: int | None = None) -> None:
    """Serve until a signal says stop. Raises SettingsRefused, LedgerTrouble, OSError (the port)."""
    settings = desk.load().settings
    logging.configure(level=settings.log.level)
    key = InstallationKey.from_file(settings.ledger.signing_key_file)
    installation = build(settings)
    if parent is not None:
        follow_parent(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        (both if with_worker else doors_only)(desk, installation, key)
    finally:
        installation.close()


def doors_only(desk: Desk, installation: Installation, key: InstallationKey) -> None:
    """The doors, in this thread."""
    web = installation.settings.web
    app = make_app(installation, key, make_metrics(installation))
    tell_first_run(installation)
    minding, running = DoorMinding(installation), Running(installation)
    minding.start()
    running.start()
    try:
        server.run(app, web.host, web.port)
    finally:
        running.stop()
        minding.stop()


def tell_first_run(installation: Installation) -> None:
    """While the console has no account: where the code for making one stands, never what it is."""
    if not installation.settings.console.enabled:
        return
    from config.console import first_run_of

    try:
        path = first_run_of(installation).prepare()
    except LedgerUnavailable as trouble:  # the doors stay open: what they need is another matter
        log.error("ledger_unavailable", cause=str(trouble))
        return
    if path is not None:
        log.warning("first_run_ready", path=str(path))


def both(desk: Desk, installation: Installation, key: InstallationKey, *, demo_token: str | None = None) -> None:
    """The doors in a thread, a worker in this one; an accepted event wakes the worker."""
    web, metrics = installation.settings.web, make_metrics(installation)
    worker = installation.worker(worker_name(), watch=watch_with(metrics), on_start=lambda: tell_start(installation))
    app = make_app(installation, key, metrics, on_accepted=worker.wake, demo_token=demo_token)
    cause = on_signals(worker.stop)
    tell_first_run(installation)
    minding, running = Minding(installation, key), Running(installation)
    asking = Asking(installation, worker_name())
    with server.serve(app, web.host, web.port):
        minding.start()
        running.start()
        asking.start()
        try:
            worker.run()
        finally:
            asking.stop()
            running.stop()
            minding.stop()
    log.info("worker_stopped", cause=cause())
