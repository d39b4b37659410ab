"""Pure. An amount in Vietnamese words, as a receipt must say it.

Whole groups of three are read out behind the first one (`một triệu không trăm năm mươi nghìn`), so that nobody can
write a digit in between; `linh` stands for a missing ten, `mốt`, `tư` and `lăm` behind one.
"""

from __future__ import annotations

from typing import Final

_DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_BEHIND_TENS: Final = {1: "mốt", 4: "tư", 5: "lăm"}
_GROUPS: Final = ((10**6, "triệu"), (10**3, "nghìn"), (1, ""))
_BILLION: Final = 10**9


def spoken_amount(amount: int) -> str:
    """`Ba mươi nghìn đồng`."""
    words = in_words(amount)
    return f"{words[0].upper()}{words[1:]} đồng"


def in_words(number: int) -> str:
    """A whole number from 0 on, below 10^18."""
    if number < 0:
        raise ValueError("an amount is never below zero")
    billions, rest = divmod(number, _BILLION)
    if not billions:
        return _below_billion(rest, is_first=True) or _DIGITS[0]
    parts = (_below_billion(billions, is_first=True), "tỷ", _below_billion(rest, is_first=False))
    return " ".join(part for part in parts if part)


def _below_billion(number: int, *, is_first: bool) -> str:
    parts: list[str] = []
    for size, name in _GROUPS:
        group, number = divmod(number, size)
        if group:
            parts += [_group(group, is_first=is_first and not parts), name]
    return " ".join(part for part in parts if part)


def _group(group: int, *, is_first: bool) -> str:
    """Three digits; behind the first group all three are said."""
    hundreds, tens = divmod(group, 100)
    if is_first and not hundreds:
        return _tens(tens)
    said = f"{_DIGITS[hundreds]} trăm"
    if not tens:
        return said
    return f"{said} linh {_DIGITS[tens]}" if tens < 10 else f"{said} {_tens(tens)}"


def _tens(number: int) -> str:
    tens, unit = divmod(number, 10)
    if tens == 0:
        return _DIGITS[unit]
    if tens == 1:
        # Behind `mười` only the five changes: mười một, mười bốn, mười lăm.
        return "mười" if not unit else f"mười {'lăm' if unit == 5 else _DIGITS[unit]}"
    said = f"{_DIGITS[tens]} mươi"
    return f"{said} {_BEHIND_TENS.get(unit, _DIGITS[unit])}" if unit else said
