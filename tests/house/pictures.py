"""`make pictures`: the console's pictures for the README and the guides, made from an invented day at a fixed time.

    .venv/bin/python -m tests.house.pictures [NAME …]

Whoever changes a page makes them anew and looks at them.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

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
    "log": Picture(path=lambda world: "/log", height=760),
    "dossier": Picture(path=lambda world: f"/dossiers/{IN_DOUBT_DOSSIERS[0]}", height=930),
    "delivery": Picture(path=lambda world: f"/deliveries/{delivery_of(world, IN_DOUBT_DOSSIERS[0])}"),
    "partner": Picture(path=lambda world: "/partners/national_portal"),
    "mapping": Picture(path=lambda world: "/mapping"),
    "lateness": Picture(path=lambda world: "/lateness"),
    "signature": Picture(path=lambda world: f"/signatures/{world.signatures['made']}", height=1_000),
    "payment": Picture(path=lambda world: f"/payments/{world.payments['paid']}", height=1_000),
}


def main(names: list[str]) -> int:
    """Make them all, or those that are named."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        print("pictures need chromium: apt-get install chromium", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
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
    page.screenshot(path=path, animations="disabled")
    return path.stat().st_size


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
