"""R13: a full disk, a held lock, a ledger that may not be written: 503 with Retry-After, never a false 2xx.

And when the trouble is over the same process goes on within thirty seconds; meanwhile `readyz` says why.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bus.engines.sqlite import SqliteEngine
from bus.errors import LedgerUnavailable
from bus.ports import FileStorage, SystemClock
from bus.upkeep import migrate
from config.signed_client import EVENT, LIFE
from signing.http import sign_request
from tests.acceptance.proofs.story import Wire, life
from tests.acceptance.proofs.town import CALLER, Process, Town, town, wait_for

RESUMES_S = 30.0


def can_mount() -> bool:
    """Whether this process may make a small disk of its own."""
    place = tempfile.mkdtemp()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True, check=False
        )
        if done.returncode == 0:
            subprocess.run(["umount", place], check=True)
        return done.returncode == 0
    except OSError:
        return False
    finally:
        os.rmdir(place)


DISKS = ["limit", "tmpfs"] if can_mount() else ["limit"]


@contextmanager
def small_disk(folder: Path, kind: str) -> Iterator[Path]:
    """A folder; for `tmpfs` on a disk of six megabytes."""
    folder.mkdir()
    if kind != "tmpfs":
        yield folder / "town"
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(folder)], check=True)
    try:
        yield folder / "town"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Caller:
    """Posts events and keeps what it was told, event by event."""

    def __init__(self, here: Town, door: Process) -> None:
        self._here = here
        self._url = door.url()
        self.taken: list[Wire] = []
        self.refused: list[Wire] = []
        self._client = httpx2.Client(timeout=20)

    def post(self, wire: Wire) -> httpx2.Response:
        """One event; a 2xx is remembered as a promise."""
        body, now = json.dumps(wire, ensure_ascii=False).encode(), SystemClock().now()
        headers = sign_request(
            "POST",
            "/v1/events",
            "",
            EVENT,
            body,
            key_id=CALLER,
            secret=self._here.secret,
            created=now,
            expires=now + LIFE,
            nonce=os.urandom(8).hex(),
        )
        reply = self._client.post(f"{self._url}/v1/events", content=body, headers=headers)
        (self.taken if reply.status_code in (200, 201) else self.refused).append(wire)
        return reply

    def ready(self) -> tuple[int, list[str]]:
        """What `readyz` says."""
        reply = self._client.get(f"{self._url}/readyz")
        return reply.status_code, reply.json()["reasons"]

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *trouble: object) -> None:
        self._client.close()


def told_later(reply: httpx2.Response) -> None:
    """An honest no: 503, a time to come back, and a problem that a machine can read."""
    assert (503, "unavailable") == (reply.status_code, reply.json()["code"]), reply.text
    assert int(reply.headers["retry-after"]) >= 1


def walk(
    here: Town,
    caller: Caller,
    events: Iterator[Wire],
    *,
    break_: Callable[[], Any],
    mend: Callable[[], Any],
    why: str = "ledger_not_writable",
) -> None:
    """Well, broken, mended: what is answered in each, and that the same process goes on.

    `why` readyz says no. On a full disk the door's own small write may still fit where an event does not.
    """
    for _ in range(3):
        assert 201 == caller.post(next(events)).status_code
    break_()
    for _ in range(200):
        reply = caller.post(next(events))
        if reply.status_code != 201:
            break
    told_later(reply)
    told_later(caller.post(next(events)))
    wait_for(lambda: 503 == caller.ready()[0], 10, "readyz to say no", pause=0.2)
    assert why in caller.ready()[1]
    mend()
    begun = time.monotonic()
    wait_for(lambda: 201 == caller.post(next(events)).status_code, RESUMES_S, "the door to take events", pause=0.2)
    assert time.monotonic() - begun < RESUMES_S
    wait_for(lambda: "ledger_not_writable" not in caller.ready()[1], RESUMES_S, "readyz to say yes", pause=0.3)
    judge(here, caller)


def judge(here: Town, caller: Caller) -> None:
    """What was answered 2xx is in the ledger, and nothing is there that was answered 503."""
    with here.opened() as opened:
        kept = {row["id"] for row in opened.reads.whole_account()}
    assert {wire["id"] for wire in caller.taken} == kept
    assert caller.refused


def events_for_ever() -> Iterator[Wire]:
    """New events, large enough to fill something."""
    for n in range(10_000):
        wire = life(n, 1)[0]
        wire["data"]["note"] = f"{wire['id']} " + "x" * 1500
        yield wire


@pytest.mark.parametrize("kind", DISKS)
def test_p01_full_disk(home: Path, kind: str) -> None:
    """No room for the ledger: 503 with Retry-After and no false 2xx; room again: it goes on by itself."""
    with (
        small_disk(home / "disk", kind) as folder,
        town(folder) as here,
        Caller(here, door := here.start("web")) as caller,
    ):
        if kind == "tmpfs":
            filler = folder.parent / "filler"

            def fill() -> None:
                with filler.open("wb") as file:
                    room = shutil.disk_usage(folder).free - 100_000
                    file.write(b"x" * room)

            walk(here, caller, events_for_ever(), break_=fill, mend=filler.unlink, why="disk_nearly_full")
        else:
            # No file of this process may grow past this size: the operating system refuses, as a full disk does.
            before = resource.prlimit(door.pid, resource.RLIMIT_FSIZE)
            walk(
                here,
                caller,
                events_for_ever(),
                break_=lambda: resource.prlimit(door.pid, resource.RLIMIT_FSIZE, (200_000, before[1])),
                mend=lambda: resource.prlimit(door.pid, resource.RLIMIT_FSIZE, before),
            )


def test_p01_held_lock(home: Path) -> None:
    """Another process keeps the ledger locked for longer than a writer waits: 503; let go: it goes on by itself."""
    with town(home / "town") as here, Caller(here, here.start("web")) as caller:
        holder = sqlite3.connect(here.settings.ledger.path, isolation_level=None, check_same_thread=False)
        walk(
            here,
            caller,
            events_for_ever(),
            break_=lambda: holder.execute("BEGIN IMMEDIATE"),
            mend=lambda: holder.execute("ROLLBACK"),
        )
        holder.close()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_p01_read_only(home: Path, what: str) -> None:
    """A door on a ledger that it may only read takes nothing and says why; allowed to write again, it goes on."""
    with town(home / "town") as here:
        ledger = here.settings.ledger.path
        place, closed, open_ = (ledger, 0o400, 0o600) if what == "file" else (ledger.parent, 0o500, 0o700)
        place.chmod(closed)
        # `chmod` binds who opens: so the door starts on a ledger that is closed already.
        door = here.start("web", bound_by_modes=True)
        wait_for(lambda: door.said("door_started") is not None or not door.is_alive, 60, "the door to say something")
        if not door.is_alive:
            # To refuse the start, with the reason, is as honest as a door that says 503.
            assert "ledger" in door.log.read_text(encoding="utf-8")
            assert "Traceback" not in door.log.read_text(encoding="utf-8")
            place.chmod(open_)
            door = here.start("web", bound_by_modes=True)
        with Caller(here, door) as caller:
            events = events_for_ever()
            if place.stat().st_mode & 0o777 == closed:
                told_later(caller.post(next(events)))
                assert (503, True) == (caller.ready()[0], "ledger_not_writable" in caller.ready()[1])
                place.chmod(open_)
            begun = time.monotonic()
            wait_for(lambda: 201 == caller.post(next(events)).status_code, RESUMES_S, "it to go on", pause=0.2)
            assert time.monotonic() - begun < RESUMES_S
            with here.opened() as opened:
                assert {wire["id"] for wire in caller.taken} == {row["id"] for row in opened.reads.whole_account()}


class Closed(FileStorage):
    """A file that may only be read, then is not to be found, then is there again."""

    def __init__(self) -> None:
        self.ways = ["rw"]

    def connect(self, path: str, *, read_only: bool = False) -> sqlite3.Connection:
        way = self.ways.pop(0) if self.ways else "rw"
        where = f"{path}.gone" if way == "gone" else path
        mode = "ro" if way == "ro" else "rw"
        return sqlite3.connect(f"file:{where}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False)


def test_writer_opens_anew(home: Path) -> None:
    """A connection that was opened while the file was closed to it is not kept: the next write opens another."""
    migrate(home / "ledger.db", FileStorage(), SystemClock())
    storage = Closed()
    storage.ways = ["ro", "gone"]
    engine = SqliteEngine(home / "ledger.db", storage)
    put = partial(engine.write, lambda tx: tx.run("put_meta", "a", "b"))

    with pytest.raises(LedgerUnavailable, match="readonly"):
        put()
    with pytest.raises(LedgerUnavailable, match="unable to open"):
        put()
    assert 1 == put()
    assert engine.trouble is None
    engine.close()
