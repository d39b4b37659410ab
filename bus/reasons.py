"""Pure. Words from outside: what a person's reason may be, what of it is kept, and how any text is shown to people.

A terminal obeys what is printed on it: an escape recolours it or renames its window, a line end begins a line that
looks like ours, a mark of direction turns the words around. Such characters are refused in reasons and shown as codes
everywhere else.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

from bus.privacy import mask_text

LONGEST: Final = 500
"""Characters of a reason: a sentence or two; what is longer belongs into a paper."""

_CODE: Final = re.compile(r"(?![^:]*[0-9]{7})(-?[0-9]{1,6}|[A-Za-z][A-Za-z0-9]*(?:[_.-][A-Za-z0-9]+)*)(?=:)")
"""A number, or ASCII in one piece as programs name things; seven digits in a row may be somebody's."""
LONGEST_CODE: Final = 40

Fault = Literal["too_short", "too_long", "control_character"]

_OBEYED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters (C0, C1), line and paragraph separators, marks of direction, and what is no character: XML cannot
carry it."""

_UNSEEN: Final = "\u115f\u1160\u3164\uffa0"
"""Letters that are drawn as nothing."""


def fault_in(reason: str) -> Fault | None:
    """Why this cannot be a reason, or None: it says something, in so many characters, and commands no terminal."""
    if not reason.strip():
        return "too_short"
    if len(reason) > LONGEST:
        return "too_long"
    if _OBEYED.search(reason.strip()):
        return "control_character"
    return None if any(sign.isalnum() and sign not in _UNSEEN for sign in reason) else "too_short"


def tidy(reason: str) -> str:
    """The reason without blanks around it, composed."""
    return unicodedata.normalize("NFC", reason.strip())


def kept(reason: str) -> str:
    """What of a reason is written: the ledger keeps reasons unsealed, so numbers of persons are masked in them."""
    return mask_text(reason)


def code_in(reason: str) -> str:
    """What stands before the first colon where it is plainly a code; else nothing, for it may be anybody's words."""
    found = _CODE.match(reason[: LONGEST_CODE + 1])
    return found[1] if found else ""


def shown(text: str) -> str:
    """Any text fit for a terminal: what it would obey stands there as a code, `\\x1b`."""
    return _OBEYED.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def shown_json(document: str) -> str:
    """The same for a JSON document on one line, which stays the same document."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", document)
