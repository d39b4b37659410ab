"""Pure. The log's filters from an address and back into one, and the rows as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final

from adapters.doors.console.links import url_for
from bus.looks import Filter, Found, Line
from bus.messages import (
    AMENDED,
    FILED,
    PAID_AT_COUNTER,
    PAYMENT_EXPIRED,
    PAYMENT_FAILED,
    PAYMENT_OPENED,
    PAYMENT_REFUNDED,
    PAYMENT_REQUESTED,
    PAYMENT_SETTLED,
    REFUND_REQUESTED,
    SETTLED,
    SIGNATURE_DECLINED,
    SIGNATURE_EXPIRED,
    SIGNATURE_MADE,
    SIGNATURE_REQUESTED,
    State,
)
from bus.prepared import RECORD_KIND
from bus.reasons import code_in

ZONE: Final = timezone(timedelta(hours=7))
KINDS: Final = (
    *(RECORD_KIND, "dossier.progressed", FILED, AMENDED, SETTLED),
    *(PAYMENT_REQUESTED, REFUND_REQUESTED, PAID_AT_COUNTER),
    *(PAYMENT_OPENED, PAYMENT_SETTLED, PAYMENT_FAILED, PAYMENT_EXPIRED, PAYMENT_REFUNDED),
    *(SIGNATURE_REQUESTED, SIGNATURE_MADE, SIGNATURE_DECLINED, SIGNATURE_EXPIRED),
)
LONGEST: Final = 200
"""Of one filter: the longest dossier number fits."""
OPEN: Final = "open"
"""A word for all states that are not over."""
OPEN_STATES: Final = (State.REFUSED, State.HELD, State.IN_DOUBT, State.AWAITING, State.WAITING, State.SENDING)
NEEDS: Final = "needs"
"""A word for the states in which a person has to look."""
NEEDS_STATES: Final = (State.REFUSED, State.HELD, State.IN_DOUBT)
GROUPS: Final[Mapping[str, tuple[State, ...]]] = {NEEDS: NEEDS_STATES, OPEN: OPEN_STATES}
STATES: Final = tuple(str(state) for state in State)
PLAIN: Final = ("partner", "cause", "kind", "source", "unit", "dossier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the address, as it was typed, and what was made of it."""

    values: Mapping[str, str]
    """By the fields' names; only those that are filled in."""
    wanted: Filter
    troubles: tuple[tuple[str, Mapping[str, str]], ...] = ()
    """Keys of words and their facts: what could not be used. The page says so above the list."""

    @property
    def is_all(self) -> bool:
        """Whether nothing is filtered."""
        return self.wanted == Filter()


def typed(query: Mapping[str, str]) -> Typed:
    """The filter that an address asks for."""
    values = {name: query.get(name, "").strip() for name in (*PLAIN, "state", "since", "until")}
    troubles: list[tuple[str, Mapping[str, str]]] = []
    for name, value in values.items():
        if len(value) > LONGEST:
            troubles.append(("log.too_long", {"field": name, "most": str(LONGEST)}))
            values[name] = ""
    states = _states(values, troubles)
    since, until = (_moment(values, name, troubles) for name in ("since", "until"))
    if since is not None and until is not None and since > until:
        troubles.append(("log.reversed", {}))
        since, until = until, since
        values |= {"since": values["until"], "until": values["since"]}
    plain = {name: values[name] or None for name in PLAIN}
    return Typed(
        values={name: value for name, value in values.items() if value},
        wanted=Filter(states=states, since=since, until=until, **plain),
        troubles=tuple(troubles),
    )


def _states(values: dict[str, str], troubles: list[tuple[str, Mapping[str, str]]]) -> tuple[State, ...]:
    text = values["state"]
    if not text or text in GROUPS:
        return GROUPS.get(text, ())
    if text in STATES:
        return (State(text),)
    troubles.append(("log.no_state", {"text": text}))
    values["state"] = ""
    return ()


def _moment(values: dict[str, str], name: str, troubles: list[tuple[str, Mapping[str, str]]]) -> datetime | None:
    """A time as a form's field gives it: in this country's time unless it says another."""
    text = values[name]
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
        if not 1971 <= moment.year <= 9000:
            raise ValueError(text)
    except ValueError:
        troubles.append(("log.no_time", {"text": text}))
        values[name] = ""
        return None
    return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line as it is shown."""

    line: Line
    code: str
    """What the partner's reply, or our own rule, is called. Its words stay on the delivery's page, which knows whose
    names to mask in them: a list shows nobody's free text."""
    address: str
    dossier_address: str


def rows_of(lines: Sequence[Line]) -> tuple[Row, ...]:
    """Lines with their ways on."""
    return tuple(
        Row(
            line=line,
            code=code_in(line.reason),
            address=url_for("delivery", id=line.id),
            dossier_address=url_for("dossier", number=line.dossier),
        )
        for line in lines
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the filters offer."""

    partner: Sequence[str]
    source: Sequence[str]
    unit: Sequence[str]
    cause: Sequence[str]
    kind: Sequence[str] = KINDS
    groups: Sequence[str] = tuple(GROUPS)
    states: Sequence[str] = STATES

    def of(self, name: str, chosen: str) -> list[str]:
        """The choices of a field; what stands in the address is among them, even where it is gone since."""
        found: list[str] = list(getattr(self, name))
        return found if not chosen or chosen in found else [*found, chosen]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """The page."""

    rows: tuple[Row, ...]
    typed: Typed
    choices: Choices
    older: str | None
    newest: str | None
    """The way back to the first page; None on it."""
    looked_back_to: datetime | None
    live: str | None
    """Where the live log of this very filter comes from; None on older pages."""
    made_at: datetime
    may_repair: bool
    troubles: tuple[tuple[str, Mapping[str, str]], ...] = field(default=())


def address(typed: Typed, name: str = "log", **more: str | int | None) -> str:
    """The page's address with this filter in it: to be sent to a colleague."""
    return url_for(name, **{**typed.values, **more})


def log_view(
    found: Found,
    typed: Typed,
    choices: Choices,
    *,
    cursor: str | None,
    is_first: bool,
    last_move: int,
    now: datetime,
    may_repair: bool,
    troubles: tuple[tuple[str, Mapping[str, str]], ...] = (),
) -> LogView:
    """What the page shows. `cursor`: from where the next page goes on."""
    return LogView(
        rows=rows_of(found.lines),
        typed=typed,
        choices=choices,
        older=None if cursor is None else address(typed, before=cursor),
        newest=None if is_first else address(typed),
        looked_back_to=found.looked_back_to,
        live=address(typed, "log_live", after=last_move) if is_first else None,
        made_at=now,
        may_repair=may_repair,
        troubles=(*typed.troubles, *troubles),
    )
