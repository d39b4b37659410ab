"""Pure. A message in words: Vietnamese first, English second, one sentence for each thing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from bus.calendar import VIETNAM
from bus.notices import Message, Notice
from bus.privacy import mask_text
from bus.reasons import shown

Language = Literal["vi", "en"]
LONGEST: Final = 100
"""Characters of one fact: names of partners and settings are shorter."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """How an installation writes."""

    languages: tuple[Language, ...] = ("vi", "en")
    installation: str = ""
    console: str = ""
    """The address of its console; empty: no link is written."""

    def subject(self, message: Message) -> str:
        """One line, in the first language."""
        words = words_of(self.languages[0])
        if message.is_merged:
            said = words["many"].format(n=len(message.notices))
        else:
            said = _say(message.notices[0], "subject", self.languages[0])
        name = f"{words['head']} {self.installation}".strip()
        return f"[{name}] {said}"

    def body(self, message: Message) -> str:
        """All of it, language by language."""
        return "\n\n".join(self._in(message, language) for language in self.languages) + "\n"

    def _in(self, message: Message, language: Language) -> str:
        words = words_of(language)
        lines = [words["at"].format(name=self.installation)] if self.installation else []
        lines += [words["merged"].format(n=len(message.notices))] if message.is_merged else []
        for notice in message.notices:
            mark = "- " if message.is_merged else ""
            lines.append(f"{mark}{sentence(notice, language)}")
        lines += [words["link"].format(url=f"{self.console}/console/incidents")] if self.console else []
        return "\n".join([*lines, words["foot"]])


def sentence(notice: Notice, language: Language) -> str:
    """What one notice says."""
    return _say(notice, "text", language)


def _say(notice: Notice, part: str, language: Language) -> str:
    words = words_of(language)
    cause = "key_ended" if notice.cause == "key_ends" and notice.facts.get("days") == 0 else notice.cause
    facts = {name: _fact(value) for name, value in notice.facts.items()}
    if notice.cause == "door_refusals":
        facts["subject"] = facts["subject"] or words["nobody"]
    return str(words[cause][part]).format(**facts)


def _fact(value: str | int) -> str:
    """A number with its points, a time as it is told in Vietnam, anything else as harmless text."""
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".")
    if _DATE.fullmatch(value):
        return f"{date.fromisoformat(value):%d/%m/%Y}"
    if _DATE.match(value):
        return f"{datetime.fromisoformat(value).astimezone(VIETNAM):%d/%m/%Y %H:%M} +07:00"
    return shown(mask_text(value))[:LONGEST]


@cache
def words_of(language: Language) -> Mapping[str, Any]:
    """The catalogue of one language."""
    return tomllib.loads(files("adapters.notices").joinpath(f"words.{language}.toml").read_text(encoding="utf-8"))
