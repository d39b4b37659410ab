"""What `check` says of settings that can be read and not used: every finding once, by its setting, with its cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI

from bus.ports import FileStorage, SystemClock
from config import checks
from config.doors import make_app
from config.new_installation import make, prepare_ledger
from config.settings import Settings
from config.settings_file import SettingsRefused, load
from config.signing_key import InstallationKey
from config.watching import make_metrics
from config.wiring import build
from tests.one_stop_kit import shared_pki

SOAP = """
[callers.wards]
certificate = "wards.pem"
sources = ["wards/h99"]
[soap]
identity_file = "soap.key"
certificate_file = "soap.pem"
"""
DOOR = """
[portal_door]
enabled = true
unit = "{unit}"
networks = ["127.0.0.0/8"]
files_url = "https://10.0.0.7"
"""
TAKER = """
[partners.one_stop-{name}]
protocol = "rest"
url = "https://{name}.h99.example.invalid"
keyid = "lienthong"
secret_file = "one-stop.secret"
their_keyid = "{name}"
their_secret_file = "one-stop.secret"
takes_filed = true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation with its ledger, and a certificate for the SOAP door."""
    make(tmp_path, for_mocks="http://127.0.0.1:1")
    prepare_ledger(load(tmp_path / "lienthong.toml", {}).settings, FileStorage(), SystemClock(), actor="person:test")
    leaf = shared_pki().caller
    (tmp_path / "soap.key").write_bytes(leaf.key_pem)
    (tmp_path / "soap.key").chmod(0o600)
    for name in ("soap.pem", "wards.pem"):
        (tmp_path / name).write_bytes(leaf.certificate_pem)
    return tmp_path


def settings(folder: Path, *more: str) -> Settings:
    """The installation's settings with these tables."""
    file = folder / "lienthong.toml"
    file.write_text(file.read_text() + "".join(more))
    return load(file, {}).settings


def findings(told: Settings) -> dict[str, str]:
    return {answer.what: answer.detail for answer in checks.offline(told) if not answer.is_well}


@pytest.mark.parametrize(
    ("gone", "what", "detail"),
    [
        ("soap.key", "soap.identity_file", "soap.key: No such file or directory; `lienthong keys generate identity`"),
        ("soap.pem", "soap.identity_file", "soap.certificate_file: soap.pem: No such file or directory; put the cert"),
        ("wards.pem", "callers.wards.certificate", "(No such file or directory); put there, PEM, what the caller"),
        ("signing.key", "ledger.signing_key_file", "make one with `lienthong init`"),
    ],
)
def test_file_that_cannot_be_read(folder: Path, gone: str, what: str, detail: str) -> None:
    """A file that is gone is told under its setting, which is named once, with what belongs there."""
    told = settings(folder, SOAP)
    assert {} == findings(told)
    (folder / gone).unlink()

    found = findings(told)[what]
    assert detail in found
    assert f"{what}: " not in found


def test_two_takers_are_one_finding_among_others(folder: Path) -> None:
    """Two tables that want the same: both are named with the key, and the other questions are answered as well."""
    told = settings(folder, *(TAKER.format(name=name) for name in "ab"))
    answers = {answer.what: answer for answer in checks.offline(told)}

    assert answers["follow_ups"].detail.startswith("partners.one_stop-b.takes_filed: [partners.one_stop-a] takes filed")
    assert answers["ledger"].is_well
    with pytest.raises(SettingsRefused, match=r"one_stop-b\.takes_filed"):
        build(told)


@pytest.mark.parametrize(("unit", "is_known"), [("000.00.04.H99", True), ("000.00.00.G01", True), ("zzz", False)])
def test_unit_of_filed_dossiers(folder: Path, unit: str, is_known: bool) -> None:
    """The unit that is given what is filed has a row among the units or organisations, or the door does not open."""
    told = settings(folder, DOOR.format(unit=unit), TAKER.format(name="a"))
    found = findings(told)
    assert is_known is ("portal_door.unit" not in found)

    installation = build(told)
    try:
        key = InstallationKey.from_file(told.ledger.signing_key_file)
        if is_known:
            assert isinstance(make_app(installation, key, make_metrics(installation)), FastAPI)
        else:
            assert "zzz has no row in units.csv or organisations.csv" in found["portal_door.unit"]
            with pytest.raises(SettingsRefused, match="zzz has no row"):
                make_app(installation, key, make_metrics(installation))
    finally:
        installation.close()
