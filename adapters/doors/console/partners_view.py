"""Pure. A partner's page: how it is and why, what waits, how long its calls take, and which forms make sense now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adapters.doors.console.links import url_for
from adapters.doors.console.today_view import PartnerLook
from bus.calendar import VIETNAM
from bus.forecast import Forecast
from bus.incidents import Incident
from bus.messages import State
from bus.outages import Outage
from bus.partner_looks import Code, Drain, Minute

ACTS: Final = ("hold", "release", "open", "close")
GRAVE: Final = frozenset({"hold", "open"})
"""What stops the sending of all dossiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastLook:
    """When a backlog is gone, as people say it."""

    kind: str
    at: datetime | None
    clock: str
    """21:40; on another day 21:40 23/11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnersView:
    """The list."""

    partners: tuple[PartnerLook, ...]
    is_limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What was typed into a form that could not be done."""

    act: str
    reason: str
    wrong: str
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One thing that may be done now."""

    act: str
    action: str
    key: str
    is_grave: bool
    typed: Press | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many deliveries stand in a state."""

    state: str
    count: int
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """The page."""

    look: PartnerLook
    is_open: bool
    opened_at: datetime | None
    failures: int
    hold_reason: str
    drain: Drain
    standing: tuple[Standing, ...]
    calls: tuple[Minute, ...]
    codes: tuple[Code, ...]
    outages: tuple[Outage, ...]
    incidents: tuple[Incident, ...]
    forms: tuple[Form, ...]
    is_limited: bool

    @property
    def name(self) -> str:
        """The partner's."""
        return self.look.name

    @property
    def opened_by(self) -> str:
        """The person who opened the circuit; empty where the partner's own silence did."""
        last = self.outages[0] if self.outages else None
        is_theirs = last is not None and self.is_open and last.is_by_person
        return last.actor.removeprefix("person:") if last is not None and is_theirs else ""

    @property
    def rows(self) -> tuple[tuple[datetime, int, int], ...]:
        """For the chart, the oldest first."""
        return tuple((one.at, one.p50, one.p95) for one in reversed(self.calls))


def forecast_look(told: Forecast, now: datetime) -> ForecastLook:
    """An hour of today is said without its day."""
    at = None if told.at is None else told.at.astimezone(VIETNAM)
    today = now.astimezone(VIETNAM).date()
    clock = "" if at is None else f"{at:%H:%M}" if at.date() == today else f"{at:%H:%M %d/%m}"
    return ForecastLook(kind=told.kind, at=told.at, clock=clock)


def partner_view(
    row: Mapping[str, Any],
    look: PartnerLook,
    *,
    drain: Drain,
    calls: tuple[Minute, ...],
    codes: tuple[Code, ...],
    outages: tuple[Outage, ...],
    incidents: tuple[Incident, ...],
    keys: Mapping[str, str],
    typed: Press | None = None,
) -> PartnerView:
    """From what the ledger tells of it."""
    is_limited = look.waiting is None
    opened_at = row["opened_at"]
    return PartnerView(
        look=look,
        is_open=row["circuit"] == "open",
        opened_at=None if opened_at is None else datetime.fromisoformat(opened_at),
        failures=row["failures"],
        hold_reason=row["hold_reason"],
        drain=drain,
        standing=() if is_limited else _standing(row),
        calls=calls,
        codes=codes,
        outages=outages,
        incidents=incidents,
        forms=tuple(_forms(row, keys, typed)),
        is_limited=is_limited,
    )


def _standing(row: Mapping[str, Any]) -> tuple[Standing, ...]:
    """In the order in which a delivery passes through them."""
    name, counts = row["name"], row["deliveries"]
    return tuple(
        Standing(state=state.value, count=counts[state], address=url_for("log", partner=name, state=state.value))
        for state in State
        if counts.get(state)
    )


def _forms(row: Mapping[str, Any], keys: Mapping[str, str], typed: Press | None) -> Sequence[Form]:
    """Those that change something now, and the one that was just tried."""
    is_open = row["circuit"] == "open"
    useful = ("release" if row["is_held"] else "hold", "close" if is_open else "open")
    wanted = (*useful, typed.act) if typed is not None else useful
    return [
        Form(
            act=act,
            action=url_for(f"partner_{act}", name=row["name"]),
            key=keys[act],
            is_grave=act in GRAVE,
            typed=typed if typed is not None and typed.act == act else None,
        )
        for act in ACTS
        if act in wanted and act in keys
    ]
