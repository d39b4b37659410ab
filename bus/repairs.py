"""What a person may do, each with a reason, each a move: replay, cancel, resolve, resync, hold, release, skip a gap.

A repair never edits history. Where sending would break order or double an effect it does not send: a replay older than
what the partner has already becomes `superseded`, and a step that may have arrived is *resolved*, never replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bus.engines.sqlite import Tx
from bus.errors import BornThere, NotAllowedNow, NotFound
from bus.judging import REPLAYABLE, Act, How, Resolution, Target, Verdict, judge, target
from bus.lanes import set_head
from bus.ledger import Ledger
from bus.messages import State
from bus.moves import Move
from bus.reasons import kept
from bus.times import from_ms, to_ms

TABLES_KNOWN: Final = 2_000
"""Milliseconds: by then every worker has read a table that was put into force, and would not hold the same again."""
NO_BASE: Final[Mapping[str, str]] = MappingProxyType({})


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
        return self._act(delivery, "replay", actor=actor, reason=reason)

    def release_held(self, delivery: int, *, actor: str, reason: str) -> State:
        """Send a held delivery; the state it stands in now. Raises NotFound, NotAllowedNow."""
        return self._act(delivery, "release", actor=actor, reason=reason)

    def cancel(self, delivery: int, *, actor: str, reason: str) -> State:
        """Give a delivery up; its lane goes on. Raises NotFound, NotAllowedNow."""
        return self._act(delivery, "cancel", actor=actor, reason=reason)

    def resolve(self, delivery: int, how: Resolution, *, actor: str, reason: str) -> State:
        """Settle one delivery in doubt, as a person found it at the partner. Raises NotFound, NotAllowedNow."""
        return self._act(delivery, "resolve", how, actor=actor, reason=reason)

    def _act(self, delivery: int, act: Act, how: How = "", *, actor: str, reason: str) -> State:
        return self._ledger.engine.write(lambda tx: self.act(tx, delivery, act, how, actor=actor, reason=reason))

    def act(self, tx: Tx, delivery: int, act: Act, how: How = "", *, actor: str, reason: str, in_ms: int = 0) -> State:
        """The same in a transaction of the caller's, beside what he writes. Raises NotFound, NotAllowedNow.

        `in_ms`: what is sent again goes so much later.
        """
        of, at = target(tx, delivery), self._now()
        verdict = judge(tx, of, act, how)
        self._move(tx, of, verdict, actor, reason, at, in_ms)
        if verdict.state is State.DELIVERED:
            self._note_arrived(tx, of, at)
        return verdict.state

    def would(self, delivery: int, act: Act, how: How = "") -> State:
        """What it would come to now; nothing is done. Raises NotFound, NotAllowedNow."""
        tx = self._ledger.engine.read()
        return judge(tx, target(tx, delivery), act, how).state

    def _note_arrived(self, tx: Tx, of: Target, at: int) -> None:
        """What the partner has by a person's word: its steps wait for a record no longer, nor is it created again."""
        now = tx.one("delivery_now", of.delivery)
        assert now is not None
        if of.is_step:
            tx.run("set_step_shown", now[4], of.lane)
            return
        tx.run("set_record_shown", of.event, of.place, now[4], of.lane)
        set_head(tx, of.lane, at)

    # -- all of an outage ---------------------------------------------------------------------------------------

    def plan(self, partner: str, *, since: datetime, until: datetime, status: str | None = None) -> Plan:
        """All steps of an outage that wait for a person: the dry run, with the digest that freezes it."""
        rows = self._ledger.engine.read().all("find_in_doubt", partner, to_ms(since), to_ms(until), status, status)
        doubts = tuple(Doubt(delivery=r[0], status=r[1], dossier=r[3], partner=r[4], cause=r[5]) for r in rows)
        return Plan(doubts=doubts, digest=_digest(doubts))

    def resolve_all(self, plan: Plan, how: Resolution, *, actor: str, reason: str) -> int:
        """Settle a planned selection in one transaction; how many. Raises NotAllowedNow: empty, or changed."""
        if not plan.doubts:
            raise NotAllowedNow("the selection is empty", code="empty")

        def job(tx: Tx) -> int:
            for doubt in plan.doubts:
                self.act(tx, doubt.delivery, "resolve", how, actor=actor, reason=reason)
            return len(plan.doubts)

        return self._ledger.engine.write(job)

    # -- a dossier, a partner, a gap ----------------------------------------------------------------------------

    def resync(self, dossier: str, partner: str, *, actor: str, reason: str) -> int:
        """Send a dossier's present truth, its newest record, once more; the delivery's id.

        Raises NotFound; BornThere where it was born on the portal, which has no record of ours to replace.
        """

        return self._ledger.engine.write(lambda tx: self.resync_in(tx, dossier, partner, actor=actor, reason=reason))

    def resync_in(self, tx: Tx, dossier: str, partner: str, *, actor: str, reason: str) -> int:
        """The same in a transaction of the caller's."""
        if tx.one("born_on_portal", dossier):
            raise BornThere(dossier)
        row = tx.one("latest_record_delivery", dossier, partner)
        if row is None:
            raise NotFound(f"dossier {dossier} has no record for {partner}")
        if State(row[1]) in REPLAYABLE:
            self.act(tx, row[0], "replay", actor=actor, reason=reason)
        return int(row[0])

    def hold(self, partner: str, *, actor: str, reason: str) -> None:
        """Accept, and send nothing to this partner until it is released."""
        self._ledger.engine.write(lambda tx: self.set_hold(tx, partner, True, actor=actor, reason=reason))

    def release(self, partner: str, *, actor: str, reason: str) -> None:
        """Send to it again."""
        self._ledger.engine.write(lambda tx: self.set_hold(tx, partner, False, actor=actor, reason=reason))

    def set_hold(self, tx: Tx, partner: str, is_held: bool, *, actor: str, reason: str) -> None:
        """Either of them, in a transaction of the caller's."""
        reason = kept(reason)
        tx.run("add_partner", partner)
        tx.run("set_hold", int(is_held), reason if is_held else "", partner)
        self.note(tx, "partner_held" if is_held else "partner_released", f"{partner}: {reason}", actor=actor)

    def note_key_revoked(self, setting: str, *, actor: str, reason: str) -> None:
        """That a person took a key out of use: a move of the whole installation, for ever."""
        told = f"{setting}: {kept(reason)}"
        self._ledger.engine.write(lambda tx: self.note(tx, "key_revoked", told, actor=actor))

    def skip_gap(self, source: str, dossier: str, *, actor: str, reason: str) -> int:
        """Give up a numbered source's missing events for one dossier; how many numbers. Raises NotFound."""
        return self._ledger.engine.write(lambda tx: self.skip_gap_in(tx, source, dossier, actor=actor, reason=reason))

    def skip_gap_in(self, tx: Tx, source: str, dossier: str, *, actor: str, reason: str) -> int:
        """The same in a transaction of the caller's."""
        row = tx.one("find_dossier", dossier)
        if row is None:
            raise NotFound(f"no dossier {dossier}")
        return self._ledger.recorder.skip_gap(tx, source, row[0], actor, f"{dossier}: {kept(reason)}", self._now())

    def import_tables(self, texts: Sequence[tuple[str, str]], *, actor: str, reason: str) -> list[str]:
        """Put tables into force; the names of those that changed. Checking them is the adapters' work, before."""

        return self._ledger.engine.write(lambda tx: self.import_tables_in(tx, texts, actor=actor, reason=reason))

    def import_tables_in(
        self, tx: Tx, texts: Sequence[tuple[str, str]], *, actor: str, reason: str, instead: Mapping[str, str] = NO_BASE
    ) -> list[str]:
        """The same in a transaction of the caller's.

        `instead`: table → digest of the text that it was changed from; another in force by now is NotAllowedNow.
        """
        reason, changed = kept(reason), []
        for name, body in texts:
            digest = digest_of_table(body)
            known = tx.one("table_in_force", name)
            if name in instead and known is not None and known[1] != instead[name]:
                raise NotAllowedNow(f"table {name} was changed meanwhile; look at it again", code="table_changed")
            if known is None or known[1] != digest:
                tx.insert("add_table_version", name, digest, body, self._now(), actor, reason)
                self.note(tx, "table_imported", f"{name} {digest[:12]}: {reason}", actor=actor)
                changed.append(name)
        return changed

    def release_held_by(self, table: str, *, actor: str, reason: str) -> int:
        """Send again what was held because a table had no row for it; how many."""
        return self._ledger.engine.write(lambda tx: self.release_held_by_in(tx, table, actor=actor, reason=reason))

    def release_held_by_in(self, tx: Tx, table: str, *, actor: str, reason: str) -> int:
        """The same in a transaction of the caller's."""
        rows = tx.all("find_held_by_table", f"%(table {table},%")
        for (delivery,) in rows:
            self.act(tx, delivery, "replay", actor=actor, reason=reason, in_ms=TABLES_KNOWN)
        return len(rows)

    # -- what a page asks ---------------------------------------------------------------------------------------

    def with_record(self, dossier: str) -> list[str]:
        """Partners that have, or are to have, a record of this dossier that replaces itself."""
        return [row[0] for row in self._ledger.engine.read().all("partners_with_record", dossier)]

    def gaps_of(self, dossier: str) -> list[tuple[str, int, datetime]]:
        """Sources whose numbers are missing for this dossier: which one is waited for, and since when."""
        rows = self._ledger.engine.read().all("gaps_of_dossier", dossier)
        return [(source, expected, from_ms(since)) for source, expected, since in rows]

    # -- shared -------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return to_ms(self._ledger.clock.now())

    def note(self, tx: Tx, cause: str, reason: str, *, actor: str) -> None:
        """A move of the whole installation: what a person did to no single delivery."""
        self._moves.add(tx, Move(lane=None, at=self._now(), delivery=None, cause=cause, reason=reason, actor=actor))

    def _move(self, tx: Tx, of: Target, verdict: Verdict, actor: str, reason: str, at: int, in_ms: int) -> None:
        reason, due_at = kept(reason), at + in_ms if verdict.is_asked or in_ms else None
        blocks = int(verdict.blocks)
        tx.run("move_delivery", verdict.state, verdict.cause, reason, due_at, blocks, at, of.delivery)
        move = Move(
            lane=of.lane,
            at=at,
            delivery=of.delivery,
            from_state=of.state,
            to_state=verdict.state,
            cause=verdict.cause,
            reason=reason,
            actor=actor,
        )
        self._moves.add(tx, move, of.partner)
        set_head(tx, of.lane, at)


def digest_of_table(body: str) -> str:
    """Of a table's text, as the ledger keeps it."""
    return hashlib.sha256(body.encode()).hexdigest()


def _digest(doubts: Sequence[Doubt]) -> str:
    return hashlib.sha256(",".join(str(doubt.delivery) for doubt in doubts).encode()).hexdigest()
