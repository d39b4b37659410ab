"""Doing what a document shows: its very lines, in a shell, as a reader would type them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FENCE = re.compile(r"^```(console|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def typed(page: Path) -> list[str]:
    """Every command of a page in its order, continued lines put together."""
    found: list[str] = []
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        lines = text.replace("\\\n", " ").splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [line for line in lines if line.strip()]
    return found


class Shell:
    """Runs lines one by one in one folder, with this program first on the path."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **variables}

    def run(self, line: str) -> str:
        """What it prints. Raises CalledProcessError with what it said in the error stream."""
        command = ["/bin/sh", "-ec", line]
        done = subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"$ {line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def background(self, line: str) -> Iterator[subprocess.Popen[str]]:
        """Keeps it running meanwhile, and stops it as Ctrl-C would."""
        with subprocess.Popen(
            ["/bin/sh", "-ec", f"exec {line}"], cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.communicate(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def with_ports(line: str, ports: Mapping[str, int]) -> str:
    """The same line with this machine's free ports instead of the shown ones."""
    for shown, free in ports.items():
        line = re.sub(rf"\b{shown}\b", str(free), line)
    return line
