"""Signing in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.doors.console.answers import Answer, Shown, SignedOut
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import PREFIX, is_ours, url_for
from adapters.doors.console.page import Page
from adapters.doors.console.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The form."""

    to: str
    name: str = ""
    wrong: str = ""
    wait: int = 0
    carried: str = ""
    why: str = ""
    """Why the form is shown, where nobody asked for it: `ended`, `needed`."""


def show(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /login."""
    return Shown("login.html", Login(to=way_on(asked.query.get("next", ""))))


def leave(console: Console, visit: Visit, asked: Asked) -> Answer:
    """POST /logout."""
    return SignedOut(url_for("login"), "common.signed_out")


def way_on(address: str) -> str:
    """Where to go after sign-in: a page of ours, never anything else."""
    return address if is_ours(address) else f"{PREFIX}/"


PAGES: Final = (
    Page("GET", "/login", "login", show, None, is_open=True),
    Page("POST", "/logout", "logout", leave, None),
)
