"""The README's first event and the tutorial's afternoon, done line by line as they are printed."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.house.shown import Shell, typed, with_ports
from tests.house.tree import ROOT

SMALL = "--dossiers 40 --steps 40 --port 0 --mocks-port 0"
NUMBER = "H99.09-260703-0123"


@pytest.mark.needs("curl")
@pytest.mark.parametrize("page", ["README.md", "README.vi.md"])
def test_first_event(page, tmp_path):
    """A reader who types the README's lines sees a receipt, the story of the dossier, and the portal's books."""
    lines = typed(ROOT / page)
    demo = next(line for line in lines if "demo --json" in line).removeprefix(".venv/bin/")
    shell = Shell(ROOT)
    with shell.background(f"{demo} {SMALL} --state-dir {tmp_path / 'state'} 2>{tmp_path / 'log'}") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        shell.environ |= {"BUS": ready["bus"], "TOKEN": ready["token"], "MOCKS": ready["mocks"]}
        post, story, effects = [line for line in lines if line.startswith("curl")]

        first, again = shell.run(post), shell.run(post)
        told = settled(lambda: json.loads(shell.run(story)))

        assert first == again
        assert json.loads(first)["receipt"]
        assert told["partners"][0]["exists_there"] is True
        assert json.loads(shell.run(effects))


def settled(ask: Any) -> Any:
    """The dossier's story once its record has reached the portal, or as it is after ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        story = ask()
        if story["partners"][0]["exists_there"] or time.monotonic() > deadline:
            return story
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.needs("curl")
def test_afternoon(tmp_path):
    """A reader who types the tutorial's lines gets from an empty folder to a checked ledger, past a lost reply."""
    ports = {"9100": free_port(), "8400": free_port()}
    lines = [with_ports(line, ports) for line in typed(ROOT / "docs/tutorial/first-dossier.md")]
    lines = [line for line in lines if not line.startswith(("make ", ". .venv", "cd "))]
    shell = Shell(
        tmp_path,
        LIENTHONG_LANG="en",
        LIENTHONG_WEB__PORT=str(ports["8400"]),
        # A reader waits out the time in flight; this test has less of it.
        LIENTHONG_PARTNERS__NATIONAL_PORTAL__TIMEOUT_S="2",
        LIENTHONG_PARTNERS__NATIONAL_PORTAL__CONNECT_TIMEOUT_S="1",
        LIENTHONG_PARTNERS__NATIONAL_PORTAL__IN_FLIGHT_S="0.5",
    )
    mocks, run = (next(line for line in lines if line.startswith(f"lienthong {word}")) for word in ("mocks", "run"))
    before, after = lines[: lines.index(run)], lines[lines.index(run) + 1 :]
    with shell.background(mocks):
        wait_for(f"http://127.0.0.1:{ports['9100']}/")
        for line in before:
            if line != mocks:
                shell.run(line)
                shell.folder = tmp_path / "h99" if line.startswith("lienthong init") else shell.folder
        with shell.background(run):
            wait_for(f"http://127.0.0.1:{ports['8400']}/readyz")
            said = [shell.run(line.replace("../contracts", str(ROOT / "contracts"))) for line in after]
            stored = effects(ports["9100"], until=4)

    assert any("first-backup.db" in line for line in after)
    assert any(NUMBER in text for text in said)
    assert [(NUMBER, "DongBoHoSoMC"), (NUMBER, "CapNhatTienDoHoSoMC")] == stored[:2]
    assert 1 == sum(1 for it in stored if it == (NUMBER.replace("0123", "0124"), "CapNhatTienDoHoSoMC"))


def wait_for(url: str) -> None:
    """Until somebody answers there well."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline, f"nobody answers at {url}"
            time.sleep(0.05)


def effects(port: int, *, until: int) -> list[tuple[str, str]]:
    """What the portal's mock has stored as new, once there are so many or ten seconds have passed."""
    deadline = time.monotonic() + 10
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_control/national_portal/effects", timeout=5) as answer:
            rows = [row for row in json.load(answer) if not row["repeat"]]
        if len(rows) >= until or time.monotonic() > deadline:
            return [(row["dossier"], row["operation"]) for row in rows]
        time.sleep(0.1)


def test_tutorial_names_its_folder():
    """The folder that `init` makes is the folder that the tutorial goes into."""
    lines = typed(ROOT / "docs" / "tutorial" / "first-dossier.md")
    made = next(line for line in lines if line.startswith("lienthong init")).split()[2]

    assert f"cd {Path(made).name}" in lines
