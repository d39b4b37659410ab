"""What a visible signature shows, and where it stands.

The rules are those of annex I of decree 30/2020/NĐ-CP, as public texts restate them. The one who signs: a blue picture
of the signature, without background, between title and name. The agency: its red seal in its real size, over about a
third of the signer's picture, on the left. A certified copy: no picture; its kind, the agency, and the time in ISO
8601 with Vietnam's zone, top right on the first page, upright, 10 points, black. Where no picture is given, the words
stand in a frame of the same colour. That a seal is 36 mm wide is from memory.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import Any, Final, Literal

from signing.errors import DocumentRefused
from signing.letters import NAME, letters, shown, width, wrapped
from signing.page_shape import Box as Box
from signing.page_shape import Sheet

Kind = Literal["official", "agency", "copy"]

SEAL: Final = 36 / 25.4 * 72
"""Points across a seal."""
SHARE: Final = 1 / 3
"""So much of the signer's picture the seal covers."""
VIETNAM: Final = timezone(timedelta(hours=7))
SIZE: Final = 10.0
"""Points of a certified copy's letters; elsewhere the largest, made smaller until the words fit."""
SMALLEST: Final = 4.0
LEADING: Final = 1.2
MOST_PICTURE: Final = 2_000_000
MOST_PIXELS: Final = 4_000_000
MOST_LINES: Final = 12
MOST_LETTERS: Final = 200

_COLOURS: Final = {"official": b"0.05 0.2 0.6", "agency": b"0.8 0.1 0.1", "copy": b"0 0 0"}
_WORDS: Final[dict[str, tuple[float, float]]] = {"official": (170, 64), "agency": (120, 64), "copy": (230, 38)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What to show."""

    kind: Kind
    page: int = -1
    """From 1; -1 is the last."""
    box: Box | None = None
    """In points from the lower left corner of the page as it is seen; None: where the rules want it."""
    image: bytes | None = None
    """A PNG, without background."""
    lines: Sequence[str] = ()


def copy_lines(kind: str, agency: str, at: datetime) -> tuple[str, ...]:
    """The three facts of a certified copy: `SAO Y`, whose, and when."""
    return kind, agency, at.astimezone(VIETNAM).isoformat(timespec="seconds")


def signed_lines(name: str, title: str | None, at: datetime) -> tuple[str, ...]:
    """What stands in place of a picture."""
    said = f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S} +07:00"
    return (f"Ký bởi: {name}", *([f"Chức vụ: {title}"] if title else []), f"Ký lúc: {said}")


def place(appearance: Appearance, page: Box, signed: Box | None) -> Box:
    """Where it goes on a page of this size. `signed` is the box of the signature that is there already."""
    if appearance.box is not None:
        return on_page(appearance.box, page)
    # Words in place of a seal would cover the signer's words: only a picture without background goes over.
    is_seal = appearance.kind == "agency" and appearance.image is not None
    wide, high = (SEAL, SEAL) if is_seal else _WORDS[appearance.kind]
    left, bottom, right, top = page
    if appearance.kind == "copy":
        # In the margin above the first line, which the decree has at 20 mm or more.
        return on_page((right - 28 - wide, top - 10 - high, right - 28, top - 10), page)
    if appearance.kind == "agency" and signed is not None:
        # A seal's right edge goes a third into the signer's picture, both in one line; words end before it.
        x = signed[0] + ((signed[2] - signed[0]) * SHARE if is_seal else -6)
        y = (signed[1] + signed[3]) / 2
        return on_page((max(x - wide, left), y - high / 2, x, y + high / 2), page)
    start = left + (right - left) * (0.58 if appearance.kind == "official" else 0.38)
    return on_page((start, bottom + 150, start + wide, bottom + 150 + high), page)


def on_page(box: Box, page: Box) -> Box:
    """The box, when it is on the page and large enough to be seen. Raises DocumentRefused."""
    x1, y1, x2, y2 = (round(float(each), 2) for each in box)
    slack = 1.0
    if not (page[0] - slack <= x1 < x2 <= page[2] + slack and page[1] - slack <= y1 < y2 <= page[3] + slack):
        raise DocumentRefused("document_box_outside", "the place for the visible signature is not on the page")
    if x2 - x1 < 8 or y2 - y1 < 8:
        raise DocumentRefused("document_box_outside", "the place for the visible signature is too small to be seen")
    return x1, y1, x2, y2


# -- drawing -----------------------------------------------------------------------------------------------------------


def draw(appearance: Appearance, wide: float, high: float) -> bytes:
    """The content stream of a form of this size: `/Im0` is the picture, `/F0` the letters."""
    if appearance.image is not None:
        pixels = picture(appearance.image).size
        scale = min(wide / pixels[0], high / pixels[1])
        across, up = pixels[0] * scale, pixels[1] * scale
        return b"q %.2f 0 0 %.2f %.2f %.2f cm /Im0 Do Q" % (across, up, (wide - across) / 2, (high - up) / 2)
    colour = _COLOURS[appearance.kind]
    if appearance.kind == "copy":
        return _words(appearance.lines, wide, high, colour, margin=0.0, largest=SIZE)
    frame = b"q %b RG 0.8 w 0.4 0.4 %.2f %.2f re S Q\n" % (colour, wide - 0.8, high - 0.8)
    return frame + _words(appearance.lines, wide, high, colour, margin=4.0, largest=SIZE)


def words(lines: Sequence[str], wide: float, high: float, *, size: float = 13.0) -> bytes:
    """Black text from the upper left corner, no larger than this and small enough to fit."""
    return _words(lines, wide, high, b"0 0 0", margin=0.0, largest=size)


def _words(lines: Sequence[str], wide: float, high: float, colour: bytes, *, margin: float, largest: float) -> bytes:
    size, rows = _fitted(
        [each[:MOST_LETTERS] for each in lines[:MOST_LINES]], wide - 2 * margin, high - margin, largest
    )
    ascent = letters().ascent * size / 1000
    head = b"BT %b rg /F0 %.2f Tf %.2f TL %.2f %.2f Td\n" % (
        colour,
        size,
        size * LEADING,
        margin,
        high - margin / 2 - ascent,
    )
    return head + b"".join(b"%b Tj T*\n" % shown(row) for row in rows) + b"ET"


def _fitted(lines: Sequence[str], wide: float, high: float, largest: float) -> tuple[float, list[str]]:
    """The largest letters with which all of it fits; the smallest that can be read where nothing does."""
    size = largest
    while True:
        rows = [row for line in lines for row in wrapped(line, size, wide)]
        if size <= SMALLEST or len(rows) * size * LEADING <= high:
            return size, rows
        size = max(size - 0.5, SMALLEST)


def text_width(text: str, size: float) -> float:
    """How wide a line would be."""
    return width(text, size)


# -- pictures ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as a PDF has it: colours and transparency apart, both compressed."""

    size: tuple[int, int]
    colours: bytes
    alpha: bytes


@lru_cache(maxsize=16)
def picture(png: bytes) -> Picture:
    """Read once: the same seal stands on a thousand results. Raises DocumentRefused."""
    from PIL import Image

    if len(png) > MOST_PICTURE:
        raise DocumentRefused("document_picture_wrong", f"the picture has {len(png)} bytes; at most {MOST_PICTURE}")
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as read:
            if read.width * read.height > MOST_PIXELS:
                raise DocumentRefused("document_picture_wrong", f"the picture has more than {MOST_PIXELS} pixels")
            whole = read.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as trouble:
        raise DocumentRefused("document_picture_wrong", "the picture is not a PNG that can be read") from trouble
    return Picture(
        size=whole.size,
        colours=zlib.compress(whole.convert("RGB").tobytes(), 9),
        alpha=zlib.compress(whole.getchannel("A").tobytes(), 9),
    )


# -- PDF objects -------------------------------------------------------------------------------------------------------


def form_object(
    writer: Any, content: bytes, box: Box, sheet: Sheet, *, image: bytes | None = None, font: Any = None
) -> Any:
    """The drawing as a form XObject of this document; its reference. `box` is as seen; `font` one of this revision."""
    from pyhanko.pdf_utils.generic import DictionaryObject as Dict
    from pyhanko.pdf_utils.generic import NameObject as Name

    resources = Dict()
    if image is not None:
        resources[Name("/XObject")] = Dict({Name("/Im0"): _image_object(writer, picture(image))})
    else:
        resources[Name("/Font")] = Dict({Name("/F0"): font or font_object(writer)})
    shape = {"/Type": "/XObject", "/Subtype": "/Form", "/BBox": [0.0, 0.0, box[2] - box[0], box[3] - box[1]]}
    if sheet.matrix is not None:
        shape["/Matrix"] = sheet.matrix
    return writer.add_object(stream(shape | {"/Resources": resources}, zlib.compress(content)))


def _image_object(writer: Any, read: Picture) -> Any:
    shape = {"/Type": "/XObject", "/Subtype": "/Image", "/Width": read.size[0], "/Height": read.size[1]}
    grey = shape | {"/ColorSpace": "/DeviceGray", "/BitsPerComponent": 8}
    mask = writer.add_object(stream(grey, read.alpha))
    colour = shape | {"/ColorSpace": "/DeviceRGB", "/BitsPerComponent": 8, "/SMask": mask}
    return writer.add_object(stream(colour, read.colours))


def font_object(writer: Any) -> Any:
    """The letters in this document; the reference of the font."""
    cut = letters()
    file = writer.add_object(stream({"/Length1": cut.file_size}, cut.file))
    about = {
        "/Type": "/FontDescriptor",
        "/FontName": f"/{NAME}",
        "/Flags": 4,
        "/FontBBox": list(cut.box),
        "/ItalicAngle": 0,
        "/Ascent": cut.ascent,
        "/Descent": cut.descent,
        "/CapHeight": 662,
        "/StemV": 80,
        "/FontFile2": file,
    }
    below = {
        "/Type": "/Font",
        "/Subtype": "/CIDFontType2",
        "/BaseFont": f"/{NAME}",
        "/CIDSystemInfo": {"/Registry": b"Adobe", "/Ordering": b"Identity", "/Supplement": 0},
        "/FontDescriptor": writer.add_object(noun(about)),
        "/CIDToGIDMap": "/Identity",
        "/W": _widths(),
    }
    font = {
        "/Type": "/Font",
        "/Subtype": "/Type0",
        "/BaseFont": f"/{NAME}",
        "/Encoding": "/Identity-H",
        "/DescendantFonts": [writer.add_object(noun(below))],
        "/ToUnicode": writer.add_object(stream({}, cut.to_unicode)),
    }
    return writer.add_object(noun(font))


@cache
def _widths() -> Any:
    """Written once: three hundred numbers as nouns cost more time than all the rest of a visible signature."""
    from pyhanko.pdf_utils.generic import PdfObject

    class Written(PdfObject):
        def write_to_stream(self, stream: Any, handler: Any = None, container_ref: Any = None) -> None:
            stream.write(text)

    cut = letters()
    text = b"[%b]" % b" ".join(b"%d [%d]" % (number, cut.widths[each]) for each, number in cut.glyphs.items())
    return Written()


def stream(members: dict[str, Any], compressed: bytes) -> Any:
    """A stream object around what is compressed already."""
    from pyhanko.pdf_utils.generic import StreamObject

    return StreamObject(noun(members | {"/Filter": "/FlateDecode"}), encoded_data=compressed)


def noun(value: Any) -> Any:
    """Plain values as the PDF library has them; what is one of its own already stays."""
    from pyhanko.pdf_utils import generic

    if isinstance(value, generic.PdfObject):
        return value
    if isinstance(value, dict):
        return generic.DictionaryObject({generic.NameObject(key): noun(each) for key, each in value.items()})
    if isinstance(value, list):
        return generic.ArrayObject(noun(each) for each in value)
    if isinstance(value, str):
        return generic.NameObject(value)
    if isinstance(value, bytes):
        return generic.ByteStringObject(value)
    return generic.FloatObject(f"{value:.2f}") if isinstance(value, float) else generic.NumberObject(value)
