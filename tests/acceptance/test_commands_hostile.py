"""Words that would harm whoever types or reads them: reasons, numbers beyond the ledger, other alphabets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.moves import Move
from config.commands.options import LARGEST
from tests.acceptance.desk import Place, place
from tests.acceptance.test_commands import NUMBER, feed, lose_step, record, step

BEYOND = str(LARGEST + 1)


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An installation with a mock."""
    with place(tmp_path, capsys) as made:
        yield made


@pytest.mark.parametrize("reason", ["", " ", "\t\n", "\x1b[31mred", "a\nb", "\u202egnp", "\udcff", "x" * 501])
@pytest.mark.parametrize(
    "words",
    [
        ("deliveries", "show", "1", "--bodies"),
        ("deliveries", "replay", "1"),
        ("deliveries", "cancel", "1"),
        ("deliveries", "resolve", "1", "--as", "arrived"),
        ("dossier", "resync", NUMBER),
        ("partners", "hold", "national_portal"),
        ("partners", "release", "national_portal"),
    ],
)
def test_p12_bad_reason(here: Place, words: tuple[str, ...], reason: str) -> None:
    """A reason says something, at most so much, and nothing to a terminal, as at the door; else nothing is done."""
    answer = here.type(*words, "--reason", reason)

    assert 2 == answer.code
    with here.open() as installation:
        assert [] == [row for row in installation.ledger.engine.read().all("all_moves") if row[10] != "person:test"]


def test_nobody_writes_to_the_operators_terminal(here: Place) -> None:
    """What lies in the ledger is shown as codes where a terminal would obey it; for a machine it stays what it is."""
    hostile = "\x1b[31mred\x1b]0;pwn\x07\nfake\u202e\x9b"
    feed(here, record())
    with here.open() as installation:
        move = Move(lane=1, at=0, delivery=1, cause="replayed", reason=hostile, actor="one-stop")
        installation.ledger.engine.write(lambda tx: installation.ledger.moves.add(tx, move))
    for words in (("deliveries", "show", "1"), ("dossier", "show", NUMBER)):
        told, machine = here.type(*words), here.type(*words, "--json")

        assert r"\x1b[31mred\x1b]0;pwn\x07\nfake\u202e\x9b" in told.out
        assert hostile in [move["reason"] for move in machine.told.get("moves") or machine.told["timeline"]]
        for sign in "\x1b\x07\u202e\x9b":
            assert sign not in told.out + machine.out


def test_bodies_stay_under_their_name(here: Place) -> None:
    """Each line of what was sent stands behind the part's name: none can look like a move."""
    feed(here, record())
    told = here.type("deliveries", "show", "1", "--bodies", "--reason", "câu hỏi").out
    part = [line for line in told.splitlines() if "request_head" in line]

    assert 1 < len(part)
    assert not [line for line in told.splitlines() if line and not line.startswith((" ", "Delivery"))]


@pytest.mark.parametrize(
    "words",
    [
        ("deliveries", "show", BEYOND),
        ("deliveries", "replay", BEYOND, "--reason", "x"),
        ("deliveries", "cancel", BEYOND, "--reason", "x"),
        ("deliveries", "resolve", BEYOND, "--as", "arrived", "--reason", "x"),
        ("deliveries", "list", "--after", BEYOND),
    ],
)
def test_number_beyond_the_ledger(here: Place, words: tuple[str, ...]) -> None:
    """A number that no delivery can have is a mistake in the words typed."""
    assert 2 == here.type(*words).code
    assert 1 == here.type("deliveries", "show", str(LARGEST)).code


def test_an_outage_is_settled_by_its_digest_only(here: Place) -> None:
    """Without --dry-run and without --digest nothing is done, and the command says what to do first."""
    lose_step(here)
    feed(here, record(), step())
    outage = ("--partner", "national_portal", "--since", "2026-01-01T00:00:00+07:00", "--until", "2999-01-01T00:00:00Z")
    answer = here.type("deliveries", "resolve", *outage, "--as", "arrived", "--reason", "x")

    assert 2 == answer.code
    assert "--dry-run" in answer.err
    assert 0 == here.type("deliveries", "resolve", *outage, "--dry-run").code


@pytest.mark.parametrize("extra", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_terminal_that_knows_ascii_only(here: Place, extra: dict[str, str]) -> None:
    """Vietnamese words on such a terminal come with codes for its letters; a document for a machine stays one."""
    here.ask("partners", "hold", "national_portal", "--reason", "bảo trì")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    command = [sys.executable, "-m", "config.cli", "partners", "list", "--config", str(here.folder / "lienthong.toml")]
    root = Path(__file__).parents[2]
    for more in ([], ["--json"], ["--help"]):
        done = subprocess.run(
            command + more, env=environ | {"LC_ALL": "C"} | extra, cwd=root, capture_output=True, timeout=60
        )
        assert 0 == done.returncode, done.stderr
        assert done.stdout.isascii()
        if more == ["--json"]:
            assert "bảo trì" == json.loads(done.stdout)[0]["hold_reason"]
