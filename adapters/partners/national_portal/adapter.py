"""The national portal as the bus sees it: `deliver` and `ask`.

What each operation allows after an unclear outcome stands in `codes.OPERATIONS`: a create is asked about, an update
goes again, a step follows the table `unclear_steps`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Literal

from adapters.channels.http import Channel
from adapters.partners.national_portal import born, lookups, wire
from adapters.partners.national_portal.codes import OPERATIONS, Operation, Verdict
from adapters.partners.national_portal.named import doubted, record_answers
from adapters.partners.national_portal.settings import NationalPortalSettings, check_settings
from adapters.partners.national_portal.shaped import Shaped, learned
from adapters.partners.national_portal.speaking import Heard, Speaker, Then
from adapters.partners.national_portal.tables import Tables
from bus.errors import NothingNew, Unmappable
from bus.messages import Attempt, Delivered, Delivery, Exchange, InDoubt, Outcome, Unreachable
from bus.ports import Clock, CrashPoint, no_crash

RECORDED: Final = born.RECORDED
AT_ONCE: Final = timedelta(0)
BLIND: Final = frozenset({Operation.STEP, Operation.STATUS})
POLICIES: Final[dict[str, Then]] = {"hold": "hold", "go_on": "go_on", "send_again": "ask"}
"""`unclear_steps` → what the bus does next; "send again" comes back through `ask`, which then says "may be sent"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCheck:
    """What `check --online` and `doctor` say about the login."""

    is_well: bool
    reason: str
    took: timedelta


class NationalPortal:
    """One installation's portal, used by many threads."""

    def __init__(
        self,
        settings: NationalPortalSettings,
        channel: Channel,
        tables: Tables,
        *,
        token_channel: Channel | None = None,
        tick: Callable[[], float] = time.monotonic,
        crash_point: CrashPoint = no_crash,
        clock: Clock | None = None,
    ) -> None:
        """`clock` is the worker's, by which leases end; without one no call minds them."""
        check_settings(settings)
        self._settings = settings
        self._tables = tables
        self._point = crash_point
        self._speaker = Speaker(
            settings, channel, token_channel=token_channel, tick=tick, crash_point=crash_point, clock=clock
        )

    def use_tables(self, tables: Tables) -> None:
        """Take a new version of the tables into use; calls under way end with the old one."""
        self._tables = tables

    def batch_size(self, batch_kind: str) -> int:
        """How many deliveries of one kind may travel in one call: 1 unless a yes counts for each record.

        `batch_kind` is the event's kind, or `kind:exists` as deliveries carry it; a dossier that must be looked up
        first travels alone, for the questions would be asked one after another. Where nobody asks, the unknown is
        created.
        """
        kind, _, exists = batch_kind.partition(":")
        if kind != RECORDED:
            return self._limit(Operation.STEP)
        known = {"True": (Operation.UPDATE,), "False": (Operation.CREATE,), "": (Operation.CREATE, Operation.UPDATE)}
        if not self._looks_up_first:
            known["None"] = (Operation.CREATE,)
        return max((self._limit(operation) for operation in known.get(exists, ())), default=1)

    def check(self, delivery: Delivery) -> None:
        """Shape it and send nothing. Raises `Unmappable`, `NotOurs` or `NothingNew`."""
        self._shape(delivery, self._tables)

    def login_check(self) -> LoginCheck:
        """Log in, or say why not."""
        started = time.perf_counter()
        trouble = self._speaker.reach()
        took = timedelta(seconds=time.perf_counter() - started)
        return LoginCheck(is_well=trouble is None, reason=trouble.reason if trouble else "", took=took)

    # -- deliver ------------------------------------------------------------------------------------------------

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        """Send each; one attempt for each, in the same order. Raises before anything is sent, if at all."""
        tables = self._tables  # one version for the whole call, whatever is imported meanwhile
        self._point("shape.before")
        bodies = [self._shape(delivery, tables) for delivery in batch]
        self._point("shape.after")
        attempts: dict[int, Attempt] = {}
        ready: dict[Operation, list[Shaped]] = {}
        for delivery, body in zip(batch, bodies, strict=True):
            found = self._prepare(delivery, body, tables)
            if isinstance(found, Attempt):
                attempts[delivery.id] = found
            else:
                ready.setdefault(found.operation, []).append(found)
        for operation, items in ready.items():
            size = self._limit(operation)
            for start in range(0, len(items), size):
                part = items[start : start + size]
                attempts |= {one.delivery.id: attempt for one, attempt in self._send(part)}
        return [attempts[delivery.id] for delivery in batch]

    def _shape(self, delivery: Delivery, tables: Tables) -> dict[str, Any]:
        body = self._record_or_step(delivery, tables)
        self._speaker.calls.check(body)
        return body

    def _record_or_step(self, delivery: Delivery, tables: Tables) -> dict[str, Any]:
        event, standing = wire.in_its_words(delivery.event, delivery.standing), delivery.standing
        if self._is_born(delivery):
            if not self._speaker.calls.has_status:
                raise Unmappable(field="facade_status_url", rule="missing")
            if born.tells_nothing_new(event, standing, tables):
                raise NothingNew
            return born.status_of(event, standing, tables, self._settings)
        if event.kind == RECORDED:
            return wire.record_of(event, tables, self._settings, payments=standing.payments, results=standing.results)
        return wire.step_of(event, standing, tables, self._settings)

    def _prepare(self, delivery: Delivery, body: dict[str, Any], tables: Tables) -> Shaped | Attempt:
        """Decide the operation from durable facts; ask the portal where there are none."""
        facts: dict[str, Any] = {"mapping": tables.version}
        if delivery.is_shadow:
            return self._shadow(delivery, body, facts)
        if self._is_born(delivery):
            return Shaped(delivery=delivery, operation=Operation.STATUS, body=body, facts=facts)
        if delivery.event.kind != RECORDED:
            return Shaped(delivery=delivery, operation=Operation.STEP, body=body, facts=facts)
        exists = delivery.standing.exists
        exchanges: tuple[Exchange, ...] = ()
        if exists is None and self._looks_up_first:
            heard = self._look_up(delivery)
            exists, exchanges = lookups.existence(heard, delivery.event.dossier), heard.exchanges
            if exists is None:
                # Falling through to a create is the classic way to a duplicate (r141).
                return Attempt(outcome=lookups.not_now(heard), exchanges=exchanges, facts=facts)
        operation = Operation.UPDATE if exists else Operation.CREATE
        facts |= {"exists": True} if exists else {}
        return Shaped(delivery=delivery, operation=operation, body=body, facts=facts, exchanges=exchanges)

    def _send(self, items: list[Shaped]) -> list[tuple[Shaped, Attempt]]:
        """One call for all of them; an array that was refused whole is halved to find the bad record."""
        operation = items[0].operation
        trace = items[0].delivery.event.traceparent
        until = items[0].delivery.leased_until  # of one claim, so of one end
        heard = self._speaker.write(operation, [item.body for item in items], trace, until=until)
        if len(items) == 1:
            return [(items[0], self._read_one(items[0], heard))]
        if heard.verdict in (Verdict.REFUSED, Verdict.MISSING, Verdict.EXISTS) and self._may_split(operation):
            refused = [replace(item, exchanges=item.exchanges + heard.exchanges) for item in items]
            middle = len(items) // 2
            return [*self._send(refused[:middle]), *self._send(refused[middle:])]
        return [(item, self._read_named(item, heard)) for item in items]

    def _read_one(self, item: Shaped, heard: Heard) -> Attempt:
        heard = self._unless_denied(item, heard)
        if item.operation is Operation.CREATE and heard.verdict is Verdict.EXISTS:
            # Once, as an update: the very same record replaces what is there (r40, r52).
            trace, until = item.delivery.event.traceparent, item.delivery.leased_until
            again = self._speaker.write(Operation.UPDATE, [item.body], trace, until=until)
            return item.attempt(again.outcome(), heard.exchanges + again.exchanges, exists=True)
        return item.attempt(heard.outcome(self._then(item)), heard.exchanges, **learned(item.operation, heard))

    def _unless_denied(self, item: Shaped, heard: Heard) -> Heard:
        """A yes of the whole, unless a row of it denies this very record (r152)."""
        if heard.answer is None or heard.verdict is not Verdict.YES:
            return heard
        named = record_answers(heard.answer, item.operation, self._settings).get(item.delivery.event.dossier)
        if named is None or named.verdict is Verdict.YES:
            return heard
        is_known = self._answer_kind(item.operation) == "named"
        return replace(heard, answer=named if is_known else doubted(heard.answer))

    def _read_named(self, item: Shaped, heard: Heard) -> Attempt:
        """One record of an array. A yes counts for it when the array is atomic or the reply names it."""
        if heard.answer is None or self._answer_kind(item.operation) != "named":
            return self._read_one(item, heard)
        named = record_answers(heard.answer, item.operation, self._settings).get(item.delivery.event.dossier)
        if named is not None:
            return self._read_one(item, Heard(exchanges=heard.exchanges, answer=named))
        if heard.verdict in (Verdict.SESSION, Verdict.LATER, Verdict.DOWN):
            return self._read_one(item, heard)
        unnamed = InDoubt(reason="not_named: the reply is silent about it", then=self._then(item), is_down=False)
        return item.attempt(unnamed, heard.exchanges)

    # -- ask ----------------------------------------------------------------------------------------------------

    def ask(self, delivery: Delivery) -> Attempt:
        """What became of a write whose reply was lost, as far as the contract lets us find out."""
        if self._is_born(delivery):
            # Nothing lists such statuses, and a look-up must not lead to a create. That it is there is known anyway.
            return replace(self._by_policy(delivery), facts={"exists": True})
        if delivery.event.kind != RECORDED:
            return self._ask_step(delivery)
        if delivery.standing.exists:
            again = Unreachable(reason="idempotent: an update goes again", retry_after=AT_ONCE, is_down=False)
            return Attempt(outcome=again)
        if not self._speaker.calls.has_lookup:
            return Attempt(outcome=InDoubt(reason="no_lookup: this façade cannot be asked", then="hold", is_down=False))
        heard = self._look_up(delivery)
        match lookups.existence(heard, delivery.event.dossier):
            case True:
                there = Unreachable(reason="there: goes again as an update", retry_after=AT_ONCE, is_down=False)
                return Attempt(outcome=there, exchanges=heard.exchanges, facts={"exists": True})
            case False:
                gone = Unreachable(reason="not_there: may be created", is_down=False)
                return Attempt(outcome=gone, exchanges=heard.exchanges, facts={"exists": False})
            case None:
                return Attempt(outcome=lookups.still_open(heard), exchanges=heard.exchanges)

    def _ask_step(self, delivery: Delivery) -> Attempt:
        if self._settings.lookup_proves == "entries" and self._speaker.calls.has_lookup:
            return self._ask_for_step(delivery)
        return self._by_policy(delivery)

    def _by_policy(self, delivery: Delivery) -> Attempt:
        policy = self._policy(delivery)
        if policy == "send_again":
            again = Unreachable(reason="policy: send_again", retry_after=AT_ONCE, is_down=False)
            return Attempt(outcome=again)
        then: Then = "go_on" if policy == "go_on" else "hold"
        return Attempt(outcome=InDoubt(reason=f"blind: policy {policy}", then=then, is_down=False))

    def _ask_for_step(self, delivery: Delivery) -> Attempt:
        step, heard = self._shape(delivery, self._tables), self._look_up(delivery)
        outcome: Outcome
        match lookups.find_step(heard, step, self._settings):
            case lookups.Proof.THERE:
                outcome = Delivered(receipt="listed by the look-up")
            case lookups.Proof.ABSENT:
                outcome = Unreachable(reason="not_there: the look-up does not list it", is_down=False)
            case lookups.Proof.ALIKE:
                reason = "alike: a step of this time and status is listed, and it may be another"
                outcome = InDoubt(reason=reason, then="hold", is_down=False)
            case lookups.Proof.UNCLEAR:
                outcome = lookups.still_open(heard)
        return Attempt(outcome=outcome, exchanges=heard.exchanges)

    # -- what the tables and settings say -----------------------------------------------------------------------

    def _is_born(self, delivery: Delivery) -> bool:
        return born.is_born(delivery, self._settings)

    def _then(self, item: Shaped) -> Then:
        is_asked = item.operation is Operation.STEP and self._settings.lookup_proves == "entries"
        if is_asked or item.operation not in BLIND:
            return "ask"
        return POLICIES[self._policy(item.delivery)]

    def _policy(self, delivery: Delivery) -> str:
        """`unclear_steps` for this step's status; whatever cannot be read is held."""
        try:
            procedure = delivery.event.data.get("procedure") or delivery.standing.procedure or ""
            event = wire.in_its_words(delivery.event, delivery.standing)
            status = wire.status_of(event, procedure, self._tables, "TrangThai")
        except Unmappable:
            return "hold"
        row = self._tables["unclear_steps"].find(status, wire.local_date(delivery.event.occurred_at))
        return row["policy"] if row else "hold"

    def _answer_kind(self, operation: Operation) -> Literal["none", "atomic", "named"]:
        return self._settings.batch_answer.get(operation.value, OPERATIONS[operation].batch)

    def _limit(self, operation: Operation) -> int:
        return 1 if self._answer_kind(operation) == "none" else max(1, self._settings.batch.get(operation.value, 1))

    def _may_split(self, operation: Operation) -> bool:
        """A refused array stored nothing when it is atomic; records may go again in any case, steps may not."""
        return operation not in BLIND or self._answer_kind(operation) == "atomic"

    @property
    def _looks_up_first(self) -> bool:
        return self._settings.lookup_before_create and self._speaker.calls.has_lookup

    def _look_up(self, delivery: Delivery, number: str = "") -> Heard:
        trace, until = delivery.event.traceparent, delivery.leased_until
        return self._speaker.look_up(number or delivery.event.dossier, trace, until=until)

    def _shadow(self, delivery: Delivery, body: dict[str, Any], facts: dict[str, Any]) -> Attempt:
        """Everything but the write: what would be sent, beside what the portal has."""
        number = body["MaHoSo"]
        heard = self._look_up(delivery, number) if self._speaker.calls.has_lookup else Heard(exchanges=())
        compared = lookups.compare(heard, number, body)
        outcome = Unreachable(reason="shadow", is_down=False)
        return Attempt(outcome=outcome, exchanges=heard.exchanges, facts=facts | {"shadow": compared})
