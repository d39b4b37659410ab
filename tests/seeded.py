"""Marked people and marked secrets: an event whose every personal member can be found again wherever it got to.

What is personal is asked of `bus.privacy.PERSONAL`, so that a member that becomes personal tomorrow is marked, too.
"""

from __future__ import annotations

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from bus.privacy import PERSONAL, mask_email, mask_link, mask_name, mask_number

SAMPLES: Final = Path(__file__).parents[1] / "contracts" / "intake" / "samples"
SYLLABLES: Final = ("Khuất", "Quýnh", "Tựu", "Nghễnh", "Xoạc", "Vượng", "Khuể", "Thuẫn", "Quặn", "Nguẩy")
MARKS: Final = ("qzxw", "0995000", "090071", "bimat")
"""Every marked text has one of them, and nobody else says them: where none is, nothing needs to be looked for."""
LARGEST_ENCODED: Final = 2_000_000
"""Bytes of what is looked through for base64, too."""


@dataclass(slots=True)
class Needles:
    """Everything that must be found nowhere, by what it is."""

    texts: dict[str, str] = field(default_factory=dict)
    are_marked: bool = False
    """Whether each has one of the marks."""

    def add(self, what: str, text: str) -> str:
        """Remember it; the text, for the caller's convenience."""
        assert len(text) >= 5, f"{what}: too short to be told from chance"
        self.texts[what] = text
        return text

    def found_in(self, where: str, body: bytes | str) -> list[str]:
        """What of them stands there, in whatever spelling it may travel."""
        raw = body.encode() if isinstance(body, str) else body
        is_marked = not self.are_marked or any(mark in raw for text in MARKS for mark in _spelt_plainly(text))
        found = []
        for what, text in self.texts.items():
            spelt = list(spellings(text)) if is_marked else []
            spelt += encodings(text) if len(raw) <= LARGEST_ENCODED else []
            found += [f"{where}: {what} ({each!r})" for each in spelt if each in raw]
        return found


def _spelt_plainly(text: str) -> tuple[bytes, bytes]:
    return text.encode(), text.encode("utf-16-le")


def spellings(text: str) -> Iterator[bytes]:
    """UTF-8 and UTF-16, composed and apart, as JSON, HTML and an address write it."""
    for form in dict.fromkeys(unicodedata.normalize(name, text) for name in ("NFC", "NFD")):
        yield from _spelt_plainly(form)
        yield json.dumps(form)[1:-1].encode()
        yield html.escape(form).encode()
        yield quote(form).encode()
        yield quote_plus(form).encode()


def encodings(text: str) -> Iterator[bytes]:
    """Base64: a text inside something that was encoded begins at any of three places; its ends may differ."""
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + text.encode())[4 if shift else 0 : -4]


def marked(sample: str, needles: Needles, n: int, *, at: datetime, dossier: str) -> dict[str, Any]:
    """A sample event of the contract with every personal member marked: valid, and nobody's."""
    wire: dict[str, Any] = json.loads((SAMPLES / sample).read_text(encoding="utf-8"))
    wire |= {"id": f"{dossier}:{sample}", "subject": dossier, "time": at.isoformat()}
    wire.pop("sequence", None)
    if "origin" in wire["data"]:  # born here: it goes to the portal whole, with everybody in it
        wire["data"] |= {"origin": "one_stop", "national_number": None}
    wire["data"] = _marked(wire["data"], "", needles, [n * 1_000])
    return wire


def _marked(value: Any, place: str, needles: Needles, count: list[int]) -> Any:
    if isinstance(value, Mapping):
        return {name: _marked(member, f"{place}/{name}", needles, count) for name, member in value.items()}
    if isinstance(value, list):
        return [_marked(member, f"{place}/*", needles, count) for member in value]
    if not isinstance(value, str) or place not in PERSONAL or not value:
        return value
    count[0] += 1
    return needles.add(f"{place} {count[0]}", _one(place, count[0]))


def _one(place: str, n: int) -> str:
    match PERSONAL[place]:
        case mask if mask is mask_number:
            is_phone = place.endswith(("phone", "fax"))
            return f"090071{n:04d}" if is_phone else f"0995000{n:05d}"
        case mask if mask is mask_email:
            return f"rieng.tu.{n}@bimat{n}.example.invalid"
        case mask if mask is mask_link:
            return f"https://files.h99.example.invalid/d/{_word(n)}"
        case mask if mask is mask_name:
            return f"{_word(n)} {_word(n + 3)}"
    return f"Riêng {_word(n)} {_word(n + 7)}"


def _word(n: int) -> str:
    letters = re.sub("[0-9]", lambda digit: "acdeghmnoy"[int(digit[0])], str(n))
    return f"{SYLLABLES[n % len(SYLLABLES)]}{MARKS[0]}{letters}"
