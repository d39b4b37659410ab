"""Pure. Vietnamese without its marks, for the fields that gateways take in ASCII only."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LETTERS: Final = str.maketrans({"đ": "d", "Đ": "D"})
_ODD: Final = re.compile(r"[^A-Za-z0-9 .,:/()_-]+")
_BLANKS: Final = re.compile(r" {2,}")


def without_marks(text: str, *, longest: int = 255) -> str:
    """`Lệ phí hộ tịch` → `Le phi ho tich`. No `|`: it separates the values of a checksum."""
    bare = "".join(
        letter for letter in unicodedata.normalize("NFD", text.translate(_LETTERS)) if not unicodedata.combining(letter)
    )
    return _BLANKS.sub(" ", _ODD.sub(" ", bare)).strip()[:longest].rstrip()
