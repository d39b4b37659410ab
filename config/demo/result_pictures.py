"""The pictures of visible signatures in the demo: an invented hand in blue, an invented seal in red that says MẪU.

PNG without background, as annex I of decree 30/2020/NĐ-CP asks. Drawn, not scanned: nobody's hand, no agency's seal.
"""

from __future__ import annotations

import io
import math
import zlib
from functools import cache
from random import Random
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from signing.letters import FILE

BLUE: Final = (22, 60, 160, 255)
RED: Final = (200, 24, 30, 235)
CLEAR: Final = (255, 255, 255, 0)
FINE: Final = 4
"""Drawn so many times as large, then made smaller: that is what smooths the edges."""


@cache
def signature_picture(name: str) -> bytes:
    """A hand that is this name's, always the same."""
    wide, high = 420 * FINE, 160 * FINE
    rng = Random(zlib.crc32(name.encode()))  # noqa: S311  # a drawing, not a secret
    image = Image.new("RGBA", (wide, high), CLEAR)
    pen = ImageDraw.Draw(image)
    loops, lean = rng.randint(5, 8), rng.uniform(0.3, 0.6)
    points = []
    for step in range(600):
        along = step / 600
        swing = math.sin(along * loops * 2 * math.pi) * (1 - along * 0.75) * rng.uniform(0.99, 1.01)
        x = 0.1 + along * 0.7 + 0.045 * math.cos(along * loops * 2 * math.pi) + lean * 0.06 * swing
        y = 0.5 - 0.3 * swing + 0.05 * math.sin(along * 3)
        points.append((x * wide, y * high))
    pen.line(points, fill=BLUE, width=5 * FINE, joint="curve")
    tail = [(0.8 - 0.62 * each / 60, 0.62 + 0.16 * math.sin(each / 60 * math.pi * 0.8)) for each in range(61)]
    pen.line([(x * wide, y * high) for x, y in tail], fill=BLUE, width=4 * FINE, joint="curve")
    return _png(image, (420, 160))


@cache
def seal_picture(around: str, inside: str = "MẪU") -> bytes:
    """A round seal with the agency's name around a star."""
    size = 360 * FINE
    image = Image.new("RGBA", (size, size), CLEAR)
    pen, middle = ImageDraw.Draw(image), size / 2
    for radius, width in ((0.49, 7), (0.455, 3), (0.31, 3)):
        edge = radius * size
        pen.ellipse((middle - edge, middle - edge, middle + edge, middle + edge), outline=RED, width=width * FINE)
    _letters_around(image, around, middle, 0.385 * size)
    pen.polygon(list(_star(middle, middle - 0.05 * size, 0.16 * size)), fill=RED)
    pen.text((middle, middle + 0.18 * size), inside, font=_font(34), fill=RED, anchor="mm")
    return _png(image, (360, 360))


def _letters_around(image: Image.Image, text: str, middle: float, radius: float) -> None:
    letters = f"{text} * "
    for number, letter in enumerate(letters):
        angle = 2 * math.pi * number / len(letters) - math.pi * 0.9
        stamp = Image.new("RGBA", (60 * FINE, 60 * FINE), CLEAR)
        ImageDraw.Draw(stamp).text((30 * FINE, 30 * FINE), letter, font=_font(34), fill=RED, anchor="mm")
        turned = stamp.rotate(-math.degrees(angle), resample=Image.Resampling.BICUBIC)
        x, y = middle + radius * math.sin(angle), middle - radius * math.cos(angle)
        image.alpha_composite(turned, (round(x - 30 * FINE), round(y - 30 * FINE)))


def _star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    turns = [(radius if number % 2 == 0 else radius * 0.4, number * math.pi / 5) for number in range(10)]
    return [(x + far * math.sin(angle), y - far * math.cos(angle)) for far, angle in turns]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FILE), size * FINE)


def _png(image: Image.Image, size: tuple[int, int]) -> bytes:
    made = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(made, "PNG", optimize=True)
    return made.getvalue()
