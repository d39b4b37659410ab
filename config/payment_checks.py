"""What `check` asks about payments: secrets, doors, the table of gateways, the accounts that fees are paid to."""

from __future__ import annotations

from bus.beneficiaries import beneficiary_for
from bus.calendar import VIETNAM
from bus.times import to_ms
from config.callbacks import asker_of, due_of, listen, proxies_of
from config.partner_gateways import gateways, maker_of, secrets_of
from config.partner_tables import PAYMENTS, in_force
from config.payment_settings import GatewaySettings
from config.payments import KINDS, holes, rows_on, taker_of
from config.settings_file import MOCK_MARK
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
    partners = settings.partner_table()
    issuer = settings.payments.receipt_issuer if settings.payments.receipt_issuer in partners else ""
    tables = in_force(installation.reads, PAYMENTS)
    return "; ".join(list(holes(tables, _units(installation), known, today, issuer, partners))[:MOST_TOLD])


def accounts(installation: Installation) -> str:
    """Where nobody is named to be paid, a payment is held as soon as it is asked for.

    The mocks pay nobody: an installation that speaks to them alone begins without an account.
    """
    at, tx = to_ms(installation.ports.clock.now()), installation.ledger.engine.read()
    units = _units(installation)
    missing = [unit for unit in units if any(beneficiary_for(tx, unit, None, (kind,), at) is None for kind in KINDS)]
    if not missing or (missing == units and not _takes_fees(installation)):
        return ""
    told = ", ".join(missing[:MOST_TOLD]) + (" …" if len(missing) > MOST_TOLD else "")
    return f"no account is in force for fees of {told}: enter it at the console (two people), or payments are held"


def _takes_fees(installation: Installation) -> bool:
    """Whether a row in force names a gateway that is no mock. Raises SettingsRefused."""
    today = installation.ports.clock.now().astimezone(VIETNAM).date()
    rows = rows_on(in_force(installation.reads, PAYMENTS), today)
    real = {
        name
        for name, each in gateways(installation).items()
        if not secrets_of(name, each)[0].value.startswith(MOCK_MARK.encode())
    }
    return any(row["gateway"] in real for row in rows)


def told(installation: Installation) -> str:
    """A source whose one-stop system hears nothing of its payments: no citizen would be shown where to pay.

    A source that never asked for one is let be, once another's are told.
    """
    settings, tx = installation.settings, installation.ledger.engine.read()
    taker = taker_of(settings.partner_table())
    sources = sorted({source for caller in settings.callers.values() for source in caller.sources})
    deaf = [source for source in sources if taker(source) is None]
    if len(deaf) < len(sources):
        deaf = [source for source in deaf if tx.one("asked_for_payments", source) is not None]
    if not deaf:
        return ""
    named = ", ".join(deaf[:MOST_TOLD])
    return f"nobody is told of payments of {named}: name it under takes_outcomes_of of its one-stop partner"


def _units(installation: Installation) -> list[str]:
    today = installation.ports.clock.now().astimezone(VIETNAM).date()
    rows = in_force(installation.reads, "national_portal")["units"].rows
    return sorted({row.values["unit"] for row in rows if row.first <= today <= row.last})
