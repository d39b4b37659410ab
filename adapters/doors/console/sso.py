"""Signing in at the province's own provider (OIDC): off to it, and back from it.

What comes back counts once, in ten minutes, and in the browser that set out: its state is kept in the ledger, bound to
what the browser carries before anybody has signed in. So nobody is signed in as somebody else by a link he was sent.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog

from adapters.doors.console.answers import Answer, Gone, SignedIn, Wrong
from adapters.doors.console.asked import Asked
from adapters.doors.console.frame import Console
from adapters.doors.console.links import PREFIX, is_ours
from adapters.doors.console.page import Page
from adapters.doors.console.provider import Provider, ProviderTrouble, kept_of
from adapters.doors.console.visit import Visit
from bus.accounts import Identity
from bus.errors import AccountRefused

log = structlog.get_logger("console")

WAITS: Final = timedelta(minutes=10)
"""For a person to sign in over there."""
LONGEST_CODE: Final = 2_000
MOST_CLAIMED: Final = 200
"""Roles or units of one claim; more is no list that a person made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What of the provider's words about a person counts here."""

    name: str = "preferred_username"
    shown: str = "name"
    roles: str = ""
    """The claim that lists groups or roles, `realm_access.roles` for one within another; empty: claims give none."""
    role_table: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The provider's word → roles here."""
    units: str = ""
    """The claim that lists units; empty: an administrator gives them."""
    every_unit: bool = False
    """Whether a new account sees every unit, where claims give none."""
    may_administer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sso:
    """The provider of this installation, and what counts of its words."""

    provider: Provider
    claims: Claims
    label: str = ""


def start(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /sso/start: off to the provider."""
    sso = _sso(console)
    to = asked.query.get("next", "")
    try:
        begun = sso.provider.begin()
    except ProviderTrouble as trouble:
        raise _wrong(visit, trouble) from trouble
    kept = kept_of(begun, browser=visit.csrf, to=to if is_ours(to) else f"{PREFIX}/")
    console.people.expect(begun.state, kept, visit.now + WAITS)
    return Gone(begun.url)


def back(console: Console, visit: Visit, asked: Asked) -> Answer:
    """GET /sso/back: what the browser brings from the provider."""
    sso = _sso(console)
    kept = console.people.take_expected(asked.query.get("state", ""))
    told = json.loads(kept) if kept is not None else None
    if told is None or not visit.is_stranger or not hmac.compare_digest(told["browser"], visit.csrf):
        log.warning("sso_refused", code="not_expected", peer=visit.address)
        console.count_sign_in("refused")
        raise Wrong("sso.not_expected", status=403)
    code = asked.query.get("code", "")
    if "error" in asked.query or not 0 < len(code) <= LONGEST_CODE:
        log.warning("sso_refused", code="denied_there", peer=visit.address)
        console.count_sign_in("denied")
        raise Wrong("sso.denied_there", status=403)
    try:
        found = sso.provider.claims(code, nonce=told["nonce"], verifier=told["verifier"], issuer=asked.query.get("iss"))
        who = identity(found, sso.claims, sso.provider.facts.issuer)
    except ProviderTrouble as trouble:
        console.count_sign_in("refused")
        raise _wrong(visit, trouble) from trouble
    try:
        opened = console.people.welcome(who, address=visit.address, agent=asked.agent)
    except AccountRefused as refused:
        log.warning("sso_refused", code=refused.rule, peer=visit.address)
        console.count_sign_in("denied")
        raise Wrong("sso.disabled", status=403) from None
    log.info("signed_in", account=opened.account, peer=visit.address, session=opened.id, by="provider")
    console.count_sign_in("opened")
    return SignedIn(opened.token, told["to"], account=opened.account)


def identity(found: Mapping[str, Any], claims: Claims, issuer: str) -> Identity:
    """Pure. Whom the provider vouches for, as the ledger takes it. Raises ProviderTrouble."""
    roles = None
    if claims.roles:
        given = _texts(_at(found, claims.roles))
        roles = frozenset(role for word in given for role in claims.role_table.get(word, ()))
    units: tuple[str, ...] | None = None if claims.every_unit else ()
    if claims.units:
        units = tuple(sorted(set(_texts(_at(found, claims.units)))))
    return Identity(
        issuer=issuer,
        subject=str(found["sub"]),
        wanted_name=_text(_at(found, claims.name)),
        shown=_text(_at(found, claims.shown)),
        roles=roles,
        units=units,
        are_units_claimed=bool(claims.units),
        may_administer=claims.may_administer,
    )


def _at(found: Mapping[str, Any], path: str) -> Any:
    """A claim by its name; a dot leads into an object where no claim has the whole name."""
    if path in found:
        return found[path]
    value: Any = found
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    """A name as far as it is one: what commands a screen is left out."""
    return "".join(mark for mark in value if mark.isprintable())[:200] if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    """A list of words; one word is a list of one. What is not there gives nothing."""
    words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if len(words) > MOST_CLAIMED:
        raise ProviderTrouble("bad_claims", "too many")
    return [word for word in words if isinstance(word, str)]


def _sso(console: Console) -> Sso:
    if console.sso is None:
        raise Wrong("common.no_page", status=404)
    return console.sso


def _wrong(visit: Visit, trouble: ProviderTrouble) -> Wrong:
    log.warning("sso_refused", code=trouble.code, peer=visit.address)
    if trouble.code == "unreachable":
        return Wrong("sso.unreachable", status=503)
    return Wrong("sso.not_believed", status=403)


PAGES: Final = (
    Page("GET", "/sso/start", "sso-start", start, None, is_open=True, is_heavy=True),
    Page("GET", "/sso/back", "sso-back", back, None, is_open=True, is_heavy=True),
)
