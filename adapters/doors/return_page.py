"""Where a citizen comes back to from a gateway's page: what the ledger knows, and nothing that a browser said.

The address holds a token instead of the reference: the reference, sealed for its gateway under a key of the ledger's.
Who has none learns nothing, not even whether there is such a payment. The page needs no script, tells nothing personal,
and believes no parameter: a browser that comes back proves nothing (contracts/payment_platform/NOTES.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Router

from adapters.doors.words import LANGUAGES
from bus.calendar import VIETNAM
from bus.errors import LedgerTrouble
from bus.ports import Clock

ROUTE: Final = "/callbacks/{partner}/return/{token}"
LONGEST_TOKEN: Final = 400
SOON: Final = 5
"""Seconds until an undecided page looks again: a callback takes about as long."""
LATER: Final = 60
"""The same once the payment's time is over: now only a late word can come."""
SAFE: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
NOTHING_ELSE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

Shown = Literal["confirming", "paid", "not_paid", "expired", "refunded", "unknown", "later"]
PAID: Final = frozenset({"paid", "paid_at_counter", "refund_pending", "partly_refunded"})
ENDED: Final[Mapping[str, Shown]] = {"refunded": "refunded", "failed": "not_paid", "expired": "expired"}


class Returned(Protocol):
    """What the page may know of a payment."""

    @property
    def state(self) -> str: ...
    @property
    def is_in_review(self) -> bool: ...
    @property
    def reference(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def paid_at(self) -> datetime | None: ...
    @property
    def return_url(self) -> str | None: ...


class ReturnTokens:
    """Makes tokens of references, and finds the reference in one. The same reference always has the same token."""

    def __init__(self, index_key: bytes) -> None:
        """`index_key` is the ledger's: who has it has the ledger."""
        self._box = AESSIV(hmac.digest(index_key, b"payment return", hashlib.sha512))

    def token(self, partner: str, reference: str) -> str:
        """What stands in the address that a gateway sends the citizen back to."""
        sealed = self._box.encrypt(reference.encode(), [partner.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def reference(self, partner: str, token: str) -> str | None:
        """The reference; None where the token was not made here, or for another gateway."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return self._box.decrypt(sealed, [partner.encode()]).decode()
        except (InvalidTag, ValueError, binascii.Error):
            return None

    def address(self, base: str, partner: str, reference: str) -> str:
        """The whole address; `base` is what stands before the route: `https://lienthong.h99.example.invalid`."""
        return base.rstrip("/") + ROUTE.format(partner=partner, token=self.token(partner, reference))


def shown_of(returned: Returned) -> Shown:
    """What the page says. While a person looks at it, it is being confirmed, whatever else is known."""
    if returned.is_in_review and returned.state not in PAID:
        return "confirming"
    return "paid" if returned.state in PAID else ENDED.get(returned.state, "confirming")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """The page."""

    shown: Shown
    refresh: int | None
    """Seconds until it looks again; None: what it says is final, or the reader has stopped it."""
    is_stopped: bool
    amount: str
    reference: str
    paid_at: str
    back: str | None


def page_view(returned: Returned, *, now: datetime, hosts: Collection[str], is_stopped: bool) -> PageView:
    """From the ledger's facts."""
    shown = shown_of(returned)
    paid_at = returned.paid_at if shown == "paid" else None
    wait = SOON if now <= returned.expires_at + timedelta(minutes=2) else LATER
    return PageView(
        shown=shown,
        refresh=wait if shown == "confirming" and not is_stopped else None,
        is_stopped=shown == "confirming" and is_stopped,
        amount=f"{returned.amount:,}".replace(",", "."),
        reference=returned.reference,
        paid_at="" if paid_at is None else f"{paid_at.astimezone(VIETNAM):%d/%m/%Y %H:%M}",
        back=returned.return_url if is_allowed(returned.return_url, hosts) else None,
    )


def is_allowed(url: str | None, hosts: Collection[str]) -> bool:
    """Whether the page may lead there: https, and a host that the settings name."""
    if url is None:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and parts.username is None and (parts.hostname or "") in hosts
    except ValueError:
        return False


class ReturnDoor:
    """The route."""

    def __init__(
        self,
        tokens: ReturnTokens,
        look: Callable[[str, str], Returned | None],
        clock: Clock,
        *,
        hosts: Collection[str] = (),
    ) -> None:
        """`look`: (partner, reference) → what the ledger knows. `hosts`: where the page may lead back to."""
        self._tokens = tokens
        self._look = look
        self._clock = clock
        self._hosts = frozenset(hosts)

    def add_to(self, router: Router) -> None:
        """Its one route. Hung before any route that would take everything below a gateway's name."""
        router.add_route(ROUTE, self.get_page, methods=["GET"])

    async def get_page(self, request: Request) -> Response:
        """GET /callbacks/{partner}/return/{token}: no parameter changes what it says; `still` stops its refresh."""
        partner, token = request.path_params["partner"], request.path_params["token"]
        reference = self._tokens.reference(partner, token) if len(token) <= LONGEST_TOKEN else None
        if reference is None:
            return _page(_bare("unknown"), 404)
        try:
            returned = await run_in_threadpool(self._look, partner, reference)
        except LedgerTrouble:
            return _page(_bare("later"), 503)
        if returned is None:
            return _page(_bare("unknown"), 404)
        is_stopped = request.query_params.get("still") == "1"
        return _page(page_view(returned, now=self._clock.now(), hosts=self._hosts, is_stopped=is_stopped), 200)


def _bare(shown: Shown) -> PageView:
    return PageView(shown=shown, refresh=None, is_stopped=False, amount="", reference="", paid_at="", back=None)


def _page(view: PageView, status: int) -> Response:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    html = _environment().get_template("return_page.html").render(view=view, words=_words(), style=style)
    return HTMLResponse(html, status, SAFE | {"content-security-policy": policy})


@cache
def _environment() -> Environment:
    loader = PackageLoader("adapters.doors", ".")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _style() -> str:
    return files("adapters.doors").joinpath("return_page.css").read_text(encoding="utf-8")


@cache
def _words() -> list[tuple[str, dict[str, Any]]]:
    """Both languages stand on the page, the Vietnamese first: who pays chooses none."""
    return [
        (one, tomllib.loads(files("adapters.doors").joinpath(f"return_page.{one}.toml").read_text(encoding="utf-8")))
        for one in LANGUAGES
    ]
