"""The daily settlement of one installation: its layouts made of the settings, its books, and who may read what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from adapters.doors.console.settlement_view import SettlementRoom
from adapters.settlement.envelope import EnvelopeRefused, Opened, opened, text_of
from adapters.settlement.files import OneStopFile, PlatformFile
from adapters.settlement.layouts import EXPORT, LAYOUTS, LIST, PLATFORM, Layout
from adapters.settlement.rows import day_of
from bus.payments import Verdict
from bus.settlement import Book
from bus.settlement_book import Settlements
from bus.settlement_repairs import SettlementRepairs
from config.settings_file import SettingsRefused
from config.settlement_settings import OneStopExportSettings, SettlementFileSettings
from config.wiring import Installation

GATEWAYS: Final[Mapping[str, Layout]] = {"payment_platform": PLATFORM, "keypay": LIST, "vnpay": LIST}
"""Who has a file of a day, and what it looks like unless the settings say otherwise."""
ENDS: Final[Mapping[str, Any]] = {"crlf": "\r\n", "lf": "\n", "any": ""}


def settlements_of(installation: Installation) -> Settlements:
    """Its settlements."""
    policy, sources = installation.ledger.payments.policy, sorted(installation.settings.sources())
    takers = {source: partner for source in sources if (partner := policy.taker(source)) is not None}
    return Settlements(installation.ledger, takers=takers, crash_point=installation.ports.crash_point)


def settlement_repairs_of(installation: Installation) -> SettlementRepairs:
    """Their repairs."""
    return SettlementRepairs(
        installation.ledger,
        settlements_of(installation),
        installation.repairs,
        payments=installation.ledger.payments,
        crash_point=installation.ports.crash_point,
    )


def settlement_room(installation: Installation) -> SettlementRoom:
    """What the console's pages of it are given."""
    return SettlementRoom(
        settlements=settlements_of(installation),
        repairs=settlement_repairs_of(installation),
        four_eyes_above=installation.settings.payments.settlement.four_eyes_above,
    )


# -- whose files ----------------------------------------------------------------------------------------------------


def merchants_of(installation: Installation, partner: str) -> Mapping[str, frozenset[str]]:
    """The names that a gateway knows us by → the units that have it; the first name has all units that have none."""
    keys: Any = installation.settings.partner_table().get(partner)
    usual = getattr(keys, "merchant", "")
    found: dict[str, set[str]] = {usual: set()}
    for unit, merchant in getattr(keys, "merchants", {}).items():
        found.setdefault(merchant, set()).add(unit)
    return {merchant: frozenset(units) for merchant, units in found.items()}


def book_of(installation: Installation, partner: str, merchant: str | None) -> Book | None:
    """Whose file one of this name is; None where a gateway does not know us by it."""
    merchants = merchants_of(installation, partner)
    usual = next(iter(merchants))
    name = usual if merchant is None else merchant
    if name not in merchants:
        return None
    if name == usual:
        others = [units for other, units in merchants.items() if other != usual]
        return Book(partner=partner, merchant=name, units=frozenset().union(*others))
    return Book(partner=partner, merchant=name, units=merchants[name], is_rest=False)


# -- files ----------------------------------------------------------------------------------------------------------


def layout_of(installation: Installation, partner: str) -> Layout:
    """What a gateway's file looks like. Raises SettingsRefused."""
    keys = installation.settings.payments.settlement.files.get(partner)
    usual = GATEWAYS.get(partner, LIST)
    return usual if keys is None else _changed(keys, partner)


def _changed(keys: SettlementFileSettings, partner: str) -> Layout:
    base, said = LAYOUTS[keys.layout], {}
    for name in ("columns", "titles", "separator", "quote", "encoding", "date_form", "day_form", "hash", "kind"):
        said[name] = getattr(keys, name) or getattr(base, name)
    for name in ("currency", "name_form"):
        said[name] = getattr(keys, name) or getattr(base, name)
    if keys.codes:
        said["codes"] = {code: Verdict(verdict) for code, verdict in keys.codes.items()}
    if keys.line_end:
        said["line_end"] = ENDS[keys.line_end]
    try:
        return replace(base, **said, amount_factor=keys.amount_factor, total_of=keys.total_of)
    except (ValueError, LookupError) as trouble:
        raise SettingsRefused(f"payments.settlement.files.{partner}", str(trouble)) from None


def export_layout(keys: OneStopExportSettings) -> Layout:
    """What the one-stop system's file looks like. Raises SettingsRefused."""
    columns = tuple(name for name in EXPORT.columns if name != "source" or not keys.source)
    told = {"paid": Verdict.PAID, "unpaid": Verdict.PENDING}
    codes = {code: told[state] for code, state in keys.codes.items()} or EXPORT.codes
    try:
        return replace(
            EXPORT,
            columns=columns,
            titles=keys.titles,
            separator=keys.separator,
            encoding=keys.encoding,
            codes=codes,
        )
    except (ValueError, LookupError) as trouble:
        raise SettingsRefused("payments.settlement.one_stop", str(trouble)) from None


class NoDay(Exception):
    """Neither the command nor the file says which day it is about."""


def platform_file(
    installation: Installation, partner: str, path: Path, day: date | None
) -> tuple[PlatformFile, Book, date]:
    """A gateway's file, whose it is and of which day. Raises OSError, EnvelopeRefused, NoDay, SettingsRefused."""
    layout, found = layout_of(installation, partner), opened(path)
    said = told_by(found, layout)
    whose = book_of(installation, partner, said.get("merchant"))
    book = whose or book_of(installation, partner, None)
    assert book is not None  # every gateway has a first name
    of = day or day_of(said.get("day", ""), layout.day_form)
    if of is None:
        raise NoDay
    return PlatformFile(found, layout, day=of, merchant=book.merchant), book, of


def told_by(found: Opened, layout: Layout) -> dict[str, str]:
    """What a file says of itself before its first row: by its head, else by its envelope or its name."""
    said: dict[str, str] = {"day": found.day} if found.day else {}
    pattern = layout.pattern_of_name()
    named = None if pattern is None else pattern.fullmatch(found.name)
    said |= {} if named is None else named.groupdict()
    first = text_of(found).removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
    cells = first[0].decode(layout.encoding, "replace").split(layout.separator) if first and layout.head else []
    if len(cells) == len(layout.head) and cells:
        said |= dict(zip(layout.head, cells, strict=True))
    return said


def one_stop_file(installation: Installation, path: Path) -> OneStopFile:
    """The one-stop system's own file. Raises OSError, EnvelopeRefused, SettingsRefused."""
    keys = installation.settings.payments.settlement.one_stop
    return OneStopFile(opened(path), export_layout(keys), source=keys.source)


def file_in_folder(installation: Installation, partner: str, day: date) -> Path | None:
    """The newest file of a day in the gateway's folder; None where there is none."""
    keys = installation.settings.payments.settlement.files.get(partner)
    if keys is None or not keys.day_folder:
        return None
    layout = layout_of(installation, partner)
    told = [path for path in sorted(Path(keys.day_folder).iterdir()) if path.is_file() and _is_of(path, layout, day)]
    return told[-1] if told else None


def _is_of(path: Path, layout: Layout, day: date) -> bool:
    try:
        return day_of(told_by(opened(path), layout).get("day", ""), layout.day_form) == day
    except (OSError, EnvelopeRefused):
        return False  # whatever it is, it is no file of that day
