"""Accounts and roles in a real ledger file: what is kept, what is refused, and whom a provider brings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bus.accounts import Identity
from bus.audit import Act
from bus.errors import NotFound
from bus.rights import ROLES, Right
from bus.upkeep import verify
from tests.people_kit import HERE, WHO, House, at_once, house, refused


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "ledger.db") as made:
        yield made


# -- accounts --------------------------------------------------------------------------------------------------------


def test_account_is_kept_as_it_was_made(home: House) -> None:
    """An account holds its roles and units; its password's string never prints."""
    home.add("an.nguyen", "operator", "auditor", units=("H99.12", "H99.11"), password="$argon2id$secret")
    found = home.people.account("an.nguyen")

    assert (("auditor", "operator"), ("H99.11", "H99.12"), "vi") == (found.roles, found.units, found.language)
    assert "$argon2id$secret" == found.password
    assert "secret" not in repr(found)
    assert not found.is_disabled
    assert {Right.LIST, Right.BODIES, Right.REVEAL, Right.REPLAY, Right.AUDIT} == home.people.rights(found)


def test_every_change_is_a_move(home: House) -> None:
    """Each change of an account or a role is a move with actor and reason, and an audit row; both verify."""
    people = home.people
    home.add("root", "administrator")
    home.add("an", "viewer")
    people.grant("an", roles=["operator"], units=None, **WHO)
    people.set_password("an", "other", **WHO)
    people.set_shown("an", shown="  Nguyễn  An ", language="en", **WHO)
    people.set_role("clerk", [Right.LIST, Right.LIST], **WHO)
    people.drop_role("clerk", **WHO)
    people.rehashed("an", "other", "newer")
    people.rehashed("an", "other", "too late: it was changed meanwhile")
    people.disable("an", **WHO)
    people.enable("an", **WHO)

    told = [
        "account_added", "account_added", "account_granted", "password_changed", "account_described", "role_set",
        "role_dropped", "password_rehashed", "account_disabled", "account_enabled",
    ]  # fmt: skip
    assert told == home.causes()
    entries = home.audit.find(act=Act.ACCOUNT_CHANGED).entries
    assert "account_granted an: roles [operator], every unit" == entries[6].subject
    assert ("person:root", WHO["reason"]) == (entries[0].actor, entries[0].reason)
    assert ("Nguyễn An", "en", "newer") == (
        people.account("an").shown,
        people.account("an").language,
        people.account("an").password,
    )
    assert [] == list(verify(home.ledger))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("bad_name", {"name": "An Nguyễn"}),
        ("bad_name", {"name": ""}),
        ("bad_name", {"name": "a" * 65}),
        ("bad_shown_name", {"shown": " "}),
        ("bad_shown_name", {"shown": "x" * 101}),
        ("bad_shown_name", {"shown": "An \u202e"}),
        ("no_such_role", {"roles": ["king"]}),
        ("bad_unit", {"units": ["H99 11"]}),
        ("bad_unit", {"units": ["x" * 65]}),
        ("bad_unit", {"units": [f"H{n}" for n in range(101)]}),
        ("bad_reason", {"reason": " "}),
        ("name_taken", {"name": "taken"}),
    ],
)
def test_bad_account(home: House, rule: str, change: dict[str, object]) -> None:
    """What cannot be an account is refused by name of the rule, and nothing is kept."""
    home.add("taken")
    before = home.causes()
    asked = {"name": "an", "shown": "An", "password": "x", "roles": [], "units": None, **WHO} | change
    refused(rule, lambda: home.people.add(asked.pop("name"), **asked))  # type: ignore[arg-type]

    assert ["taken"] == [account.name for account in home.people.accounts()]
    assert before == home.causes()


def test_page_of_accounts(home: House) -> None:
    """Accounts come by name, page by page."""
    for name in ("c", "a", "b"):
        home.add(name)

    assert ["a", "b"] == [account.name for account in home.people.accounts(limit=2)]
    assert ["c"] == [account.name for account in home.people.accounts(after="b")]


@pytest.mark.parametrize("act", ["set_password", "grant", "set_shown", "disable", "enable", "revoke_all"])
def test_nobody_of_that_name(home: House, act: str) -> None:
    """Changing an account that is not there says so."""
    more: dict[str, dict[str, object]] = {
        "set_password": {"password": "x"},
        "grant": {"roles": [], "units": None},
        "set_shown": {"shown": "x", "language": "vi"},
    }
    with pytest.raises(NotFound):
        getattr(home.people, act)("gone", **more.get(act, {}), **WHO)
    with pytest.raises(NotFound):
        home.people.account("gone")


# -- the last administrator ------------------------------------------------------------------------------------------


def test_last_administrator_stays(home: House) -> None:
    """The last administrator with a password is neither disabled nor stripped, nor is its role emptied."""
    home.add("root", "administrator")
    home.add("second", "administrator")
    home.people.disable("second", **WHO)
    home.people.welcome(_identity(roles=frozenset({"administrator"}), may_administer=True), address=HERE, agent="x")

    refused("last_administrator", lambda: home.people.disable("root", **WHO))
    refused("last_administrator", lambda: home.people.grant("root", roles=["viewer"], units=None, **WHO))
    refused("last_administrator", lambda: home.people.set_role("administrator", [Right.LIST], **WHO))
    assert Right.ADMINISTER in home.people.rights(home.people.account("root"))
    home.people.enable("second", **WHO)
    assert home.people.disable("root", **WHO).is_disabled


def test_without_administrator_nothing_is_the_last(home: House) -> None:
    """Where the command line made viewers only, one of them may be disabled."""
    home.add("an", "viewer")

    assert home.people.disable("an", **WHO).is_disabled
    assert frozenset() == home.people.rights(home.people.account("an"))


def test_roles(home: House) -> None:
    """A role is changed for all who have it; one that somebody has, or that is built in, is not dropped."""
    home.people.set_role("clerk", [Right.LIST, Right.REPLAY], **WHO)
    home.add("an", "clerk")
    home.people.set_role("viewer", [Right.LIST, Right.BODIES], **WHO)

    assert {Right.LIST, Right.REPLAY} == home.people.rights(home.people.account("an"))
    assert frozenset({Right.LIST, Right.BODIES}) == home.people.roles()["viewer"]
    assert ROLES["auditor"] == home.people.roles()["auditor"]
    refused("role_in_use", lambda: home.people.drop_role("clerk", **WHO))
    refused("built_in_role", lambda: home.people.drop_role("viewer", **WHO))
    refused("bad_name", lambda: home.people.set_role("Clerk!", [], **WHO))
    with pytest.raises(NotFound):
        home.people.drop_role("gone", **WHO)


def test_two_role_changes(home: House, tmp_path: Path) -> None:
    """Two administrators who strip each other at the same time leave one."""
    home.add("one", "administrator")
    home.add("two", "administrator")
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        results = at_once(
            lambda: home.people.grant("one", roles=[], units=None, **WHO),
            lambda: other.people.disable("two", **WHO),
        )

    assert ["AccountRefused"] == [type(one).__name__ for one in results if isinstance(one, Exception)]
    assert [] == list(verify(home.ledger))


# -- the provider's people -------------------------------------------------------------------------------------------


def _identity(**changes: object) -> Identity:
    told = Identity(
        issuer="https://id.example.invalid",
        subject="s-1",
        wanted_name="An.Nguyen",
        shown="Nguyễn An",
        roles=frozenset({"operator"}),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def test_provider_brings_a_newcomer(home: House) -> None:
    """Whom the provider vouches for gets an account with what the claims give; it has no password here."""
    opened = home.people.welcome(_identity(), address=HERE, agent="x")
    account = home.people.account("an.nguyen")

    assert (("operator",), (), None) == (account.roles, account.units, account.password)
    assert home.seen(opened) is not None
    refused("no_password_here", lambda: home.people.set_password("an.nguyen", "x", **WHO))
    again = home.people.welcome(_identity(wanted_name="other", shown="x"), address=HERE, agent="x")
    assert "an.nguyen" == again.account
    assert ["account_added"] == home.causes()


def test_provider_takes_roles_away(home: House) -> None:
    """A role that the provider no longer gives is lost at the next sign-in, and with it its rights."""
    first = home.people.welcome(_identity(), address=HERE, agent="x")
    home.people.welcome(_identity(roles=frozenset()), address=HERE, agent="x")
    seen = home.seen(first)

    assert seen is not None
    assert frozenset() == seen.rights
    assert ["account_added", "account_granted"] == home.causes()


def test_claims_make_no_administrator_by_accident(home: House) -> None:
    """A role that administers, or that is unknown, is not given by claims, but where the settings say so."""
    home.people.set_role("boss", [Right.LIST, Right.ADMINISTER], **WHO)
    told = frozenset({"administrator", "boss", "viewer", "unknown"})
    home.people.welcome(_identity(roles=told), address=HERE, agent="x")
    assert ("viewer",) == home.people.account("an.nguyen").roles
    home.people.welcome(_identity(roles=told, may_administer=True), address=HERE, agent="x")
    assert ("administrator", "boss", "viewer") == home.people.account("an.nguyen").roles


def test_without_claimed_roles_an_administrator_gives_them(home: House) -> None:
    """Where claims give neither roles nor units, what an administrator gave stays."""
    who = _identity(roles=None, units=None)
    home.people.welcome(who, address=HERE, agent="x")
    assert ((), None) == (home.people.account("an.nguyen").roles, home.people.account("an.nguyen").units)
    home.people.grant("an.nguyen", roles=["viewer"], units=["H99.11"], **WHO)
    home.people.welcome(who, address=HERE, agent="x")

    assert (("viewer",), ("H99.11",)) == (
        home.people.account("an.nguyen").roles,
        home.people.account("an.nguyen").units,
    )


def test_claimed_units(home: House) -> None:
    """Units from claims are those of the newest sign-in."""
    home.people.welcome(_identity(units=("H99.11",), are_units_claimed=True), address=HERE, agent="x")
    home.people.welcome(_identity(units=("H99.12",), are_units_claimed=True), address=HERE, agent="x")

    assert ("H99.12",) == home.people.account("an.nguyen").units


@pytest.mark.parametrize("wanted", ["root", "Tên có dấu", ""])
def test_name_of_a_newcomer(home: House, wanted: str) -> None:
    """A name that is taken, or is none, is replaced by one made of the subject: nobody gets another one's account."""
    home.add("root", "administrator")
    opened = home.people.welcome(_identity(wanted_name=wanted, shown=" "), address=HERE, agent="x")

    assert opened.account.startswith("sso-")
    assert opened.account == home.people.account(opened.account).shown
    assert ("operator",) == home.people.account(opened.account).roles


def test_disabled_newcomer_stays_out(home: House) -> None:
    """What the provider says does not enable an account that was disabled here."""
    home.people.welcome(_identity(), address=HERE, agent="x")
    home.people.disable("an.nguyen", **WHO)

    refused("disabled", lambda: home.people.welcome(_identity(), address=HERE, agent="x"))


def test_expected_answer_is_good_once(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an answer must fit is taken once, in time; strangers who begin too many push out the oldest."""
    soon = home.clock.now() + timedelta(minutes=10)
    home.people.expect("one", "kept", soon)
    assert ("kept", None) == (home.people.take_expected("one"), home.people.take_expected("one"))
    home.people.expect("late", "kept", soon)
    home.clock.time = soon
    assert home.people.take_expected("late") is None
    monkeypatch.setattr("bus.people.MOST_EXPECTED", 2)
    for n in range(3):
        home.people.expect(f"s{n}", "kept", soon + timedelta(minutes=n + 1))
    assert [None, "kept", "kept"] == [home.people.take_expected(f"s{n}") for n in range(3)]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE accounts SET roles = '[\"administrator\"]' WHERE name = 'an'", "account an is not as"),
        ("UPDATE accounts SET password = 'mine' WHERE name = 'root'", "account root is not as"),
        ("UPDATE accounts SET disabled_at = NULL WHERE name = 'gone'", "account gone is not as"),
        ("UPDATE accounts SET units = NULL WHERE name = 'an'", "account an is not as"),
        (
            "INSERT INTO accounts SELECT 'evil', shown, password, issuer, subject, roles, units, language, made_at,"
            " disabled_at FROM accounts WHERE name = 'root'",
            "account evil is not as",
        ),
        ("DELETE FROM accounts WHERE name = 'an'", "account an is gone"),
        ("UPDATE roles SET rights = '[\"administer\"]' WHERE name = 'viewer'", "role viewer is not as"),
        ("UPDATE roles SET rights = '[\"administer\"]' WHERE name = 'clerk'", "role clerk is not as"),
        ("INSERT INTO roles VALUES ('dropped', '[\"administer\"]')", "role dropped is not as"),
        ("INSERT INTO roles VALUES ('made-up', '[\"administer\"]')", "role made-up is not as"),
        ("DELETE FROM roles WHERE name = 'clerk'", "role clerk is gone"),
    ],
)
def test_who_writes_himself_into_the_file_is_named(home: House, tmp_path: Path, sql: str, told: str) -> None:
    """An account or a role that was changed in the file, and not by a move, is found by `ledger verify`."""
    home.add("root", "administrator")
    home.add("an", "viewer", units=("H99.11",))
    home.add("gone", "administrator")
    home.people.disable("gone", **WHO)
    home.people.set_role("clerk", [Right.LIST], **WHO)
    home.people.set_role("dropped", [Right.LIST], **WHO)
    home.people.drop_role("dropped", **WHO)
    home.people.rehashed("an", "kept", "newer")
    assert [] == list(verify(home.ledger))
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute(sql)
    connection.commit()
    connection.close()

    (damage,) = verify(home.ledger)
    assert ("accounts", True) == (damage.table, damage.detail.startswith(told))
