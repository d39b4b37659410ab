"""How long the certificates of the settings still hold: told on the metrics page, in the log, and beside readiness.

60, 30, 14, 7, 1 days before its end, and at it    a line in the log, once each
from 14 days before its end                        a note in /readyz, which stays 200
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
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


def certificate_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Every file of a certificate, ours and others', by its setting."""
    yield from _within(settings, "")


def _within(value: object, where: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Struct):
        members = {name: getattr(value, name) for name in value.__struct_fields__}
    elif isinstance(value, dict):
        members = value
    elif isinstance(value, tuple):
        members = {str(n): item for n, item in enumerate(value)}
    else:
        return
    for name, item in members.items():
        if isinstance(item, str) and item and (name in ("identity_file", "certificate") or _ends_so(name)):
            yield f"{where}{name}", Path(item)
        yield from _within(item, f"{where}{name}.")


def _ends_so(name: str) -> bool:
    return name.endswith("certificate_file")


def ends(settings: Settings) -> dict[str, datetime | None]:
    """Setting → the certificate's last moment; None where it cannot be read."""
    # Loaded only here: a worker's first delivery does not wait for it.
    from signing.errors import KeyUnreadable
    from signing.keys import certificates_in

    found: dict[str, datetime | None] = {}
    for name, path in certificate_files(settings):
        try:
            found[name] = certificates_in(path)[0].not_valid_after_utc
        except KeyUnreadable:
            found[name] = None
    return found


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
