"""Pure. From accounts, roles and sessions to what the pages of users show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bus.accounts import Account
from bus.rights import ROLES, Right, rights_of
from bus.sessions import Session

ORDER: Final = tuple(Right)
"""Rights as they stand in tables: from looking to handing out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account in the list."""

    name: str
    shown: str
    roles: tuple[str, ...]
    units: tuple[str, ...] | None
    signs_in: str
    """`password` or `provider`."""
    is_disabled: bool
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role, and of each right whether it has it."""

    name: str
    is_built_in: bool
    rights: tuple[tuple[Right, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a form of this page holds: what was typed, or how things stand."""

    name: str = ""
    shown: str = ""
    roles: tuple[str, ...] = ()
    scope: str = "units"
    """`every` or `units`."""
    units: str = ""
    language: str = "vi"
    rights: tuple[str, ...] = ()
    role: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersPage:
    """The list, the roles, and the form for a new account."""

    lines: tuple[Line, ...]
    roles: tuple[Role, ...]
    next: str = ""
    typed: Typed = field(default_factory=Typed)
    form: str = ""
    """Which form is wrong: `add` or `role`."""
    field: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """One account: what it may do, where it is signed in, and what can be changed."""

    line: Line
    rights: tuple[Right, ...]
    language: str
    roles: tuple[Role, ...]
    sessions: tuple[Session, ...]
    this: int
    """The reader's own session: ending it signs him out."""
    is_self: bool
    typed: Typed
    form: str = ""
    """Which form is wrong: `grant`, `disable`, `password` …"""
    field: str = ""
    wrong: str = ""


def line_of(account: Account) -> Line:
    """An account as a line."""
    return Line(
        name=account.name,
        shown=account.shown,
        roles=account.roles,
        units=account.units,
        signs_in="provider" if account.password is None else "password",
        is_disabled=account.is_disabled,
        made_at=account.made_at,
    )


def roles_of(roles: Mapping[str, frozenset[Right]]) -> tuple[Role, ...]:
    """The built-in roles as they stand in the code, then the house's own by name."""
    names = [*(name for name in ROLES if name in roles), *sorted(roles.keys() - ROLES.keys())]
    return tuple(
        Role(name=name, is_built_in=name in ROLES, rights=tuple((right, right in roles[name]) for right in ORDER))
        for name in names
    )


def users_page(
    accounts: Sequence[Account],
    roles: Mapping[str, frozenset[Right]],
    *,
    size: int,
    typed: Typed | None = None,
    form: str = "",
    field: str = "",
    wrong: str = "",
) -> UsersPage:
    """A page of the list; `accounts` is one longer than `size` where there are more."""
    return UsersPage(
        lines=tuple(line_of(account) for account in accounts[:size]),
        roles=roles_of(roles),
        next=accounts[size - 1].name if len(accounts) > size else "",
        typed=typed or Typed(),
        form=form,
        field=field,
        wrong=wrong,
    )


def user_page(
    account: Account,
    roles: Mapping[str, frozenset[Right]],
    sessions: Iterable[Session],
    *,
    reader: str,
    session: int,
    typed: Typed | None = None,
    form: str = "",
    field: str = "",
    wrong: str = "",
) -> UserPage:
    """One account as it stands; the form that was refused as it was typed."""
    held = rights_of(account.roles, roles)
    return UserPage(
        line=line_of(account),
        rights=tuple(right for right in ORDER if right in held),
        language=account.language,
        roles=roles_of(roles),
        sessions=tuple(sessions),
        this=session,
        is_self=account.name == reader,
        typed=typed or standing(account),
        form=form,
        field=field,
        wrong=wrong,
    )


def standing(account: Account) -> Typed:
    """A form filled in with how the account stands."""
    return Typed(
        shown=account.shown,
        roles=account.roles,
        scope="every" if account.units is None else "units",
        units=", ".join(account.units or ()),
        language=account.language,
    )
