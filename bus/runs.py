"""A frozen selection is carried out: item by item, each with its effect in one transaction, by one process at a time.

A run is leased under a fencing number: who lost it writes nothing any more, so an item is done once, whoever dies when.
Each item is done under the rights that its account has at that moment: where they are gone, the run pauses by itself.
Above a number of items another person must say yes first, to the very digest that was asked for. Two who press at once
start one run, for a selection has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from bus.accounts import account_of, known_roles
from bus.engines.sqlite import Row, Tx
from bus.errors import NotAllowedNow, NotFound
from bus.judging import judge, target
from bus.lanes import BUS
from bus.ledger import Ledger
from bus.ports import CrashPoint, no_crash
from bus.reasons import kept
from bus.repairs import Repairs
from bus.rights import Right, covers, rights_of
from bus.selections import LARGEST_PAGE, NO, Selection, Selections, Stand, stands
from bus.times import from_ms, ms, to_ms

RunState: TypeAlias = Literal["asked", "running", "paused", "stopped", "done", "declined", "expired"]
ENDED: Final = frozenset({"stopped", "done", "declined", "expired"})
LEASE: Final = timedelta(seconds=15)
"""How long a run stands still at most after its process was killed."""
QUESTION: Final = timedelta(hours=24)
"""How long a run waits for another person's yes: what was true yesterday is frozen anew."""
HALVES: Final = timedelta(hours=1)
"""How long one's own runs count together before another person's yes is asked."""
SLOWEST: Final = 0.1
FASTEST: Final = 200.0
"""Items a second. Faster ones would hold up what comes in at the doors."""
USUAL: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it stands."""

    id: int
    selection: int
    state: RunState
    rate: float
    digest: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    next: int
    ended_at: datetime | None
    is_leased: bool
    fence: int
    carried_by: str
    """Under whose rights: who asked, or who last let it go on."""
    halted_for: str | None
    """Why it paused by itself: `no_account`, `no_right`, `other_units`."""

    @property
    def done(self) -> int:
        """Items that were looked at."""
        return self.next - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One process's right to carry a run on."""

    run: int
    fence: int
    rate: float


class Runs:
    """Runs of one ledger. What a person does is a function of an open transaction, beside the press for it."""

    def __init__(
        self, ledger: Ledger, selections: Selections, repairs: Repairs, *, crash_point: CrashPoint = no_crash
    ) -> None:
        self._ledger = ledger
        self._selections = selections
        self._repairs = repairs
        self._point = crash_point

    # -- persons ------------------------------------------------------------------------------------------------

    def start(
        self, tx: Tx, number: int, *, account: str, digest: str, four_eyes_above: int, rate: float = USUAL
    ) -> Run:
        """Begin, or ask another person; where it was begun already, that run. Raises NotFound, NotAllowedNow."""
        of = self._selections.get(number, tx=tx)
        known = tx.one("run_of_selection", number)
        if known is not None:
            return self.get(known[0], tx=tx)
        self._require_same(tx, of, digest)
        now = self._ledger.clock.now()
        is_asked = of.count + self.on_ones_own(account, tx=tx) > four_eyes_above
        expires = to_ms(now + QUESTION) if is_asked else None
        state, rate = "asked" if is_asked else "running", min(max(SLOWEST, rate), FASTEST)
        run = tx.insert("add_run", number, state, rate, of.digest, account, to_ms(now), expires)
        self._note(tx, "run_asked" if is_asked else "run_started", run, of, of.reason, account)
        return self.get(run, tx=tx)

    def decide(self, tx: Tx, number: int, *, account: str, digest: str, is_yes: bool, reason: str) -> Run:
        """Another person's word. Raises NotFound.

        NotAllowedNow: not asked, too late, one's own, another list, or whoever asked may not any more.
        """
        run = self.get(number, tx=tx)
        of = self._selections.get(run.selection, tx=tx)
        now = self._ledger.clock.now()
        if run.state != "asked":
            raise NotAllowedNow(f"run {number} is {run.state}: nobody is asked", code="not_asked")
        if run.expires_at is not None and run.expires_at < now:
            raise NotAllowedNow(f"run {number} was asked for too long ago", code="expired")
        if account in (run.asked_by, of.account):
            raise NotAllowedNow("whoever asks, or chose, does not approve", code="own_request")
        if is_yes:
            self._require_same(tx, of, digest)
            self._require_standing(tx, run, of)
        state: RunState = "running" if is_yes else "declined"
        tx.run("decide_run", state, account, to_ms(now), None if is_yes else to_ms(now), number)
        self._note(tx, "run_approved" if is_yes else "run_declined", number, of, reason, account)
        return self.get(number, tx=tx)

    def pause(self, tx: Tx, number: int, *, account: str, reason: str) -> Run:
        """Stand still after the item under way. Raises NotFound, NotAllowedNow."""
        return self._set(tx, number, ("running",), "paused", "run_paused", account, reason)

    def resume(self, tx: Tx, number: int, *, account: str, reason: str) -> Run:
        """Go on, under this account's rights from now on. Raises NotFound, NotAllowedNow."""
        tx.run("carry_run", account, number)
        return self._set(tx, number, ("paused",), "running", "run_resumed", account, reason)

    def stop(self, tx: Tx, number: int, *, account: str, reason: str) -> Run:
        """End it; what was done stays done. Raises NotFound, NotAllowedNow."""
        return self._set(tx, number, ("asked", "running", "paused"), "stopped", "run_stopped", account, reason)

    def _set(
        self, tx: Tx, number: int, froms: Sequence[RunState], to: RunState, cause: str, account: str, reason: str
    ) -> Run:
        run = self.get(number, tx=tx)
        if run.state == to:
            return run
        if run.state not in froms:
            raise NotAllowedNow(f"run {number} is {run.state}", code="run_over")
        ended = to_ms(self._ledger.clock.now()) if to in ENDED else None
        tx.run("set_run_state", to, ended, number)
        self._note(tx, cause, number, self._selections.get(run.selection, tx=tx), reason, account)
        return self.get(number, tx=tx)

    def _require_same(self, tx: Tx, of: Selection, digest: str) -> None:
        if digest != of.digest:
            raise NotAllowedNow(f"selection {of.id} is another than the one that was shown", code="another_selection")
        if not self._selections.is_whole(tx, of):
            raise NotAllowedNow(f"selection {of.id} is not what was frozen", code="selection_damaged")

    def _require_standing(self, tx: Tx, run: Run, of: Selection) -> None:
        if (code := _fallen(tx, run.carried_by, of)) is not None:
            raise NotAllowedNow(f"{run.carried_by} may not carry run {run.id} any more: {code}", code="asker_may_not")

    def _note(self, tx: Tx, cause: str, run: int, of: Selection, reason: str, account: str) -> None:
        told = f"{run} {of.digest[:12]} {of.act} {of.count}: {kept(reason)}"
        self._repairs.note(tx, cause, told, actor=f"person:{account}" if account != BUS else BUS)

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, number: int, *, tx: Tx | None = None) -> Run:
        """A run. Raises NotFound."""
        row = (tx or self._ledger.engine.read()).one("find_run", number)
        if row is None:
            raise NotFound(f"no run {number}")
        return _run(row)

    def of_selection(self, number: int) -> Run | None:
        """The run of a selection, once there is one."""
        row = self._ledger.engine.read().one("run_of_selection", number)
        return None if row is None else self.get(row[0])

    def on_ones_own(self, account: str, *, tx: Tx | None = None) -> int:
        """Items that an account lately had run with nobody's yes: a large list in halves is still a large one."""
        since = to_ms(self._ledger.clock.now() - HALVES)
        row = (tx or self._ledger.engine.read()).one("run_on_ones_own", account, since)
        assert row is not None
        return int(row[0])

    def newest(self, *, before: int = 1 << 62, limit: int = 50) -> list[Run]:
        """The newest runs."""
        return [_run(row) for row in self._ledger.engine.read().all("list_runs", before, min(limit, LARGEST_PAGE))]

    def asked(self, *, limit: int = LARGEST_PAGE) -> list[Run]:
        """Those that wait for another person, the oldest first."""
        return [_run(row) for row in self._ledger.engine.read().all("runs_asked", limit)]

    def outcomes(self, number: int) -> dict[str, int]:
        """How many items came to what."""
        return dict(self._ledger.engine.read().all("run_outcomes", number))

    # -- carrying out -------------------------------------------------------------------------------------------

    def is_any_free(self) -> bool:
        """Whether there is a run that nobody carries, or a question that nobody answered in time: a cheap look."""
        now = to_ms(self._ledger.clock.now())
        tx = self._ledger.engine.read()
        return bool(tx.one("free_run", now, now + 2 * ms(LEASE)) or tx.one("runs_expired", now))

    def take(self, owner: str) -> Lease | None:
        """Take the oldest run that nobody carries; None when there is none. Ends questions nobody answered."""

        def job(tx: Tx) -> Lease | None:
            now = to_ms(self._ledger.clock.now())
            self._expire(tx, now)
            row = tx.one("free_run", now, now + 2 * ms(LEASE))
            if row is None:
                return None
            fence = tx.one("lease_run", now + ms(LEASE), owner, row[0])
            assert fence is not None
            return Lease(run=row[0], fence=fence[0], rate=self.get(row[0], tx=tx).rate)

        lease = self._ledger.engine.write(job)
        self._point("run.leased")
        return lease

    def _expire(self, tx: Tx, now: int) -> None:
        for (number,) in tx.all("runs_expired", now):
            tx.run("set_run_state", "expired", now, number)
            of = self._selections.get(self.get(number, tx=tx).selection, tx=tx)
            self._note(tx, "run_expired", number, of, "", BUS)

    def step(self, lease: Lease) -> bool:
        """One item, with what becomes of it; False when the run is over, paused or another process's."""
        self._point("run.before_item")
        goes_on = self._ledger.engine.write(lambda tx: self._step(tx, lease))
        self._point("run.after_item")
        return goes_on

    def _step(self, tx: Tx, lease: Lease) -> bool:
        run, now = self.get(lease.run, tx=tx), to_ms(self._ledger.clock.now())
        if run.state != "running" or run.fence != lease.fence:
            return False
        of = self._selections.get(run.selection, tx=tx)
        if (code := _fallen(tx, run.carried_by, of)) is not None:
            tx.run("halt_run", code, run.id)
            self._note(tx, "run_halted", run.id, of, f"{run.carried_by}: {code}", BUS)
            return False
        item = self._selections.item(tx, of.id, run.next)
        assert item is not None  # the last one ended the run
        outcome = self._carry(tx, run, of, item)
        self._point("run.after_act")
        tx.run("add_run_item", run.id, run.next, now, outcome)
        if run.next < of.count:
            tx.run("go_on_with_run", run.next + 1, now + ms(LEASE), run.id)
            return True
        tx.run("go_on_with_run", run.next + 1, None, run.id)
        tx.run("set_run_state", "done", now, run.id)
        self._note(tx, "run_done", run.id, of, "", BUS)
        return False

    def _carry(self, tx: Tx, run: Run, of: Selection, item: Stand) -> str:
        """Act on one, unless it changed since it was frozen, left the requester's units, or may not be touched now."""
        now, unit = stands(tx, item.delivery)
        if not covers(unit, of.units):
            return f"{NO}other_unit"
        if now != item:
            return f"{NO}changed"
        try:
            judge(tx, target(tx, item.delivery), of.act, of.how)
        except NotAllowedNow as refusal:
            return f"{NO}{refusal.code}"
        told = f"{of.reason} (#{run.id})"
        actor = f"person:{run.carried_by}"
        return self._repairs.act(tx, item.delivery, of.act, of.how, actor=actor, reason=told).value

    def let_go(self, lease: Lease) -> None:
        """Give a run back, for another process or for later: this one stops."""

        def job(tx: Tx) -> None:
            if self.get(lease.run, tx=tx).fence == lease.fence:
                tx.run("free_run_again", lease.run)

        self._ledger.engine.write(job)


class Runner:
    """Carries runs on, one after another, at each one's pace."""

    def __init__(self, runs: Runs, owner: str, *, wait: Callable[[float], bool]) -> None:
        """`wait` lets seconds pass, and says whether to stop."""
        self._runs = runs
        self._owner = owner
        self._wait = wait

    def run_once(self) -> int:
        """Carry one run as far as it goes; how many items."""
        if not self._runs.is_any_free():
            return 0
        lease = self._runs.take(self._owner)
        if lease is None:
            return 0
        count = 1
        while self._runs.step(lease):
            if self._wait(1 / lease.rate):
                self._runs.let_go(lease)
                break
            count += 1
        return count


def _fallen(tx: Tx, account: str, of: Selection) -> str | None:
    """Why an account may not, or may no more, carry a list out; None where it may."""
    row = tx.one("find_account", account)
    known = None if row is None else account_of(row)
    if known is None or known.is_disabled:
        return "no_account"
    if Right.REPLAY not in rights_of(known.roles, known_roles(tx)):
        return "no_right"
    return None if of.is_open_to(known.units) else "other_units"


def _run(row: Row) -> Run:
    return Run(
        id=row[0],
        selection=row[1],
        state=row[2],
        rate=row[3],
        digest=row[4],
        asked_by=row[5],
        asked_at=from_ms(row[6]),
        expires_at=_time(row[7]),
        decided_by=row[8],
        decided_at=_time(row[9]),
        next=row[10],
        ended_at=_time(row[11]),
        is_leased=row[12] is not None,
        fence=row[14],
        carried_by=row[15],
        halted_for=row[16],
    )


def _time(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)
