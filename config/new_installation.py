"""A new installation: settings, keys and an empty ledger, in one folder, readable by their owner only."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from bus import upkeep
from bus.ports import Clock, Storage, SystemRandomness
from bus.seal import MasterKey
from bus.upkeep import Migrated
from config.partner_tables import import_shipped
from config.settings import Settings
from config.signing_key import generate, write_new
from config.wiring import build

SETTINGS: Final = "lienthong.toml"
MASTER: Final = "master.key"
SIGNING: Final = "signing.key"
CALLER_SECRET: Final = "one-stop.secret"  # noqa: S105  # the name of a file
PASSWORD: Final = "national-portal.password"  # noqa: S105  # the name of a file
MOCK_PASSWORD: Final = "mock-password"  # noqa: S105  # what the mock expects; everybody knows it

HEAD: Final = """\
# Liên Thông: what this installation is. config/example.toml shows every other setting with its default.
# Only its owner may read this file and the files it names (mode 0600).

[ledger]
url = "sqlite:///ledger.db"
master_key_file = "{master}"        # opens every body in the ledger: keep a copy, apart from the backups
signing_key_file = "{signing}"     # signs receipts and checkpoints

[web]
host = "127.0.0.1"
port = 8400

# The system that hands events in signs with this secret (RFC 9421, hmac-sha256), under the name of this table.
[callers.one-stop]
secret_file = "{caller}"
sources = ["one-stop/h99"]
order = "arrival"                     # or "sequence": numbered from 1 for each dossier, without gaps
"""
REAL: Final = """
[partners.national_portal]
mode = "shadow"                       # look first, send nothing; "live" when `lienthong check --online` is well
adapter_url = "https://adapter.example.invalid"
madonvi = "000.00.00.H99"
username = "000.00.00.H99"
password_file = "{password}"
"""
MOCKED: Final = """
# The mocks of `lienthong mocks`: invented, and on this machine.
[partners.national_portal]
mode = "live"
adapter_url = "{url}/national_portal"
allow_http = true
private_networks = ["127.0.0.0/8", "::1/128"]
madonvi = "000.00.00.H99"
username = "000.00.00.H99"
password_file = "{password}"
{more}"""


class AlreadyThere(Exception):
    """A file of this name exists; nothing was written."""


def make(folder: Path, *, for_mocks: str | None = None) -> list[Path]:
    """Write settings and keys; the files made. Raises AlreadyThere before anything is written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in (SETTINGS, MASTER, SIGNING, CALLER_SECRET, PASSWORD)]
    for path in paths:
        if path.exists():
            raise AlreadyThere(str(path))
    MasterKey.generate(SystemRandomness()).save(folder / MASTER)
    generate(folder / SIGNING)
    write_new(folder / CALLER_SECRET, secrets.token_urlsafe(32).encode() + b"\n")
    write_new(folder / PASSWORD, (MOCK_PASSWORD if for_mocks else "").encode())
    write_new(folder / SETTINGS, settings_text(for_mocks).encode())
    return paths


def settings_text(for_mocks: str | None, *, more: str = "") -> str:
    """A settings file with what must be decided; everything else is at its default."""
    names = {"master": MASTER, "signing": SIGNING, "caller": CALLER_SECRET, "password": PASSWORD}
    partner = MOCKED.format(url=for_mocks.rstrip("/"), more=more, **names) if for_mocks else REAL.format(**names)
    return HEAD.format(**names) + partner


def prepare_ledger(settings: Settings, storage: Storage, clock: Clock, *, actor: str) -> tuple[Migrated, list[str]]:
    """Migrate, and import the shipped tables where the ledger has none: what was done, and the tables' names."""
    path = settings.ledger.path
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    migrated = upkeep.migrate(path, storage, clock)
    if is_new:
        path.chmod(0o600)
    installation = build(settings)
    try:
        return migrated, import_shipped(installation.reads, installation.repairs, actor=actor)
    finally:
        installation.close()
