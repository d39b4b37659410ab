"""The pages' words, in Vietnamese and English: one pair of files a page, `words/<page>.vi.toml` and `.en.toml`."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import structlog

from adapters.doors.console.visit import LANGUAGES, Language

log = structlog.get_logger("console")

FIRST: Final[Language] = "vi"


class WordMissing(KeyError):
    """A key that no catalogue has; add it to both languages."""


class WordsRefused(ValueError):
    """A catalogue cannot be used as it stands."""


class Words:
    """Says keys. Strict in tests: there a missing word is an error, on a page it is the key itself and a log line."""

    def __init__(self, tables: Mapping[Language, Mapping[str, str]], *, strict: bool = False) -> None:
        self._tables = tables
        self._strict = strict

    def say(self, language: Language, key: str, /, **facts: object) -> str:
        """The words, with their facts in place. Raises WordMissing where strict."""
        text = self._tables[language].get(key)
        if text is None:
            return self._missing(key)
        return text.format_map(facts) if "{" in text else text

    def has(self, key: str) -> bool:
        """Whether the words are there, in every language."""
        return all(key in self._tables[language] for language in LANGUAGES)

    def keys(self, language: Language) -> frozenset[str]:
        """Every key of a language."""
        return frozenset(self._tables[language])

    def text(self, language: Language, key: str) -> str:
        """The words as they stand in the catalogue."""
        return self._tables[language][key]

    def _missing(self, key: str) -> str:
        if self._strict:
            raise WordMissing(key)
        log.error("word_missing", key=key)
        return key


def load(*, strict: bool = False) -> Words:
    """Every catalogue there is. Raises WordsRefused."""
    return Words({language: _table(language) for language in LANGUAGES}, strict=strict)


def _table(language: Language) -> dict[str, str]:
    found: dict[str, str] = {}
    folder = files("adapters.doors.console").joinpath("words")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        stem, _, rest = file.name.partition(".")
        if rest == f"{language}.toml":
            found |= read(stem, file.read_text(encoding="utf-8"))
    return found


def read(stem: str, document: str) -> dict[str, str]:
    """One file's words, each under `<stem>.<key>`; tables within it add their names. Raises WordsRefused."""
    found = dict(_flat(stem, tomllib.loads(document)))
    for key, text in found.items():
        if not unicodedata.is_normalized("NFC", text):
            raise WordsRefused(f"{key} is not composed (NFC): a search would not find what it reads")
    return found


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, dict):
            yield from _flat(key, value)
        elif isinstance(value, str):
            yield key, value
        else:
            raise WordsRefused(f"{key} is not text")
