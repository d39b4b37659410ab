"""The drop-in façade of one installation: its accounts, the tables in force, and the door around them."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from datetime import timedelta

from adapters.channels.http import HttpChannel
from adapters.doors.acceptances import Acceptances, CountsEvents
from adapters.doors.body import BodyReader
from adapters.doors.facade import Facade, Manners
from adapters.doors.facade_accounts import Account, Accounts
from adapters.doors.facade_answers import Answers
from adapters.doors.facade_catalogue import Catalogue
from adapters.doors.facade_reading import STEP, SYNC, Reader
from adapters.doors.refusals import Desk
from adapters.partners.national_portal.settings import NationalPortalSettings
from adapters.partners.national_portal.speaking import Speaker
from adapters.partners.national_portal.tables import Tables
from bus.reads import Reads
from config.partner_tables import in_force
from config.settings import Settings
from config.settings_file import secret
from config.wiring import Installation, national_portal_settings, token_channel


def make_facade(
    installation: Installation,
    desk: Desk,
    metrics: CountsEvents,
    *,
    on_accepted: Callable[[], None],
    is_demo: bool = False,
) -> Facade:
    """The façade. Raises SettingsRefused when a password cannot be used."""
    settings, ports = installation.settings, installation.ports
    told, portal = settings.facade, settings.partners.national_portal
    assert portal is not None
    tables = FreshTables(installation.reads)
    accounts = Accounts(
        accounts_of(settings, is_demo=is_demo),
        secret=hmac.new(installation.ledger.master.index_key, b"facade", hashlib.sha256).digest(),
        life=timedelta(seconds=told.session_ttl_s),
        clock=ports.clock,
        randomness=ports.randomness,
    )
    # What the portal would refuse or never be sent is found at the door by the very rules of the adapter.
    shape = NationalPortalSettings(limit_unit=portal.limit_unit, fees_sent=portal.fees_sent)
    return Facade(
        accounts=accounts,
        manners=Manners(
            wait_s={SYNC: told.wait_record_s, STEP: told.wait_step_s},
            is_double=told.double_encoded,
            codes=told.codes,
        ),
        reader=Reader(tables, shape),
        answers=Answers(installation.reads),
        tables=tables,
        intake=installation.intake,
        acceptances=Acceptances(installation.ledger, metrics, on_accepted, clock=ports.clock),
        desk=desk,
        bodies=BodyReader(),
        clock=ports.clock,
        crash_point=ports.crash_point,
        catalogue=_catalogue(installation),
    )


def _catalogue(installation: Installation) -> Catalogue | None:
    """Asks the portal over a channel of the doors' own; None where the tables are to answer. Raises SettingsRefused."""
    told, portal = installation.settings.facade, installation.settings.partners.national_portal
    assert portal is not None
    if told.catalogue == "tables":
        return None
    settings, ports = national_portal_settings(portal), installation.ports
    channel = HttpChannel(settings.http, clock=ports.clock)
    speaker = Speaker(settings, channel, token_channel=token_channel(portal, settings.http, ports))
    if not speaker.calls.has_reads:
        return None
    return Catalogue(speaker.read, fresh_s=told.catalogue_fresh_s, kept_s=told.catalogue_kept_s, clock=ports.clock)


def accounts_of(settings: Settings, *, is_demo: bool = False) -> list[Account]:
    """The accounts with their secrets. Raises SettingsRefused."""
    return [
        Account(
            name=name,
            username=told.username,
            password=_text(told.password_file, f"facade.accounts.{name}.password_file", is_demo),
            source=told.source,
            madonvi=told.madonvi,
            key=_text(told.key_file, f"facade.accounts.{name}.key_file", is_demo) if told.key_file else "",
            rate=told.rate,
        )
        for name, told in settings.facade.accounts.items()
    ]


class FreshTables:
    """The tables in force; an import is in use at once."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._lock = threading.Lock()
        self._version = -1
        self._tables: Tables | None = None

    def __call__(self) -> Tables:
        with self._lock:
            version = self._reads.tables_version()
            if self._tables is None or version != self._version:
                self._tables, self._version = in_force(self._reads, "national_portal"), version
            return self._tables


def _text(path: str, key: str, is_demo: bool) -> str:
    return secret(path, key, is_demo=is_demo).reveal().decode()
