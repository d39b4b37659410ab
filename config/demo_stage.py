"""What a demo plays on: a folder of its own, the mocks and a worker as processes, and the door in this one."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from adapters.doors import server
from bus.ports import FileStorage, SystemClock
from config import demo_signers, logging
from config.demo_gateways import PARTNERS, listen, use_gateways
from config.demo_people import add_people
from config.demo_settings import PORTAL, TELLS, write_folder
from config.doors import make_app
from config.new_installation import SETTINGS, prepare_ledger
from config.settings_file import load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import Installation, build

WEB_PORT: Final = 8400
MOCKS_PORT: Final = 9100
STOP_S: Final = 30.0


class StageTaken(Exception):
    """The folder has a demo's state already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything is up."""

    folder: Path
    bus: str
    mocks: str
    token: str
    installation: Installation
    secrets: dict[str, bytes]
    """By caller; the old system's password by its account."""
    worker: subprocess.Popen[str]
    partners: tuple[str, ...]

    def ready_line(self) -> dict[str, str]:
        """What `demo --json` prints."""
        return {
            "bus": self.bus,
            "mocks": self.mocks,
            "console": f"{self.bus}/console/",
            "token": self.token,
            "state_dir": str(self.folder),
        }


@contextmanager
def stage(
    folder: Path | None, *, port: int | None, mocks_port: int | None, sources: Sequence[str] | None = None
) -> Iterator[Stage]:
    """Build it, and take it down: processes first, the door, then the ledger. The folder stays.

    `sources` are those of a file (`demo_settings.write_folder`).
    """
    place = made_folder(folder)
    token = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        log = stack.enter_context((place / "door.log").open("w", encoding="utf-8"))
        logging.configure(level="info", stream=log, hooks=False)
        mocks_url = stack.enter_context(_mocks(place, mocks_port))
        keys = write_folder(place, mocks_url, free_port(port, WEB_PORT), sources)
        settings = load(place / SETTINGS, {}).settings
        prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:demo")
        installation = build(settings)
        stack.callback(installation.close)
        add_people(installation, token)
        if sources is None:
            use_gateways(installation)
        worker = stack.enter_context(_worker(place))
        key = InstallationKey.from_file(settings.ledger.signing_key_file)
        app = make_app(installation, key, make_metrics(installation), demo_token=token)
        open_door = stack.enter_context(server.serve(app, settings.web.host, settings.web.port))
        if sources is None:
            listen(mocks_url, open_door.url)
            demo_signers.listen(mocks_url, open_door.url)
        yield Stage(
            folder=place,
            bus=open_door.url,
            mocks=mocks_url,
            token=token,
            installation=installation,
            secrets=keys,
            worker=worker,
            partners=(PORTAL, *((*TELLS, *PARTNERS, *demo_signers.PARTNERS) if sources is None else ())),
        )


def made_folder(folder: Path | None) -> Path:
    """The folder that is asked for, or a new one. Raises StageTaken."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="lienthong-demo-"))
    if (folder / SETTINGS).exists():
        raise StageTaken(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


def free_port(wanted: int | None, usual: int) -> int:
    """As asked for; else the usual one when nobody has it, else any. A number always: addresses name it beforehand."""
    if wanted:
        return wanted
    if wanted is None and _is_free(usual):
        return usual
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# -- processes ---------------------------------------------------------------------------------------------------------


@contextmanager
def _mocks(folder: Path, port: int | None) -> Iterator[str]:
    words = ["mocks", "--port", str(free_port(port, MOCKS_PORT)), "--json", "--with-parent", str(os.getpid())]
    with (folder / "mocks.log").open("w", encoding="utf-8") as log, _process(words, log, subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith('{"mocks"'):
            raise OSError(f"the mocks did not start; see {folder / 'mocks.log'}")
        url: str = json.loads(line)["mocks"]
        yield url


@contextmanager
def _worker(folder: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["worker", "--config", str(folder / SETTINGS), "--with-parent", str(os.getpid())]
    with (folder / "worker.log").open("w", encoding="utf-8") as log, _process(words, log, log) as process:
        yield process


@contextmanager
def _process(words: list[str], log: IO[str], out: IO[str] | int) -> Iterator[subprocess.Popen[str]]:
    """One of our own commands. `-P`: a folder `config` where the operator stands must not be taken for ours."""
    command = [sys.executable, "-P", "-m", "config.cli", *words]
    process = subprocess.Popen(command, stdout=out, stderr=log, stdin=subprocess.DEVNULL, text=True)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
