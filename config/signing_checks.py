"""What `check` asks about signatures: secrets, doors, whom documents are believed of, the table of who signs where."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bus.calendar import VIETNAM
from config.callbacks import listen_to_signer
from config.partner_signers import check_roots, maker_of
from config.partner_tables import SIGNING, in_force
from config.payments import taker_of
from config.settings_file import SettingsRefused
from config.signing import holes, known_services, rows_on
from config.signing_settings import SignerSettings, SigningSettings
from config.signing_trust import is_anybody_believed, trust_of
from config.wiring import Installation

MOST_TOLD: Final = 20


def signer(installation: Installation, name: str, partner: SignerSettings) -> str:
    """Its secrets can be read and are nobody else's, its door can be hung, its roots are not the mocks'. Raises
    SettingsRefused."""
    maker = maker_of(partner)
    maker.read(name, partner)
    if maker.hooks is not None:
        listen_to_signer(name, partner)
    check_roots(installation.settings.signing, name, partner)
    return ""


def trust(installation: Installation) -> str:
    """Whom documents are believed of. Raises SettingsRefused."""
    told = installation.settings.signing
    if not is_anybody_believed(told):
        return (
            "no authority is named: no document would ever be good; put the authorities' certificates into roots_file"
        )
    found = trust_of(told)
    missing = sorted({"official", "agency", "citizen"} - set(found.roots))
    if missing:
        return f"no root for {', '.join(missing)}: a file has only authorities that others vouch for"
    if told.tsa_urls and not found.stamp_roots:
        return "tsa_urls names time-stamp authorities, and stamp_roots_file nobody who may vouch for them"
    if told.revocation_hosts or told.crl_urls:
        return ""
    return "no revocation_hosts: nobody is asked whether a certificate still holds, and documents stay indeterminate"


def table(installation: Installation) -> str:
    """A unit and role that no service signs for; a level that nothing reaches. Raises TablesRefused."""
    settings = installation.settings
    today = installation.ports.clock.now().astimezone(VIETNAM).date()
    rows = in_force(installation.reads, "national_portal")["units"].rows
    units = sorted({row.values["unit"] for row in rows if row.first <= today <= row.last})
    told = settings.signing
    tables, stamps = in_force(installation.reads, SIGNING), bool(told.tsa_urls or told.tsa_partner)
    found = [*holes(tables, units, known_services(settings), today, stamps=stamps)]
    found += _shared(told, {row["role"] for row in rows_on(tables, today)})
    return "; ".join(found[:MOST_TOLD])


def _shared(told: SigningSettings, roles: set[str]) -> list[str]:
    """Whoever vouches for citizens vouches for officials, without anybody having said so."""
    offices = {"official": told.official_roots_file, "agency": told.agency_roots_file}
    if told.citizen_roots_file or "citizen" not in roles or not told.roots_file:
        return []
    alike = ", ".join(f"{role}_roots_file" for role, file in offices.items() if role in roles and not file)
    words = f"signing.roots_file vouches for citizens and offices alike: name {alike}, or citizen_roots_file"
    return [words] if alike else []


def told(installation: Installation) -> str:
    """Nobody hears what became of signatures, or where a signed document can be fetched."""
    settings = installation.settings
    taker = taker_of(settings.partner_table())
    sources = sorted({source for caller in settings.callers.values() for source in caller.sources})
    if sources and all(taker(source) is None for source in sources):
        return "nobody is told of signatures: name their sources under takes_outcomes_of of a one-stop partner"
    if settings.documents.public_url:
        return ""
    return "documents.public_url is empty: who is told of a signed document is told no address of it"


def pictures(installation: Installation) -> str:
    """Visible signatures without their images would be made without them, and nobody would know why."""
    folder = installation.settings.documents.pictures_folder
    if folder and not Path(folder).is_dir():
        raise SettingsRefused("documents.pictures_folder", f"{folder} is no folder; put the images there")
    return ""


def documents(installation: Installation) -> str:
    """Where documents come from. Raises SettingsRefused."""
    from config.documents import fetcher_of

    told = installation.settings.documents
    fetcher_of(installation)
    if not told.hosts:
        return "documents.hosts is empty: no document is ever fetched; name the hosts of the one-stop system's files"
    return ""
