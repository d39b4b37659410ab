"""What pages are given: the rooms behind the console, put together in `config/console.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.doors.console.export_progress import Exporting
from adapters.doors.console.passwords import Passwords
from adapters.doors.console.words import Words
from bus.audit import Audit
from bus.beneficiaries import Beneficiaries
from bus.calendar import Calendar
from bus.close_reads import CloseReads
from bus.corrections import Corrections
from bus.dues import Dues
from bus.errors import NotAllowedNow
from bus.first_run import FirstRun
from bus.incidents import Incidents
from bus.late_book import LateBook
from bus.ledger import Ledger
from bus.looks import Looks
from bus.outages import Circuits
from bus.pace import Pace
from bus.partner_looks import PartnerLooks
from bus.payment_close import PaymentClose
from bus.payment_looks import PaymentLooks
from bus.payment_tasks import PaymentTasks
from bus.people import People
from bus.ports import Clock, Randomness
from bus.presses import Presses
from bus.reads import Reads
from bus.refunds import Refunds
from bus.repairs import Repairs
from bus.runs import Runs
from bus.selections import Selections
from bus.signature_close import SignatureClose
from bus.signature_looks import SignatureLooks
from bus.unmapped import Unmapped

if TYPE_CHECKING:
    from adapters.documents.desk_offer import DeskOpening
    from adapters.doors.console.charts import Charts
    from adapters.doors.console.keys_view import KeyFact
    from adapters.doors.console.live import Feed
    from adapters.doors.console.mapping_view import TablesDesk
    from adapters.doors.console.reach import Names
    from adapters.doors.console.sealing import Sealing
    from adapters.doors.console.settlement_view import SettlementRoom
    from adapters.doors.console.sso import Sso


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleFacts:
    """What of the settings a page may know."""

    installation: str = ""
    """What the pages' head calls this installation."""
    support: str = ""
    """Whom to call when nothing helps."""
    four_eyes_above: int = 20
    """A repair of more deliveries than this needs a second person."""
    query_limit: timedelta = timedelta(seconds=5)
    """After so long a read is given up."""
    public_url: str = ""
    is_demo: bool = False
    version: str = ""
    sso: str = ""
    """What the sign-in page calls the provider; empty: there is none."""


def unnoticed() -> None:
    """Where nobody counts."""


def nothing_kept(document: int) -> bytes | None:
    """Where there is no store."""
    return None


def no_desk() -> DeskOpening:
    """Where nobody signs at a desk."""
    raise NotAllowedNow("nobody signs at a desk here", code="not_at_desk")


def uncounted(result: str) -> None:
    """Where there are no metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Everything that a page may ask. Each owner of a room adds it here."""

    ledger: Ledger
    reads: Reads
    close: CloseReads
    exporting: Exporting
    looks: Looks
    dues: Dues
    pace: Pace
    charts: Charts
    feed: Feed
    repairs: Repairs
    circuits: Circuits
    partner_looks: PartnerLooks
    incidents: Incidents
    late: Mapping[str, LateBook]
    keys: Callable[[], Sequence[KeyFact]]
    calendar: Callable[[], Calendar | None]
    presses: Presses
    selections: Selections
    runs: Runs
    corrections: Corrections
    unmapped: Unmapped
    tables: TablesDesk
    payment_looks: PaymentLooks
    payment_close: PaymentClose
    payment_tasks: PaymentTasks
    refunds: Refunds
    beneficiaries: Beneficiaries
    settlement: SettlementRoom
    signature_looks: SignatureLooks
    signature_close: SignatureClose
    signed_content: Callable[[int], bytes | None] = nothing_kept
    """A document of the store, by its number in the ledger; None where it is not there any more."""
    open_desk: Callable[[], DeskOpening] = no_desk
    """Who hands a document out to an official's own token."""
    signers: Sequence[str] = ()
    """Services that are asked for signatures here."""
    gateways: Sequence[str] = ()
    """Partners that take payments here."""
    refund_approval_above: int = 0
    """Đồng: a refund of more needs a second person."""
    names: Names
    people: People
    audit: Audit
    passwords: Passwords
    first_run: FirstRun
    sso: Sso | None = None
    count_sign_in: Callable[[str], None] = uncounted
    count_csp_report: Callable[[], None] = unnoticed
    """Told what came of each try to sign in: opened, denied, waiting or refused."""
    partners: Sequence[str]
    clock: Clock
    randomness: Randomness
    words: Words
    sealing: Sealing
    facts: ConsoleFacts
