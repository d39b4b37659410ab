"""Accounts, roles and sessions in a real ledger file: what is kept, what is refused, and what ends at once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bus.accounts import Identity
from bus.audit import Act
from bus.errors import AccountRefused, LedgerUnavailable, NotFound
from bus.people import STRANGERS_A_DAY
from bus.rights import ROLES, Right
from bus.sessions import MOST, SessionRules, Sessions
from bus.tries import FREE_OF_ACCOUNT, FREE_OF_ADDRESS, KEPT, LONGEST_MS, place_of
from bus.upkeep import verify
from tests.people_kit import HERE, House, house

WHO = {"actor": "person:root", "reason": "asked by letter 12"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "ledger.db") as made:
        yield made


def refused(rule: str, act: Callable[[], object]) -> None:
    with pytest.raises(AccountRefused) as failure:
        act()
    assert rule == failure.value.rule


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


# -- sessions --------------------------------------------------------------------------------------------------------


def test_session_holds_while_it_is_used(home: House) -> None:
    """A session ends after an idle hour, moves on while it is used, and ends after twelve hours all the same."""
    home.add("an", "viewer", units=("H99.11",))
    idle, used = home.sign_in("an"), home.sign_in("an")
    seen = home.seen(used)
    assert seen is not None
    assert ("an", "An", ("H99.11",), frozenset({Right.LIST})) == (seen.account, seen.person, seen.units, seen.rights)
    assert idle.token not in repr(idle)

    for _ in range(14):
        home.clock.time += timedelta(minutes=50)
        assert home.seen(used) is not None
    assert home.seen(idle) is None
    home.clock.time += timedelta(minutes=50)
    assert home.seen(used) is None


def test_looking_often_writes_seldom(home: House) -> None:
    """Within a minute of its last use a session is found without a write."""
    home.add("an")
    opened = home.sign_in("an")
    home.seen(opened)
    home.clock.time += timedelta(seconds=59)
    home.seen(opened)
    (before,) = home.people.sessions("an")
    home.clock.time += timedelta(seconds=1)
    home.seen(opened)
    (after,) = home.people.sessions("an")

    assert (before.opened_at, before.opened_at + timedelta(minutes=1)) == (before.seen_at, after.seen_at)
    assert ("a browser", HERE) == (after.agent, after.address)


def test_end_of_sessions(home: House) -> None:
    """Signing out, revoking, a new password and a disabled account each end sessions at once."""
    home.add("an")
    one, two, three, four = (home.sign_in("an") for _ in range(4))
    home.people.sign_out("an", one.id)
    home.people.sign_out("an", one.id)
    home.people.revoke("an", two.id, **WHO)
    assert [None, None] == [home.seen(one), home.seen(two)]
    home.people.set_password("an", "new", keep=three.id, **WHO)
    assert (True, None) == (home.seen(three) is not None, home.seen(four))
    with pytest.raises(NotFound):
        home.people.revoke("an", two.id, **WHO)
    five = home.sign_in("an")
    assert 1 == home.people.revoke_all("an", keep=five.id, **WHO)
    home.people.disable("an", **WHO)
    assert home.seen(five) is None
    home.people.enable("an", **WHO)
    assert home.seen(five) is None
    assert 1 == len(home.audit.find(act=Act.SIGNED_OUT).entries)


def test_another_ones_session_is_not_revoked(home: House) -> None:
    """A session is ended under its own account's name only."""
    home.add("an")
    home.add("binh")
    opened = home.sign_in("an")
    with pytest.raises(NotFound):
        home.people.revoke("binh", opened.id, **WHO)
    home.people.sign_out("binh", opened.id)

    assert home.seen(opened) is not None


def test_so_many_sessions(home: House) -> None:
    """An account has so many sessions at once; the oldest ends."""
    home.add("an")
    opened = [home.sign_in("an") for _ in range(MOST + 1)]

    assert home.seen(opened[0]) is None
    assert MOST == len(home.people.sessions("an"))


def test_rights_of_this_moment(home: House) -> None:
    """A right that is taken away is gone with the next page of a session that was open before."""
    home.add("an", "operator")
    opened = home.sign_in("an")
    home.people.grant("an", roles=["viewer"], units=["H99.11"], **WHO)
    seen = home.seen(opened)

    assert seen is not None
    assert (frozenset({Right.LIST}), ("H99.11",)) == (seen.rights, seen.units)


def test_revoked_between_question_and_write(home: House, tmp_path: Path) -> None:
    """A session that another process ends while it is looked up does not live on by being touched."""
    home.add("an")
    opened = home.sign_in("an")
    home.clock.time += timedelta(minutes=2)
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        write = home.ledger.engine.write

        def slow(job):  # type: ignore[no-untyped-def]
            other.people.revoke("an", opened.id, **WHO)
            return write(job)

        sessions = Sessions(home.ledger, home.randomness, SessionRules())
        home.ledger.engine.write = slow  # type: ignore[method-assign]
        found = sessions.find(hashlib.sha256(opened.token.encode()).digest(), int(home.clock.now().timestamp() * 1000))
        home.ledger.engine.write = write  # type: ignore[method-assign]

    assert found is None
    assert [] == home.people.sessions("an")


def test_disabled_does_not_come_in(home: House) -> None:
    """A disabled account's right password opens nothing; nor does a name that is gone."""
    home.add("an")
    home.people.disable("an", **WHO)

    refused("disabled", lambda: home.sign_in("an"))
    with pytest.raises(NotFound):
        home.sign_in("gone")


# -- tries -----------------------------------------------------------------------------------------------------------


def test_waits_grow_and_are_shared(home: House, tmp_path: Path) -> None:
    """After the free tries each failure doubles the wait, whichever process heard it, up to a quarter of an hour."""
    home.add("an")
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        doors = [home.people.tries, other.people.tries]
        waits = []
        for n in range(FREE_OF_ACCOUNT + 24):
            waits.append(doors[n % 2].begin("an", f"198.51.100.{n}"))
            home.clock.time += timedelta(milliseconds=waits[-1])

    asked_to_wait = [wait for wait in waits if wait]
    assert [0] * FREE_OF_ACCOUNT == waits[:FREE_OF_ACCOUNT]
    assert [min(1000 * 2**n, LONGEST_MS) for n in range(12)] == asked_to_wait


def test_hundred_guesses_at_once(home: House, tmp_path: Path) -> None:
    """Tries that begin at the same time in two processes are each counted: no more are looked at than are free."""
    home.add("an")
    admitted: list[int] = []
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        doors = [home.people.tries, other.people.tries]

        def guess(n: int) -> None:
            if doors[n % 2].begin("an", f"198.51.100.{n}") == 0:
                admitted.append(n)

        threads = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert FREE_OF_ACCOUNT == len(admitted)


def test_unknown_name_waits_as_long(home: House) -> None:
    """A name that nobody has gets the same waits as one that somebody has."""
    home.add("an")
    waits = [
        [home.people.tries.begin(name, f"{net}.{n}") for n in range(7)]
        for name, net in (("an", "192.0.2"), ("no", "198.51.100"))
    ]

    assert waits[0] == waits[1]


def test_address_waits_too(home: House) -> None:
    """One address that tries many names has to wait; a network of version 6 is one address."""
    for n in range(FREE_OF_ADDRESS):
        assert 0 == home.people.tries.begin(f"name{n}", f"2001:db8::{n:x}")

    assert 0 < home.people.tries.begin("other", "2001:db8::ffff")
    assert 0 == home.people.tries.begin("other", "2001:db8:0:1::1")
    home.clock.time += timedelta(days=1)
    assert 0 == home.people.tries.begin("other", "2001:db8::ffff")


def test_right_password_clears_its_own(home: House) -> None:
    """Success forgets the account's failures, and of the shared address's only its own."""
    home.add("an")
    for n in range(FREE_OF_ADDRESS - 1):
        home.people.tries.begin(f"name{n}", HERE)
    assert 0 == home.people.tries.begin("an", HERE)
    home.sign_in("an")

    assert 0 == home.people.tries.begin("an", HERE)
    assert 0 < home.people.tries.begin("an", HERE)


def test_stranger_does_not_lock_out(home: House) -> None:
    """Who fails on purpose elsewhere does not keep the owner out of where he signed in before."""
    home.add("an")
    home.people.tries.begin("an", HERE)
    home.sign_in("an")
    for n in range(FREE_OF_ACCOUNT):
        home.people.tries.begin("an", f"198.51.100.{n}")

    assert 0 < home.people.tries.begin("an", "203.0.113.9")
    assert 0 == home.people.tries.begin("an", HERE)


def test_new_password_forgets_guesses(home: House) -> None:
    """After a new password the failures at the old one count no more."""
    home.add("an")
    for n in range(FREE_OF_ACCOUNT):
        home.people.tries.begin("an", f"198.51.100.{n}")
    home.people.set_password("an", "new", **WHO)

    assert 0 == home.people.tries.begin("an", "203.0.113.9")


def test_tries_are_bounded(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up names push out what failed least, never who failed often."""
    monkeypatch.setattr("bus.tries.KEPT", 10)
    assert KEPT > 10
    for n in range(FREE_OF_ACCOUNT):
        home.people.tries.begin("an", f"198.51.100.{n}")
    for n in range(30):
        home.people.tries.begin(f"made-up-{n}", f"203.0.113.{n}")

    assert 0 < home.people.tries.begin("an", "192.0.2.200")
    assert 10 >= len(home.ledger.engine.read()._connection.execute("SELECT 1 FROM login_tries").fetchall())


def test_place_of_address() -> None:
    """What is no address counts as itself; a mapped address is its version 4."""
    assert ["testclient", "192.0.2.1", "192.0.2.1", "2001:db8::/64"] == [
        place_of(one) for one in ("testclient", "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::7")
    ]


def test_failures_are_noted_without_what_was_typed(home: House) -> None:
    """A failure under a name that nobody has is noted without the name, so many a day; under a known one always."""
    home.add("an")
    home.people.sign_in_failed("my-password-in-the-wrong-field", address=HERE)
    home.people.sign_in_failed("an", address=HERE)
    entries = home.audit.find(act=Act.SIGN_IN_FAILED).entries

    assert ["person:an", "stranger"] == [entry.actor for entry in entries]
    assert {("", HERE)} == {(entry.subject, entry.address) for entry in entries}


def test_strangers_do_not_fill_the_ledger(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many a day failures of strangers are only counted; those of known accounts are noted still."""
    monkeypatch.setattr("bus.people.STRANGERS_A_DAY", 2)
    assert STRANGERS_A_DAY > 2
    home.add("an")
    for _ in range(4):
        home.people.sign_in_failed("nobody", address=HERE)
    home.people.sign_in_failed("an", address=HERE)
    home.clock.time += timedelta(days=1)
    home.people.sign_in_failed("nobody", address=HERE)

    actors = [entry.actor for entry in home.audit.find(act=Act.SIGN_IN_FAILED).entries]
    assert ["stranger", "person:an", "stranger", "stranger"] == actors


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


# -- the first administrator -----------------------------------------------------------------------------------------


def test_first_run(home: House) -> None:
    """The code stands in a file for its owner only, makes one administrator, and is gone."""
    path = home.first_run.prepare()
    assert path is not None
    assert not home.people.is_anybody_here()
    assert 0o600 == path.stat().st_mode & 0o777
    code = path.read_text().strip()
    refused("wrong_code", lambda: home.first_run.complete("x", "root", shown="Root", password="kept"))
    spoken = f" {code[:4].upper()}-{code[4:]} "
    account = home.first_run.complete(spoken, "root", shown="Root", password="kept")

    assert (("administrator",), None) == (account.roles, account.units)
    assert home.people.is_anybody_here()
    assert not path.exists()
    assert home.first_run.prepare() is None
    refused("first_run_over", lambda: home.first_run.complete(code, "two", shown="x", password="x"))


def test_bad_name_does_not_use_up_the_code(home: House) -> None:
    """A first run that is refused for its name leaves the code good."""
    path = home.first_run.prepare()
    assert path is not None
    refused("bad_name", lambda: home.first_run.complete(path.read_text(), "Ông Lớn", shown="x", password="x"))

    assert "root" == home.first_run.complete(path.read_text(), "root", shown="x", password="x").name


@pytest.mark.parametrize("harm", ["lost", "overwritten", "no_text"])
def test_lost_code_is_replaced(home: House, harm: str) -> None:
    """A code that is lost or spoilt is made anew at the next start; the old one is good no more. A good one stays."""
    path = home.first_run.prepare()
    assert path is not None
    old = path.read_text()
    home.first_run.prepare()
    assert old == path.read_text()
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(b"something" if harm == "overwritten" else b"\xff\xfe")
    home.first_run.prepare()

    assert old != path.read_text()
    refused("wrong_code", lambda: home.first_run.complete(old, "root", shown="x", password="x"))


def test_code_cannot_be_written(home: House) -> None:
    """Where the code cannot be written the start says so, and no code is good."""
    home.first_run.path.mkdir()
    with pytest.raises(LedgerUnavailable):
        home.first_run.prepare()

    refused("wrong_code", lambda: home.first_run.complete("", "root", shown="x", password="x"))


def test_used_code_that_cannot_be_deleted(home: House) -> None:
    """A code file that stays because it cannot be deleted opens nothing, and hinders nobody."""
    path = home.first_run.prepare()
    assert path is not None
    code = path.read_text()
    path.unlink()
    path.mkdir()

    assert "root" == home.first_run.complete(code, "root", shown="x", password="x").name


def test_two_first_runs(home: House, tmp_path: Path) -> None:
    """Two processes that take the code at the same time make one administrator; two that start have one code."""
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        starts = _at_once(lambda: home.first_run.prepare(), lambda: other.first_run.prepare())
        code = home.first_run.path.read_text()
        results = _at_once(
            lambda: home.first_run.complete(code, "one", shown="x", password="x"),
            lambda: other.first_run.complete(code, "two", shown="x", password="x"),
        )

    assert [home.first_run.path] * 2 == starts
    assert ["AccountRefused"] == [type(one).__name__ for one in results if isinstance(one, Exception)]
    assert 1 == len(home.people.accounts())


@pytest.mark.parametrize("point", ["writer.after_begin", "writer.before_commit", "writer.after_commit"])
def test_killed_while_the_code_is_made(tmp_path: Path, point: str) -> None:
    """Killed between the file and the ledger, the next start has a code that is good, and only one."""

    class Killed(Exception):
        pass

    seen: list[str] = []

    def crash(name: str) -> None:
        if name == point and "armed" in seen:
            raise Killed

    with house(tmp_path / "ledger.db", crash_point=crash) as dying:
        seen.append("armed")
        with pytest.raises(Killed):
            dying.first_run.prepare()
        seen.clear()
    with house(tmp_path / "ledger.db") as next_one:
        path = next_one.first_run.prepare()
        assert path is not None

        assert "root" == next_one.first_run.complete(path.read_text(), "root", shown="x", password="x").name


def test_two_role_changes(home: House, tmp_path: Path) -> None:
    """Two administrators who strip each other at the same time leave one."""
    home.add("one", "administrator")
    home.add("two", "administrator")
    with house(tmp_path / "ledger.db", clock=home.clock) as other:
        results = _at_once(
            lambda: home.people.grant("one", roles=[], units=None, **WHO),
            lambda: other.people.disable("two", **WHO),
        )

    assert ["AccountRefused"] == [type(one).__name__ for one in results if isinstance(one, Exception)]
    assert [] == list(verify(home.ledger))


def _at_once(*works: Callable[[], object]) -> list[object]:
    results: list[object] = [None] * len(works)
    ready = threading.Barrier(len(works))

    def run(n: int) -> None:
        ready.wait()
        try:
            results[n] = works[n]()
        except Exception as failure:
            results[n] = failure

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
