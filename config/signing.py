"""How this installation signs: which service for which unit and role, how long it may take, who is told.

The table `signing.services` is the province's. A row fits where its filled cells do: a unit for itself and those below
it, procedure and role exactly. The row that says most decides, then the lower rank.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from adapters.documents.links import DocumentLinks
from adapters.partners.national_portal.tables import Tables
from bus.calendar import VIETNAM
from bus.errors import LedgerUnavailable
from bus.reads import Reads
from bus.rights import covers, depth
from bus.seal import MasterKey
from bus.signatures import DESK, Role, ServiceChoice, SignaturePolicy
from config.partner_settings import PartnerSettings
from config.partner_tables import LOOK_EVERY, SIGNING, in_force
from config.payments import taker_of
from config.settings import Settings
from config.signing_settings import SignerSettings

SERVICES: Final = "services"
ROLES: Final[tuple[Role, ...]] = ("official", "agency", "citizen")
STAMPED: Final = frozenset({"B-T", "B-LT", "B-LTA"})
"""Levels for which a time-stamp authority is needed."""

Row = Mapping[str, str]


def choose(
    rows: Sequence[Row], unit: str | None, procedure: str | None, role: str, wish: str | None, known: Collection[str]
) -> Row | None:
    """Pure. The row that decides; None where there is none. A wish is granted only where a row allows it.

    `known`: services that this installation can speak to, the desk among them.
    """
    fitting = [row for row in rows if row["service"] in known and _fits(row, unit, procedure or "", role)]
    return min((row for row in fitting if wish in (None, row["service"])), key=_order, default=None)


def _fits(row: Row, unit: str | None, procedure: str, role: str) -> bool:
    is_of_unit = not row["unit"] or covers(unit, (row["unit"],))
    return is_of_unit and row["procedure"] in ("", procedure) and row["role"] == role


def _order(row: Row) -> tuple[int, bool, int]:
    """What says most stands first."""
    return (-depth(row["unit"]), not row["procedure"], int(row["rank"]))


def rows_on(tables: Tables, day: date) -> list[Row]:
    """The rows that hold on this day."""
    return [row.values for row in tables[SERVICES].rows if row.first <= day <= row.last]


def known_services(settings: Settings) -> frozenset[str]:
    """Who can be asked: services with a table of settings; the desk where there is a console for its pages."""
    services = {name for name, each in settings.partner_table().items() if isinstance(each, SignerSettings)}
    return frozenset(services | ({DESK} if settings.console.enabled else set()))


class ServiceTable:
    """The table as it is in force; an import is in use within a second. Asked within a writer's transaction."""

    def __init__(self, known: Collection[str], *, tick: Callable[[], float] = time.monotonic) -> None:
        self._known = frozenset(known)
        self._tick = tick
        self._lock = threading.Lock()
        self._reads: Reads | None = None
        self._tables: Tables | None = None
        self._version = -1
        self._looked_at = 0.0

    def bind(self, reads: Reads) -> None:
        """Where the table stands; said once the ledger is open."""
        self._reads = reads

    def __call__(
        self, unit: str | None, procedure: str | None, role: Role, at: datetime, wish: str | None
    ) -> ServiceChoice | None:
        """`SignaturePolicy.service_for`."""
        tables = self._fresh()
        if tables is None:
            return None
        row = choose(rows_on(tables, at.astimezone(VIETNAM).date()), unit, procedure, role, wish, self._known)
        level: Any = None if row is None else row["level"]
        return None if row is None else ServiceChoice(service=row["service"], level=level)

    def _fresh(self) -> Tables | None:
        with self._lock:
            now = self._tick()
            if self._reads is not None and (self._tables is None or now - self._looked_at >= LOOK_EVERY):
                self._look(self._reads)
                self._looked_at = now
            return self._tables

    def _look(self, reads: Reads) -> None:
        try:
            version = reads.tables_version()
            if self._tables is None or version != self._version:
                self._tables, self._version = in_force(reads, SIGNING), version
        except LedgerUnavailable:
            return  # the table at hand serves until the ledger can be read again


def signature_policy_of(settings: Settings, table: ServiceTable, master: MasterKey) -> SignaturePolicy:
    """What the ledger asks when a signature is wanted, and when one was made."""
    partners = settings.partner_table()
    documents = settings.documents
    return SignaturePolicy(
        service_for=table,
        judge=_judge,
        taker=taker_of(partners),
        portal="national_portal" if "national_portal" in partners else None,
        window=timedelta(seconds=settings.signing.window_s),
        patience=timedelta(hours=settings.signing.patience_hours),
        document_url=DocumentLinks.under(master.index_key, documents.public_url).url,
        url_life=timedelta(days=documents.url_life_days),
        portal_url_life=timedelta(days=documents.portal_url_life_days),
        has_webhook=webhooks_of(partners),
    )


def webhooks_of(partners: Mapping[str, PartnerSettings]) -> Callable[[str], bool]:
    """Whether a service calls back."""
    calling = frozenset(
        name for name, each in partners.items() if isinstance(each, SignerSettings) and each.is_called_back
    )
    return calling.__contains__


def _judge(digest: bytes, certificate: bytes, value: bytes) -> bytes | str:
    from signing.raw_values import judge  # only where something is signed

    return judge(digest, certificate, value)


# -- what `check` says -------------------------------------------------------------------------------------------------


def holes(tables: Tables, units: Sequence[str], known: Collection[str], today: date, *, stamps: bool) -> Iterator[str]:
    """Units and roles that no service signs for, and rows that promise what is not here. `known`: as in `choose`."""
    rows = rows_on(tables, today)
    for role in ROLES[:2]:
        missing = [unit for unit in units if choose(rows, unit, None, role, None, known) is None]
        if missing:
            yield f"services.csv has no service for {role} of {', '.join(missing)}"
    levels = sorted({row["level"] for row in rows if row["service"] in known and row["level"] in STAMPED})
    if levels and not stamps:
        yield f"services.csv wants {', '.join(levels)}, and signing.tsa_urls names no time-stamp authority"
