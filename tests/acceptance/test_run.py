"""`lienthong run` and `web`: one process of each kind, from settings on disk to the partner's books."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.demo.day import day
from tests.acceptance.desk import Place, place

LINES = [feed.line for feed in day(4, dossiers=60, steps=200).events if feed.dirt is None][:40]


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a mock."""
    with place(tmp_path, capsys) as made:
        made.set("port = 8400", "port = 0")
        yield made


@contextmanager
def running(here: Place, command: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and the address of its door, taken from its log."""
    config = str(here.folder / "lienthong.toml")
    log = here.folder / f"{command}.log"
    words = [sys.executable, "-P", "-m", "config.cli", command, "--config", config]
    with log.open("wb") as stream:
        process = subprocess.Popen(words, stderr=stream)
        try:
            yield process, _address(process, log)
        finally:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        for line in log.read_text().splitlines():
            told = json.loads(line)
            if told["event"] == "door_started":
                return f"http://127.0.0.1:{told['port']}"
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def submit(here: Place, url: str) -> None:
    here.ask("submit", str(here.write("in.ndjson", LINES)), "--to", url, "--caller", "one-stop")


def until_effects(here: Place, count: int) -> None:
    end = time.monotonic() + 60
    while len(here.portal.effects.page(after=0, limit=1000)) < count:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_run_takes_in_and_delivers(here: Place) -> None:
    """Doors and worker in one process: what is submitted reaches the partner; health and numbers are there."""
    with running(here, "run") as (process, url):
        submit(here, url)
        until_effects(here, 20)
        with urllib.request.urlopen(f"{url}/readyz") as reply:
            assert json.load(reply) == {"ready": True, "reasons": []}
        with urllib.request.urlopen(f"{url}/metrics") as reply:
            page = reply.read().decode()
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(60)

    assert 'lienthong_attempts_total{outcome="Delivered",partner="national_portal"}' in page
    assert "lienthong_checkpoint_age_seconds" not in page or "lienthong_gaps 0.0" in page


def test_web_takes_in_and_a_worker_delivers(here: Place) -> None:
    """The doors alone deliver nothing; what they took is on disk for any worker."""
    with running(here, "web") as (process, url):
        submit(here, url)
        assert [] == here.portal.effects.page(after=0, limit=10)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(60)
    here.deliver()

    assert {"delivered", "superseded"} == {row["state"] for row in here.ask("deliveries", "list")}


@pytest.mark.parametrize("command", ["run", "web"])
def test_demo_secret_opens_no_door(here: Place, command: str) -> None:
    """A secret of the demo starts nothing outside it: exit code 2, the setting named."""
    (here.folder / "one-stop.secret").write_text("demo-only-secret-of-a-demo")
    config = str(here.folder / "lienthong.toml")
    words = [sys.executable, "-P", "-m", "config.cli", command, "--config", config, "--lang", "en"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    assert 2 == done.returncode
    assert "callers.one-stop.secret_file" in done.stderr


def test_taken_port(here: Place) -> None:
    """A port that somebody has: exit code 3, nothing half started."""
    with running(here, "web") as (_process, url):
        here.set("port = 0", f"port = {url.rpartition(':')[2]}")
        config = str(here.folder / "lienthong.toml")
        words = [sys.executable, "-P", "-m", "config.cli", "run", "--config", config]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    assert 3 == done.returncode
