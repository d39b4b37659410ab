"""What operators ask the console for: every list, filter, search and page of F10, with other numbers each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

from adapters.doors.console.links import PREFIX, is_page, url_for
from benchmarks.console_history import END, Sizes, identity_of, name_of, phone_of

Ask: TypeAlias = Callable[[Random, Sizes], str]
"""An address below `/console`."""


def number_of(dossier: int) -> str:
    """The number of a dossier by its place in the history, from 0."""
    return f"H99.{dossier % 20:02d}-{dossier // 10_000:06d}-{dossier % 10_000:04d}"


def _log(**wanted: str) -> Ask:
    return lambda chance, size: f"/log?{urlencode(wanted)}" if wanted else "/log"


def _page(name: str) -> Ask:
    return lambda chance, size: url_for(name).removeprefix(PREFIX)


def _hour(chance: Random, size: Sizes) -> str:
    since = END - timedelta(hours=chance.randrange(24, 24 * 55))
    return f"/log?{urlencode({'since': since.isoformat(), 'until': (since + timedelta(hours=1)).isoformat()})}"


def _hour_of_kind(chance: Random, size: Sizes) -> str:
    return f"{_hour(chance, size)}&kind=dossier.recorded&partner=national_portal&state=delivered"


def _some(chance: Random, size: Sizes) -> int:
    return chance.randrange(size.dossiers)


ASKED: Final[Mapping[str, Ask]] = {
    "today": lambda chance, size: "/",
    "log, newest": _log(),
    "log by partner": _log(partner="ministry_registry"),
    "log: delivered": _log(state="delivered"),
    "log: waiting": _log(state="waiting"),
    "log: being sent": _log(state="sending"),
    "log: refused": _log(state="refused"),
    "log: superseded": _log(state="superseded"),
    "log: needs a person": _log(state="needs"),
    "log: not over": _log(state="open"),
    "log by kind": _log(kind="dossier.recorded"),
    "log by cause": _log(cause="overtaken"),
    "log by cause, rare": _log(cause="no_reply"),
    "log by cause, none such": _log(cause="nothing_of_the_kind"),
    "log by source, rare": _log(source="one-stop/h99.02"),
    "log by unit": lambda chance, size: f"/log?unit=H99.{chance.randrange(20):02d}",
    "log by unit, rare": _log(unit="H99.99"),
    "log by unit, none such": _log(unit="H98"),
    "log by dossier": lambda chance, size: f"/log?dossier={number_of(_some(chance, size))}",
    "log of one hour": _hour,
    "log of one hour, kind, partner and state": _hour_of_kind,
    "log: refused, by partner and unit": lambda chance, size: (
        f"/log?state=refused&partner=national_portal&unit=H99.{chance.randrange(20):02d}"
    ),
    "log by kind, source and unit": _log(kind="dossier.progressed", source="one-stop/h99.02", unit="H99.07"),
    "log by everything": _log(
        partner="national_portal", state="refused", kind="dossier.progressed", cause="refused", source="one-stop/h99",
        unit="H99.05", since=(END - timedelta(days=30)).isoformat(), until=END.isoformat(),
    ),
    "search: number": lambda chance, size: f"/search?q={number_of(_some(chance, size))[:-1]}",
    "search: beginning of a number": lambda chance, size: f"/search?q=H99.{chance.randrange(20):02d}-0000",
    "search: identity number": lambda chance, size: f"/search?q={identity_of(1 + _some(chance, size))}",
    "search: telephone": lambda chance, size: f"/search?q={phone_of(1 + _some(chance, size))}",
    "search: a whole name": lambda chance, size: f"/search?q={quote(name_of(1 + _some(chance, size)))}",
    "search: the commonest family name": lambda chance, size: "/search?q=nguyen",
    "search: two that everybody has": lambda chance, size: "/search?q=nguyen+van",
    "search: nobody": lambda chance, size: "/search?q=nobody+of+this+name",
    "overdue": lambda chance, size: "/due?when=overdue",
    "due soon": lambda chance, size: "/due?when=soon",
    "dossier": lambda chance, size: f"/dossiers/{number_of(_some(chance, size))}",
    "delivery": lambda chance, size: f"/deliveries/{1 + chance.randrange(size.deliveries)}",
    **{name: _page(name) for name in ("partners", "mapping", "lateness", "refused", "audit", "runs") if is_page(name)},
}  # fmt: skip
LIMITED: Final[Mapping[str, Ask]] = {
    f"{name}, of one unit": ASKED[name]
    for name in (
        "today",
        "log, newest",
        "log: needs a person",
        "log by kind",
        "search: a whole name",
        "log of one hour",
        "overdue",
    )
}
"""The same by who may see one unit only."""
