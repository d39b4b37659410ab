"""The portal's door of one installation: who may call, the tables in force, and where inline files are kept."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from starlette.routing import Router

from adapters.channels.addresses import networks_of
from adapters.doors.acceptances import Acceptances, CountsEvents
from adapters.doors.body import BodyReader
from adapters.doors.pace import Pace
from adapters.doors.portal_door import Manners, PortalDoor
from adapters.doors.portal_files import TYPES, FilesDoor, Links
from adapters.doors.refusals import Desk
from adapters.partners.national_portal.tables import Tables
from adapters.stores.folder import SealedFolder
from config.door_settings import PortalDoorSettings
from config.facade import FreshTables
from config.settings_file import SettingsRefused, secret
from config.wiring import Installation


def add_portal_door(
    router: Router,
    installation: Installation,
    desk: Desk,
    metrics: CountsEvents,
    *,
    on_accepted: Callable[[], None],
    is_demo: bool = False,
) -> None:
    """Its routes, and the one by which files are fetched. Raises SettingsRefused."""
    told, ports, ledger = installation.settings.portal_door, installation.ports, installation.ledger
    index_key = ledger.master.index_key
    store = SealedFolder(Path(told.files_folder), ledger.bodies, index_key, ports.clock, ports.randomness)
    store.sweep()
    links = Links(
        secret=hmac.new(index_key, b"portal files", hashlib.sha256).digest(),
        base=told.files_url,
        life=timedelta(days=told.files_days),
        types=TYPES,
    )
    tables = FreshTables(installation.reads)
    check_unit(told, tables())
    door = PortalDoor(
        manners=manners_of(told, is_demo=is_demo),
        pace=Pace(told.rate, time.monotonic),
        tables=tables,
        store=store,
        links=links,
        intake=installation.intake,
        reads=installation.reads,
        acceptances=Acceptances(ledger, metrics, on_accepted, clock=ports.clock),
        desk=desk,
        bodies=BodyReader(),
        crash_point=ports.crash_point,
    )
    door.add_to(router)
    FilesDoor(store, links, desk, ports.clock).add_to(router)


def check_unit(told: PortalDoorSettings, tables: Tables) -> None:
    """The one whose all filed dossiers are is known to the province. Raises SettingsRefused."""
    codes = {row.values["code_old_form"] for row in tables["organisations"].rows}
    if not (tables["units"].has(told.unit) or tables["organisations"].has(told.unit) or told.unit in codes):
        cure = "correct it, or give the table the row (`lienthong tables import`)"
        raise SettingsRefused("portal_door.unit", f"{told.unit} has no row in units.csv or organisations.csv; {cure}")


def manners_of(told: PortalDoorSettings, *, is_demo: bool = False) -> Manners:
    """What the settings say, with the key. Raises SettingsRefused."""
    try:
        networks = networks_of(told.networks)
    except ValueError as trouble:
        raise SettingsRefused("portal_door.networks", str(trouble)) from None
    where = "portal_door.key_file"
    return Manners(
        source=told.source,
        unit=told.unit,
        networks=networks,
        key_header=told.key_header,
        key=secret(told.key_file, where, is_demo=is_demo).reveal().decode() if told.key_file else "",
        max_file_bytes=told.max_file_bytes,
        codes=told.codes,
    )
