"""What the console may know of keys and certificates: plain facts, never a file's place and never a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from adapters.doors.console.keys_view import KeyFact
from config.checks import keys_of
from config.key_life import ends
from config.wiring import Installation

USES: Final = (
    ("master_key_file", "master"),
    ("retired_signing_key_files", "retired"),
    ("ca_file", "authority"),
    ("roots_file", "authority"),
    ("password_file", "password"),
    ("pin_file", "password"),
    ("public_key_file", "theirs"),
    ("certificate_file", "certificate"),
    ("pkcs12_file", "certificate"),
    ("identity_file", "certificate"),
    ("certificate", "certificate"),
    ("key_file", "signing"),
    ("secret_file", "secret"),
)
"""By how a setting's name ends; the first that fits."""


def key_facts(installation: Installation) -> Callable[[], tuple[KeyFact, ...]]:
    """What the page asks for; read anew each time, for keys are put in place while we run."""
    return lambda: tuple(_facts(installation))


def _facts(installation: Installation) -> list[KeyFact]:
    settings = installation.settings
    until = ends(settings)
    rows = {row["name"]: row for row in keys_of(settings)}
    found = []
    for setting in sorted(rows.keys() | until.keys()):
        row = rows.get(setting, {})
        found.append(
            KeyFact(
                setting=setting,
                use=use_of(setting, has_end=setting in until),
                ends_at=until.get(setting),
                key_id=_name(row.get("key_id")),
                who=settings.keys.who(setting),
                trouble=_trouble(row, is_unreadable=setting in until and until[setting] is None),
            )
        )
    if installation.doubts:
        now = installation.ports.clock.now()
        is_stale = any(doubt(now) for doubt in installation.doubts)
        found.append(KeyFact(setting="revocation", use="revocation", ends_at=None, is_stale=is_stale))
    return found


def use_of(setting: str, *, has_end: bool = False) -> str:
    """What a key is for, by its setting's name; `has_end`: there is a certificate in its file."""
    if setting == "ledger.signing_key_file":
        return "receipts"
    use = next((use for ending, use in USES if setting.endswith(ending)), "secret")
    return "signing" if use == "certificate" and not has_end else use


def _name(key_id: object) -> str:
    """A key's public name; what a secret prints as is none."""
    text = "" if key_id is None else str(key_id)
    return "" if "***" in text else text[:100]


def _trouble(row: Mapping[str, object], *, is_unreadable: bool) -> str:
    """A word for what is wrong: what the reader said in full may name folders, and stands in `lienthong check`."""
    said = str(row.get("trouble", ""))
    if "others may read" in said:
        return "exposed"
    # One that was read and is outside its days says so by its days.
    return "unreadable" if is_unreadable or (said and row.get("key_id") is None) else ""
