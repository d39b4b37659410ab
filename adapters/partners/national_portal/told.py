"""Pure. An object of the portal's, read member by member: what cannot be read is noted with its place, and so is what
nobody read (contracts/facade/NOTES.md#r20).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

Code: TypeAlias = str | int | bool
_STAMP: Final = re.compile(r"[0-9]{14}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_WHOLE: Final = re.compile(r"[0-9]{1,16}")
FLAGS: Final = {"0": False, "1": True, "false": False, "true": True}
"""As strings in two spellings, or as booleans (#r21)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One member that cannot be carried."""

    field: str
    """As the caller knows it: `data[0].TaiLieuNop[2].IsDeleted`."""
    rule: str
    """One of the doors' codes."""


class NotCarried(Exception):
    """This record cannot be carried as it was told; `troubles` names every member. Nothing was recorded."""

    def __init__(self, troubles: Iterable[Trouble]) -> None:
        self.troubles = tuple(troubles)
        super().__init__("; ".join(f"{each.field}: {each.rule}" for each in self.troubles))


class Told:
    """One object as it was told."""

    def __init__(self, members: Mapping[str, Any], place: str, troubles: list[Trouble]) -> None:
        self._members = members
        self._place = place
        self._read: set[str] = set()
        self.troubles = troubles

    def note(self, field: str, rule: str) -> None:
        """This member cannot be carried."""
        self.troubles.append(Trouble(field=self._at(field), rule=rule))

    def text(self, field: str) -> str:
        """A text; empty when it is absent or null. A number is taken as its digits."""
        value = self._take(field)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.note(field, "wrong_type")
            return ""
        return str(value)

    def maybe(self, field: str) -> str | None:
        """A text, or None when it is empty."""
        return self.text(field) or None

    def needed(self, field: str) -> str:
        """A text that is not empty."""
        text = self.text(field)
        if not text.strip():
            self.note(field, "missing_field")
        return text

    def time(self, field: str) -> str | None:
        """`yyyyMMddHHmmss` of Vietnam, as RFC 3339 (contracts/national_portal/NOTES.md#r51)."""
        text = self.text(field)
        if not text:
            return None
        if _STAMP.fullmatch(text):
            told = f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:]}+07:00"
            try:
                datetime.fromisoformat(told)
            except ValueError:
                pass
            else:
                return told
        self.note(field, "out_of_range")
        return None

    def needed_time(self, field: str) -> str | None:
        """A time that is not empty."""
        if not self.text(field):
            self.note(field, "missing_field")
        return self.time(field)

    def flag(self, field: str) -> bool:
        """Yes or no; no when it is absent."""
        value = self._take(field)
        if value in (None, ""):
            return False
        found = FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None
        if found is None:
            self.note(field, "enum")
        return bool(found)

    def whole(self, field: str) -> int:
        """A whole number, as such or as digits."""
        text = self.text(field)
        if _WHOLE.fullmatch(text):
            return int(text)
        self.note(field, "out_of_range" if text else "missing_field")
        return 0

    def items(self, field: str) -> list[Told]:
        """An array's objects; none when it is absent or null."""
        value = self._take(field)
        if not isinstance(value, list | None):
            self.note(field, "wrong_type")
            return []
        found = []
        for at, item in enumerate(value or ()):
            if isinstance(item, dict):
                found.append(
                    Told(item, f"{self._place}.{field}[{at}]" if self._place else f"{field}[{at}]", self.troubles)
                )
            else:
                self.note(f"{field}[{at}]", "wrong_type")
        return found

    def part(self, field: str) -> Told | None:
        """An object within; None when it is absent, null or says nothing."""
        value = self._take(field)
        if value in (None, "", {}):
            return None
        if not isinstance(value, dict):
            self.note(field, "wrong_type")
            return None
        return Told(value, self._at(field), self.troubles)

    def has(self, field: str) -> bool:
        """Whether it says anything; it stays unread."""
        return self._members.get(field) not in (None, "", [], {})

    def length_of(self, field: str) -> int:
        """How long a text is; it stays unread."""
        value = self._members.get(field)
        return len(value) if isinstance(value, str) else 0

    def place_of(self, field: str) -> str:
        """How the caller knows it."""
        return self._at(field)

    def unread(self) -> dict[str, Any]:
        """Every member that says something and that nobody read."""
        return {
            field: value
            for field, value in self._members.items()
            if field not in self._read and value not in (None, "", [], {})
        }

    def finish(self) -> None:
        """Note every member that says something and that nobody read."""
        for field in self.unread():
            # A name that is none may be anything, a person's too, and what is noted is kept and shown.
            self.note(field if _NAME.fullmatch(field) else "?", "unknown_field")

    def _at(self, field: str) -> str:
        return f"{self._place}.{field}" if self._place else field

    def _take(self, field: str) -> Any:
        self._read.add(field)
        return self._members.get(field)


Reader: TypeAlias = Callable[[Told, str], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our member, the portal's field, and how it is read."""

    member: str
    field: str
    read: Reader


def coded(table: Mapping[Any, Code], default: Any = None) -> Reader:
    """Reads one of the codes that `codes.py` sends; absent counts as `default`, where there is one."""
    back = {str(code): word for word, code in table.items() if word is not None}

    def read(told: Told, field: str) -> Any:
        text = told.text(field)
        if not text and default is not None:
            return default
        if text not in back:
            told.note(field, "enum" if text else "missing_field")
        return back.get(text)

    return read


def rows_of(rows: Iterable[Row]) -> Reader:
    """Reads an array by a table of its own."""
    table = tuple(rows)

    def read(told: Told, field: str) -> list[dict[str, Any]]:
        return [read_rows(item, table, is_whole=True) for item in told.items(field)]

    return read


def read_rows(told: Told, rows: Iterable[Row], *, is_whole: bool = False) -> dict[str, Any]:
    """The members that a table names. `is_whole`: what the table does not name is noted."""
    found = {row.member: row.read(told, row.field) for row in rows}
    if is_whole:
        told.finish()
    return found
