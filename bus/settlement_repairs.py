"""Repairs differences of a settlement: a dry run, a person's wish under four eyes, and its carrying out, once.

What the gateway's file says is heard like any other word of the gateway's, by the one rule of `payments.py`; what the
one-stop system has not acknowledged is sent again where that is allowed; what its own file says otherwise becomes a
task. A page of differences is one transaction with what became of each, and it takes only what is still open: whoever
dies or comes twice, each is repaired once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol

from bus.accounts import account_of, known_roles
from bus.engines.sqlite import Tx
from bus.errors import NotAllowedNow, NotFound
from bus.ledger import Ledger
from bus.messages import State
from bus.payment_tasks import open_task
from bus.payments import Heard, TaskKind, Told
from bus.ports import CrashPoint, no_crash
from bus.reasons import kept
from bus.repairs import Repairs
from bus.rights import Right, rights_of
from bus.seal import Sealed
from bus.selections import NO
from bus.settlement import (
    HEARD,
    Difference,
    DifferenceClass,
    Plan,
    Remedy,
    Repair,
    RepairState,
    Run,
    difference_of,
    digest_of,
    remedy_of,
    repair_of,
    told_of,
)
from bus.settlement_book import Settlements
from bus.times import to_ms

PAGE: Final = 50
"""Differences of one transaction: each may be a payment with all that follows from it."""
QUESTION: Final = timedelta(hours=24)
"""How long a wish waits for another person's yes."""
WAITS: Final = "waits"
"""The outcome where the next day's file is asked first."""


class Hears(Protocol):
    """`PaymentBook`: the one rule for all that a gateway says."""

    def sealed(self, told: Told) -> tuple[Told, Sealed]:
        """Ready to be heard."""
        ...

    def hear_in(self, tx: Tx, work: Sequence[tuple[Told, Sealed]], actor: str | None = None) -> list[Heard]:
        """In a transaction of the caller's."""
        ...


class SettlementRepairs:
    """Repairs of one ledger's settlements. Threads and processes may have one each."""

    def __init__(
        self,
        ledger: Ledger,
        settlements: Settlements,
        repairs: Repairs,
        *,
        payments: Hears,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        self._ledger = ledger
        self._settlements = settlements
        self._repairs = repairs
        self._payments = payments
        self._point = crash_point

    # -- persons ------------------------------------------------------------------------------------------------

    def plan(self, run: int, classes: Sequence[DifferenceClass], *, tx: Tx | None = None) -> Plan:
        """The dry run over what is open now. Raises NotFound; NotAllowedNow: nothing to repair, or replaced."""
        tx = tx or self._ledger.engine.read()
        of = self._settlements.get(run, tx=tx)
        if of.state != "done":
            raise NotAllowedNow(f"run {run} is {of.state}: there is nothing to repair", code="day_not_settled")
        is_in, ids, would = bool(tx.one("next_day_is_in", run)), [], {}
        for kind in classes:
            found = [row[0] for row in tx.all("open_differences", run, kind)]
            if found:
                would[kind] = (remedy_of(kind, is_next_day_in=is_in), len(found))
                ids += found
        if not ids:
            raise NotAllowedNow("nothing of this is open", code="nothing_open")
        return Plan(run=run, classes=tuple(would), ids=tuple(sorted(ids)), would=would)

    def ask(
        self,
        tx: Tx,
        run: int,
        classes: Sequence[DifferenceClass],
        *,
        digest: str,
        actor: str,
        reason: str,
        four_eyes_above: int,
    ) -> Repair:
        """Begin, or ask another person; where the same was asked for already, that one.

        Raises NotFound, NotAllowedNow.
        """
        plan = self.plan(run, classes, tx=tx)
        if plan.digest != digest:
            raise NotAllowedNow("the differences changed since they were shown", code="another_selection")
        known = tx.one("same_settlement_repair", run, digest)
        if known is not None:
            return self.get(known[0], tx=tx)
        now, is_asked = self._ledger.clock.now(), self.wants_second_person(plan, four_eyes_above, tx=tx)
        expires = to_ms(now + QUESTION) if is_asked else None
        head = (run, " ".join(plan.classes), digest, len(plan.ids), plan.ids[-1], "asked" if is_asked else "running")
        number = tx.insert("add_settlement_repair", *head, actor, kept(reason), to_ms(now), expires)
        cause = "settlement_repair_asked" if is_asked else "settlement_repair_started"
        self._repairs.note(tx, cause, f"{_told(plan)}: {kept(reason)}", actor=actor)
        return self.get(number, tx=tx)

    def wants_second_person(self, plan: Plan, four_eyes_above: int, *, tx: Tx | None = None) -> bool:
        """Whether another person must agree: a day that is repaired in parts is still one day."""
        before = (tx or self._ledger.engine.read()).one("settlement_repaired_alone", plan.run)
        assert before is not None
        return int(before[0]) + len(plan.ids) > four_eyes_above

    def decide(self, tx: Tx, number: int, *, actor: str, digest: str, is_yes: bool, reason: str) -> Repair:
        """Another person's word. Raises NotFound; NotAllowedNow: not asked, too late, one's own, or another list."""
        of, now = self.get(number, tx=tx), self._ledger.clock.now()
        if of.state != "asked":
            raise NotAllowedNow(f"repair {number} is {of.state}: nobody is asked", code="not_asked")
        if of.expires_at is not None and of.expires_at < now:
            raise NotAllowedNow(f"repair {number} was asked for too long ago", code="expired")
        if is_yes and actor == of.actor:
            raise NotAllowedNow("one's own wish is another person's to approve", code="own_request")
        if digest != of.digest:
            raise NotAllowedNow("another list was shown", code="another_selection")
        if is_yes and _is_fallen(tx, of.actor):
            raise NotAllowedNow(f"{of.actor} may not repair any more", code="asker_may_not")
        ended = None if is_yes else to_ms(now)
        tx.run("decide_settlement_repair", "running" if is_yes else "declined", actor, to_ms(now), ended, number)
        cause = "settlement_repair_approved" if is_yes else "settlement_repair_declined"
        self._repairs.note(tx, cause, f"repair {number} of run {of.run}: {kept(reason)}", actor=actor)
        return self.get(number, tx=tx)

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, number: int, *, tx: Tx | None = None) -> Repair:
        """A repair. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("get_settlement_repair", number)
        if row is None:
            raise NotFound(f"no repair {number} of a settlement")
        return repair_of(row)

    def of_run(self, run: int, *, limit: int = 20) -> list[Repair]:
        """A run's repairs, the newest first."""
        return [repair_of(row) for row in self._ledger.engine.read().all("settlement_repairs_of", run, limit)]

    # -- carrying out -------------------------------------------------------------------------------------------

    def carry_all(self, *, goes_on: Callable[[], bool] = lambda: True) -> int:
        """Carry on every repair that was begun, and end questions that nobody answered; how many differences.

        `goes_on` is asked before each page: a process that stops leaves the rest to the next.
        """
        tx = self._ledger.engine.read()
        if tx.one("settlement_repairs_asked", 1):
            now = to_ms(self._ledger.clock.now())
            self._ledger.engine.write(lambda tx: tx.run("settlement_repairs_expired", now))
        return sum(self.carry(row[0], goes_on=goes_on) for row in tx.all("running_settlement_repairs"))

    def carry(self, number: int, *, goes_on: Callable[[], bool] = lambda: True) -> int:
        """Carry one out from where it stands; how many differences were looked at."""
        count = 0
        while goes_on() and (looked := self._step(number)) is not None:
            count += looked
        return count

    def _step(self, number: int) -> int | None:
        self._point("settlement_repair.before_page")
        reading = self._ledger.engine.read()
        # Sealed before the writer is asked: it costs time.
        run, _of, found = self._due(reading, number)
        told = {one.id: self._payments.sealed(told_of(run.partner, run, one)) for one in found if one.kind in HEARD}
        looked = self._ledger.engine.write(lambda tx: self._page(tx, number, told))
        self._point("settlement_repair.after_page")
        return looked

    def _due(self, tx: Tx, number: int) -> tuple[Run, Repair, list[Difference]]:
        """The next page of what is still open."""
        of = self.get(number, tx=tx)
        run, named = self._settlements.get(of.run, tx=tx), " ".join(of.classes)
        rows = tx.all("settlement_page", of.run, of.next, of.last, named, 1, PAGE)
        return run, of, [difference_of(row) for row in rows]

    def _page(self, tx: Tx, number: int, told: Mapping[int, tuple[Told, Sealed]]) -> int | None:
        """A page and what becomes of each; None when nothing is left, or it is not to go on."""
        run, of, found = self._due(tx, number)
        if of.state != "running":
            return None
        if _is_fallen(tx, of.actor):
            self._end(tx, of, "expired", f"{of.actor} may not repair any more")
            return None
        # Others may have been here since the page was sealed: what is not sealed waits for the next page.
        due = [one for one in found if one.id in told or one.kind not in HEARD]
        for one in due:
            self._mend(tx, run, of, one, told.get(one.id))
        if found:
            tx.run("go_on_with_settlement_repair", due[-1].id if len(due) == len(found) else of.next, len(due), number)
            return len(due)
        self._end(tx, of, "done", f"{of.done}")
        return None

    def _end(self, tx: Tx, of: Repair, state: RepairState, told: str) -> None:
        """Carried out, or not to be carried on: what was done stays done."""
        tx.run("end_settlement_repair", state, to_ms(self._ledger.clock.now()), of.id)
        cause = "settlement_repaired" if state == "done" else "settlement_repair_ended"
        self._repairs.note(tx, cause, f"repair {of.id} of run {of.run}: {told}", actor=of.actor)

    def _mend(self, tx: Tx, run: Run, of: Repair, one: Difference, told: tuple[Told, Sealed] | None) -> None:
        """One difference, and what became of it."""
        outcome, is_closed = self._mended(tx, run, of, one, told)
        self._point("settlement_repair.after_act")
        now = to_ms(self._ledger.clock.now())
        tx.run("repair_difference", now, of.actor, outcome, int(is_closed), of.reason, one.id)

    def _mended(
        self, tx: Tx, run: Run, of: Repair, one: Difference, told: tuple[Told, Sealed] | None
    ) -> tuple[str, bool]:
        if one.kind is DifferenceClass.MISSING_THERE and not tx.one("next_day_is_in", run.id):
            return WAITS, False
        if told is not None:
            (heard,) = self._payments.hear_in(tx, [told], of.actor)
            return heard.effect.value, True
        if one.kind is DifferenceClass.ONE_STOP_NOT_TOLD:
            return self._tell(tx, of, one)
        at, cause = to_ms(self._ledger.clock.now()), f"{run.partner} {run.day.isoformat()} {one.kind} {one.reference}"
        open_task(
            tx,
            self._ledger.moves,
            TaskKind.ONE_STOP_DIFFERS,
            at,
            payment=one.payment,
            cause=cause,
            partner=run.partner,
            amount=one.one_stop,
            detail=f"{one.kind}: run {run.id}, line {one.line or 0}",
            actor=of.actor,
        )
        return Remedy.REVIEW.value, True

    def _tell(self, tx: Tx, of: Repair, one: Difference) -> tuple[str, bool]:
        """Send it again where a person may; what went through meanwhile has nothing left to do."""
        row = None if one.delivery is None else tx.one("delivery_now", one.delivery)
        if row is None or one.delivery is None:
            return f"{NO}no_delivery", False
        if State(row[0]) is State.DELIVERED:
            return State.DELIVERED.value, True
        try:
            state = self._repairs.act(tx, one.delivery, "replay", actor=of.actor, reason=of.reason)
        except NotAllowedNow as refusal:
            return f"{NO}{refusal.code}", False
        return state.value, True


def _is_fallen(tx: Tx, actor: str) -> bool:
    """Whether an account of the console may repair no more, or sees only some units by now. Who has none acts at a
    terminal, and is not asked there."""
    row = tx.one("find_account", actor.removeprefix("person:"))
    account = None if row is None else account_of(row)
    if account is None:
        return False
    may = Right.REPLAY in rights_of(account.roles, known_roles(tx))
    return account.is_disabled or account.units is not None or not may


def _told(plan: Plan) -> str:
    parts = ", ".join(f"{kind} {count}" for kind, (_remedy, count) in plan.would.items())
    return f"run {plan.run} {digest_of(plan.run, plan.ids)[:12]} {parts}"
