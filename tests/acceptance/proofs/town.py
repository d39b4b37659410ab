"""A town for proofs: an installation in a folder, its doors and workers as real processes, the strict mock on a port.

The judge is the mock's own effect list. Processes are forked from a warm parent (`nursery.py`), know nothing of being
tested, and die by `kill -9` wherever they are.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from adapters.channels.http import Reply
from bus.ports import FileStorage, SystemClock
from config.new_installation import SETTINGS, make, prepare_ledger
from config.settings import Settings
from config.settings_file import load
from config.signed_client import DoorClosed, Knocking, SignedClient
from config.wiring import Installation, build
from contracts.national_portal.mock import Portal
from contracts.serve import serve
from tests.acceptance.proofs.proxy import Proxy

ROOT = Path(__file__).parents[3]
CALLER = "one-stop"
PARTNER = "national_portal"
SHORT = {
    "threads": 8,
    "timeout_s": 0.8,
    "connect_timeout_s": 0.5,
    "in_flight_s": 1.5,
    "lease_s": 2.5,
    "probe_every_s": 0.5,
    "retry_s": [0.2, 0.4, 0.8],
}
"""Times so short that hundreds of lost replies are asked about within a minute."""
START_S = 60.0
ONCE = Knocking(attempts=1)
PATIENT = Knocking(attempts=30, first_s=0.05, longest_s=0.5)


@dataclass(slots=True, kw_only=True)
class Process:
    """One process of the town."""

    kind: str
    pid: int
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or would if it were let."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"

    def signal(self, number: int) -> None:
        """Send it a signal; one that is gone already does not hear it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        wait_for(lambda: not self.is_alive, 20, f"{self.kind} to die")

    def stop(self) -> None:
        """Ask it to end; it has what is under way to finish."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with suppress(AssertionError):
            wait_for(lambda: not self.is_alive, 20, f"{self.kind} to end")
        self.kill()

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        found = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
        return [line for line in found if isinstance(line, dict)]

    def said(self, event: str) -> dict[str, Any] | None:
        """The first line of this name."""
        return next((line for line in self.lines() if line.get("event") == event), None)

    def url(self) -> str:
        """Where the door listens, once it does."""
        wait_for(lambda: self.said("door_started") is not None or not self.is_alive, START_S, "the door to open")
        line = self.said("door_started")
        assert line is not None, self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
        return f"http://{line['host']}:{line['port']}"


class Nursery:
    """The warm parent."""

    def __init__(self) -> None:
        self._parent: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def _warmed(self) -> subprocess.Popen[str]:
        """The process, started when it is first needed."""
        if self._parent is not None:
            return self._parent
        command = [sys.executable, "-P", "-m", "tests.acceptance.proofs.nursery"]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("LIENTHONG_", "COV_"))}
        environ["PYTHONPATH"] = str(ROOT)
        parent = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environ
        )
        assert parent.stdout is not None
        assert "warm\n" == parent.stdout.readline()
        self._parent = parent
        return parent

    def bear(self, words: Sequence[str], log: Path, **more: Any) -> int:
        """A new process; its id."""
        with self._lock:
            parent = self._warmed()
            assert parent.stdin is not None
            assert parent.stdout is not None
            print(json.dumps({"words": list(words), "log": str(log)} | more), file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

    def close(self) -> None:
        """It ends, and whoever of its children still runs ends with it."""
        if self._parent is None:
            return
        for pipe in (self._parent.stdin, self._parent.stdout):
            assert pipe is not None
            pipe.close()
        self._parent.wait(20)


@cache
def the_nursery() -> Nursery:
    """One warm parent for all proofs of a test run."""
    found = Nursery()
    atexit.register(found.close)
    return found


@dataclass(slots=True, kw_only=True)
class Town:
    """Everything that a proof needs to make trouble in."""

    folder: Path
    portal: Portal
    mocks: str
    proxy: Proxy | None
    nursery: Nursery
    processes: list[Process] = field(default_factory=list)
    _count: int = 0

    @property
    def config(self) -> Path:
        return self.folder / SETTINGS

    @property
    def settings(self) -> Settings:
        return load(self.config, {}).settings

    @property
    def secret(self) -> bytes:
        """The caller's."""
        return (self.folder / "one-stop.secret").read_bytes().strip()

    def start(self, kind: str, *words: str, **more: Any) -> Process:
        """A door (`web`) or a `worker`."""
        self._count += 1
        log = self.folder / f"{kind}-{self._count}.log"
        log.touch()
        log.chmod(0o666)
        pid = self.nursery.bear([kind, "--config", str(self.config), *words], log, **more)
        process = Process(kind=kind, pid=pid, log=log)
        self.processes.append(process)
        return process

    def worker(self, **more: Any) -> Process:
        """A worker that has begun."""
        process = self.start("worker", **more)
        wait_for(lambda: process.said("worker_started") is not None, START_S, "the worker to start")
        return process

    def stop(self) -> None:
        """Ask every process to end."""
        for process in self.processes:
            if process.is_alive:
                process.stop()

    def command(self, *words: str, code: int = 0) -> Any:
        """One `lienthong` command as a person types it; what it answers to a machine."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "config.cli", *words, "--config", str(self.config), "--json"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LIENTHONG_AS_PERSON": "an"},
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return json.loads(done.stdout) if done.stdout else None

    def client(self, url: str, knocking: Knocking = PATIENT) -> SignedClient:
        """A caller of a door that really signs."""
        return SignedClient(
            url,
            caller=CALLER,
            secret=self.secret,
            clock=SystemClock(),
            knocking=knocking,
            timeout=timedelta(seconds=20),
        )

    @contextmanager
    def opened(self) -> Iterator[Installation]:
        """The installation in this process: for reading accounts and for what a person does."""
        here = build(self.settings)
        try:
            yield here
        finally:
            here.close()

    def is_quiet(self, here: Installation) -> bool:
        """Nothing is due or on its way; what is still open waits for a person."""
        return here.ledger.next_due(PARTNER) is None

    def settle(self, here: Installation, limit: float = 60.0) -> None:
        """Wait until all is quiet."""
        wait_for(lambda: self.is_quiet(here), limit, f"quiet ({here.reads.tallies()})", pause=0.1)


@contextmanager
def town(
    folder: Path,
    *,
    portal: Portal | None = None,
    rate: float | None = None,
    seed: int = 1,
    **partner: Any,
) -> Iterator[Town]:
    """Build it, and take it down. With `rate` a misbehaving proxy stands in front of the mock."""
    mock = portal or Portal(keep=200_000, seed=seed)
    with ExitStack() as stack:
        url = stack.enter_context(serve(mock))
        proxy = None
        if rate is not None:
            proxy = Proxy(url, seed=seed, rate=rate, slow_s=0.25, late_s=1.1)
            stack.callback(proxy.close)
        write_settings(folder, proxy.url if proxy else url, partner)
        settings = load(folder / SETTINGS, {}).settings
        prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
        made = Town(folder=folder, portal=mock, mocks=url, proxy=proxy, nursery=the_nursery())
        stack.callback(made.stop)
        yield made


def write_settings(folder: Path, url: str, partner: dict[str, Any]) -> None:
    """A new installation's settings, with short times."""
    make(folder, for_mocks=url)
    path = folder / SETTINGS
    text = path.read_text(encoding="utf-8").replace("port = 8400", "port = 0")
    lines = [f"{name} = {json.dumps(value)}" for name, value in (SHORT | partner).items()]
    path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


class Source:
    """A one-stop system: it knocks until each event has its answer, at whichever door is open."""

    def __init__(self, town: Town, doors: Callable[[], list[Process]]) -> None:
        self._town = town
        self._doors = doors
        self._lock = threading.Lock()
        self._clients: dict[str, SignedClient] = {}
        self._urls: dict[int, str] = {}
        self.answers: dict[str, bytes] = {}
        """Event id → the first answer that came back."""
        self.knocks = 0
        self.stop = threading.Event()

    def tell(self, wire: dict[str, Any]) -> None:
        """Until it is answered."""
        body = json.dumps(wire, ensure_ascii=False).encode()
        turn = hash(wire["id"])
        while not self.stop.is_set():
            turn += 1
            reply = self._try(turn, body)
            if reply is None:
                time.sleep(0.03)
                continue
            assert reply.status in (200, 201), (wire["id"], reply.status, reply.body)
            with self._lock:
                self.answers.setdefault(wire["id"], reply.body)
            return

    def _try(self, turn: int, body: bytes) -> Reply | None:
        doors = self._doors()
        client = self._client(doors[turn % len(doors)])
        if client is None:
            return None
        with self._lock:
            self.knocks += 1
        try:
            return client.post_event(body)
        except DoorClosed:
            return None

    def _client(self, door: Process) -> SignedClient | None:
        with self._lock:
            if door.pid not in self._urls:
                line = door.said("door_started")
                if line is None:
                    return None
                self._urls[door.pid] = f"http://{line['host']}:{line['port']}"
            url = self._urls[door.pid]
            if url not in self._clients:
                self._clients[url] = self._town.client(url, ONCE)
            return self._clients[url]

    def close(self) -> None:
        """Let go of every connection."""
        self.stop.set()
        for client in self._clients.values():
            client.close()


def wait_for(is_so: Callable[[], object], limit: float, what: str, *, pause: float = 0.01) -> float:
    """Seconds until something was so; an error when it takes too long."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < limit, f"waited {limit:.0f} s for {what}"
        time.sleep(pause)
    return time.monotonic() - begun
