"""What `check` asks about payments: secrets, doors, the table of gateways, the accounts that fees are paid to."""

from __future__ import annotations

from bus.beneficiaries import beneficiary_for
from bus.calendar import VIETNAM
from bus.times import to_ms
from config.callbacks import asker_of, due_of, listen, proxies_of
from config.partner_gateways import gateways, maker_of
from config.partner_tables import PAYMENTS, in_force
from config.payment_settings import GatewaySettings
from config.payments import KINDS, holes
from config.wiring import Installation

MOST_TOLD = 20


def gateway(installation: Installation, name: str, partner: GatewaySettings) -> str:
    """Its secrets can be read and are nobody else's, and its door can be hung. Raises SettingsRefused."""
    maker_of(partner).read(installation, name, partner)
    listen(installation, name, partner)
    proxies_of(installation)
    return ""


def lookup(installation: Installation) -> str:
    """Who may ask what is due, and with which key. Raises SettingsRefused."""
    asker_of(installation.settings.payments.lookup)
    due_of(installation)
    return ""


def table(installation: Installation) -> str:
    """A unit and kind of fee that no gateway takes; a row that names what is not there. Raises TablesRefused."""
    today = installation.ports.clock.now().astimezone(VIETNAM).date()
    known, settings = frozenset(gateways(installation)), installation.settings
    issuer = settings.payments.receipt_issuer if settings.payments.receipt_issuer in settings.partner_table() else ""
    tables = in_force(installation.reads, PAYMENTS)
    return "; ".join(list(holes(tables, _units(installation), known, today, issuer))[:MOST_TOLD])


def accounts(installation: Installation) -> str:
    """Where nobody is named to be paid, a payment is held as soon as it is asked for.

    An installation that has no account at all has not begun: whoever asks it for a payment is told by a task.
    """
    at, tx = to_ms(installation.ports.clock.now()), installation.ledger.engine.read()
    units = _units(installation)
    missing = [unit for unit in units if any(beneficiary_for(tx, unit, None, (kind,), at) is None for kind in KINDS)]
    if not missing or missing == units:
        return ""
    told = ", ".join(missing[:MOST_TOLD]) + (" …" if len(missing) > MOST_TOLD else "")
    return f"no account is in force for fees of {told}: enter it at the console (two people), or payments are held"


def _units(installation: Installation) -> list[str]:
    today = installation.ports.clock.now().astimezone(VIETNAM).date()
    rows = in_force(installation.reads, "national_portal")["units"].rows
    return sorted({row.values["unit"] for row in rows if row.first <= today <= row.last})
