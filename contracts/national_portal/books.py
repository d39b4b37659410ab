"""The portal's books: the record of each dossier, and its steps in the order they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from contracts.mock_log import EffectList
from contracts.national_portal.reading import canonical, digest

SYNC: Final = "DongBoHoSoMC"
STEP: Final = "CapNhatTienDoHoSoMC"


@dataclass(slots=True, kw_only=True)
class Dossier:
    """What the portal has of one dossier."""

    number: str
    digest: str
    status: str
    steps: list[dict[str, str]] = field(default_factory=list)


class Books:
    """Every change goes through here, and leaves a row in the effect list."""

    def __init__(self, effects: EffectList) -> None:
        self._effects = effects
        self._dossiers: dict[str, Dossier] = {}

    def __contains__(self, number: str) -> bool:
        return number in self._dossiers

    def dossier(self, number: str) -> Dossier | None:
        """What is known of a number."""
        return self._dossiers.get(number)

    def put(self, record: Mapping[str, Any], *, at: datetime, is_update: bool) -> None:
        """Store a whole record in place of what was there (r52). An equal one changes nothing, and says `repeat`."""
        body = canonical(dict(record))
        number, status, hexadecimal = record["MaHoSo"], record["TrangThaiHoSo"], digest(body)
        there = self._dossiers.get(number)
        is_equal = there is not None and there.digest == hexadecimal
        if there:
            there.digest, there.status = hexadecimal, status
        else:
            self._dossiers[number] = Dossier(number=number, digest=hexadecimal, status=status)
        entry = {"status": status, "updating": "True" if is_update else "False"}
        self._effects.add(
            at=at, operation=SYNC, dossier=number, digest=hexadecimal, repeat=is_equal, entry=entry, body=body
        )

    def append(self, step: Mapping[str, Any], *, at: datetime) -> None:
        """Store a step after those that are there (r91): the same one twice is two."""
        body = canonical(dict(step))
        number = step["MaHoSo"]
        entry = {"status": step["TrangThai"], "at_step": step["ThoiDiemXuLy"]}
        self._dossiers[number].steps.append(entry)
        self._effects.add(
            at=at, operation=STEP, dossier=number, digest=digest(body), repeat=False, entry=entry, body=body
        )

    def clear(self) -> None:
        """Nothing was ever sent."""
        self._dossiers.clear()
