"""Settings of the operators' console."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from config.door_settings import ADDRESS, Positive
from config.oidc_settings import OidcSettings


class ConsoleSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operators' pages, below `/console/` of the doors."""

    enabled: bool = True
    """Off: none of its addresses is there."""
    public_url: str = ""
    """The address that operators type, `https://lienthong.h99.example.invalid`: where forms may come from. Empty: this
    machine's own only (localhost, or an IP address), by plain HTTP. With https, cookies are sent by https alone."""
    installation: Annotated[str, Meta(max_length=80)] = ""
    """What the head of each page calls this installation."""
    support: Annotated[str, Meta(max_length=200)] = ""
    """Whom operators call; stands at the foot of each page."""
    session_minutes: Positive = 720.0
    """How long a session holds at most: a working day."""
    idle_minutes: Positive = 30.0
    """How long without a page before it ends. What was typed is kept for the next sign-in."""
    four_eyes_above: Annotated[int, Meta(ge=0)] = 20
    """A repair of more deliveries at once than this waits for a second person's approval."""
    threads: Annotated[int, Meta(ge=1, le=64)] = 8
    """Pages that are made at once: threads of their own, so that slow pages take nothing from the doors."""
    live: Annotated[int, Meta(ge=0, le=256)] = 64
    """Live pages open at once; past that a page shows itself without moving."""
    query_limit_s: Positive = 5.0
    """After so long a question to the ledger is given up, and the page says how to narrow it."""
    proxy_networks: tuple[str, ...] = ()
    """Proxies in front whose X-Forwarded-For is believed, `10.0.0.2/32`: the audit keeps callers' addresses by it."""
    oidc: OidcSettings | None = None

    def __post_init__(self) -> None:
        if self.public_url and not ADDRESS.fullmatch(self.public_url):
            raise ValueError(
                "public_url must be a whole http(s) address, such as https://lienthong.h99.example.invalid"
            )
        if self.idle_minutes > self.session_minutes:
            raise ValueError("idle_minutes must not be longer than session_minutes")
