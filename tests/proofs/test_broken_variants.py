"""Tests of the tests: deliberately broken products, each of which the real proofs must catch.

A variant is a world whose ledger, intake or adapter is wrong in one way; the product's own files are not touched. It
goes through the very functions that prove the promises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.engines.sqlite import SqliteEngine
from bus.intake import Intake
from bus.messages import Acceptance, Attempt, Delivered, Delivery, Event, Recorded, Unreachable
from bus.ports import FileStorage
from bus.sql import load_migrations
from tests.proofs.kit import Maker
from tests.proofs.test_r01_crash_points import crash_and_recover
from tests.proofs.test_r04_lost_answers import lost_answers
from tests.proofs.test_r07_zombie import pauses
from tests.proofs.test_r08_order import shuffled_order
from tests.world import World


class NoDedup(World):
    """No event is ever known, and no constraint stops it from being recorded twice."""

    def __init__(self, folder: Path, **how: Any) -> None:
        path = folder / "ledger.db"
        if not (folder / "loosened").exists():
            path.unlink()
            _make_without(path, "  UNIQUE (source, event_id)", "  CHECK (1)")
            (folder / "loosened").touch()
        super().__init__(folder, **how)

    def open(self) -> None:
        super().open()
        _rewrite(self, "find_event", "AND event_id = ?", "AND event_id = ? AND 0")
        _rewrite(self, "look_around", "AND event_id = ?", "AND event_id = ? AND 0")


def _make_without(path: Path, rule: str, instead: str) -> None:
    engine = SqliteEngine(path, FileStorage())
    for step in load_migrations("sqlite"):
        engine.migrate(step._replace(sql=step.sql.replace(rule, instead)), 0, step.digest)
    engine.close()


def _rewrite(world: World, name: str, old: str, new: str) -> None:
    queries = world.ledger.engine._queries
    assert old in queries[name], f"the query {name} has changed: this variant breaks nothing any more"
    queries[name] = queries[name].replace(old, new)


class BlindResend(World):
    """A step nobody can be asked about is simply sent again."""

    def open(self) -> None:
        super().open()
        ask = self.adapter.ask

        def asked(delivery: Delivery) -> Attempt:
            found = ask(delivery)
            return found if found.exchanges else Attempt(outcome=Unreachable(reason="send it again", is_down=False))

        self.adapter.ask = asked  # type: ignore[method-assign]


class HastyIntake(Intake):
    """Answers before the event is on disk."""

    def accept(self, event: Event, **_how: Any) -> Acceptance:
        self.accept_later(event, lambda _answers: None, None)
        return Recorded(event=0, accepted_at=event.occurred_at, digest=event.digest)


class AckBeforeCommit(World):
    """Its door says 201 while the writer is still at it."""

    def open(self) -> None:
        super().open()
        self.intake = HastyIntake(self.ledger, self._routes, crash_point=self._crash_point)


class NoOrder(World):
    """The newest of a lane goes first."""

    def open(self) -> None:
        super().open()
        _rewrite(self, "find_head", "ORDER BY place, event", "ORDER BY event DESC")


class BelievesAnything(World):
    """Takes whatever came with status 200 for a yes."""

    believed = "garbled"

    def open(self) -> None:
        super().open()
        judge = self.adapter._outcome
        self.adapter._outcome = lambda fate: Delivered() if fate.startswith(self.believed) else judge(fate)  # type: ignore[method-assign]


class BelievesBatches(BelievesAnything):
    """Takes a batch's yes for a yes to each of its records."""

    believed = "skipped"


class NoFence(World):
    """Whoever settles is believed to hold the lane."""

    def open(self) -> None:
        super().open()
        settler = self.ledger._settler
        settle = settler.settle

        def settled(tx: Any, work: Any, manners: Any) -> Any:
            execute = tx._connection.execute
            taken = "UPDATE lanes SET lease_until = 1, head = ? WHERE id = ? RETURNING fence"
            fence = execute(taken, (work.delivery.id, work.delivery.lane)).fetchone()[0]
            return settle(tx, replace(work, delivery=replace(work.delivery, fence=fence)), manners)

        settler.settle = settled  # type: ignore[method-assign]


class NeverLooksAtItsLease(World):
    """Sends what it claimed, however long ago that was."""

    def open(self) -> None:
        super().open()
        claim = self.ledger.claim
        self.ledger.claim = lambda *how: [replace(one, leased_until=None) for one in claim(*how)]  # type: ignore[method-assign]


def crashes_at(points: Sequence[str], step_class: str, seeds: range) -> Callable[[Maker, Path], None]:
    """The proof of R1 at some of its lines."""

    def proof(maker: Maker, folder: Path) -> None:
        for seed in seeds:
            for point in points:
                crash_and_recover(maker, folder, step_class, point, seed)

    return proof


PROOFS: dict[str, tuple[type[World], Callable[[Maker, Path], Any]]] = {
    "no dedup": (NoDedup, crashes_at(["writer.after_commit", "intake.after_record"], "queryable", range(1, 6))),
    "blind resend": (BlindResend, lambda maker, folder: lost_answers(maker, folder, "blind", dossiers=10, seed=4)),
    "ack before commit": (
        AckBeforeCommit,
        crashes_at(["writer.before_begin", "record.after_event", "writer.before_commit"], "idempotent", range(1, 9)),
    ),
    "no order": (NoOrder, lambda maker, folder: shuffled_order(maker, folder, dossiers=20, workers=2, seed=1)),
    "html-200 taken for success": (
        BelievesAnything,
        lambda maker, folder: lost_answers(maker, folder, "queryable", dossiers=10, seed=4),
    ),
    "a batch's yes taken for each record's": (
        BelievesBatches,
        lambda maker, folder: lost_answers(maker, folder, "queryable", dossiers=12, seed=5, batch=10),
    ),
    "lease without fence": (NoFence, lambda maker, folder: pauses(maker, folder, range(36))),
    "lease not looked at": (NeverLooksAtItsLease, lambda maker, folder: pauses(maker, folder, range(36))),
}


@pytest.mark.parametrize("name", PROOFS)
def test_broken_product_is_caught(folder: Path, name: str) -> None:
    """The proof that the sound product passes fails for this broken one, by what the partner's books say."""
    variant, proof = PROOFS[name]

    with pytest.raises(AssertionError, match=r"lost=|doubled=|out_of_order=|false_green=") as caught:
        proof(variant, folder)
    assert "Account(" in str(caught.value)


@pytest.mark.parametrize("name", PROOFS)
def test_sound_product_passes(folder: Path, name: str) -> None:
    """The very same proof passes with nothing broken."""
    _variant, proof = PROOFS[name]

    proof(World, folder)
