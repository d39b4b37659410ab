"""Many failures of one cause are one incident: when it began, how often, how many waited, and when it was over.

    findings (what is wrong now) ──▶ incidents (one open for each cause and subject, over all processes) ──▶ notices

An incident ends when its cause was not seen for a while: a partner that flaps is one incident, down from the first time
and back when it stayed. What follows from findings is pure; `Incidents` writes it, together with the notices that it
gives rise to, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from bus.calendar import VIETNAM, Calendar, CalendarUnknown
from bus.engines.sqlite import Row, Tx
from bus.ledger import Ledger
from bus.notices import Notice, add
from bus.outages import Outage
from bus.times import from_ms, to_ms

PARTNER_DOWN: Final = "partner_down"
PARTNER_BACK: Final = "partner_back"
NEEDS_PERSON: Final = "needs_person"
DOOR_REFUSALS: Final = "door_refusals"
GAP: Final = "gap_waiting"
SILENCE: Final = "nothing_came"
KEY_ENDS: Final = "key_ends"
CALENDAR_ENDS: Final = "calendar_ends"
MONEY_AMOUNT: Final = "money_amount"
MONEY_TWICE: Final = "money_twice"
MONEY_UNCLEAR: Final = "money_unclear"
FORGED: Final = "callbacks_forged"
SIGNATURE_WRONG: Final = "signature_wrong"
SIGNATURES_WAIT: Final = "signatures_wait"
CAUSES: Final = (
    *(PARTNER_DOWN, NEEDS_PERSON, DOOR_REFUSALS, GAP, SILENCE, KEY_ENDS, CALENDAR_ENDS),
    *(MONEY_AMOUNT, MONEY_TWICE, MONEY_UNCLEAR, FORGED),
    *(SIGNATURE_WRONG, SIGNATURES_WAIT),
)

KEY_STEPS: Final = (0, 1, 7, 14, 30, 60)
"""Days before a key's end at which somebody is told."""
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """From when on something is an incident, and from when on somebody is told. Settings."""

    after: timedelta = timedelta(minutes=5)
    """A partner is down for so long before anybody is told."""
    quiet: timedelta = timedelta(minutes=10)
    """So long a cause is not seen before its incident is over."""
    people: int = 20
    """So many deliveries of one partner that wait for a person."""
    refusals: int = 50
    """So many refusals of one caller at the doors within `within`."""
    within: timedelta = timedelta(minutes=10)
    silence: timedelta = timedelta(hours=4)
    """So much working time without any event; nothing: no such alarm."""
    calendar: timedelta = timedelta(days=60)
    """So long before the calendar ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something is wrong, or was a moment ago."""

    cause: str
    subject: str
    first_at: datetime
    last_at: datetime
    """When it was so last; now, where it still is."""
    count: int
    most: int = 0
    """How many wait because of it."""
    ends_on: date | None = None
    """Of a key: its last day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What the ledger keeps of one."""

    id: int
    cause: str
    subject: str
    first_at: datetime
    last_at: datetime
    count: int
    most: int
    ended_at: datetime | None = None

    @property
    def lasted(self) -> timedelta:
        """From its first moment to its last."""
        return self.last_at - self.first_at


# -- findings ----------------------------------------------------------------------------------------------------------


def down(partner: str, outages: Sequence[Outage], waiting: int, alarms: Alarms, now: datetime) -> Finding | None:
    """A partner's last outages, the newest first, as one: those between which it was back for a moment only."""
    own = [one for one in outages if not one.is_by_person]
    if not own or now - (own[0].closed_at or now) >= alarms.quiet:
        return None
    first, count = own[0], 1
    for earlier in own[1:]:
        if first.opened_at - (earlier.closed_at or first.opened_at) >= alarms.quiet:
            break
        first, count = earlier, count + 1
    last_at = own[0].closed_at or now
    return Finding(
        cause=PARTNER_DOWN, subject=partner, first_at=first.opened_at, last_at=last_at, count=count, most=waiting
    )


def silent(last_event: datetime | None, calendar: Calendar | None, alarms: Alarms, now: datetime) -> Finding | None:
    """Offices work, and for too long no source has told anything. Where the calendar ends, nobody can say."""
    if last_event is None or calendar is None or not alarms.silence:
        return None
    try:
        if not calendar.is_open(now) or calendar.working_time(last_event, now) < alarms.silence:
            return None
    except CalendarUnknown:
        return None
    return Finding(cause=SILENCE, subject="", first_at=last_event, last_at=now, count=1)


def key_ending(setting: str, ends_at: datetime, now: datetime) -> Finding | None:
    """A key or certificate that ends within the first step."""
    if ends_at - now > max(KEY_STEPS) * DAY:
        return None
    left = max(0, (ends_at - now) // DAY)
    ends_on = ends_at.astimezone(VIETNAM).date()
    return Finding(cause=KEY_ENDS, subject=setting, first_at=now, last_at=now, count=left, ends_on=ends_on)


def calendar_ending(calendar: Calendar | None, alarms: Alarms, now: datetime) -> Finding | None:
    """The table of days off ends soon, or has: due dates past it cannot be told."""
    ends_on = None if calendar is None else calendar.ends_on
    if ends_on is None or ends_on - now.astimezone(VIETNAM).date() > alarms.calendar:
        return None
    left = max(0, (ends_on - now.astimezone(VIETNAM).date()).days)
    return Finding(cause=CALENDAR_ENDS, subject="calendar", first_at=now, last_at=now, count=left, ends_on=ends_on)


# -- incidents ---------------------------------------------------------------------------------------------------------


def gone_on(known: Incident, found: Finding) -> Incident:
    """The incident with what was found now."""
    return replace(
        known,
        first_at=min(known.first_at, found.first_at),
        last_at=max(known.last_at, found.last_at),
        count=found.count if found.cause in (KEY_ENDS, CALENDAR_ENDS) else max(known.count, found.count),
        most=max(known.most, found.most),
    )


def notice_of(known: Incident, found: Finding, alarms: Alarms, now: datetime) -> Notice | None:
    """What somebody should be told of it by now; the same key each time, so that it is told once."""
    if known.cause == KEY_ENDS:
        step = next(step for step in KEY_STEPS if found.count <= step)
        key = f"{KEY_ENDS}:{known.subject}:{found.ends_on}:{step}"
        facts: dict[str, str | int] = {"setting": known.subject, "days": found.count, "on": str(found.ends_on)}
        return Notice(key=key, cause=KEY_ENDS, facts=facts)
    if known.cause == PARTNER_DOWN and (now - known.first_at < alarms.after or found.last_at < now):
        return None
    return Notice(key=f"{known.cause}:{known.id}", cause=known.cause, facts=facts_of(known))


def facts_of(known: Incident) -> dict[str, str | int]:
    """What a notice and a page say of it; no personal data, for subjects are partners, sources and settings."""
    return {
        "subject": known.subject,
        "first_at": known.first_at.isoformat(timespec="seconds"),
        "last_at": known.last_at.isoformat(timespec="seconds"),
        "minutes": int(known.lasted / timedelta(minutes=1)),
        "count": known.count,
        "most": known.most,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a look changed."""

    opened: list[Incident] = field(default_factory=list)
    ended: list[Incident] = field(default_factory=list)


class Incidents:
    """The incidents of one installation."""

    def __init__(self, ledger: Ledger, alarms: Alarms, *, channels: Sequence[str] = ()) -> None:
        """`channels`: by which ways people are told."""
        self._ledger = ledger
        self._alarms = alarms
        self._channels = tuple(channels)

    def note(self, findings: Iterable[Finding], now: datetime) -> Changes:
        """Take in what a whole look found. Raises LedgerUnavailable."""
        found = {(one.cause, one.subject): one for one in findings}
        return self._ledger.engine.write(lambda tx: self._note(tx, found, now))

    def _note(self, tx: Tx, found: dict[tuple[str, str], Finding], now: datetime) -> Changes:
        changes = Changes()
        known = {(row[1], row[2]): _incident(row) for row in tx.all("open_incidents")}
        for name, one in found.items():
            was = known.get(name)
            if was is None:
                was = self._opened(tx, one)
                changes.opened.append(was)
            incident = gone_on(was, one)
            if incident != was:
                self._put(tx, incident)
            notice = notice_of(incident, one, self._alarms, now)
            if notice is not None:
                add(tx, notice, self._channels, to_ms(now))
        for name, incident in known.items():
            if name not in found and now - incident.last_at >= self._alarms.quiet:
                changes.ended.append(self._ended(tx, incident, now))
        return changes

    def _opened(self, tx: Tx, found: Finding) -> Incident:
        times = (to_ms(found.first_at), to_ms(found.last_at))
        number = tx.insert("add_incident", found.cause, found.subject, *times, found.count, found.most)
        return Incident(
            id=number,
            cause=found.cause,
            subject=found.subject,
            first_at=from_ms(times[0]),
            last_at=from_ms(times[1]),
            count=found.count,
            most=found.most,
        )

    def _put(self, tx: Tx, one: Incident) -> None:
        tx.run("put_incident", to_ms(one.first_at), to_ms(one.last_at), one.count, one.most, one.id)

    def _ended(self, tx: Tx, one: Incident, now: datetime) -> Incident:
        """It was over when it was last seen. Who was told that a partner is down is told that it is back."""
        tx.run("end_incident", to_ms(one.last_at), one.id)
        if one.cause == PARTNER_DOWN and tx.one("has_notice", f"{PARTNER_DOWN}:{one.id}"):
            back = Notice(key=f"{PARTNER_BACK}:{one.id}", cause=PARTNER_BACK, facts=facts_of(one))
            add(tx, back, self._channels, to_ms(now))
        return replace(one, ended_at=one.last_at)

    # -- read by the pages --------------------------------------------------------------------------------------

    def recent(self, *, subject: str | None = None, before: int | None = None, limit: int = 50) -> list[Incident]:
        """The newest first, of one subject or all; `before` is the last id of the page before."""
        rows = self._ledger.engine.read().all("list_incidents", subject, before, limit)
        return [_incident(row) for row in rows]

    def open_now(self) -> list[Incident]:
        """Those that are not over."""
        return [_incident(row) for row in self._ledger.engine.read().all("open_incidents")]


def _incident(row: Row) -> Incident:
    return Incident(
        id=row[0],
        cause=row[1],
        subject=row[2],
        first_at=from_ms(row[3]),
        last_at=from_ms(row[4]),
        count=row[5],
        most=row[6],
        ended_at=None if row[7] is None else from_ms(row[7]),
    )
