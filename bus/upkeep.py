"""Keeping the ledger: migrate, back up, restore, checkpoint, verify."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bus.accounts import misstated
from bus.audit import misnoted
from bus.bindings import unbound
from bus.bodies import EVENT, EXCHANGE, HEARING, OFFER, REPORT
from bus.copies import copy_of, new_private, require_whole
from bus.documents import unbound as documents_unbound
from bus.engines.sqlite import SqliteEngine, Tx
from bus.errors import LedgerDamaged, LedgerUnavailable
from bus.evidence import (
    Checkpoint,
    Finding,
    Head,
    MoveRow,
    checkpoint_anchors,
    make_checkpoint,
    row_digest,
    verify_chain,
    verify_checkpoints,
)
from bus.lanes import BUS, set_head
from bus.ledger import Ledger, require_same_steps, schema_version
from bus.messages import State
from bus.moves import Move
from bus.payment_evidence import unbound as payments_unbound
from bus.ports import Clock, Storage
from bus.receipts import RECEIPT
from bus.signature_evidence import unbound as signatures_unbound
from bus.sql import Migration, load_migrations
from bus.times import from_ms, to_ms

CONTEXTS: Final = {
    "event": EVENT,
    "exchange": EXCHANGE,
    "hearing": HEARING,
    "offer": OFFER,
    "receipt": RECEIPT,
    "report": REPORT,
}
"""As what each kind of body is sealed."""
STAMP: Final = "%Y%m%dT%H%M%SZ"


# -- migrate ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What `migrate` did."""

    applied: tuple[Migration, ...]
    backup: Path | None


def pending(path: str | Path, storage: Storage) -> list[Migration]:
    """Migrations that the ledger at `path` still wants; all of them when there is no file. Raises LedgerUnsafe."""
    engine = SqliteEngine(path, storage)
    try:
        known, present = load_migrations(engine.name), schema_version(engine.read())
        if present > 0:
            require_same_steps(engine.read(), known)
        return [step for step in known if step.version > present]
    finally:
        engine.close()


def migrate(path: str | Path, storage: Storage, clock: Clock) -> Migrated:
    """Bring the ledger to this version's schema, after a backup beside it.

    Raises LedgerUnavailable, LedgerDamaged, LedgerUnsafe.
    """
    steps = pending(path, storage)
    engine = SqliteEngine(path, storage)
    try:
        present = schema_version(engine.read())
        copy = None
        if steps and present > 0:
            copy = Path(f"{path}.before-{steps[-1].version:04d}-{clock.now().strftime(STAMP)}")
            copy_of(engine, copy)
        for step in steps:
            engine.migrate(step, to_ms(clock.now()), step.digest)
        return Migrated(applied=tuple(steps), backup=copy)
    finally:
        engine.close()


# -- back up and restore ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore brought back, and the gap that nobody here can know."""

    last_accepted_at: datetime | None
    events: int
    in_doubt: int
    """Deliveries that were open in the backup and may have gone out since: asked about, or shown to a person."""


def backup(ledger: Ledger, target: str | Path) -> Path:
    """Copy the ledger while it is in use, and check the copy. Raises LedgerDamaged when the copy is not whole."""
    return copy_of(ledger.engine, target)


_SUFFIXES: Final = ("", "-wal", "-shm")
"""Of the files that SQLite keeps for one ledger."""


def lay_beside(source: str | Path, path: str | Path) -> Path:
    """A copy of a backup beside the ledger, to be made ready before it takes its place. Raises LedgerUnavailable."""
    if not Path(source).is_file():
        raise LedgerUnavailable(f"there is no backup at {source}")
    fresh = Path(f"{path}.restoring")
    discard(fresh)  # of a restore that was killed
    try:
        new_private(fresh)
        shutil.copyfile(source, fresh)
    except BaseException:
        discard(fresh)
        raise
    return fresh


def discard(fresh: Path) -> None:
    """A copy that will not take the ledger's place does not stay: nobody could tell it from one that may."""
    for suffix in _SUFFIXES:
        Path(f"{fresh}{suffix}").unlink(missing_ok=True)


def put_in_place(fresh: Path, path: str | Path) -> None:
    """The copy becomes the ledger; the old files are kept beside it. Raises LedgerUnavailable: one is still open."""
    target = Path(path)
    if Path(f"{fresh}-wal").exists():
        raise LedgerUnavailable(f"{fresh} is still open somewhere")
    _require_closed(target)
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())
    kept = _free_name(f"{target}.replaced")
    for suffix in _SUFFIXES:
        old = Path(f"{target}{suffix}")
        if old.exists():
            old.replace(f"{kept}{suffix}")
    fresh.replace(target)


def _require_closed(path: Path) -> None:
    """A door that had the old file open would go on answering 201, and write where nobody looks again."""
    if not path.exists():
        return
    connection = sqlite3.connect(path, timeout=0)
    try:
        # SQLite leaves its log only when nobody else has the file open, at rest or not.
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as trouble:
        # Whatever else is wrong with the old ledger may be the very reason for the restore.
        if trouble.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LedgerUnavailable(f"{path} is in use: stop every process of this installation first") from trouble
    finally:
        connection.close()


def _free_name(name: str) -> str:
    """The name, or the first numbered one under which no earlier restore kept anything."""
    names = (name, *(f"{name}.{at}" for at in range(2, 1_000_000)))
    return next(one for one in names if not any(Path(f"{one}{suffix}").exists() for suffix in _SUFFIXES))


def put_back(source: str | Path, path: str | Path) -> None:
    """Lay a backup where the ledger was, with nothing in doubt yet: whoever starts next would send it as it is."""
    put_in_place(lay_beside(source, path), path)


def doubt_everything_open(ledger: Ledger) -> Restored:
    """After a restore: what was open may have gone out since the backup: ask before anything is sent.

    Raises LedgerDamaged when the backup is not whole, before anything is changed.
    """
    with ledger.engine.snapshot() as tx:
        require_whole(tx)
    now = to_ms(ledger.clock.now())

    def job(tx: Tx) -> Restored:
        last = tx.one("last_accepted")
        assert last is not None
        tx.run("free_all_lanes")
        tx.run("doubt_existence")
        rows = tx.all("open_after_restore")
        for delivery, lane, partner, state in rows:
            tx.run("move_delivery", State.IN_DOUBT, "restored", "", now, 1, now, delivery)
            move = Move(
                lane=lane,
                at=now,
                delivery=delivery,
                from_state=State(state),
                to_state=State.IN_DOUBT,
                cause="restored",
                actor=BUS,
            )
            ledger.moves.add(tx, move, partner)
        for lane in {row[1] for row in rows}:
            set_head(tx, lane, now)
        ledger.signatures.doubt_all(tx, now)
        tx.run("put_meta", "restored_at", str(now))
        ledger.moves.add(tx, Move(lane=None, at=now, delivery=None, cause="restored", actor=BUS))
        accepted_at = None if last[0] is None else from_ms(last[0])
        return Restored(last_accepted_at=accepted_at, events=last[1], in_doubt=len(rows))

    restored = ledger.engine.write(job)
    ledger.recorder.doubt_before = now
    return restored


# -- evidence ---------------------------------------------------------------------------------------------------


def checkpoint(ledger: Ledger, sign: Callable[[bytes], bytes], key_id: str) -> Checkpoint:
    """Sign a statement over every chain's head, and keep it."""
    now = to_ms(ledger.clock.now())

    def job(tx: Tx) -> Checkpoint:
        last = tx.one("last_checkpoint")
        heads = [Head(partition=p, n=n, hash=h, mac=m) for p, n, h, m in tx.all("all_chain_heads")]
        made = make_checkpoint(heads, now, last[0] if last else None, sign=sign)
        tx.run("add_checkpoint", now, made.statement, key_id, made.signature)
        return made

    return ledger.engine.write(job)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One row that is not as it was written."""

    table: str
    row: int | None
    detail: str


def verify(
    ledger: Ledger, *, is_signed: Callable[[bytes, bytes], bool] | None = None, bodies: bool = False
) -> Iterator[Damage]:
    """Every row that does not fit its chain: moves, heads, checkpoints, events, attempts, states, audit; bodies.

    Reads as a stream; nothing is written.
    """
    with ledger.engine.snapshot() as tx:
        yield from _verify_all(ledger, tx, is_signed, bodies)


def _verify_all(
    ledger: Ledger, tx: Tx, is_signed: Callable[[bytes, bytes], bool] | None, bodies: bool
) -> Iterator[Damage]:
    marks = [Checkpoint(statement=row[1], signature=row[3]) for row in tx.all("all_checkpoints")]
    if is_signed is not None:
        yield from (_damage("checkpoints", finding) for finding in verify_checkpoints(marks, is_signed))
    heads = [Head(partition=p, n=n, hash=h, mac=m) for p, n, h, m in tx.all("all_chain_heads")]
    rows = (MoveRow._make(row) for row in tx.each("all_moves"))
    findings = verify_chain(rows, heads, head_key=ledger.master.head_key, anchors=checkpoint_anchors(marks))
    yield from (_damage("moves", finding) for finding in findings)
    yield from _verify_events(tx)
    yield from _verify_attempts(tx)
    yield from _verify_states(tx)
    yield from _verify_numbers(tx)
    yield from (Damage(table="accounts", row=None, detail=detail) for detail in misstated(tx))
    yield from (Damage(table="audit", row=number, detail=detail) for number, detail in misnoted(tx))
    yield from (Damage(table=table, row=number, detail=detail) for table, number, detail in unbound(tx))
    yield from (Damage(table=table, row=number, detail=detail) for table, number, detail in payments_unbound(tx))
    yield from (Damage(table=table, row=number, detail=detail) for table, number, detail in signatures_unbound(tx))
    yield from (Damage(table=table, row=number, detail=detail) for table, number, detail in documents_unbound(tx))
    if bodies:
        yield from _verify_bodies(ledger, tx)


def _damage(table: str, finding: Finding) -> Damage:
    return Damage(table=table, row=finding.id, detail=str(finding))


def _verify_events(tx: Tx) -> Iterator[Damage]:
    count = 0
    for row in tx.each("bound_events"):
        count += 1
        fields = ["event", *row[:8], row[8].hex(), row[9].hex()]
        if row[10] is None or row_digest(fields) != row[10]:
            yield Damage(table="events", row=row[0], detail="it is not the event that its move recorded")
    moves = tx.one("count_event_moves")
    if moves and moves[0] != count:
        yield Damage(table="events", row=None, detail=f"{moves[0]} events were recorded, {count} are here")


def _verify_attempts(tx: Tx) -> Iterator[Damage]:
    digests = {row[0]: row_digest(row[1:]).hex() for row in tx.each("bound_exchanges")}
    bound = {row[1] for row in tx.each("attempt_bindings")}
    for row in tx.each("bound_attempts"):
        said = [digests.get(number, "") for number in json.loads(row[8])]
        digest = row_digest(["attempt", *row[:8], said])
        if digest not in bound:
            yield Damage(table="attempts", row=row[0], detail="no move binds this attempt with these exchanges")
        bound.discard(digest)
    if bound:
        yield Damage(table="attempts", row=None, detail=f"{len(bound)} attempts that moves bind are not here")


def _verify_states(tx: Tx) -> Iterator[Damage]:
    for delivery, state, said in tx.each("misstated_deliveries"):
        yield Damage(table="deliveries", row=delivery, detail=f"it says {state}, its last move says {said}")
    for move, delivery in tx.each("undelivered_moves"):
        yield Damage(table="deliveries", row=delivery, detail=f"it is gone; move {move} speaks of it")


def _verify_numbers(tx: Tx) -> Iterator[Damage]:
    for delivery, national, own in tx.each("misstated_numbers"):
        yield Damage(table="own_numbers", row=delivery, detail=f"no move says that {national} is called {own}")
    for move, number in tx.each("forgotten_numbers"):
        yield Damage(table="own_numbers", row=None, detail=f"move {move} learned {number}, which is not here")


def _verify_bodies(ledger: Ledger, tx: Tx) -> Iterator[Damage]:
    for kind, number, data_key, sealed, commitment in tx.each("all_bodies"):
        if sealed is None:
            continue  # destroyed by retention or erasure: the chain holds its commitment
        try:
            ledger.bodies.open(data_key, sealed, CONTEXTS[kind], commitment)
        except LedgerDamaged as trouble:
            yield Damage(table=f"{kind} bodies", row=number, detail=str(trouble))
