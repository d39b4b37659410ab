"""The plugin that keeps tests from leaving the machine, tested itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.manners import LeftTheMachine, is_loopback, turn


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", b"localhost", "", None])
def test_loopback(host):
    """This machine may speak to itself."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.invalid", "0.0.0.0", "2001:db8::1", b"example.invalid"])
def test_elsewhere(host):
    """Everything else is elsewhere."""
    assert not is_loopback(host)


def test_no_socket_leaves():
    """A connection to another machine is refused before a packet goes out."""
    with socket.socket() as outward, pytest.raises(LeftTheMachine):
        outward.connect(("192.0.2.1", 80))


def test_no_name_is_looked_up():
    """Not even the name of another machine is asked for."""
    with pytest.raises(LeftTheMachine):
        socket.getaddrinfo("example.invalid", 80)


def test_environment_is_clear():
    """No setting of the caller's shell reaches a test."""
    assert [] == [name for name in os.environ if name.startswith("LIENTHONG_")]


def run_pytest(folder: Path, source: str, **environment: str) -> str:
    """What pytest says about a test module of its own, under our plugin."""
    (folder / "test_it.py").write_text(textwrap.dedent(source))
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = needs\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "tests.manners",
        "-p",
        "no:cacheprovider",
        str(folder),
    ]
    keep = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
    env = keep | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False).stdout


NEEDY = """
    import pytest

    @pytest.mark.needs("no-such-program")
    def test_it(): ...
"""


def test_missing_program_is_said(tmp_path):
    """A test that needs a program which is not here is skipped, and the line names the program."""
    said = run_pytest(tmp_path, NEEDY)

    assert "1 skipped" in said
    assert "needs no-such-program" in said


def test_skip_fails_in_ci(tmp_path):
    """On a CI machine the same is a failure."""
    assert "1 error" in run_pytest(tmp_path, NEEDY, CI="true")


def test_skipped_module_fails_in_ci(tmp_path):
    """And so is a whole module that steps aside."""
    source = 'import pytest; pytest.skip("not today", allow_module_level=True)'

    assert "1 error" in run_pytest(tmp_path, source, CI="true")


def test_alone_is_alone(tmp_path: Path):
    """While one test has its turn alone, nobody else has a turn; and it need not wait for ever."""
    # In a folder of its own: this very test holds a turn in the project's.
    (tmp_path / "Makefile").touch()
    (tmp_path / "pyproject.toml").touch()
    seen: list[str] = []
    started = threading.Event()

    def share() -> None:
        started.wait()
        with turn(tmp_path, is_alone=False):
            seen.append("shared")

    sharer = threading.Thread(target=share)
    sharer.start()
    with turn(tmp_path, is_alone=True):
        started.set()
        time.sleep(0.05)
        seen.append("alone")
    sharer.join()

    assert ["alone", "shared"] == seen
