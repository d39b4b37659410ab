"""Sessions and tries in a real ledger file: what ends at once, and how long who fails has to wait."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.audit import Act
from bus.errors import NotFound
from bus.people import STRANGERS_A_DAY
from bus.rights import Right
from bus.sessions import MOST, SessionRules, Sessions
from bus.tries import FREE_OF_ACCOUNT, FREE_OF_ADDRESS, KEPT, LONGEST_MS, place_of
from tests.people_kit import HERE, WHO, House, house, refused


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "ledger.db") as made:
        yield made


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


def test_hundred_guessesat_once(home: House, tmp_path: Path) -> None:
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

    assert 0 == home.people.tries.begin("binh", HERE)
    assert 0 < home.people.tries.begin("binh", HERE)
    assert 0 == home.people.tries.begin("an", HERE)


def test_stranger_does_not_lock_out(home: House) -> None:
    """Who fails on purpose, elsewhere or behind the same proxy, keeps nobody out of where he signed in before."""
    home.add("an")
    home.people.tries.begin("an", HERE)
    home.sign_in("an")
    for n in range(FREE_OF_ACCOUNT):
        home.people.tries.begin("an", f"198.51.100.{n}")

    for n in range(FREE_OF_ADDRESS):
        home.people.tries.begin(f"name{n}", HERE)

    assert 0 < home.people.tries.begin("an", "203.0.113.9")
    assert 0 < home.people.tries.begin("other", HERE)
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
