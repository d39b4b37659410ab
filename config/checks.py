"""What `check` and `doctor` look at before anything is started: each question has one answer, well or a finding."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import ssl
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from adapters.channels.addresses import (
    AddressRefused,
    NameUnknown,
    PinnedHost,
    check_address,
    is_number,
    networks_of,
    origin_of,
)
from adapters.partners.national_portal.tables import TablesRefused
from bus.calendar import VIETNAM, CalendarRefused
from bus.engines.sqlite import MINIMUM_VERSION
from bus.errors import LedgerTrouble
from bus.ports import FileStorage
from bus.seal import MasterKey
from bus.times import from_ms
from bus.upkeep import pending
from config.caller_keys import every_key, read_key, shown
from config.column_maps import map_named
from config.follow_ups import unheard
from config.mappings import holes
from config.noticing import messengers
from config.office_calendar import calendar_of
from config.partner_addresses import addresses, check_forms
from config.partner_tables import WITH_TABLES, in_force
from config.payment_settings import GatewaySettings
from config.receipt_settings import ReceiptIssuerKeys
from config.settings import (
    CallerKeySettings,
    NationalPortalKeys,
    OneStopKeys,
    PartnerSettings,
    Settings,
)
from config.settings_file import SettingsRefused, secret
from config.signing_key import InstallationKey, retired_files, retired_keys
from config.signing_settings import SignerSettings
from config.wiring import (
    Installation,
    build,
    http_settings,
    load_routes,
    national_portal,
    national_portal_settings,
    real_ports,
)
from signing.asymmetric import PublicKey
from signing.http import Key

ROOM: Final = 1024 * 1024 * 1024
"""Bytes free on the ledger's disk that a day's work should have."""
CERTIFICATE_DAYS: Final = 30
CALENDAR_LEFT: Final = timedelta(days=60)
EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one question came to."""

    what: str
    """A stable name: `settings`, `ledger`, `tables.national_portal`, `callers.one-stop` …"""
    detail: str = ""
    """What is wrong and what to do; empty when all is well."""

    @property
    def is_well(self) -> bool:
        return not self.detail


def offline(settings: Settings) -> list[Answer]:
    """Settings, keys, routes, ledger, tables and mappings; nothing is sent anywhere."""
    answers = [*_keys(settings), *_callers(settings), *_partners(settings), _asked("ledger", lambda: _ledger(settings))]
    answers += _facade(settings)
    answers += _soap(settings)
    answers += _portal_door(settings)
    answers += _maps(settings)
    if all(answer.is_well for answer in answers if answer.what in ("ledger", "ledger.master_key_file")):
        try:
            installation = build(settings)
        except SettingsRefused:
            return answers  # one of them says it: routes, or who takes what follows
        try:
            answers += _mappings(installation)
            answers += _payments(installation)
            answers += _signatures(installation)
            answers.append(_asked("tables.calendar", lambda: _calendar(installation)))
            if settings.notices.channels:
                answers.append(_asked("notices", lambda: _void(messengers(installation))))
            if settings.console.enabled and settings.console.oidc is not None:
                answers.append(_asked("console.oidc", lambda: _provider(installation)))
            if settings.portal_door.enabled:
                answers.append(_asked("portal_door.unit", lambda: _unit(installation)))
            if all(answer.is_well for answer in answers if answer.what.startswith("ledger.")):
                answers.append(_asked("ledger.receipts", lambda: _lost_keys(installation)))
        finally:
            installation.close()
    return answers


def _asked(what: str, ask: Callable[[], str]) -> Answer:
    """A question whose trouble is an answer too."""
    try:
        return Answer(what=what, detail=ask())
    except SettingsRefused as refused:
        return Answer(what=what, detail=refused.cure if refused.key == what else str(refused))
    except (LedgerTrouble, TablesRefused, OSError) as trouble:
        return Answer(what=what, detail=str(trouble))


def _keys(settings: Settings) -> Iterator[Answer]:
    ledger = settings.ledger
    yield _asked("ledger.master_key_file", lambda: _void(MasterKey.from_file(ledger.master_key_file)))
    yield _asked("ledger.signing_key_file", lambda: _void(InstallationKey.from_file(ledger.signing_key_file)))
    yield _asked("ledger.retired_signing_key_files", lambda: _void(retired_keys(ledger)))


def _callers(settings: Settings) -> Iterator[Answer]:
    if not settings.callers:
        yield Answer(what="callers", detail="nobody may hand events in; add a table [callers.NAME]")
    for name, caller in settings.callers.items():
        for where, told in every_key(name, caller):
            yield _asked(where, lambda told=told, where=where: _ending(read_key(told, where)))  # type: ignore[misc]


def _maps(settings: Settings) -> Iterator[Answer]:
    for name in settings.files:
        yield _asked(f"files.{name}", lambda name=name: _void(map_named(settings, name)))  # type: ignore[misc]


def _ending(key: Key) -> str:
    """That a certificate ends soon, or is not of these days."""
    ends = key.not_after if isinstance(key, PublicKey) else None
    if not isinstance(key, PublicKey) or key.is_valid(datetime.now(UTC) + timedelta(days=CERTIFICATE_DAYS)):
        return ""
    return f"its certificate ends on {ends:%Y-%m-%d}; put the next one beside it, under `also`"


def _facade(settings: Settings) -> Iterator[Answer]:
    if settings.facade.enabled:
        from config.facade import accounts_of  # with the doors, which nothing else here needs

        yield _asked("facade.accounts", lambda: _void(accounts_of(settings)))


def _portal_door(settings: Settings) -> Iterator[Answer]:
    if settings.portal_door.enabled:
        from config.portal_door import manners_of  # with the door, which nothing else here needs

        yield _asked("portal_door", lambda: _void(manners_of(settings.portal_door)))


def _unit(installation: Installation) -> str:
    from config.portal_door import check_unit

    check_unit(installation.settings.portal_door, in_force(installation.reads, "national_portal"))
    return ""


def _soap(settings: Settings) -> Iterator[Answer]:
    if settings.soap is not None:
        from config.soap import identity_of  # with the door, which nothing else here needs
        from config.soap_callers import known_callers

        told = settings.soap
        yield _asked("soap.identity_file", lambda: _void(identity_of(told)))
        yield _asked("soap", lambda: _void(known_callers(settings)))


def _partners(settings: Settings) -> Iterator[Answer]:
    named = settings.partner_table()
    yield _asked("routes", lambda: _unserved(load_routes(settings).partners, frozenset(named)))
    yield _asked("follow_ups", lambda: unheard(settings))
    for name, partner in named.items():
        yield _asked(f"partners.{name}", lambda partner=partner, name=name: _partner(name, partner))  # type: ignore[misc]


def _unserved(routed: frozenset[str], named: frozenset[str]) -> str:
    missing = sorted(routed - named)
    return f"events go to {', '.join(missing)}, which has no table [partners.…]" if missing else ""


def _partner(name: str, partner: PartnerSettings) -> str:
    http_settings(partner, f"partners.{name}")
    check_forms(name, partner)
    for member, url in addresses(partner).items():
        if found := _refused(url, partner):
            return f"partners.{name}.{member}: {found}"
    if isinstance(partner, OneStopKeys):
        return _one_stop(name, partner)
    if isinstance(partner, GatewaySettings | SignerSettings):
        return ""  # its secrets are asked for with the ledger open, beside the tables that name it
    if isinstance(partner, ReceiptIssuerKeys):
        from config.partner_receipts import read

        return _void(read(name, partner))
    assert isinstance(partner, NationalPortalKeys)
    return _void(national_portal_settings(partner))


def _one_stop(name: str, partner: OneStopKeys) -> str:
    from config.partner_one_stop import identity, read  # keys and certificates, which nothing else here needs

    read(name, partner, real_ports())
    if partner.protocol == "rest":
        return ""
    ends = identity(name, partner).not_after
    is_near = ends - datetime.now(UTC) < timedelta(days=CERTIFICATE_DAYS)
    return (
        f"our certificate ends on {ends:%Y-%m-%d}; `lienthong keys generate identity` makes its successor"
        if is_near
        else ""
    )


def _refused(url: str, partner: PartnerSettings) -> str:
    """Why no call would go there, as far as can be seen without looking up a name."""
    if url.lower().startswith("http://") and not partner.allow_http:
        return "is not https; set allow_http = true only if the network itself is the protection"
    try:
        host = origin_of(url).host
        if is_number(host):
            check_address(host, networks_of(partner.private_networks))
    except AddressRefused as refused:
        return str(refused)
    return ""


def _ledger(settings: Settings) -> str:
    path = settings.ledger.path
    if not path.exists():
        return f"there is no ledger at {path}; run `lienthong migrate`"
    wanted = pending(path, FileStorage())
    return f"its schema is {len(wanted)} migrations behind; run `lienthong migrate`" if wanted else ""


def _payments(installation: Installation) -> Iterator[Answer]:
    from config import payment_checks  # with gateways and their door, which nothing else here needs
    from config.partner_gateways import gateways

    known = gateways(installation)
    for name, each in known.items():
        what = f"callbacks.{name}"
        yield _asked(what, lambda name=name, each=each: payment_checks.gateway(installation, name, each))  # type: ignore[misc]
    if known:
        yield _asked("tables.payments", lambda: payment_checks.table(installation))
        yield _asked("payments.accounts", lambda: payment_checks.accounts(installation))
        yield _asked("payments.told", lambda: payment_checks.told(installation))
    if installation.settings.payments.lookup.enabled:
        yield _asked("payments.lookup", lambda: payment_checks.lookup(installation))


def _signatures(installation: Installation) -> Iterator[Answer]:
    from config import signing_checks  # with the services and their doors, which nothing else here needs
    from config.partner_signers import signers

    known = signers(installation)
    for name, each in known.items():
        what = f"signing.{name}"
        yield _asked(what, lambda name=name, each=each: signing_checks.signer(installation, name, each))  # type: ignore[misc]
    if known:
        yield _asked("signing.roots_file", lambda: signing_checks.trust(installation))
        yield _asked("tables.signing", lambda: signing_checks.table(installation))
        yield _asked("signing.told", lambda: signing_checks.told(installation))
        yield _asked("documents.pictures_folder", lambda: signing_checks.pictures(installation))
        yield _asked("documents.hosts", lambda: signing_checks.documents(installation))


def _lost_keys(installation: Installation) -> str:
    ledger = installation.settings.ledger
    kept = {InstallationKey.from_file(ledger.signing_key_file), *retired_keys(ledger)}
    lost = set(installation.reads.receipt_keys()) - {key.key_id for key in kept}
    if not lost:
        return ""
    return f"receipts were signed with {', '.join(sorted(lost))}: name its file in ledger.retired_signing_key_files"


def _mappings(installation: Installation) -> Iterator[Answer]:
    for partner in WITH_TABLES:
        what = f"tables.{partner}"
        try:
            tables = in_force(installation.reads, partner)
        except TablesRefused as refused:
            yield Answer(what=what, detail=str(refused.mistakes[0]))
            continue
        found = list(holes(tables, installation.reads.open_dossiers()))
        yield Answer(what=what, detail="; ".join(found[:20]))


def _calendar(installation: Installation) -> str:
    """Past its end no due date can be told: the Government announces a year's days late in the year before."""
    try:
        calendar = calendar_of(installation.reads, installation.settings)
    except CalendarRefused as refused:
        return str(refused)
    today = installation.ports.clock.now().astimezone(VIETNAM).date()
    if calendar.ends_on is None or calendar.ends_on - today <= CALENDAR_LEFT:
        how = "put the next year's days into holidays.csv; `lienthong tables import holidays.csv --partner calendar`"
        return f"it ends on {calendar.ends_on}: {how}"
    return ""


def _provider(installation: Installation) -> str:
    # Loaded only where there is one: it brings the console along.
    from config.signing_on import sso_of

    return _void(sso_of(installation.settings.console, installation.ports))


def _void(value: object) -> str:
    return ""


# -- the keys, one by one ----------------------------------------------------------------------------------------------


def keys_of(settings: Settings) -> list[dict[str, Any]]:
    """Every key and secret by its setting: its file, its public name where it has one, and what is wrong with it."""
    ledger = settings.ledger
    rows = [
        _key("ledger.master_key_file", ledger.master_key_file, lambda path: MasterKey.from_file(path).id),
        _key("ledger.signing_key_file", ledger.signing_key_file, lambda path: InstallationKey.from_file(path).key_id),
    ]
    rows += [
        _key("ledger.retired_signing_key_files", each, lambda path: InstallationKey.from_file(path).key_id)
        for each in retired_files(ledger)
    ]
    rows += [
        _caller_key(where, told) for name, caller in settings.callers.items() for where, told in every_key(name, caller)
    ]
    for where, told in _tables_with_files(settings):
        for member in told.__struct_fields__:
            path = getattr(told, member)
            if member.endswith("_file") and path:
                name = f"{where}.{member}"
                rows.append(_public(name, path) if member in PUBLIC else _key(name, path, lambda path: ""))
    return rows


def _tables_with_files(settings: Settings) -> Iterator[tuple[str, Struct]]:
    if settings.soap is not None:
        yield "soap", settings.soap
    if settings.facade.enabled:
        yield from ((f"facade.accounts.{name}", told) for name, told in settings.facade.accounts.items())
    if settings.portal_door.enabled:
        yield "portal_door", settings.portal_door
    if settings.console.oidc is not None:
        yield "console.oidc", settings.console.oidc
    yield "signing", settings.signing
    ways = {"email": settings.notices.email, "webhook": settings.notices.webhook}
    yield from ((f"notices.{name}", way) for name, way in ways.items() if way is not None)
    yield from ((f"partners.{name}", told) for name, told in settings.partner_table().items())


PUBLIC: Final = frozenset(
    {
        "ca_file",
        "trust_roots_file",
        "certificate_file",
        "signing_certificate_file",
        "their_public_key_file",
        "roots_file",
        "official_roots_file",
        "agency_roots_file",
        "citizen_roots_file",
        "stamp_roots_file",
    }
)
"""Files that anybody may read."""


def _public(name: str, path: str) -> dict[str, Any]:
    trouble = "" if Path(path).is_file() else "there is no such file"
    return {"name": name, "file": path, "key_id": None, "trouble": trouble}


def _key(name: str, path: str, read: Callable[[str], str]) -> dict[str, Any]:
    try:
        return {"name": name, "file": path, "key_id": read(path), "trouble": _mode(Path(path))}
    except (SettingsRefused, LedgerTrouble, OSError) as trouble:
        return {"name": name, "file": path, "key_id": None, "trouble": str(trouble)}


def _caller_key(where: str, told: CallerKeySettings) -> dict[str, Any]:
    """A secret is for its owner's eyes; a public key may be read by all."""
    if told.secret_file:
        return _key(where, told.secret_file, lambda path: str(secret(path, where, is_demo=True)))
    try:
        key = read_key(told, where, is_demo=True)
        return {"name": where, "file": told.file, "key_id": shown(key), "trouble": _ending(key)}
    except SettingsRefused as trouble:
        return {"name": where, "file": told.file, "key_id": None, "trouble": str(trouble)}


def _mode(path: Path) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"mode {mode:04o}, others may read it" if mode & 0o077 else ""


# -- online ------------------------------------------------------------------------------------------------------------


def online(settings: Settings) -> Iterator[Answer]:
    """Names, TLS and logins of every partner. Sends no dossier.

    A one-stop system has no login, and every message that it would verify is one that it would keep: that both sides
    know each other's keys is seen from the first message, and from nothing before.
    """
    installation = build(settings)
    try:
        for name, partner in settings.partner_table().items():
            for url in addresses(partner).values():
                yield _asked(f"dns.{name}", lambda url=url, partner=partner: _void(_address(url, partner)))  # type: ignore[misc]
                if url.startswith("https://"):
                    yield _asked(f"tls.{name}", lambda url=url, partner=partner: _shakes_hands(url, partner))  # type: ignore[misc]
            if not isinstance(partner, NationalPortalKeys):
                continue
            if partner.variant == "adapter":
                yield _asked(f"login.{name}", lambda partner=partner: _logs_in(installation, partner))  # type: ignore[misc]
            if partner.variant == "xroad":  # there is no login: it asks about a dossier that nobody has
                yield _asked(f"lookup.{name}", lambda partner=partner: _logs_in(installation, partner))  # type: ignore[misc]
    finally:
        installation.close()


def _address(url: str, partner: PartnerSettings) -> str:
    """Where a call to it goes. Raises OSError."""
    patience, networks = timedelta(seconds=partner.connect_timeout_s), networks_of(partner.private_networks)
    try:
        return PinnedHost(origin_of(url), networks, patience=patience).address()
    except (AddressRefused, NameUnknown) as trouble:
        raise OSError(str(trouble)) from None


def _shakes_hands(url: str, partner: PartnerSettings) -> str:
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=partner.ca_file or None)
    if partner.identity_file:
        context.load_cert_chain(partner.identity_file)
    address = (_address(url, partner), parts.port or 443)
    with (
        socket.create_connection(address, partner.connect_timeout_s) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as shaken,
    ):
        shown = shaken.getpeercert() or {}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    left = ends - datetime.now(UTC)
    return f"its certificate ends on {ends:%Y-%m-%d}" if left < timedelta(days=CERTIFICATE_DAYS) else ""


def _logs_in(installation: Installation, partner: NationalPortalKeys) -> str:
    login = national_portal(installation, partner).login_check()
    return "" if login.is_well else login.reason


# -- the machine -------------------------------------------------------------------------------------------------------


def environment(settings: Settings, now: datetime) -> Iterator[Answer]:
    """Python, SQLite, disk, clock and file modes."""
    is_new = sys.version_info >= (3, 11)
    yield Answer(what="python", detail="" if is_new else f"Python {sys.version.split()[0]}; 3.11 or later is needed")
    is_enough = sqlite3.sqlite_version_info >= MINIMUM_VERSION
    yield Answer(what="sqlite", detail="" if is_enough else f"SQLite {sqlite3.sqlite_version} is too old")
    yield _asked("disk", lambda: _room(settings))
    yield _asked("clock", lambda: _clock(settings, now))
    yield from (Answer(what=f"mode.{row['name']}", detail=row["trouble"]) for row in keys_of(settings))


def _room(settings: Settings) -> str:
    free = shutil.disk_usage(settings.ledger.path.absolute().parent).free
    return "" if free >= ROOM else f"{free // 1_000_000} MB free where the ledger is; a day's work wants 1 GB"


def _clock(settings: Settings, now: datetime) -> str:
    if now < EARLIEST:
        return f"it says {now:%Y-%m-%d %H:%M}; set it (a signature's time must be right within 300 s)"
    if not settings.ledger.path.exists():
        return ""
    installation = build(settings)
    try:
        row = installation.ledger.engine.read().one("last_accepted")
    finally:
        installation.close()
    last = from_ms(row[0]) if row and row[0] else None
    if last and last > now + timedelta(minutes=1):
        return f"it says {now:%Y-%m-%d %H:%M}, but an event was accepted at {last:%Y-%m-%d %H:%M}"
    return ""
