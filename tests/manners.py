"""A pytest plugin: what every test here may rely on, and what none of them may do.

- `@pytest.mark.needs("curl")`: skipped with a reason where the program cannot be had.
- With CI=true a skip is a failure: a proof that did not run is no proof.
- `@pytest.mark.alone`: no other test runs at that moment, so that a measured time means something.
- No socket leaves this machine, and no `LIENTHONG_…` variable of the caller's shell is seen.

It is a plugin and not a conftest because it has to stand outside of everything else, time limits included.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from typing import Any

import pytest

LOOPBACK_NAMES = {"", "localhost", "ip6-localhost"}


class LeftTheMachine(RuntimeError):
    """A test reached for an address outside loopback."""


def pytest_configure(config: pytest.Config) -> None:
    """Clear the environment and close the doors before anything of ours is imported."""
    for name in [name for name in os.environ if name.startswith("LIENTHONG_")]:
        del os.environ[name]
    sys.addaudithook(_stay_on_loopback)


def _stay_on_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook sees every connection that Python makes, whichever library asks for it."""
    if event == "socket.connect" or event == "socket.sendto":
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(address[0]):
            raise LeftTheMachine(f"{event} to {address!r}: tests speak to loopback only")
    elif event == "socket.getaddrinfo" and not is_loopback(arguments[0]):
        raise LeftTheMachine(f"look-up of {arguments[0]!r}: tests speak to loopback only")


def is_loopback(host: object) -> bool:
    """Whether this host, by name or number, is this machine's own loopback."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return str(name).endswith(".localhost")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not here."""
    for mark in item.iter_markers("needs"):
        missing = [name for name in mark.args if shutil.which(name) is None]
        if missing:
            pytest.skip(f"needs {', '.join(missing)}, not found on this machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is skipped quietly."""
    report = yield
    if report.skipped and is_ci() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if report.skipped and is_ci():
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


def is_ci() -> bool:
    """Whether the machine says that it is a CI machine."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests share the machine; one marked `alone` waits until the others are done and keeps them out.

    Outermost, so that waiting does not count against the test's own time limit.
    """
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with turn(item.config.rootpath, is_alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def turn(root: Path, *, is_alone: bool) -> Iterator[None]:
    """A lock that many share or one has. The gate is held while waiting: else sharers could starve the one for ever.

    Any two files that every worker can open will do.
    """
    with (root / "Makefile").open() as gate, (root / "pyproject.toml").open() as room:
        flock(gate, LOCK_EX)
        flock(room, LOCK_EX if is_alone else LOCK_SH)
        if not is_alone:
            flock(gate, LOCK_UN)
        try:
            yield
        finally:
            # Said aloud, because a child that a test forked holds the same open file.
            flock(room, LOCK_UN)
            flock(gate, LOCK_UN)
