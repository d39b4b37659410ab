"""What `check` says of time: a calendar that ends or contradicts itself, and ways to people that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus.ports import FileStorage, SystemClock
from config import checks
from config.new_installation import make, prepare_ledger
from config.office_calendar import TABLE, FreshCalendar, shipped_text
from config.settings import Settings
from config.settings_file import SettingsRefused, load
from config.wiring import build, real_ports
from tests.world import SimClock

HEAD = "date,weekday,kind,name_vi,name_en,swapped_with,source_kind,note\n"


@pytest.fixture
def told(tmp_path: Path) -> Settings:
    """A fresh installation's."""
    make(tmp_path, for_mocks="http://127.0.0.1:1")
    settings = load(tmp_path / "lienthong.toml", {}).settings
    prepare_ledger(settings, FileStorage(), SystemClock(), actor="person:test")
    return settings


def put_calendar(told: Settings, text: str) -> None:
    installation = build(told)
    try:
        installation.repairs.import_tables([(TABLE, text)], actor="person:test", reason="thử")
    finally:
        installation.close()


def finding(told: Settings, what: str = "tables.calendar") -> str:
    return next(answer.detail for answer in checks.offline(told) if answer.what == what)


def calendar_at(told: Settings, now: datetime) -> str:
    installation = build(told, replace(real_ports(), clock=SimClock(now)))
    try:
        return checks._calendar(installation)
    finally:
        installation.close()


@pytest.mark.parametrize(("day", "is_told"), [((2027, 10, 30), False), ((2027, 11, 2), True), ((2028, 3, 1), True)])
def test_calendar_that_ends(told: Settings, day: tuple[int, int, int], is_told: bool) -> None:
    """From 60 days before the shipped calendar ends, and after it, `check` names the end and what to do."""
    said = calendar_at(told, datetime(*day, 3, tzinfo=UTC))

    assert is_told == ("it ends on 2027-12-31: put the next year's days" in said)


def test_calendar_that_contradicts_itself(told: Settings) -> None:
    """A table that contradicts itself is named by its line; the console counts nothing by it."""
    put_calendar(told, f"{HEAD}2026-07-03,Mon,holiday,a,b,,province,\n")

    assert "line 2: 2026-07-03 is a Fri, not a Mon" == finding(told)
    installation = build(told)
    fresh = FreshCalendar(installation.reads, told)
    assert fresh.now() is None
    installation.repairs.import_tables([(TABLE, shipped_text())], actor="person:test", reason="đúng")
    assert fresh.now() is fresh.now() is not None
    installation.close()


def test_calendar_without_a_row(told: Settings) -> None:
    """A table without any row knows no year."""
    put_calendar(told, HEAD)

    assert "it ends on None" in finding(told)


def test_way_to_people_that_cannot_be_used(told: Settings, tmp_path: Path) -> None:
    """A way to people that the start would refuse is found beforehand, by its setting."""
    file = tmp_path / "lienthong.toml"
    way = '\n[notices.email]\nhost = "mail.h99.example.invalid"\nsender = "a@h99.example.invalid"\n'
    way += 'to = ["b@h99.example.invalid"]\nusername = "u"\npassword_file = "mail.password"\n'
    file.write_text(file.read_text() + way)

    assert "notices.email.password_file" in finding(load(file, {}).settings, "notices")
    assert "notices.email.password_file" in {row["name"] for row in checks.keys_of(load(file, {}).settings)}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('[notices.email]\nhost = "m"\nsender = "a@b"\nto = ["c@d"]\nusername = "u"\n', "belong together"),
        (
            '[notices.email]\nhost = "m"\nsender = "a@b"\nto = ["c@d"]\n'
            'username = "u"\npassword_file = "p"\ntls = false\n',
            "not sent in the clear",
        ),
        ('[notices.email]\nhost = "m"\nsender = "a@b"\nto = []\n', "length"),
        ('[notices.email]\nhost = "m"\nsender = "a b"\nto = ["c@d"]\n', "sender"),
        ('[notices.webhook]\nurl = "ftp://x"\nsecret_file = "s"\n', "whole http"),
        ("[notices]\nlanguages = []\n", "languages"),
        ('[calendar]\noffice_hours = ["17:00-08:00"]\n', "office hours"),
    ],
)  # fmt: skip
def test_settings_of_time(tmp_path: Path, told: str, said: str) -> None:
    """What cannot be meant stops the start, with its key and its cure."""
    file = tmp_path / "lienthong.toml"
    file.write_text(told)
    file.chmod(0o600)

    with pytest.raises(SettingsRefused, match=said):
        load(file, {})


def test_who_is_responsible(tmp_path: Path) -> None:
    """A key has its own keeper, or the one of all keys."""
    file = tmp_path / "lienthong.toml"
    file.write_text(
        '[keys]\nresponsible = "Tổ CNTT"\nkeepers = [{setting = "soap.certificate_file", who = "Văn thư"}]\n'
    )
    file.chmod(0o600)
    keys = load(file, {}).settings.keys

    assert ("Văn thư", "Tổ CNTT") == (keys.who("soap.certificate_file"), keys.who("ledger.signing_key_file"))
