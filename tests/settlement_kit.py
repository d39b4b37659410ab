"""Days of payments for tests of the settlement: a ledger with real payments, files that fit it or do not, and a model.

Payments are asked for, paid and told through the ledger's own verbs; only time is ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.settlement.envelope import opened
from adapters.settlement.files import OneStopFile, PlatformFile
from adapters.settlement.layouts import EXPORT, PLATFORM, Layout
from bus.ledger import Ledger
from bus.payments import LOCAL, GatewayChoice, Heard, PaymentPolicy, Told, Verdict
from bus.ports import CrashPoint, FileStorage, no_crash
from bus.repairs import Repairs
from bus.settlement import Book, DifferenceClass
from bus.settlement_book import Compared, Settlements
from bus.settlement_repairs import SettlementRepairs
from bus.upkeep import migrate
from tests.builders import SOURCE, make_payment
from tests.world import MASTER, SeededRandomness, SimClock

DAY: Final = date(2026, 7, 3)
PARTNER: Final = "payment_platform"
TAKER: Final = "one_stop"
MERCHANT: Final = "TINHDEMO"
WHO: Final = "person:an"
BOOK: Final = Book(partner=PARTNER, merchant=MERCHANT)
POLICY: Final = PaymentPolicy(
    gateway_for=lambda unit, procedure, kinds, at, wish: GatewayChoice(partner=PARTNER),
    taker=lambda source: TAKER,
)


def at(hour: int, minute: int = 0, *, day: date = DAY) -> datetime:
    """A time of a day, in Vietnam."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LOCAL)


TEN: Final = at(10)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row of a gateway's file."""

    reference: str
    transaction: str = "GD1"
    amount: int = 50_000
    state: str = "1"
    at: datetime = TEN
    bank: str = "VCB"
    currency: str = "VND"

    def line(self, n: int) -> str:
        told = (self.reference, self.transaction, self.bank, f"{self.at:%Y%m%d%H%M%S}")
        return "|".join(("D", str(n), *told, str(self.amount), self.currency, self.state, ""))


def platform_text(
    rows: Sequence[FileRow], /, *, day: date = DAY, merchant: str = MERCHANT, kind: str = "DS", **head: Any
) -> bytes:
    """A whole file; `rows=`, `total=` and `hash=` of head and tail may be told otherwise."""
    total = head.get("total", sum(row.amount for row in rows))
    lines = [f"H|1|{merchant}|{day:%Y%m%d}|{kind}|{head.get('rows', len(rows))}|{total}"]
    lines += [row.line(n) for n, row in enumerate(rows, 1)]
    return sealed("".join(f"{line}\r\n" for line in lines), len(rows), **head)


def sealed(text: str, rows: int, /, **head: Any) -> bytes:
    """With its last line."""
    body = text.encode()
    digest = head.get("hash") or hashlib.sha256(body).hexdigest()
    return body + f"T|{head.get('tail_rows', rows)}|{digest}\r\n".encode()


def export_text(rows: Iterable[Sequence[Any]]) -> bytes:
    """The one-stop system's list."""
    return "\n".join(
        ",".join(str(cell) for cell in row) for row in (("source", "payment", "amount", "state"), *rows)
    ).encode()


@dataclass(slots=True)
class Pay:
    """A payment here."""

    name: str
    reference: str
    amount: int
    number: int


class Till:
    """A ledger with payments, and its settlement."""

    def __init__(self, folder: Path, *, crash_point: CrashPoint = no_crash, policy: PaymentPolicy = POLICY) -> None:
        self.folder = folder
        self.clock = SimClock(at(12))
        self.path = folder / "ledger.db"
        self._policy = policy
        if not self.path.exists():
            migrate(self.path, FileStorage(), self.clock)
        self.open(crash_point)

    def open(self, crash_point: CrashPoint = no_crash) -> None:
        self.ledger = Ledger.open(
            self.path,
            MASTER,
            clock=self.clock,
            randomness=SeededRandomness(1),
            storage=FileStorage(),
            crash_point=crash_point,
            payments=self._policy,
        )
        self.settlements = Settlements(self.ledger, takers={SOURCE: TAKER}, crash_point=crash_point)
        self.repairs = SettlementRepairs(
            self.ledger,
            self.settlements,
            Repairs(self.ledger),
            payments=self.ledger.payments,
            crash_point=crash_point,
        )

    def close(self) -> None:
        self.ledger.close()

    # -- payments -----------------------------------------------------------------------------------------------

    def ask(self, n: int, *, amount: int = 50_000, **more: Any) -> Pay:
        """A payment that is due; its gateway is still to be called."""
        name = f"P{n}"
        event = make_payment(payment=name, amount=amount, dossier=f"H99.24-260703-{n:04d}", **more)
        self.ledger.record(event, ())
        row = self.one(
            "SELECT a.reference, p.id FROM payment_attempts a JOIN payments p ON p.id = a.payment WHERE p.name = ?",
            name,
        )
        return Pay(name=name, reference=row[0], amount=amount, number=row[1])

    def pay(self, of: Pay, *, when: datetime = TEN, transaction: str | None = None, is_told: bool = True) -> Heard:
        """The gateway says that it was paid; `is_told`: the one-stop system has acknowledged it."""
        heard = self.tell(of, Verdict.PAID, when=when, transaction=transaction)
        if is_told:
            self.acknowledge(of)
        return heard

    def tell(self, of: Pay, verdict: Verdict, *, when: datetime = TEN, transaction: str | None = None) -> Heard:
        """A word of the gateway's."""
        told = Told(
            partner=PARTNER,
            reference=of.reference,
            verdict=verdict,
            via="callback",
            transaction=transaction or f"GD-{of.name}",
            amount=of.amount,
            currency="VND",
            bank="VCB",
            paid_at=when,
        )
        return self.ledger.payments.hear(told)

    def paid(self, n: int, **more: Any) -> Pay:
        """A payment that was paid."""
        of = self.ask(n)
        self.pay(of, **more)
        return of

    def acknowledge(self, of: Pay) -> None:
        """The one-stop system took `payment.settled`."""
        self.write(
            "UPDATE deliveries SET state = 'delivered', blocks = 0 WHERE partner = ? AND event IN "
            "(SELECT n.event FROM payment_news n JOIN events e ON e.id = n.event "
            "WHERE n.payment = ? AND e.kind = 'payment.settled')",
            TAKER,
            of.number,
        )

    def row(self, of: Pay, **changes: Any) -> FileRow:
        """What the gateway's file says of it."""
        return FileRow(**({"reference": of.reference, "transaction": f"GD-{of.name}", "amount": of.amount} | changes))

    def state(self, of: Pay) -> str:
        """Where the payment stands."""
        return str(self.one("SELECT state FROM payments WHERE id = ?", of.number)[0])

    # -- settlement ---------------------------------------------------------------------------------------------

    def file(
        self, content: bytes, *, name: str = "day.txt", day: date = DAY, layout: Layout = PLATFORM
    ) -> PlatformFile:
        """A gateway's file of these bytes."""
        path = self.folder / name
        path.write_bytes(content)
        return PlatformFile(opened(path), layout, day=day, merchant=MERCHANT)

    def export(self, rows: Iterable[Sequence[Any]], *, name: str = "export.csv") -> OneStopFile:
        """The one-stop system's file."""
        path = self.folder / name
        path.write_bytes(export_text(rows))
        return OneStopFile(opened(path), EXPORT)

    def compare(
        self, rows: Sequence[FileRow], *, name: str = "day.txt", day: date = DAY, export: OneStopFile | None = None
    ) -> Compared:
        """A day compared."""
        file = self.file(platform_text(rows, day=day), name=name, day=day)
        return self.settlements.compare(BOOK, day, file, one_stop=export, actor=WHO)

    def found(self, run: int) -> set[tuple[str, str | None]]:
        """Class and reference of every difference."""
        return {(one.kind.value, one.reference) for one in self.settlements.differences(run)}

    def repair(self, run: int, *, classes: Sequence[DifferenceClass] = tuple(DifferenceClass), who: str = WHO) -> int:
        """Repair what is open; how many were looked at."""
        plan = self.repairs.plan(run, classes)
        made = self.ledger.engine.write(
            lambda tx: self.repairs.ask(
                tx, run, plan.classes, digest=plan.digest, actor=who, reason="settled", four_eyes_above=1_000
            )
        )
        return self.repairs.carry(made.id)

    # -- rows ---------------------------------------------------------------------------------------------------

    def one(self, sql: str, *values: Any) -> Any:
        return self.ledger.engine.read().connection.execute(sql, values).fetchone()

    def all(self, sql: str, *values: Any) -> list[Any]:
        return self.ledger.engine.read().connection.execute(sql, values).fetchall()

    def write(self, sql: str, *values: Any) -> None:
        self.ledger.engine.write(lambda tx: tx.connection.execute(sql, values))

    def tasks(self) -> Mapping[str, int]:
        """Open tasks by kind."""
        return dict(self.all("SELECT kind, count(*) FROM payment_tasks WHERE closed_at IS NULL GROUP BY kind"))


class Stopped(Exception):
    """The program ended here."""


@dataclass(slots=True)
class Crash:
    """Stops the program at the nth call of one line."""

    name: str
    times: int = 1
    seen: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if name == self.name and self.seen.count(name) == self.times:
            raise Stopped(name)


HOUR: Final = timedelta(hours=1)
