"""The keys of callers: what their signatures are checked with at the door, and what `submit --to` signs with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.settings import CallerKeySettings, CallerSettings, Settings
from config.settings_file import SettingsRefused, read_private, secret
from signing.asymmetric import PublicKey, SigningKey, certificate_key, public_key, signing_key
from signing.errors import KeyTrouble
from signing.http import MIN_SECRET, Key

ASK_CALLER: Final = "put there, PEM, what the caller hands out: its public key or certificate"
NO_DEMO: Final = "holds the key of the demo, which everybody has; ask the caller for its own"


def keys_of_callers(settings: Settings, *, is_demo: bool = False) -> dict[str, tuple[Key, ...]]:
    """Caller → every key that is good for it. Raises SettingsRefused."""
    return {
        name: tuple(read_key(told, where, is_demo=is_demo) for where, told in every_key(name, caller))
        for name, caller in settings.callers.items()
    }


def every_key(name: str, caller: CallerSettings) -> Iterator[tuple[str, CallerKeySettings]]:
    """The caller's own key and those beside it, each with the setting that names its file; none of its own where an
    authority vouches for it.
    """
    if caller.file:
        yield f"callers.{name}.{caller.setting}", caller
    for at, told in enumerate(caller.also):
        yield f"callers.{name}.also[{at}].{told.setting}", told


def read_key(told: CallerKeySettings, where: str, *, is_demo: bool = False) -> Key:
    """The secret or public key of one of these settings; an expired certificate too. Raises SettingsRefused."""
    if told.secret_file:
        return _secret(told.secret_file, where, is_demo=is_demo)
    try:
        pem = Path(told.file).read_bytes()
        key = certificate_key(pem) if told.certificate else public_key(pem)
    except OSError as trouble:
        raise SettingsRefused(where, f"{told.file} cannot be read ({trouble.strerror}); {ASK_CALLER}") from None
    except KeyTrouble as trouble:
        raise SettingsRefused(where, f"{told.file}: {trouble}; {ASK_CALLER}") from None
    if key.is_of_the_demo and not is_demo:
        raise SettingsRefused(where, f"{told.file} {NO_DEMO}")
    return key


def _secret(path: str, setting: str, *, is_demo: bool) -> bytes:
    found = secret(path, setting, is_demo=is_demo).reveal()
    if len(found) < MIN_SECRET:
        raise SettingsRefused(setting, f"the secret has {len(found)} bytes; use {MIN_SECRET} or more")
    return found


def shown(key: Key) -> str:
    """A name for it that may be read out: of a public key its fingerprint, of a secret nothing."""
    return key.fingerprint[:16] if isinstance(key, PublicKey) else "***"


def to_sign(settings: Settings, caller: str) -> bytes:
    """The secret that a caller of these settings shares with the door. Raises SettingsRefused, KeyError."""
    told = settings.callers[caller]
    if not told.secret_file:
        raise SettingsRefused(f"callers.{caller}", "only its public key stands here; give its own with --key-file")
    return _secret(told.secret_file, f"callers.{caller}.secret_file", is_demo=True)


def own_key(path: Path) -> SigningKey:
    """The private key in a PEM file that nobody else may read. Raises SettingsRefused."""
    pem = read_private(path, "--key-file", "put the private key there, PEM, mode 600")
    try:
        return signing_key(pem)
    except KeyTrouble as trouble:
        raise SettingsRefused("--key-file", f"{path}: {trouble}") from None
