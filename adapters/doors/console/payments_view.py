"""Pure. The filters of the payments' list from an address and back into one, and its rows as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Final

from adapters.doors.console.links import url_for
from bus.looks import Many
from bus.payment_looks import LONGEST_SEARCH, Found, Line, Sums, Wanted
from bus.payments import PaymentState

ZONE: Final = timezone(timedelta(hours=7))
OPEN: Final = tuple(state for state in PaymentState if state.is_open or state is PaymentState.NOT_OPENED)
GROUPS: Final[Mapping[str, tuple[PaymentState, ...]]] = {
    "open": OPEN,
    "taken": tuple(state for state in PaymentState if state.is_paid),
    "over": (PaymentState.FAILED, PaymentState.EXPIRED),
}
"""Words for several states: waiting for money, money that came in, given up."""
STATES: Final = tuple(str(state) for state in PaymentState)
FIELDS: Final = ("state", "review", "gateway", "unit", "q", "since", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the address, as it was typed, and what was made of it."""

    values: Mapping[str, str]
    wanted: Wanted
    troubles: tuple[tuple[str, Mapping[str, str]], ...] = ()

    @property
    def is_all(self) -> bool:
        """Whether nothing is filtered."""
        return self.wanted == Wanted()


def typed(query: Mapping[str, str]) -> Typed:
    """The filter that an address asks for. What cannot be read is left out, and said."""
    values = {name: query.get(name, "").strip() for name in FIELDS}
    troubles: list[tuple[str, Mapping[str, str]]] = []
    for name, value in values.items():
        if len(value) > LONGEST_SEARCH:
            troubles.append(("payments.too_long", {"most": str(LONGEST_SEARCH)}))
            values[name] = ""
    states = _states(values, troubles)
    since, until = (_day(values, name, troubles) for name in ("since", "until"))
    wanted = Wanted(
        states=states,
        gateway=values["gateway"] or None,
        unit=values["unit"] or None,
        since=since,
        until=None if until is None else until + timedelta(days=1),
        is_in_review=values["review"] == "1",
        text=values["q"],
    )
    return Typed(
        values={name: value for name, value in values.items() if value}, wanted=wanted, troubles=tuple(troubles)
    )


def _states(values: dict[str, str], troubles: list[tuple[str, Mapping[str, str]]]) -> tuple[PaymentState, ...]:
    text = values["state"]
    if text.startswith("group-") and text.removeprefix("group-") in GROUPS:
        return GROUPS[text.removeprefix("group-")]
    if not text or text in STATES:
        return (PaymentState(text),) if text else ()
    troubles.append(("payments.no_state", {"text": text}))
    values["state"] = ""
    return ()


def _day(values: dict[str, str], name: str, troubles: list[tuple[str, Mapping[str, str]]]) -> datetime | None:
    """A day in this country's time: its beginning."""
    text = values[name]
    if not text:
        return None
    try:
        day = datetime.combine(datetime.fromisoformat(text).date(), time(), ZONE)
        if not 1971 <= day.year <= 9000:
            raise ValueError(text)
    except ValueError:
        troubles.append(("payments.no_day", {"text": text}))
        values[name] = ""
        return None
    return day


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line as it is shown."""

    line: Line
    address: str
    dossier_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the filters offer."""

    gateways: Sequence[str]
    units: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What of payments waits for a person."""

    tasks: Many
    requested: int
    """Refunds that wait for another person's yes."""
    unclear: int
    """Refunds of which nobody knows whether they happened."""
    accounts: int = 0
    """Proposed accounts of agencies."""

    @property
    def is_any(self) -> bool:
        return bool(self.tasks.n or self.requested or self.unclear or self.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsView:
    """The page."""

    rows: tuple[Row, ...]
    first: tuple[Row, ...]
    """Of the first page without a filter: those that somebody has to decide about, whatever their age."""
    sums: Sums
    waiting: Waiting
    typed: Typed
    choices: Choices
    older: str | None
    newest: str | None
    looked_back_to: datetime | None
    has_gateways: bool
    made_at: datetime
    troubles: tuple[tuple[str, Mapping[str, str]], ...]


def rows_of(lines: Sequence[Line]) -> tuple[Row, ...]:
    """Lines with their ways on."""
    return tuple(
        Row(line=line, address=url_for("payment", id=line.id), dossier_address=url_for("dossier", number=line.dossier))
        for line in lines
    )


def payments_view(
    found: Found,
    first: Sequence[Line],
    sums: Sums,
    waiting: Waiting,
    told: Typed,
    choices: Choices,
    *,
    cursor: str | None,
    is_first: bool,
    has_gateways: bool,
    now: datetime,
    troubles: tuple[tuple[str, Mapping[str, str]], ...] = (),
) -> PaymentsView:
    """What the page shows. `cursor`: from where the next page goes on."""
    shown = {line.id for line in first}
    return PaymentsView(
        rows=rows_of([line for line in found.lines if line.id not in shown]),
        first=rows_of(first),
        sums=sums,
        waiting=waiting,
        typed=told,
        choices=choices,
        older=None if cursor is None else url_for("payments", **{**told.values, "before": cursor}),
        newest=None if is_first else url_for("payments", **told.values),
        looked_back_to=found.looked_back_to,
        has_gateways=has_gateways,
        made_at=now,
        troubles=(*told.troubles, *troubles),
    )
