"""Vietnamese words back into a number, either way of speaking: what the mock reads an amount in words with.

It reads and never writes; whoever writes the words shares nothing with it.
"""

from __future__ import annotations

import unicodedata
from typing import Final

DIGITS: Final = {
    "không": 0,
    "một": 1,
    "mốt": 1,
    "hai": 2,
    "ba": 3,
    "bốn": 4,
    "tư": 4,
    "năm": 5,
    "lăm": 5,
    "sáu": 6,
    "bảy": 7,
    "bẩy": 7,
    "tám": 8,
    "chín": 9,
}
SILENT: Final = frozenset({"lẻ", "linh"})
AFTER_TENS: Final = frozenset({"mốt", "lăm", "tư"})
"""Forms that a unit has only behind a ten: `mốt` and `tư` behind `mươi`, `lăm` behind `mười` too."""
SCALES: Final = {"nghìn": 10**3, "ngàn": 10**3, "triệu": 10**6}
BILLION: Final = frozenset({"tỷ", "tỉ"})


def number_of(words: str) -> int | None:
    """The number that these words say; None for what is no number in Vietnamese."""
    said = unicodedata.normalize("NFC", words).lower().split()
    if not said:
        return None
    parts = _split(said, BILLION)
    found = [_below_billion(part) for part in parts]
    if len(parts) > 2 or found[0] is None or not parts[0]:
        return None
    if len(parts) == 1:
        return found[0]
    rest = 0 if not parts[1] else found[1]
    return None if rest is None else found[0] * 10**9 + rest


def _split(said: list[str], at: frozenset[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in said:
        if word in at:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _below_billion(said: list[str]) -> int | None:
    total, group, smallest = 0, list[str](), 10**9
    for word in said:
        scale = SCALES.get(word)
        if scale is None:
            group.append(word)
            continue
        value = _group(group)
        if value is None or scale >= smallest:
            return None
        total, group, smallest = total + value * scale, [], scale
    if not group:
        return total
    value = _group(group)
    return None if value is None else total + value


def _group(said: list[str]) -> int | None:
    """Up to three digits."""
    if not said:
        return None
    hundreds = 0
    if "trăm" in said:
        at = said.index("trăm")
        if at != 1 or said[0] not in DIGITS:
            return None
        hundreds, said = DIGITS[said[0]], said[2:]
        if said and said[0] in SILENT:
            return None if len(said) != 2 else _unit(said[1], hundreds * 100, behind="")
        if len(said) == 1 and said[0] not in ("mười",):
            return None  # "một trăm năm" leaves open what the five are
    tens = _tens(said)
    return None if tens is None else hundreds * 100 + tens


def _tens(said: list[str]) -> int | None:
    if not said:
        return 0
    if said[0] == "mười":
        return 10 if len(said) == 1 else _unit(said[1], 10, behind="mười") if len(said) == 2 else None
    if len(said) >= 2 and said[1] == "mươi":
        ten = _unit(said[0], 0, behind="")
        if not ten or ten == 1 or len(said) > 3:
            return None
        return ten * 10 if len(said) == 2 else _unit(said[2], ten * 10, behind="mươi")
    return _unit(said[0], 0, behind="") if len(said) == 1 else None


def _unit(word: str, more: int, *, behind: str) -> int | None:
    """A unit in the form that belongs there: `một` behind `mươi` is `mốt`, `năm` behind a ten is `lăm`."""
    allowed = {
        "": word not in AFTER_TENS,
        "mười": word not in ("năm", "mốt", "tư", "không"),
        "mươi": word not in ("năm", "một", "không"),
    }[behind]
    return more + DIGITS[word] if allowed and word in DIGITS else None
