"""The province's tables: what ships with the program, what is in force in the ledger, and taking new ones into use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Final, Protocol

import structlog

from adapters.partners.national_portal.tables import Schema, Tables, schemas_of
from bus.dispatch import Adapter
from bus.errors import LedgerUnavailable
from bus.messages import Attempt, Delivery
from bus.reads import Reads
from bus.repairs import Repairs

log = structlog.get_logger("tables")

LOOK_EVERY: Final = 1.0
"""Seconds between two looks whether a table was imported."""
WITH_TABLES: Final = ("national_portal",)
"""Partners that read tables of the province."""
CALENDAR: Final = "calendar"
"""No partner: the table of days off, imported and compared as theirs are."""
PAYMENTS: Final = "payments"
"""No partner either: which gateway takes which fee."""
SIGNING: Final = "signing"
"""Nor this: which service is asked for which signature."""
OTHERS: Final = (CALENDAR, PAYMENTS, SIGNING)


def schemas(partner: str) -> dict[str, Schema]:
    """What each table of a partner may hold."""
    return schemas_of(files("config").joinpath("tables/tables.toml").read_text(encoding="utf-8"), partner)


def shipped(partner: str) -> dict[str, str]:
    """The tables that come with the program: name → CSV text."""
    folder = files("config").joinpath("tables").joinpath(partner)
    return {name: folder.joinpath(f"{name}.csv").read_text(encoding="utf-8") for name in schemas(partner)}


def ledger_name(partner: str, table: str) -> str:
    """How the ledger calls a partner's table."""
    return f"{partner}.{table}"


def in_force(reads: Reads, partner: str) -> Tables:
    """The tables that the ledger says are in force; before the first import, those shipped. Raises TablesRefused."""
    texts = {}
    for name, text in shipped(partner).items():
        kept = reads.table(ledger_name(partner, name))
        texts[name] = text if kept is None else kept
    return Tables.from_texts(schemas(partner), texts)


def import_shipped(reads: Reads, repairs: Repairs, *, actor: str) -> list[str]:
    """Put the shipped tables into force where the ledger has none; the names of those."""
    missing = [
        (ledger_name(partner, name), text)
        for partner in WITH_TABLES
        for name, text in shipped(partner).items()
        if reads.table(ledger_name(partner, name)) is None
    ]
    return repairs.import_tables(missing, actor=actor, reason="shipped with the program") if missing else []


class TakesTables(Adapter, Protocol):
    """An adapter that reads tables."""

    def use_tables(self, tables: Tables) -> None: ...


class WithFreshTables:
    """An adapter whose tables follow the ledger: an import is in use within a second, without a restart."""

    def __init__(
        self, adapter: TakesTables, reads: Reads, partner: str, *, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._adapter = adapter
        self._reads = reads
        self._partner = partner
        self._tick = tick
        self._lock = threading.Lock()
        self._version = reads.tables_version()
        self._looked_at = tick()

    def check(self, delivery: Delivery) -> None:
        self._refresh()
        self._adapter.check(delivery)

    def deliver(self, batch: Sequence[Delivery]) -> Sequence[Attempt]:
        self._refresh()
        return self._adapter.deliver(batch)

    def ask(self, delivery: Delivery) -> Attempt:
        self._refresh()
        return self._adapter.ask(delivery)

    def _refresh(self) -> None:
        if self._tick() - self._looked_at < LOOK_EVERY or not self._lock.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._looked_at = self._tick()
            self._lock.release()

    def _look(self) -> None:
        try:
            version = self._reads.tables_version()
        except LedgerUnavailable:
            return  # the tables at hand serve until the ledger can be read again
        if version != self._version:
            tables = in_force(self._reads, self._partner)
            self._adapter.use_tables(tables)
            self._version = version
            log.info("tables_reloaded", partner=self._partner, version=tables.version)


def texts_by_partner(reads: Reads) -> Mapping[str, Mapping[str, str]]:
    """Every table in force, partner by partner."""
    return {partner: in_force(reads, partner).texts for partner in WITH_TABLES}
