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
TELL: Final = "DongBoTrangThaiHoSo"


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
        self._born: dict[str, Dossier] = {}

    def __contains__(self, number: str) -> bool:
        return number in self._dossiers

    def dossier(self, number: str) -> Dossier | None:
        """What is known of a number, wherever its dossier was born."""
        return self._dossiers.get(number) or self._born.get(number)

    def is_born(self, number: object) -> bool:
        """Whether a dossier of this number was filed on the portal itself (r300)."""
        return number in self._born

    def file(self, message: Mapping[str, Any]) -> None:
        """A citizen files a dossier on the portal: its own act, so no row of the effect list."""
        number, body = message["MaHoSo"], canonical(dict(message))
        self._born.setdefault(number, Dossier(number=number, digest=digest(body), status="1"))

    def tell(self, status: Mapping[str, Any], *, at: datetime) -> None:
        """Store a status of a dossier that was born here, after those that are there (r306)."""
        body = canonical(dict(status))
        number = status["MaHoSo"]
        entry = {"status": status["TrangThai"], "at_step": status["NgayXuLy"], "own_number": status["MaHoSoDonVi"]}
        dossier = self._born[number]
        dossier.status = status["TrangThai"]
        dossier.steps.append(entry)
        self._effects.add(
            at=at, operation=TELL, dossier=number, digest=digest(body), repeat=False, entry=entry, body=body
        )

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
        """Nothing was ever sent, and nothing filed."""
        self._dossiers.clear()
        self._born.clear()
