"""What may not stand anywhere in the tree: other people's addresses, secrets, promises not kept."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.house.tree import ROOT, files, name_of, named

# Put together from parts: this file stands in the tree that it searches.
REGISTRIES = [
    ".".join(parts) for parts in [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com")]
]
MIRRORS = [".".join(parts) for parts in [("deb", "debian", "org"), ("crates", "io"), ("proxy", "golang", "org")]]
HOMES = "/" + "(?:work|farm|home|Users|root)" + "/[A-Za-z.]"
SECRETS = [
    "-----BEGIN [A-Z ]*" + "PRIVATE KEY-----",
    r"\bAKIA" + r"[0-9A-Z]{16}\b",
    r"\bgh[pousr]_" + r"[A-Za-z0-9]{30,}",
    r"\bxox[abp]-" + r"[A-Za-z0-9-]{10,}",
    r"\beyJ" + r"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.",
]
MARKS = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"])
LONGEST = 600
"""Lines of one Python file: beyond that there is a second room inside."""


def findings(pattern: str, paths: list | tuple) -> list[str]:
    """Where the pattern stands, as `file:line`."""
    search = re.compile(pattern).search
    found = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}:{number}" for number, line in enumerate(lines, 1) if search(line)]
    return found


def test_no_registry_address():
    """No file names a package registry or a mirror: who installs decides where from."""
    pattern = "|".join(re.escape(host) for host in REGISTRIES + MIRRORS)

    assert [] == findings(pattern, files())


def test_no_path_of_a_machine():
    """No file names a folder of somebody's machine."""
    assert [] == findings(HOMES, files())


def test_no_secret():
    """No key or token is kept here; tests make theirs when they run. The RFCs' own examples are known to everybody."""
    ours = [path for path in files() if "published" not in path.parts]
    assert [] == findings("|".join(SECRETS), ours)


def test_nothing_is_left_for_later():
    """What is called done is done: no mark in the code says otherwise."""
    assert [] == findings(rf"\b({MARKS})\b", named(".py"))


def test_no_file_is_a_house_of_its_own():
    """A Python file stays within the length that a reader can hold."""
    lengths = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in named(".py")}

    assert {} == {name: lines for name, lines in lengths.items() if lines > LONGEST}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_is_hashed_and_hostless(lock):
    """Every package of a lock has an exact version and a hash, and no address says where it comes from."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    rows = [row for row in text.splitlines() if row.strip() and not row.startswith("#")]

    assert [] == [
        row[:60] for row in rows if not re.match(r"[a-z0-9][a-z0-9._-]*==\S+ .*--hash=sha256:[0-9a-f]{64}", row)
    ]
    assert "://" not in text


def test_locks_agree():
    """The dev lock holds the core lock's versions and more, so that tests run what is shipped."""
    core, dev = (_versions(lock) for lock in ("requirements.lock", "requirements-dev.lock"))

    assert core.items() <= dev.items()


def _versions(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.MULTILINE))


@pytest.mark.needs("git")
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout: nothing can be tracked by mistake")
def test_no_tool_leaves_its_lock():
    """Locks that name registries, and what tools leave behind, are not tracked."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {line.rsplit("/", 1)[-1] for line in tracked.splitlines()}

    assert set() == names & {"uv.lock", "pylock.toml", "package-lock.json", ".coverage"}
