"""Pure. Text from outside, with nothing hidden in it: what a browser obeys or does not show stands there as a code.

A mark of direction turns the words around, a blank without width lets two names look like one, a control character is
not drawn at all. Escaping for HTML is the template's work, and it does not touch any of these.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Final

_HIDING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories that nobody can see: controls, formats, surrogates, private and unassigned ones, ends of paragraphs."""
_BLANK_LETTERS: Final = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Letters and marks by category, drawn as nothing."""
_DRAWN_AS_NOTHING: Final = re.compile(f"[{_BLANK_LETTERS}\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def _ranges() -> str:
    """Of all characters that hide, as the inside of a character class."""
    found: list[str] = []
    start: int | None = None
    for code in range(sys.maxunicode + 2):
        hides = code <= sys.maxunicode and _hides(chr(code))
        if hides and start is None:
            start = code
        elif not hides and start is not None:
            found.append(f"{re.escape(chr(start))}-{re.escape(chr(code - 1))}")
            start = None
    return "".join(found)


def _hides(char: str) -> bool:
    if char in "\n\t":
        return False
    is_selector = "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return unicodedata.category(char) in _HIDING or char in _BLANK_LETTERS or is_selector


def code_of(char: str) -> str:
    """How one hidden character is shown: `⟨U+200B⟩`."""
    return f"⟨U+{ord(char):04X}⟩"


class _Hidden:
    """The pattern, built when it is first needed: a process that shows nothing need not look at every character."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None

    def pattern(self) -> re.Pattern[str]:
        if self._pattern is None:
            self._pattern = re.compile(f"[{_ranges()}]")
        return self._pattern


_HIDDEN: Final = _Hidden()


def visible(text: str) -> str:
    """The text on as many lines as it has; whatever hides in it is a code."""
    if text.isprintable() and not _DRAWN_AS_NOTHING.search(text):
        return text  # nearly every text; Python's own word on it is a hundred times faster than the pattern
    plain = text.replace("\r\n", "\n")
    return _HIDDEN.pattern().sub(lambda found: code_of(found.group()), plain)


def one_line(text: str) -> str:
    """The same on one line: line ends and tabs are codes too."""
    return visible(text).replace("\n", code_of("\n")).replace("\t", code_of("\t"))


def decoded(raw: bytes) -> tuple[str, bool]:
    """Bytes as text, and whether they were UTF-8 as a whole: each byte that was not stands there as `⟨FF⟩`."""
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        text = raw.decode("utf-8", errors="surrogateescape")
        return re.sub("[\udc80-\udcff]", lambda found: f"⟨{ord(found.group()) - 0xDC00:02X}⟩", text), False
