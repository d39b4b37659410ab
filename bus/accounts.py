"""Accounts and roles as rows: what they hold, and what of it is allowed. `people.py` changes them."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from bus.engines.sqlite import Row, Tx
from bus.errors import AccountRefused, NoAccount
from bus.evidence import row_digest
from bus.reasons import fault_in
from bus.rights import ROLES, Right, rights_of
from bus.times import from_ms

Language: TypeAlias = Literal["vi", "en"]

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
"""Of accounts and roles: what can be typed on any keyboard, and is the same in every letter's case."""
_UNIT: Final = re.compile(r"[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*")
MOST_UNITS: Final = 100
LONGEST_UNIT: Final = 64
LONGEST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person who may sign in."""

    name: str
    shown: str
    password: str | None = field(repr=False)
    """An argon2 string; None: signs in at the provider only."""
    issuer: str | None
    subject: str | None
    roles: tuple[str, ...]
    units: tuple[str, ...] | None
    """None: every unit."""
    language: Language
    made_at: datetime
    disabled_at: datetime | None

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who asks: a session that holds, its account, and what this may do and see at this moment."""

    session: int
    account: str
    person: str
    rights: frozenset[Right]
    units: tuple[str, ...] | None
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a provider vouches for."""

    issuer: str
    subject: str
    wanted_name: str
    shown: str
    roles: frozenset[str] | None
    """What its claims come to; None: claims give no roles here, an administrator does."""
    units: tuple[str, ...] | None = ()
    """None: every unit."""
    are_units_claimed: bool = False
    """Whether the units come from claims, at each sign-in anew; else they are those of a new account only."""
    may_administer: bool = False
    """Whether claims may make an administrator."""


def account_of(row: Row) -> Account:
    return Account(
        name=row[0],
        shown=row[1],
        password=row[2],
        issuer=row[3],
        subject=row[4],
        roles=tuple(json.loads(row[5])),
        units=None if row[6] is None else tuple(json.loads(row[6])),
        language=row[7],
        made_at=from_ms(row[8]),
        disabled_at=None if row[9] is None else from_ms(row[9]),
    )


def require(tx: Tx, name: str) -> Account:
    row = tx.one("find_account", name)
    if row is None:
        raise NoAccount(name)
    return account_of(row)


def known_roles(tx: Tx) -> dict[str, frozenset[Right]]:
    known = set(Right)
    rows = {
        name: frozenset(Right(right) for right in json.loads(told) if right in known)
        for name, told in tx.all("all_roles")
    }
    return dict(ROLES) | rows


def has_administrator(tx: Tx) -> bool:
    """Whether somebody who needs no provider may hand out rights."""
    known = known_roles(tx)
    return any(
        has_password and Right.ADMINISTER in rights_of(json.loads(roles), known)
        for _name, roles, has_password in tx.all("grants")
    )


def require_administrator(tx: Tx, was_there: bool) -> None:
    if was_there and not has_administrator(tx):
        raise AccountRefused(
            "last_administrator", "that would leave no administrator who signs in with a password of its own"
        )


def checked_roles(tx: Tx, roles: Iterable[str]) -> str:
    wanted, known = sorted(set(roles)), known_roles(tx)
    for role in wanted:
        if role not in known:
            raise AccountRefused("no_such_role", f"there is no role {role}; there are: {', '.join(sorted(known))}")
    return json.dumps(wanted)


def checked_units(units: Sequence[str] | None) -> str | None:
    if units is None:
        return None
    wanted = sorted(set(units))
    if len(wanted) > MOST_UNITS or not all(_UNIT.fullmatch(unit) and len(unit) <= LONGEST_UNIT for unit in wanted):
        raise AccountRefused("bad_unit", f"units are codes such as H99.11, at most {MOST_UNITS} of them")
    return json.dumps(wanted)


def checked_shown(shown: str) -> str:
    told = tidied(shown)
    if not told or len(told) > LONGEST_SHOWN or fault_in(told) is not None:
        raise AccountRefused("bad_shown_name", f"the shown name: one line of at most {LONGEST_SHOWN} characters")
    return told


def tidied(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def told(roles: Iterable[str], units: Sequence[str] | None) -> str:
    where = "every unit" if units is None else f"units [{', '.join(sorted(set(units)))}]"
    return f"roles [{', '.join(sorted(set(roles)))}], {where}"


def claimable(known: Mapping[str, frozenset[Right]], who: Identity) -> list[str]:
    """The roles that these claims may give: none that administers, unless the settings say so."""
    assert who.roles is not None
    return sorted(
        role for role in who.roles & known.keys() if who.may_administer or Right.ADMINISTER not in known[role]
    )


def free_name(tx: Tx, who: Identity) -> str:
    """A name for a newcomer: as the provider has it, if that is one and nobody has it; else one made of its subject."""
    wanted = who.wanted_name.lower()
    if NAME.fullmatch(wanted) and tx.one("find_account", wanted) is None:
        return wanted
    return f"sso-{hashlib.sha256(f'{who.issuer} {who.subject}'.encode()).hexdigest()[:16]}"


# -- evidence -------------------------------------------------------------------------------------------------------


def account_digest(tx: Tx, name: str) -> bytes:
    """Of an account as it stands: what the move of its change binds."""
    row = tx.one("find_account", name)
    assert row is not None
    return row_digest(["account", *row])


def role_digest(name: str, rights: str | None) -> bytes:
    """Of a role; None: it was dropped."""
    return row_digest(["role", name, rights])


def misstated(tx: Tx) -> Iterator[str]:
    """Each account and role that is not as its last change left it: who writes himself into the file is named."""
    said: dict[tuple[str, str], bytes] = {}
    for cause, reason, binds in tx.each("grant_bindings"):
        said["role" if cause.startswith("role_") else "account", reason.partition(":")[0]] = binds
    for row in tx.each("all_accounts"):
        if said.pop(("account", row[0]), None) != row_digest(["account", *row]):
            yield f"account {row[0]} is not as its last change left it"
    for name, rights in tx.all("all_roles"):
        built_in = json.dumps(sorted(ROLES[name])) if name in ROLES else None
        if said.pop(("role", name), role_digest(name, built_in)) != role_digest(name, rights):
            yield f"role {name} is not as its last change left it"
    for (kind, name), binds in said.items():
        if kind == "account" or binds != role_digest(name, None):
            yield f"{kind} {name} is gone; a move says that it is there"
