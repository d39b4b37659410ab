"""The gate on untaken branches, tested with a room of one function."""

from __future__ import annotations

import subprocess
import sys

from tests.house import branches

SOURCE = """def choose(high):
    if high:
        return 1
    return 0
"""


def measure(folder, monkeypatch, calls: str) -> list[str]:
    """What the gate finds after the function was called so."""
    (folder / "room").mkdir()
    (folder / "room" / "one.py").write_text(SOURCE)
    (folder / "pyproject.toml").write_text('[tool.coverage.run]\nbranch = true\nsource = ["room"]\n')
    (folder / "run.py").write_text(f"from room.one import choose\n{calls}\n")
    subprocess.run([sys.executable, "-m", "coverage", "run", "run.py"], cwd=folder, check=True)
    monkeypatch.setattr(branches, "ROOT", folder)
    monkeypatch.setattr(branches, "WHOLE", ("room",))
    monkeypatch.chdir(folder)
    return branches.untaken(folder / ".coverage")


def test_untaken_branch_is_named(tmp_path, monkeypatch):
    """A branch that no test took is named by its file and line."""
    assert ["room/one.py:4", "room/one.py:2->4"] == measure(tmp_path, monkeypatch, "choose(True)")


def test_taken_branches_are_not_named(tmp_path, monkeypatch):
    """When both ways were gone, there is nothing to say."""
    assert [] == measure(tmp_path, monkeypatch, "choose(True); choose(False)")


def test_report_counts():
    """The report says how many there are, and each of them."""
    assert "2 were not taken\n  a.py:1\n  a.py:2->4" in branches.report(["a.py:1", "a.py:2->4"])
    assert "every one was taken" in branches.report([])
