"""The console's own files: vendored scripts are the ones that were looked at, and every colour can be read."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from adapters.doors.console import static
from tests.house.tree import ROOT

VENDOR = ROOT / "adapters" / "doors" / "console" / "static" / "vendor"
CSS = (ROOT / "adapters" / "doors" / "console" / "static" / "console.css").read_text(encoding="utf-8")
SCRIPT = (ROOT / "adapters" / "doors" / "console" / "static" / "app.js").read_text(encoding="utf-8")


# -- what is vendored --------------------------------------------------------------------------------------------------


def digest(path: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def test_vendored_files_are_the_ones_that_were_looked_at() -> None:
    """Each vendored file has the digest that stands in the list, each listed one is there, and pages name it."""
    listed = dict(line.split(" ") for line in (VENDOR / "DIGESTS").read_text().splitlines())
    there = {path.name: digest(path) for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    served = {name.removeprefix("vendor/"): file.integrity for name, file in static.load().items() if "/" in name}

    assert listed == there
    assert listed == served


def test_vendored_files_have_their_licences() -> None:
    """Beside each vendored work stands its licence, and NOTICE names it."""
    works = {re.split(r"-\d", path.name)[0] for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")

    assert {"htmx", "uplot"} == works
    for work in works:
        assert (VENDOR / f"{work}-LICENSE").read_text(encoding="utf-8").strip()
        assert re.search(rf"^- {work} \d", notice, re.MULTILINE)


def test_only_known_kinds_are_served() -> None:
    """What lies beside the files, licences and lists of digests, is served to nobody."""
    assert {"css", "js", "svg"} == {name.rpartition(".")[2] for name in static.load()}


# -- what a strict policy allows ---------------------------------------------------------------------------------------


def test_our_script_evaluates_nothing() -> None:
    """Our script makes no code and no markup of text."""
    assert [] == re.findall(r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", SCRIPT)


def test_our_styles_load_nothing() -> None:
    """The stylesheet asks for no file, here or elsewhere; patterns of the page itself are none."""
    assert [] == re.findall(r"url\((?!\"#)|@import", CSS)


# -- colours -----------------------------------------------------------------------------------------------------------

BLOCKS = {
    "light": re.search(r":root \{(.*?)\n\}", CSS, re.DOTALL),
    "dark": re.search(r':root\[data-theme="dark"\] \{(.*?)\n\}', CSS, re.DOTALL),
    "dark by the machine": re.search(r':root\[data-theme="auto"\] \{(.*?)\n  \}', CSS, re.DOTALL),
}


def colours(name: str) -> dict[str, str]:
    found = BLOCKS[name]
    assert found
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", found[1]))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("page", "paper", "sunken")
TEXTS = [(text, ground) for text in ("text", "muted", "link", "good", "warn", "bad", "info") for ground in GROUNDS] + [
    *(("text", f"{kind}-soft") for kind in ("good", "warn", "bad", "info", "accent")),
    *((kind, f"{kind}-soft") for kind in ("good", "warn", "bad", "info")),
    ("link", "accent-soft"),
    ("accent-text", "accent"),
    ("grave-text", "grave"),
    ("top-text", "top"),
    ("top-muted", "top"),
]
SIGNS = [(sign, ground) for sign in ("edge", "focus", "accent", "grave") for ground in GROUNDS] + [
    *((f"series-{n}", ground) for n in range(1, 5) for ground in ("page", "paper")),
]


@pytest.mark.parametrize("name", BLOCKS)
def test_text_can_be_read(name: str) -> None:
    """Every text on every ground it stands on has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)."""
    table = colours(name)
    weak = {pair: round(contrast(*(table[one] for one in pair)), 2) for pair in TEXTS}

    assert {} == {pair: ratio for pair, ratio in weak.items() if ratio < 4.5}


@pytest.mark.parametrize("name", BLOCKS)
def test_signs_can_be_seen(name: str) -> None:
    """Borders of fields, focus, and lines of charts have a contrast of 3 or more (WCAG 2.2, 1.4.11)."""
    table = colours(name)
    weak = {pair: round(contrast(*(table[one] for one in pair)), 2) for pair in SIGNS}

    assert {} == {pair: ratio for pair, ratio in weak.items() if ratio < 3}


def test_dark_is_dark_by_choice_and_by_machine() -> None:
    """Who chooses dark sees the same as whose machine is dark, and each colour of the light is named for the dark."""
    assert colours("dark") == colours("dark by the machine")
    assert colours("light").keys() == colours("dark").keys()


def test_every_name_of_a_colour_is_known() -> None:
    """No rule uses a custom property that nobody defined, and below the top no colour stands without a name."""
    defined = set(re.findall(r"(--[a-z0-9_-]+):", CSS))
    rules = CSS.partition("/* --- ground --- */")[2].partition("@media print")[0]

    assert set() == set(re.findall(r"var\((--[a-z0-9_-]+)", CSS)) - defined
    assert [] == re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*;)", rules)
