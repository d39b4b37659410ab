"""The letters of visible signatures: Liberation Serif (as wide as Times New Roman), cut down to what Vietnamese needs.

The cut is made once in a process: one part of the font, 13 kB, for all documents, in place of one made for each text,
which costs more time than the signature. Letters beyond it, of no Vietnamese name, are shown as a question mark.
"""

from __future__ import annotations

import io
import unicodedata
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "fonts" / "LiberationSerif-Regular.ttf"
NAME: Final = "LTCUTS+LiberationSerif"
"""The six letters say that it is a part (ISO 32000-1, 9.6.4)."""


def _alphabet() -> str:
    latin = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))]
    marks = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
    vowels = [unicodedata.normalize("NFC", base + mark) for base in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for mark in marks]
    return "".join(dict.fromkeys([*latin, *vowels, *"đĐ–—‘’“”…•€₫№"]))


ALPHABET: Final = _alphabet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """The cut font, ready to be put into any document."""

    glyphs: dict[str, int]
    widths: dict[str, int]
    """In thousandths of the size."""
    file: bytes
    """The font itself, compressed."""
    file_size: int
    to_unicode: bytes
    """So that text can be copied and searched; compressed."""
    box: tuple[int, int, int, int]
    ascent: int
    descent: int


@cache
def letters() -> Letters:
    """Cut once; some eighty milliseconds."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(FILE.read_bytes()), lazy=True)
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "FFTM", "kern"]
    cutter = subset.Subsetter(options)
    cutter.populate(text=ALPHABET)
    cutter.subset(font)
    made = io.BytesIO()
    font.save(made)
    # Read back: what was cut knows its numbers only after it was written.
    font = TTFont(io.BytesIO(made.getvalue()))
    names, scale = font.getBestCmap(), 1000 / font["head"].unitsPerEm
    glyphs = {each: font.getGlyphID(names[ord(each)]) for each in ALPHABET}
    head, lines = font["head"], font["hhea"]
    return Letters(
        glyphs=glyphs,
        widths={each: round(font["hmtx"][names[ord(each)]][0] * scale) for each in ALPHABET},
        file=zlib.compress(made.getvalue(), 9),
        file_size=len(made.getvalue()),
        to_unicode=zlib.compress(_to_unicode(glyphs), 9),
        box=_box(round(getattr(head, side) * scale) for side in ("xMin", "yMin", "xMax", "yMax")),
        ascent=round(lines.ascent * scale),
        descent=round(lines.descent * scale),
    )


def _box(sides: Iterable[int]) -> tuple[int, int, int, int]:
    left, bottom, right, top = sides
    return left, bottom, right, top


def _to_unicode(glyphs: dict[str, int]) -> bytes:
    pairs = [f"<{number:04x}> <{ord(each):04x}>" for each, number in glyphs.items()]
    # A block of the language has at most a hundred lines.
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        + "".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar\n" for block in blocks)
        + "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()


def tidy(text: str) -> str:
    """As it can be shown: composed letters, on one line, a question mark for what the font lacks."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    known = letters().glyphs
    return "".join(each if each in known else "?" for each in composed)


def width(text: str, size: float) -> float:
    """How wide tidy text is at a size, in points."""
    widths = letters().widths
    return sum(widths[each] for each in text) * size / 1000


def wrapped(text: str, size: float, room: float) -> list[str]:
    """Tidy text in lines that fit; a word wider than a line is broken where it must be."""
    lines = [""]
    for word in tidy(text).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if width(longer, size) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and width(lines[-1] + letter, size) > room:
                lines.append("")
            lines[-1] += letter
    return lines


def shown(text: str) -> bytes:
    """Tidy text as a content stream has it: `<…>` with two bytes a letter."""
    glyphs = letters().glyphs
    return b"<" + b"".join(b"%04x" % glyphs[each] for each in text) + b">"
