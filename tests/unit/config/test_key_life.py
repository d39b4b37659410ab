"""How long certificates hold: said in time, once for each step, and seen where it is looked for (S11)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
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
    found = [each.setting for each in certificate_files(settings_with(tmp_path))]

    assert ["partners.identity_file", "callers.one-stop.certificate", "callers.one-stop.also.0.certificate"] == found


class _Soap(Struct):
    identity_file: str = ""
    certificate_file: str = ""


class _Told(Struct):
    soap: _Soap | None = None
    ca_file: str = ""
    trust_roots_file: str = ""
    signing_pkcs12_file: str = ""
    signing_pkcs12_password_file: str = ""


def test_key_beside_its_certificate(tmp_path):
    """A bare key has no end; its certificate has, and in one file with it the key's setting tells it too."""
    mine = made("mine", days=(-30, 10))
    (tmp_path / "mine.pem").write_bytes(mine.pem + pem_of(mine.key))
    apart = _Soap(identity_file=str(tmp_path / "mine.key"), certificate_file=str(tmp_path / "mine.pem"))
    together = _Soap(identity_file=str(tmp_path / "mine.pem"), certificate_file=str(tmp_path / "mine.pem"))

    assert {"soap.certificate_file": NOW + 10 * DAY} == ends(_Told(soap=apart))
    assert {"soap.identity_file", "soap.certificate_file"} == ends(_Told(soap=together)).keys()


def test_chain_and_authorities(tmp_path):
    """A chain ends with its first certificate that does; a file of authorities with its last."""
    (tmp_path / "both.pem").write_bytes(made("a", days=(-30, 5)).pem + made("b", days=(-30, 50)).pem)
    file = str(tmp_path / "both.pem")

    assert {
        "soap.certificate_file": NOW + 5 * DAY,
        "ca_file": NOW + 50 * DAY,
        "trust_roots_file": NOW + 50 * DAY,
    } == ends(_Told(soap=_Soap(certificate_file=file), ca_file=file, trust_roots_file=file))


def test_pkcs12(tmp_path):
    """A container is opened with its password; with another one it counts as unreadable."""
    mine = made("mine", days=(-30, 10))
    sealed = BestAvailableEncryption(b"word")
    (tmp_path / "mine.p12").write_bytes(serialize_key_and_certificates(b"m", mine.key, mine.certificate, None, sealed))
    (tmp_path / "mine.p12").chmod(0o600)
    for word, end in (("word\n", NOW + 10 * DAY), ("other", None)):
        (tmp_path / "word").write_text(word)
        (tmp_path / "mine.p12").touch()
        told = _Told(
            signing_pkcs12_file=str(tmp_path / "mine.p12"), signing_pkcs12_password_file=str(tmp_path / "word")
        )
        assert {"signing_pkcs12_file": end} == ends(told)


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
