"""The operators' sentences: `messages.vi.toml` and `messages.en.toml`, the same keys in both."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

from bus.reasons import shown

LANGUAGES: Final = ("vi", "en")
DEFAULT: Final = "vi"


def choose(given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The language asked for, else `$LIENTHONG_LANG`, else Vietnamese."""
    wanted = (given or environ.get("LIENTHONG_LANG") or DEFAULT)[:2].lower()
    return wanted if wanted in LANGUAGES else DEFAULT


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> Mapping[str, str]:
    """Every sentence of one language, by its key."""
    text = files("config").joinpath(f"messages.{language}.toml").read_text(encoding="utf-8")
    found: Mapping[str, str] = tomllib.loads(text)
    return found


def say(key: str, language: str, /, **facts: object) -> str:
    """One sentence. What is not known is a dash, and a yes or no is a word; what a terminal would obey is a code."""
    sentences = catalogue(language)
    return sentences[key].format_map({name: _told(fact, sentences) for name, fact in facts.items()})


def _told(fact: object, sentences: Mapping[str, str]) -> object:
    if fact is None:
        return "–"
    if isinstance(fact, bool):
        return sentences["yes" if fact else "no"]
    return fact if isinstance(fact, int | float) else shown(str(fact))
