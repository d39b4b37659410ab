"""The installation's own key: it signs receipts for callers, and checkpoints over the ledger."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from bus.errors import LedgerUnavailable
from config.settings import LedgerSettings
from config.settings_file import SettingsRefused, read_private

KEY: Final = "ledger.signing_key_file"
SEEN_FOR_S: Final = 1.0
"""How long a key is used without a look at its file: a receipt costs less than asking the disk each time would."""
RETIRED: Final = ".retired-"


class SigningKeyGone(LedgerUnavailable):
    """The signing key was taken away; nobody gets a receipt until there is another."""

    # To callers and minders it is as if the ledger were away: 503 with Retry-After, and another try. What was recorded
    # meanwhile gets its receipt when it is sent again.


class InstallationKey:
    """An Ed25519 key under a short name made from its public half. Prints as that name only."""

    def __init__(self, private: Ed25519PrivateKey, file: Path | None = None) -> None:
        self._private = private
        self._file = file
        self._seen_at = 0.0
        self._public = private.public_key()
        raw = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id: Final = hashlib.sha256(raw).hexdigest()[:16]

    @classmethod
    def from_file(cls, path: str | Path) -> InstallationKey:
        """The key in a file that only its owner may read. Raises SettingsRefused."""
        try:
            private = load_pem_private_key(read_private(path, KEY, "make one with `lienthong init`"), password=None)
        except ValueError:
            raise SettingsRefused(KEY, f"{path} is not a private key in PEM; `lienthong init` makes one") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise SettingsRefused(KEY, f"{path} is not an Ed25519 key; `lienthong keys generate signing` makes one")
        return cls(private, Path(path))

    def sign(self, data: bytes) -> bytes:
        """64 bytes. Raises SigningKeyGone."""
        self._see()
        return self._private.sign(data)

    def _see(self) -> None:
        """A key whose file was taken away (`keys revoke`) signs no more, a second later and in every process."""
        now = time.monotonic()
        if self._file is None or now - self._seen_at < SEEN_FOR_S:
            return
        if not self._file.exists():
            raise SigningKeyGone(f"{self._file.name} is gone: this key signs no more")
        self._seen_at = now

    def is_signed(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def public_pem(self) -> str:
        """What a third party needs to check receipts and checkpoints."""
        return self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def __repr__(self) -> str:
        return f"InstallationKey({self.key_id})"


def retired_keys(settings: LedgerSettings) -> tuple[InstallationKey, ...]:
    """The keys that signed before: those of the settings, and those that `keys rotate` left. Raises SettingsRefused."""
    return tuple(InstallationKey.from_file(path) for path in retired_files(settings))


def retired_files(settings: LedgerSettings) -> list[str]:
    """Where they are."""
    present = Path(settings.signing_key_file)
    left = sorted(str(each) for each in present.parent.glob(f"{present.name}{RETIRED}*"))
    return list(dict.fromkeys([*settings.retired_signing_key_files, *left]))


def is_signed_here(settings: LedgerSettings) -> Callable[[bytes, bytes], bool]:
    """Whether one of the installation's keys, of now or before, made a signature. Raises SettingsRefused."""
    keys = (InstallationKey.from_file(settings.signing_key_file), *retired_keys(settings))
    return lambda data, signature: any(key.is_signed(data, signature) for key in keys)


def generate(path: str | Path) -> InstallationKey:
    """A new key in a new file of mode 0600; an existing file is never replaced (FileExistsError)."""
    private = Ed25519PrivateKey.generate()
    write_new(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return InstallationKey(private)


def write_new(path: str | Path, content: bytes) -> None:
    """A new file that only its owner may read; an existing one is never replaced (FileExistsError)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
