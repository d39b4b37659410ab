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
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from adapters.doors import server
from bus.ports import FileStorage, SystemClock, SystemRandomness
from bus.seal import MasterKey
from config import logging
from config.demo.day import SOURCES
from config.demo.lives import COMMUNES, OLD, ONE_STOP, WARDS
from config.doors import make_app
from config.key_making import make_identity
from config.new_installation import MASTER, MOCK_PASSWORD, PASSWORD, SETTINGS, SIGNING, prepare_ledger
from config.settings_file import DEMO_MARK, load
from config.signing_key import InstallationKey, generate, write_new
from config.watching import make_metrics
from config.wiring import Installation, build

CALLERS: Final = {ONE_STOP: "one-stop", COMMUNES: "communes"}
"""Source → the caller that speaks for it."""
SOAP: Final = "soap"
WARDS_CALLER: Final = "wards"
OLD_ACCOUNT: Final = "old"
MADONVI: Final = "000.00.00.H99"
OLD_USER: Final = "old.h99"
WEB_PORT: Final = 8400
MOCKS_PORT: Final = 9100
STOP_S: Final = 30.0

TOML: Final = """\
# Made by `lienthong demo`, for this demo only: its secrets are known to everybody who saw it.
[ledger]
url = "sqlite:///ledger.db"
master_key_file = "{master}"
signing_key_file = "{signing}"
checkpoint_every_s = 5

[web]
port = {port}

[callers.one-stop]
secret_file = "one-stop.secret"
sources = {sources}
order = "arrival"

[callers.communes]
secret_file = "communes.secret"
sources = ["{communes}"]
order = "sequence"

{others}[partners.national_portal]
mode = "live"
adapter_url = "{mocks}/national_portal"
allow_http = true
private_networks = ["127.0.0.0/8"]
madonvi = "000.00.00.H99"
username = "000.00.00.H99"
password_file = "{password}"
# Short, so that lost replies are asked about within the time that somebody watches.
threads = 16
timeout_s = 2
connect_timeout_s = 1
in_flight_s = 3
lease_s = 10
probe_every_s = 1
retry_s = [0.5, 1, 2, 4]
"""
OTHERS: Final = f"""\
# A second one-stop system: signed SOAP. POST /soap/one-stop, GET /soap/one-stop?wsdl
[callers.{WARDS_CALLER}]
certificate = "{WARDS_CALLER}.key.crt"
sources = ["{WARDS}"]
order = "{SOURCES[WARDS]}"

[soap]
identity_file = "{SOAP}.key"
certificate_file = "{SOAP}.key.crt"

# A third, old one: the portal's own API. POST /VXPAdapter/RestService/forward/mapi/login
[facade]
enabled = true
[facade.accounts.{OLD_ACCOUNT}]
username = "{OLD_USER}"
password_file = "{OLD_ACCOUNT}.password"
source = "{OLD}"
madonvi = "{MADONVI}"

"""


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

    With `sources`, those of a file, all that comes comes over REST; without, three systems speak, each in its way.
    """
    place = made_folder(folder)
    names = [*CALLERS.values(), *([] if sources is not None else [OLD_ACCOUNT])]
    keys = {name: f"{DEMO_MARK}{secrets.token_urlsafe(24)}".encode() for name in names}
    token = secrets.token_urlsafe(24)
    with ExitStack() as stack:
        log = stack.enter_context((place / "door.log").open("w", encoding="utf-8"))
        logging.configure(level="info", stream=log, hooks=False)
        mocks_url = stack.enter_context(_mocks(place, mocks_port))
        _write(place, keys, mocks_url, port, sources)
        settings = load(place / SETTINGS, {}).settings
        prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:demo")
        installation = build(settings)
        stack.callback(installation.close)
        worker = stack.enter_context(_worker(place))
        key = InstallationKey.from_file(settings.ledger.signing_key_file)
        app = make_app(installation, key, make_metrics(installation), demo_token=token)
        open_door = stack.enter_context(server.serve(app, settings.web.host, settings.web.port))
        yield Stage(
            folder=place,
            bus=open_door.url,
            mocks=mocks_url,
            token=token,
            installation=installation,
            secrets=keys,
            worker=worker,
        )


def made_folder(folder: Path | None) -> Path:
    """The folder that is asked for, or a new one. Raises StageTaken."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="lienthong-demo-"))
    if (folder / SETTINGS).exists():
        raise StageTaken(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


def _write(folder: Path, keys: dict[str, bytes], mocks: str, port: int | None, sources: Sequence[str] | None) -> None:
    MasterKey.generate(SystemRandomness()).save(folder / MASTER)
    generate(folder / SIGNING)
    for name, secret in keys.items():
        write_new(folder / f"{name}.{'password' if name == OLD_ACCOUNT else 'secret'}", secret + b"\n")
    write_new(folder / PASSWORD, MOCK_PASSWORD.encode())
    if sources is None:
        _make_certificates(folder)
    arriving = sorted({ONE_STOP, *(source for source in sources or () if SOURCES.get(source) != "sequence")})
    text = TOML.format(
        master=MASTER,
        signing=SIGNING,
        password=PASSWORD,
        mocks=mocks,
        port=free_port(port, WEB_PORT),
        sources=json.dumps(arriving),
        communes=COMMUNES,
        others=OTHERS if sources is None else "",
    )
    write_new(folder / SETTINGS, text.encode())


def _make_certificates(folder: Path) -> None:
    """For the SOAP door and for the system that speaks to it, each vouching for itself and known to the other by name.

    On P-256: an RSA key can take a second to find, and the first dossier is waited for.
    """
    for name, common in ((SOAP, "lien-thong.h99.example.invalid"), (WARDS_CALLER, "wards.h99.example.invalid")):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        make_identity(folder / f"{name}.key", subject, is_ecdsa=True, self_signed_for=timedelta(days=30))


def free_port(wanted: int | None, usual: int) -> int:
    """As asked for; else the usual one when nobody has it, else any."""
    if wanted is not None:
        return wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual


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
