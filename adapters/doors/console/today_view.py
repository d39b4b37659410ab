"""Pure. What needs a person today, how each partner is, and the charts. Never greener than it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from adapters.doors.console.links import is_page, url_for
from adapters.doors.console.log_view import Row, rows_of
from bus.looks import Dossier, Due, Gap, Line, Many
from bus.messages import State
from bus.pace import ACCEPTED, EVENTS, Count

AWAITING_LONG: Final = timedelta(days=3)
"""A partner that took something and has not answered for so long is asked by a person."""
GAP_LONG: Final = timedelta(minutes=15)
STILL: Final = timedelta(minutes=10)
"""Without one success for so long, while something waits that could go, a partner is not well."""
BEHIND: Final = timedelta(minutes=30)
"""What was ready so long ago and has not gone is a backlog, however fast it goes."""
QUIET: Final = timedelta(hours=24)
"""Without one success for so long although nothing waits, nobody knows how a partner is."""
RATE: Final = timedelta(minutes=5)
DAY: Final = timedelta(hours=24)
WEEK: Final = timedelta(days=7)
STEP: Final = 15
"""Minutes of one point of the day's chart."""

Health: TypeAlias = Literal[
    "held", "down", "still", "behind", "draining", "waits", "blocked", "quiet", "well", "unknown"
]
MARKS: Final[Mapping[Health, str]] = {
    "held": "warn",
    "down": "bad",
    "still": "bad",
    "behind": "warn",
    "draining": "warn",
    "waits": "info",
    "blocked": "warn",
    "quiet": "info",
    "well": "good",
    "unknown": "info",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that may need a person."""

    name: str
    mark: str
    """`bad`, `warn` or `good`; `good` only where there is none."""
    count: Many
    address: str | None
    oldest: Row | None = None
    dossiers: tuple[Dossier, ...] = ()
    gaps: tuple[Gap, ...] = ()
    told: str = ""
    """What says more of it, where that is not its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerLook:
    """One partner at a glance."""

    name: str
    health: Health
    mark: str
    since: datetime | None
    """Since when it is so, where that is known."""
    waiting: Many | None
    """None: who looks sees some units only, and partners' counts are everybody's."""
    oldest_waiting: datetime | None
    last_success_at: datetime | None
    rate: float | None
    """Deliveries a minute, over the last five."""
    address: str
    log_address: str
    forecast: Any = None
    """The line of `forecast.py`, where there is one."""
    blocked: int | None = 0
    """Of those that wait: that nothing here will move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Accepted, delivered and waiting over a time."""

    name: str
    rows: tuple[tuple[datetime, int, int, int | None], ...]
    """The newest first: when a step begins, and what came in it; what waited at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayView:
    """The page."""

    needs: tuple[Need, ...]
    partners: tuple[PartnerLook, ...]
    charts: tuple[Chart, ...]
    made_at: datetime
    is_limited: bool
    counted_since: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_calm(self) -> bool:
        """Whether nothing at all needs anybody."""
        return all(need.count.n == 0 for need in self.needs) and all(
            one.mark in ("good", "info") for one in self.partners
        )


def state_need(state: State, count: Many, oldest: Line | None) -> Need:
    """Deliveries that stand in a state in which a person has to look."""
    return Need(
        name=state.value,
        mark=_mark(count, "bad" if state is State.REFUSED else "warn"),
        count=count,
        address=url_for("log", state=state.value) if count.n else None,
        oldest=None if oldest is None else rows_of([oldest])[0],
    )


def awaiting_need(count: Many, oldest: Line | None) -> Need:
    """Taken by the partner, and not answered for long."""
    return Need(
        name="awaiting_long",
        mark=_mark(count, "warn"),
        count=count,
        address=url_for("log", state=State.AWAITING.value) if count.n else None,
        oldest=None if oldest is None or not count.n else rows_of([oldest])[0],
    )


def money_need(tasks: Many, refunds: int) -> Need:
    """What somebody has to decide about payments; refunds that wait for a second person, or are unclear, too."""
    count = Many(n=tasks.n + refunds, is_more=tasks.is_more)
    address = url_for("payment_tasks") if tasks.n or tasks.is_more or not refunds else url_for("refunds")
    return Need(name="money", mark=_mark(count, "bad"), count=count, address=address if count.n else None)


def due_need(name: str, due: Due, mark: str, *, is_by_days: bool = False) -> Need:
    """Dossiers whose deadline is over, or will be; `is_by_days`: no calendar tells which days are worked."""
    when = "overdue" if name == "overdue" else "soon"
    return Need(
        name=name,
        mark=_mark(due.count, mark),
        count=due.count,
        address=url_for("due", when=when) if due.count.n else None,
        dossiers=due.dossiers,
        told=f"{name}_by_days" if is_by_days else name,
    )


def gaps_need(gaps: Sequence[Gap], *, limit: int) -> Need:
    """Dossiers that wait for an event which did not come."""
    count = Many(n=len(gaps), is_more=len(gaps) >= limit)
    return Need(name="gaps", mark=_mark(count, "warn"), count=count, address=None, gaps=tuple(gaps[:5]))


def _mark(count: Many, mark: str) -> str:
    return mark if count.n or count.is_more else "good"


# -- partners --------------------------------------------------------------------------------------------------------


def health_of(
    partner: Mapping[str, Any], waiting: int, ready_since: datetime | None, now: datetime, blocked: int = 0
) -> Health:
    """How a partner is. "Well" is said only of one that took something lately, with nothing standing before it.

    `blocked`: of those that wait, how many nothing here will move.
    """
    last = _moment(partner["last_success_at"])
    if partner["is_held"]:
        return "held"
    if partner["circuit"] == "open":
        return "down"
    if ready_since is not None and now - ready_since > STILL and (last is None or now - last > STILL):
        return "still"
    if partner["window"] is not None:
        return "draining"
    if ready_since is not None and now - ready_since > BEHIND:
        return "behind"
    if blocked:
        return "blocked"
    if last is None:
        return "waits" if waiting else "unknown"
    if now - last > QUIET:
        return "waits" if waiting else "quiet"
    return "waits" if waiting and now - last > STILL else "well"


def partner_look(
    partner: Mapping[str, Any],
    *,
    waiting: Many,
    ready_since: datetime | None,
    oldest_waiting: datetime | None,
    counts: Iterable[Count],
    now: datetime,
    is_limited: bool,
    forecast: Any = None,
    blocked: int = 0,
) -> PartnerLook:
    """A partner's card."""
    name, health = partner["name"], health_of(partner, waiting.n, ready_since, now, blocked)
    went = sum(one.came for one in counts if one.partner == name and one.state == State.DELIVERED)
    since = {"down": _moment(partner["opened_at"]), "still": ready_since, "behind": ready_since}.get(health)
    return PartnerLook(
        name=name,
        health=health,
        mark=MARKS[health],
        since=since,
        waiting=None if is_limited else waiting,
        oldest_waiting=oldest_waiting,
        last_success_at=_moment(partner["last_success_at"]),
        rate=None if is_limited else went / (RATE / timedelta(minutes=1)),
        address=url_for("partner", name=name) if is_page("partner") else url_for("log", partner=name),
        log_address=url_for("log", partner=name),
        forecast=None if is_limited else forecast,
        blocked=None if is_limited else blocked,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


# -- charts ----------------------------------------------------------------------------------------------------------


def chart(
    name: str, counts: Sequence[Count], *, since: datetime, now: datetime, step: timedelta, waiting_now: int
) -> Chart:
    """Step by step back from now. What waited at a step's end is what waits now, less what has come since, and more
    what has gone."""
    accepted, delivered, grown = dict[datetime, int](), dict[datetime, int](), dict[datetime, int]()
    for one in counts:
        if one.partner == EVENTS:
            accepted[one.at] = accepted.get(one.at, 0) + (one.came if one.state == ACCEPTED else 0)
        elif one.state == State.DELIVERED:
            delivered[one.at] = delivered.get(one.at, 0) + one.came
        elif one.state == State.WAITING:
            grown[one.at] = grown.get(one.at, 0) + one.came - one.went
    rows, waits = [], waiting_now
    for at in _steps(since, now, step):
        rows.append((at, accepted.get(at, 0), delivered.get(at, 0), max(0, waits)))
        waits -= grown.get(at, 0)
    return Chart(name=name, rows=tuple(rows))


def _steps(since: datetime, now: datetime, step: timedelta) -> Iterable[datetime]:
    """Beginnings of the steps, the newest first; on the step's own grid."""
    seconds = step.total_seconds()
    at = datetime.fromtimestamp(now.timestamp() // seconds * seconds, now.tzinfo)
    while at > since - step:
        yield at
        at -= step
