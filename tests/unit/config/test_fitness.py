"""What a process needs besides its ledger: the right time, and its keys' files."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.fitness import SEEN_FOR_S, KeyGone, WatchedIdentity, own_keys, troubles
from config.settings import Settings
from tests.house.tree import ROOT

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class At:
    """A clock that stands, or is none."""

    def __init__(self, now: datetime | None) -> None:
        self._now = now

    def now(self) -> datetime:
        if self._now is None:
            raise OSError("no clock")
        return self._now

    def sleep(self, seconds: float) -> None:
        """Nobody sleeps here."""


def settings_with(folder: Path) -> Settings:
    told: dict[str, Any] = {
        "ledger": {"signing_key_file": str(folder / "receipts.key")},
        "soap": {"identity_file": str(folder / "soap.key"), "certificate_file": str(folder / "soap.pem")},
        "partners": {
            "national_portal": {
                "madonvi": "000.00.00.H99",
                "adapter_url": "https://a.example.invalid",
                "identity_file": str(folder / "portal.pem"),
                "ca_file": str(folder / "ca.pem"),
            }
        },
    }
    return msgspec.convert(told, Settings, strict=True)


def test_our_private_keys(tmp_path):
    """Those that we sign or show ourselves with; not that of receipts, and nobody else's."""
    found = {setting for setting, _ in own_keys(settings_with(tmp_path))}

    assert {"soap.identity_file", "partners.national_portal.identity_file"} == found


@pytest.mark.parametrize(
    ("files", "now", "expected"),
    [
        (("soap.key", "portal.pem"), NOW, []),
        (("soap.key",), NOW, ["key_gone"]),
        ((), datetime(1970, 1, 2, tzinfo=UTC), ["clock_before_this_version", "key_gone"]),
        (("soap.key", "portal.pem"), None, []),
    ],
)
def test_troubles(tmp_path, files, now, expected):
    """A key's file that is gone, and a clock that has lost its time; no clock at all is told by whoever needs it."""
    for name in files:
        (tmp_path / name).write_text("key")

    assert expected == troubles(settings_with(tmp_path), At(now))


def test_stale_revocation(tmp_path):
    """A partner whose word on revocation has run out is a reason; without a clock nobody can say."""
    (tmp_path / "soap.key").write_text("key")
    (tmp_path / "portal.pem").write_text("key")
    asked = []

    def is_stale(now):
        asked.append(now)
        return True

    assert ["revocation_stale"] == troubles(settings_with(tmp_path), At(NOW), [lambda now: False, is_stale])
    assert [] == troubles(settings_with(tmp_path), At(None), [is_stale])
    assert [NOW] == asked


class _Identity:
    certificate_der = b"der"
    algorithms = ("rsa",)

    def sign(self, message: bytes, algorithm: str) -> bytes:
        return message + algorithm.encode()


def test_watched_identity(tmp_path):
    """It signs while its file is there, looks at most once a second, and goes on when the file is back."""
    file, now = tmp_path / "soap.key", [0.0]
    file.write_text("key")
    watched = WatchedIdentity(_Identity(), file, tick=lambda: now[0])
    file.unlink()

    assert (b"der", ("rsa",)) == (watched.certificate_der, watched.algorithms)
    assert b"mrsa" == watched.sign(b"m", "rsa")
    now[0] = SEEN_FOR_S
    with pytest.raises(KeyGone, match=r"soap\.key is gone"):
        watched.sign(b"m", "rsa")
    file.write_text("key")
    watched.require()


def test_every_reason_is_documented():
    """Whatever /readyz may say stands in the reference of HTTP."""
    page = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    files = ("adapters/doors/health.py", "bus/pulse.py", "config/fitness.py", "config/key_life.py")
    source = "".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    said = re.findall(
        r'"((?:ledger_not|schema|clock|no_clock|cannot|key_gone|revocation|disk|certificate)_?[a-z_]*)"', source
    )
    codes = {each for each in said if each not in ("certificate", "certificate_file")}

    assert {"no_clock", "key_gone", "schema_behind", "certificate_ended"} <= codes
    assert [] == sorted(code for code in codes if f"`{code}`" not in page)
