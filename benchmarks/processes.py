"""Processes of a benchmark: started with one JSON argument, ended with their block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE_S: Final = 900
DISK: Final = "/var/tmp" if Path("/var/tmp").is_dir() else None
"""Where a benchmark's files lie: on the machine's disk, not in memory, so that a commit costs what it costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSink:
    """The sink, as its users see it."""

    url: str

    def books(self) -> dict[str, Any]:
        return self._ask("/books")

    def times(self) -> dict[str, float]:
        """Dossier → when its first write was answered, on this machine's monotonic clock."""
        return self._ask("/times")

    def reset(self) -> None:
        self._ask("/reset")

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=30) as reply:
            found: dict[str, Any] = json.load(reply)
            return found


@contextmanager
def sink(module: str = "benchmarks.sink", /, **told: Any) -> Iterator[RunningSink]:
    """A sink in a process of its own."""
    process = start(module, told)
    try:
        assert process.stdout is not None
        yield RunningSink(url=f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        end(process)


def start(module: str, told: dict[str, Any], *, stderr: Any = None) -> subprocess.Popen[str]:
    """A module of ours in a process of its own, told what to do by one JSON argument."""
    command = [sys.executable, "-m", module, json.dumps(told)]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=stderr, text=True)


def run(module: str, told: dict[str, Any], *, patience_s: int = PATIENCE_S) -> dict[str, Any]:
    """The same, waited for: the JSON document that it printed last. Its log goes to a file, as a service's does."""
    with tempfile.TemporaryFile("w+", dir=DISK) as log:
        process = start(module, told, stderr=log)
        try:
            said, _ = process.communicate(timeout=patience_s)
        finally:
            end(process)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{module} ended with {process.returncode}: {log.read()[-2_000:]}")
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


def end(process: subprocess.Popen[Any]) -> None:
    """Ask it to stop; when it does not, stop it."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def environment() -> dict[str, str]:
    """This process's environment without our own settings in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LIENTHONG_")}
