"""Accounts from the machine itself: made, changed and ended by commands that people type and scripts run."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.doors.console.passwords import Passwords
from bus.audit import Audit
from bus.people import People
from tests.acceptance.desk import Place, place

WHY = ("--reason", "letter 12 of the department", "--as-person", "root")
PHRASE = "cầu tre lắc lẻo"


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capsys) as made:
        yield made


def file_of(here: Place, text: str | bytes) -> str:
    path = here.folder / "password"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def add(here: Place, name: str = "an", *more: str) -> None:
    password = file_of(here, PHRASE + "\n")
    here.ask("users", "add", name, "--role", "administrator", "--every-unit", "--password-file", password, *WHY, *more)


def test_account_from_beginning_to_end(here: Place) -> None:
    """An account is made, listed, granted, given a password, disabled and enabled; the ledger keeps who and why."""
    add(here)
    add(here, "binh", "--shown", "Trần Thị Bình", "--language", "en")
    told = here.ask("users", "grant", "binh", "--role", "viewer", "--unit", "H99.11", "--unit", "H99.12", *WHY)
    assert (["viewer"], ["H99.11", "H99.12"], "en") == (told["roles"], told["units"], told["language"])
    here.ask("users", "passwd", "binh", "--password-file", file_of(here, "một cụm từ khác\r\nsecond line"), *WHY)
    assert here.ask("users", "disable", "binh", *WHY)["disabled_at"] is not None
    assert here.ask("users", "enable", "binh", *WHY)["disabled_at"] is None

    assert ["an", "binh"] == [row["name"] for row in here.ask("users", "list")]
    listed = here.type("users", "list", "--limit", "1")
    assert "administrator" in listed.out
    assert "--after an" in listed.out
    assert "No accounts" in here.type("users", "list", "--after", "z").out
    with here.open() as opened:
        people = People(opened.ledger, Audit(opened.ledger), randomness=opened.ports.randomness)
        assert Passwords().fits(people.account("binh").password, "một cụm từ khác")
        actors = {entry.actor for entry in Audit(opened.ledger).find().entries}
    assert {"person:root"} == actors
    assert 0 == here.type("ledger", "verify").code


def test_sessions(here: Place) -> None:
    """Where an account is signed in is shown, and ended, one or all."""
    add(here)
    assert "Nobody is signed in" in here.type("users", "sessions", "an").out
    with here.open() as opened:
        people = People(opened.ledger, Audit(opened.ledger), randomness=opened.ports.randomness)
        first, second, third = (people.sign_in("an", address="192.0.2.7", agent="a browser") for _ in range(3))
    rows = here.ask("users", "sessions", "an")
    assert [third.id, second.id, first.id] == [row["id"] for row in rows]
    assert {("192.0.2.7", "a browser")} == {(row["peer"], row["agent"]) for row in rows}
    assert first.token not in str(rows)

    assert 1 == here.ask("users", "sign-out", "an", "--session", str(second.id), *WHY)["ended"]
    assert 1 == here.type("users", "sign-out", "an", "--session", str(second.id), *WHY).code
    assert "2 sessions" in here.type("users", "sign-out", "an", *WHY).out
    assert [] == here.ask("users", "sessions", "an")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("users", "add", "an", "--role", "viewer"), 2, "--every-unit"),
        (("users", "add", "an", "--role", "viewer", "--unit", "H99", "--every-unit"), 2, "--every-unit"),
        (("users", "add", "an", "--role", "viewer", "--every-unit"), 2, "--password-file"),
        (("users", "add", "an", "--every-unit"), 2, "--role"),
        (("users", "disable", "an"), 1, "There is no account an."),
        (("users", "sessions", "an"), 1, "There is no account an."),
        (("users", "sessions", "an", "--lang", "vi"), 1, "Không có tài khoản an."),
    ],
)
def test_what_is_missing_is_said(here: Place, words: tuple[str, ...], code: int, said: str) -> None:
    """A command without what it needs says what that is, and changes nothing."""
    answer = here.type(*words, *(WHY if words[1] != "sessions" else ()))

    assert code == answer.code, answer.err
    assert said in answer.err
    assert [] == here.ask("users", "list")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("ngắn quá", "at least 12"),
        ("x" * 201, "at most 200"),
        ("password1234", "first that anybody tries"),
        ("con cò an bay lả", "account's name"),
        (b"\xff\xfe" * 10, "no text"),
    ],
)
def test_bad_password(here: Place, password: str | bytes, said: str) -> None:
    """A password that nobody should have is refused, and not repeated."""
    path = file_of(here, password)
    answer = here.type("users", "add", "an", "--role", "viewer", "--every-unit", "--password-file", path, *WHY)

    assert (2, True) == (answer.code, said in answer.err)
    assert str(password) not in answer.err + answer.out
    assert [] == here.ask("users", "list")


def test_unknown_role_and_last_administrator(here: Place) -> None:
    """The ledger's own rules are told as findings."""
    add(here)
    assert 1 == here.type("users", "grant", "an", "--role", "king", "--every-unit", *WHY).code
    assert 1 == here.type("users", "disable", "an", *WHY).code
    assert 3 == here.type("users", "passwd", "an", "--password-file", str(here.folder / "none"), *WHY).code


def test_asked_at_the_prompt(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the password is asked for twice, without showing it."""
    answers = iter([PHRASE, PHRASE, PHRASE, "something else"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))

    assert 0 == here.type("users", "add", "an", "--role", "viewer", "--every-unit", *WHY).code
    assert 2 == here.type("users", "passwd", "an", *WHY).code
