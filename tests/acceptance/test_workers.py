"""Workers as processes: two on one ledger, one of them killed in the middle, an orderly end by signal."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from config.demo.account import entries_of, known_of
from config.demo.books import read_effects
from config.demo.day import Day, day
from config.demo.judge import Came, Verdict, doubts, judge
from config.demo.portal_view import expected
from config.demo_feeder import in_nfc
from config.demo_judging import LOCAL_STATUSES
from config.demo_mocks import Control
from config.demo_settings import PORTAL
from contracts.mock_faults import FaultOrder
from tests.acceptance.desk import Place, place


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation whose communes' source counts its events."""
    with place(tmp_path, capsys) as made:
        made.set(r"sources = .*", 'sources = ["one-stop/h99", "one-stop/h99-wards", "one-stop/h99-old"]')
        file = made.folder / "lienthong.toml"
        communes = '\n[callers.communes]\nsecret_file = "one-stop.secret"\nsources = ["one-stop/h99-communes"]\n'
        file.write_text(file.read_text() + communes + 'order = "sequence"\n')
        yield made


@contextmanager
def worker(here: Place, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """`lienthong worker` in a process of its own."""
    config = str(here.folder / "lienthong.toml")
    command = [sys.executable, "-P", "-m", "config.cli", "worker", "--config", config, "--name", name]
    command += ["--with-parent", str(os.getpid())]
    with (here.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def until(what: Callable[[], bool], seconds: float = 90) -> None:
    """Wait for it, or fail."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def is_settled(here: Place) -> bool:
    with here.open() as installation:
        return installation.ledger.next_due(PORTAL) is None


def verdict(here: Place, told: Day) -> Verdict:
    """Settle steps in doubt as their effects show, then hold ledger against mock."""
    taken = {}
    for feed in told.events:
        if feed.expectation == "recorded":
            wire = in_nfc(feed.line)
            taken[(wire["source"], wire["id"])] = wire
    control = Control(here.mocks)
    with here.open() as installation:
        account = installation.reads.whole_account()
        wanted = {key: expected(wire, LOCAL_STATUSES) for key, wire in taken.items()}
        entries = entries_of(account, PORTAL, lambda source, event: wanted[(source, event)])
        effects = read_effects(control.get("effects?limit=10000&body=1"))
        for entry in entries:
            if entry.state == "in_doubt":
                assert entry.delivery is not None
                how = "arrived" if doubts(entries, effects)[(entry.source, entry.id)] else "send_again"
                installation.repairs.resolve(entry.delivery, how, actor="person:test", reason="looked")  # type: ignore[arg-type]
    control.close()
    return judge(entries, effects, Came(recorded=len(entries)), known=known_of(account))


def test_p13_two_workers_one_killed(here: Place) -> None:
    """Two workers share a ledger; one is killed in mid-work: nothing lost, doubled or out of order."""
    told = day(5, dossiers=80, steps=320)
    here.type("submit", str(here.write("day.ndjson", [feed.line for feed in told.events])))
    here.portal.faults.arm(FaultOrder(fault="slow", rate=1.0, seconds=0.02))
    with ExitStack() as stack:
        first, second = (stack.enter_context(worker(here, name)) for name in ("first", "second"))
        until(lambda: len(here.portal.effects.page(after=0, limit=1000)) > 60 and len(at_work(here)) == 2)
        first.kill()
        until(lambda: is_settled(here))
        assert second.poll() is None
    found = verdict(here, told)

    assert () == found.findings
    assert {"first", "second"} == at_work(here)


def at_work(here: Place) -> set[str]:
    """The workers that have settled something."""
    with here.open() as installation:
        return {row[3] for row in installation.ledger.engine.read().all("bound_attempts")}


def test_worker_ends_in_order(here: Place) -> None:
    """SIGTERM: calls in flight are finished and settled, a checkpoint is signed, exit code 0."""
    told = day(6, dossiers=60, steps=200)
    here.type("submit", str(here.write("day.ndjson", [feed.line for feed in told.events])))
    here.portal.faults.arm(FaultOrder(fault="slow", rate=1.0, seconds=0.1))
    with worker(here, "only") as process:
        until(lambda: len(here.portal.effects.page(after=0, limit=1000)) > 20)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)
    log = (here.folder / "only.log").read_text()

    with here.open() as installation:
        tally = installation.reads.tallies()[PORTAL]
    assert (0, 0) == (tally.get("sending", 0), tally.get("in_doubt", 0))
    assert '"checkpoint_signed"' in log
    assert '"cause":"SIGTERM"' in log


def test_worker_ends_although_a_call_hangs(here: Place) -> None:
    """SIGTERM while the partner never answers: it ends within its grace, and what hung is in doubt later, not lost."""
    here.set(r"\[partners", "[worker]\nstop_grace_s = 0.5\n\n[partners")
    here.set("\ntimeout_s = 1\n", "\ntimeout_s = 500\n")
    here.set("\nlease_s = 3\n", "\nlease_s = 5000\n")
    told = day(6, dossiers=60, steps=200)
    here.type("submit", str(here.write("day.ndjson", [feed.line for feed in told.events])))
    here.portal.faults.arm(FaultOrder(fault="slow", rate=1.0, seconds=600.0))
    with worker(here, "only") as process:
        until(lambda: any(row["state"] == "sending" for row in here.ask("deliveries", "list")))
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)
    log = (here.folder / "only.log").read_text()

    assert '"calls_left_behind"' in log
    assert '"cause":"SIGTERM"' in log
    assert any(row["state"] == "sending" for row in here.ask("deliveries", "list"))


def test_worker_alone_is_watched(here: Place) -> None:
    """A worker that stands alone shows its numbers and its health where the settings say, until it ends."""
    here.set(r"\[partners", '[worker]\nmetrics_listen = "127.0.0.1:0"\n\n[partners')
    told = day(6, dossiers=60, steps=60)
    here.type("submit", str(here.write("day.ndjson", [feed.line for feed in told.events])))
    log = here.folder / "only.log"
    with worker(here, "only") as process:
        until(lambda: '"worker_watched"' in log.read_text())
        url = re.search(r'"url":"([^"]+)"', log.read_text())[1]  # type: ignore[index]
        until(lambda: is_settled(here))
        with urllib.request.urlopen(f"{url}/metrics") as reply:
            page, kind = reply.read().decode(), reply.headers["content-type"]
        with urllib.request.urlopen(f"{url}/readyz") as reply:
            ready = json.load(reply)
        with urllib.request.urlopen(f"{url}/livez") as reply:
            alive = json.load(reply)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{url}/console/")
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)

    assert 'lienthong_attempts_total{outcome="Delivered",partner="national_portal"}' in page
    assert kind.startswith("text/plain")
    assert ({"ready": True, "reasons": []}, {"alive": True}) == (ready, alive)


def test_watched_port_that_is_taken(here: Place) -> None:
    """A port that somebody has is said at the start: exit code 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here.set(r"\[partners", f'[worker]\nmetrics_listen = "127.0.0.1:{taken.getsockname()[1]}"\n\n[partners')
        with worker(here, "only") as process:
            assert 3 == process.wait(30)
