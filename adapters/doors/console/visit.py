"""Who looks at a page, and how: what the frame knows of a request before any page is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from bus.rights import Right

Language = Literal["vi", "en"]
Theme = Literal["auto", "light", "dark"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
THEMES: Final[tuple[Theme, ...]] = get_args(Theme)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person's one request."""

    account: str
    """The account's name; empty before sign-in."""
    person: str
    """How it is shown."""
    rights: frozenset[Right]
    units: tuple[str, ...] | None
    """None: every unit; else these and those below them."""
    language: Language
    now: datetime
    address: str
    """Where the request came from."""
    session: int
    csrf: str
    """What every form of this session carries."""
    theme: Theme = "auto"
    page: str = ""
    """The page's name, for the navigation."""
    here: str = ""
    """The address that was asked for, path and query; the way back after a choice of language."""

    def may(self, right: Right) -> bool:
        """Whether this person has the right."""
        return right in self.rights

    @property
    def is_stranger(self) -> bool:
        """Whether nobody has signed in."""
        return not self.account

    @property
    def actor(self) -> str:
        """How moves name this person."""
        return f"person:{self.account}"
