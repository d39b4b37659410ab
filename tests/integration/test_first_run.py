"""The first administrator: one code, in one file, good once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.accounts import Identity
from bus.errors import LedgerUnavailable
from tests.people_kit import House, at_once, house, refused


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "ledger.db") as made:
        yield made


# -- the first administrator -----------------------------------------------------------------------------------------


def test_first_run(home: House) -> None:
    """The code stands in a file for its owner only, makes one administrator, and is gone."""
    path = home.first_run.prepare()
    assert path is not None
    assert not home.people.is_anybody_here()
    assert 0o600 == path.stat().st_mode & 0o777
    code = path.read_text().strip()
    refused("wrong_code", lambda: home.first_run.complete("x", "root", shown="Root", password="kept"))
    spoken = f" {code[:4].upper()}-{code[4:]} "
    account = home.first_run.complete(spoken, "root", shown="Root", password="kept")

    assert (("administrator",), None) == (account.roles, account.units)
    assert home.people.is_anybody_here()
    assert not path.exists()
    assert home.first_run.prepare() is None
    refused("first_run_over", lambda: home.first_run.complete(code, "two", shown="x", password="x"))


@pytest.mark.parametrize("way", ["added", "provider", "earlier"])
def test_code_ends_with_the_first_account(home: House, way: str) -> None:
    """However the first account came to be, the code is void and its file is gone; what an earlier version left beside
    the ledger is taken away at the next start."""
    path = home.first_run.prepare()
    assert path is not None
    code = path.read_text()
    if way == "provider":
        who = Identity(issuer="https://id", subject="1", wanted_name="an", shown="An", roles=None)
        home.people.welcome(who, address="", agent="")
    else:
        home.people.add("an", shown="An", password="x", roles=["viewer"], units=None, actor="person:x", reason="first")
    if way == "earlier":
        path.write_text(code)
        assert home.first_run.prepare() is None

    assert not path.exists()
    assert home.ledger.engine.read().one("get_meta", "first_run_code") is None


def test_bad_name_does_not_use_up_the_code(home: House) -> None:
    """A first run that is refused for its name leaves the code good."""
    path = home.first_run.prepare()
    assert path is not None
    refused("bad_name", lambda: home.first_run.complete(path.read_text(), "Ông Lớn", shown="x", password="x"))

    assert "root" == home.first_run.complete(path.read_text(), "root", shown="x", password="x").name


@pytest.mark.parametrize("harm", ["lost", "overwritten", "no_text"])
def test_lost_code_is_replaced(home: House, harm: str) -> None:
    """A code that is lost or spoilt is made anew at the next start; the old one is good no more. A good one stays."""
    path = home.first_run.prepare()
    assert path is not None
    old = path.read_text()
    home.first_run.prepare()
    assert old == path.read_text()
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(b"something" if harm == "overwritten" else b"\xff\xfe")
    home.first_run.prepare()

    assert old != path.read_text()
    refused("wrong_code", lambda: home.first_run.complete(old, "root", shown="x", password="x"))


def test_code_cannot_be_written(home: House) -> None:
    """Where the code cannot be written the start says so, and no code is good."""
    home.first_run.path.mkdir()
    with pytest.raises(LedgerUnavailable):
        home.first_run.prepare()

    refused("wrong_code", lambda: home.first_run.complete("", "root", shown="x", password="x"))


def test_used_code_that_cannot_be_deleted(home: House) -> None:
    """A code file that stays because it cannot be deleted opens nothing, and hinders nobody."""
    path = home.first_run.prepare()
    assert path is not None
    code = path.read_text()
    path.unlink()
    path.mkdir()

    assert "root" == home.first_run.complete(code, "root", shown="x", password="x").name


def test_two_first_runs(home: House, tmp_path: Path) -> None:
    """Two processes that take the code at the same time make one administrator; two that start have one code."""
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        starts = at_once(lambda: home.first_run.prepare(), lambda: other.first_run.prepare())
        code = home.first_run.path.read_text()
        results = at_once(
            lambda: home.first_run.complete(code, "one", shown="x", password="x"),
            lambda: other.first_run.complete(code, "two", shown="x", password="x"),
        )

    assert [home.first_run.path] * 2 == starts
    assert ["AccountRefused"] == [type(one).__name__ for one in results if isinstance(one, Exception)]
    assert 1 == len(home.people.accounts())


@pytest.mark.parametrize("point", ["writer.after_begin", "writer.before_commit", "writer.after_commit"])
def test_killed_while_the_code_is_made(tmp_path: Path, point: str) -> None:
    """Killed between the file and the ledger, the next start has a code that is good, and only one."""

    class Killed(Exception):
        pass

    seen: list[str] = []

    def crash(name: str) -> None:
        if name == point and "armed" in seen:
            raise Killed

    with house(tmp_path / "ledger.db", crash_point=crash) as dying:
        seen.append("armed")
        with pytest.raises(Killed):
            dying.first_run.prepare()
        seen.clear()
    with house(tmp_path / "ledger.db") as next_one:
        path = next_one.first_run.prepare()
        assert path is not None

        assert "root" == next_one.first_run.complete(path.read_text(), "root", shown="x", password="x").name
