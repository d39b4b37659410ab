"""Whether the tests took every branch of the rooms that keep the promises (`bar.md`, R19).

Two ways in: a pytest plugin that `make test` loads, so that a branch nobody took fails that very run; and
`make coverage`, which says it again from what the last run left.
"""

from __future__ import annotations

import sys
from pathlib import Path

import coverage
import pytest

from tests.house.tree import ROOT

WHOLE = ("bus", "signing")
"""The rooms in which an untested branch is a promise that nobody has checked."""


def untaken(data: Path) -> list[str]:
    """Lines never run and branches never taken in those rooms, as `file:line` and `file:line->line`."""
    cover = coverage.Coverage(data_file=str(data), config_file=str(ROOT / "pyproject.toml"))
    cover.load()
    found: list[str] = []
    for room in WHOLE:
        for path in sorted((ROOT / room).rglob("*.py")):
            found += _untaken_in(cover, path)
    return found


def _untaken_in(cover: coverage.Coverage, path: Path) -> list[str]:
    name = path.relative_to(ROOT).as_posix()
    _, _, _, lines, _ = cover.analysis2(str(path))
    stats = cover._analyze(str(path))  # the public API has no list of branches
    arcs = [(start, end) for start, ends in stats.missing_branch_arcs().items() for end in ends if start not in lines]
    jumps = [f"{name}:{start}->{end if end > 0 else 'exit'}" for start, end in arcs]
    return [f"{name}:{line}" for line in lines] + jumps


def report(missing: list[str]) -> str:
    """One paragraph for a person."""
    rooms = " and ".join(WHOLE)
    if not missing:
        return f"branches of {rooms}: every one was taken"
    return "\n".join([f"branches of {rooms}: {len(missing)} were not taken", *(f"  {it}" for it in missing)])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After pytest-cov has put the workers' data together: a gap turns a good run into a failed one."""
    data = ROOT / ".coverage"
    if hasattr(session.config, "workerinput") or exitstatus != pytest.ExitCode.OK or not data.exists():
        return
    missing = untaken(data)
    session.config.stash[_SAID] = report(missing)
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_SAID = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Said before pytest's closing line."""
    if _SAID in config.stash:
        terminalreporter.section("branches")
        terminalreporter.line(config.stash[_SAID])


def main() -> int:
    """`make coverage`."""
    data = ROOT / ".coverage"
    if not data.exists():
        print("coverage: there is no data yet; run make test first")
        return 2
    missing = untaken(data)
    print(report(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
