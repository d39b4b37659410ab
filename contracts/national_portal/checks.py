"""What the portal checks in a record and in a step, field by field; each check names its rule in `NOTES.md`.

Pure. A check looks at one value and writes down what it found: *refused* where the notes say that the portal says no,
*noted* where it would take the record all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from contracts.mock_log import Broken
from contracts.national_portal.reading import LARGEST_EXACT, is_exact

PROCEDURE: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
NUMBER: Final = re.compile(r"\S+-(\d{6}|\d{8})-\d{4,}")
STATUSES: Final = frozenset(str(code) for code in range(1, 11))


class Inspection:
    """What was found wrong in one call, and the settings that decide it."""

    def __init__(self, *, in_bytes: bool, procedures: frozenset[str] | None) -> None:
        self.in_bytes = in_bytes
        self.procedures = procedures
        self.found: list[Broken] = []

    def refuse(self, rule: str, where: str, says: str, *, expected: str, found: str = "") -> None:
        """Write down a broken rule that the portal refuses on."""
        message = f"Trường {where} {says}"
        self.found.append(Broken(rule=rule, field=where, expected=expected, found=found, message=message))

    def note(self, rule: str, where: str, *, expected: str, found: str = "") -> None:
        """Write down a broken rule that the portal lets pass."""
        self.found.append(Broken(rule=rule, field=where, expected=expected, found=found, refused=False))


Check = Callable[[Inspection, str, str, Any], None]
"""Takes the inspection, the path before the field, the field's name, and its value."""
Table = Mapping[str, Check]


@lru_cache(maxsize=65_536)
def is_time(value: str) -> bool:
    """`yyyyMMddHHmmss`, of a day that exists (r51)."""
    if len(value) != 14 or not (value.isascii() and value.isdigit()):
        return False
    try:
        datetime(*(int(value[a:b]) for a, b in PARTS))  # type: ignore[arg-type]  # noqa: DTZ001  # local by contract
    except ValueError:
        return False
    return True


PARTS: Final = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))


def _is_text(seen: Inspection, where: str, name: str, value: Any) -> bool:
    if type(value) is str:
        return True
    seen.refuse("r50", where + name, "phải là chuỗi", expected="a string", found=_kind(value))
    return False


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


REFUSED_BLANK: Final = frozenset(("r55", "r92", "r302", "r303", "r305"))


def _blank(seen: Inspection, where: str, name: str, empty: str | None) -> None:
    if empty in REFUSED_BLANK:
        seen.refuse(empty, where + name, "không được để trống", expected="not empty", found="empty")
    elif empty:
        seen.note(empty, where + name, expected="not empty", found="empty")


def text(*, limit: int = 0, empty: str | None = None, null: bool = False) -> Check:
    """A text, perhaps with a limit; `empty` names the rule that a blank breaks."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if type(value) is not str:
            if not (null and value is None):
                _is_text(seen, where, name, value)
        elif not value or (empty and not value.strip()):
            _blank(seen, where, name, empty)
        elif limit and len(value) * 4 > limit:
            _within(seen, where, name, value, limit)

    return check


def _within(seen: Inspection, where: str, name: str, value: str, limit: int) -> None:
    size = len(value.encode()) if seen.in_bytes else len(value)
    if size > limit:
        unit = "bytes of UTF-8" if seen.in_bytes else "characters"
        seen.refuse(
            "r70",
            where + name,
            f"dài quá {limit} ký tự",
            expected=f"at most {limit} {unit}",
            found=f"{size} {unit}",
        )


def time(*, empty: str | None = None) -> Check:
    """A local time, or an empty text where that is allowed."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if not _is_text(seen, where, name, value):
            return
        if not value:
            _blank(seen, where, name, empty)
        elif not is_time(value):
            seen.refuse(
                "r51", where + name, "sai định dạng yyyyMMddHHmmss", expected="yyyyMMddHHmmss", found=value[:40]
            )

    return check


def code(rule: str, *values: str, empty: str | None = None, null: bool = False) -> Check:
    """One of a list that is not known to be complete: another value is noted."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if value in values or (null and value is None):
            return
        if not _is_text(seen, where, name, value):
            return
        if not value:
            _blank(seen, where, name, empty)
        else:
            seen.note(rule, where + name, expected=f"one of {', '.join(values)}", found=value[:40])

    return check


def status(empty: str, codes: frozenset[str] = STATUSES, *, rule: str = "r64") -> Check:
    """A status code: from 1 to 10 (r64), unless other codes are given (r303)."""
    known = ", ".join(sorted(codes, key=int))

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if not _is_text(seen, where, name, value) or value in codes:
            return
        if not value:
            _blank(seen, where, name, empty)
        else:
            seen.refuse(rule, where + name, "không có trong danh mục", expected=f"one of {known}", found=value[:40])

    return check


def number(empty: str) -> Check:
    """A dossier's number (r65)."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if not _is_text(seen, where, name, value):
            return
        if not value.strip():
            _blank(seen, where, name, empty)
        elif not NUMBER.fullmatch(value):
            seen.note("r65", where + name, expected="<unit>-<date>-<number>", found=value[:40])

    return check


def procedure(seen: Inspection, where: str, name: str, value: Any) -> None:
    """A procedure's code: well formed (r62), and known (r63)."""
    if not _is_text(seen, where, name, value):
        return
    if not value.strip():
        _blank(seen, where, name, "r55")
    elif not PROCEDURE.fullmatch(value):
        seen.refuse("r62", where + name, "không hợp lệ", expected="1 to 100 of A-Z a-z 0-9 . _ -", found=value[:40])
    elif seen.procedures is not None and value not in seen.procedures:
        seen.refuse("r63", where + name, "không có trong danh mục", expected="a known procedure", found=value)


def deleted(seen: Inspection, where: str, name: str, value: Any) -> None:
    """`IsDeleted` (r74)."""
    if type(value) is bool:
        seen.note("r74", where + name, expected='"True" or "False" as text', found="a JSON boolean")
    elif value not in ("True", "False"):
        seen.refuse("r74", where + name, "phải là True hoặc False", expected='"True" or "False"', found=_kind(value))


def address(seen: Inspection, where: str, name: str, value: Any) -> None:
    """The address of a file (r75)."""
    if _is_text(seen, where, name, value) and not value.startswith(("https://", "http://")):
        seen.note("r75", where + name, expected="http(s)://…", found="another text")


def amount(seen: Inspection, where: str, name: str, value: Any) -> None:
    """An amount of money as a text of digits (r76)."""
    if _is_text(seen, where, name, value) and not (value.isascii() and value.isdigit()):
        seen.note("r76", where + name, expected="digits", found=value[:40])


def whole(rule: str, *, or_text: bool = False) -> Check:
    """A whole number."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if (type(value) is int and abs(value) <= LARGEST_EXACT) or (or_text and type(value) is str):
            return
        seen.refuse(rule, where + name, "phải là số nguyên", expected="a whole number", found=_kind(value))

    return check


def boolean(rule: str) -> Check:
    """A JSON boolean."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if type(value) is not bool:
            seen.refuse(rule, where + name, "phải là true hoặc false", expected="a JSON boolean", found=_kind(value))

    return check


def rows(table: Table, rule: str) -> Check:
    """An array of objects, each checked by its own table."""

    def check(seen: Inspection, where: str, name: str, value: Any) -> None:
        if type(value) is not list:
            seen.refuse("r81", where + name, "phải là mảng", expected="an array", found=_kind(value))
            return
        for index, row in enumerate(value):
            if type(row) is dict:
                look(seen, f"{where}{name}[{index}].", table, row)
            else:
                seen.refuse(
                    rule, f"{where}{name}[{index}]", "phải là đối tượng", expected="an object", found=_kind(row)
                )

    return check


def look(seen: Inspection, where: str, table: Table, row: Mapping[str, Any]) -> None:
    """Check every member that is there; one that no source shows is noted (r35)."""
    for name, value in row.items():
        if check := table.get(name):
            check(seen, where, name, value)
        elif name.isascii() and is_exact(value):
            seen.note("r35", where + name, expected="a member of the contract", found="an unknown member")
        else:
            seen.refuse("r50", where + name, "không hợp lệ", expected="whole numbers and ASCII names", found="another")


def refused(found: list[Broken]) -> Broken | None:
    """The first thing found that the portal says no to."""
    for row in found:
        if row.refused:
            return row
    return None
