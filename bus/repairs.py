"""What a person may do, each with a reason, each a move: replay, cancel, resolve, resync, hold, release, skip a gap.

A repair never edits history. Where sending would break order or double an effect it does not send: a replay older than
what the partner has already becomes `superseded`, and a step that may have arrived is *resolved*, never replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from bus.engines.sqlite import Row, Tx
from bus.errors import BornThere, NotAllowedNow, NotFound
from bus.lanes import set_head
from bus.ledger import Ledger
from bus.messages import State
from bus.moves import Move
from bus.reasons import kept
from bus.times import to_ms

Resolution: TypeAlias = Literal["arrived", "send_again", "go_on"]
REPLAYABLE: Final = frozenset({State.HELD, State.REFUSED, State.CANCELLED, State.NOT_OURS, State.DELIVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One step in doubt that waits for a person."""

    delivery: int
    dossier: str
    status: str | None
    partner: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A frozen selection: what a dry run shows is what is then done, or nothing is."""

    doubts: tuple[Doubt, ...]
    digest: str


class Repairs:
    """A person's moves on the ledger. `actor` is who, `reason` is why; both are kept in the move."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._moves = ledger.moves

    def replay(self, delivery: int, *, actor: str, reason: str) -> State:
        """Send a delivery again; the state it stands in now.

        Raises NotFound; NotAllowedNow for a delivered step (it would be doubled), one in doubt (resolve it), or one
        that is on its way.
        """
        return self._ledger.engine.write(lambda tx: self._replay(tx, delivery, actor, reason, self._now()))

    def _replay(self, tx: Tx, delivery: int, actor: str, reason: str, at: int) -> State:
        row = self._target(tx, delivery)
        state, rule = State(row[0]), row[1]
        if state not in REPLAYABLE:
            raise NotAllowedNow(f"delivery {delivery} is {state}: only {', '.join(sorted(REPLAYABLE))} can be replayed")
        if state is State.DELIVERED and rule == "every_step":
            raise NotAllowedNow(f"delivery {delivery} is a step the partner has: sent again it would stand there twice")
        if self._is_overtaken(tx, delivery, row):
            self._move(tx, row, delivery, State.SUPERSEDED, "replay_overtaken", actor, reason, at, blocks=False)
            return State.SUPERSEDED
        if rule == "every_step" and row[13]:
            # Given up while it was in doubt: it may have arrived, so it is asked about, or shown, before it goes.
            self._move(tx, row, delivery, State.IN_DOUBT, "replayed", actor, reason, at, due_at=at)
            return State.IN_DOUBT
        self._move(tx, row, delivery, State.WAITING, "replayed", actor, reason, at)
        return State.WAITING

    def _is_overtaken(self, tx: Tx, delivery: int, row: Row) -> bool:
        _state, rule, event, place, lane = row[:5]
        if place is None:
            raise NotAllowedNow(f"delivery {delivery} waits behind a gap: skip the gap first")
        if rule == "latest_wins":
            # One that waits counts too: it may stand before its time in the line, so that it goes before early steps.
            return bool(tx.one("newer_record_sent", event, lane) or tx.one("newer_record_waiting", event, lane))
        if row[9] is not None and place < row[9]:
            return True
        return bool(tx.one("later_was_sent", lane, rule, delivery, place, place, event))

    def cancel(self, delivery: int, *, actor: str, reason: str) -> State:
        """Give a delivery up; its lane goes on. Raises NotFound, NotAllowedNow."""
        return self._ledger.engine.write(lambda tx: self._cancel(tx, delivery, actor, reason, self._now()))

    def _cancel(self, tx: Tx, delivery: int, actor: str, reason: str, at: int) -> State:
        row = self._target(tx, delivery)
        state = State(row[0])
        if not state.is_open or state is State.SENDING:
            raise NotAllowedNow(f"delivery {delivery} is {state}: only an open one that is not on its way is cancelled")
        self._move(tx, row, delivery, State.CANCELLED, "cancelled", actor, reason, at, blocks=False)
        return State.CANCELLED

    # -- in doubt -----------------------------------------------------------------------------------------------

    def resolve(self, delivery: int, how: Resolution, *, actor: str, reason: str) -> State:
        """Settle one delivery in doubt, as a person found it at the partner. Raises NotFound, NotAllowedNow."""
        return self._ledger.engine.write(lambda tx: self._resolve(tx, delivery, how, actor, reason, self._now()))

    def _resolve(self, tx: Tx, delivery: int, how: Resolution, actor: str, reason: str, at: int) -> State:
        row = self._target(tx, delivery)
        if State(row[0]) is not State.IN_DOUBT:
            raise NotAllowedNow(f"delivery {delivery} is {row[0]}: only one in doubt is resolved")
        if how == "send_again":
            is_overtaken = self._is_overtaken(tx, delivery, row)
            if is_overtaken and row[1] == "latest_wins":
                self._move(tx, row, delivery, State.SUPERSEDED, "resolved_overtaken", actor, reason, at, blocks=False)
                return State.SUPERSEDED
            if is_overtaken:
                raise NotAllowedNow(
                    f"delivery {delivery}: a later step was sent; sent now it would set the portal back"
                )
            self._move(tx, row, delivery, State.WAITING, "resolved_send_again", actor, reason, at)
            return State.WAITING
        if how == "arrived":
            self._move(tx, row, delivery, State.DELIVERED, "resolved_arrived", actor, reason, at, blocks=False)
            self._note_arrived(tx, delivery, row, at)
            return State.DELIVERED
        self._move(tx, row, delivery, State.CANCELLED, "resolved_go_on", actor, reason, at, blocks=False)
        return State.CANCELLED

    def _note_arrived(self, tx: Tx, delivery: int, row: Row, at: int) -> None:
        """What the partner has by a person's word: its steps wait for a record no longer, nor is it created again."""
        now = tx.one("delivery_now", delivery)
        assert now is not None
        if row[1] == "every_step":
            tx.run("set_step_shown", now[4], row[4])
            return
        tx.run("set_record_shown", row[2], row[3], now[4], row[4])
        set_head(tx, row[4], at)

    def plan(self, partner: str, *, since: datetime, until: datetime, status: str | None = None) -> Plan:
        """All steps of an outage that wait for a person: the dry run, with the digest that freezes it."""
        rows = self._ledger.engine.read().all("find_in_doubt", partner, to_ms(since), to_ms(until), status, status)
        doubts = tuple(Doubt(delivery=r[0], status=r[1], dossier=r[3], partner=r[4], cause=r[5]) for r in rows)
        return Plan(doubts=doubts, digest=_digest(doubts))

    def resolve_all(self, plan: Plan, how: Resolution, *, actor: str, reason: str) -> int:
        """Settle a planned selection in one transaction; how many. Raises NotAllowedNow: empty, or changed."""
        if not plan.doubts:
            raise NotAllowedNow("the selection is empty")
        at = self._now()

        def job(tx: Tx) -> int:
            for doubt in plan.doubts:
                self._resolve(tx, doubt.delivery, how, actor, reason, at)
            return len(plan.doubts)

        return self._ledger.engine.write(job)

    # -- a dossier, a partner, a gap ----------------------------------------------------------------------------

    def resync(self, dossier: str, partner: str, *, actor: str, reason: str) -> int:
        """Send a dossier's present truth, its newest record, once more; the delivery's id.

        Raises NotFound; BornThere where it was born on the portal, which has no record of ours to replace.
        """

        def job(tx: Tx) -> int:
            if tx.one("born_on_portal", dossier):
                raise BornThere(dossier)
            row = tx.one("latest_record_delivery", dossier, partner)
            if row is None:
                raise NotFound(f"dossier {dossier} has no record for {partner}")
            if State(row[1]) in REPLAYABLE:
                self._replay(tx, row[0], actor, reason, self._now())
            return int(row[0])

        return self._ledger.engine.write(job)

    def hold(self, partner: str, *, actor: str, reason: str) -> None:
        """Accept, and send nothing to this partner until it is released."""
        self._set_hold(partner, True, actor, reason)

    def release(self, partner: str, *, actor: str, reason: str) -> None:
        """Send to it again."""
        self._set_hold(partner, False, actor, reason)

    def _set_hold(self, partner: str, is_held: bool, actor: str, reason: str) -> None:
        reason = kept(reason)

        def job(tx: Tx) -> None:
            tx.run("add_partner", partner)
            tx.run("set_hold", int(is_held), reason if is_held else "", partner)
            cause = "partner_held" if is_held else "partner_released"
            self._note(tx, cause, f"{partner}: {reason}", actor)

        self._ledger.engine.write(job)

    def note_key_revoked(self, setting: str, *, actor: str, reason: str) -> None:
        """That a person took a key out of use: a move of the whole installation, for ever."""
        told = f"{setting}: {kept(reason)}"
        self._ledger.engine.write(lambda tx: self._note(tx, "key_revoked", told, actor))

    def skip_gap(self, source: str, dossier: str, *, actor: str, reason: str) -> int:
        """Give up a numbered source's missing events for one dossier; how many numbers. Raises NotFound."""

        def job(tx: Tx) -> int:
            row = tx.one("find_dossier", dossier)
            if row is None:
                raise NotFound(f"no dossier {dossier}")
            return self._ledger.recorder.skip_gap(tx, source, row[0], actor, f"{dossier}: {kept(reason)}", self._now())

        return self._ledger.engine.write(job)

    def import_tables(self, texts: Sequence[tuple[str, str]], *, actor: str, reason: str) -> list[str]:
        """Put tables into force; the names of those that changed. Checking them is the adapters' work, before."""

        reason = kept(reason)

        def job(tx: Tx) -> list[str]:
            changed = []
            for name, body in texts:
                digest = hashlib.sha256(body.encode()).hexdigest()
                known = tx.one("table_in_force", name)
                if known is None or known[1] != digest:
                    tx.insert("add_table_version", name, digest, body, self._now(), actor, reason)
                    self._note(tx, "table_imported", f"{name} {digest[:12]}: {reason}", actor)
                    changed.append(name)
            return changed

        return self._ledger.engine.write(job)

    def release_held_by(self, table: str, *, actor: str, reason: str) -> int:
        """Send again what was held because a table had no row for it; how many."""

        def job(tx: Tx) -> int:
            rows = tx.all("find_held_by_table", f"%(table {table},%")
            for (delivery,) in rows:
                self._replay(tx, delivery, actor, reason, self._now())
            return len(rows)

        return self._ledger.engine.write(job)

    # -- shared -------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return to_ms(self._ledger.clock.now())

    def _note(self, tx: Tx, cause: str, reason: str, actor: str) -> None:
        self._moves.add(tx, Move(lane=None, at=self._now(), delivery=None, cause=cause, reason=reason, actor=actor))

    def _target(self, tx: Tx, delivery: int) -> Row:
        row = tx.one("repair_target", delivery)
        if row is None:
            raise NotFound(f"no delivery {delivery}")
        if row[6] is not None and row[7] == delivery:
            raise NotAllowedNow(f"delivery {delivery} is on its way at this moment; try again when it has settled")
        return row

    def _move(
        self,
        tx: Tx,
        row: Row,
        delivery: int,
        state: State,
        cause: str,
        actor: str,
        reason: str,
        at: int,
        *,
        blocks: bool = True,
        due_at: int | None = None,
    ) -> None:
        reason = kept(reason)
        tx.run("move_delivery", state, cause, reason, due_at, int(blocks), at, delivery)
        self._moves.add(
            tx,
            Move(
                lane=row[4],
                at=at,
                delivery=delivery,
                from_state=State(row[0]),
                to_state=state,
                cause=cause,
                reason=reason,
                actor=actor,
            ),
            row[5],
        )
        set_head(tx, row[4], at)


def _digest(doubts: Sequence[Doubt]) -> str:
    return hashlib.sha256(",".join(str(doubt.delivery) for doubt in doubts).encode()).hexdigest()
