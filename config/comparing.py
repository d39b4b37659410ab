"""Pure. A caller's own bytes beside what a refusal keeps: where the first difference is, and what it probably is.

The signature base is kept (masked), so that both sides can be shown. Of a body only keyed marks are kept: where it
differs is told to a block, and only the caller's own bytes are there to be shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bus.marks import first_difference
from bus.refusals import BASE, masked_base

AROUND: Final = 16
"""Bytes shown on either side of the first difference."""
_ROOT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:[^\s<>:!?/]+:)?([^\s<>:!?/]+)")
_VISIBLE: Final = {" ": "·", "\t": "→", "\r": "␍", "\n": "␊", "\ufeff": "[U+FEFF]", "\u00a0": "[U+00A0]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of comparing."""

    part: str
    """`base`, or the signed part that the caller's bytes are of."""
    is_same: bool
    offset: int = 0
    """Of the first differing byte, from 0; of a body: of the first differing block."""
    until: int = 0
    """Where that block ends; 0 where the very byte is known."""
    line: int = 0
    column: int = 0
    ours: bytes = b""
    """What stands around it here; empty for a body, of which nothing is kept."""
    theirs: bytes = b""
    hint: str = ""
    """What it probably is: `nfc`, `spaces`, `line_ends`, `order`; empty when nobody can tell."""

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        if self.is_same:
            return {"part": self.part, "same": True}
        return {
            "part": self.part,
            "same": False,
            "offset": self.offset,
            "until": self.until or None,
            "line": self.line,
            "column": self.column,
            "ours": self.ours.hex(" ") or None,
            "theirs": self.theirs.hex(" "),
            "hint": self.hint or None,
        }


def compare(refusal: Mapping[str, Any], theirs: bytes, key: bytes) -> Found | None:
    """The first difference; None when the refusal keeps nothing that these bytes could be compared with."""
    # A file ends in a line end that nobody signed.
    theirs = theirs.removesuffix(b"\n").removesuffix(b"\r")
    digests = {each["part"]: each for each in refusal["digests"]}
    part = part_of(theirs, frozenset(digests))
    if part not in digests:
        return None
    kept = digests[part]
    block = first_difference(kept["marks"], kept["length"], theirs, key)
    if block is None:
        return Found(part=part, is_same=True)
    if part == BASE and refusal["base"] is not None:
        ours = refusal["base"].encode()
        shown = masked_base(theirs.decode("utf-8", errors="backslashreplace")).encode()[: len(ours) + AROUND]
        if ours != shown:
            return _at(part, ours, shown)
    return _in_block(part, theirs, *block)


def part_of(theirs: bytes, known: frozenset[str]) -> str:
    """What these bytes are: a base, a signed element by its name, or the body that a Content-Digest is of."""
    root = _ROOT.match(theirs)
    if root is not None and BASE in known:
        name = root[1].decode("utf-8", errors="replace")
        return BASE if name == "SignedInfo" else name
    return BASE if theirs.lstrip(b"\xef\xbb\xbf").startswith(b'"') else "content-digest"


def visible(octets: bytes) -> str:
    """As text in which blanks, line ends and marks over letters can be seen."""
    text = octets.decode("utf-8", errors="backslashreplace")
    return "".join(_shown(each) for each in text)


def _shown(character: str) -> str:
    if unicodedata.combining(character):
        return f"[U+{ord(character):04X}]"
    return _VISIBLE.get(character, character if character.isprintable() else f"[U+{ord(character):04X}]")


def _at(part: str, ours: bytes, theirs: bytes) -> Found:
    offset = next(
        (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    before = ours[:offset]
    line = before.count(b"\n") + 1
    around = slice(max(0, offset - AROUND), offset + AROUND)
    return Found(
        part=part,
        is_same=False,
        offset=offset,
        line=line,
        column=offset - (before.rfind(b"\n") + 1) + 1,
        ours=ours[around],
        theirs=theirs[around],
        hint=hint_of(ours, theirs),
    )


def _in_block(part: str, theirs: bytes, start: int, until: int) -> Found:
    before = theirs[:start]
    return Found(
        part=part,
        is_same=False,
        offset=start,
        until=until,
        line=before.count(b"\n") + 1,
        column=start - (before.rfind(b"\n") + 1) + 1,
        theirs=theirs[start:until],
        hint="nfc" if _is_in_parts(theirs) else "",
    )


def _is_in_parts(octets: bytes) -> bool:
    text = octets.decode("utf-8", errors="replace")
    return not unicodedata.is_normalized("NFC", text)


def hint_of(ours: bytes, theirs: bytes) -> str:
    """What makes the two one when it is left out of account."""
    here, there = (each.decode("utf-8", errors="replace") for each in (ours, theirs))
    if unicodedata.normalize("NFC", here) == unicodedata.normalize("NFC", there):
        return "nfc"
    if here.replace("\r\n", "\n") == there.replace("\r\n", "\n"):
        return "line_ends"
    if here.split() == there.split() or "".join(here.split()) == "".join(there.split()):
        return "spaces"
    if sorted(here.split("\n")) == sorted(there.split("\n")):
        return "order"
    return ""
