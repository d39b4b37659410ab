"""The ledger's verbs: record, claim, settle; beside them `repairs.py` (a person's) and `reads.py` (the pages').

No SQL here: each verb is one job for the engine's writer, and is answered after the commit that holds it. What costs
processor time (sealing, opening, hashing terms) is done in the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from bus.bodies import Bodies
from bus.circuit import Manners
from bus.claiming import FARTHEST_DUE, Claimed, Claimer, Whom, open_claimed, unopenable
from bus.documents import DocumentBook
from bus.engines.sqlite import SqliteEngine, Teller, Tx
from bus.errors import LedgerDamaged, LedgerUnavailable, LedgerUnsafe, NonceSeen, SchemaBehind, StaleFence
from bus.follow_ups import NOTHING, FollowUps
from bus.messages import Acceptance, Attempt, Decision, Delivery, Event, Exchange, State
from bus.moves import MoveWriter
from bus.own_numbers import NOTHING as NOTHING_LEARNED
from bus.own_numbers import Learned
from bus.paid_records import PaidRecords
from bus.payment_house import Parts, open_book
from bus.payments import NO_PAYMENTS, PaymentPolicy
from bus.ports import Clock, CrashPoint, Randomness, Storage, no_crash
from bus.prepared import Nonce, Order, Prepared, ReceiptKey
from bus.recording import Recorder, repeated
from bus.refund_desk import RefundDesk
from bus.routing import Route
from bus.seal import MasterKey, Sealed, Sealer
from bus.settling import Settled, Settlement, Settler, prepare
from bus.signature_hearing import Hearing
from bus.signature_house import open_signatures
from bus.signatures import NO_SIGNATURES, SignaturePolicy
from bus.sql import Migration, load_migrations
from bus.telling import OutcomeWriter
from bus.times import ms, to_ms
from bus.unnamed import Marked, Unnamed, mark_of, name_all
from bus.upload_tickets import UploadTickets

NO_MANNERS: Final = Manners()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What settling an attempt came to, for the worker's log and its next step."""

    state: State
    cause: str
    next: Delivery | None
    circuit: str | None
    numbers: Learned = NOTHING_LEARNED
    """What came to light about a filed dossier's own number."""


class Ledger:
    """The heart. Threads may share one; processes meet in the database."""

    def __init__(
        self,
        engine: SqliteEngine,
        master: MasterKey,
        *,
        clock: Clock,
        randomness: Randomness,
        crash_point: CrashPoint = no_crash,
        manners: Mapping[str, Manners] | None = None,
        orders: Mapping[str, Order] | None = None,
        shadows: frozenset[str] = frozenset(),
        speakers: Mapping[str, frozenset[str]] | None = None,
        receipt_key: str | None = None,
        follow_ups: FollowUps = NOTHING,
        payments: PaymentPolicy = NO_PAYMENTS,
        signatures: SignaturePolicy = NO_SIGNATURES,
    ) -> None:
        """`manners` for each partner, `orders` for each source, `shadows`: partners that are only watched.

        `speakers`: source → the sources whose dossiers it may speak of beside its own (None: of any). `receipt_key`:
        the name of the key that signs receipts now; the ledger remembers it with each event. `follow_ups`: who is told
        what became of which source's events. `payments`: who takes payments, and who is told of them.
        `signatures`: the same of what is signed.

        Raises SchemaBehind when the file needs `lienthong migrate`, LedgerUnsafe when the master key is another one
        or a migration was applied with another text.
        """
        self.engine = engine
        self.clock = clock
        self._manners = manners or {}
        self._orders = orders or {}
        self._shadows = shadows
        self._sealer = Sealer(master, randomness)
        self.bodies = Bodies(self._sealer, self._load_keys)
        self.moves = MoveWriter(master.head_key)
        self.documents = DocumentBook(engine, self.moves, self.bodies, clock)
        self.tickets = UploadTickets(engine, self.moves, clock, randomness)
        self.recorder = Recorder(self.moves, self.bodies, crash_point)
        if follow_ups.outcomes:
            self.moves.follow = OutcomeWriter(self.recorder, self.bodies, follow_ups, crash_point).write
        self.claimer = Claimer(self.moves, crash_point)
        self._settler = Settler(self.moves, self.bodies, self.claimer, crash_point)
        above = payments.refund_approval_above
        self.refund_desk = RefundDesk(self.moves, approval_above=above, crash_point=crash_point)
        records = PaidRecords(self.recorder, self.bodies, payments, crash_point)
        parts = Parts(
            engine=engine,
            moves=self.moves,
            bodies=self.bodies,
            recorder=self.recorder,
            claimer=self.claimer,
            settler=self._settler,
            refunds=self.refund_desk,
            manners=self.manners,
            records=records,
        )
        self.payments = open_book(parts, payments, clock=clock, crash_point=crash_point)
        self.signatures = open_signatures(parts, records, signatures, clock=clock, crash_point=crash_point)
        self.master = master
        self._require_schema()
        self._load_keys()
        self._ensure_key()
        doubt = engine.read().one("get_meta", "restored_at")
        self.recorder.doubt_before = int(doubt[0]) if doubt else None
        self._speakers = speakers
        self._receipt_key = None if receipt_key is None else ReceiptKey(self._number_of(receipt_key), receipt_key)

    @classmethod
    def open(
        cls,
        path: str | Path,
        master: MasterKey,
        *,
        clock: Clock,
        randomness: Randomness,
        storage: Storage,
        crash_point: CrashPoint = no_crash,
        manners: Mapping[str, Manners] | None = None,
        orders: Mapping[str, Order] | None = None,
        shadows: frozenset[str] = frozenset(),
        speakers: Mapping[str, frozenset[str]] | None = None,
        receipt_key: str | None = None,
        follow_ups: FollowUps = NOTHING,
        payments: PaymentPolicy = NO_PAYMENTS,
        signatures: SignaturePolicy = NO_SIGNATURES,
    ) -> Ledger:
        """Open a migrated ledger file."""
        engine = SqliteEngine(path, storage, crash_point=crash_point)
        try:
            return cls(
                engine,
                master,
                clock=clock,
                randomness=randomness,
                crash_point=crash_point,
                manners=manners,
                orders=orders,
                shadows=shadows,
                speakers=speakers,
                receipt_key=receipt_key,
                follow_ups=follow_ups,
                payments=payments,
                signatures=signatures,
            )
        except BaseException:
            engine.close()
            raise

    def close(self) -> None:
        """Finish what is queued and let go of the file."""
        self.engine.close()

    def manners(self, partner: str) -> Manners:
        """How this partner wants to be treated."""
        return self._manners.get(partner, NO_MANNERS)

    # -- record -------------------------------------------------------------------------------------------------

    def record_later(
        self, event: Event, routes: Sequence[Route], teller: Teller, token: object, *, nonce: Nonce | None = None
    ) -> None:
        """Queue an event; `teller` hears when it is on disk. A repeated nonce comes back as a value."""
        prepared = self._prepare(event, routes, nonce=nonce)
        self.engine.tell(lambda tx: self.recorder.record(tx, prepared, self.clock.now()), teller, token)

    def record(self, event: Event, routes: Sequence[Route], *, nonce: Nonce | None = None) -> Acceptance:
        """Record an event and its deliveries in one transaction. Raises NonceSeen, LedgerUnavailable."""
        prepared = self._prepare(event, routes, nonce=nonce)
        return _accepted(self.engine.write(lambda tx: self.recorder.record(tx, prepared, self.clock.now())))

    def record_many(
        self, events: Sequence[tuple[Event, Sequence[Route]]], *, is_adopted: bool = False, nonce: Nonce | None = None
    ) -> list[Acceptance]:
        """Many events in one transaction, each judged on its own, in order. Raises NonceSeen, LedgerUnavailable."""
        work = [self._prepare(event, routes, is_adopted=is_adopted) for event, routes in events]

        def job(tx: Tx) -> list[Acceptance] | NonceSeen:
            if nonce and not tx.run("remember_nonce", nonce.key_id, nonce.nonce, to_ms(nonce.expires_at)):
                return NonceSeen()
            now = self.clock.now()
            return [_accepted(self.recorder.record(tx, one, now)) for one in work]

        done = self.engine.write(job)
        if isinstance(done, NonceSeen):
            raise done
        return done

    def record_unnamed(self, messages: Sequence[tuple[Unnamed, Sequence[Route]]]) -> list[tuple[str, Acceptance]]:
        """Events of one call without ids, in one transaction: the name of each, and its answer.

        They are named, and so sealed, by the writer: only the transaction knows which event is the latest.
        Raises LedgerUnavailable.
        """
        marked = [
            Marked(message=message, mark=mark_of(message, self.master.index_key), routes=routes)
            for message, routes in messages
        ]

        def job(tx: Tx) -> list[tuple[str, Acceptance]]:
            now = self.clock.now()
            done: list[tuple[str, Acceptance]] = []
            for one in name_all(tx, marked):
                if one.known is not None:
                    done.append((one.id, repeated(one.known)))
                    continue
                event = one.marked.message.named(one.id, now)
                prepared = self._prepare(event, one.marked.routes, order="acceptance")
                done.append((one.id, _accepted(self.recorder.record(tx, prepared, now))))
            return done

        return self.engine.write(job)

    def first_seen(self, nonce: Nonce) -> bool:
        """Remember a signed request that records nothing (a question); False when it was here before."""
        now = to_ms(self.clock.now())

        def job(tx: Tx) -> bool:
            tx.run("forget_nonces", now - FARTHEST_DUE)
            return bool(tx.run("remember_nonce", nonce.key_id, nonce.nonce, to_ms(nonce.expires_at)))

        return self.engine.write(job)

    def order_of(self, source: str) -> Order:
        """`sequence` or `arrival`."""
        return self._orders.get(source, "arrival")

    def prepared_for(self, event: Event, speaker: str) -> Prepared:
        """An event that is told here in a source's place: sealed, with that source's right to speak, for no route."""
        known = None if self._speakers is None else self._speakers.get(speaker, frozenset()) | {speaker}
        return replace(self._prepare(event, ()), speaks_for=known)

    def _prepare(
        self,
        event: Event,
        routes: Sequence[Route],
        *,
        nonce: Nonce | None = None,
        is_adopted: bool = False,
        order: Order | None = None,
    ) -> Prepared:
        has_person = event.data.get("applicant") or event.data.get("payer")
        terms = self.bodies.terms(event) if has_person else frozenset()
        return Prepared(
            event=event,
            sealed=self.bodies.seal_event(event),
            terms=terms,
            routes=routes,
            order=order or self.order_of(event.source),
            nonce=nonce,
            is_adopted=is_adopted,
            speaks_for=None if self._speakers is None else self._speakers.get(event.source, frozenset()),
            receipt_key=self._receipt_key,
        )

    # -- claim and settle ---------------------------------------------------------------------------------------

    def is_anything_due(self, partner: str, now: datetime) -> bool:
        """Whether a claim would find something, suspects apart; a cheap read for an idle worker."""
        at, lease = to_ms(now), 2 * ms(self.manners(partner).lease)
        row = self.engine.read().one("anything_due", partner, at, at + FARTHEST_DUE, at + lease)
        return bool(row and row[0])

    def is_suspect_due(self, partner: str, now: datetime) -> bool:
        """Whether a claim for a suspect would find one."""
        return self.claimer.is_suspect_due(self.engine.read(), partner, self.manners(partner), to_ms(now))

    def next_due(self, partner: str) -> int | None:
        """When the next lane becomes ready or the next lease runs out (milliseconds); None when never."""
        row = self.engine.read().one("next_due", partner, partner)
        return row[0] if row else None

    def claim(self, partner: str, limit: int, worker: str, now: datetime, whom: Whom = "anyone") -> list[Delivery]:
        """Take the heads of up to `limit` due lanes under a lease. Raises LedgerUnavailable."""
        manners = self.manners(partner)
        claimed = self.engine.write(lambda tx: self.claimer.claim(tx, partner, limit, worker, manners, now, whom))
        opened = [self._opened(one) for one in claimed]
        return [delivery for delivery in opened if delivery is not None]

    def settle(
        self,
        delivery: Delivery,
        attempt: Attempt,
        decision: Decision,
        *,
        worker: str,
        started_at: datetime,
        take_next: bool = False,
    ) -> Outcome:
        """Write what an attempt came to. Raises StaleFence when the lease was lost, LedgerUnavailable."""
        works = [(delivery, attempt, decision)]
        (outcome,) = self.settle_many(works, worker=worker, started_at=started_at, take_next=take_next)
        if outcome is None:
            raise StaleFence
        return outcome

    def settle_many(
        self,
        works: Sequence[tuple[Delivery, Attempt, Decision]],
        *,
        worker: str,
        started_at: datetime,
        take_next: bool = False,
    ) -> list[Outcome | None]:
        """Settle a batch in one transaction; None stands for one whose lease was lost. Raises LedgerUnavailable."""
        now = self.clock.now()
        sealed = self._seal_all(works)
        settlements = [
            Settlement(
                delivery=delivery,
                attempt=attempt,
                decision=decision,
                worker=worker,
                started_at=started_at,
                settled_at=now,
                sealed=[sealed[id(exchange)] for exchange in attempt.exchanges],
                take_next=take_next,
                heard=self._heard(delivery, attempt),
            )
            for delivery, attempt, decision in works
        ]
        manners = self.manners(works[0][0].partner)
        results = self.engine.write(lambda tx: [self._settler.settle(tx, one, manners) for one in settlements])
        return [None if isinstance(result, StaleFence) else self._outcome(result) for result in results]

    def settle_beside(
        self,
        delivery: Delivery,
        attempt: Attempt,
        decision: Decision,
        *,
        worker: str,
        started_at: datetime,
        then: Callable[[Tx, int], None],
    ) -> str | None:
        """Write what a question beside the lanes came to, and in the same transaction `then` what follows of it.

        How the partner's circuit changed, as with a settled attempt.
        """
        now = self.clock.now()
        sealed = self._seal_all([(delivery, attempt, decision)])
        work = Settlement(
            delivery=delivery,
            attempt=attempt,
            decision=decision,
            worker=worker,
            started_at=started_at,
            settled_at=now,
            sealed=[sealed[id(exchange)] for exchange in attempt.exchanges],
            take_next=False,
        )

        manners = self.manners(delivery.partner)

        def job(tx: Tx) -> str | None:
            if self._settler.settle_beside(tx, work):
                then(tx, to_ms(now))
            return self._settler.health(tx, work, manners, to_ms(now))

        return self.engine.write(job)

    def _heard(self, delivery: Delivery, attempt: Attempt) -> Hearing | None:
        """What an attempt told of a signature, judged here: the writer's thread has no time for it."""
        told = None if delivery.signature is None else attempt.facts.get("told")
        return None if told is None else self.signatures.judged(told)

    def _seal_all(self, works: Sequence[tuple[Delivery, Attempt, Decision]]) -> dict[int, tuple[Exchange, Sealed]]:
        exchanges = {id(e): e for _, attempt, _ in works for e in attempt.exchanges}
        return dict(zip(exchanges, prepare(self.bodies, list(exchanges.values())), strict=True))

    def _outcome(self, settled: Settled) -> Outcome:
        following = None if settled.next is None else self._opened(settled.next)
        return Outcome(
            state=settled.state,
            cause=settled.cause,
            next=following,
            circuit=settled.circuit,
            numbers=settled.numbers,
        )

    def _opened(self, claimed: Claimed) -> Delivery | None:
        """The noun, its body opened; None when it cannot be, and then this one delivery is parked, whatever it was."""
        try:
            return open_claimed(claimed, self.bodies, is_shadow=claimed.row[1] in self._shadows)
        except LedgerUnavailable:
            raise
        except Exception as trouble:
            reason = str(trouble) if isinstance(trouble, LedgerDamaged) else unopenable(trouble)
            now = to_ms(self.clock.now())
            self.engine.write(lambda tx: self.claimer.park(tx, claimed, "damaged", reason, now))
            return None

    # -- keys ---------------------------------------------------------------------------------------------------

    def _number_of(self, key_id: str) -> int:
        """The number under which events remember a receipt's key; a new key gets one."""
        row = self.engine.read().one("find_receipt_key", key_id)
        if row is None:
            self.engine.write(lambda tx: tx.run("add_receipt_key", key_id))
            row = self.engine.read().one("find_receipt_key", key_id)
        assert row is not None
        return int(row[0])

    def _require_schema(self) -> None:
        known = load_migrations(self.engine.name)
        wanted, present = known[-1].version, schema_version(self.engine.read())
        if present < wanted:
            raise SchemaBehind(f"the ledger has schema {present}, this program wants {wanted}: run `lienthong migrate`")
        require_same_steps(self.engine.read(), known)

    def _load_keys(self) -> None:
        for key_id, wrapped in self.engine.read().all("all_data_keys"):
            if not self._sealer.knows(key_id):
                self._sealer.open_data_key(key_id, wrapped)

    def _ensure_key(self) -> None:
        if self._sealer.needs_key:
            key = self._sealer.new_data_key()
            now = to_ms(self.clock.now())
            self.engine.write(lambda tx: tx.insert("add_data_key", key.id, key.wrapped, now))


def schema_version(tx: Tx) -> int:
    """The version that the file has; 0 for an empty one."""
    if not tx.one("has_schema"):
        return 0
    row = tx.one("schema_version")
    return int(row[0]) if row and row[0] else 0


def require_same_steps(tx: Tx, known: Sequence[Migration]) -> None:
    """What was applied is what this program calls so. Raises LedgerUnsafe: its tables would be others than ours."""
    digests = {step.version: step.digest for step in known}
    for version, name, digest in tx.all("applied_migrations"):
        if digests.get(version, digest) != digest:
            raise LedgerUnsafe(
                f"migration {version:04d} {name} was applied with another text than this program's: "
                "open the ledger with the version that made it"
            )


def _accepted(result: Acceptance | NonceSeen) -> Acceptance:
    if isinstance(result, NonceSeen):
        raise result
    return result
