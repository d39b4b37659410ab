"""Pure. The nouns of the daily settlement: what a gateway's file says of a day, and how it can differ from our books.

Three sides tell of the same money: the gateway by its file, the ledger by what it was told until then, the one-stop
system by what it acknowledged and, where it is handed in, by a file of its own. Nothing is applied by comparing: each
class of difference has a proposed repair, which is a person's act.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from bus.engines.sqlite import Row
from bus.payments import LOCAL, Told, Verdict
from bus.times import from_ms, to_ms

TheirRow: TypeAlias = tuple[int, str, str, str, int, str, int, str, str]
"""A gateway's row as it is laid beside the ledger: line, reference, transaction, bank, time in milliseconds, the time
in its own letters, amount, currency, verdict. A tuple, for there are a million of them."""
ExportRow: TypeAlias = tuple[int, str, str, int, int]
"""A row of the one-stop system's own file: line, source, its number of the payment, amount, whether it is paid."""
Side: TypeAlias = Literal["platform", "one_stop"]
RunState: TypeAlias = Literal["reading", "refused", "done", "replaced"]
RepairState: TypeAlias = Literal["asked", "running", "done", "declined", "expired"]
TOLERANCE: Final = timedelta(days=1)
"""How far a row's time may lie outside its file's day: cut-off hours are not known to be at midnight."""


class DifferenceClass(StrEnum):
    """How the three sides differ. The names are kept in the ledger, and have words in the catalogues."""

    MISSED_CALLBACK = "missed_callback"
    """Paid there, not here: money that nobody told us of."""
    AMOUNT = "amount_difference"
    """Paid there with another amount or currency."""
    MISSING_THERE = "missing_there"
    """Paid here on that day, and in no file."""
    CONTRADICTION = "contradiction"
    """Paid here; failed or pending there."""
    DOUBLE = "double_payment"
    """Paid a second time: another transaction under one reference, or a second attempt of one payment."""
    OTHER_TRANSACTION = "other_transaction"
    """Paid here and there, under different transactions."""
    OTHER_REFERENCE = "other_reference"
    """A transaction of ours under a reference that we do not know."""
    ORPHAN = "orphan"
    """Paid there under a reference that we do not know."""
    ONE_STOP_NOT_TOLD = "one_stop_not_told"
    """Paid here; the one-stop system has not acknowledged it."""
    ONE_STOP_AMOUNT = "one_stop_amount"
    ONE_STOP_STATE = "one_stop_state"
    """Paid here and not there, or there and not here, or missing in its file."""
    ONE_STOP_ORPHAN = "one_stop_orphan"
    """Paid there, under a number that we were never told."""


CLASSES: Final = tuple(DifferenceClass)
HEARD: Final = frozenset(kind for kind in CLASSES if not kind.startswith("one_stop"))
"""Classes that the gateway's file tells: what it says is heard like any other word of it."""


class Remedy(StrEnum):
    """What repairing one difference would do."""

    SETTLE = "settle"
    """Take the file's word: the payment is paid, as a late success."""
    REVIEW = "review"
    """A task for a person; nothing else changes."""
    REFUND = "refund"
    """A task to pay one of two back."""
    WAIT = "wait"
    """The next day's file may have it."""
    ESCALATE = "escalate"
    """It had not: a task for a person."""
    TELL = "tell"
    """Send the one-stop system what it has not acknowledged."""


REMEDIES: Final = {
    DifferenceClass.MISSED_CALLBACK: Remedy.SETTLE,
    DifferenceClass.DOUBLE: Remedy.REFUND,
    DifferenceClass.OTHER_TRANSACTION: Remedy.REFUND,
    DifferenceClass.ONE_STOP_NOT_TOLD: Remedy.TELL,
}
"""Of the classes that are not simply reviewed; what is missing there depends on the next day's file."""


def remedy_of(kind: DifferenceClass, *, is_next_day_in: bool) -> Remedy:
    """What repairing a difference of this class would do now."""
    if kind is DifferenceClass.MISSING_THERE:
        return Remedy.ESCALATE if is_next_day_in else Remedy.WAIT
    return REMEDIES.get(kind, Remedy.REVIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with a file: with one line, or (line 0) with the whole of it."""

    line: int
    rule: str
    field: str = ""
    detail: str = ""
    side: Side = "platform"


class DayFile(Protocol):
    """A file of a day, read once from its beginning to its end."""

    @property
    def name(self) -> str:
        """As it was called where it came from."""
        ...

    @property
    def digest(self) -> bytes:
        """SHA-256 of its bytes as they came."""
        ...

    def batches(self) -> Iterator[Sequence[TheirRow]]:
        """Its good rows, some at a time."""
        ...

    @property
    def findings(self) -> Sequence[Finding]:
        """What is wrong with it: complete once `batches` has ended; of many the first ones."""
        ...

    @property
    def faults(self) -> int:
        """How many findings there were."""
        ...


class ExportFile(Protocol):
    """The one-stop system's own file of a day."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> bytes: ...
    def batches(self) -> Iterator[Sequence[ExportRow]]: ...
    @property
    def findings(self) -> Sequence[Finding]: ...
    @property
    def faults(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One file of a day, compared."""

    id: int
    partner: str
    merchant: str
    day: date
    file: str
    digest: bytes
    one_stop_file: str
    state: RunState
    replaces: int | None
    is_changed: bool
    """Another content of the same day was compared before: somebody should ask why."""
    rows: int
    findings: int
    total: int
    matched: int
    differing: int
    actor: str
    at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Whose file it is: a gateway may know a province under several names, each with a file and units of its own."""

    partner: str
    merchant: str = ""
    units: frozenset[str] = frozenset()
    is_rest: bool = True
    """Whether all units belong to it but these; else only these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """How many differences of a class a run has."""

    kind: DifferenceClass
    count: int
    open: int
    gap: int
    """Sum of the amounts by which both sides differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference, and what became of it."""

    id: int
    kind: DifferenceClass
    line: int | None
    reference: str | None
    transaction: str | None
    verdict: Verdict | None
    told_at: datetime | None
    told_time: str | None
    bank: str | None
    currency: str | None
    payment: int | None
    attempt: int | None
    delivery: int | None
    ours: int | None
    theirs: int | None
    one_stop: int | None
    detail: str
    repaired_at: datetime | None
    repaired_by: str | None
    outcome: str | None
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    dossier: str | None
    unit: str | None
    name: str | None

    @property
    def is_open(self) -> bool:
        """Whether something is left to do."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A person's wish to repair some classes of a run."""

    id: int
    run: int
    classes: tuple[DifferenceClass, ...]
    digest: str
    count: int
    last: int
    state: RepairState
    next: int
    done: int
    actor: str
    reason: str
    asked_at: datetime
    expires_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The dry run: what would be repaired, and how; frozen by its digest."""

    run: int
    classes: tuple[DifferenceClass, ...]
    ids: tuple[int, ...]
    would: dict[DifferenceClass, tuple[Remedy, int]] = field(default_factory=dict)
    """Class → what would be done, to how many."""

    @property
    def digest(self) -> str:
        """Over exactly these differences."""
        return digest_of(self.run, self.ids)


def digest_of(run: int, ids: Iterable[int]) -> str:
    """Of a set of differences."""
    return hashlib.sha256(msgspec.json.encode([run, sorted(ids)])).hexdigest()


def span_of(day: date) -> tuple[int, int]:
    """A day of Vietnam: its first millisecond, and that of the next."""
    first = datetime(day.year, day.month, day.day, tzinfo=LOCAL)
    return to_ms(first), to_ms(first + timedelta(days=1))


def told_of(partner: str, run: Run, one: Difference) -> Told:
    """A difference as the gateway's word, for the one rule that judges all of its words."""
    is_missing = one.kind is DifferenceClass.MISSING_THERE
    return Told(
        partner=partner,
        reference=one.reference or "",
        verdict=Verdict.NOT_THERE if is_missing else one.verdict or Verdict.UNCLEAR,
        via="settlement",
        transaction=None if is_missing else one.transaction or None,
        amount=one.theirs,
        currency=None if is_missing else one.currency,
        bank=one.bank or None,
        paid_at=None if is_missing else one.told_at,
        paid_time_told=one.told_time,
        code=one.kind,
        evidence=evidence_of(run, one),
    )


def evidence_of(run: Run, one: Difference) -> bytes:
    """Where it is said: the file, by name and digest, the line, and what stands there."""
    said = [one.reference, one.transaction, one.bank, one.told_time, one.theirs, one.currency, one.verdict]
    return msgspec.json.encode(
        {"file": run.file, "sha256": run.digest.hex(), "day": run.day.isoformat(), "line": one.line, "row": said}
    )


# -- rows -----------------------------------------------------------------------------------------------------------


def run_of(row: Row) -> Run:
    """From `get_settlement`."""
    return Run(
        id=row[0],
        partner=row[1],
        merchant=row[2],
        day=date.fromisoformat(row[3]),
        file=row[4],
        digest=row[5],
        one_stop_file=row[6],
        state=row[7],
        replaces=row[8],
        is_changed=bool(row[9]),
        rows=row[10],
        findings=row[11],
        total=row[12],
        matched=row[13],
        differing=row[14],
        actor=row[15],
        at=from_ms(row[16]),
        ended_at=_time(row[17]),
    )


def difference_of(row: Row) -> Difference:
    """From `settlement_page`."""
    return Difference(
        id=row[0],
        kind=DifferenceClass(row[1]),
        line=row[2],
        reference=row[3],
        transaction=row[4],
        verdict=None if row[5] is None else Verdict(row[5]),
        told_at=_time(row[6]),
        told_time=row[7],
        bank=row[8],
        currency=row[9],
        payment=row[10],
        attempt=row[11],
        delivery=row[12],
        ours=row[13],
        theirs=row[14],
        one_stop=row[15],
        detail=row[16],
        repaired_at=_time(row[17]),
        repaired_by=row[18],
        outcome=row[19],
        closed_at=_time(row[20]),
        closed_by=row[21],
        close_reason=row[22],
        dossier=row[23],
        unit=row[24],
        name=row[25],
    )


def repair_of(row: Row) -> Repair:
    """From `get_settlement_repair`."""
    return Repair(
        id=row[0],
        run=row[1],
        classes=classes_of(row[2].split()),
        digest=row[3],
        count=row[4],
        last=row[5],
        state=row[6],
        next=row[7],
        done=row[8],
        actor=row[9],
        reason=row[10],
        asked_at=from_ms(row[11]),
        expires_at=_time(row[12]),
        decided_by=row[13],
        decided_at=_time(row[14]),
        ended_at=_time(row[15]),
    )


def classes_of(names: Iterable[str]) -> tuple[DifferenceClass, ...]:
    """By name, in their order, each once. Raises ValueError for a name that is none."""
    wanted = {DifferenceClass(name) for name in names}
    return tuple(kind for kind in CLASSES if kind in wanted)


def _time(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)
