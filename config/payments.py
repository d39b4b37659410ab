"""How this installation takes payments: which gateway for which unit and fee, who is told, how long it may take.

The table `payments.gateways` is the province's. A row fits where its filled cells do: a unit for itself and those
below it, procedure and kind of fee exactly. The row that says most decides, then the lower rank.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from adapters.partners.national_portal.tables import Tables
from bus.calendar import VIETNAM
from bus.errors import LedgerUnavailable
from bus.payments import GatewayChoice, PaymentPolicy, Receipts
from bus.reads import Reads
from bus.rights import covers, depth
from config.partner_settings import PartnerSettings
from config.partner_tables import LOOK_EVERY, PAYMENTS, in_force
from config.settings import OneStopKeys, Settings

GATEWAYS: Final = "gateways"
KINDS: Final = ("fee", "charge")
OWN_LANE: Final = "-receipts"
"""A gateway's receipts come late: they wait in a lane of their own, and no payment waits behind them."""

Row = Mapping[str, str]


def choose(
    rows: Sequence[Row],
    unit: str | None,
    procedure: str | None,
    kinds: Sequence[str],
    wish: str | None,
    known: Collection[str],
) -> Row | None:
    """Pure. The one row under which all kinds of fees of a payment go to one gateway; None where there is none.

    `known`: gateways that this installation can speak to. A wish is granted only where a row allows it.
    """
    found: Row | None = None
    for kind in kinds or KINDS[:1]:
        fitting = [row for row in rows if row["gateway"] in known and _fits(row, unit, procedure or "", kind)]
        wished = [row for row in fitting if wish in (None, row["gateway"])]
        row = min(wished, key=_order, default=None)
        if row is None or (found is not None and row["gateway"] != found["gateway"]):
            return None
        found = found or row
    return found


def _fits(row: Row, unit: str | None, procedure: str, kind: str) -> bool:
    is_of_unit = not row["unit"] or covers(unit, (row["unit"],))
    return is_of_unit and row["procedure"] in ("", procedure) and row["fee_kind"] in ("", kind)


def _order(row: Row) -> tuple[int, bool, bool, int]:
    """What says most stands first."""
    return (-depth(row["unit"]), not row["procedure"], not row["fee_kind"], int(row["rank"]))


def rows_on(tables: Tables, day: date) -> list[Row]:
    """The rows that hold on this day."""
    return [row.values for row in tables[GATEWAYS].rows if row.first <= day <= row.last]


class GatewayTable:
    """The table as it is in force; an import is in use within a second. Asked within a writer's transaction."""

    def __init__(
        self, partners: Mapping[str, PartnerSettings], issuer: str, *, tick: Callable[[], float] = time.monotonic
    ) -> None:
        """`issuer`: who writes receipts where the table says so; empty: nobody."""
        self._known = frozenset(partners)
        self._issuer = issuer
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
        self, unit: str | None, procedure: str | None, kinds: Sequence[str], at: datetime, wish: str | None
    ) -> GatewayChoice | None:
        """`PaymentPolicy.gateway_for`."""
        tables = self._fresh()
        if tables is None:
            return None
        row = choose(rows_on(tables, at.astimezone(VIETNAM).date()), unit, procedure, kinds, wish, self._known)
        return None if row is None else self._choice(row)

    def _choice(self, row: Row) -> GatewayChoice:
        gateway = row["gateway"]
        receipts: Receipts = row["receipts"]  # type: ignore[assignment]  # the table's own closed list
        own = gateway + OWN_LANE
        match receipts:
            case "gateway" if own in self._known:
                return GatewayChoice(partner=gateway, receipts=receipts, issuer=own)
            case "issuer" if self._issuer in self._known:
                return GatewayChoice(partner=gateway, receipts=receipts, issuer=self._issuer)
            case "none":
                return GatewayChoice(partner=gateway)
            case _:
                # Promised by the table, and by nobody here: a person is asked once it is paid.
                return GatewayChoice(partner=gateway, receipts="issuer")

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
                self._tables, self._version = in_force(reads, PAYMENTS), version
        except LedgerUnavailable:
            return  # the table at hand serves until the ledger can be read again


def policy_of(settings: Settings, table: GatewayTable) -> PaymentPolicy:
    """What the ledger asks when a payment comes in."""
    partners = settings.partner_table()
    return PaymentPolicy(
        gateway_for=table,
        taker=taker_of(partners),
        portal="national_portal" if "national_portal" in partners else None,
        window=timedelta(hours=settings.payments.window_hours),
        refund_approval_above=settings.payments.refund_approval_above,
    )


def taker_of(partners: Mapping[str, PartnerSettings]) -> Callable[[str], str | None]:
    """Source → the one-stop system that is told of its payments: the one that takes its outcomes."""
    takers = {
        source: name
        for name, each in partners.items()
        if isinstance(each, OneStopKeys)
        for source in each.takes_outcomes_of
    }
    return takers.get


# -- what `check` says -------------------------------------------------------------------------------------------------


def holes(
    tables: Tables, units: Sequence[str], known: Collection[str], today: date, issuer: str, lanes: Collection[str] = ()
) -> Iterator[str]:
    """Every unit and kind of fee that no gateway takes, and every row that names what is not there.

    `lanes`: of gateways that write receipts themselves.
    """
    rows = rows_on(tables, today)
    if not known:
        return
    for row in rows:
        if row["gateway"] not in known:
            yield f"gateways.csv names {row['gateway']}, and there is no [partners.{row['gateway']}]"
        if row["receipts"] == "issuer" and not issuer:
            found = f"gateways.csv lets an issuer write receipts ({row['gateway']})"
            yield f"{found}, and payments.receipt_issuer names no partner"
        if row["receipts"] == "gateway" and row["gateway"] in known and row["gateway"] + OWN_LANE not in lanes:
            found = f"gateways.csv lets {row['gateway']} write receipts"
            yield f"{found}, and it has no message for them: say issuer or none there"
    for unit in units:
        missing = [kind for kind in KINDS if choose(rows, unit, None, (kind,), None, known) is None]
        if missing:
            yield f"gateways.csv has no gateway for {unit}: {', '.join(missing)}"
