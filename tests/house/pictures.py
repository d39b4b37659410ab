"""`make pictures`: the console's pictures for the README and the guides, made from an invented day at a fixed time.

    .venv/bin/python -m tests.house.pictures [NAME …]

Whoever changes a page makes them anew and looks at them.
"""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.browser.places import delivery_of
from tests.console_kit import PROGRAMS, Chromium, Seat, Seats
from tests.console_world import IN_DOUBT_DOSSIERS, ConsoleWorld, console_world

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
LARGEST: Final = 200_000
"""Bytes: a README with eight of them is still read on a telephone."""
WIDTH: Final = 1280


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One page as it is shown."""

    path: Callable[[ConsoleWorld], str]
    height: int = 860
    prepare: Callable[[Page, ConsoleWorld], None] = lambda page, world: None
    """What is pressed before."""


PICTURES: Final[Mapping[str, Picture]] = {
    "today": Picture(path=lambda world: "/"),
    "log": Picture(path=lambda world: "/log"),
    "dossier": Picture(path=lambda world: f"/dossiers/{IN_DOUBT_DOSSIERS[0]}", height=1000),
    "delivery": Picture(path=lambda world: f"/deliveries/{delivery_of(world, IN_DOUBT_DOSSIERS[0])}"),
    "partner": Picture(path=lambda world: "/partners/national_portal"),
    "mapping": Picture(path=lambda world: "/mapping"),
    "run": Picture(path=lambda world: "/runs/2"),
    "lateness": Picture(path=lambda world: "/lateness"),
}


def main(names: list[str]) -> int:
    """Make them all, or those that are named."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        print("pictures need chromium: apt-get install chromium", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, console_world(Path(folder), dossiers=160, steps=640) as world:
        chromium = Chromium(program)
        try:
            return _take(world, chromium, names or list(PICTURES))
        finally:
            chromium.close()


def _take(world: ConsoleWorld, chromium: Chromium, names: list[str]) -> int:
    chromium.wake()
    here = Seats(world, chromium)("everything", viewport={"width": WIDTH, "height": 860})
    too_large = 0
    for name in names:
        path = FOLDER / f"console-{name}.png"
        size = take(here, PICTURES[name], path)
        too_large += size > LARGEST
        print(f"{size:7} {path.relative_to(FOLDER.parents[1])}")
    return 1 if too_large else 0


def take(here: Seat, picture: Picture, path: Path) -> int:
    """One picture; its size in bytes."""
    here.page.set_viewport_size({"width": WIDTH, "height": picture.height})
    page = here.open(picture.path(here.world))
    picture.prepare(page, here.world)
    page.wait_for_function("() => document.fonts.status === 'loaded'")
    path.write_bytes(smaller(page.screenshot(animations="disabled")))
    return path.stat().st_size


# -- PNG: screenshots of text have few colours, so most of them fit a palette, at a third of the size -----------------


def smaller(png: bytes) -> bytes:
    """The same picture with a palette where it has at most 256 colours; else packed harder, no pixel changed."""
    width, height, channels, rows = _opened(png)
    pixels = [row[i : i + 3] for row in rows for i in range(0, width * channels, channels)]
    colours = sorted(set(pixels))
    if len(colours) > 256:
        nearest = _coarse(colours)
        pixels = [nearest[pixel] for pixel in pixels]
        colours = sorted(set(pixels))
    if len(colours) > 256:
        return png
    place = {colour: n for n, colour in enumerate(colours)}
    flat = bytes(place[pixel] for pixel in pixels)
    raw = b"".join(b"\x00" + flat[n * width : (n + 1) * width] for n in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, body)
        for name, body in (
            (b"IHDR", head),
            (b"PLTE", b"".join(colours)),
            (b"IDAT", zlib.compress(raw, 9)),
            (b"IEND", b""),
        )
    )


def _coarse(colours: list[bytes]) -> dict[bytes, bytes]:
    """Each colour on a grid just coarse enough: what edges of letters are shaded in, nobody tells apart."""
    for step in (2, 4, 6, 8, 12, 16, 24, 32, 48):
        made = {colour: bytes(min(255, round(part / step) * step) for part in colour) for colour in colours}
        if len(set(made.values())) <= 256:
            return made
    return {colour: colour for colour in colours}


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _opened(png: bytes) -> tuple[int, int, int, list[bytes]]:
    """Width, height, bytes of a pixel, and the rows: 8-bit colour, not interlaced, as Chromium writes them."""
    at, packed, head = 8, b"", b""
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        head, packed = (body, packed) if name == b"IHDR" else (head, packed + body if name == b"IDAT" else packed)
        at += size + 12
    width, height, _depth, kind = struct.unpack(">IIBB", head[:10])
    channels = {2: 3, 6: 4}[kind]
    return width, height, channels, _rows(zlib.decompress(packed), width * channels, channels)


def _rows(raw: bytes, length: int, channels: int) -> list[bytes]:
    """Filters undone (PNG, section 9)."""
    rows: list[bytes] = []
    before = bytes(length)
    for at in range(0, len(raw), length + 1):
        row = bytearray(raw[at + 1 : at + 1 + length])
        _FILTERS[raw[at]](row, before, channels)
        before = bytes(row)
        rows.append(before)
    return rows


def _sub(row: bytearray, _before: bytes, step: int) -> None:
    for i in range(step, len(row)):
        row[i] = (row[i] + row[i - step]) & 255


def _up(row: bytearray, before: bytes, _step: int) -> None:
    row[:] = bytes((a + b) & 255 for a, b in zip(row, before, strict=True))


def _average(row: bytearray, before: bytes, step: int) -> None:
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        row[i] = (row[i] + (left + before[i]) // 2) & 255


def _paeth(row: bytearray, before: bytes, step: int) -> None:
    for i in range(len(row)):
        a, b, c = (row[i - step], before[i], before[i - step]) if i >= step else (0, before[i], 0)
        p = a + b - c
        near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))
        row[i] = (row[i] + near[2]) & 255


_FILTERS: Final = (lambda row, before, step: None, _sub, _up, _average, _paeth)

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
