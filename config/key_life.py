"""How long the certificates of the settings still hold: told on the metrics page, in the log, and beside readiness.

60, 30, 14, 7, 1 days before its end, and at it    a line in the log, once each
from 14 days before its end                        a note in /readyz, which stays 200
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from config.settings import Settings

log = structlog.get_logger("minding")

STEPS: Final = (0, 1, 7, 14, 30, 60)
"""Days before a certificate's end at which somebody should hear of it."""
NOTE_DAYS: Final = 14
ENDS_SOON: Final = "certificate_ends_soon"
ENDED: Final = "certificate_ended"
UNREADABLE: Final = "certificate_unreadable"
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """One file of the settings that has certificates in it."""

    setting: str
    path: Path
    is_of_authorities: bool = False
    """It holds until the last of them ends; anything else until the first: a chain is as long as its shortest link."""
    password_file: str = ""
    """Of a PKCS#12 file."""


def certificate_files(settings: Settings) -> Iterator[CertificateFile]:
    """Every file of a certificate, ours and others', by its setting."""
    yield from _within(settings, "")


def _within(value: object, where: str) -> Iterator[CertificateFile]:
    members = _members(value)
    for name, item in members.items():
        if isinstance(item, str) and item and _has_certificates(name, item, members):
            password = members.get(f"{name.removesuffix('_file')}_password_file", "")
            yield CertificateFile(
                setting=f"{where}{name}",
                path=Path(item),
                is_of_authorities=name == "ca_file" or name.endswith(("roots_file", "authorities_file")),
                password_file=str(password) if name.endswith("pkcs12_file") else "",
            )
        # Tables of further one-stop systems are named as the settings name them: `partners.one_stop-NAME`.
        yield from _within(item, where if name == "one_stops" else f"{where}{name}.")


def _members(value: object) -> dict[str, object]:
    match value:
        case Struct():
            return {name: getattr(value, name) for name in value.__struct_fields__}
        case dict():
            return value
        case tuple():
            return {str(n): item for n, item in enumerate(value)}
        case _:
            return {}


def _has_certificates(name: str, path: str, members: Mapping[str, object]) -> bool:
    if name == "identity_file":
        # Where the certificate has a file of its own, this one is the bare key.
        return members.get("certificate_file") in (None, path)
    return name in ("certificate", "ca_file") or name.endswith(("certificate_file", "roots_file", "pkcs12_file"))


def ends(settings: Settings) -> dict[str, datetime | None]:
    """Setting → the certificate's last moment; None where it cannot be read."""
    return {file.setting: _end_of(file) for file in certificate_files(settings)}


def _end_of(file: CertificateFile) -> datetime | None:
    # Loaded only here: a worker's first delivery does not wait for it.
    from signing.errors import KeyTrouble

    try:
        told = file.path.stat()
        return _read_end(file, told.st_mtime_ns, told.st_size)
    except (OSError, KeyTrouble):
        return None


@lru_cache(maxsize=1_000)
def _read_end(file: CertificateFile, changed_ns: int, size: int) -> datetime:
    """Once for each state of the file: a PKCS#12 file is slow to open on purpose, and metrics ask every few seconds."""
    from signing.keys import certificates_in, from_pkcs12

    if file.setting.endswith("pkcs12_file"):
        word = Path(file.password_file).read_bytes().strip() if file.password_file else None
        return from_pkcs12(file.path, name=file.setting, password=word, is_demo=True).not_after
    found = [each.not_valid_after_utc for each in certificates_in(file.path)]
    return max(found) if file.is_of_authorities else min(found)


def seconds_left(settings: Settings, now: datetime) -> dict[str, float]:
    """Setting → seconds until its certificate ends; negative past it, 0 for one that cannot be read."""
    return {name: (end - now).total_seconds() if end else 0.0 for name, end in ends(settings).items()}


def notes(settings: Settings, now: datetime) -> list[str]:
    """Codes for whoever asks whether all is well: what will soon keep us from signing, or does already."""
    left = ends(settings).values()
    found = {_code(end, now) for end in left if end is None or end - now <= NOTE_DAYS * DAY}
    return sorted(found)


def _code(end: datetime | None, now: datetime) -> str:
    if end is None:
        return UNREADABLE
    return ENDED if end <= now else ENDS_SOON


class KeyAlarm:
    """Says once for each step how long a certificate still holds; a new one in its place starts anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._told: dict[str, tuple[datetime, int]] = {}

    def look(self, now: datetime) -> None:
        """One round."""
        for name, end in ends(self._settings).items():
            if end is not None:
                self._tell(name, end, now)

    def _tell(self, name: str, end: datetime, now: datetime) -> None:
        step = next((step for step in STEPS if end - now <= step * DAY), None)
        if step is None or self._told.get(name) == (end, step):
            return
        self._told[name] = (end, step)
        if step == 0:
            log.error("certificate_ended", setting=name, ended_at=end.isoformat())
        else:
            log.warning("certificate_ends_soon", setting=name, days=(end - now) // DAY)
