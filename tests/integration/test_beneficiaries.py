"""Accounts that fees are paid to: proposed by one, approved by another, dated, and never two at one time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bus.beneficiaries import Beneficiaries, Proposal, beneficiary_for, in_force
from bus.errors import NotFound
from bus.payment_tasks import PaymentTasks, open_task
from bus.payments import Beneficiary, TaskKind
from bus.times import to_ms
from bus.upkeep import verify
from tests.builders import NOON
from tests.till_kit import TillWorld, code_of

MONTH = timedelta(days=30)
UNIT, PROCEDURE = "H99.11.16", "1.013225"


class Town:
    """A ledger's accounts, and two who may decide."""

    def __init__(self, folder: Path) -> None:
        self.world = TillWorld(folder)
        self.rows = Beneficiaries(self.world.ledger)

    def propose(self, name: str = "KBNN", *, account: str = "an", **more: Any) -> int:
        wanted = {"unit": UNIT, "valid_from": NOON} | more
        proposal = Proposal(beneficiary=to(name), **wanted)
        number: int = self.world.write(lambda tx: self.rows.propose(tx, proposal, account=account, reason="letter 7"))
        return number

    def approve(self, number: int, account: str = "binh") -> None:
        self.world.write(lambda tx: self.rows.approve(tx, number, account=account, reason="seen"))

    def add(self, name: str = "KBNN", **more: Any) -> int:
        number = self.propose(name, **more)
        self.approve(number)
        return number

    def name_at(
        self, at: datetime = NOON, unit: str | None = UNIT, procedure: str | None = PROCEDURE, kind: str = "fee"
    ) -> str | None:
        found = in_force(self.world.ledger.engine.read(), unit, procedure, kind, to_ms(at))
        return None if found is None else found.name


def to(name: str) -> Beneficiary:
    return Beneficiary(account=f"0000{len(name)}", bank="999999", name=name)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    assert [] == list(verify(made.world.ledger))
    made.world.close()


def test_account_holds_after_another_persons_yes(town: Town) -> None:
    """Proposed, it holds for nobody; approved by another, it holds from its day on, for its time."""
    number = town.propose(valid_until=NOON + MONTH)
    asked = [row.id for row in town.rows.asked()]
    before = town.name_at()
    own, shouted = code_of(lambda: town.approve(number, "an")), code_of(lambda: town.approve(number, "AN"))
    town.approve(number)

    assert ([number], None, "own_request") == (asked, before, own) == (asked, before, shouted)
    assert ("KBNN", None, None) == (town.name_at(), town.name_at(NOON - MONTH), town.name_at(NOON + MONTH))
    assert "not_asked" == code_of(lambda: town.approve(number, "chi"))
    assert ("person:an", "person:binh") == (town.rows.get(number).proposed_by, town.rows.get(number).approved_by)


def test_rejected_account_never_holds(town: Town) -> None:
    """A no is final, and may be said by whoever proposed it."""
    number = town.propose()
    done = town.world.write(lambda tx: town.rows.reject(tx, number, account="an", reason="mistyped"))

    assert (False, "person:an", None) == (done.is_asked, done.rejected_by, town.name_at())
    assert [] == town.rows.asked()
    assert [number] == [row.id for row in town.rows.page()]


def test_most_specific_row_wins(town: Town) -> None:
    """The longest unit, then the procedure, then the kind of fee; a unit covers those below it by whole parts."""
    for name, more in {
        "all": {"unit": ""},
        "province": {"unit": "H99"},
        "unit": {},
        "kind": {"fee_kind": "fee"},
        "procedure": {"procedure": PROCEDURE},
        "both": {"procedure": PROCEDURE, "fee_kind": "charge"},
        "old": {"unit": "000.00.20.H99"},
        "oldest": {"unit": "000.00.00.H99"},
    }.items():
        town.add(name, **more)

    assert "procedure" == town.name_at()
    assert "both" == town.name_at(kind="charge")
    assert "kind" == town.name_at(procedure=None)
    assert "unit" == town.name_at(procedure="2.000001", kind="charge")
    assert "province" == town.name_at(unit="H99.110")
    assert "all" == town.name_at(unit="H98.1") == town.name_at(unit=None)
    assert ("old", "oldest") == (town.name_at(unit="000.07.20.H99"), town.name_at(unit="000.07.21.H99"))


def test_overlap_is_refused(town: Town) -> None:
    """Two rows for the very same never hold at one time: not proposed, and not approved either."""
    first = town.add(valid_until=NOON + MONTH)
    late = town.propose("other", valid_from=NOON + MONTH)
    other = town.propose("third", valid_from=NOON + 2 * MONTH)
    town.approve(late)

    assert "overlaps" == code_of(lambda: town.propose("again", valid_from=NOON + MONTH / 2))
    assert "overlaps" == code_of(lambda: town.approve(other))
    assert "overlaps" == code_of(lambda: town.propose("same day", replaces=first))
    assert ("KBNN", "other") == (town.name_at(), town.name_at(NOON + 3 * MONTH))


def test_row_that_replaces_another(town: Town) -> None:
    """What it replaces ends where it begins, in the transaction of the second person's yes."""
    old = town.add()
    new = town.propose("new", valid_from=NOON + MONTH, replaces=old)
    between = town.name_at(NOON + 2 * MONTH)
    town.approve(new)

    assert ("KBNN", "KBNN", "new") == (between, town.name_at(), town.name_at(NOON + MONTH))
    assert NOON + MONTH == town.rows.get(old).valid_until
    assert "not_the_same" == code_of(lambda: town.propose("x", unit="H99.12", replaces=old))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"unit": " H99"}, "bad_account"),
        ({"procedure": "x" * 201}, "bad_account"),
        ({"fee_kind": "tax"}, "bad_account"),
        ({"name": ""}, "bad_account"),
        ({"name": "a\nb"}, "bad_account"),
        ({"valid_until": NOON}, "bad_time"),
    ],
)
def test_malformed_proposals(town: Town, more: dict[str, Any], code: str) -> None:
    """What could not be an account is refused before a second person sees it."""
    assert code == code_of(lambda: town.propose(**more))


def test_payment_keeps_the_account_it_was_asked_with(town: Town) -> None:
    """A payment's account is written with it; a later one changes nothing for it."""
    first = town.add("before", unit=UNIT)
    town.world.requested("P1")
    town.approve(town.propose("after", replaces=first, valid_from=NOON + timedelta(minutes=1)))
    town.world.clock.sleep(120)
    town.world.requested("P2")

    assert [("before",), ("after",)] == town.world.rows("SELECT account_name FROM payments ORDER BY id")


def test_kinds_that_go_to_two_accounts(town: Town) -> None:
    """A gateway takes one account for a payment: kinds that go to two have none, and a person is asked."""
    town.add("fees", fee_kind="fee")
    tx = town.world.ledger.engine.read()
    one = beneficiary_for(tx, UNIT, PROCEDURE, ["fee"], to_ms(NOON))
    town.add("charges", fee_kind="charge")

    assert to("fees") == one
    assert None is beneficiary_for(tx, UNIT, PROCEDURE, ["charge", "fee"], to_ms(NOON))


def test_unknown_account(town: Town) -> None:
    """What is not there is told as such."""
    with pytest.raises(NotFound):
        town.approve(7)


# -- tasks -----------------------------------------------------------------------------------------------------------


def test_task_is_opened_once_and_closed_once(town: Town) -> None:
    """One cause asks one person, whatever became of the question; who closed it and why is bound by a move."""
    world, tasks = town.world, PaymentTasks(town.world.ledger)
    moves = world.ledger.moves

    def open_one() -> int | None:
        found: int | None = world.write(
            lambda tx: open_task(tx, moves, TaskKind.UNKNOWN_REFERENCE, to_ms(NOON), cause="T-1", detail="0912345678")
        )
        return found

    number = open_one() or 0
    again = open_one()
    done = world.write(lambda tx: tasks.close(tx, number, account="an", reason=" looked up "))

    assert (None, None) == (again, open_one())
    assert (False, "person:an", "looked up") == (done.is_open, done.closed_by, done.close_reason)
    assert "0912345678" not in tasks.get(number).detail
    assert "task_closed" == code_of(lambda: world.write(lambda tx: tasks.close(tx, number, account="an", reason="x")))
    with pytest.raises(NotFound):
        tasks.get(99)


@pytest.mark.parametrize("harm", ["UPDATE beneficiaries SET account = '1'", "DELETE FROM beneficiaries WHERE id = 1"])
def test_changed_account_is_found(tmp_path: Path, harm: str) -> None:
    """Whoever writes another account into the file itself is named by verify."""
    town = Town(tmp_path)
    town.add()
    town.world.write(lambda tx: tx.connection.execute(harm))

    assert ["beneficiary"] == [found.table for found in verify(town.world.ledger)]
    town.world.close()
