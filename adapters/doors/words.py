"""The doors' sentences in Vietnamese and English: one catalogue a language, loaded when first asked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

VIETNAMESE: Final = "vi"
ENGLISH: Final = "en"
LANGUAGES: Final = (VIETNAMESE, ENGLISH)


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> Mapping[str, Any]:
    """`problems.<code>` and `faults.<code>` with title and detail; `reasons.<reason>` with a sentence."""
    text = files("adapters.doors").joinpath(f"problems.{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def title(code: str, language: str) -> str:
    """A problem's title."""
    return str(catalogue(language)["problems"][code]["title"])


def detail(code: str, language: str) -> str:
    """A problem's detail: what is wrong and what to do."""
    return str(catalogue(language)["problems"][code]["detail"])


def fault(code: str, language: str) -> tuple[str, str]:
    """Title and detail of a Fault of the SOAP door."""
    told = catalogue(language)["faults"][code]
    return str(told["title"]), str(told["detail"])


def reason(name: str, language: str, facts: Mapping[str, str]) -> str:
    """Why one member is not taken."""
    return str(catalogue(language)["reasons"][name]).format_map(facts)


def choose(accept_language: str | None) -> str:
    """The language to answer in, by `Accept-Language`; Vietnamese unless English is wanted more."""
    wanted: dict[str, float] = {}
    for part in (accept_language or "").split(",")[:20]:
        tag, _, weight = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary in LANGUAGES:
            wanted[primary] = max(wanted.get(primary, 0.0), _quality(weight))
    return ENGLISH if wanted.get(ENGLISH, 0.0) > wanted.get(VIETNAMESE, 0.0) else VIETNAMESE


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    try:
        return min(max(float(value), 0.0), 1.0) if name == "q" else 1.0
    except ValueError:
        return 0.0
