"""Our own signing identities, by setting: what cannot be used is named with what to do about it."""

from __future__ import annotations

from pathlib import Path

from config.settings_file import SettingsRefused
from signing.errors import KeyTooWeak, KeyTrouble, KeyUnreadable
from signing.keys import X509Identity, certificates_in, from_pem


def pem_identity(
    key_file: Path, certificate_file: Path, settings: tuple[str, str], *, name: str, is_demo: bool = False
) -> X509Identity:
    """A key and its certificate from files of their own; `settings` name the two. Raises SettingsRefused."""
    key, certificate = settings
    try:
        certificates_in(certificate_file)
    except KeyTrouble as trouble:
        cure = "put the certificate there, PEM, that the authority made for our key"
        raise SettingsRefused(certificate, f"{trouble}; {cure}") from None
    try:
        return from_pem(key_file, certificate_file, name=name, is_demo=is_demo)
    except KeyTrouble as trouble:
        raise SettingsRefused(key, with_cure(trouble)) from None


def with_cure(trouble: KeyTrouble) -> str:
    """What is wrong with a key of ours, and where another comes from; the other troubles say what to do themselves."""
    cure = "`lienthong keys generate identity` makes one, with a request for its certificate"
    return f"{trouble}; {cure}" if isinstance(trouble, KeyUnreadable | KeyTooWeak) else str(trouble)
