"""Trouble as pages: what is wrong and how to go on, in words, with the status that says the same to machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from adapters.doors.console.answers import Shown, Wrong

NO_FACTS: Final[Mapping[str, str | int]] = MappingProxyType({})


class Busy(Exception):
    """All threads of the console have work, and many wait already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What the page of a trouble shows; `key` has words for what is wrong, `<key>_cure` for how to go on."""

    key: str
    facts: Mapping[str, str | int]
    reference: str = ""
    back: str = ""
    """A link to the page without what was wrong."""


def page(
    key: str, status: int, *, reference: str = "", back: str = "", facts: Mapping[str, str | int] = NO_FACTS
) -> Shown:
    """A page of trouble."""
    return Shown("trouble.html", Trouble(key=key, facts=facts, reference=reference, back=back), status)


def of_wrong(wrong: Wrong, back: str) -> Shown:
    """What was asked cannot be done."""
    return page(wrong.key, wrong.status, back=back, facts=wrong.facts)
