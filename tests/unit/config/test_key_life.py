"""How long certificates hold: said in time, once for each step, and seen where it is looked for (S11)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from msgspec import Struct
from structlog.testing import capture_logs

from config.key_life import KeyAlarm, certificate_files, ends, notes, seconds_left
from tests.message_pki import DAY, NOW, made, pem_of


class _Partner(Struct):
    identity_file: str = ""
    password_file: str = "never-read"


class _Caller(Struct):
    certificate: str = ""
    also: tuple[object, ...] = ()


class _Settings(Struct):
    partners: _Partner
    callers: dict[str, _Caller]
    rate: float = 1.0


@pytest.fixture(autouse=True)
def plain_log():
    """The log as it is before anybody configures it."""
    structlog.reset_defaults()


def settings_with(folder: Path, *, ours: float = 335, theirs: float = 335) -> _Settings:
    """One certificate of ours with its key, one of a caller's, and the caller's next."""
    mine, other = made("mine", days=(-30, ours)), made("theirs", days=(-30, theirs))
    (folder / "mine.pem").write_bytes(mine.pem + pem_of(mine.key))
    (folder / "theirs.pem").write_bytes(other.pem)
    caller = _Caller(certificate=str(folder / "theirs.pem"), also=(_Caller(certificate=str(folder / "next.pem")),))
    return _Settings(partners=_Partner(identity_file=str(folder / "mine.pem")), callers={"one-stop": caller})


def test_every_certificate_is_found(tmp_path):
    """Ours and the callers', those that are next too, and no other file."""
    found = dict(certificate_files(settings_with(tmp_path)))

    assert ["partners.identity_file", "callers.one-stop.certificate", "callers.one-stop.also.0.certificate"] == list(
        found
    )


def test_seconds_left(tmp_path):
    """The metric counts down, goes below nothing past the end, and shows nothing left where nothing can be read."""
    settings = settings_with(tmp_path, ours=10, theirs=-1)

    assert {
        "partners.identity_file": 10 * 86_400.0,
        "callers.one-stop.certificate": -86_400.0,
        "callers.one-stop.also.0.certificate": 0.0,
    } == seconds_left(settings, NOW)
    assert ends(settings)["callers.one-stop.also.0.certificate"] is None


@pytest.mark.parametrize(("days", "said"), [(15, []), (14, ["certificate_ends_soon"]), (0, ["certificate_ended"])])
def test_notes(tmp_path, days, said):
    """From fourteen days before its end a certificate is a note beside readiness; past it another."""
    settings = settings_with(tmp_path, ours=days)
    settings.callers.clear()

    assert said == notes(settings, NOW)
    (tmp_path / "mine.pem").write_text("no certificate")
    assert ["certificate_unreadable"] == notes(settings, NOW)


def test_alarm_at_each_step_once(tmp_path):
    """Over a hundred simulated days, an hour at a time: 60, 30, 14, 7, 1 and 0 days before the end, each once."""
    settings = settings_with(tmp_path, ours=90)
    settings.callers.clear()
    alarm = KeyAlarm(settings)

    with capture_logs() as logged:
        for hour in range(0, 100 * 24, 6):
            alarm.look(NOW + timedelta(hours=hour))

    assert [60, 30, 14, 7, 1] == [line["days"] for line in logged if line["event"] == "certificate_ends_soon"]
    assert "certificate_ended" == logged[-1]["event"]
    assert 6 == len(logged)


def test_renewed_certificate_starts_anew(tmp_path):
    """A successor in the file's place ends the alarm; its own end is told in its time."""
    settings = settings_with(tmp_path, ours=7)
    settings.callers.clear()
    alarm = KeyAlarm(settings)
    with capture_logs() as logged:
        alarm.look(NOW)
        (tmp_path / "mine.pem").write_bytes(made("mine", days=(-1, 400)).pem)
        alarm.look(NOW)
        alarm.look(NOW + 393 * DAY)

    assert [("certificate_ends_soon", 7)] * 2 == [(line["event"], line["days"]) for line in logged]
