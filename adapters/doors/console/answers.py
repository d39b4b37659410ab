"""What a page may answer: a closed list. The frame makes HTTP of it; no page knows of responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie of the console's; HttpOnly and SameSite=Lax always, Secure where the console's address is https."""

    name: str
    value: str
    life: timedelta | None = None
    """None: until the browser is closed. Nothing: it is taken away."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, or a part of one where htmx asked."""

    template: str
    view: Any = None
    status: int = 200
    cookies: tuple[Cookie, ...] = ()
    connects: str = ""
    """Where else than here this page's script may speak to: a program beside the browser, as CSP names sources."""


@dataclass(frozen=True, slots=True)
class Gone:
    """See there: after a form, always. `said` is a key of the words, told once on the page that is shown next."""

    to: str
    said: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The browser has a session from now on. `carried`: what was typed before the last one ended, sealed."""

    token: str
    to: str
    account: str
    carried: str = ""
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The browser has no session any more."""

    to: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A body as it is. Always offered as a file or as plain text: never as something that a browser would run."""

    body: bytes
    media_type: str
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A file made while it is sent; each chunk is made in a thread of the console's."""

    chunks: Iterator[bytes]
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Live:
    """Server-sent events: (event's name, html), and where it came to, for a browser that comes back."""

    events: AsyncIterator[tuple[str, str] | tuple[str, str, str]]


Answer: TypeAlias = Shown | Gone | SignedIn | SignedOut | Bytes | Stream | Live


class Wrong(Exception):
    """What was asked cannot be done: `key` says what is wrong, `<key>_cure` how to go on. Both are words."""

    def __init__(self, key: str, /, *, field: str | None = None, status: int = 422, **facts: str | int) -> None:
        self.key = key
        self.field = field
        self.status = status
        self.facts = facts
        super().__init__(key)
